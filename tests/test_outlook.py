from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise, product

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from engine.case import Case, Given
from engine.costs import WorkingMemory, working_memory
from engine.errors import InferenceError
from engine.evaluator import evaluate_decision
from engine.knowledge import Knowledge
from engine.language.bounds import FALSE, TRUE, compile_bounds
from engine.language.evaluate import Value, compile_plain
from engine.language.nodes import children
from engine.language.possible import Possible, Span, Truths, Words, compile_possible, straight
from engine.language.scope import ChoiceType, NumberType, SetType
from engine.outlook import Domain, Outlook, asked_states, full_domain, thresholds
from engine.pipeline import doubtful
from engine.steadiness import quick_look
from tests.cases import NEEDED, Answers, answers, case, decided, example, knowledge, source_of_chance
from tests.strategies import (
    RandomBase,
    base,
    case_of,
    decided_by_definition,
    decision,
    documents,
    integer,
    loaded,
    number,
    random_bases,
    random_bases_with_cases,
    table,
)

quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_ORIGINS = ("answered", "measured", "supposed", "assumed", "computed")


def allows(possible: Possible, value: Value) -> bool:
    """Whether a value is among those that are possible."""
    if value is None:
        return possible.unknown
    if isinstance(possible, Span):
        return isinstance(value, float) and possible.low <= value <= possible.high
    if isinstance(possible, Words):
        return value in possible.options
    return possible.true if value is True else possible.false


# Expressions


@st.composite
def spans(draw: st.DrawFn, constants: tuple[float, ...]) -> Span:
    """Spans that end at the constants of the base, near them, at nothing and at never."""
    ends = st.one_of(st.sampled_from((*constants, 0.0, 1.0, -1.0, math.inf)), st.floats(-1e6, 1e6))
    low, high = sorted((draw(ends), draw(ends)))
    return Span(low, draw(st.sampled_from((low, high))), draw(st.booleans()))


@st.composite
def boxes(draw: st.DrawFn, base: Knowledge, constants: tuple[float, ...]) -> dict[str, Possible]:
    """What each name of a base may be."""
    box: dict[str, Possible] = {}
    for name, symbol in base.scope.symbols.items():
        match symbol.type:
            case NumberType():
                box[name] = draw(spans(constants))
            case ChoiceType(values=values) | SetType(values=values):
                chosen = draw(st.frozensets(st.sampled_from(values), min_size=1))
                box[name] = Words(chosen, draw(st.booleans()))
            case _:
                true = draw(st.booleans())
                box[name] = Truths(true, not true or draw(st.booleans()), draw(st.booleans()))
    return box


def a_value_of(possible: Possible, chance: random.Random) -> Value:
    """One of the values that are possible."""
    if possible.unknown and chance.random() < 0.3:
        return None
    if isinstance(possible, Words):
        return chance.choice(sorted(possible.options)) if possible.options else None
    if isinstance(possible, Truths):
        known = [truth for truth, may in ((True, possible.true), (False, possible.false)) if may]
        return chance.choice(known) if known else None
    return a_number_of(possible, chance)


def a_number_of(span: Span, chance: random.Random) -> float | None:
    """A number of a span: often one of its ends or a neighbour, or a round one within."""
    if span.low > span.high:
        return None
    tried = [span.low, span.high, math.nextafter(span.low, math.inf), math.nextafter(span.high, -math.inf)]
    tried += [0.0, 1.0, span.low / 2 + span.high / 2]
    if math.isfinite(span.low) and math.isfinite(span.high):
        tried += [min(max(chance.uniform(span.low, span.high), span.low), span.high)] * 4
    return chance.choice([number for number in tried if span.low <= number <= span.high])


@quickly
@given(st.data())
def test_expression_when_evaluated_at_a_point_of_a_box_is_among_what_the_box_allows(data: st.DataObject) -> None:
    drawn: RandomBase = data.draw(random_bases())
    base = loaded(drawn.files)
    box = data.draw(boxes(base, drawn.constants))
    origins = {name: frozenset({*data.draw(st.frozensets(st.sampled_from(_ORIGINS), min_size=1))}) for name in box}
    possible_origins = {
        name: frozenset[str | None](origins[name]) | (frozenset({None}) if possible.unknown else frozenset())
        for name, possible in box.items()
    }
    chance = source_of_chance(data.draw(st.integers(0, 2**32)))
    nodes = [quantity.formula for quantity in base.quantities.values()]
    nodes += [row.when for table in base.decisions.values() for row in table.rows]
    explored = [(node, compile_plain(node, base.tables), compile_possible(node, base.tables)) for node in nodes]
    for _ in range(40):
        values = {name: a_value_of(possible, chance) for name, possible in box.items()}
        known = {name: chance.choice(sorted(origins[name])) for name, value in values.items() if value is not None}
        for node, evaluate, explore in explored:
            assert allows(explore(box, possible_origins), evaluate(values, known)), (node, values)


_ENDS = (-math.inf, -2.0, -1.0, 0.0, 1.0, 3.0, math.inf)
_WITHIN = (-math.inf, -5.0, -1.5, -1.0, -1e-300, 0.0, 5e-324, 0.5, 1.0, 2.0, 3.0, 7.0, math.inf)
FORMULAS = ("n0 + n1", "n0 - n1", "n0 * n1", "n0 / n1", "-n0", "min(n0, n1)", "at(n0)", "n0 * never", "n0 < n1 * n1")


@pytest.mark.parametrize("formula", FORMULAS)
def test_expression_when_a_number_may_be_never_or_nothing_leaves_out_no_outcome(formula: str) -> None:
    tables = {"at": table((1, 3), (10, 0), below="proportional", above="proportional")}
    rows = [(formula if "<" in formula else f"({formula}) > 0", "red")]
    base = loaded(documents({"n0": number(), "n1": number()}, [decision("d0", "first", rows)], tables=tables))
    node = base.decisions["d0"].rows[0].when
    node = node if "<" in formula else children(node)[0]
    evaluate, explore = compile_plain(node, base.tables), compile_possible(node, base.tables)
    narrow = [Span(low, high) for low in _ENDS for high in _ENDS if low <= high]
    for one, other in product(narrow, narrow):
        found = explore({"n0": one, "n1": other}, {})
        for left, right in product(_WITHIN, _WITHIN):
            if one.low <= left <= one.high and other.low <= right <= other.high:
                value = evaluate({"n0": left, "n1": right}, {})
                assert allows(found, value), (one, other, left, right, value, found)


SUMS = (
    "n0 + 0.2 <= 0.3",
    "n0 * 1.1 < 3.3",
    "n0 / 3 * 3 == n0",
    "n0 + 0.1 in [0.2, 0.3]",
    "n0 * 0.1 + n0 * 0.2 >= n0 * 0.3",
    "n0 * 0.1 + n0 * 0.2 != n1 * 0.3",
    "n0 + 0.2 <= n1 * 1.1",
    "min(n0 * 1.1, n1) > 0.3",
    "0.3 <= max(n0 / 0.7, n1 - 0.1) <= 3.3",
    "at(n0) > 15.6",
    "(n0 + 0.2 if n1 * 1.1 <= 3.3 else n0) == 0.3",
)
_DECIMALS = tuple(tenths / 10 for tenths in range(41))


@quickly
@given(st.sampled_from(SUMS), *[st.sampled_from(_DECIMALS)] * 4)
def test_comparison_of_sums_when_decided_for_a_span_is_decided_so_at_every_decimal_in_it(
    formula: str, first: float, last: float, low: float, high: float
) -> None:
    tables = {"at": table((1, 10), (3, 20), (8, 0))}
    rows = [(formula, "red")]
    base = loaded(documents({"n0": number(), "n1": number()}, [decision("d0", "first", rows)], tables=tables))
    node = base.decisions["d0"].rows[0].when
    evaluate, explore = compile_plain(node, base.tables), compile_possible(node, base.tables)
    least, most = min(first, last), max(first, last)
    low, high = min(low, high), max(low, high)
    across = explore({"n0": Span(least, most), "n1": Span(low, high)}, {})
    along = explore({"n0": straight(first, last), "n1": straight(low, high)}, {})
    bounds = compile_bounds(node, base.tables)({"n0": (least, most, False), "n1": (low, high, False)}, {})
    assert isinstance(bounds, int)
    for one in (decimal for decimal in _DECIMALS if least <= decimal <= most):
        for near, other in product((one, math.nextafter(one, first), math.nextafter(one, last)), (low, high)):
            found = evaluate({"n0": near, "n1": other}, {})
            assert allows(across, found), (near, other)
            assert bounds & (TRUE if found else FALSE), (near, other)
        share = 0.0 if first == last else (one - first) / (last - first)
        assert allows(along, evaluate({"n0": first + share * (last - first), "n1": low + share * (high - low)}, {}))


# Regions of a whole base


def decided_memory(base: Knowledge, given_case: Case) -> WorkingMemory:
    """The facts and figures of a case, and what the plain evaluator concludes from them.

    What contradicts itself is left open.
    """
    memory = working_memory(base, given_case)
    for name in base.order:
        if name in base.decisions and base.decisions[name].policy != "collect":
            with suppress(InferenceError):
                verdict = evaluate_decision(base, name, memory.values, memory.origins)
                for output, value in (verdict.outputs or {}).items():
                    memory.conclude(output, value)
    return memory


@dataclass(frozen=True, slots=True)
class Opened:
    """A random base, a case of it, and what its open facts may be."""

    base: Knowledge
    drawn: RandomBase
    case: Case
    domains: Mapping[str, Domain]
    seed: int

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: object) -> None:
        """What Hypothesis prints; the base as loaded would fill pages."""
        printer.text(f"{self.drawn.files}\n{self.case.given}\n{self.domains}")

    def outlooks(self) -> Iterator[tuple[str, Outlook]]:
        """For each output of one value where the open facts can lead it."""
        memory = decided_memory(self.base, self.case)
        outputs = (output for output, name in self.base.decision_of.items() if not self._collects(name))
        yield from ((output, Outlook(memory, output, self.domains)) for output in outputs)

    def _collects(self, name: str) -> bool:
        return self.base.decisions[name].policy == "collect"

    def points(self, count: int) -> list[dict[str, Value]]:
        """Answers to the open facts: mostly thresholds of the base or their neighbours."""
        chance = source_of_chance(self.seed)
        return [a_point_of(self.base, self.domains, chance) for _ in range(count)]

    def concluded(self, point: Mapping[str, Value], output: str) -> Value | InferenceError:
        """What the rules come to where the open facts are answered so, or the contradiction they meet."""
        return concluded(self.base, answered(self.case, point), output)


def answered(given_case: Case, point: Mapping[str, Value]) -> Case:
    """The case with these facts answered; what is None is said to be unknown."""
    for name, value in point.items():
        given_case = given_case.replace(name, Given(name, value))
    return given_case


def concluded(base: Knowledge, given_case: Case, output: str) -> Value | InferenceError:
    """What the plain evaluator concludes, or the contradiction it meets."""
    try:
        return decided_by_definition(base, given_case).values[output]
    except InferenceError as contradiction:
        return contradiction


@st.composite
def opened_cases(draw: st.DrawFn) -> Opened:
    """A random base and a case of it, of which a few facts are open: to all they may be, or to a part of it."""
    drawn, (given_case,) = draw(random_bases_with_cases(cases=1))
    # What is told only once rules have fired is another matter.
    assume(drawn.signal is None)
    base = loaded(drawn.files)
    opened = draw(st.lists(st.sampled_from(sorted(base.facts)), min_size=1, max_size=3, unique=True))
    domains: dict[str, Domain] = {}
    for name in opened:
        domain = full_domain(base.facts[name])
        if isinstance(domain.values, Span) and draw(st.booleans()):
            ends = [value for value in drawn.constants if domain.values.low <= value <= domain.values.high]
            if ends and not domain.integer:
                domain = replace(domain, values=Span(min(ends), max(ends)))
        domains[name] = domain
        given_case = given_case.without(name)
    return Opened(base, drawn, given_case, domains, draw(st.integers(0, 2**32)))


def a_point_of(base: Knowledge, domains: Mapping[str, Domain], chance: random.Random) -> dict[str, Value]:
    """A value of each open fact: mostly a threshold of the base or its neighbour."""
    return {name: _an_answer(base, name, domain, chance) for name, domain in domains.items()}


def _an_answer(base: Knowledge, name: str, domain: Domain, chance: random.Random) -> Value:
    values = domain.values
    if not isinstance(values, Span):
        return a_value_of(values, chance)
    cuts = thresholds(base).get(name, ())
    tried = [near for cut in cuts for near in (cut, math.nextafter(cut, -math.inf), math.nextafter(cut, math.inf))]
    within = [value for value in tried if values.low <= value <= values.high]
    value = chance.choice(within) if within and chance.random() < 0.6 else a_number_of(values, chance)
    return float(round(value)) if domain.integer and value is not None else value


def agrees(found: Value | InferenceError, expected: Value) -> bool:
    """Whether the rules come to what was expected; where they contradict each other nothing is."""
    return isinstance(found, InferenceError) or found == expected


def same(one: Value | InferenceError, other: Value | InferenceError) -> bool:
    """Whether two cases come to the same, contradictions aside."""
    return isinstance(one, InferenceError) or agrees(other, one)


@quickly
@given(opened_cases())
def test_outlook_at_a_point_when_the_facts_are_answered_so_is_what_the_rules_conclude(opened: Opened) -> None:
    for output, outlook in opened.outlooks():
        for point in opened.points(5):
            moving = {name: value for name, value in point.items() if name in outlook.domains}
            assert agrees(opened.concluded(point, output), outlook.at(moving)), (output, point)


@quickly
@given(opened_cases())
def test_region_when_a_point_of_it_is_decided_allows_what_comes_out(opened: Opened) -> None:
    for output, outlook in opened.outlooks():
        box, _ = outlook.region(outlook.domains)
        for point in opened.points(5):
            found = opened.concluded(point, output)
            assert isinstance(found, InferenceError) or allows(box[output], found), (output, point, found)


@quickly
@given(opened_cases())
def test_only_conclusion_when_open_facts_are_answered_at_random_is_the_only_one(opened: Opened) -> None:
    for output, outlook in opened.outlooks():
        found = outlook.explore(enough=2)
        for conclusion, point in found.values.items():
            assert agrees(opened.concluded(point, output), conclusion), (output, point)
        if found.complete and len(found.values) == 1:
            (only,) = found.values
            for point in opened.points(10):
                assert agrees(opened.concluded(point, output), only), (output, point)


@quickly
@given(opened_cases())
def test_quick_look_when_it_finds_something_is_what_open_facts_lead_to(opened: Opened) -> None:
    for output, outlook in opened.outlooks():
        found = quick_look(outlook.memory, output, opened.domains)
        if found is not None and len(found) == 1:
            (only,) = found
            for point in opened.points(10):
                assert agrees(opened.concluded(point, output), only), (output, point)


@quickly
@given(opened_cases())
def test_fact_when_proved_to_make_no_difference_makes_none(opened: Opened) -> None:
    for output, outlook in opened.outlooks():
        for fact in opened.domains:
            differing = outlook.matters(fact)
            assert differing is None or len(differing) != 1
            if differing == frozenset():
                for point, other in pairwise(opened.points(6)):
                    outcomes = [opened.concluded(each, output) for each in (point, {**point, fact: other[fact]})]
                    assert same(*outcomes), (output, fact, point, other[fact])


# The built-in base


def completed(given_case: Case, facts: Iterable[str], chance: random.Random) -> Case:
    """The case with these facts answered with anything they take."""
    base = knowledge()
    return answered(given_case, a_point_of(base, {fact: full_domain(base.facts[fact]) for fact in facts}, chance))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers(complete=False, often=2), st.integers(0, 2**32))
def test_standing_conclusion_when_what_it_stands_on_is_answered_is_still_concluded(drawn: Answers, seed: int) -> None:
    chance = source_of_chance(seed)
    for stand in decided(drawn.case).standing:
        for _ in range(12):
            case = completed(drawn.case, stand.whatever, chance)
            assert concluded(knowledge(), case, stand.output) == stand.value, (stand, case)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers(complete=False, often=2), st.integers(0, 2**32))
def test_conclusion_when_unknown_facts_are_answered_after_all_stays_what_it_was(drawn: Answers, seed: int) -> None:
    chance, base = source_of_chance(seed), knowledge()
    before = decided_by_definition(base, drawn.case).values
    # What a rule asks the state of may well count as known to be unknown.
    facts = [fact for fact in NEEDED if before[fact] is None and fact not in asked_states(base)]
    for _ in range(6):
        after = decided_by_definition(base, completed(drawn.case, facts, chance)).values
        for output in base.decision_of:
            assert before[output] in (None, after[output]), (output, facts)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers(complete=False, often=2))
def test_row_when_it_wins_has_every_earlier_row_known_to_fail(drawn: Answers) -> None:
    for verdict in decided(drawn.case).verdicts.values():
        if verdict.table.policy == "first":
            for row in verdict.decisive:
                assert set(verdict.holds[:row]) <= {False}
                assert verdict.holds[row] is True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers(complete=True), st.integers(0, 2**32))
def test_recommendation_when_nothing_could_turn_it_is_not_turned_by_what_is_unknown(drawn: Answers, seed: int) -> None:
    chance, outcome = source_of_chance(seed), decided(drawn.case)
    domains = doubtful(outcome.memory)
    outlook = Outlook(outcome.memory, "recommendation", domains)
    tried = [outlook.at(a_point_of(knowledge(), outlook.domains, chance)) for _ in range(60)]
    assert outcome.could_turn or set(tried) <= {outcome.recommended}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers(complete=True))
def test_recommendation_when_something_could_turn_it_is_turned_somewhere(drawn: Answers) -> None:
    outcome = decided(drawn.case)
    if outcome.could_turn:
        outlook = Outlook(outcome.memory, "recommendation", doubtful(outcome.memory))
        found = outlook.explore(enough=2).values
        assert len(found) > 1
        assert {conclusion: outlook.at(point) for conclusion, point in found.items()} == {each: each for each in found}


@pytest.mark.parametrize(("condition", "low", "high"), [("n0 + 0.2 <= 0.3", 0.0, 0.1), ("n0 * 1.1 <= 3.3", 2.0, 3.0)])
def test_conclusion_when_an_open_fact_may_be_just_what_decimals_allow_is_the_only_one(
    condition: str, low: float, high: float
) -> None:
    rows = [(condition, "red"), ("true", "green")]
    base = loaded(documents({"n0": number()}, [decision("d0", "first", rows)]))
    memory = decided_memory(base, Case("open", {}))
    assert Outlook(memory, "d0", {"n0": Domain(Span(low, high))}).explore(prove=False).only == "red"
    beyond = Outlook(memory, "d0", {"n0": Domain(Span(low, high + 1e-10))})
    assert set(beyond.explore(prove=False).values) == {"red", "green"}


#: Pairs of answers to one unknown fact of the example with much unknown, others held, that decide it differently.
DIFFERENCES: dict[str, tuple[dict[str, Value], Value, Value]] = {
    "has_labeled_data": ({"fine_tuned_accuracy": 0.99, "domain_changes_often": False}, True, False),
    "fine_tuned_accuracy": ({"has_labeled_data": True, "domain_changes_often": False}, 0.84, 0.95),
    "domain_changes_often": ({"has_labeled_data": True, "fine_tuned_accuracy": 0.99}, True, False),
    "budget": (
        {"has_labeled_data": True, "domain_changes_often": False, "fine_tuned_accuracy": 0.99},
        14_000.0,
        16_000.0,
    ),
}


@pytest.mark.parametrize("fact", DIFFERENCES)
def test_unknown_fact_when_two_answers_lead_elsewhere_is_said_to_matter(fact: str) -> None:
    others, one, other = DIFFERENCES[fact]
    unknown = answered(example("much-unknown"), others)
    outcomes = {concluded(knowledge(), answered(unknown, {fact: value}), "recommendation") for value in (one, other)}
    assert len(outcomes) == 2
    assert outcomes <= set(outlook_of(example("much-unknown")).explore().values)
    assert len(outlook_of(example("much-unknown")).matters(fact) or ()) > 1


def outlook_of(given_case: Case) -> Outlook:
    """Where the unknown facts of a case can lead its recommendation."""
    memory = decided(given_case).memory
    return Outlook(memory, "recommendation", doubtful(memory))


def test_unknown_facts_when_a_prototype_is_decided_make_no_difference() -> None:
    outcome = decided(case(is_prototype=True))
    assert (outcome.recommended, outcome.could_turn) == ("few_shot", False)
    outlook = outlook_of(case(is_prototype=True))
    assert {outlook.matters(fact) for fact in knowledge().facts} == {frozenset()}


def test_conclusion_when_it_stands_whatever_an_unknown_fact_is_says_so() -> None:
    known = case(
        requests_per_month=80_000,
        has_ml_engineering=True,
        accuracy_is_critical=False,
        has_labeled_data=True,
        labeled_examples=50,
        prompt_accuracy=0.8,
        fine_tuned_accuracy=0.8,
        cost_per_error=0,
    )
    outcome = decided(known)
    assert outcome.conclusion("framework_verdict") is None
    (stand,) = (stand for stand in outcome.standing if stand.output == "recommendation")
    assert (stand.value, stand.whatever) == ("prompt_engineering", ("domain_changes_often",))


def test_region_of_a_whole_number_that_a_figure_repeats_has_floats_for_its_ends() -> None:
    rows = [("twice > 5", "a"), ("n <= 1", "a"), ("true", "b")]
    known = base({"n": integer(min=0, max=7)}, [decision("d", "first", rows)], figures={"twice": "n"})
    memory = working_memory(known, case_of())
    outlook = Outlook(memory, "d", {"n": full_domain(known.facts["n"])})
    assert set(outlook.explore().values) == {"a", "b"}
