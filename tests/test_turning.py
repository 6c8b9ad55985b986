from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.case import Case
from engine.describe import decide
from engine.pipeline import Outcome
from engine.turning import FactLine, Segment, Turn, turns, where
from tests.cases import (
    EXAMPLES,
    Answers,
    answers,
    decided,
    example,
    knowledge,
    moved,
    pool,
    recommended,
    source_of_chance,
)
from tests.strategies import decided_by_definition

VARIED = knowledge().manifest.turning
#: Every value that a varied fact may have is as likely to lie in one order of magnitude as in another.
_LEAST = 1e-7
thoroughly = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def line_of(outcome: Outcome, fact: str) -> FactLine:
    """The recommendation along one fact of a decided case."""
    fallback = outcome.knowledge.manifest.fallback
    return FactLine(outcome.memory, fact, fallback.conclusion if fallback else None)


def turns_of(outcome: Outcome, fact: str) -> dict[str, Turn]:
    """The nearest turns of a fact whose value is known, by the side they lie on."""
    approach = recommended(outcome)
    assert approach is not None
    return {turn.side: turn for turn in turns(line_of(outcome, fact), todays(outcome, fact), approach)}


def todays(outcome: Outcome, fact: str) -> float:
    """The fact's value, or the figure that stands in its place."""
    figure = VARIED[fact]
    value = outcome.memory.values[fact]
    if value is None and figure is not None:
        value = outcome.memory.values[figure]
    assert isinstance(value, float)
    return value


def known_facts(outcome: Outcome) -> list[str]:
    """The varied facts that were given or have a default."""
    return [fact for fact in VARIED if outcome.memory.values[fact] is not None]


def standing_in(outcome: Outcome) -> list[str]:
    """The varied facts that are unknown, but for a figure in their place."""
    figures = ((fact, figure) for fact, figure in VARIED.items() if figure is not None)
    values = outcome.memory.values
    return [fact for fact, figure in figures if values[fact] is None and values[figure] is not None]


def assume_no_tie(drawn: Answers) -> None:
    """Where everything is routed a hybrid is the method itself, and rounding alone decides between the two."""
    assume(drawn.values.get("repetitive_share") != 1)


def last_and_first(turn: Turn) -> tuple[float, float]:
    """The last number before a turn and the first beyond it, seen from today's value."""
    onwards = math.inf if turn.side == "above" else -math.inf
    if turn.inclusive:
        return math.nextafter(turn.at, -onwards), turn.at
    return turn.at, math.nextafter(turn.at, onwards)


def recommended_at(case: Case, fact: str, value: float) -> str | None:
    """What is recommended in the end where the fact has the value."""
    return recommended(decided(moved(case, fact, value)))


def concluded_at(case: Case, fact: str, value: float) -> object:
    """The same by the plain evaluator alone, which is quicker; nothing that it needs may be unknown."""
    return decided_by_definition(knowledge(), moved(case, fact, value)).values["recommendation"]


def tried_values(low: float, high: float, current: float, chance: random.Random, count: int) -> Iterator[float]:
    """Values between two bounds: near today's, near either bound, and spread over all orders of magnitude."""
    for _ in range(count):
        near = chance.choice((low, high, current))
        other = chance.choice((low, high, current))
        spread = math.exp(chance.uniform(math.log(max(low, _LEAST)), math.log(max(high, 2 * _LEAST))))
        value = chance.choice((spread, chance.uniform(low, high), near + (other - near) * 10 ** chance.uniform(-9, 0)))
        yield min(max(value, low), high)


# As random cases have it


@thoroughly
@given(answers(complete=True))
def test_turn_when_a_case_is_decided_on_either_side_is_where_the_recommendation_changes(drawn: Answers) -> None:
    assume_no_tie(drawn)
    outcome = decided(drawn.case)
    for fact in (*known_facts(outcome), *standing_in(outcome)):
        for turn in turns_of(outcome, fact).values():
            last, first = last_and_first(turn)
            assert recommended_at(drawn.case, fact, last) == recommended(outcome), (fact, turn)
            assert recommended_at(drawn.case, fact, first) == turn.becomes, (fact, turn)


@thoroughly
@given(answers(complete=True), st.integers(0, 2**32))
def test_turn_when_values_nearer_to_todays_are_tried_is_the_nearest(drawn: Answers, seed: int) -> None:
    assume_no_tie(drawn)
    outcome, chance = decided(drawn.case), source_of_chance(seed)
    for fact in (*known_facts(outcome), *standing_in(outcome)):
        line = line_of(outcome, fact)
        line.segments()
        if not line.proved or line.at(todays(outcome, fact)) != recommended(outcome):
            # Rounding decides to and fro, far beyond any real value; or to answer what was assumed is enough.
            continue
        found, current = turns_of(outcome, fact), todays(outcome, fact)
        low, high = knowledge().facts[fact].bounds
        if "below" in found:
            low, _ = last_and_first(found["below"])
        if "above" in found:
            high, _ = last_and_first(found["above"])
        for value in tried_values(low, high, current, chance, 30):
            assert concluded_at(drawn.case, fact, value) == recommended(outcome), (fact, value, found)


@thoroughly
@given(answers(complete=False), st.sampled_from(sorted(VARIED)))
def test_segments_of_a_fact_when_put_together_are_everything_it_may_be(drawn: Answers, fact: str) -> None:
    segments = line_of(decided(drawn.case), fact).segments()
    assert (segments[0].low, segments[-1].high) == knowledge().facts[fact].bounds
    for before, after in pairwise(segments):
        assert math.nextafter(before.high, math.inf) == after.low
        assert before.recommends != after.recommends


@thoroughly
@given(answers(complete=True), st.sampled_from(sorted(VARIED)), st.integers(0, 2**32))
def test_segment_when_values_within_it_are_tried_has_one_recommendation(drawn: Answers, fact: str, seed: int) -> None:
    assume_no_tie(drawn)
    chance = source_of_chance(seed)
    for segment in line_of(decided(drawn.case), fact).segments():
        for value in (segment.low, segment.high, *tried_values(segment.low, segment.high, segment.low, chance, 5)):
            assert concluded_at(drawn.case, fact, value) == segment.recommends, segment


# As the sums have it

#: What LoRA costs upfront by the article, and what is left of it for each of 12 months.
LORA = 32_500 + 10_000
LORA_A_MONTH = LORA / 12
EXACT = {
    "the price from which case 3's hybrid pays": (
        *("case-3-code-generation-priced", "prompt_cost_per_request", "below"),
        *(25_000 / (0.25 * 150_000 * 12), "few_shot"),
    ),
    "the volume from which case 3's hybrid pays": (
        *("case-3-code-generation-priced", "requests_per_month", "below"),
        *(25_000 / (0.25 * 0.0556 * 12), "few_shot"),
    ),
    "the share from which a hybrid is thought of": (
        *("case-3-code-generation-priced", "repetitive_share", "below"),
        *(0.2, "few_shot"),
    ),
    "the price from which case 3 fine-tunes all of it": (
        *("case-3-code-generation-as-printed", "prompt_cost_per_request", "above"),
        *((LORA_A_MONTH + 455 + 1_500) / 150_000, "lora"),
    ),
    "the volume up to which case 2 does with LoRA": (
        *("case-2-insurance-claims", "requests_per_month", "below"),
        *(100_000, "lora"),
    ),
    "the error cost from which many cheap requests pay": (
        *("cheap-requests-at-high-volume", "cost_per_error", "above"),
        *((LORA_A_MONTH + 1_500 - 600) / (300_000 * 0.02), "lora"),
    ),
    "the error cost from which few requests pay": (
        *("dear-errors-at-low-volume", "cost_per_error", "below"),
        *((LORA_A_MONTH + 1_500 + 15) / (5_000 * 0.07), "few_shot"),
    ),
    "the accuracy to which fine-tuning must come": (
        *("dear-errors-at-low-volume", "fine_tuned_accuracy", "below"),
        *(0.86 + (LORA_A_MONTH + 1_500 + 15) / (5_000 * 90), "few_shot"),
    ),
    "the accuracy that prompting must not reach": (
        *("dear-errors-at-low-volume", "prompt_accuracy", "above"),
        *(0.93 - (LORA_A_MONTH + 1_500 + 15) / (5_000 * 90), "few_shot"),
    ),
}


@pytest.mark.parametrize(("name", "fact", "side", "at", "becomes"), EXACT.values(), ids=EXACT)
def test_turn_when_worked_out_by_hand_is_found_there(name: str, fact: str, side: str, at: float, becomes: str) -> None:
    turn = turns_of(decided(example(name)), fact)[side]
    assert turn.at == pytest.approx(at, rel=1e-10)
    assert turn.becomes == becomes


#: Whether it has turned at the threshold itself.
AT_THE_THRESHOLD = {
    "above 100,000 requests full fine-tuning": (
        "case-2-insurance-claims",
        "requests_per_month",
        "below",
        100_000,
        True,
    ),
    "from a share of 0.2 a hybrid": ("case-3-code-generation-priced", "repetitive_share", "below", 0.2, False),
}


@pytest.mark.parametrize(("name", "fact", "side", "at", "inclusive"), AT_THE_THRESHOLD.values(), ids=AT_THE_THRESHOLD)
def test_turn_when_it_is_a_rules_own_threshold_is_met_exactly(
    name: str, fact: str, side: str, at: float, inclusive: bool
) -> None:
    turn = turns_of(decided(example(name)), fact)[side]
    assert (turn.at, turn.inclusive) == (at, inclusive)


def test_turns_when_a_fact_has_them_on_both_sides_are_both_found() -> None:
    found = turns_of(decided(example("case-3-code-generation-priced")), "prompt_cost_per_request")
    assert {side: turn.becomes for side, turn in found.items()} == {"below": "few_shot", "above": "lora"}
    assert found["below"].at < 0.0556 < found["above"].at


def test_turns_when_todays_value_is_unknown_are_all_there_are() -> None:
    case = example("dear-errors-at-low-volume").without("fine_tuned_accuracy").without("prompt_accuracy")
    outcome = decided(moved(case, "prompt_accuracy", 0.86))
    found = turns(line_of(outcome, "fine_tuned_accuracy"), None, "prompt_engineering")
    assert [(turn.side, turn.becomes) for turn in found] == [("above", "lora")]
    assert found[0].at == pytest.approx(0.86 + (LORA_A_MONTH + 1_500 + 15) / (5_000 * 90), rel=1e-10)


def test_line_when_nothing_decides_on_its_fact_is_one_segment() -> None:
    outcome = decided(moved(example("case-2-insurance-claims"), "is_prototype", True))
    (segment,) = line_of(outcome, "cost_per_error").segments()
    low, high = knowledge().facts["cost_per_error"].bounds
    assert segment == Segment(low, high, "few_shot")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_turning_points_when_reported_are_the_turns_and_the_rest_is_steady(path: Path) -> None:
    case = example(path.stem)
    outcome, decision = decided(case), decide(case, pool())
    reported = {(point.fact, point.side): point.at for point in decision.turning_points}
    for fact in (*known_facts(outcome), *standing_in(outcome)):
        found = turns_of(outcome, fact)
        assert {side: turn.at for side, turn in found.items()} == {
            side: at for (name, side), at in reported.items() if name == fact
        }
        assert (knowledge().facts[fact].title in decision.steady) == (not found)


def test_fact_when_said_to_turn_nothing_turns_nothing_though_something_is_unknown() -> None:
    known = moved(example("cheap-requests-at-high-volume"), "requests_per_month", 80_000.0)
    known = known.without("accuracy_is_critical")
    steady = decide(known, pool()).steady
    price = "prompt_cost_per_request"
    assert recommended_at(known, price, 0.004) == "prompt_engineering"
    assert recommended_at(known, price, 1) == "lora"
    assert knowledge().facts[price].title not in steady


WORDED = {
    "the boundary itself": (Turn("budget", 50_000.0, "below", False, "lora"), (), "below $50,000"),
    "the boundary itself, turned": (Turn("budget", 50_000.0, "above", True, "lora"), (), "from $50,000 on"),
    "just beyond the shown one": (Turn("budget", 83_000.000_000_05, "above", True, "lora"), (), "above $83,000"),
    "just before the shown one": (Turn("budget", 82_999.999_999_95, "above", False, "lora"), (), "from $83,000 on"),
    "below, just beyond the shown one": (Turn("budget", 16_999.999_999_95, "below", True, "lora"), (), "below $17,000"),
    "below, just before it": (Turn("budget", 17_000.000_000_05, "below", False, "lora"), (), "at $17,000 and below"),
    "digits that would move it across": (
        Turn("budget", 14.447_619, "below", False, "lora"),
        (),
        "at $14.4476 and below",
    ),
    "percent": (Turn("prompt_accuracy", 0.901_175_9, "above", False, "lora"), (), "from 90.12 % on"),
    "percent of a share that is no round number": (
        Turn("prompt_accuracy", 0.07, "above", True, "lora"),
        (),
        "from 7 % on",
    ),
    "almost nothing": (Turn("budget", 1e-14, "above", True, "lora"), (), "above $0"),
    "small": (Turn("budget", 0.001_234_5, "above", True, "lora"), (), "from $0.0012345 on"),
    "another turn so near that rounding would pass it": (
        Turn("budget", 83_000.000_2, "above", False, "lora"),
        (83_000.000_1, 83_000.000_2, 83_000.000_3),
        "above $83,000.0002",
    ),
    "beyond what the fact may be": (
        Turn("prompt_accuracy", 0.999_999_999, "above", False, "lora"),
        (),
        "from 100 % on",
    ),
}


@pytest.mark.parametrize(("turn", "others", "expected"), WORDED.values(), ids=WORDED)
def test_turn_when_worded_is_true_of_the_number_that_is_printed(
    turn: Turn, others: tuple[float, ...], expected: str
) -> None:
    assert where(turn, knowledge(), others) == expected


@given(
    st.sampled_from(("budget", "prompt_accuracy", "horizon_months", "prompt_cost_per_request")),
    st.floats(0, 1),
    st.sampled_from(("above", "below")),
    st.booleans(),
)
def test_turn_when_worded_with_any_boundary_includes_the_printed_number_only_if_it_has_turned_there(
    fact: str, share: float, side: str, inclusive: bool
) -> None:
    low, high = knowledge().facts[fact].bounds
    at = low + (min(high, 1e7) - low) * share
    words = where(Turn(fact, at, side, inclusive, "lora"), knowledge())
    printed = re.search(r"\d[\d,]*(\.\d+)?", words)
    assert printed
    scale = Decimal(repr(knowledge().manifest.shown_units[knowledge().unit(fact) or ""].scale))
    number = float(Decimal(printed[0].replace(",", "")) / scale)
    turned = inclusive if number == at else (number > at) == (side == "above")
    assert words.startswith(("from", "at")) == turned
    assert abs(number - at) <= max(at * 1e-4, 1e-12)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_turning_point_when_its_printed_number_is_decided_comes_out_as_its_words_say(path: Path) -> None:
    case, today = example(path.stem), recommended(decided(example(path.stem)))
    for point in decide(case, pool()).turning_points:
        if point.current is None:
            continue
        printed = re.search(r"\d[\d,]*(\.\d+)?", point.shown)
        assert printed
        scale = Decimal(repr(knowledge().manifest.shown_units[point.unit or ""].scale))
        number = float(Decimal(printed[0].replace(",", "")) / scale)
        expected = point.becomes if point.shown.startswith(("from", "at")) else today
        assert recommended_at(case, point.fact, number) == expected, point
