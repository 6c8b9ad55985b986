"""Decision tests: what their files may say, how they run, and how their failures are told."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import jsonschema
import pytest

from engine import schema
from engine.errors import BadInput, Place
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Value
from engine.source import read_document
from engine.testing import rule_tests
from engine.testing.choosing import chosen
from engine.testing.rule_commands import run_decision_tests, watch_tests
from engine.testing.rule_tests import DecisionTest, ExpectedFigure, TestResult, read_tests, run_tests
from engine.testing.watching import changes, watch
from tests.cases import knowledge
from tests.small_base import small_base, write_base

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted((ROOT / "rules" / "tests").glob("*.yaml"))


def with_test(folder: Path, body: str, given: str = "") -> Knowledge:
    """The small base with one file of tests; ``body`` is what stands in its only test below its name."""
    head = f"given: {given}\n" if given else ""
    return small_base(folder, tests_transport=f"{head}tests:\n  - name: One\n{indent(body, '    ')}\n")


def ran(base: Knowledge) -> list[TestResult]:
    return list(run_tests(read_tests(base), EnginePool(base)))


# -- reading -------------------------------------------------------------------------------------------


def test_tests_when_read_take_the_files_given_facts_unless_they_say_otherwise(tmp_path: Path) -> None:
    first, second, third = read_tests(small_base(tmp_path))
    assert {name: given.value for name, given in first.case.given.items()} == {
        "has_car": True,
        "weather": "dry",
        "distance": 1.99,
    }
    assert second.case.given["weather"].value == "dry"
    assert third.case.given["weather"].value == "wet"
    assert first.place == Place(f"{tmp_path}/tests/transport.yaml", 3, 11)


def test_tests_when_the_base_has_no_folder_of_them_are_none(tmp_path: Path) -> None:
    base = small_base(tmp_path)
    (tmp_path / "tests" / "transport.yaml").unlink()
    (tmp_path / "tests").rmdir()
    assert read_tests(base) == ()


def test_tests_when_in_folders_and_with_the_other_ending_are_read_too(tmp_path: Path) -> None:
    base = small_base(tmp_path)
    (tmp_path / "tests" / "more").mkdir()
    (tmp_path / "tests" / "more" / "far.yml").write_text(
        "tests:\n  - {name: Far, facts: {distance: 900, has_car: no}, conclusions: {transport: unknown}}\n"
    )
    first = read_tests(base)[0]
    assert (first.name, first.place.file) == ("Far", f"{tmp_path}/tests/more/far.yml")


def test_tests_of_the_built_in_base_when_read_are_named_as_people_see_the_folder() -> None:
    assert {test.place.file for test in read_tests(knowledge())} == {f"rules/tests/{path.name}" for path in SHIPPED}


PROBLEMS = {
    "unknown fact": ("facts: {distanc: 1}\nfired: [near]", 3, "there is no fact of this name", "'distance'"),
    "fact out of bounds": ("facts: {distance: -1}\nfired: [near]", 3, "from 0 to 1,000, got -1", "distance: "),
    "unknown conclusion": ("conclusions: {transprt: walk}", 3, "there is no conclusion 'transprt'", "'transport'"),
    "unknown value": ("conclusions: {transport: wlk}", 3, 'one of walk, cycle, drive, stay, got "wlk"', "'walk'"),
    "a truth for a value": ("conclusions: {transport: yes}", 3, 'got "yes"', None),
    "one value for several": ("conclusions: {packing: map}", 3, "expected a list of values", "packing: [umbrella]"),
    "unknown value of several": ("conclusions: {packing: [mapp]}", 3, "expected one of umbrella, map", "'map'"),
    "unknown figure": ("figures: {trip_tme: 1}", 3, "there is no figure 'trip_tme'", "'trip_time'"),
    "a fact that is no number": ("figures: {has_car: 1}", 3, "there is no figure 'has_car'", None),
    "a word for a figure": ("figures: {trip_time: soon}", 3, "expected a number, never or unknown", "within: 0.05"),
    "an infinite figure": ('figures: {trip_time: "1e999"}', 3, "expected a number, never or unknown", None),
    "no tolerance": ("figures: {trip_time: {value: 1}}", 3, "is missing", "Add within"),
    "negative tolerance": ("figures: {trip_time: {value: 1, within: -1}}", 3, "expected a number ≥ 0", None),
    "endless tolerance": ("figures: {trip_time: {value: 1, within: never}}", 3, "expected a number ≥ 0", None),
    "unknown field of a figure": ("figures: {trip_time: {value: 1, with: 1, within: 1}}", 3, "unknown field", "within"),
    "unknown rule": ("fired: [neer]", 3, "there is no rule 'neer'", "'near'"),
    "unknown rule not to fire": ("not_fired: [by-bik]", 3, "there is no rule 'by-bik'", "'by-bike'"),
    "no expectation": ("facts: {distance: 1}", 2, "the test 'One' expects nothing", "Add conclusions"),
    "unknown field": ("conclusion: {transport: walk}", 3, "an unknown field", "'conclusions'"),
    "another mark": ("expect: later", 3, 'expected confirm, got "later"', "leave it out"),
    "a list that is none": ("fired: near", 3, "should be a valid list", None),
}


@pytest.mark.parametrize(("body", "line", "message", "hint"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_test_when_it_does_not_fit_the_base_is_refused_with_its_line(
    tmp_path: Path, body: str, line: int, message: str, hint: str | None
) -> None:
    base = with_test(tmp_path, body)
    with pytest.raises(BadInput) as refused:
        read_tests(base)
    (problem,) = refused.value.problems
    assert (problem.place.file, problem.place.line) == (f"{tmp_path}/tests/transport.yaml", line)
    assert message in problem.message
    assert hint is None or hint in (problem.hint or "")


def test_tests_when_several_files_are_wrong_are_refused_with_every_problem(tmp_path: Path) -> None:
    base = small_base(
        tmp_path,
        tests_transport="tests:\n  - {name: A, facts: {x: 1}, fired: [y]}\n  - {name: B, figures: {z: 1}}\n",
        tests_packing="given: {weather: damp}\ntests:\n  - {name: A, fired: [near]}\n",
        tests_broken="tests: [}\n",
        tests_bare="- {name: A}\n",
    )
    with pytest.raises(BadInput) as refused:
        read_tests(base)
    found = {(Path(problem.place.file).name, problem.place.line) for problem in refused.value.problems}
    assert found == {
        ("broken.yaml", 1),
        ("bare.yaml", 1),
        ("packing.yaml", 1),
        ("transport.yaml", 2),
        ("transport.yaml", 3),
    }
    assert len(refused.value.problems) == 7


def test_two_tests_when_they_have_one_name_are_refused_with_both_places(tmp_path: Path) -> None:
    base = small_base(tmp_path, tests_more="tests:\n  - {name: Two kilometres are cycled, fired: [near]}\n")
    with pytest.raises(BadInput, match=r"already at .*more\.yaml:2") as refused:
        read_tests(base)
    assert Path(refused.value.problems[0].place.file).name == "transport.yaml"


def test_file_of_tests_when_it_holds_none_is_no_problem(tmp_path: Path) -> None:
    assert len(read_tests(small_base(tmp_path, tests_more="tests: []\n"))) == 3


# -- running -------------------------------------------------------------------------------------------


def test_tests_when_everything_is_as_expected_pass(tmp_path: Path) -> None:
    assert [result.word for result in ran(small_base(tmp_path))] == ["passed", "passed", "passed"]


FIGURES: dict[str, tuple[ExpectedFigure, Value, bool]] = {
    "the same": (ExpectedFigure(57.4), 57.4, True),
    "the same to nine digits": (ExpectedFigure(57.3770492), 57.3770491803, True),
    "apart in the ninth digit": (ExpectedFigure(57.3770492), 57.3770482, False),
    "nought and almost nought": (ExpectedFigure(0), 1e-10, True),
    "within": (ExpectedFigure(57.4, 0.05), 57.377, True),
    "at the end of within": (ExpectedFigure(57, 0.5), 57.5, True),
    "beyond within": (ExpectedFigure(57.4, 0.01), 57.377, False),
    "within nothing": (ExpectedFigure(57.4, 0), 57.4000001, False),
    "never": (ExpectedFigure(math.inf), math.inf, True),
    "a number for never": (ExpectedFigure(math.inf), 1e15, False),
    "never for a number": (ExpectedFigure(12), math.inf, False),
    "never within": (ExpectedFigure(12, 1), math.inf, False),
    "unknown": (ExpectedFigure(None), None, True),
    "unknown for a number": (ExpectedFigure(1), None, False),
    "a number for unknown": (ExpectedFigure(None), 0.0, False),
}


@pytest.mark.parametrize(("expected", "found", "fits"), FIGURES.values(), ids=FIGURES.keys())
def test_figure_when_compared_with_what_is_expected_fits_as_said(
    expected: ExpectedFigure, found: Value, fits: bool
) -> None:
    assert expected.allows(found) is fits


DIFFERENCES = {
    "another conclusion": ("facts: {distance: 1}\nconclusions: {transport: cycle}", "transport", "cycle", "walk"),
    "an open one": ("facts: {distance: 5}\nconclusions: {transport: cycle}", "transport", "cycle", "unknown"),
    "one that is not open": ("facts: {distance: 1}\nconclusions: {transport: unknown}", "transport", "unknown", "walk"),
    "fewer values": (
        "facts: {distance: 60, weather: dry}\nconclusions: {packing: [map, umbrella]}",
        "packing",
        "[map, umbrella]",
        "[map]",
    ),
    "more values": ("facts: {distance: 60}\nconclusions: {packing: []}", "packing", "[]", "[map]"),
    "another figure": ("facts: {distance: 5}\nfigures: {trip_time: 0.2}", "trip_time", "0.2", "0.1"),
    "a figure too far off": (
        "facts: {distance: 5}\nfigures: {trip_time: {value: 0.2, within: 0.05}}",
        "trip_time",
        "0.2 within 0.05",
        "0.1",
    ),
    "a figure that is unknown": ("figures: {trip_time: 0.2}", "trip_time", "0.2", "unknown"),
    "a default of its own": ("figures: {passengers: 2}", "passengers", "2", "1"),
    "a rule that did not fire": ("facts: {distance: 2}\nfired: [near]", "near", "fired", "did not fire"),
    "a rule that fired": ("facts: {distance: 1}\nnot_fired: [near]", "near", "not fired", "fired"),
}


@pytest.mark.parametrize(("body", "subject", "expected", "got"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_test_when_something_is_not_as_expected_fails_and_says_both(
    tmp_path: Path, body: str, subject: str, expected: str, got: str
) -> None:
    (result,) = ran(with_test(tmp_path, body))
    assert result.word == "failed"
    assert [(one.subject, one.expected, one.got) for one in result.differences] == [(subject, expected, got)]


def test_conclusions_when_they_are_numbers_and_truths_are_expected_as_such(tmp_path: Path) -> None:
    base = small_base(
        tmp_path,
        fee="""\
            decides: {fee: [0, 2.5], refund: [true, false]}
            title: The fee
            source: test
            hit_policy: first
            rules:
              - {id: free, when: distance < 2, then: {fee: 0, refund: true}, because: So., source: test}
              - {id: paid, when: "true", then: {fee: 2.5, refund: false}, because: So., source: test}
            """,
        tests_fee="""\
            tests:
              - {name: Near is free, facts: {distance: 1}, conclusions: {fee: 0, refund: yes}}
              - {name: Far is paid, facts: {distance: 3}, conclusions: {fee: 2.5, refund: no}}
              - {name: Far is not dear, facts: {distance: 4}, conclusions: {fee: 0}}
            """,
    )
    results = {result.test.name: result for result in ran(base)}
    assert results["Near is free"].word == results["Far is paid"].word == "passed"
    assert [(one.expected, one.got) for one in results["Far is not dear"].differences] == [("0", "2.5")]


def test_test_when_rules_contradict_each_other_fails_with_their_names(tmp_path: Path) -> None:
    base = small_base(
        tmp_path,
        pace="""\
            decides: pace
            title: The pace
            source: test
            hit_policy: unique
            values: [slow, fast]
            rules:
              - {id: slow, when: distance < 5, then: slow, because: So., source: test}
              - {id: fast, when: distance > 3, then: fast, because: So., source: test}
            """,
        tests_pace="tests:\n  - {name: Both, facts: {distance: 4}, conclusions: {pace: slow}}\n",
    )
    result = next(result for result in ran(base) if result.test.name == "Both")
    assert result.word == "failed"
    assert result.outcome is None
    assert "slow" in result.differences[0].got
    assert "fast" in result.differences[0].got
    assert run_decision_tests(base).exit_status == 1


def test_test_when_nobody_confirmed_it_neither_passes_nor_fails(tmp_path: Path) -> None:
    base = with_test(tmp_path, "expect: confirm\nfacts: {distance: 1}\nconclusions: {transport: stay}")
    (result,) = ran(base)
    assert result.word == "to be confirmed"
    finished = run_decision_tests(base)
    assert finished.exit_status == 1
    assert "TO BE CONFIRMED One" in finished.text
    assert "0 passed, 1 to be confirmed" in finished.text


# -- why -----------------------------------------------------------------------------------------------


def text_of(base: Knowledge, choice: str | None = None) -> str:
    return run_decision_tests(base, choice=choice, width=200).text


def test_failure_when_told_shows_the_row_that_decided_and_the_one_that_did_not(tmp_path: Path) -> None:
    text = text_of(with_test(tmp_path, "facts: {distance: 12, has_car: yes}\nconclusions: {transport: cycle}"))
    assert f"FAILED One\n{tmp_path}/tests/transport.yaml:2\n" in text
    assert "    transport: expected cycle, got drive\n" in text
    assert f"        by-car ({tmp_path}/transport.yaml:17): fired\n" in text
    assert "            ✓ trip_time < 3   trip_time = 0.24 h\n" in text
    assert f"        by-bike ({tmp_path}/transport.yaml:12): its condition does not hold\n" in text
    assert "            ✗ distance <= 10   distance = 12 km\n" in text
    assert "            ? weather == dry   weather = unknown\n" in text
    assert text.splitlines()[-1].startswith("0 passed, 1 failed in ")


TOLD = {
    "a row that another went before": (
        "facts: {distance: 1, weather: dry}\nfired: [by-bike]",
        ["by-bike", "its condition holds; near decided before it", "✓ distance <= 10", "near", "✓ distance < 2"],
    ),
    "a row that is waited for": (
        "facts: {distance: 900}\nconclusions: {transport: drive}",
        ["by-car", "its condition does not hold", "? has_car   has_car = unknown", "✗ trip_time < 3"],
    ),
    "an open decision": (
        "facts: {distance: 20}\nconclusions: {transport: drive}",
        ["by-car", "whether its condition holds is unknown", "? has_car   has_car = unknown"],
    ),
    "a row behind an open one": (
        "facts: {distance: 20}\nfired: [at-home]",
        ["at-home", "its condition holds; by-car may decide before it"],
    ),
    "a default": (
        "facts: {distance: 5}\nconclusions: {packing: [map]}",
        ["map", "✗ passengers > 3   passengers = 1 person (assumed)"],
    ),
    "the rule behind a conclusion": (
        "facts: {distance: 1, weather: wet}\nnot_fired: [umbrella]",
        ["umbrella", "✗ transport == stay   transport = walk (near)"],
    ),
    "a figure": ("facts: {distance: 5}\nfigures: {trip_time: 1}", ["trip_time = distance / speed", "5 km", "0.1 h"]),
    "an amount": ("figures: {speed: 60}", ["speed = 50 km/hour"]),
}


@pytest.mark.parametrize(("body", "parts"), TOLD.values(), ids=TOLD.keys())
def test_failure_when_told_shows_conditions_with_what_they_read(tmp_path: Path, body: str, parts: list[str]) -> None:
    text = text_of(with_test(tmp_path, body))
    for part in parts:
        assert part in text


# -- reports -------------------------------------------------------------------------------------------

MIXED = """\
tests:
  - {name: Right, facts: {distance: 1}, conclusions: {transport: walk}}
  - {name: "Wrong <&> [bold]", facts: {distance: 1}, conclusions: {transport: drive}, figures: {trip_time: never}}
  - {name: Open, expect: confirm, facts: {distance: 1}}
"""


def test_report_when_in_text_counts_marks_and_survives_hostile_names(tmp_path: Path) -> None:
    text = text_of(small_base(tmp_path, tests_transport=MIXED))
    assert f"{tmp_path}/tests/transport.yaml  ✓✗?\n" in text
    assert "FAILED Wrong <&> [bold]\n" in text
    assert "1 passed, 1 failed, 1 to be confirmed in " in text


def test_report_when_in_json_has_each_test_with_expected_and_got(tmp_path: Path) -> None:
    finished = run_decision_tests(small_base(tmp_path, tests_transport=MIXED), "json")
    report = json.loads(finished.text)
    assert (report["passed"], report["failed"], report["to_be_confirmed"]) == (1, 1, 1)
    right, wrong, unconfirmed = report["tests"]
    assert right["outcome"] == "passed"
    assert unconfirmed["outcome"] == "to_be_confirmed"
    assert (wrong["name"], wrong["file"], wrong["line"]) == ("Wrong <&> [bold]", f"{tmp_path}/tests/transport.yaml", 3)
    assert wrong["expected"]["conclusions"] == {"transport": "drive"}
    assert wrong["expected"]["figures"] == {"trip_time": "never"}
    assert wrong["got"]["conclusions"] == {"transport": "walk"}
    assert wrong["got"]["figures"] == {"trip_time": 0.02}
    assert wrong["got"]["fired"] == ["near"]
    assert any("✓ distance < 2" in line for line in wrong["differences"][0]["why"])
    assert finished.exit_status == 1


def test_report_when_in_junit_is_xml_that_says_the_same(tmp_path: Path) -> None:
    finished = run_decision_tests(small_base(tmp_path, tests_transport=MIXED), "junit")
    suites = ET.fromstring(finished.text)  # noqa: S314 - our own text
    assert suites.attrib["tests"] == "3"
    assert (suites.attrib["failures"], suites.attrib["skipped"]) == ("1", "1")
    right, wrong, unconfirmed = suites.iter("testcase")
    assert list(right) == []
    failure = wrong.find("failure")
    assert failure is not None
    assert wrong.attrib["name"] == "Wrong <&> [bold]"
    assert "transport: expected drive, got walk" in failure.attrib["message"]
    assert "distance < 2 is true" in (failure.text or "")
    assert unconfirmed.find("skipped") is not None


def test_report_when_there_are_no_tests_says_how_to_get_some(tmp_path: Path) -> None:
    base = small_base(tmp_path)
    (tmp_path / "tests" / "transport.yaml").unlink()
    finished = run_decision_tests(base)
    assert finished.exit_status == 1
    assert "rules test --suggest" in finished.text


def test_report_when_every_test_passes_ends_with_status_0(tmp_path: Path) -> None:
    finished = run_decision_tests(small_base(tmp_path))
    assert finished.exit_status == 0
    assert "3 passed in " in finished.text


# -- choosing ------------------------------------------------------------------------------------------

CHOICES = {
    "kilometres": [0, 1],
    "KILOMETRES": [0, 1],
    "less than": [0],
    "kilometres and cycled": [1],
    "walked or wet": [0, 2],
    "not kilometres": [2],
    "kilometres and not (cycled or wet)": [0],
    "by-car": [2],
    "transport.yaml": [0, 1, 2],
    '"in the wet"': [2],
    "'a car' or 'two kilometres are'": [0, 1, 2],
}


@pytest.mark.parametrize(("expression", "meant"), CHOICES.items(), ids=CHOICES.keys())
def test_choice_when_it_is_an_expression_means_the_tests_that_fit(
    tmp_path: Path, expression: str, meant: list[int]
) -> None:
    tests = read_tests(small_base(tmp_path))
    assert chosen(tests, expression) == tuple(tests[index] for index in meant)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("aeroplane", "no test is meant by 'aeroplane'"),
        ("kilometres and", "not readable"),
        ("(kilometres", "not readable"),
        ("'a' 'b'", "not readable"),
        ("", "not readable"),
        ("(" * 400, "not readable"),
    ],
)
def test_choice_when_it_means_nothing_is_refused(tmp_path: Path, expression: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        chosen(read_tests(small_base(tmp_path)), expression)


def test_choice_when_made_counts_the_tests_left_out(tmp_path: Path) -> None:
    assert "1 passed, 2 not chosen in " in text_of(small_base(tmp_path), "cycled")


# -- the tests of one rule -----------------------------------------------------------------------------


def test_tests_of_a_rule_when_listed_say_what_they_have_to_do_with_it(tmp_path: Path) -> None:
    base = small_base(tmp_path, tests_more="tests:\n  - {name: A mile, facts: {distance: 1.6}, figures: {speed: 50}}\n")
    assert [(test.name, test.how) for test in rule_tests.tests_of(base, "near")] == [
        ("Less than two kilometres are walked", "expects it to fire"),
        ("Two kilometres are cycled", "expects it not to fire"),
        ("A mile", "fires it"),
    ]
    assert rule_tests.tests_of(base, "at-home") == ()


def test_tests_of_a_rule_of_the_built_in_base_when_listed_are_there_for_each_rule() -> None:
    base = knowledge()
    for rule in ("q1-low-volume", "hybrid", "strength-open", "caution-budget"):
        assert any(test.how == "expects it to fire" for test in rule_tests.tests_of(base, rule))


# -- watching ------------------------------------------------------------------------------------------


def waiting(*events: Callable[[], object]) -> Callable[[float], None]:
    """A way to wait in which one event happens each time, then an interrupt."""
    left = iter(events)

    def wait(_seconds: float) -> None:
        event = next(left, None)
        if event is None:
            raise KeyboardInterrupt
        event()

    return wait


def test_watch_when_a_file_changes_acts_again_until_it_is_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    acted: list[str] = []
    another = tmp_path / "b.yaml"
    wait = waiting(lambda: None, lambda: file.write_text("23"), lambda: another.write_text("1"))
    watch(tmp_path, lambda: acted.append(file.read_text()), wait=wait)
    assert acted == ["1", "23", "23"]


def test_changes_when_files_come_change_and_go_name_each_of_them(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    one, other = tmp_path / "one.yaml", tmp_path / "tests" / "other.yml"
    one.write_text("1")
    found = changes(tmp_path, wait=waiting(lambda: other.write_text("1"), one.unlink))
    assert next(found) == {one}
    assert next(found) == {other}
    assert next(found) == {one}


def test_watching_tests_when_a_file_breaks_shows_why_and_goes_on(tmp_path: Path) -> None:
    write_base(tmp_path)
    rules = tmp_path / "transport.yaml"
    sound = rules.read_text()
    wait = waiting(lambda: rules.write_text(sound.replace("< 2", "< two")), lambda: rules.write_text(sound))
    shown: list[str] = []
    watch_tests(tmp_path, lambda: load_knowledge(tmp_path), shown.append, wait=wait)
    runs = [text for text in shown if not text.startswith("Watching")]
    assert ["3 passed" in text for text in runs] == [True, False, True]
    assert "'two' is not a known name" in runs[1]


# -- schema and the shipped tests ----------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_tests_when_held_to_their_schema_fit(path: Path) -> None:
    jsonschema.Draft202012Validator(schema.tests_schema(knowledge())).validate(read_document(path).value)
    assert path.read_text().startswith("# yaml-language-server: $schema=../../docs/schemas/tests.schema.json\n")


@pytest.mark.parametrize(("body", "_line", "_message", "_hint"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_schema_when_held_to_what_is_refused_refuses_what_it_can_see(
    tmp_path: Path, body: str, _line: int, _message: str, _hint: str | None
) -> None:
    base = with_test(tmp_path, body)
    document = read_document(tmp_path / "tests" / "transport.yaml")
    # That a test expects something is more than the shape of its file.
    seen = body != "facts: {distance: 1}" and "1e999" not in body and "within: -1" not in body
    assert jsonschema.Draft202012Validator(schema.tests_schema(base)).is_valid(document.value) is not seen


@pytest.fixture(scope="module")
def shipped() -> list[TestResult]:
    return ran(knowledge())


def test_shipped_tests_when_run_pass(shipped: list[TestResult]) -> None:
    assert [(result.test.name, result.differences) for result in shipped if result.word != "passed"] == []


def test_shipped_tests_when_their_names_are_read_are_sentences(shipped: list[TestResult]) -> None:
    def is_sentence(test: DecisionTest) -> bool:
        starts = test.name[0].isupper() or test.name[0].isdigit()
        return starts and not test.name.endswith(".") and len(test.name.split()) > 3

    assert [result.test.name for result in shipped if not is_sentence(result.test)] == []


# -- the command ---------------------------------------------------------------------------------------


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "rules", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=ROOT,
    )


def test_command_when_tests_pass_ends_with_0(tmp_path: Path) -> None:
    done = command("test", "--rules", write_base(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 passed" in done.stdout


def test_command_when_a_test_fails_ends_with_1(tmp_path: Path) -> None:
    write_base(tmp_path, tests_transport=MIXED)
    done = command("test", "--rules", tmp_path, "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == 1


def test_command_when_a_file_of_tests_cannot_be_read_ends_with_2(tmp_path: Path) -> None:
    write_base(tmp_path, tests_transport="tests: [{name: One, fired: [neer]}]\n")
    done = command("test", "--rules", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no rule 'neer'. Did you mean 'near'?" in done.stderr


def test_command_when_told_which_tests_runs_those(tmp_path: Path) -> None:
    done = command("test", "--rules", write_base(tmp_path), "-k", "walked or cycled")
    assert done.returncode == 0
    assert "2 passed, 1 not chosen" in done.stdout


def test_command_when_it_watches_stops_on_an_interrupt(tmp_path: Path) -> None:
    write_base(tmp_path)
    arguments = [sys.executable, "-u", str(ROOT / "cli.py"), "rules", "test", "--watch", "--rules", str(tmp_path)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, encoding="utf-8", cwd=ROOT, env=environment) as running:
        assert running.stdout is not None
        lines = iter(running.stdout.readline, "")
        assert any("3 passed" in line for line in lines)
        assert any(line.startswith("Watching") for line in lines)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 0


# -- decisions that make one number --------------------------------------------------------------------

TOLL = """\
    decides: toll
    values: [2, 3.5]
    unit: hour
    hit_policy: collect
    aggregate: {aggregate}
    title: Toll
    source: test
    rules:
      - {{id: toll-far, when: distance > 100, then: 2, because: It is far., source: test}}
      - {{id: toll-full, when: passengers > 3, then: 3.5, because: It is full., source: test}}
    """
AGGREGATES = {"sum": "5.5", "min": "2", "max": "{value: 3.4, within: 0.1}", "count": "2"}


@pytest.mark.parametrize(("aggregate", "number"), AGGREGATES.items(), ids=AGGREGATES.keys())
def test_test_of_a_decision_that_aggregates_when_it_expects_its_number_passes(
    tmp_path: Path, aggregate: str, number: str
) -> None:
    test = "tests:\n  - {name: One, facts: {distance: 200, passengers: 4}, conclusions: {toll: NUMBER}}\n"
    toll = TOLL.format(aggregate=aggregate)
    toll = toll.replace("    unit: hour\n", "") if aggregate == "count" else toll
    base = small_base(tmp_path, toll=toll, tests_transport=test.replace("NUMBER", number))
    (result,) = ran(base)
    assert (result.word, result.differences) == ("passed", ())
    schema_of_tests = schema.tests_schema(base)
    jsonschema.validate(read_document(tmp_path / "tests" / "transport.yaml").value, schema_of_tests)


def test_test_of_a_decision_that_aggregates_when_it_gives_another_number_fails_with_the_rows(tmp_path: Path) -> None:
    test = "tests:\n  - {name: One, facts: {distance: 200, passengers: 1}, conclusions: {toll: 5.5}}\n"
    base = small_base(tmp_path, toll=TOLL.format(aggregate="sum"), tests_transport=test)
    (difference,) = ran(base)[0].differences
    assert (difference.about, difference.subject) == ("conclusion", "toll")
    assert (difference.expected, difference.got) == ("5.5", "2")
    printed = json.loads(run_decision_tests(base, "json").text)["tests"][0]
    assert (printed["expected"]["conclusions"], printed["got"]["conclusions"]) == ({"toll": 5.5}, {"toll": 2.0})
    assert any("toll-full" in line for line in printed["differences"][0]["why"])


def test_test_of_a_decision_that_aggregates_when_no_row_holds_expects_unknown(tmp_path: Path) -> None:
    test = "tests:\n  - {name: One, facts: {distance: 1, passengers: 1}, conclusions: {toll: unknown}}\n"
    base = small_base(tmp_path, toll=TOLL.format(aggregate="sum"), tests_transport=test)
    assert ran(base)[0].word == "passed"


def test_test_of_a_decision_that_aggregates_when_it_expects_a_list_is_refused_by_line(tmp_path: Path) -> None:
    test = "tests:\n  - name: One\n    conclusions: {toll: [2]}\n"
    base = small_base(tmp_path, toll=TOLL.format(aggregate="sum"), tests_transport=test)
    with pytest.raises(BadInput) as refused:
        read_tests(base)
    (problem,) = refused.value.problems
    assert (problem.place.line, problem.field) == (3, "toll")
    assert problem.message == "expected a number, never or unknown, got a list"


# -- decisions that gather values ----------------------------------------------------------------------

SIGNS = """\
    decides: {sign: [high, low], colour: [red, green]}
    title: What is written on the sign
    source: test
    hit_policy: POLICY
    rules:
      - {id: sign-far, when: distance > 100, then: {sign: low, colour: red}, because: It is far., source: test}
      - {id: sign-car, when: has_car, then: {sign: high, colour: red}, because: There is a car., source: test}
      - {id: sign-very-far, when: distance > 200, then: {sign: low, colour: green}, because: It is far., source: test}
    """
#: What is expected of a case that gathers low, high, low and red, red, green; the policies under which it passes.
GATHERED = {
    "as they come": ("sign: [low, high, low]", {"collect", "rule order"}),
    "as they come, of another output": ("colour: [red, red, green]", {"collect", "rule order"}),
    "each once": ("sign: [low, high]", {"collect"}),
    "in another order": ("sign: [high, low, low]", {"collect"}),
    "more often": ("sign: [low, high, low, low]", {"collect"}),
    "one that is not there": ("colour: [red]", set()),
    "nothing": ("sign: []", set()),
}


@pytest.mark.parametrize("policy", ["collect", "rule order"])
@pytest.mark.parametrize(("expected", "passing"), GATHERED.values(), ids=GATHERED)
def test_test_of_a_decision_that_gathers_when_order_or_number_differ_fails_under_rule_order(
    tmp_path: Path, expected: str, passing: set[str], policy: str
) -> None:
    test = f"tests:\n  - {{name: One, facts: {{distance: 300, has_car: yes}}, conclusions: {{{expected}}}}}\n"
    base = small_base(tmp_path, sign=SIGNS.replace("POLICY", policy), tests_transport=test)
    assert (ran(base)[0].word == "passed") is (policy in passing)


def test_test_of_a_list_in_order_when_it_fails_says_both_lists_as_they_are(tmp_path: Path) -> None:
    test = "tests:\n  - {name: One, facts: {distance: 300, has_car: yes}, conclusions: {sign: [low, low, high]}}\n"
    base = small_base(tmp_path, sign=SIGNS.replace("POLICY", "rule order"), tests_transport=test)
    (difference,) = ran(base)[0].differences
    assert (difference.expected, difference.got) == ("[low, low, high]", "[low, high, low]")
    printed = json.loads(run_decision_tests(base, "json").text)["tests"][0]
    assert printed["expected"]["conclusions"] == {"sign": ["low", "low", "high"]}
    assert printed["got"]["conclusions"] == {"sign": ["low", "high", "low"]}


# -- the tests of anything -----------------------------------------------------------------------------

WALKED = "Less than two kilometres are walked"
CYCLED = "Two kilometres are cycled"
DRIVEN = "In the wet a car is taken"
ABOUT = {
    "near": {WALKED: "expects it to fire", CYCLED: "expects it not to fire"},
    "by-car": {DRIVEN: "expects it to fire"},
    "by-bike": {CYCLED: "fires it"},
    "at-home": {},
    "trip_time": {DRIVEN: "expects its value"},
    "packing": {WALKED: "expects its value", DRIVEN: "expects its value"},
    "weather": {WALKED: "gives it", CYCLED: "gives it", DRIVEN: "gives it"},
    "passengers": {},
    "speed": {},
}


@pytest.mark.parametrize("name", ABOUT)
def test_tests_about_a_name_when_listed_say_how_they_have_to_do_with_it(tmp_path: Path, name: str) -> None:
    assert {test.name: test.how for test in rule_tests.tests_about(small_base(tmp_path), name)} == ABOUT[name]
