from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.case import Case
from engine.costs import working_memory
from engine.errors import BadInput, InferenceError
from engine.evaluator import Verdict, evaluate_decision, judge
from engine.knowledge import DecisionTable, Knowledge
from engine.language import generate
from engine.language.evaluate import Value
from tests.reference import Contradiction, Reference
from tests.strategies import (
    RandomBase,
    base,
    case_of,
    choice,
    decided_by_definition,
    decision,
    loaded,
    number,
    random_bases_with_cases,
    table,
    truth,
)

Truths = tuple[bool | None, ...]


def table_of(policy: str, *conclusions: str) -> DecisionTable:
    """A decision of as many rows as there are conclusions."""
    rows = [(f"t{index}", conclusion) for index, conclusion in enumerate(conclusions)]
    facts = {f"t{index}": truth() for index in range(len(conclusions))}
    return base(facts, [decision("d", policy, rows)]).decisions["d"]


def concluded(verdict: Verdict) -> str | None:
    return None if verdict.outputs is None else verdict.outputs["d"]


# Hit policies

FIRST: list[tuple[Truths, tuple[int, ...], str | None]] = [
    ((True, True, True), (0,), "a"),
    ((True, None, False), (0,), "a"),
    ((False, True, None), (1,), "b"),
    ((False, False, True), (2,), "c"),
    ((None, True, True), (), None),
    ((False, None, True), (), None),
    ((False, False, None), (), None),
    ((False, False, False), (), None),
]


@pytest.mark.parametrize(("holds", "decisive", "value"), FIRST)
def test_first_when_judged_takes_the_first_row_whose_predecessors_fail(
    holds: Truths, decisive: tuple[int, ...], value: str | None
) -> None:
    verdict = judge(table_of("first", "a", "b", "c"), holds)
    assert (verdict.decisive, concluded(verdict)) == (decisive, value)


UNIQUE: list[tuple[Truths, tuple[int, ...], str | None]] = [
    ((True, False, False), (0,), "a"),
    ((False, False, True), (2,), "a"),
    ((None, True, None), (1,), "b"),
    ((None, None, False), (), None),
    ((False, False, False), (), None),
]


@pytest.mark.parametrize(("holds", "decisive", "value"), UNIQUE)
def test_unique_when_judged_takes_the_one_row_that_holds(
    holds: Truths, decisive: tuple[int, ...], value: str | None
) -> None:
    verdict = judge(table_of("unique", "a", "b", "a"), holds)
    assert (verdict.decisive, concluded(verdict)) == (decisive, value)


@pytest.mark.parametrize("holds", [(True, True, False), (True, False, True), (True, True, True), (None, True, True)])
def test_unique_when_two_rows_hold_is_an_error_that_names_them(holds: Truths) -> None:
    named = " and ".join(f"d-{index}" for index, truth in enumerate(holds) if truth)
    with pytest.raises(InferenceError, match=rf"decision_000.yaml: the rules {named} hold at once"):
        judge(table_of("unique", "a", "b", "a"), holds)


ANY: list[tuple[Truths, tuple[int, ...], str | None]] = [
    ((True, False, True), (0, 2), "a"),
    ((True, None, None), (0,), "a"),
    ((False, True, False), (1,), "b"),
    ((None, False, None), (), None),
    ((False, False, False), (), None),
]


@pytest.mark.parametrize(("holds", "decisive", "value"), ANY)
def test_any_when_judged_takes_every_row_that_holds(
    holds: Truths, decisive: tuple[int, ...], value: str | None
) -> None:
    verdict = judge(table_of("any", "a", "b", "a"), holds)
    assert (verdict.decisive, concluded(verdict)) == (decisive, value)


@pytest.mark.parametrize("holds", [(True, True, False), (False, True, True), (True, True, None)])
def test_any_when_rows_that_hold_disagree_is_an_error_that_names_them(holds: Truths) -> None:
    named = " and ".join(f"d-{index}" for index, truth in enumerate(holds) if truth)
    with pytest.raises(InferenceError, match=rf"decision_000.yaml: the rules {named} hold at once and disagree"):
        judge(table_of("any", "a", "b", "a"), holds)


COLLECT: list[tuple[Truths, tuple[int, ...], tuple[str, ...]]] = [
    ((True, True, True), (0, 1, 2), ("b", "a")),
    ((False, True, True), (1, 2), ("a", "b")),
    ((None, None, True), (2,), ("b",)),
    ((False, None, False), (), ()),
]


@pytest.mark.parametrize(("holds", "decisive", "collected"), COLLECT)
def test_collect_when_judged_gathers_each_value_once_in_row_order(
    holds: Truths, decisive: tuple[int, ...], collected: tuple[str, ...]
) -> None:
    verdict = judge(table_of("collect", "b", "a", "b"), holds)
    assert (verdict.decisive, verdict.collected) == (decisive, collected)


def test_collect_when_a_row_is_unknown_is_open_and_otherwise_complete() -> None:
    table = table_of("collect", "b", "a", "b")
    assert judge(table, (True, None, False)).outputs is None
    assert judge(table, (True, False, False)).outputs == {}


OPEN_ROWS: list[tuple[str, Truths, tuple[int, ...]]] = [
    ("first", (None, True, None), (0, 2)),
    ("first", (False, None, True), (1,)),
    ("first", (True, None, None), ()),
    ("first", (False, True, None), ()),
    ("collect", (True, None, None), (1, 2)),
    ("unique", (False, None, False), (1,)),
    ("any", (True, None, False), (1,)),
]


@pytest.mark.parametrize(("policy", "holds", "expected"), OPEN_ROWS)
def test_open_rows_when_judged_are_those_that_may_yet_decide(
    policy: str, holds: Truths, expected: tuple[int, ...]
) -> None:
    assert judge(table_of(policy, "a", "a", "a"), holds).open_rows == expected


def test_every_policy_when_rows_are_unknown_never_decides_what_their_values_could_undo() -> None:
    for policy in ("first", "unique", "any"):
        decided_by = table_of(policy, "a", "a", "a")
        for holds in itertools.product((True, False, None), repeat=3):
            for filled in itertools.product((True, False), repeat=3):
                grown = tuple(old if old is not None else new for old, new in zip(holds, filled, strict=True))
                try:
                    before, after = judge(decided_by, holds), judge(decided_by, grown)
                except InferenceError:
                    continue
                assert set(before.decisive) <= set(after.decisive)
                assert before.outputs is None or before.outputs == after.outputs


# Whole bases


def values_of(knowledge: Knowledge, case: Case) -> dict[str, Value]:
    return dict(decided_by_definition(knowledge, case).values)


def test_decision_when_it_reads_another_sees_its_conclusion() -> None:
    knowledge = base(
        {"x": number()},
        [
            decision("last", "first", [("middle == b", "yes!"), ("true", "no!")]),
            decision("middle", "unique", [("start == low", "a"), ("start == high", "b")]),
            decision("start", "first", [("x < 5", "low"), ("true", "high")]),
        ],
    )
    assert knowledge.order == ("start", "middle", "last")
    assert values_of(knowledge, case_of(x=5.0))["last"] == "yes!"
    assert values_of(knowledge, case_of(x=4.0))["last"] == "no!"
    assert values_of(knowledge, case_of())["last"] is None


def test_figure_when_its_conclusion_is_open_is_unknown_unless_it_makes_no_difference() -> None:
    figures = {
        "differs": "1 if kind == low else 2",
        "same": "1 if kind == low else 1",
        "other_way": "x if x > 10 else differs",
        "twice": "same * 2",
    }
    rows = [("x < 5 and y < 5", "low"), ("true", "high")]
    knowledge = base({"x": number(), "y": number()}, [decision("kind", "first", rows)], figures=figures)
    found = values_of(knowledge, case_of(x=4.0))
    assert {name: found[name] for name in figures} == {"differs": None, "same": 1.0, "other_way": None, "twice": 2.0}
    found = values_of(knowledge, case_of(y=4.0, x=None))
    assert found["other_way"] is None
    found = values_of(knowledge, case_of(x=20.0))
    assert (found["kind"], found["other_way"], found["differs"]) == ("high", 20.0, 2.0)


def test_figure_that_makes_no_use_of_an_open_conclusion_when_computed_is_known() -> None:
    knowledge = base(
        {"x": number(), "y": number()},
        [decision("kind", "first", [("y < 5", "low"), ("true", "high")])],
        figures={"f": "x if x > 10 else (1 if kind == low else 2)"},
    )
    assert values_of(knowledge, case_of(x=20.0))["f"] == 20.0
    assert values_of(knowledge, case_of(x=5.0))["f"] is None


FIRST_KNOWN = {
    "a conclusion": "first_known(1 if kind == low else unknown, 7) > 5",
    "a figure that needs one": "first_known(f, 7) > 5",
    "a word that was concluded": "first_known(kind, high) == high",
}


@pytest.mark.parametrize("condition", FIRST_KNOWN.values(), ids=FIRST_KNOWN)
def test_first_known_of_a_conclusion_when_something_would_stand_in_for_it_is_refused(condition: str) -> None:
    decisions = [
        decision("kind", "first", [("x < 5", "low"), ("true", "high")]),
        decision("d", "first", [(condition, "a")]),
    ]
    with pytest.raises(BadInput, match="first_known"):
        base({"x": number()}, decisions, figures={"f": "1 if kind == low else 2"})


def test_first_known_when_only_its_last_resort_is_concluded_is_accepted() -> None:
    decisions = [
        decision("kind", "first", [("x < 5", "low"), ("true", "high")]),
        decision("d", "first", [("first_known(y, f) > 5", "a"), ("true", "b")]),
    ]
    knowledge = base({"x": number(), "y": number()}, decisions, figures={"f": "1 if kind == low else 20"})
    assert values_of(knowledge, case_of(x=9.0))["d"] == "a"
    assert values_of(knowledge, case_of(x=9.0, y=1.0))["d"] == "b"


def test_default_when_the_fact_is_not_given_is_used_and_computed_from_others() -> None:
    facts = {"x": number(), "y": number(default="x / 2", default_source="test"), "kind": choice("a", "b")}
    knowledge = base(facts)
    memory = working_memory(knowledge, case_of(x=10.0))
    assert (memory.values["y"], memory.origins["y"]) == (5.0, "assumed")
    memory = working_memory(knowledge, case_of(x=10.0, y=7.0))
    assert (memory.values["y"], memory.origins["y"]) == (7.0, "answered")
    memory = working_memory(knowledge, case_of())
    assert memory.values["y"] is None
    assert "y" not in memory.origins


ROUNDED = {
    "a figure": ("0.1 + 0.2", 0.3),
    "a figure beyond twelve digits": ("1234567890.12345", 1_234_567_890.12),
    "a large figure": ("100_000_000_000 * 3 + 1", 300_000_000_001.0),
    "never": ("never", float("inf")),
}


@pytest.mark.parametrize(("formula", "expected"), ROUNDED.values(), ids=ROUNDED)
def test_figure_when_computed_is_rounded_to_twelve_digits(formula: str, expected: float) -> None:
    assert working_memory(base({}, figures={"f": formula}), case_of()).values["f"] == expected


def test_rows_when_binary_noise_would_decide_them_compare_the_rounded_figure() -> None:
    rows = [("total <= 0.3", "within"), ("true", "above")]
    knowledge = base({"x": number()}, [decision("d", "first", rows)], figures={"total": "x + 0.2"})
    assert values_of(knowledge, case_of(x=0.1))["d"] == "within"


TABLE = {
    "before the first row": (0.0, 5.0, 0.0),
    "at the first row": (10.0, 5.0, 5.0),
    "between rows": (15.0, 7.5, 7.5),
    "at a row": (20.0, 10.0, 10.0),
    "between others": (30.0, 8.0, 8.0),
    "at the last row": (40.0, 6.0, 6.0),
    "after the last row": (80.0, 6.0, 12.0),
}


@pytest.mark.parametrize(("at", "held", "proportional"), TABLE.values(), ids=TABLE)
def test_table_when_read_is_linear_between_rows_and_as_declared_outside(
    at: float, held: float, proportional: float
) -> None:
    points = ((10.0, 5.0), (20.0, 10.0), (40.0, 6.0))
    tables = {"holds": table(*points), "grows": table(*points, below="proportional", above="proportional")}
    knowledge = base({"x": number()}, figures={"h": "holds(x)", "g": "grows(x)"}, tables=tables)
    values = working_memory(knowledge, case_of(x=at)).values
    assert (values["h"], values["g"]) == (held, proportional)


def test_verdict_when_evaluated_alone_shows_the_truth_of_each_row() -> None:
    knowledge = base({"x": number()}, [decision("d", "collect", [("x < 5", "a"), ("x > 5", "b"), ("x is known", "c")])])
    assert evaluate_decision(knowledge, "d", {"x": 1.0}, {"x": "answered"}).holds == (True, False, True)
    assert evaluate_decision(knowledge, "d", {"x": None}, {}).holds == (None, None, False)


# Numbers and truths that rules conclude

#: What rows of 1, 2.5 and -3 make together where all hold, where the last one fails and where none holds.
AGGREGATES: dict[str, tuple[float | None, float | None, float | None]] = {
    "sum": (0.5, 3.5, None),
    "min": (-3.0, 1.0, None),
    "max": (2.5, 2.5, None),
    "count": (3.0, 2.0, 0.0),
}
LIMITS = (-5, 0, 1, 2, 3)


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_rows_of_a_collect_decision_when_aggregated_make_one_number(aggregate: str) -> None:
    rows = [("x < 5 or x == 7", 1.0), ("x < 5 or x == 7", 2.5), ("x < 5", -3.0)]
    gathered = decision("points", "collect", rows, aggregate=aggregate)
    above = [(f"points > {limit}", f"above {limit}") for limit in LIMITS]
    knowledge = base({"x": number()}, [gathered, decision("marks", "collect", above)])
    for x, expected in zip((1.0, 7.0, 9.0), AGGREGATES[aggregate], strict=True):
        fired = decided_by_definition(knowledge, case_of(x=x)).fired
        assert [row for name, row in fired if name == "marks"] == [
            index for index, limit in enumerate(LIMITS) if expected is not None and expected > limit
        ]


def test_number_that_a_rule_concludes_when_read_compares_as_a_number() -> None:
    grades = decision("grade", "first", [("x < 5", 98.5), ("x < 9", 10.0), ("true", 9.0)])
    letters = decision("letter", "first", [("grade > 9.5", "high"), ("true", "low")])
    knowledge = base({"x": number()}, [grades, letters])
    assert [values_of(knowledge, case_of(x=x))["letter"] for x in (1.0, 5.0, 9.0)] == ["high", "high", "low"]
    assert values_of(knowledge, case_of())["letter"] is None


def test_truth_that_a_rule_concludes_when_read_is_a_condition() -> None:
    allowed = decision("allowed", "unique", [("x < 5", True), ("x >= 5", False)])
    answers = decision("answer", "first", [("not allowed", "refused"), ("true", "granted")])
    knowledge = base({"x": number()}, [allowed, answers])
    assert [values_of(knowledge, case_of(x=x))["answer"] for x in (1.0, 5.0)] == ["granted", "refused"]


def test_otherwise_when_every_other_row_is_known_to_fail_holds() -> None:
    rows = [("x < 5", "low"), ("y < 5", "low"), ("otherwise", "high")]
    knowledge = base({"x": number(), "y": number()}, [decision("d", "any", rows)])
    assert values_of(knowledge, case_of(x=9.0, y=9.0))["d"] == "high"
    assert values_of(knowledge, case_of(x=9.0, y=1.0))["d"] == "low"
    assert values_of(knowledge, case_of(x=9.0))["d"] is None


# The third opinion


def compare_with_reference(knowledge: Knowledge, case: Case, told: dict[str, Value]) -> bool:
    """Hold the evaluator to the reference; false where both see a contradiction."""
    reference = Reference(knowledge, case, told)
    try:
        expected = {(name, row) for name in knowledge.decisions for row in reference.decisive(name)}
    except Contradiction:
        with pytest.raises(InferenceError):
            decided_by_definition(knowledge, case, told)
        return False
    found = decided_by_definition(knowledge, case, told)
    assert set(found.fired) == expected
    assert found.values == {name: reference.value(name) for name in found.values}
    return True


@pytest.mark.parametrize("often", [2, 1_000], ids=["by generated functions", "by plain functions"])
def test_evaluator_on_random_bases_and_cases_agrees_with_the_reference(
    often: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "OFTEN", often)
    outcomes = Counter[bool]()

    @settings(max_examples=280, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
    @given(random_bases_with_cases(cases=8), st.booleans())
    def check(drawn: tuple[RandomBase, list[Case]], signal: bool) -> None:
        random, cases = drawn
        knowledge = loaded(random.files)
        told: dict[str, Value] = {random.signal: signal} if random.signal else {}
        for case in cases:
            outcomes[compare_with_reference(knowledge, case, told)] += 1

    check()
    assert outcomes.total() >= 2_000
    assert outcomes[False] < outcomes[True] / 3
