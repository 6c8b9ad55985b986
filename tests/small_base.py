"""A small knowledge base, written to a folder as its editor would have it, with tests beside its rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from engine.knowledge import Knowledge, load_knowledge

FILES: Mapping[str, str] = {
    "knowledge.yaml": """\
        name: small
        version: "1"
        title: How to get there
        base_units: [km, hour, person]
        shown_units: {km: {suffix: " km"}, hour: {suffix: " h", decimals: 2}}
        """,
    "facts.yaml": """\
        facts:
          distance: {title: distance, type: number, unit: km, min: 0, max: 1_000, source: test}
          has_car: {title: a car, type: yes/no, source: test}
          weather: {title: weather, type: choice, choices: {dry: dry, wet: wet}, source: test}
          passengers:
            {title: passengers, type: integer, unit: person, min: 0, default: 1, default_source: test, source: test}
        """,
    "costs.yaml": """\
        amounts:
          speed: {title: speed of a car, value: 50, unit: km/hour, source: test}
        figures:
          trip_time: {title: time of the trip, unit: hour, formula: distance / speed, source: test}
        """,
    "transport.yaml": """\
        decides: transport
        title: How to get there
        source: test
        hit_policy: first
        values: [walk, cycle, drive, stay]
        rules:
          - id: near
            when: distance < 2
            then: walk
            because: It is near.
            source: test
          - id: by-bike
            when: distance <= 10 and weather == dry
            then: cycle
            because: It is dry.
            source: test
          - id: by-car
            when: has_car and trip_time < 3
            then: drive
            because: "{{ distance }} by car."
            source: test
          - id: at-home
            when: "true"
            then: stay
            because: It is too far.
            source: test
        """,
    "packing.yaml": """\
        decides: packing
        title: What to take along
        source: test
        hit_policy: collect
        values: [umbrella, map]
        rules:
          - id: umbrella
            when: weather == wet and not transport == stay
            then: umbrella
            because: It is wet.
            source: test
          - id: map
            when: trip_time >= 1 or passengers > 3
            then: map
            because: It is far.
            source: test
        """,
    "tests/transport.yaml": """\
        given: {has_car: yes, weather: dry}
        tests:
          - name: Less than two kilometres are walked
            facts: {distance: 1.99}
            conclusions: {transport: walk, packing: []}
            fired: [near]
          - name: Two kilometres are cycled
            facts: {distance: 2}
            conclusions: {transport: cycle}
            not_fired: [near]
          - name: In the wet a car is taken
            facts: {distance: 10, weather: wet}
            conclusions: {transport: drive, packing: [umbrella]}
            figures: {trip_time: 0.2}
            fired: [by-car, umbrella]
        """,
}


def write_base(folder: Path, **changed: str) -> Path:
    """The small base in a folder; files by their stem (``tests_`` for the folder of tests) may be changed or added."""
    texts = {name: dedent(text) for name, text in FILES.items()}
    for stem, text in changed.items():
        name = f"tests/{stem.removeprefix('tests_')}.yaml" if stem.startswith("tests_") else f"{stem}.yaml"
        texts[name] = dedent(text)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def small_base(folder: Path, **changed: str) -> Knowledge:
    """The small base, written and read."""
    return load_knowledge(write_base(folder, **changed))
