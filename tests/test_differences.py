"""Two bases compared: what is told of an edit, that each case shown differs, and that what is proved the same is."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given, case_from_mapping
from engine.checking.trials import as_example
from engine.comparing.comparison import Comparison, compare
from engine.comparing.comparison_report import render_comparison
from engine.comparing.divergence import Bases, Differing, Same, diverge
from engine.conclusions import conclusions
from engine.errors import BadInput, InferenceError
from engine.inference import CompileError, EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.pipeline import infer
from engine.resources import rules_directory
from tests.small_base import FILES
from tests.strategies import RandomBase, loaded, random_bases, random_cases

DAY = date(2026, 1, 1)
FACTS = FILES["facts.yaml"].replace("wet: wet}", "wet: wet, fog: fog}")
#: The small base with a recommendation, amounts over time, a volume table, a decision over both and claims.
TRAVEL: Mapping[str, str] = {
    **FILES,
    "facts.yaml": FACTS,
    "knowledge.yaml": """\
        name: small
        version: "1"
        title: How to get there
        base_units: [km, hour, person, USD]
        recommends: transport
        strength: firmness
        fallback: {conclusion: stay, strength: weak, because: It is open., source: test}
        shown_units: {km: {suffix: " km"}, hour: {suffix: " h", decimals: 2}}
        """,
    "costs.yaml": """\
        amounts:
          speed: {title: speed of a car, value: 50, unit: km/hour, source: test}
          toll:
            title: toll
            unit: USD
            source: test
            value:
              - {from: 2020-01-01, value: 2}
              - {from: 2025-01-01, value: 3}
        tables:
          fare_at:
            title: fare
            takes: km
            gives: USD
            below: first row
            above: proportional
            source: test
            rows:
              - [1, 2]
              - [10, 5]
              - [100, 30]
        figures:
          trip_time: {title: time of the trip, unit: hour, formula: distance / speed, source: test}
          fare: {title: the fare, unit: USD, formula: fare_at(distance) + toll, source: test}
        """,
    "fare_level.yaml": """\
        decides: fare_level
        title: What it costs
        source: test
        hit_policy: unique
        values: [cheap, dear]
        rules:
          - id: cheap-fare
            when: fare < 10
            then: cheap
            because: It is cheap.
            source: test
          - id: dear-fare
            when: fare >= 10
            then: dear
            because: It is dear.
            source: test
        """,
    "firmness.yaml": """\
        decides: firmness
        title: How firm it is
        source: test
        hit_policy: first
        values: [strong, weak]
        rules:
          - id: firm
            when: fare_level == cheap or transport == walk
            then: strong
            because: It is cheap.
            source: test
          - id: not-firm
            when: "true"
            then: weak
            because: It is dear.
            source: test
        """,
    "claims.yaml": """\
        source: a test
        units: [day]
        inputs:
          gap: {value: 350, unit: km, source: a test}
        claims:
          - id: C01
            section: A section
            quote: A quote
            verdict: holds
            computed:
              value: {formula: gap / 350, unit: km, printed: 1}
        """,
}
#: What concludes something from the fare.
FARES = {"fare_level", "firmness"}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A base that passed its checks is remembered for these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREAKEVEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("BREAKEVEN_RULES", raising=False)
        yield


def travel(folder: Path) -> Path:
    """The base of these tests in a folder."""
    for name, text in TRAVEL.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder


def replace_in(path: Path, old: str, new: str) -> None:
    """Change the one place of a file that holds a text."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), "utf-8")


def line_of(path: Path, text: str) -> int:
    """The line of a file that a text, which is there once, begins in."""
    content = path.read_text("utf-8")
    assert content.count(text) == 1, f"{text!r} is {content.count(text)} times in {path.name}"
    return content[: content.index(text)].count("\n") + 1


@dataclass(frozen=True)
class Told:
    """A change as it must be told, with a text of the line where it is told to be.

    Args:
        change: kind, part and name.
        at: the text, in the edited file of the new base.
        before: the text is that of the old base, as of what was removed.
    """

    change: tuple[str, str, str]
    at: str
    before: bool = False


@dataclass(frozen=True)
class Edit:
    """An edit of one file, and what must be told of it.

    Args:
        file: the file.
        old: the text that goes; empty: nothing, the new one is added at the end.
        new: the text that comes.
        told: the changes.
        differ: the conclusions that must be shown to differ.
        same: those that must be proved to be the same.
        refused: facts that cases may no longer give as they could.
        only_in_one: what only one of the two bases concludes.
        unsettled: conclusions that may be left neither shown to differ nor proved to be the same.
    """

    file: str
    old: str
    new: str
    told: tuple[Told, ...] = ()
    differ: frozenset[str] = frozenset()
    same: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    only_in_one: tuple[str, ...] = ()
    unsettled: frozenset[str] = frozenset()

    @property
    def exit_status(self) -> int:
        return int(bool(self.differ or self.refused or self.only_in_one or self.unsettled))


def told(kind: str, what: str, name: str, at: str, *, before: bool = False) -> tuple[Told, ...]:
    return (Told((kind, what, name), at, before),)


def names(*several: str) -> frozenset[str]:
    return frozenset(several)


NEAR = "  - id: near\n    when: distance < 2\n    then: walk\n    because: It is near.\n    source: test\n"
BIKE = (
    "  - id: by-bike\n    when: distance <= 10 and weather == dry\n    then: cycle\n"
    "    because: It is dry.\n    source: test\n"
)
SLED = (
    "  - id: by-sled\n    when: distance > 900 and weather == wet\n    then: drive\n"
    "    because: It is far.\n    source: test\n"
)

EDITS: Mapping[str, Edit] = {
    "threshold": Edit(
        "transport.yaml",
        "when: distance < 2",
        "when: distance < 3",
        told("changed", "threshold", "near", "when: distance < 3"),
        differ=names("transport", "packing"),
        same=names("firmness"),
    ),
    "threshold in a figure's condition": Edit(
        "transport.yaml",
        "trip_time < 3",
        "trip_time < 4",
        told("changed", "threshold", "by-car", "when: has_car"),
        differ=names("transport", "packing"),
        unsettled=names("firmness"),
    ),
    "question": Edit(
        "facts.yaml",
        "has_car: {title: a car, type: yes/no,",
        "has_car: {title: a car, type: yes/no, question: Is there a car?,",
        told("added", "question", "has_car", "has_car:"),
    ),
    "price": Edit(
        "costs.yaml",
        "{from: 2025-01-01, value: 3}",
        "{from: 2025-01-01, value: 4}",
        told("changed", "amount", "toll", "{from: 2025"),
        differ=names(*FARES),
    ),
    "price of the past": Edit(
        "costs.yaml",
        "{from: 2020-01-01, value: 2}",
        "{from: 2020-01-01, value: 1}",
        told("changed", "amount", "toll", "{from: 2020"),
    ),
    "price, written otherwise": Edit("costs.yaml", "value: 50,", "value: 5.0e1,"),
    "dated value added, in force": Edit(
        "costs.yaml",
        "- {from: 2025-01-01, value: 3}",
        "- {from: 2025-01-01, value: 3}\n      - {from: 2025-06-01, value: 5}",
        told("added", "amount", "toll", "{from: 2025-06"),
        differ=names(*FARES),
    ),
    "dated value added, of the future": Edit(
        "costs.yaml",
        "- {from: 2025-01-01, value: 3}",
        "- {from: 2025-01-01, value: 3}\n      - {from: 2031-01-01, value: 5}",
        told("added", "amount", "toll", "{from: 2031"),
    ),
    "amount becomes a range around it": Edit(
        "costs.yaml",
        "value: 50,",
        "value: {low: 40, likely: 50, high: 60},",
        told("changed", "amount", "speed", "speed:"),
    ),
    "table row": Edit(
        "costs.yaml",
        "- [10, 5]",
        "- [10, 6]",
        told("changed", "table row", "fare_at", "- [10, 6]"),
        differ=names(*FARES),
    ),
    "table row added on the line between its neighbours": Edit(
        "costs.yaml",
        "- [100, 30]",
        "- [55, 17.5]\n      - [100, 30]",
        told("added", "table row", "fare_at", "- [55"),
        same=names(*FARES),
    ),
    "table row removed": Edit(
        "costs.yaml",
        "      - [10, 5]\n",
        "",
        told("removed", "table row", "fare_at", "- [10, 5]", before=True),
        differ=names(*FARES),
    ),
    "what a table gives above its last row": Edit(
        "costs.yaml",
        "above: proportional",
        "above: last row",
        told("changed", "above the last row", "fare_at", "above:"),
        same=names(*FARES),
    ),
    "formula": Edit(
        "costs.yaml",
        "formula: distance / speed",
        "formula: 2 * distance / speed",
        told("changed", "figure formula", "trip_time", "trip_time:"),
        differ=names("transport", "packing"),
        unsettled=names("firmness"),
    ),
    "formula rewritten": Edit(
        "costs.yaml",
        "formula: fare_at(distance) + toll",
        "formula: toll + fare_at(distance)",
        told("changed", "figure formula", "fare", "fare: {"),
        same=names(*FARES),
    ),
    "formula spaced otherwise": Edit("costs.yaml", "fare_at(distance) + toll", "(fare_at( distance )+toll)"),
    "figure added": Edit(
        "costs.yaml",
        "  fare: {title: the fare",
        "  there_and_back: {title: both ways, unit: hour, formula: 2 * trip_time, source: test}\n"
        "  fare: {title: the fare",
        told("added", "figure", "there_and_back", "there_and_back:"),
    ),
    "new row": Edit(
        "transport.yaml",
        "  - id: at-home",
        f"{SLED}  - id: at-home",
        told("added", "rule", "by-sled", "- id: by-sled"),
        differ=names("transport", "packing"),
        unsettled=names("firmness"),
    ),
    "new row that decides nothing": Edit(
        "transport.yaml",
        "  - id: at-home",
        f"{NEAR.replace('near', 'nearer').replace('2', '1')}  - id: at-home",
        told("added", "rule", "nearer", "- id: nearer"),
        same=names("transport", "packing", "firmness"),
    ),
    "removed row": Edit(
        "transport.yaml",
        BIKE,
        "",
        told("removed", "rule", "by-bike", "- id: by-bike", before=True),
        differ=names("transport"),
        same=names("packing", "firmness"),
    ),
    "reordered rows": Edit(
        "transport.yaml",
        NEAR + BIKE,
        BIKE + NEAR,
        told("changed", "order", "by-bike", "- id: by-bike"),
        differ=names("transport"),
        same=names("packing", "firmness"),
    ),
    "reordered rows of which only one holds": Edit(
        "fare_level.yaml",
        "  - id: cheap-fare\n    when: fare < 10\n    then: cheap\n    because: It is cheap.\n    source: test\n"
        "  - id: dear-fare\n    when: fare >= 10\n    then: dear\n    because: It is dear.\n    source: test\n",
        "  - id: dear-fare\n    when: fare >= 10\n    then: dear\n    because: It is dear.\n    source: test\n"
        "  - id: cheap-fare\n    when: fare < 10\n    then: cheap\n    because: It is cheap.\n    source: test\n",
        told("changed", "order", "dear-fare", "- id: dear-fare"),
        same=names(*FARES),
    ),
    "renamed rule": Edit(
        "transport.yaml",
        "- id: by-bike",
        "- id: by-bicycle",
        told("changed", "id", "by-bicycle", "- id: by-bicycle"),
        same=names("transport"),
    ),
    "sentence": Edit(
        "transport.yaml",
        "because: It is dry.",
        "because: It stays dry.",
        told("changed", "sentence", "by-bike", "because: It stays"),
        same=names("transport"),
    ),
    "conclusion": Edit(
        "transport.yaml",
        "then: cycle",
        "then: walk",
        told("changed", "conclusion", "by-bike", "then: walk\n    because: It is dry"),
        differ=names("transport"),
        same=names("packing", "firmness"),
    ),
    "hit policy that lets rows contradict each other": Edit(
        "transport.yaml",
        "hit_policy: first",
        "hit_policy: unique",
        told("changed", "hit policy", "transport", "hit_policy: unique"),
        differ=names("transport", "packing", "firmness"),
    ),
    "hit policy that makes no difference": Edit(
        "fare_level.yaml",
        "hit_policy: unique",
        "hit_policy: any",
        told("changed", "hit policy", "fare_level", "hit_policy: any"),
        same=names(*FARES),
    ),
    "condition rewritten": Edit(
        "transport.yaml",
        "when: distance < 2",
        "when: not distance >= 2.0",
        told("changed", "condition", "near", "when: not distance"),
        same=names("transport", "packing", "firmness"),
    ),
    "number written otherwise": Edit("facts.yaml", "max: 1_000", "max: 1000.0"),
    "bounds narrowed": Edit(
        "facts.yaml",
        "max: 1_000",
        "max: 500",
        told("changed", "bounds", "distance", "distance: {"),
        refused=names("distance"),
        unsettled=names("transport", "packing", *FARES),
    ),
    "choice added": Edit(
        "facts.yaml",
        "wet: wet, ",
        "wet: wet, snow: snow, ",
        told("added", "choice", "weather", "weather: {"),
        unsettled=names("transport", "packing", "firmness"),
    ),
    "choice removed": Edit(
        "facts.yaml",
        ", fog: fog",
        "",
        told("removed", "choice", "weather", "weather: {", before=True),
        refused=names("weather"),
        unsettled=names("transport", "packing", "firmness"),
    ),
    "default": Edit(
        "facts.yaml",
        "default: 1,",
        "default: 4,",
        told("changed", "default", "passengers", "default: 4"),
        differ=names("packing"),
    ),
    "claim": Edit(
        "claims.yaml",
        "quote: A quote",
        "quote: Another quote",
        told("changed", "claim", "C01.quote", "quote: Another"),
    ),
    "claim's formula": Edit(
        "claims.yaml",
        "formula: gap / 350",
        "formula: gap / 175 / 2",
        told("changed", "claim", "C01.computed", "computed:"),
    ),
    "claim added": Edit(
        "claims.yaml",
        "claims:",
        "claims:\n  - {id: C00, section: A section, quote: One more, verdict: not checkable}",
        told("added", "claim", "C00", "- {id: C00"),
    ),
    "number that claims are computed from": Edit(
        "claims.yaml",
        "value: 350,",
        "value: 700,",
        told("changed", "input to the claims", "inputs.gap.value", "gap: {"),
    ),
    "comment": Edit("transport.yaml", "rules:", "# Nearest first.\nrules:"),
    "layout": Edit(
        "transport.yaml",
        NEAR,
        "  - {source: test, because: 'It is near.', then: walk, when: (distance<2), id: near}\n",
    ),
    "fallback": Edit(
        "knowledge.yaml",
        "fallback: {conclusion: stay,",
        "fallback: {conclusion: walk,",
        told("changed", "manifest", "fallback.conclusion", "fallback: {"),
        differ=names("transport"),
    ),
    "title": Edit(
        "knowledge.yaml",
        "title: How to get there",
        "title: How to go there",
        told("changed", "manifest", "title", "title: How"),
    ),
    "decision renamed": Edit(
        "packing.yaml",
        "decides: packing",
        "decides: luggage",
        (
            Told(("removed", "decision", "packing"), "decides: packing", before=True),
            Told(("added", "decision", "luggage"), "decides: luggage"),
        ),
        only_in_one=("luggage", "packing"),
    ),
}


@pytest.fixture
def bases(tmp_path: Path) -> tuple[Path, Path]:
    """The same base twice, in two folders: as it was, and to be edited."""
    return travel(tmp_path / "old"), travel(tmp_path / "new")


def edited(bases: tuple[Path, Path], name: str) -> Comparison:
    """The comparison after an edit of the new base."""
    edit = EDITS[name]
    replace_in(bases[1] / edit.file, edit.old, edit.new)
    return compare(str(bases[0]), str(bases[1]), on=DAY)


def in_json(comparison: Comparison) -> Any:
    return json.loads(render_comparison(comparison, "json"))


def concluded(knowledge: Knowledge, case: Case) -> Mapping[str, Any]:
    """What a base concludes of a case in the end; where its rules contradict each other, nothing."""
    try:
        outcome = infer(case, EnginePool(knowledge))
    except InferenceError:
        return {"refused": True}
    fallback = outcome.knowledge.manifest.fallback
    return {**conclusions(outcome), "recommended": outcome.recommended or (fallback.conclusion if fallback else None)}


def really_differs(knowledge: tuple[Knowledge, Knowledge], decision: str, case: Mapping[str, object]) -> bool:
    """Whether two bases, each by its own engine, conclude differently of one and the same case file."""
    read = [case_from_mapping(dict(case), base.facts, "shown") for base in knowledge]
    old, new = (concluded(base, one) for base, one in zip(knowledge, read, strict=True))
    if "refused" in old or "refused" in new:
        return old.keys() != new.keys()
    is_recommended = decision == knowledge[1].manifest.recommends
    return old[decision] != new[decision] or (is_recommended and old["recommended"] != new["recommended"])


@pytest.mark.parametrize("name", EDITS)
def test_edit_when_bases_are_compared_is_told_where_it_is_with_what_it_changes(
    bases: tuple[Path, Path], name: str
) -> None:
    edit = EDITS[name]
    comparison = edited(bases, name)
    said = in_json(comparison)
    expected = {
        (*one.change, str(file), line_of(file, one.at))
        for one in edit.told
        for file in [bases[0 if one.before else 1] / edit.file]
    }
    assert {(one["kind"], one["what"], one["name"], one["file"], one["line"]) for one in said["changes"]} == expected
    assert {one["decision"] for one in said["differing_cases"]} == edit.differ
    assert {one["decision"] for one in said["proved_same"]} >= edit.same
    assert {one["decision"] for one in said["not_proved"]} <= edit.unsettled
    assert {one["fact"] for one in said["no_longer_accepted"]} == edit.refused
    assert tuple(said["only_in_one"]) == edit.only_in_one
    assert comparison.exit_status == edit.exit_status


@pytest.mark.parametrize("name", [name for name, edit in EDITS.items() if edit.differ])
def test_case_that_shows_a_difference_when_both_bases_decide_it_differs(bases: tuple[Path, Path], name: str) -> None:
    said = in_json(edited(bases, name))
    knowledge = (load_knowledge(bases[0], DAY), load_knowledge(bases[1], DAY))
    for shown in said["differing_cases"]:
        assert really_differs(knowledge, shown["decision"], shown["case"]), shown
        assert shown["old"] != shown["new"]


@pytest.mark.parametrize("name", [name for name, edit in EDITS.items() if edit.refused])
def test_value_no_longer_accepted_when_given_is_taken_by_the_old_base_alone(
    bases: tuple[Path, Path], name: str
) -> None:
    for refused in in_json(edited(bases, name))["no_longer_accepted"]:
        case_from_mapping(refused["case"], load_knowledge(bases[0]).facts, "old")
        with pytest.raises(BadInput) as error:
            case_from_mapping(refused["case"], load_knowledge(bases[1]).facts, "new")
        assert refused["message"] in str(error.value)


def test_conclusion_when_shown_to_differ_is_not_proved_the_same_besides(bases: tuple[Path, Path]) -> None:
    replace_in(bases[1] / "knowledge.yaml", "conclusion: stay", "conclusion: walk")
    replace_in(bases[1] / "transport.yaml", "because: It is dry.", "because: It stays dry.")
    said = in_json(compare(str(bases[0]), str(bases[1]), on=DAY))
    assert [one["decision"] for one in said["differing_cases"]] == ["transport"]
    assert [one["decision"] for one in said["proved_same"]] == []


def test_recommendation_when_rows_and_fallback_changed_is_shown_once(bases: tuple[Path, Path]) -> None:
    replace_in(bases[1] / "knowledge.yaml", "conclusion: stay", "conclusion: walk")
    replace_in(bases[1] / "transport.yaml", "when: distance < 2", "when: distance < 3")
    said = in_json(compare(str(bases[0]), str(bases[1]), on=DAY))
    verdicts = [one["decision"] for part in ("differing_cases", "proved_same", "not_proved") for one in said[part]]
    assert sorted(verdicts) == sorted(set(verdicts))


def test_case_at_hand_with_ranges_when_it_shows_a_difference_keeps_them(
    bases: tuple[Path, Path], tmp_path: Path
) -> None:
    replace_in(bases[1] / "firmness.yaml", "fare_level == cheap or transport == walk", "transport == walk or fare <= 9")
    replace_in(bases[1] / "facts.yaml", "max: 1_000", "max: 500")
    cases = tmp_path / "cases.yaml"
    cases.write_text(
        "- {distance: {low: 11, likely: 17.0001, high: 18, origin: measured}, weather: wet}\n"
        "- {distance: {low: 1, likely: 17.5, high: 900}, weather: wet}\n"
    )
    said = in_json(compare(str(bases[0]), str(bases[1]), str(cases), on=DAY))
    knowledge = (load_knowledge(bases[0], DAY), load_knowledge(bases[1], DAY))
    assert said["differing_cases"]
    for shown in said["differing_cases"]:
        assert really_differs(knowledge, shown["decision"], shown["case"]), shown


def test_base_when_compared_with_itself_differs_in_nothing(bases: tuple[Path, Path]) -> None:
    comparison = compare(str(bases[0]), str(bases[1]), on=DAY)
    assert comparison.exit_status == 0
    assert comparison.changes == ()
    assert "Nothing is declared differently." in render_comparison(comparison, "text")


def test_changes_when_bases_are_swapped_are_the_same_the_other_way(bases: tuple[Path, Path]) -> None:
    replace_in(bases[1] / "transport.yaml", "  - id: at-home", f"{SLED}  - id: at-home")
    there, back = (in_json(compare(str(one), str(other), on=DAY)) for one, other in (bases, bases[::-1]))
    assert [one["kind"] for one in there["changes"]] == ["added"]
    assert [one["kind"] for one in back["changes"]] == ["removed"]
    assert there["changes"][0]["new"] == back["changes"][0]["old"]
    assert {one["decision"] for one in there["differing_cases"]} == {one["decision"] for one in back["differing_cases"]}


# The built-in base


@dataclass(frozen=True)
class BuiltIn:
    """An edit of the built-in base, and what must be told to differ and to be the same."""

    file: str
    old: str
    new: str
    differ: frozenset[str] = frozenset()
    same: frozenset[str] = frozenset()


BUILT_IN_EDITS: Mapping[str, BuiltIn] = {
    "threshold of the framework": BuiltIn(
        "framework.yaml",
        "requests_per_month_in_12_months < 50_000",
        "requests_per_month_in_12_months < 60_000",
        differ=names("framework_verdict", "framework_reason", "recommendation", "cautions", "strength"),
    ),
    "condition rewritten": BuiltIn(
        "framework.yaml",
        "requests_per_month_in_12_months < 50_000",
        "not requests_per_month_in_12_months >= 50000",
        same=names("framework_verdict", "framework_reason", "recommendation", "cautions", "strength"),
    ),
    "formula rewritten": BuiltIn(
        "costs.yaml",
        "total_saving_per_month * horizon - lora_investment",
        "horizon * total_saving_per_month - lora_investment",
        same=names("recommendation", "cautions", "strength"),
    ),
    "row of the price table": BuiltIn(
        "costs.yaml",
        "[100_000, 600]",
        "[100_000, 650]",
        differ=names("economics", "recommendation", "cautions", "strength"),
    ),
    "step of the migration path": BuiltIn(
        "migration.yaml",
        "0.80 <= prompt_accuracy <= 0.90",
        "0.80 <= prompt_accuracy < 0.90",
        differ=names("migration_action"),
    ),
}


@pytest.mark.parametrize("edit", BUILT_IN_EDITS.values(), ids=BUILT_IN_EDITS)
def test_edit_of_the_built_in_base_when_compared_is_shown_or_proved_for_each_decision(
    tmp_path: Path, edit: BuiltIn
) -> None:
    copied = shutil.copytree(rules_directory(), tmp_path / "rules")
    replace_in(copied / edit.file, edit.old, edit.new)
    said = in_json(compare("built-in", str(copied), on=DAY))
    assert {one["decision"] for one in said["differing_cases"]} == edit.differ
    assert {one["decision"] for one in said["proved_same"]} == edit.same
    assert said["not_proved"] == []
    knowledge = (load_knowledge(None, DAY), load_knowledge(copied, DAY))
    for shown in said["differing_cases"]:
        assert really_differs(knowledge, shown["decision"], shown["case"]), shown


# At random


def some_decision(files: dict[str, Any], draw: st.DrawFn) -> dict[str, Any]:
    decision: dict[str, Any] = files[
        draw(st.sampled_from(sorted(name for name in files if name.startswith("decision"))))
    ]
    return decision


def some_rows(files: dict[str, Any], draw: st.DrawFn) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = some_decision(files, draw)["rules"]
    return rows


def edit_condition(files: dict[str, Any], draw: st.DrawFn) -> None:
    rows = some_rows(files, draw)
    row = draw(st.sampled_from(rows))
    assume(row["when"] != "otherwise")
    row["when"] = draw(st.sampled_from(("not ({})", "not (not ({}))", "({}) and true", "({}) or false"))).format(
        row["when"]
    )


def edit_number(files: dict[str, Any], draw: st.DrawFn) -> None:
    """Put another number of the base into a condition."""
    rows = some_rows(files, draw)
    row = draw(st.sampled_from(rows))
    numbers = sorted(set(re.findall(r"(?<![\w.-])\d+\.\d+(?:e[-+]?\d+)?(?![\w.])", row["when"])))
    assume(numbers)
    row["when"] = row["when"].replace(draw(st.sampled_from(numbers)), draw(st.sampled_from(("1.0", "0.25", "50000.0"))))


def edit_rows(files: dict[str, Any], draw: st.DrawFn) -> None:
    """Swap two rows, or leave one out."""
    rows = some_rows(files, draw)
    assume(len(rows) > 1)
    if draw(st.booleans()):
        rows.pop(draw(st.integers(0, len(rows) - 1)))
    else:
        rows.append(rows.pop(draw(st.integers(0, len(rows) - 2))))


def edit_conclusion(files: dict[str, Any], draw: st.DrawFn) -> None:
    rows = some_rows(files, draw)
    draw(st.sampled_from(rows))["then"] = draw(st.sampled_from(rows))["then"]


def edit_policy(files: dict[str, Any], draw: st.DrawFn) -> None:
    decision = some_decision(files, draw)
    assume("aggregate" not in decision)
    deciding = ("first", "unique", "any")
    decision["hit_policy"] = draw(
        st.sampled_from(deciding if decision["hit_policy"] in deciding else ("collect", "rule order"))
    )


def edit_formula(files: dict[str, Any], draw: st.DrawFn) -> None:
    figures = files["costs.yaml"]["figures"]
    assume(figures)
    figure = figures[draw(st.sampled_from(sorted(figures)))]
    figure["formula"] = draw(st.sampled_from(("({}) + 1", "-(-({}))", "2 * ({})"))).format(figure["formula"])


def edit_amount(files: dict[str, Any], draw: st.DrawFn) -> None:
    amounts = files["costs.yaml"]["amounts"]
    assume(amounts)
    amounts[draw(st.sampled_from(sorted(amounts)))]["value"] = draw(st.sampled_from((0.0, 1.0, 3.0)))


def edit_default(files: dict[str, Any], draw: st.DrawFn) -> None:
    facts = files["facts.yaml"]["facts"]
    numbers = sorted(name for name, one in facts.items() if one["type"] in ("number", "integer"))
    assume(numbers)
    facts[draw(st.sampled_from(numbers))] |= {"default": draw(st.sampled_from((0, 1))), "default_source": "test"}


def edit_bounds(files: dict[str, Any], draw: st.DrawFn) -> None:
    facts = files["facts.yaml"]["facts"]
    numbers = sorted(name for name, one in facts.items() if one["type"] in ("number", "integer"))
    assume(numbers)
    facts[draw(st.sampled_from(numbers))]["max"] = draw(st.sampled_from((1, 10)))


RANDOM_EDITS = (
    edit_condition,
    edit_number,
    edit_rows,
    edit_conclusion,
    edit_policy,
    edit_formula,
    edit_amount,
    edit_default,
    edit_bounds,
)


@st.composite
def edited_bases(draw: st.DrawFn) -> tuple[RandomBase, Knowledge, Knowledge, list[Case]]:
    """A random base as it was and after one edit, and cases of it."""
    random = draw(random_bases())
    files = json.loads(json.dumps(random.files))
    draw(st.sampled_from(RANDOM_EDITS))(files, draw)
    try:
        old, new = loaded(random.files), loaded(files)
        bases = Bases(EnginePool(old), EnginePool(new))
    except (BadInput, CompileError):
        assume(False)
        raise AssertionError from None
    cases = [bases.alike.common(draw(random_cases(random))) for _ in range(25)]
    return random, old, new, cases


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(edited_bases())
def test_bases_at_random_when_one_edit_apart_differ_where_shown_and_nowhere_where_proved(
    drawn: tuple[RandomBase, Knowledge, Knowledge, list[Case]],
) -> None:
    _, old, new, cases = drawn
    bases = Bases(EnginePool(old), EnginePool(new))
    verdicts = list(diverge(bases, seconds=3.0))
    for verdict in verdicts:
        if isinstance(verdict, Differing):
            assert really_differs((old, new), verdict.target.name, as_example(verdict.case)), verdict
    compared = {verdict.target.name for verdict in verdicts if not isinstance(verdict, Same)}
    for case in cases:
        before, after = concluded(old, case), concluded(new, case)
        if "refused" in before or "refused" in after:
            assert compared or before.keys() == after.keys()
            continue
        for target in bases.alike.targets:
            if target.name not in compared:
                assert before[target.name] == after[target.name], (target, case)


# What stands


STANDING_FACTS = {
    "n": {"title": "a number", "type": "integer", "unit": "1", "min": 0, "max": 3, "source": "test"},
    "t": {"title": "a truth", "type": "yes/no", "source": "test"},
    "u": {"title": "another", "type": "yes/no", "source": "test"},
}
#: Everything a case can say of these facts; None: nothing.
STANDING_CASES = tuple(itertools.product((None, 0.0, 1.0, 2.0, 3.0), (None, False, True), (None, False, True)))


def standing_base(
    decisions: Sequence[tuple[str, Sequence[tuple[str, str]]]], recommends: str | None = None
) -> Knowledge:
    """A base of decisions ``d0``, ``d1``, …, each a hit policy and rows of a condition and a value."""
    manifest: dict[str, Any] = {"name": "stands", "version": "1", "title": "What stands", "base_units": ["km"]}
    manifest |= {"recommends": recommends} if recommends else {}
    facts = {"facts": STANDING_FACTS}
    files: dict[str, Any] = {"knowledge.yaml": manifest, "facts.yaml": facts, "costs.yaml": {"figures": {}}}
    for index, (policy, rows) in enumerate(decisions):
        files[f"d{index}.yaml"] = {
            "decides": f"d{index}",
            "title": f"Decision {index}",
            "source": "test",
            "hit_policy": policy,
            "values": ["a", "b"],
            "rules": [
                {"id": f"d{index}-{row}", "when": when, "then": then, "because": "It is so.", "source": "test"}
                for row, (when, then) in enumerate(rows)
            ],
        }
    return loaded(files)


def standing_cases() -> Iterator[Case]:
    """Every case of these facts, complete ones and all others."""
    for values in STANDING_CASES:
        given = {name: Given(name, value) for name, value in zip("ntu", values, strict=True) if value is not None}
        yield Case("grid", given)


def differing_in(old: Knowledge, new: Knowledge) -> dict[str, Case]:
    """For each conclusion that is not the same for every case a case, both decided by the whole pipeline."""
    found: dict[str, Case] = {}
    bases = Bases(EnginePool(old), EnginePool(new))
    for case in standing_cases():
        before, after = bases.decide(case)
        if not before.refused and not after.refused:
            differ = (target.name for target in bases.alike.targets if before.of(target) != after.of(target))
            found.update(dict.fromkeys(differ, case))
    return found


#: Decisions whose rows leave them open while something is unknown; only the first then stands.
SURE = ("first", [("n >= 0", "a"), ("n < 0", "b")])
UNSURE = ("first", [("u", "a"), ("true", "b")])
UNSURE_IN_VAIN = ("first", [("u or u and t", "a"), ("true", "b")])


def stands(*rows: tuple[str, str], before: tuple[str, Sequence[tuple[str, str]]] = SURE, policy: str = "first") -> Any:
    return [before, (policy, list(rows))]


#: Pairs of bases that conclude the same of every complete case, and yet not of every case.
OTHERWISE: Mapping[str, tuple[Any, Any]] = {
    "a row that is settled by what stands before it": (
        stands(("n > 6", "a"), ("n is answered and t", "b"), ("true", "b")),
        stands(("n > 6 and d0 == b", "a"), ("n is answered and t", "b"), ("true", "b")),
    ),
    "a row that waits for a fact in vain": (
        stands(("n > 6", "a"), ("n is answered and t", "b"), ("true", "b")),
        stands(("n > 6 or n > 6 and t", "a"), ("n is answered and t", "b"), ("true", "b")),
    ),
    "a row that waits for a fact in vain beside one for want of another fact": (
        stands(("n > 6", "a"), ("first_known(n, 9) < 9 and t", "b"), ("true", "b")),
        stands(("n > 6 or n > 6 and t", "a"), ("first_known(n, 9) < 9 and t", "b"), ("true", "b")),
    ),
    "a row that may contradict another": (
        stands(("t", "a"), ("n != 4 and t is not assumed", "b"), ("n >= n", "b"), policy="any"),
        stands(("t", "a"), ("n != 3 and t is not assumed", "b"), ("n >= n", "b"), policy="any"),
    ),
    "a collected row that is settled by what stands before it": (
        stands(("n <= 6", "a"), policy="collect"),
        stands(("n <= 6 or d0 == a", "a"), policy="collect"),
    ),
    "a decision behind that waits for a fact in vain": (
        stands(("d0 == a", "a"), ("u is answered and t", "a"), ("true", "a"), before=UNSURE),
        stands(("d0 == a", "a"), ("u is answered and t", "a"), ("true", "a"), before=UNSURE_IN_VAIN),
    ),
}


@pytest.mark.parametrize("pair", OTHERWISE.values(), ids=OTHERWISE)
def test_conclusion_when_another_stands_while_facts_are_unknown_is_not_proved_the_same(pair: tuple[Any, Any]) -> None:
    old, new = (standing_base(one, recommends="d0") for one in pair)
    verdicts = {one.target.name: one for one in diverge(Bases(EnginePool(old), EnginePool(new)))}
    assert differing_in(old, new).keys() == {"d1"}
    assert isinstance(verdicts["d1"], Differing)
    assert really_differs((old, new), "d1", as_example(verdicts["d1"].case))


#: Ways to write a condition again: all alike for complete cases.
REWRITTEN = (
    "({}) and d0 == a",
    "({}) or n > 6",
    "({}) or n > 6 and d0 == b",
    "({}) or ({}) and t",
    "({}) and (({}) or u)",
    "({}) and (t or not t)",
    "({}) and (n is known or n is unknown)",
    "not (not ({}))",
    "({}) and n is known or ({}) and n is unknown",
    "({}) and t is known or ({}) and t is unknown",
)
ATOMS = (
    "n < 2",
    "n > 6",
    "n >= 0",
    "t",
    "u",
    "n is answered",
    "t is known",
    "u is unknown",
    "d0 == a",
    "d0 == b",
    "true",
)


@st.composite
def conditions(draw: st.DrawFn, *, first: bool) -> str:
    atoms = [atom for atom in ATOMS if not (first and "d0" in atom)]
    one, other = draw(st.sampled_from(atoms)), draw(st.sampled_from(atoms))
    return draw(st.sampled_from((one, f"{one} and {other}", f"{one} or {other}", f"not ({one})")))


@st.composite
def pairs_that_stand(draw: st.DrawFn) -> tuple[Knowledge, Knowledge]:
    """Two bases of two or three decisions, the new one with a condition written otherwise or rows swapped."""
    decisions: list[tuple[str, list[tuple[str, str]]]] = []
    for index in range(draw(st.integers(2, 3))):
        policy = draw(st.sampled_from(("first", "first", "any", "collect")))
        written = draw(st.lists(conditions(first=not index), min_size=1, max_size=3))
        rows = [(when, draw(st.sampled_from("ab"))) for when in written]
        decisions.append(("first" if not index else policy, [*rows, ("true", "a")] if policy == "first" else rows))
    edited = [(policy, list(rows)) for policy, rows in decisions]
    at = draw(st.integers(0, len(edited) - 1))
    rows = edited[at][1]
    row = draw(st.integers(0, len(rows) - 1))
    ways = [way for way in REWRITTEN if at or "d0" not in way]
    if draw(st.integers(0, 5)):
        rows[row] = (draw(st.sampled_from(ways)).replace("{}", rows[row][0]), rows[row][1])
    else:
        rows.append(rows.pop(row))
    try:
        return standing_base(decisions), standing_base(edited)
    except (BadInput, CompileError):
        assume(False)
        raise AssertionError from None


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs_that_stand())
def test_pairs_at_random_when_facts_may_be_unknown_are_nowhere_proved_the_same_where_they_differ(
    pair: tuple[Knowledge, Knowledge],
) -> None:
    old, new = pair
    verdicts = list(diverge(Bases(EnginePool(old), EnginePool(new)), seconds=3.0))
    compared = {verdict.target.name for verdict in verdicts if not isinstance(verdict, Same)}
    assert differing_in(old, new).keys() <= compared
