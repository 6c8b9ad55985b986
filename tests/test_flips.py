from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given
from engine.commands.flips import flips as command
from engine.describe import decide
from engine.errors import BadInput, InferenceError
from engine.explain.flip_pairs import likely_pairs, map_pair
from engine.explain.flips import FactFlips, Flips, distance, find_flips, line_along, require_recommendation
from engine.explain.flips_report import render_flips
from engine.explain.whynot import wanted_in
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Value
from engine.pipeline import infer
from engine.turning import Turn, last_and_first
from tests.cases import EXAMPLES, ROOT, Answers, answers, example, knowledge, moved, pool, recommended, source_of_chance
from tests.strategies import RandomBase, base, case_of, decision, integer, loaded, number, random_bases_with_cases
from tests.told_apart import DOMAINS, bases_that_tell_apart, cases_known_in_every_way

GPU = ROOT / "examples" / "gpu-rent-or-buy"
_LEAST = 1e-7
randomly = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))


def found_in(name: str) -> Flips:
    """What changes the recommendation of one of the examples."""
    return find_flips(example(name), pool())


def along(flips: Flips, fact: str) -> FactFlips:
    """What was found along one fact."""
    return next(found for found in flips.facts if found.fact == fact)


def decided_with(case: Case, fact: str, value: Value, engines: EnginePool | None = None) -> str | None:
    """What the engine recommends in the end where one fact is answered with the value."""
    return recommended(infer(case.replace(fact, Given(fact, value)), engines or pool()))


def sides_of(found: FactFlips, base_of: Knowledge) -> list[tuple[float, str, float, str]]:
    """The numbers next to each change: the last before with its recommendation, and the first beyond it."""
    integer = base_of.facts[found.fact].type == "integer"
    sides = []
    for flip in (*found.nearest, *found.further):
        turn = Turn(flip.fact, flip.at, flip.side, flip.inclusive, flip.becomes)
        last, first = last_and_first(turn, integer=integer)
        sides.append((last, flip.before, first, flip.becomes))
    return sides


def nearest_bounds(found: FactFlips | None, fact: str, base_of: Knowledge) -> tuple[float, float]:
    """The values between the nearest changes, both ends included; everything where there are none."""
    low, high = base_of.facts[fact].bounds
    integer = base_of.facts[fact].type == "integer"
    for flip in found.nearest if found else ():
        last, _ = last_and_first(Turn(flip.fact, flip.at, flip.side, flip.inclusive, flip.becomes), integer=integer)
        low, high = (last, high) if flip.side == "below" else (low, last)
    return low, high


def dense(low: float, high: float, current: float, chance: random.Random, count: int, *, integer: bool) -> set[float]:
    """Values all over a range: near its ends and today's value, and spread over all orders of magnitude."""
    values = {low, high}
    for _ in range(count):
        near, other = chance.choice((low, high, current)), chance.choice((low, high, current))
        magnitude = math.exp(chance.uniform(math.log(_LEAST), math.log(max(abs(low), abs(high), 1.0))))
        values.add(chance.choice((magnitude, -magnitude, chance.uniform(low, high))))
        values.add(near + (other - near) * 10 ** chance.uniform(-6, 0))
    if integer:
        values = {float(round(value)) for value in values}
    return {value for value in values if low <= value <= high}


# At random


@randomly
@given(answers(complete=False), st.integers(0, 2**32))
def test_flips_when_a_case_is_decided_around_them_are_the_nearest_and_the_rest_is_steady(
    drawn: Answers, seed: int
) -> None:
    flips, chance = find_flips(drawn.case, pool()), source_of_chance(seed)
    for found in flips.facts:
        for last, before, first, becomes in sides_of(found, knowledge()):
            assert decided_with(drawn.case, found.fact, last) == before
            assert decided_with(drawn.case, found.fact, first) == becomes != before
    known = [found for found in flips.facts if found.current is not None and found.proved]
    for found in chance.sample(known, min(3, len(known))):
        low, high = nearest_bounds(found, found.fact, knowledge())
        integer = knowledge().facts[found.fact].type == "integer"
        at_home = found.answered or flips.recommendation
        for value in dense(low, high, found.current or 0.0, chance, 30, integer=integer):
            assert decided_with(drawn.case, found.fact, value) == at_home, (found, value)
    numeric = [name for name in flips.steady if knowledge().facts[name].type in ("number", "integer")]
    for name in chance.sample(numeric, 4):
        low, high = knowledge().facts[name].bounds
        integer = knowledge().facts[name].type == "integer"
        for value in dense(low, high, low, chance, 20, integer=integer):
            assert decided_with(drawn.case, name, value) == flips.recommendation, (name, value)


@randomly
@given(answers(complete=False))
def test_choices_when_every_answer_is_tried_are_those_that_change_it(drawn: Answers) -> None:
    flips = find_flips(drawn.case, pool())
    found = {(choice.fact, choice.answer): choice.becomes for choice in flips.choices}
    for name, fact in knowledge().facts.items():
        for answer in (True, False) if fact.type == "yes/no" else fact.words:
            becomes = decided_with(drawn.case, name, answer)
            assert found.get((name, answer), flips.recommendation) == becomes


def recommending(random_base: RandomBase) -> Knowledge | None:
    """The random base with its last decision that can be one as its recommendation."""
    plain = loaded(random_base.files)
    outputs = [
        output
        for name in plain.order
        if name in plain.decisions and plain.decisions[name].policy == "first"
        for output in plain.decisions[name].outputs
    ]
    if not outputs:
        return None
    manifest = {**random_base.files["knowledge.yaml"], "recommends": outputs[-1]}  # type: ignore[dict-item]
    return loaded({**random_base.files, "knowledge.yaml": manifest})


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_bases_with_cases(cases=1), st.integers(0, 2**32))
def test_flips_of_any_base_when_a_case_is_decided_around_them_are_the_nearest(
    drawn: tuple[RandomBase, list[Case]], seed: int
) -> None:
    chance = source_of_chance(seed)
    try:
        made = recommending(drawn[0])
        assume(made is not None)
        assert made is not None
        require_recommendation(made)
    except BadInput:
        assume(False)
    engines = EnginePool(made)
    (case,) = drawn[1]
    try:
        flips = find_flips(case, engines)
    except InferenceError as error:
        # Rules of a random base may contradict each other.
        assume("along" not in str(error))
        return
    assert untrue(flips, engines) == []
    for found in flips.facts:
        if found.current is None or not found.proved:
            continue
        low, high = nearest_bounds(found, found.fact, made)
        integer = made.facts[found.fact].type == "integer"
        at_home = found.answered or flips.recommendation
        for value in dense(low, high, found.current, chance, 20, integer=integer):
            assert (decided_with(case, found.fact, value, engines) or "") == at_home, (found, value)
    engines.close()


# Where rules ask how a fact is known


def recommended_at(flips: Flips, fact: str, value: float) -> str:
    """What is recommended at one value of a numeric fact by what was found along it."""
    found = next((one for one in flips.facts if one.fact == fact), None)
    at_home = found.answered if found is not None and found.answered is not None else flips.recommendation
    turns = [] if found is None else [*found.nearest, *found.further]
    if found is not None and found.current is None and turns:
        at_home = turns[0].before
    for flip in turns:
        beyond = value > flip.at if flip.side == "above" else value < flip.at
        if beyond or (value == flip.at and flip.inclusive):
            at_home = flip.becomes
    return at_home


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(bases_that_tell_apart(fallback=True), cases_known_in_every_way())
def test_flips_where_rules_ask_how_facts_are_known_are_what_every_single_answer_comes_to(
    files: dict[str, object], case: Case
) -> None:
    engines = EnginePool(loaded(files))
    flips = find_flips(case, engines)
    choices = {(one.fact, one.answer): one.becomes for one in flips.choices}
    for name, values in DOMAINS.items():
        for value in values:
            decided = decided_with(case, name, value, engines) or ""
            if isinstance(value, bool | str):
                assert choices.get((name, value), flips.recommendation) == decided, (name, value)
            elif isinstance(value, float):
                assert recommended_at(flips, name, value) == decided, (name, value)
    engines.close()


@pytest.mark.parametrize("declare", [number, integer])
def test_flip_when_the_rows_settle_just_because_a_fact_is_unknown_is_found(
    declare: Callable[..., dict[str, object]],
) -> None:
    made = base(
        {"price": declare(min=0, max=10), "volume": declare(min=0, max=1000)},
        [decision("d", "first", [("cost >= 100", "p"), ("price == 2", "q"), ("otherwise", "s")])],
        figures={"cost": "first_known(price, 1) * volume"},
        recommends="d",
        fallback={"conclusion": "s", "strength": "weak", "because": "It is open.", "source": "test"},
    )
    engines = EnginePool(made)
    flips = find_flips(case_of(volume=5.0), engines)
    ((last, before, first, becomes),) = sides_of(along(flips, "volume"), made)
    assert (before, becomes) == ("s", "p")
    assert last < 100 == pytest.approx(first)
    assert "volume" not in (*flips.steady, *flips.unproved_steady)


def test_flip_when_a_conclusion_in_between_stands_is_the_one_that_the_engine_comes_to() -> None:
    made = base(
        {"i": integer(min=0, max=1), "k": integer(min=0, max=3)},
        [
            decision("e", "first", [("i < 1", "a"), ("i >= k", "a"), ("true", "b")]),
            decision("d", "first", [("e == b or i is given", "p"), ("true", "s")]),
        ],
        recommends="d",
    )
    flips = find_flips(case_of("assumed", k=1.0), EnginePool(made))
    (flip,) = along(flips, "k").nearest
    assert (flips.recommendation, flip.at, flip.side, flip.inclusive, flip.becomes) == ("s", 1.0, "above", False, "p")


# As the sums have it

LORA_A_MONTH = (32_500 + 10_000) / 12
BY_HAND = {
    "case 1, the volume from which the bills alone repay LoRA": (
        "case-1-support-tickets",
        "requests_per_month",
        [("above", (1_500 + 30_000 / 12) / (0.006 - 0.0026), False, "lora")],
    ),
    "case 1, the deadline": ("case-1-support-tickets", "deadline_weeks", []),
    "case 2, the volume": (
        "case-2-insurance-claims",
        "requests_per_month",
        [("below", 100_000, True, "lora")],
    ),
    "case 2, the budget": ("case-2-insurance-claims", "budget", [("below", 50_000, False, "lora")]),
    "case 2, the deadline": ("case-2-insurance-claims", "deadline_weeks", [("below", 13, False, "lora")]),
    "case 2, the examples": ("case-2-insurance-claims", "labeled_examples", [("below", 999, True, "lora")]),
    "case 3, the price": (
        "case-3-code-generation-as-printed",
        "prompt_cost_per_request",
        [("above", (LORA_A_MONTH + 455 + 1_500) / 150_000, False, "lora")],
    ),
    "case 3 priced, the upfront cost of the hybrid": (
        "case-3-code-generation-priced",
        "hybrid_upfront",
        [("above", 0.25 * 150_000 * 0.0556 * 12, True, "few_shot")],
    ),
    "case 3 priced, the share a hybrid saves": (
        "case-3-code-generation-priced",
        "hybrid_saving_share",
        [("below", 25_000 / (150_000 * 0.0556 * 12), True, "few_shot")],
    ),
    "case 3 priced, the share of common patterns": (
        "case-3-code-generation-priced",
        "repetitive_share",
        [("below", 0.2, False, "few_shot"), ("above", 1, True, "few_shot")],
    ),
}


@pytest.mark.parametrize(("name", "fact", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_flips_when_worked_out_by_hand_are_found_there(
    name: str, fact: str, expected: list[tuple[str, float, bool, str]]
) -> None:
    flips = found_in(name)
    found = [one for one in flips.facts if one.fact == fact]
    nearest = [flip for one in found for flip in one.nearest]
    assert [(flip.side, flip.inclusive, flip.becomes) for flip in nearest] == [
        (side, inclusive, becomes) for side, _, inclusive, becomes in expected
    ]
    for flip, (_, at, _, _) in zip(nearest, expected, strict=True):
        assert flip.at == pytest.approx(at, rel=1e-9)
    assert (fact in flips.steady) == (not expected)


# How they are told


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_flips_when_ranked_are_nearest_first_and_name_every_fact_once(path: Path) -> None:
    flips = found_in(path.stem)
    distances = [found.distance for found in flips.facts]
    known = [far for far in distances if far is not None]
    assert known == sorted(known)
    assert distances == [*known, *[None] * (len(distances) - len(known))]
    moving = {found.fact for found in flips.facts} | {choice.fact for choice in flips.choices}
    assert sorted([*moving, *flips.steady]) == sorted(knowledge().facts)


def test_distance_when_a_value_is_halved_or_doubled_is_the_same() -> None:
    assert distance(10, 5) == distance(10, 20) == 0.5
    assert distance(0, 0) == 0
    assert distance(0, 3) == 1
    assert distance(-1, 1) == 2


def test_flips_of_a_whole_number_when_found_are_whole() -> None:
    found = along(found_in("case-2-insurance-claims"), "labeled_examples")
    assert [(flip.at, flip.inclusive) for flip in (*found.nearest, *found.further)] == [
        (999, True),
        (499, True),
        (99, True),
    ]


def test_answering_when_it_is_enough_to_change_it_is_said() -> None:
    rows = [("x is answered and x > 5", "a"), ("otherwise", "b")]
    made = base({"x": number(default=9, default_source="test")}, [decision("d", "first", rows)], recommends="d")
    flips = find_flips(Case("test", {}), EnginePool(made))
    (found,) = flips.facts
    assert (flips.recommendation, found.answered, found.distance) == ("b", "a", 0.0)
    assert [(flip.side, flip.at, flip.before, flip.becomes) for flip in found.nearest] == [("below", 5.0, "a", "b")]


def test_fact_when_answering_it_is_enough_is_not_called_steady_in_the_report() -> None:
    rows = [("x is answered", "a"), ("otherwise", "b")]
    made = base({"x": number(default=9, default_source="test")}, [decision("d", "first", rows)], recommends="d")
    made.manifest.turning["x"] = None
    title = made.title("x")
    assert title not in decide(Case("test", {}), EnginePool(made)).steady
    assert title in decide(Case("test", {"x": Given("x", 9.0)}), EnginePool(made)).steady


def test_flip_when_todays_value_lies_beyond_all_answers_is_seen_from_there() -> None:
    made = base(
        {"m": number(min=0, max=100), "x": number(min=0, max=10, default="2 * m", default_source="test")},
        [decision("d", "first", [("x > 5", "a"), ("otherwise", "b")])],
        recommends="d",
    )
    found = along(find_flips(case_of(m=8.0), EnginePool(made)), "x")
    assert (found.current, found.answered) == (16.0, None)
    assert [(flip.side, flip.at, flip.before, flip.becomes) for flip in found.nearest] == [("below", 5.0, "a", "b")]


def test_fact_when_there_is_no_time_for_proofs_is_tried_and_said_not_to_be_proved() -> None:
    made = base(
        {"x": number(min=0, max=1e6), "y": number(min=0, max=1e6)},
        [decision("d", "first", [("x > 5 and y > 3", "a"), ("otherwise", "b")])],
        recommends="d",
    )
    outcome = infer(Case("test", {}), EnginePool(made))
    in_time, late = line_along(outcome, "x"), line_along(outcome, "x", seconds=-1.0)
    assert {segment.recommends for segment in in_time.segments()} == {"b", ""}
    assert [(one.low, one.recommends) for one in late.segments()] == [
        (one.low, one.recommends) for one in in_time.segments()
    ]
    assert (in_time.proved, late.proved) == (True, False)


def test_flips_when_nothing_is_known_are_found_and_confirmed() -> None:
    flips = find_flips(Case("empty", {}), pool())
    assert [found.distance for found in flips.facts] == [None] * len(flips.facts)
    for found in flips.facts:
        for last, before, first, becomes in sides_of(found, knowledge()):
            assert decided_with(Case("empty", {}), found.fact, last) == before
            assert decided_with(Case("empty", {}), found.fact, first) == becomes


# Two at a time


@pytest.mark.parametrize("name", ["case-3-code-generation-priced", "dear-errors-at-low-volume", "much-unknown"])
def test_map_when_points_of_its_boxes_are_decided_has_the_recommendation_of_each(name: str) -> None:
    flips, chance = found_in(name), source_of_chance(1)
    pair = (likely_pairs(flips, 1) or (("requests_per_month", "prompt_cost_per_request"),))[0]
    found = map_pair(flips, *pair)
    proved = [box for box in found.regions if box.becomes is not None]
    for box in chance.sample(proved, min(40, len(proved))):
        x, y = chance.uniform(box.x_low, box.x_high), chance.uniform(box.y_low, box.y_high)
        for point in ((x, y), (box.x_low, box.y_low), (box.x_high, box.y_high), (box.x_low, box.y_high)):
            case = moved(moved(example(name), found.x.fact, point[0]), found.y.fact, point[1])
            assert recommended(infer(case, pool())) == box.becomes, (box, point)
    assert found.undecided < 0.2


def test_map_when_its_boxes_are_put_together_is_the_whole_picture() -> None:
    found = map_pair(found_in("dear-errors-at-low-volume"), "fine_tuned_accuracy", "prompt_accuracy")
    area = sum((box.x_high - box.x_low) * (box.y_high - box.y_low) for box in found.regions)
    assert area == pytest.approx((found.x.high - found.x.low) * (found.y.high - found.y.low), rel=1e-6)
    assert {box.becomes for box in found.regions} >= {"lora", "few_shot"}


def test_map_when_a_threshold_is_in_sight_has_its_border_exactly_there() -> None:
    found = map_pair(found_in("case-2-insurance-claims"), "budget", "requests_per_month_in_12_months")
    full = [box for box in found.regions if box.becomes == "full_fine_tuning"]
    assert min(box.x_low for box in full) == 50_000
    assert min(box.y_low for box in full) == math.nextafter(100_000, math.inf)


# On the command line


def run(*arguments: str) -> Result:
    """The command with these arguments."""
    return CliRunner().invoke(command, [*arguments])


def test_json_when_printed_has_what_programs_read() -> None:
    result = run(str(ROOT / "examples/case-2-insurance-claims.yaml"), "--format", "json", "--pairs", "1")
    printed = json.loads(result.stdout)
    assert printed["recommendation"] == "full_fine_tuning"
    first = printed["flips"][0]
    assert (first["fact"], first["current"], first["at"], first["side"]) == ("budget", 80_000, 50_000, "below")
    assert (first["becomes"], first["inclusive"], first["rank"]) == ("lora", False, 1)
    assert {"fact", "current", "answer", "becomes"} == printed["choices"][0].keys()
    (pair,) = printed["pairs"]
    assert {"x_low", "x_high", "y_low", "y_high", "becomes"} <= pair["regions"][0].keys()
    assert result.exit_code == 0


def test_json_when_no_pairs_are_asked_for_has_none() -> None:
    printed = json.loads(run(str(ROOT / "examples/case-2-insurance-claims.yaml"), "--format", "json").stdout)
    assert "pairs" not in printed


@pytest.mark.parametrize("output_format", ["terminal", "markdown", "html", "json"])
def test_report_of_another_base_when_printed_names_its_facts(output_format: str) -> None:
    result = run(str(GPU / "case.yaml"), "--rules", str(GPU / "rules"), "--format", output_format)
    assert result.exit_code == 0
    assert "price of a processor" in result.stdout
    assert "buy" in result.stdout


def test_page_when_written_has_a_titled_chart_for_each_pair_and_no_id_twice(tmp_path: Path) -> None:
    page = tmp_path / "flips.html"
    run(str(ROOT / "examples/dear-errors-at-low-volume.yaml"), "-o", str(page))
    text = page.read_text("utf-8")
    assert text.count('role="img"') == 2
    assert 'id="pair-1-title"' in text
    assert 'id="pair-2-title"' in text
    ids = [part.split('"')[0] for part in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


WRONG = {
    "a name that is almost one": (("budge", "deadline_weeks"), "Did you mean 'budget'?"),
    "a fact that is no number": (("task", "budget"), "task is no number"),
    "the same fact twice": (("budget", "budget"), "budget is named twice"),
}


@pytest.mark.parametrize(("pair", "message"), WRONG.values(), ids=WRONG)
def test_pair_when_it_cannot_be_mapped_is_refused(pair: tuple[str, str], message: str) -> None:
    result = run(str(ROOT / "examples/case-2-insurance-claims.yaml"), "--pair", *pair)
    assert result.exit_code == 2
    assert "--pair" in result.stderr
    assert message in result.stderr


def test_base_without_a_recommendation_when_asked_what_changes_it_is_refused() -> None:
    made = base({"x": number()}, [decision("d", "first", [("x > 1", "a"), ("otherwise", "b")])])
    with pytest.raises(BadInput, match="recommends nothing"):
        find_flips(Case("test", {}), EnginePool(made))


def test_recommendation_that_rests_on_being_steady_when_asked_what_changes_it_is_refused() -> None:
    rows = [("signal", "a"), ("otherwise", "b")]
    made = base({"x": number()}, [decision("d", "first", rows)], recommends="d", could_turn="signal")
    with pytest.raises(BadInput, match="cannot be followed"):
        require_recommendation(made)


def test_built_in_base_when_loaded_can_be_followed() -> None:
    require_recommendation(load_knowledge())


# Where nothing but rounding decides


def test_fact_when_rounding_turns_it_to_and_fro_is_called_erratic_and_told_exactly() -> None:
    rows = [("accuracy < 0", "low"), ("accuracy <= rounded and cost > 1", "low"), ("true", "high")]
    facts = {"accuracy": number(), "cost": number()}
    made = base(facts, [decision("advice", "first", rows)], figures={"rounded": "accuracy * 1"}, recommends="advice")
    engines = EnginePool(made)
    flips = find_flips(case_of(accuracy=0.5, cost=5.0), engines)
    accuracy = along(flips, "accuracy")
    assert (accuracy.erratic, accuracy.proved, accuracy.further) == (True, False, ())
    assert [flip.side for flip in accuracy.nearest] == ["below", "above"]
    assert not along(flips, "cost").erratic
    assert untrue(flips, engines) == []
    told = json.loads(render_flips(flips, (), "json"))
    assert (told["erratic"], told["not_proved"]) == (["accuracy"], ["accuracy"])
    below = next(flip for flip in accuracy.nearest if flip.side == "below")
    shown = next(one["shown"] for one in told["flips"] if (one["fact"], one["side"]) == ("accuracy", "below"))
    assert shown in (f"below {below.at!r}: high", f"at {below.at!r} and below: high")
    for one_format in ("terminal", "markdown", "html"):
        text = " ".join(render_flips(flips, (), one_format, width=100).split())
        assert "changes to and fro more often than can be followed" in text, one_format
    engines.close()


# What is printed of a boundary


def claimed(shown: str, fact: str, base_of: Knowledge) -> tuple[float, str, bool]:
    """The number that a sentence prints, in the fact's own unit, the side it speaks of, and whether it includes it."""
    matched = re.fullmatch(r"(from|above|at|below) (.+?)( on| and below)?", shown)
    assert matched, shown
    word, text, _ = matched.groups()
    declared = base_of.manifest.shown_units.get(base_of.unit(fact) or "")
    digits = re.search(r"[\d.,]*\d(?:e-\d+)?", text.replace(declared.prefix, "", 1) if declared else text)
    assert digits, shown
    scale = Decimal(repr(declared.scale)) if declared else Decimal(1)
    number = float(Decimal(digits[0].replace(",", "")) / scale) * (-1 if text.startswith("−") else 1)
    return number, "above" if word in ("from", "above") else "below", word in ("from", "at")


def untrue(flips: Flips, engines: EnginePool) -> list[str]:
    """The printed changes of which the engine says otherwise at the very number that is printed."""
    printed = json.loads(render_flips(flips, (), "json"))
    found = []
    for flip in (*printed["flips"], *printed["further"]):
        shown = flip["shown"].rsplit(":", 1)[0]
        number, side, included = claimed(shown, flip["fact"], engines.knowledge)
        low, high = engines.knowledge.facts[flip["fact"]].bounds
        if number == 0 and flip["at"] != 0 and not low <= number <= high:
            # Nearer to 0 than any decimals can say, of a fact that must not be 0: there is nothing to decide.
            continue
        decided = decided_with(flips.outcome.case, flip["fact"], number, engines) or ""
        if side != flip["side"] or not low <= number <= high or decided != flip["becomes" if included else "before"]:
            found.append(f"{flip['fact']}: {shown}: {decided} ({flip['at']!r})")
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_number_in_an_examples_change_when_decided_comes_out_as_its_words_say(path: Path) -> None:
    assert untrue(found_in(path.stem), pool()) == []


@randomly
@given(answers(complete=False))
def test_number_in_a_random_cases_change_when_decided_comes_out_as_its_words_say(drawn: Answers) -> None:
    assert untrue(find_flips(drawn.case, pool()), pool()) == []


PRINTED = {
    "a rounded number still on the near side": ("case-1-support-tickets", "prompt_upfront", "above $83,000"),
    "the same in more decimals": (
        "case-1-support-tickets",
        "prompt_cost_per_request",
        "above $0.505625/request",
    ),
    "a threshold itself": ("case-2-insurance-claims", "budget", "below $50,000"),
    "one decimal that is not enough": ("ranges", "retraining_cycles_per_year", "from 4.447 retrainings/year on"),
    "a cent that is too much": ("dear-errors-at-low-volume", "cost_per_error", "at $14.4476/error and below"),
    "a month that is not enough": ("dear-errors-at-low-volume", "horizon_months", "at 1.7285 months and below"),
}


@pytest.mark.parametrize(("name", "fact", "expected"), PRINTED.values(), ids=PRINTED)
def test_change_when_printed_has_the_digits_and_the_words_that_make_it_true(
    name: str, fact: str, expected: str
) -> None:
    printed = json.loads(render_flips(found_in(name), (), "json"))
    assert [flip["shown"].rsplit(":", 1)[0] for flip in printed["flips"] if flip["fact"] == fact] == [expected]


def test_titles_when_some_hold_commas_are_told_apart() -> None:
    text = render_flips(found_in("case-1-support-tickets"), (), "markdown")
    assert "; discovery and requirements, prompting; " in text


def test_decision_when_asked_about_by_its_name_alone_is_told_how_to_be_asked_about() -> None:
    with pytest.raises(BadInput) as refused:
        wanted_in(knowledge(), "economics")
    hint = refused.value.problems[0].hint
    assert hint == "'economics' is a decision: write economics=VALUE, such as economics=pays_back_at_once"
