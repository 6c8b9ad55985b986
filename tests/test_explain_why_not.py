"""Why not: rows and conditions that failed, and smallest changes that are verified, minimal and nearest."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given
from engine.commands.explain import why_not as command
from engine.errors import BadInput, InferenceError
from engine.explain.changes import smallest_changes
from engine.explain.report import render_why_not
from engine.explain.wanted import Wanted, measure
from engine.explain.whynot import Failed, Row, WhyNot, rows_towards, why_not
from engine.inference import EnginePool
from engine.knowledge import load_knowledge
from engine.language.evaluate import Value
from engine.pipeline import Outcome, infer
from engine.report import Format
from tests.cases import EXAMPLES, ROOT, decided, example, pool
from tests.strategies import base, case_of, choice, decision, documents, integer, loaded, number, truth
from tests.told_apart import DOMAINS, bases_that_tell_apart, cases_known_in_every_way

FORMATS: tuple[Format, ...] = ("terminal", "markdown", "html", "json")
GPU = ROOT / "examples" / "gpu-rent-or-buy"


def rows_of(rows: tuple[Row, ...]) -> Iterator[Row]:
    """Every row, those that conditions are followed back to included."""
    for row in rows:
        yield row
        for failed in row.failed:
            yield from rows_of(failed.rows)


def failed_in(answer: WhyNot) -> dict[tuple[str, str], Failed]:
    """Every condition that failed, by rule and text."""
    return {(row.rule, one.condition): one for row in rows_of(answer.rows) for one in row.failed}


def changed(given_case: Case, facts: Mapping[str, object]) -> Case:
    """The case with facts answered anew, or with answers taken back."""
    for name, value in facts.items():
        assert isinstance(value, float | bool | str | None)
        given_case = given_case.replace(name, Given(name, value))
    return given_case


# On the examples

#: For each example the approaches it does not come to, with how many facts have to change at least.
EXPECTED = {
    ("case-1-support-tickets", "few_shot"): 1,
    ("case-1-support-tickets", "lora"): 1,
    ("case-1-support-tickets", "full_fine_tuning"): 2,
    ("case-2-insurance-claims", "prompt_engineering"): 1,
    ("case-2-insurance-claims", "few_shot"): 1,
    ("case-2-insurance-claims", "lora"): 1,
    ("case-2-insurance-claims", "hybrid"): 3,
    ("case-3-code-generation-as-printed", "lora"): 1,
    ("case-3-code-generation-as-printed", "full_fine_tuning"): 1,
    ("case-3-code-generation-priced", "prompt_engineering"): 2,
    ("case-3-code-generation-priced", "few_shot"): 1,
    ("cheap-requests-at-high-volume", "lora"): 1,
    ("dear-errors-at-low-volume", "full_fine_tuning"): 2,
    ("much-unknown", "lora"): 2,
    ("ranges", "few_shot"): 1,
}


@pytest.mark.parametrize(("name", "approach", "size"), [(*key, size) for key, size in EXPECTED.items()])
def test_changes_of_an_example_when_decided_lead_to_the_approach_with_as_few_facts_as_proved(
    name: str, approach: str, size: int
) -> None:
    given_case = example(name)
    outcome = decided(given_case)
    answer = why_not(outcome, pool(), approach)
    assert (answer.status, answer.fewest) == ("found", True)
    assert {len(changes) for changes in answer.smallest_changes} == {size}
    assert len({tuple(one.fact for one in changes) for changes in answer.smallest_changes}) == len(
        answer.smallest_changes
    )
    for changes in answer.smallest_changes:
        assert decided(changed(given_case, {one.fact: one.to for one in changes})).recommended == approach
        for one in changes:
            assert one.from_ == outcome.memory.values[one.fact]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_rows_of_an_example_when_they_conclude_the_approach_fail_or_are_passed_over(path: Path) -> None:
    outcome = decided(example(path.stem))
    for approach in outcome.knowledge.decisions["recommendation"].outputs["recommendation"]:
        if approach == outcome.recommended:
            continue
        rows = rows_towards(outcome, Wanted("recommendation", approach))
        concluding = [
            row.id
            for row in outcome.knowledge.decisions["recommendation"].rows
            if row.then["recommendation"] == approach
        ]
        assert [row.rule for row in rows] == concluding
        for row in rows_of(rows):
            verdict = outcome.verdicts[row.decision]
            index = [each.id for each in verdict.table.rows].index(row.rule)
            assert (row.failed == ()) == (verdict.holds[index] is True)
            earlier = [i for i, truth in enumerate(verdict.holds[:index]) if truth is not False]
            blocking = [verdict.table.rows[i].id for i in earlier] if verdict.table.policy == "first" else []
            assert [one.rule for one in row.blocked_by] == blocking


def test_condition_when_it_failed_says_what_there_is_what_is_needed_and_by_how_much() -> None:
    answer = why_not(decided(example("case-2-insurance-claims")), pool(), "lora")
    one = failed_in(answer)["q1-low-volume", "requests_per_month_in_12_months < 50_000"]
    assert (one.value, one.needed, one.by, one.by_shown) == (
        200_000,
        "below 50,000 requests/month",
        150_000,
        "150,000 requests/month",
    )
    assert one.rests_on == ("requests_per_month", "requests_per_month_in_12_months")


def test_condition_when_it_reads_a_conclusion_is_followed_back_to_the_rows_that_would_make_it() -> None:
    answer = why_not(decided(example("case-2-insurance-claims")), pool(), "lora")
    one = failed_in(answer)["critical-lora", "method == lora"]
    assert (one.value, one.needed) == ("full_fine_tuning", "LoRA")
    assert [(row.rule, [blocker.rule for blocker in row.blocked_by]) for row in one.rows] == [
        ("method-lora", ["method-full"])
    ]
    again = failed_in(answer)["pays-lora", "method == lora"]
    assert (again.rows, again.as_above) == ((), True)


def test_condition_when_it_reads_a_figure_shows_its_sum() -> None:
    answer = why_not(decided(example("cheap-requests-at-high-volume")), pool(), "lora")
    one = failed_in(answer)["pays-lora", "method_net_benefit > 0"]
    assert (one.value, one.needed, one.by) == (-53_300, "above $0", 53_300)
    assert one.arithmetic == ("net benefit of the method that fits = net benefit of LoRA = −$53,300",)
    assert "cost_per_error" in one.rests_on


def test_conditions_when_rows_have_alternatives_say_which_belong_together() -> None:
    facts = base(
        {"t": truth(), "u": truth(), "v": truth(), "n": number()},
        [decision("d", "first", [("(t or u and v) and n > 3", "red"), ("true", "green")])],
        recommends="d",
    )
    given_case = case_of("answered", t=False, u=False, v=False, n=1.0)
    answer = why_not(infer(given_case, EnginePool(facts)), EnginePool(facts), "red")
    ways = {one.condition: one.alternative for row in answer.rows for one in row.failed}
    assert ways == {"t": "1a", "u": "1b", "v": "1b", "n > 3": None}
    assert [tuple(one.fact for one in changes) for changes in answer.smallest_changes] == [("t", "n")]
    assert "(alternative 1b)" in render_why_not(answer, "terminal", width=100)


# Statuses


def test_approach_when_it_is_recommended_already_is_said_to_be() -> None:
    answer = why_not(decided(example("case-2-insurance-claims")), pool(), "full_fine_tuning")
    assert (answer.status, answer.rows, answer.smallest_changes) == ("already", (), ())
    assert "already" in answer.sentence


def test_approach_when_it_is_only_the_fallback_is_said_to_be_and_how_rules_would_reach_it() -> None:
    answer = why_not(decided(example("much-unknown")), pool(), "prompt_engineering")
    assert answer.status == "fallback"
    assert {len(changes) for changes in answer.smallest_changes} == {1}


IMPOSSIBLE = {
    "ruled out at a glance": [("n > 5 and n < 3", "red"), ("true", "green")],
    "ruled out by an earlier row": [("n <= 4", "blue"), ("n > 3", "green"), ("n < 2", "red"), ("true", "green")],
    "ruled out by a sum": [("f > 2 * n + 2", "red"), ("true", "green")],
    "in no row": [("n > 3", "blue"), ("true", "green")],
}


@pytest.mark.parametrize("rows", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_approach_when_no_case_comes_to_it_is_proved_to_be_impossible(rows: list[tuple[str, object]]) -> None:
    facts = base(
        {"n": number(min=0, max=10), "m": number(min=0, max=2)},
        [decision("d", "first", rows, values=("red", "green", "blue"))],
        figures={"f": "n + m"},
        recommends="d",
    )
    engines = EnginePool(facts)
    answer = why_not(infer(case_of("answered", n=4.5, m=1.0), engines), engines, "red")
    assert answer.status == "impossible"
    assert answer.proof
    assert "no case comes to red" in answer.sentence


def test_assumed_value_when_it_would_do_as_an_answer_is_a_change_that_confirms_it() -> None:
    facts = base(
        {"n": number(default=3, default_source="test")},
        [decision("d", "first", [("n is answered", "red"), ("true", "green")])],
        recommends="d",
    )
    engines = EnginePool(facts)
    ((one,),) = why_not(infer(Case("test", {}), engines), engines, "red").smallest_changes
    assert (one.fact, one.from_, one.to, one.origin, one.confirms) == ("n", 3.0, 3.0, "assumed", True)


def test_number_when_it_must_pass_a_threshold_goes_to_its_very_neighbour_and_says_so() -> None:
    facts = base(
        {"n": number(min=0, max=100), "i": integer(min=0, max=100)},
        [decision("d", "first", [("n > 10", "red"), ("i > 10", "red"), ("true", "green")])],
        recommends="d",
    )
    engines = EnginePool(facts)
    found = why_not(infer(case_of("answered", n=5.0, i=5.0), engines), engines, "red").smallest_changes
    told = {one.fact: (one.to, one.to_shown) for (one,) in found}
    assert told == {"n": (math.nextafter(10, 11), "just above 10"), "i": (11.0, "11")}


@pytest.mark.parametrize("name", ["case-1-support-tickets", "case-3-code-generation-priced"])
def test_number_when_any_above_zero_does_is_one_that_people_count_in(name: str) -> None:
    answer = why_not(decided(example(name)), pool(), "cautions=accuracy_gain_assumed")
    costs = [one for changes in answer.smallest_changes for one in changes if one.fact == "cost_per_error"]
    assert all(isinstance(one.to, float) and one.to >= 0.01 for one in costs)
    assert not any("almost" in one.to_shown for changes in answer.smallest_changes for one in changes)


def test_number_when_only_what_is_next_to_zero_does_is_said_to_be_above_zero() -> None:
    facts = base(
        {"n": number(min=0, max=10)},
        [decision("d", "first", [("n > 0 and n < 0.000_000_000_000_1", "red"), ("true", "green")])],
        recommends="d",
    )
    engines = EnginePool(facts)
    ((one,),) = why_not(infer(case_of("answered", n=0.0), engines), engines, "red").smallest_changes
    assert one.to_shown == "just above 0"


def test_every_single_change_when_one_value_alone_does_is_listed() -> None:
    engines = EnginePool(load_knowledge(GPU / "rules"))
    answer = why_not(infer(Case("test", {}), engines), engines, "rent")
    listed = {one.fact for (one,) in answer.smallest_changes}
    assert "rent_price" in listed or not answer.complete
    told = render_why_not(answer, "markdown")
    assert ("Others of as few facts may do as well." in told) == (not answer.complete)


def test_conclusion_that_gathers_when_asked_for_has_changes_too() -> None:
    outcome = decided(example("case-2-insurance-claims"))
    answer = why_not(outcome, pool(), "cautions=budget_exceeded")
    assert (answer.status, {len(changes) for changes in answer.smallest_changes}) == ("found", {1})
    for (one,) in answer.smallest_changes:
        again = decided(changed(outcome.case, {one.fact: one.to}))
        assert "budget_exceeded" in (again.conclusion("cautions") or ())


# Minimal, by brute force

FACTS: dict[str, dict[str, object]] = {
    "t": truth(),
    "u": truth(default="false", default_source="test"),
    "c": choice("red", "green", "blue"),
    "n": number(min=0, max=10),
    "i": integer(min=0, max=6, default=2, default_source="test"),
}
_ATOMS = (
    *("t", "u", "not t", "c == red", "c != green", "c in [green, blue]", "n > 3", "n <= 6", "n == 5", "i >= 4"),
    *("i < 2", "f > 8", "f <= 2.5", "t == u", "n > i", "i is answered", "e == high", "e != low"),
)


@st.composite
def small_bases(draw: st.DrawFn) -> dict[str, object]:
    """Files of bases of five facts, a sum, a decision in between and a recommendation of up to six rows."""
    early = [atom for atom in _ATOMS if not atom.startswith("e ")]
    between = decision(
        "e", "first", [(draw(_conditions(early)), "high"), (draw(_conditions(early)), "low"), ("true", "middle")]
    )
    rows = [(draw(_conditions(_ATOMS)), draw(st.sampled_from(("yes_1", "yes_2", "yes_3")))) for _ in range(5)]
    last = decision("d", "first", [*rows, ("true", "yes_1")], values=("yes_1", "yes_2", "yes_3"))
    return documents(FACTS, [between, last], figures={"f": "n + i"}, recommends="d")


@st.composite
def _conditions(draw: st.DrawFn, atoms: list[str] | tuple[str, ...]) -> str:
    parts = draw(st.lists(st.sampled_from(list(atoms)), min_size=1, max_size=3, unique=True))
    return f" {draw(st.sampled_from(('and', 'and', 'or')))} ".join(parts)


#: Values of every fact on all sides of every threshold.
GRID: dict[str, tuple[Value, ...]] = {
    "t": (True, False),
    "u": (True, False),
    "c": ("red", "green", "blue"),
    "n": (
        *sorted({near for cut in (2.5, 3.0, 5.0, 6.0, 8.0) for near in (cut, math.nextafter(cut, 9), cut - 1e-9)}),
        *(0.0, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0),
    ),
    "i": (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
}


def reaches(engines: EnginePool, given_case: Case, wanted: str) -> bool:
    try:
        return infer(given_case, engines).recommended == wanted
    except InferenceError:
        return False


def brute(engines: EnginePool, given_case: Case, wanted: str, size: int) -> Iterator[dict[str, Value]]:
    """Every change of so many facts on the grid that does."""
    for facts in combinations(FACTS, size):
        for values in product(*(GRID[name] for name in facts)):
            point = dict(zip(facts, values, strict=True))
            if reaches(engines, changed(given_case, point), wanted):
                yield point


@given(small_bases(), st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
def test_changes_of_random_small_bases_lead_there_and_no_smaller_set_or_nearer_single_value_does(
    files: dict[str, object], data: st.DataObject
) -> None:
    engines = EnginePool(loaded(files))
    given_case = Case("test", {})
    for name in FACTS:
        value = data.draw(st.sampled_from((*GRID[name], None)))
        if value is not None:
            given_case = given_case.replace(name, Given(name, value))
    outcome = infer(given_case, engines)
    wanted = data.draw(st.sampled_from(("yes_2", "yes_3")))
    if outcome.recommended == wanted:
        return
    found = smallest_changes(outcome, engines, Wanted("d", wanted))
    sizes = {len(one.point) for one in found.sets}
    assert len(sizes) == (found.status == "found")
    for one in found.sets:
        assert reaches(engines, changed(given_case, one.point), wanted)
    smaller = range(1, min(sizes)) if sizes else range(1, len(FACTS) + 1)
    if found.status != "not found" and (found.fewest or found.status == "impossible"):
        assert [point for size in smaller for point in brute(engines, given_case, wanted, size)][:1] == []
    if sizes == {1}:
        check_nearest(outcome, engines, wanted, {fact: one.point[fact] for one in found.sets for fact in one.point})
    assert found.status != "not found" or None in outcome.memory.values.values()
    engines.close()


def check_nearest(outcome: Outcome, engines: EnginePool, wanted: str, found: Mapping[str, Value]) -> None:
    """No value of the grid that does is nearer than the one that was found."""
    now = outcome.memory.values
    for point in brute(engines, outcome.case, wanted, 1):
        for name, value in point.items():
            if name in found and now[name] is not None:
                assert measure(now[name], found[name]) <= measure(now[name], value)


# Minimal and complete, where rules ask how a fact is known


def every_change(engines: EnginePool, given_case: Case, wanted: str) -> dict[frozenset[str], dict[str, Value]]:
    """Every set of facts of which some answers lead there, with such answers."""
    found: dict[frozenset[str], dict[str, Value]] = {}
    for size in range(1, len(DOMAINS) + 1):
        for facts in combinations(DOMAINS, size):
            for values in product(*(DOMAINS[name] for name in facts)):
                point = dict(zip(facts, values, strict=True))
                if frozenset(facts) not in found and reaches(engines, changed(given_case, point), wanted):
                    found[frozenset(facts)] = point
    return found


@given(bases_that_tell_apart(), cases_known_in_every_way(), st.sampled_from(("p", "q", "s")), st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
def test_changes_where_rules_ask_how_facts_are_known_are_all_there_is_and_hold_nothing_superfluous(
    files: dict[str, object], given_case: Case, wanted: str, data: st.DataObject
) -> None:
    engines = EnginePool(loaded(files))
    outcome = infer(given_case, engines)
    if outcome.recommended == wanted:
        return
    found = smallest_changes(outcome, engines, Wanted("d", wanted))
    sets = [one.point for one in found.sets]
    assert bool(sets) == (found.status == "found")
    for point in sets:
        assert reaches(engines, changed(given_case, point), wanted)
        for name in point:
            rest = {other: value for other, value in point.items() if other != name}
            assert not reaches(engines, changed(given_case, rest), wanted), (point, name)
    by_answers = every_change(engines, given_case, wanted)
    taken_back = any(value is None for point in sets for value in point.values())
    if found.status in ("impossible", "no answers") or (taken_back and found.complete):
        assert by_answers == {}
    if sets and found.fewest:
        assert [facts for facts in by_answers if len(facts) < len(sets[0])] == []
    if found.complete and not taken_back:
        least = {facts for facts in by_answers if len(facts) == len(sets[0])}
        assert least == {frozenset(point) for point in sets}
    if found.status == "impossible":
        for _ in range(60):
            assert not reaches(engines, data.draw(cases_known_in_every_way()), wanted)
    engines.close()


ASKED = {
    "is known": ("c is known", choice("red", "green")),
    "is answered": ("c is answered", choice("red", "green")),
    "is given": ("c is given", choice("red", "green")),
    "is not assumed": ("c is not assumed", choice("red", "green", default="red", default_source="test")),
}


@pytest.mark.parametrize(("condition", "declared"), ASKED.values(), ids=ASKED)
def test_change_when_an_answer_to_another_fact_would_destroy_it_is_found(
    condition: str, declared: dict[str, object]
) -> None:
    facts = base(
        {"c": declared, "t": truth()},
        [decision("d", "first", [(condition, "s"), ("t", "s"), ("true", "q")])],
        recommends="d",
    )
    engines = EnginePool(facts)
    answer = why_not(infer(case_of("answered", t=True), engines), engines, "q")
    ((one,),) = answer.smallest_changes
    assert (answer.status, answer.fewest, answer.complete) == ("found", True, True)
    assert (one.fact, one.from_, one.to) == ("t", True, False)


def test_fact_that_was_measured_when_an_answer_would_destroy_that_stays_measured() -> None:
    facts = base(
        {"n": number(min=0, max=9), "t": truth()},
        [decision("d", "first", [("n is measured and t", "q"), ("true", "s")])],
        recommends="d",
    )
    engines = EnginePool(facts)
    measured = case_of("measured", n=3.0).replace("t", Given("t", False))
    ((one,),) = why_not(infer(measured, engines), engines, "q").smallest_changes
    assert (one.fact, one.to) == ("t", True)


def test_conclusion_when_only_no_answer_leads_to_it_is_had_by_taking_one_back() -> None:
    outcome = decided(example("case-2-insurance-claims"))
    answer = why_not(outcome, pool(), "cautions=error_cost_not_answered")
    ((one,),) = answer.smallest_changes
    assert (answer.status, one.fact, one.to, one.to_shown) == ("found", "cost_per_error", None, "unknown")
    again = decided(outcome.case.replace("cost_per_error", Given("cost_per_error", None)))
    assert "error_cost_not_answered" in (again.conclusion("cautions") or ())


def test_conclusion_when_other_cases_come_to_it_but_no_answers_lead_there_is_not_called_impossible() -> None:
    facts = base(
        {"n": number(min=0, max=9), "t": truth()},
        [decision("d", "first", [("n is measured", "red"), ("true", "green")])],
        recommends="d",
    )
    engines = EnginePool(facts)
    assert infer(case_of("measured", n=1.0), engines).recommended == "red"
    answer = why_not(infer(case_of("answered", n=1.0), engines), engines, "red")
    assert (answer.status, answer.smallest_changes) == ("no answers", ())
    assert "No answers lead from this case to red" in answer.sentence
    assert "no case" not in answer.sentence


def test_set_of_changes_when_a_third_fact_is_tried_with_it_leaves_that_out() -> None:
    gpu = load_knowledge(GPU / "rules")
    engines = EnginePool(gpu)
    given_case = Case(
        "test",
        {
            "utilization": Given("utilization", 0.0161, origin="assumed"),
            "months_needed": Given("months_needed", 60.0),
        },
    )
    answer = why_not(infer(given_case, engines), engines, "reserve")
    assert answer.status == "found"
    for changes in answer.smallest_changes:
        point = {one.fact: one.to for one in changes}
        for name in point:
            rest = {other: value for other, value in point.items() if other != name}
            assert infer(changed(given_case, rest), engines).recommended != "reserve"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (5.0, 5.0, (0, 0)),
        (100.0, 200.0, (1 / 3, 100)),
        (200.0, 100.0, (1 / 3, 100)),
        (0.0, 7.0, (1, 7)),
        (-1.0, 1.0, (1, 2)),
        ("red", "green", (1, 0)),
        (True, False, (1, 0)),
        (None, 5.0, (1, 0)),
    ],
)
def test_measure_when_a_fact_moves_grows_from_nothing_to_one(
    before: Value, after: Value, expected: tuple[float, float]
) -> None:
    assert measure(before, after) == pytest.approx(expected)


# Asking

REFUSED = {
    "a misspelt approach": ("loar", "Did you mean 'lora'?"),
    "no approach at all": ("x" * 300, "is not one of"),
    "a misspelt decision": ("mehtod=lora", "Did you mean 'method'?"),
    "a figure": ("net_benefit=5", "is a figure, and no rule concludes it"),
    "a fact": ("budget=5", "is a fact, and no rule concludes it"),
    "a value of another decision": ("method=hybrid", "is not one of few_shot, lora, full_fine_tuning"),
}


@pytest.mark.parametrize(("approach", "hint"), REFUSED.values(), ids=REFUSED)
def test_approach_when_there_is_none_of_that_name_is_refused_with_a_way_out(approach: str, hint: str) -> None:
    with pytest.raises(BadInput) as raised:
        why_not(decided(example("ranges")), pool(), approach)
    assert hint in str(raised.value)


@pytest.mark.parametrize("approach", ["LoRA", "full fine-tuning", "Full-Fine-Tuning", "method = lora"])
def test_approach_when_named_by_its_title_or_spelled_freely_is_understood(approach: str) -> None:
    assert why_not(decided(example("case-1-support-tickets")), pool(), approach).approach in {
        "lora",
        "full_fine_tuning",
    }


def test_base_that_recommends_nothing_when_asked_takes_name_and_value() -> None:
    facts = base({"n": number()}, [decision("d", "first", [("n > 3", 5.0), ("true", 7.0)])])
    engines = EnginePool(facts)
    outcome = infer(case_of("answered", n=1.0), engines)
    with pytest.raises(BadInput, match="Write NAME=VALUE, such as d=5"):
        why_not(outcome, engines, "5")
    ((one,),) = why_not(outcome, engines, "d=5.0").smallest_changes
    assert (one.fact, one.to) == ("n", math.nextafter(3, 4))


# Shown


@pytest.mark.parametrize("format", FORMATS)
def test_answer_when_the_case_is_hostile_is_harmless_in_every_format(format: Format) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m\u202e*x*_|[bold]\\¦`"
    given_case = example("case-2-insurance-claims")
    outcome = decided(Case(hostile, given_case.given))
    text = render_why_not(why_not(outcome, pool(), "lora"), format, width=80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert format != "html" or "<script" not in text
    if format == "json":
        assert json.loads(text)["case_name"] == hostile


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def test_command_when_run_gives_the_rows_and_changes_of_the_contract() -> None:
    case_file = ROOT / "examples" / "case-2-insurance-claims.yaml"
    answer = json.loads(run(case_file, "lora", "--format", "json").stdout)
    assert {"rule", "failed"} <= answer["rows"][0].keys()
    assert {"condition", "value", "needed"} <= answer["rows"][0]["failed"][0].keys()
    assert answer["smallest_changes"][0][0].items() >= {"fact": "budget", "from": 80_000}.items()
    assert answer["smallest_changes"][0][0]["to"] == math.nextafter(50_000, 0)
    printed = run(case_file, "lora").stdout
    assert "upfront budget: $80,000 → just below $50,000" in printed
    assert "Proved: fewer will not do." in printed


def test_command_when_the_approach_is_unknown_ends_with_status_2_and_a_suggestion() -> None:
    refused = run(ROOT / "examples" / "ranges.yaml", "loar")
    assert refused.exit_code == 2
    assert "Did you mean 'lora'?" in refused.stderr


def test_command_when_given_another_base_explains_it() -> None:
    printed = run(GPU / "case.yaml", "rent", "--rules", GPU / "rules", "--format", "json")
    assert printed.exit_code == 0
    assert json.loads(printed.stdout)["status"] == "found"
