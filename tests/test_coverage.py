"""Coverage of rules by tests: what counts as seen, what is proved impossible, which cases are found for the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from engine.case import Case
from engine.checking.symbols import SymbolicBase
from engine.errors import BadInput, InferenceError
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.language.nodes import Node
from engine.language.parse import parse
from engine.language.resolve import resolve
from engine.language.scope import TruthType
from engine.pipeline import infer
from engine.testing.conditions import atoms, combined, matters, written
from engine.testing.coverage import DEMANDED, Coverage, MeasureName, measure_coverage, rows_of, told
from engine.testing.goals import AtThreshold, Decides, Fires, Goal, NearThreshold, Reaches, Side, met, pairs
from engine.testing.rule_commands import run_coverage, run_decision_tests, suggest_tests
from engine.testing.rule_reports import CoverageReport, render_coverage
from engine.testing.rule_tests import TestResult, read_tests, run_tests, sight_of
from engine.testing.suggest import scalar, suggest, with_proofs
from engine.testing.witness import Impossible, Witness
from tests.cases import Answers, answers, knowledge, pool
from tests.small_base import small_base, write_base
from tests.strategies import CONDITION_FACTS, base, case_of, decision, integer, number, random_conditions, truth

ROOT = Path(__file__).resolve().parent.parent
T, F, U = True, False, None


def covered(base: Knowledge) -> Coverage:
    """The coverage of a base by its own tests, without proofs."""
    return measure_coverage(base, run_tests(read_tests(base), EnginePool(base)))


def proved(base: Knowledge) -> Coverage:
    """The same, with proofs."""
    return with_proofs(covered(base), EnginePool(base))


def missing(coverage: Coverage, measure: MeasureName) -> set[str]:
    return {item.what for item in coverage.measures[measure].missing}


# -- conditions ----------------------------------------------------------------------------------------

TRUTHS = base({name: truth() for name in "abc"}, [decision("d", "first", [("a", "x")])])


def condition(text: str) -> Node:
    return resolve(parse(text), TRUTHS.scope, expects=TruthType())


ALONE = {
    "the only one": ("a", {"a": T}, "a"),
    "under not": ("not a", {"a": T}, "a"),
    "all true": ("a and b", {"a": T, "b": T}, "a b"),
    "one false": ("a and b", {"a": F, "b": T}, "a"),
    "both false": ("a and b", {"a": F, "b": F}, ""),
    "either true": ("a or b", {"a": T, "b": F}, "a"),
    "both true": ("a or b", {"a": T, "b": T}, ""),
    "false beside unknown": ("a and b", {"a": F, "b": U}, ""),
    "true beside unknown": ("a and b", {"a": T, "b": U}, ""),
    "false beside unknown where either will do": ("a or b", {"a": F, "b": U}, ""),
    "one false beside what is known and unknown": ("a and b and c", {"a": F, "b": T, "c": U}, ""),
    "the only false one beside what is no matter": ("a and (b or c)", {"a": F, "b": T, "c": U}, "a"),
    "hidden by a false one": ("a and b", {"a": F, "b": F}, ""),
    "true beside unknown where either will do": ("a or b", {"a": U, "b": T}, ""),
    "behind a mask": ("a and (b or c)", {"a": T, "b": T, "c": F}, "a b"),
    "behind two masks": ("a and (b or c)", {"a": F, "b": F, "c": F}, ""),
    "a majority": ("a and b or a and c or b and c", {"a": T, "b": T, "c": F}, "a b"),
    "a choice": ("a and b or not a and c", {"a": T, "b": T, "c": F}, "a b"),
    "a choice that makes none": ("a and b or not a and c", {"a": T, "b": T, "c": T}, "b"),
}


@pytest.mark.parametrize(("text", "truths", "alone"), ALONE.values(), ids=ALONE.keys())
def test_condition_when_others_are_as_they_are_decides_where_its_opposite_would_turn_the_outcome(
    text: str, truths: dict[str, bool | None], alone: str
) -> None:
    node = condition(text)
    found = {atom: truths[written(atom)] for atom in atoms(node)}
    assert [written(atom) for atom in atoms(node) if matters(node, atom, found)] == alone.split()


def test_condition_when_its_parts_are_combined_follows_kleene() -> None:
    node = condition("not (a and (b or not c))")
    a, b, c = atoms(node)
    assert combined(node, {a: T, b: U, c: F}) is F
    assert combined(node, {a: T, b: U, c: T}) is U
    assert combined(node, {a: F, b: U, c: T}) is T
    assert combined(condition("true"), {}) is T


def test_condition_that_stands_plainly_and_under_not_when_paired_may_decide_either_way() -> None:
    node = condition("a and b or not a and c")
    table = base({name: truth() for name in "abc"}, [decision("d", "first", [("a and b or not a and c", "x")])])
    row = table.decisions["d"].rows[0]
    by_atom = {written(atom): pairs("d", 0, row, atom) for atom in atoms(node)}
    assert [[goal.outcome for goal in pair] for pair in by_atom["a"]] == [[T, F], [F, T]]
    assert [[goal.outcome for goal in pair] for pair in by_atom["b"]] == [[T, F]]


WRITTEN = base(CONDITION_FACTS, [decision("d", "first", [("t0", "x")])])


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(random_conditions(states=True))
def test_condition_when_written_out_is_read_as_the_same(text: str) -> None:
    if "at(" in text:
        return
    node = resolve(parse(text), WRITTEN.scope, expects=TruthType())
    assert resolve(parse(written(node)), WRITTEN.scope, expects=TruthType()) == node


def test_conditions_of_the_built_in_base_when_written_out_are_read_as_the_same() -> None:
    scope = knowledge().scope
    for table in knowledge().decisions.values():
        for row in table.rows:
            assert resolve(parse(written(row.when)), scope, expects=TruthType()) == row.when


@pytest.mark.parametrize("word", ["no", "yes", "unknown", "never", "and", "two words", "it's", '"'])
def test_choice_that_means_something_else_when_written_out_stands_in_quotes(word: str) -> None:
    declared = {"title": "c", "type": "choice", "choices": {word: "one", "other": "other"}, "source": "test"}
    chosen = base({"c": declared}, [decision("d", "first", [(f"c == {word!r}", "x")])])
    row = chosen.decisions["d"].rows[0]
    assert resolve(parse(written(row.when)), chosen.scope, expects=TruthType()) == row.when


# -- what counts as seen -------------------------------------------------------------------------------


def test_rows_when_they_fire_in_a_test_are_covered(tmp_path: Path) -> None:
    coverage = covered(small_base(tmp_path))
    assert coverage.measures["rows"].covered == 4
    assert missing(coverage, "rows") == {"at-home fires", "map fires"}
    assert coverage.measures["rows"].percent == 66.6


def test_sides_when_the_row_is_not_reached_are_not_seen(tmp_path: Path) -> None:
    # Two of the three tests say that the weather is dry; in the first the row before decides.
    walked = "tests:\n  - {name: Near, facts: {distance: 1, weather: wet}, fired: [near]}\n"
    coverage = covered(small_base(tmp_path, tests_transport=walked))
    seen = {item.what for item in coverage.measures["conditions"].seen}
    assert seen == {
        "near is reached and `distance < 2` is true",
        "umbrella is reached and `weather == wet` is true",
        "umbrella is reached and `transport == stay` is false",
        "map is reached and `trip_time >= 1` is false",
        "map is reached and `passengers > 3` is false",
    }


def test_conditions_when_two_tests_show_both_their_effects_decide_alone(tmp_path: Path) -> None:
    coverage = covered(small_base(tmp_path))
    decided = {item.what for item in coverage.measures["mcdc"].seen}
    # The wet test fails by-bike on the weather alone, and no test fails it on the distance.
    assert "by-bike turns on `weather == dry` alone" in decided
    assert "by-bike turns on `distance <= 10` alone" not in decided


def test_condition_when_its_opposite_would_leave_the_row_open_does_not_decide(tmp_path: Path) -> None:
    tests = """\
        tests:
          - {name: A car and near enough, facts: {distance: 100, weather: wet, has_car: yes}, fired: [by-car]}
          - {name: Too far, facts: {distance: 200, weather: wet}, not_fired: [by-car]}
          - {name: No car, facts: {distance: 100, weather: wet, has_car: no}, not_fired: [by-car]}
        """
    coverage = covered(small_base(tmp_path, tests_transport=tests))
    decided = {item.what for item in coverage.measures["mcdc"].seen}
    # Whether there is a car is unknown where it is too far: a trip of less than three hours would leave the row open.
    assert "by-car turns on `has_car` alone" in decided
    assert "by-car turns on `trip_time < 3` alone" not in decided


def test_condition_when_hidden_by_another_does_not_decide(tmp_path: Path) -> None:
    tests = """\
        tests:
          - {name: Dry and near enough, facts: {distance: 10, weather: dry}, fired: [by-bike]}
          - {name: Wet and too far, facts: {distance: 11, weather: wet, has_car: yes}, not_fired: [by-bike]}
        """
    assert "by-bike turns on `weather == dry` alone" in missing(
        covered(small_base(tmp_path, tests_transport=tests)), "mcdc"
    )


def test_values_when_concluded_are_reached(tmp_path: Path) -> None:
    assert missing(covered(small_base(tmp_path)), "values") == {"transport is stay", "packing is map"}


BESIDE = {
    "just below": (1.99, {"near is reached just beyond the threshold of `distance < 2`"}),
    "at": (2.0, {"near is reached exactly at the threshold of `distance < 2`"}),
    "just above": (2.01, set[str]()),
    "far below": (1.9, set[str]()),
    "at the other": (10.0, {"by-bike is reached exactly at the threshold of `distance <= 10`"}),
    "just above the other": (10.1, {"by-bike is reached just beyond the threshold of `distance <= 10`"}),
    "just below the other": (9.9, set[str]()),
}


@pytest.mark.parametrize(("distance", "seen"), BESIDE.values(), ids=BESIDE.keys())
def test_thresholds_when_a_test_is_at_or_beside_them_are_tried(tmp_path: Path, distance: float, seen: set[str]) -> None:
    tests = f"tests:\n  - {{name: One, facts: {{distance: {distance}, weather: dry}}, figures: {{speed: 50}}}}\n"
    coverage = covered(small_base(tmp_path, tests_transport=tests))
    found = {item.what for item in coverage.measures["boundaries"].seen}
    assert {what for what in found if what.startswith(("near", "by-bike"))} == seen


COUNTED = base(
    {"count": integer(), "share": number(), "loss": number()},
    [
        decision("enough", "first", [("count >= 3", "x"), ("3 < count", "x"), ("true", "y")]),
        decision("nought", "collect", [("share > 0", "x"), ("loss != 0", "x"), ("share == loss", "x")]),
    ],
)
NEAR = {
    "one less of a count": ({"count": 2.0}, {"count >= 3"}),
    "two less of a count": ({"count": 1.0}, set[str]()),
    "at a threshold on the left": ({"count": 3.0}, set[str]()),
    "a little more than no share": ({"share": 0.01}, {"share > 0"}),
    "more than a little": ({"share": 0.02}, set[str]()),
    "another by a little": ({"share": 2.0, "loss": 1.99}, {"share == loss"}),
}


@pytest.mark.parametrize(("values", "near"), NEAR.values(), ids=NEAR.keys())
def test_case_when_beside_a_threshold_is_near_by_the_measure_of_its_kind(
    values: dict[str, float], near: set[str]
) -> None:
    sight = sight_of(infer(case_of(**values), EnginePool(COUNTED)))
    assert {written(goal.atom) for goal in met(sight) if isinstance(goal, NearThreshold)} == near


def test_tests_when_nobody_confirmed_them_count_only_where_asked(tmp_path: Path) -> None:
    open_test = "tests:\n  - {name: Far, expect: confirm, facts: {distance: 900, has_car: no, weather: dry}}\n"
    knowing = small_base(tmp_path, tests_more=open_test)
    results = list(run_tests(read_tests(knowing), EnginePool(knowing)))
    assert "at-home fires" in missing(measure_coverage(knowing, results), "rows")
    assert "at-home fires" not in missing(measure_coverage(knowing, results, unconfirmed=True), "rows")


def test_rules_when_they_fire_only_where_nothing_is_expected_of_them_are_named(tmp_path: Path) -> None:
    one = "tests:\n  - {name: One, facts: {distance: 1, weather: wet}, fired: [near]}\n"
    coverage = covered(small_base(tmp_path, tests_transport=one))
    assert [row.id for row in coverage.fired_unexpectedly] == ["umbrella"]


# -- what is impossible --------------------------------------------------------------------------------


def test_side_when_an_earlier_row_takes_it_is_proved_impossible(tmp_path: Path) -> None:
    rules = """\
        decides: pace
        title: The pace
        source: test
        hit_policy: first
        values: [slow, fast]
        rules:
          - {id: slow, when: distance < 5, then: slow, because: So., source: test}
          - {id: fast, when: distance >= 5, then: fast, because: So., source: test}
          - {id: too-late, when: distance > 7, then: fast, because: So., source: test}
        """
    coverage = proved(small_base(tmp_path, pace=rules))
    impossible = {item.what for item, _ in coverage.measures["conditions"].impossible}
    assert "fast is reached and `distance >= 5` is false" in impossible
    assert [(item.what, proof) for item, proof in coverage.measures["rows"].impossible] == [
        ("too-late fires", "it follows from the conditions of pace themselves")
    ]
    assert "fast is reached and `distance >= 5` is true" not in impossible


PROVED = {
    "by its own conditions": ([("n0 < 1", "a"), ("n0 < 0.5", "b")], {}, "conditions of d themselves"),
    "by the decisions it reads": ([("e == low and n0 > 2", "a")], {}, "the decisions it reads"),
    "by the figures": ([("double > 10 and n0 < 4", "a")], {"double": "2 * n0"}, "nearest figures"),
}


@pytest.mark.parametrize(("rows", "figures", "proof"), PROVED.values(), ids=PROVED.keys())
def test_row_when_it_cannot_fire_is_proved_so_by_as_little_as_it_takes(
    rows: list[tuple[str, object]], figures: dict[str, str], proof: str
) -> None:
    read = decision("e", "first", [("n0 < 2", "low"), ("true", "high")])
    dead = base({"n0": number(), "t0": truth()}, [decision("d", "first", rows), read], figures=figures)
    found = Witness(EnginePool(dead)).find(Fires("d", len(rows) - 1))
    assert isinstance(found, Impossible)
    assert proof in found.proof


def goals_of(base: Knowledge) -> Iterable[Goal]:
    return Coverage(base, {}, frozenset(), 0).missing_goals


@pytest.fixture(scope="module")
def impossible() -> frozenset[Goal]:
    """Everything that is proved impossible of the built-in base without its figures."""
    witness = Witness(pool())
    return frozenset(
        goal for goal in goals_of(knowledge()) if witness.impossible(goal, ("conditions", "decisions")) is not None
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(answers(complete=False))
def test_what_is_proved_impossible_when_cases_are_decided_is_never_met(
    impossible: frozenset[Goal], said: Answers
) -> None:
    assert len(impossible) > 20
    assert not impossible.intersection(met(sight_of(infer(said.case, pool()))))


FIGURED = base(
    {"n0": number(min=0, max=100), "i0": integer(min=0, max=10), "t0": truth()},
    [
        decision("e", "first", [("i0 < 3 and t0", "low"), ("i0 >= 8", "high")]),
        decision(
            "d",
            "first",
            [("e == low and sum <= 20", "a"), ("t0 is unknown or not t0 and sum > 40", "b"), ("sum == 30", "c")],
        ),
    ],
    figures={"sum": "n0 + 2 * i0"},
)
POINTS = [
    case_of(**values)
    for values in (
        {"n0": 20.0, "i0": 0.0, "t0": True},
        {"n0": 20.125, "i0": 2.0, "t0": True},
        {"n0": 30.0, "i0": 0.0, "t0": True},
        {"n0": 24.5, "i0": 8.0, "t0": False},
        {"n0": 24.0, "i0": 8.0, "t0": False},
        {"n0": 10.0, "i0": 8.0},
        {"i0": 8.0, "t0": False},
        {"n0": 10.0, "t0": True},
        {},
    )
]


@pytest.mark.parametrize("case", POINTS, ids=range(len(POINTS)))
def test_goals_as_terms_when_one_case_is_put_in_are_met_where_the_case_meets_them(case: Case) -> None:
    import z3

    sight = sight_of(infer(case, EnginePool(FIGURED)))
    wanted = set(met(sight))
    for name in FIGURED.decisions:
        terms = SymbolicBase(FIGURED, name, standing=False)
        solver = z3.Solver()
        solver.add(*terms.bounds)
        for fact, (given_at_all, symbol, _) in terms._given.items():
            value = case.given[fact].value if fact in case.given else None
            solver.add(given_at_all if value is not None else z3.Not(given_at_all))
            if value is not None:
                solver.add(symbol == value)
        for goal in goals_of(FIGURED):
            decision_of_goal = FIGURED.decision_of[goal.output] if isinstance(goal, Reaches) else goal.decision
            if decision_of_goal == name:
                found = solver.check(terms.meets(goal))
                assert (found == z3.sat) is (goal in wanted), told(FIGURED, goal)


# -- which cases are found -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Fires, Side, Decides, Reaches, AtThreshold, NearThreshold])
def test_cases_when_found_meet_their_goal_with_no_fact_to_spare(kind: type[Goal]) -> None:
    witness = Witness(EnginePool(FIGURED))
    found = 0
    for goal in goals_of(FIGURED):
        case = witness.find(goal) if isinstance(goal, kind) else None
        if isinstance(case, Case):
            found += 1
            assert goal in met(sight_of(infer(case, EnginePool(FIGURED)))), told(FIGURED, goal)
            for name in case.given:
                fewer = sight_of(infer(case.without(name), EnginePool(FIGURED)))
                assert goal not in met(fewer), (told(FIGURED, goal), name)
    assert found >= 4


def test_cases_when_found_for_a_threshold_lie_at_it_and_beside_it(tmp_path: Path) -> None:
    knowing = small_base(tmp_path)
    witness = Witness(EnginePool(knowing))
    found = {
        type(goal): witness.find(goal)
        for goal in goals_of(knowing)
        if isinstance(goal, AtThreshold | NearThreshold) and goal.row == 0 and goal.decision == "transport"
    }
    at, near = found[AtThreshold], found[NearThreshold]
    assert isinstance(at, Case)
    assert isinstance(near, Case)
    assert {name: one.value for name, one in at.given.items()} == {"distance": 2.0}
    assert {name: one.value for name, one in near.given.items()} == {"distance": 1.99}


def test_suggestions_when_written_are_tests_to_be_confirmed(tmp_path: Path) -> None:
    text = suggest_tests(small_base(tmp_path)).text
    knowing = small_base(tmp_path, tests_suggested=text)
    results = [result for result in run(knowing) if "suggested" in result.test.place.file]
    assert len(results) > 5
    assert {result.word for result in results} == {"to be confirmed"}
    assert run_decision_tests(knowing).exit_status == 1


def test_suggestions_when_confirmed_as_they_stand_pass_and_leave_nothing_missing(tmp_path: Path) -> None:
    text = suggest_tests(small_base(tmp_path)).text
    confirmed = text.replace("    expect: confirm\n", "").replace("    # ", "    ")
    knowing = small_base(tmp_path, tests_suggested=confirmed)
    assert run_decision_tests(knowing).exit_status == 0
    coverage = proved(knowing)
    assert {name: coverage.measures[name].missing for name in (*DEMANDED, "boundaries")} == dict.fromkeys(
        (*DEMANDED, "boundaries"), ()
    )


def test_suggestions_when_a_test_already_waits_for_it_are_not_made_again(tmp_path: Path) -> None:
    text = suggest_tests(small_base(tmp_path)).text
    again = suggest_tests(small_base(tmp_path, tests_suggested=text)).text
    assert yaml.safe_load(again) == {"tests": []}
    assert len(read_tests(small_base(tmp_path, tests_suggested=again))) == 3


def test_suggestions_when_they_replace_a_file_of_their_own_are_made_again(tmp_path: Path) -> None:
    text = suggest_tests(small_base(tmp_path)).text
    knowing = small_base(tmp_path, tests_suggested=text)
    assert suggest_tests(knowing, tmp_path / "tests" / "suggested.yaml").text == text


def test_suggestions_when_they_would_replace_confirmed_tests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds tests that somebody has confirmed"):
        suggest_tests(small_base(tmp_path), tmp_path / "tests" / "transport.yaml")


def test_suggestions_when_something_is_impossible_say_so(tmp_path: Path) -> None:
    rules = """\
        decides: pace
        title: The pace
        source: test
        hit_policy: first
        values: [slow, fast]
        rules:
          - {id: slow, when: distance < 5, then: slow, because: So., source: test}
          - {id: fast, when: distance >= 5, then: fast, because: So., source: test}
        """
    text = suggest_tests(small_base(tmp_path, pace=rules)).text
    assert "# Proved impossible, and so not to be tested:\n" in text
    assert (
        "#   fast is reached and `distance >= 5` is false: it follows from the conditions of pace themselves\n" in text
    )


def test_suggestions_when_time_is_up_say_what_is_left(tmp_path: Path) -> None:
    knowing = small_base(tmp_path)
    suggestions = suggest(read_tests(knowing), EnginePool(knowing), seconds=0)
    assert suggestions.found == ()
    assert "at-home fires" in suggestions.open


@pytest.mark.parametrize(
    "text",
    ["plain words", "a: b", "a #b", "yes", "no", "12", "1e5", "- x", "it's", 'say "so"', "[x]", "{x}", "ends:",
     "“quoted” words", "a, b", "a\\b", "&x", "*x", "!x", "|", ">", "%", "@", "`x`", "null", "~", "", "é", "x:y"],
)  # fmt: skip
def test_text_when_written_as_a_scalar_is_read_as_the_same(text: str) -> None:
    assert yaml.safe_load(f"name: {scalar(text)}") == {"name": text}
    assert yaml.safe_load(f"[{scalar(text)}]") == [text] or "," in text


# -- reports -------------------------------------------------------------------------------------------


def run(base: Knowledge) -> list[TestResult]:
    return list(run_tests(read_tests(base), EnginePool(base)))


def test_report_when_in_json_has_covered_total_and_missing_of_each_measure(tmp_path: Path) -> None:
    report = json.loads(run_coverage(small_base(tmp_path), "json").text)
    rows = report["rows"]
    assert (rows["covered"], rows["total"], rows["percent"]) == (4, 6, 66.6)
    assert {item["rule"] for item in rows["missing"]} == {"at-home", "map"}
    assert rows["missing"][0]["file"].endswith("packing.yaml")
    for name in ("conditions", "mcdc", "values", "boundaries"):
        assert set(report[name]) == {"covered", "total", "percent", "missing", "impossible"}
    side = next(item for item in report["conditions"]["missing"] if item["condition"] == "trip_time >= 1")
    assert (side["rule"], side["side"]) == ("map", True)
    assert {(item["output"], item["value"]) for item in report["values"]["missing"]} == {
        ("transport", "stay"),
        ("packing", "map"),
    }
    assert report["percent"] == min(report[name]["percent"] for name in DEMANDED)


def test_report_when_in_text_groups_what_is_missing_by_rule(tmp_path: Path) -> None:
    text = run_coverage(small_base(tmp_path), width=150).text
    assert "Coverage of small by 3 tests" in text
    assert "   66.6 %     4 of    6  rows fired\n" in text
    assert f"  at-home ({tmp_path}/transport.yaml:22)\n    never fires\n" in text
    assert "    `trip_time < 3` is never false\n" in text
    assert "rules test --suggest" in text


UNDER = {"below": (80.0, 1), "all but": (66.7, 1), "at": (20.0, 0), "nothing asked": (None, 0)}


@pytest.mark.parametrize(("asked", "status"), UNDER.values(), ids=UNDER.keys())
def test_report_when_a_measure_falls_short_of_what_is_asked_ends_with_1(
    tmp_path: Path, asked: float | None, status: int
) -> None:
    finished = run_coverage(small_base(tmp_path), fail_under=asked)
    assert finished.exit_status == status
    assert ("is under the " in finished.text) is bool(status)


def test_percentage_when_almost_all_is_covered_is_not_rounded_up() -> None:
    many = [(f"n0 == {index}", f"v{index}") for index in range(2_000)]
    big = base({"n0": number()}, [decision("d", "first", [*many, ("true", "w")])])
    goals: dict[Goal, tuple[str, ...]] = {Fires("d", index): ("test",) for index in range(2_000)}
    rows = Coverage(big, goals, frozenset(), 1).measures["rows"]
    assert (rows.covered, rows.total, rows.percent) == (2_000, 2_001, 99.9)


class _Page(HTMLParser):
    """What a page holds: its tags, ids, links, and the text of each element that has a class."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.rows: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        if tag not in ("meta", "link"):
            self.open.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found["src"]] if "src" in found else []
        self.rows += [found["data-row"]] if "data-row" in found else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_report_when_in_html_is_one_page_with_the_source_of_each_decision(tmp_path: Path) -> None:
    text = run_coverage(small_base(tmp_path), "html").text
    page = _Page(text)
    assert page.open == []
    assert {"transport", "packing", "missing", "impossible"} <= set(page.ids)
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)
    assert [link for link in page.links if not link.startswith("#")] == ["data:,"]
    assert page.sources == []
    assert "Content-Security-Policy" in text
    assert set(page.rows) == {"covered", "partly", "missing"}
    for line in (tmp_path / "transport.yaml").read_text().splitlines():
        assert line.strip() in page.text


def test_report_when_names_are_hostile_shows_them_as_they_are(tmp_path: Path) -> None:
    name = '<script>alert("x")</script> [bold] \u202e'
    tests = f"tests:\n  - {{name: {json.dumps(name)}, facts: {{distance: 1}}, fired: [near]}}\n"
    knowing = small_base(tmp_path, tests_transport=tests)
    text = run_coverage(knowing, "html").text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text
    assert "\u202e" not in run_decision_tests(knowing, "text").text


def test_values_of_another_output_when_gathered_are_reached(tmp_path: Path) -> None:
    sign = """\
        decides: {sign: [high, low], colour: [red, green]}
        title: The sign
        source: test
        hit_policy: collect
        rules:
          - {id: far, when: distance > 100, then: {sign: low, colour: red}, because: So., source: test}
          - {id: car, when: has_car, then: {sign: high, colour: red}, because: So., source: test}
        """
    tests = "tests:\n  - {name: Far, facts: {distance: 200, has_car: no}, conclusions: {colour: [red]}}\n"
    coverage = covered(small_base(tmp_path, sign=sign, tests_transport=tests))
    reached = {item.what for item in coverage.measures["values"].seen}
    assert {"sign is low", "colour is red"} <= reached
    assert not {"sign is high", "colour is green"} & reached


def test_rows_when_told_one_by_one_say_how_far_each_is_covered(tmp_path: Path) -> None:
    rows = {row.row.id: row for row in rows_of(proved(small_base(tmp_path)), "transport")}
    assert {rule: row.word for rule, row in rows.items()} == {
        "near": "covered",
        "by-bike": "partly",
        "by-car": "partly",
        "at-home": "missing",
    }
    assert rows["by-bike"].times == 1
    assert rows["near"].fires.test == "Less than two kilometres are walked"


# -- the built-in base ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results() -> list[TestResult]:
    return list(run_tests(read_tests(knowledge()), pool()))


@pytest.fixture(scope="module")
def shipped(results: list[TestResult]) -> Coverage:
    return with_proofs(measure_coverage(knowledge(), results), pool())


@pytest.mark.parametrize("name", [*DEMANDED, "boundaries"])
def test_built_in_base_when_its_tests_run_is_covered_completely(shipped: Coverage, name: MeasureName) -> None:
    assert [item.what for item in shipped.measures[name].missing] == []
    assert shipped.measures[name].percent == 100


def test_second_base_when_its_tests_run_is_covered_completely() -> None:
    coverage = proved(load_knowledge(ROOT / "examples" / "gpu-rent-or-buy" / "rules"))
    assert {name: [item.what for item in one.missing] for name, one in coverage.measures.items()} == {
        name: [] for name in (*DEMANDED, "boundaries")
    }


def test_built_in_base_when_its_rules_fire_is_expected_to(shipped: Coverage) -> None:
    assert [row.id for row in shipped.fired_unexpectedly] == []


def test_built_in_base_when_both_sides_of_a_threshold_are_asked_for_has_them(shipped: Coverage) -> None:
    impossible = {item.what for item, _ in shipped.measures["boundaries"].impossible}
    assert impossible == set()
    assert shipped.measures["boundaries"].total > 100


def test_built_in_base_when_one_file_of_tests_is_left_out_misses_what_only_that_shows(
    results: list[TestResult],
) -> None:
    without = [result for result in results if "migration" not in result.test.place.file]
    coverage = measure_coverage(knowledge(), without)
    assert "path-fine-tune fires" in missing(coverage, "rows")
    assert CoverageReport(coverage, fail_under=100).exit_status == 1
    assert "✗ missing" in render_coverage(CoverageReport(coverage), "html")


def test_rules_when_one_is_changed_fail_a_test(tmp_path: Path) -> None:
    changes = {
        "framework.yaml": ("requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months <= 50_000"),
        "scale.yaml": ("100_000 <= requests", "100_001 <= requests"),
        "method.yaml": ("labeled_examples >= 1_000", "labeled_examples > 1_000"),
        "migration.yaml": ("prompt_accuracy <= 0.90", "prompt_accuracy < 0.90"),
        "recommendation.yaml": ("repetitive_share >= 0.2", "repetitive_share > 0.2"),
        "economics.yaml": ("method_payback_months <= horizon", "method_payback_months < horizon"),
        "strength.yaml": ("scale in [prompting_is_cheaper, viable]", "scale in [prompting_is_cheaper]"),
        "cautions.yaml": ("> 2 * requests_per_month", ">= 2 * requests_per_month"),
    }
    for path in sorted((ROOT / "rules").rglob("*.yaml")):
        copied = tmp_path / path.relative_to(ROOT / "rules")
        copied.parent.mkdir(exist_ok=True)
        copied.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    for name, (old, new) in changes.items():
        sound = (tmp_path / name).read_text()
        assert old in sound, name
        (tmp_path / name).write_text(sound.replace(old, new))
        changed = load_knowledge(tmp_path)
        concerned = [test for test in read_tests(changed) if Path(test.place.file).name == name]
        try:
            words = {result.word for result in run_tests(concerned, EnginePool(changed))}
        except InferenceError:
            words = {"failed"}
        assert "failed" in words, name
        (tmp_path / name).write_text(sound)


# -- the command ---------------------------------------------------------------------------------------


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "rules", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=ROOT,
    )


def test_command_when_coverage_is_asked_for_prints_it(tmp_path: Path) -> None:
    done = command("coverage", "--rules", write_base(tmp_path), "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["rows"]["total"] == 6


def test_command_when_coverage_falls_short_ends_with_1(tmp_path: Path) -> None:
    done = command("coverage", "--rules", write_base(tmp_path), "--fail-under", "90")
    assert done.returncode == 1
    assert "is under the 90 %" in done.stdout


def test_command_when_coverage_goes_to_a_file_writes_a_page(tmp_path: Path) -> None:
    page = tmp_path / "coverage.html"
    done = command("coverage", "--rules", write_base(tmp_path / "rules"), "-o", page)
    assert (done.returncode, done.stdout) == (0, "")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_command_when_tests_are_suggested_prints_a_file_of_them(tmp_path: Path) -> None:
    done = command("test", "--suggest", "--rules", write_base(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert all(test["expect"] == "confirm" for test in yaml.safe_load(done.stdout)["tests"])
