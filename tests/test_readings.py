"""Decisions that conclude numbers, truths and groups: what conditions read of them, and what a report says."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.case import case_from_mapping
from engine.decision import Decision
from engine.describe import decide
from engine.errors import BadInput
from engine.inference import EnginePool
from engine.knowledge import load_knowledge
from engine.language.evaluate import compile_plain
from engine.language.nodes import Name
from engine.readings import Aggregate, aggregated, number_read, truth_read
from engine.soundness import require_sound

MANIFEST = "name: small\nversion: 1.0.0\ntitle: A small base\nbase_units: [USD, month]\n"
FACTS = """facts:
  size: {title: Size, type: number, unit: "1", source: s}
  ready: {title: Is ready, type: yes/no, source: s}
"""
COSTS = "amounts: {}\n"


def rule(name: str, when: str, then: str, because: str = "b") -> str:
    return f'  - {{id: {name}, when: {when!r}, then: {then}, because: "{because}", source: s}}\n'


def decision(head: str, *rules: str) -> str:
    return f"{head}title: A decision\nsource: s\nrules:\n{''.join(rules)}"


POINTS = decision(
    "decides: points\nvalues: [10, 20.5]\nhit_policy: collect\naggregate: sum\n",
    rule("p-1", "size > 1", "10"),
    rule("p-2", "size > 2", "20.5"),
    rule("p-3", "ready", "10"),
)


def decided(directory: Path, files: Mapping[str, str], **facts: object) -> Decision:
    every = {"knowledge.yaml": MANIFEST, "facts.yaml": FACTS, "costs.yaml": COSTS, **files}
    for name, text in every.items():
        (directory / name).write_text(text, encoding="utf-8")
    knowledge = load_knowledge(directory)
    require_sound(knowledge)
    return decide(case_from_mapping(facts, knowledge.facts, "case"), EnginePool(knowledge))


def refusals(directory: Path, text: str) -> str:
    with pytest.raises(BadInput) as caught:
        decided(directory, {"d.yaml": text})
    return str(caught.value)


# Formulas

TRUTHS = st.sampled_from([True, False, None])
ROWS = st.lists(st.tuples(TRUTHS, st.sampled_from(["1", "2.5", "-3", "10"])), min_size=1, max_size=6)


def made_of(aggregate: Aggregate, numbers: list[float]) -> float | None:
    if aggregate == "count":
        return float(len(numbers))
    if not numbers:
        return None
    return min(numbers) if aggregate == "min" else max(numbers) if aggregate == "max" else sum(numbers)


@given(rows=ROWS, aggregate=st.sampled_from(["sum", "min", "max", "count"]))
def test_aggregate_when_rows_are_unknown_is_what_every_completion_gives(
    rows: list[tuple[bool | None, str]], aggregate: Aggregate
) -> None:
    formula = aggregated(aggregate, [(Name(f"row_{index}"), word) for index, (_, word) in enumerate(rows)])
    values = {f"row_{index}": truth for index, (truth, _) in enumerate(rows)}
    found = compile_plain(formula, {})(values, {})
    completions = {
        made_of(aggregate, [float(word) for holds, (_, word) in zip(truths, rows, strict=True) if holds])
        for truths in itertools.product(*([truth] if truth is not None else [True, False] for truth, _ in rows))
    }
    if None not in values.values():
        assert {found} == completions
    assert found is None or completions == {found}


@given(words=st.lists(st.integers(-50, 50).map(str), min_size=1, max_size=9, unique=True), data=st.data())
def test_number_when_read_is_that_of_the_word_and_unknown_as_long_as_that_is(
    words: list[str], data: st.DataObject
) -> None:
    read = compile_plain(number_read("d", words), {})
    word = data.draw(st.sampled_from(words))
    assert read({"d": word}, {}) == float(word)
    assert read({"d": None}, {}) is None


def test_truth_when_read_is_that_of_the_word() -> None:
    read = compile_plain(truth_read("d"), {})
    assert [read({"d": word}, {}) for word in ("true", "false", None)] == [True, False, None]


# Decisions


def test_sum_when_all_rows_are_known_is_read_by_other_decisions_and_sentences(tmp_path: Path) -> None:
    band = decision(
        "decides: band\nvalues: [low, high]\nhit_policy: unique\n",
        rule("b-1", "points > 20", "high", "There are {{ points }} points."),
        rule("b-2", "otherwise", "low"),
    )
    found = decided(tmp_path, {"a.yaml": POINTS, "b.yaml": band}, size=2.5, ready=False)
    assert found.conclusions == {"points": 30.5, "band": "high"}
    assert found.firings[-1].because == "There are 30.5 points."
    assert [(reading.name, reading.value, reading.origin) for reading in found.firings[-1].facts] == [
        ("points", 30.5, "concluded")
    ]


def test_sum_when_a_row_is_unknown_is_unknown_with_what_it_waits_for(tmp_path: Path) -> None:
    found = decided(tmp_path, {"a.yaml": POINTS}, size=2.5)
    assert found.conclusions == {"points": None}
    assert [fact.name for fact in found.unknown] == ["ready"]


def test_number_when_it_has_a_unit_is_a_quantity_of_formulas(tmp_path: Path) -> None:
    price = decision(
        "decides: price\nvalues: [5, 7]\nunit: USD/month\nhit_policy: first\n",
        rule("p-1", "size > 1", "5"),
        rule("p-2", "true", "7"),
    )
    costs = "figures:\n  total: {title: Total, unit: USD, formula: price * 12, source: s}\n"
    costs = (
        costs.replace("price * 12", "price * months")
        + "amounts:\n  months: {title: Months, value: 12, unit: month, source: s}\n"
    )
    found = decided(tmp_path, {"a.yaml": price, "costs.yaml": costs}, size=2)
    assert found.conclusions == {"price": 5}
    assert found.figures["total"].value == 60
    with pytest.raises(BadInput, match="expected USD"):
        decided(tmp_path, {"a.yaml": price, "costs.yaml": costs.replace("price * months", "price")}, size=2)


def test_truth_when_nothing_unknown_can_change_it_stands_and_is_read(tmp_path: Path) -> None:
    fine = decision(
        "decides: fine\nvalues: [yes, no]\nhit_policy: unique\n",
        rule("f-1", "ready and size > 1", "yes"),
        rule("f-2", "not ready and size > 1", "yes"),
        rule("f-3", "size <= 1", "no"),
    )
    answer = decision(
        "decides: answer\nvalues: [go, stop]\nhit_policy: first\n",
        rule("a-1", "fine", "go"),
        rule("a-2", "not fine", "stop"),
    )
    found = decided(tmp_path, {"a.yaml": fine, "b.yaml": answer}, size=2)
    assert found.conclusions == {"fine": True, "answer": "go"}
    assert [(stand.conclusion, stand.value, stand.whatever) for stand in found.standing] == [("fine", True, ("ready",))]


def test_otherwise_when_another_row_is_unknown_does_not_hold_by_accident(tmp_path: Path) -> None:
    either = decision(
        "decides: d\nvalues: [a, b]\nhit_policy: any\n", rule("d-1", "size > 1", "a"), rule("d-2", "otherwise", "b")
    )
    assert decided(tmp_path, {"d.yaml": either}).conclusions == {"d": None}
    assert decided(tmp_path, {"d.yaml": either}, size=1).conclusions == {"d": "b"}


@pytest.mark.parametrize("policy", ["collect", "rule order"])
def test_list_when_values_repeat_names_them_once_or_keeps_them(policy: str, tmp_path: Path) -> None:
    notes = decision(
        f"decides: note\nvalues: [1, 2]\nhit_policy: {policy}\n",
        rule("n-1", "size > 1", "1"),
        rule("n-2", "size > 2", "1"),
        rule("n-3", "size > 3", "2"),
    )
    expected = (1, 2) if policy == "collect" else (1, 1, 2)
    assert decided(tmp_path, {"d.yaml": notes}, size=4).conclusions == {"note": expected}


def test_group_when_rows_are_collected_is_a_list_of_mappings(tmp_path: Path) -> None:
    offers = decision(
        "name: offer\ndecides: {bank: [one, two], rate: [1.5, 2]}\nhit_policy: collect\n",
        rule("o-1", "size > 1", "{bank: one, rate: 2}"),
        rule("o-2", "size > 2", "{bank: two, rate: 1.5}"),
    )
    assert decided(tmp_path, {"d.yaml": offers}, size=3).conclusions == {
        "offer": ({"bank": "one", "rate": 2}, {"bank": "two", "rate": 1.5})
    }


def test_text_when_a_fact_is_open_may_be_any_and_is_shown_as_given(tmp_path: Path) -> None:
    facts = "facts:\n  place: {title: Place, type: choice, choices: {here: Here}, open: true, source: s}\n"
    where = decision(
        "decides: d\nvalues: [a, b]\nhit_policy: first\n",
        rule("d-1", "place == here", "a"),
        rule("d-2", "place != here", "b", "It is {{ place }}."),
    )
    found = decided(tmp_path, {"facts.yaml": facts, "d.yaml": where}, place="Timbuktu, 2nd left")
    assert found.conclusions == {"d": "b"}
    assert found.case["place"].value == "Timbuktu, 2nd left"
    assert found.firings[0].because == "It is Timbuktu, 2nd left."


# What is refused

HEAD = "decides: d\nvalues: [a, b]\nhit_policy: {}\n"
REFUSED: dict[str, tuple[str, str]] = {
    "an otherwise before the end": (
        decision(HEAD.format("any"), rule("d-1", "otherwise", "a"), rule("d-2", "ready", "b")),
        "`otherwise` is where no other row holds",
    ),
    "two otherwises": (
        decision(HEAD.format("any"), rule("d-1", "otherwise", "a"), rule("d-2", "otherwise", "b")),
        "`otherwise` is where no other row holds",
    ),
    "values of several kinds": (
        decision("decides: d\nvalues: [a, 2]\nhit_policy: any\n", rule("d-1", "ready", "a")),
        "all words, all numbers or all yes/no",
    ),
    "a word among numbers": (
        decision("decides: d\nvalues: [1, 2]\nhit_policy: any\n", rule("d-1", "ready", '"1"')),
        "'1' is not one of 1, 2",
    ),
    "a number that is not a value": (
        decision("decides: d\nvalues: [1, 2]\nhit_policy: any\n", rule("d-1", "ready", "3")),
        "'3' is not one of 1, 2",
    ),
    "a sum of words": (
        decision("decides: d\nvalues: [a]\nhit_policy: collect\naggregate: sum\n", rule("d-1", "ready", "a")),
        "needs values that are numbers",
    ),
    "a sum without collecting": (
        decision("decides: d\nvalues: [1]\nhit_policy: first\naggregate: sum\n", rule("d-1", "ready", "1")),
        "aggregate is for hit_policy: collect and one output",
    ),
    "a unit of words": (
        decision("decides: d\nvalues: [a]\nunit: USD\nhit_policy: first\n", rule("d-1", "ready", "a")),
        "a unit belongs to values that are numbers",
    ),
    "a unit nobody declares": (
        decision("decides: d\nvalues: [1]\nunit: EUR\nhit_policy: first\n", rule("d-1", "ready", "1")),
        "'EUR' is not defined",
    ),
    "a group that has the name of a fact": (
        decision("name: size\ndecides: {x: [a]}\nhit_policy: first\n", rule("d-1", "ready", "{x: a}")),
        "'size' is already declared",
    ),
    "a name for a single output": (
        decision("name: n\ndecides: d\nvalues: [a]\nhit_policy: first\n", rule("d-1", "ready", "a")),
        "name and titles are for several outputs",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_decision_file_when_its_parts_do_not_fit_is_refused(text: str, message: str, tmp_path: Path) -> None:
    assert message in refusals(tmp_path, text)


READERS: dict[str, tuple[str, str]] = {
    "a number as a word": ("points == high", "'high' is not a known name"),
    "a list": ("note > 1", "collects several values"),
    "whether it is known": ("points is known", "only known once rules have fired"),
}


@pytest.mark.parametrize(("when", "message"), READERS.values(), ids=READERS)
def test_condition_when_it_misreads_a_conclusion_is_refused(when: str, message: str, tmp_path: Path) -> None:
    notes = decision("decides: note\nvalues: [1, 2]\nhit_policy: collect\n", rule("n-1", "size > 1", "1"))
    reader = decision("decides: d\nvalues: [a]\nhit_policy: first\n", rule("d-1", when, "a"))
    files: dict[str, Any] = {"a.yaml": POINTS, "b.yaml": notes, "d.yaml": reader}
    with pytest.raises(BadInput, match=message):
        decided(tmp_path, files)


# Rows that cannot be read


@pytest.mark.parametrize("aggregate", ["sum", "min", "max", "count"])
def test_aggregate_when_no_row_can_be_read_makes_nothing(aggregate: Aggregate) -> None:
    made = compile_plain(aggregated(aggregate, []), {})({}, {})
    assert made == (0.0 if aggregate == "count" else None)


@pytest.mark.parametrize("aggregate", ["sum", "min", "max", "count"])
def test_decision_when_none_of_its_conditions_can_be_read_is_refused_for_each(aggregate: str, tmp_path: Path) -> None:
    text = decision(
        f"decides: d\nvalues: [1, 2]\nhit_policy: collect\naggregate: {aggregate}\n",
        rule("d-1", "nobody == 3", "1"),
        rule("d-2", "nobody == 4", "2"),
    )
    told = refusals(tmp_path, text)
    assert told.count("'nobody' is not a known name") == 2
