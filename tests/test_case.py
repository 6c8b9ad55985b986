from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.case import Case, Given, case_from_mapping, parse_answer, parse_number, read_case
from engine.declarations import FactDeclaration
from engine.errors import BadInput, Place, Problem
from engine.source import MOST_PROBLEMS, read_text_document


def fact(kind: str, **fields: object) -> FactDeclaration:
    return FactDeclaration.model_validate({"title": "a fact", "type": kind, "source": "ours", **fields})


TASKS = {"tagging": "Tagging", "code_generation": "Writing code", "other": "Something else"}
VOCABULARY: Mapping[str, FactDeclaration] = {
    "requests_per_month": fact("number", unit="request/month", min=0.0, example="200_000"),
    "has_ml_engineering": fact("yes/no"),
    "labeled_examples": fact("integer", unit="example", min=0.0),
    "prompt_accuracy": fact("number", unit="fraction", min=0.0, max=1.0),
    "horizon_months": fact("number", unit="month", above=0.0, max=120.0),
    "budget": fact("number", unit="USD", min=0.0, example="60000"),
    "net_benefit": fact("number", unit="USD/month"),
    "retraining_cycles": fact("number", unit="1/year", above=0.0),
    "task": fact("choice", choices=TASKS),
    "regulated_domain": fact("choice", choices={"none": "None", "legal": "Legal"}, example="legal"),
}
Outcome = TypeVar("Outcome")


def attempt(call: Callable[[], Outcome]) -> Outcome | BadInput:
    """What the call returns or, where it refuses, its refusal."""
    try:
        return call()
    except BadInput as refusal:
        return refusal


def case(text: str, file: str = "examples/claims.yaml") -> Case:
    return read_case(read_text_document(text, file), VOCABULARY)


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(BadInput) as caught:
        case(text)
    return caught.value.problems


def the_only(caught: pytest.ExceptionInfo[BadInput]) -> Problem:
    (problem,) = caught.value.problems
    return problem


# What is accepted


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("requests_per_month", "200_000", 200_000.0),
        ("requests_per_month", '"200_000"', 200_000.0),
        ("requests_per_month", "200,000", 200_000.0),
        ("requests_per_month", "1,200,000.5", 1_200_000.5),
        ("requests_per_month", "200k", 200_000.0),
        ("requests_per_month", "1.2M", 1_200_000.0),
        ("requests_per_month", "2e5", 200_000.0),
        ("requests_per_month", "0", 0.0),
        ("requests_per_month", "010", 10.0),
        ("requests_per_month", "unknown", None),
        ("requests_per_month", '" Unknown "', None),
        ("budget", "$45,000", 45_000.0),
        ("budget", "$45K", 45_000.0),
        ("budget", "45.1k", 45_100.0),
        ("net_benefit", "-$1,200.50", -1_200.5),
        ("net_benefit", "-5", -5.0),
        ("prompt_accuracy", "0.82", 0.82),
        ("prompt_accuracy", "82%", 0.82),
        ("prompt_accuracy", '"82.3 %"', 0.823),
        ("prompt_accuracy", "100%", 1.0),
        ("prompt_accuracy", "0", 0.0),
        ("prompt_accuracy", "1", 1.0),
        ("horizon_months", "0.001", 0.001),
        ("horizon_months", "120", 120.0),
        ("labeled_examples", "500", 500.0),
        ("labeled_examples", "500.0", 500.0),
        ("labeled_examples", "2k", 2_000.0),
        ("has_ml_engineering", "yes", True),
        ("has_ml_engineering", "ON", True),
        ("has_ml_engineering", '"True"', True),
        ("has_ml_engineering", "Y", True),
        ("has_ml_engineering", "no", False),
        ("has_ml_engineering", "off", False),
        ("has_ml_engineering", "'N'", False),
        ("task", "code_generation", "code_generation"),
        ("task", "Code Generation", "code_generation"),
        ("task", "CODE-generation", "code_generation"),
        ("regulated_domain", "none", "none"),
        ("regulated_domain", "None", "none"),
        ("regulated_domain", "no", "none"),
        ("regulated_domain", "'Legal'", "legal"),
    ],
)
def test_case_reads_a_value_as_people_write_it(name: str, written: str, value: float | bool | str | None) -> None:
    found = case(f"{name}: {written}").given[name]
    assert (found.value, type(found.value)) == (value, type(value))
    assert found == Given(name, value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{low: 0.5, high: 1}", Given("prompt_accuracy", 0.75, 0.5, 1.0)),
        ("{low: 80%, likely: 82%, high: 0.9}", Given("prompt_accuracy", 0.82, 0.8, 0.9)),
        ("{low: 0.8, high: 0.8}", Given("prompt_accuracy", 0.8, 0.8, 0.8)),
        ("{low: 0.8, likely: 0.8, high: 0.9}", Given("prompt_accuracy", 0.8, 0.8, 0.9)),
        ("{value: 0.8}", Given("prompt_accuracy", 0.8)),
        (
            "{value: 0.8, origin: measured, source: ' 500 labelled tickets '}",
            Given("prompt_accuracy", 0.8, origin="measured", source="500 labelled tickets"),
        ),
        ("{value: 0.8, origin: Assumed}", Given("prompt_accuracy", 0.8, origin="assumed")),
        ("{value: 0.8, source: 2024}", Given("prompt_accuracy", 0.8, source="2024")),
        ("{value: unknown, source: nobody said}", Given("prompt_accuracy", None, source="nobody said")),
        (
            "{low: 0.8, likely: 0.81, high: 0.9, origin: measured, source: pilot}",
            Given("prompt_accuracy", 0.81, 0.8, 0.9, "measured", "pilot"),
        ),
    ],
)
def test_case_reads_ranges_and_provenance(written: str, expected: Given) -> None:
    assert case(f"prompt_accuracy: {written}").given["prompt_accuracy"] == expected


def test_range_of_a_whole_number_has_a_whole_middle() -> None:
    assert case("labeled_examples: {low: 1000, high: 1501}").given["labeled_examples"].value == 1250


def test_range_up_to_the_largest_numbers_has_its_middle() -> None:
    assert case("budget: {low: 5e14, high: 1e15}").given["budget"].value == 7.5e14


def test_number_beyond_the_largest_when_read_is_refused_with_the_bound() -> None:
    with pytest.raises(BadInput, match="beyond ±1,000,000,000,000,000"):
        case("budget: 1e16")


def test_case_keeps_order_name_file_and_places() -> None:
    found = case("task: other\nbudget:\n  value: 45k\n  source: board\nrequests_per_month: 5\n", "examples/claims.yaml")
    assert list(found.given) == ["task", "budget", "requests_per_month"]
    assert (found.name, found.file) == ("claims", "examples/claims.yaml")
    assert [given.place for given in found.given.values()] == [
        Place("examples/claims.yaml", 1, 7),
        Place("examples/claims.yaml", 3, 3),
        Place("examples/claims.yaml", 5, 21),
    ]


def test_empty_mapping_is_a_case_of_which_nothing_is_known() -> None:
    assert case("{}").given == {}


def test_case_with_a_fact_replaced_leaves_the_original_alone() -> None:
    before = case("task: other\nbudget: 5")
    after = before.replace("budget", Given("budget", 7.0, origin="measured"))
    assert [(given.name, given.value) for given in after.given.values()] == [("task", "other"), ("budget", 7.0)]
    assert before.given["budget"].value == 5
    assert list(after.without("task").given) == ["budget"]
    assert after.without("absent") == after


def test_prompt_cost_and_bill_stand_side_by_side() -> None:
    costs = {
        "prompt_cost_per_request": fact("number", unit="USD/request"),
        "prompt_bill_per_month": fact("number", unit="USD/month"),
    }
    found = case_from_mapping({"prompt_cost_per_request": 0.006, "prompt_bill_per_month": 1_200}, costs, "both")
    assert list(found.given) == ["prompt_cost_per_request", "prompt_bill_per_month"]


# What is refused


@pytest.mark.parametrize(
    ("text", "field", "message", "hint"),
    [
        (
            "requests_per_month: lots",
            "requests_per_month",
            'expected a number of requests/month ≥ 0, got "lots"',
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "requests_per_month: -5",
            "requests_per_month",
            "expected a number of requests/month ≥ 0, got -5",
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "requests_per_month: -200_000",
            "requests_per_month",
            "expected a number of requests/month ≥ 0, got -200_000",
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "requests_per_month: yes",
            "requests_per_month",
            "expected a number of requests/month ≥ 0, got yes",
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "requests_per_month:",
            "requests_per_month",
            "expected a number of requests/month ≥ 0, got nothing",
            "Write unknown if you do not know it",
        ),
        (
            "requests_per_month: '1e400'",
            "requests_per_month",
            'expected a finite number of requests/month ≥ 0, got "1e400"',
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "requests_per_month: 'nan'",
            "requests_per_month",
            'expected a number of requests/month ≥ 0, got "nan"',
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "requests_per_month: [100, 200]",
            "requests_per_month",
            "expected a number of requests/month ≥ 0, got a list",
            "Write {low: 100, high: 200} for a range",
        ),
        (
            "requests_per_month: 100k - 200k",
            "requests_per_month",
            'expected a number of requests/month ≥ 0, got "100k - 200k"',
            "Write {low: 100k, high: 200k} for a range",
        ),
        (
            "requests_per_month: 1,5",
            "requests_per_month",
            'expected a number of requests/month ≥ 0, got "1,5"',
            "Write 1.5, with a decimal point",
        ),
        (
            "requests_per_month: 12,34,567",
            "requests_per_month",
            'expected a number of requests/month ≥ 0, got "12,34,567"',
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "requests_per_month: $5",
            "requests_per_month",
            'expected a number of requests/month ≥ 0, got "$5"',
            "Write e.g. requests_per_month: 200_000",
        ),
        (
            "labeled_examples: 2.5",
            "labeled_examples",
            "expected a whole number of examples ≥ 0, got 2.5",
            "Write e.g. labeled_examples: 100",
        ),
        (
            "labeled_examples: {low: 1, likely: 1.5, high: 2}",
            "labeled_examples.likely",
            "expected a whole number of examples ≥ 0, got 1.5",
            "Write e.g. likely: 100",
        ),
        ("prompt_accuracy: 82", "prompt_accuracy", "expected a fraction from 0 to 1, got 82", "Write 0.82 for 82 %"),
        (
            "prompt_accuracy: 1.01",
            "prompt_accuracy",
            "expected a fraction from 0 to 1, got 1.01",
            "Write 0.0101 for 1.01 %",
        ),
        (
            "prompt_accuracy: 101",
            "prompt_accuracy",
            "expected a fraction from 0 to 1, got 101",
            "Write e.g. prompt_accuracy: 0.5",
        ),
        (
            "prompt_accuracy: 120%",
            "prompt_accuracy",
            'expected a fraction from 0 to 1, got "120%"',
            "Write e.g. prompt_accuracy: 0.5",
        ),
        (
            "prompt_accuracy: -0.1",
            "prompt_accuracy",
            "expected a fraction from 0 to 1, got -0.1",
            "Write e.g. prompt_accuracy: 0.5",
        ),
        (
            "prompt_accuracy: {low: 82, high: 0.9}",
            "prompt_accuracy.low",
            "expected a fraction from 0 to 1, got 82",
            "Write 0.82 for 82 %",
        ),
        (
            "horizon_months: 0",
            "horizon_months",
            "expected a number of months > 0 and ≤ 120, got 0",
            "Write e.g. horizon_months: 60",
        ),
        (
            "horizon_months: 12M",
            "horizon_months",
            'expected a number of months > 0 and ≤ 120, got "12M"',
            "Write e.g. horizon_months: 60",
        ),
        (
            "budget: 12:30",
            "budget",
            'expected a number of USD ≥ 0, got "12:30"',
            "Write e.g. budget: 60_000",
        ),
        (
            "retraining_cycles: -1",
            "retraining_cycles",
            "expected a number per year > 0, got -1",
            "Write e.g. retraining_cycles: 100",
        ),
        (
            "has_ml_engineering: 1",
            "has_ml_engineering",
            "expected yes or no, got 1",
            "Write yes or no, or unknown if you do not know it",
        ),
        (
            "has_ml_engineering: maybe",
            "has_ml_engineering",
            'expected yes or no, got "maybe"',
            "Write yes or no, or unknown if you do not know it",
        ),
        (
            "has_ml_engineering: {low: 1, high: 2}",
            "has_ml_engineering.low",
            "expected yes or no, got a range",
            "Write e.g. has_ml_engineering: yes",
        ),
        (
            "task: code_generaton",
            "task",
            'expected one of tagging, code_generation, other, got "code_generaton"',
            "Did you mean 'code_generation'?",
        ),
        ("task: 5", "task", "expected one of tagging, code_generation, other, got 5", "Write e.g. task: tagging"),
        ("task: no", "task", "expected one of tagging, code_generation, other, got no", "Write e.g. task: tagging"),
        (
            "regulated_domain: yes",
            "regulated_domain",
            "expected one of none, legal, got yes",
            "Write e.g. regulated_domain: legal",
        ),
        (
            "regulated_domain: [legal]",
            "regulated_domain",
            "expected one of none, legal, got a list",
            "Write e.g. regulated_domain: legal",
        ),
        (
            "budget: {low: 5, high: 3}",
            "budget.low",
            "low 5 is above high 3",
            "Exchange the two",
        ),
        (
            "budget: {low: 3, likely: 6, high: 5}",
            "budget.likely",
            "likely 6 is outside of 3 to 5",
            "Write a value between low and high, or leave likely out",
        ),
        (
            "budget: {low: 3, likely: 2.5, high: 5}",
            "budget.likely",
            "likely 2.5 is outside of 3 to 5",
            "Write a value between low and high, or leave likely out",
        ),
        (
            "budget: {low: 3}",
            "budget.high",
            "a range needs high too",
            "Write {low: 100, likely: 150, high: 200}",
        ),
        (
            "budget: {low: unknown, high: 5}",
            "budget.low",
            "expected a number of USD ≥ 0, got unknown",
            "Write budget: unknown where one end is not known",
        ),
        (
            "budget: {low: , high: 5}",
            "budget.low",
            "expected a number of USD ≥ 0, got nothing",
            "Write budget: unknown where one end is not known",
        ),
        (
            "budget: {value: 4, low: 3, high: 5}",
            "budget.value",
            "given beside low and high",
            "Write low, likely and high, or value alone",
        ),
        (
            "budget: {}",
            "budget",
            "expected value, or low and high, in the mapping",
            "Write e.g. {value: 60_000, origin: measured}",
        ),
        (
            "budget: {value: {value: 5}}",
            "budget.value",
            "expected a number of USD ≥ 0, got a mapping",
            "Write e.g. value: 60_000",
        ),
        (
            "budget: {low: 0, high: 1,000}",
            "budget.000",
            "not part of a value",
            "Within braces a comma ends a value; write 1_000 for a thousand",
        ),
        (
            "budget: {value: 5, orgin: measured}",
            "budget.orgin",
            "not part of a value",
            "Write one of value, low, likely, high, origin, source",
        ),
        (
            "budget: {value: 5, origin: guessed}",
            "budget.origin",
            'expected one of answered, assumed, measured, got "guessed"',
            "Write origin: measured",
        ),
        (
            "budget: {value: 5, source: [a]}",
            "budget.source",
            "expected text, got a list",
            "Write where the value comes from, or leave it out",
        ),
        (
            "budget: {value: 5, source: ''}",
            "budget.source",
            'expected text, got ""',
            "Write where the value comes from, or leave it out",
        ),
        (
            "request_per_month: 5",
            "request_per_month",
            "there is no fact of this name",
            "Did you mean 'requests_per_month'? `breakeven rules show` lists all facts",
        ),
        (
            "Requests-Per-Month: 5",
            "Requests-Per-Month",
            "there is no fact of this name",
            "Did you mean 'requests_per_month'? `breakeven rules show` lists all facts",
        ),
        ("xyz: 5", "xyz", "there is no fact of this name", "`breakeven rules show` lists all facts"),
        ("10: 5", "10", "there is no fact of this name", "`breakeven rules show` lists all facts"),
        (
            "- budget: 5",
            None,
            "expected a mapping of facts to values, got a list",
            "Write one fact a line, such as requests_per_month: 200_000",
        ),
        (
            "budget:5\ntask:other",
            None,
            'expected a mapping of facts to values, got "budget:5 task:other"',
            "Put a space after each ':'",
        ),
        (
            "5",
            None,
            "expected a mapping of facts to values, got 5",
            "Write one fact a line, such as requests_per_month: 200_000",
        ),
    ],
)
def test_case_refuses_with_field_expectation_finding_and_way_out(
    text: str, field: str | None, message: str, hint: str
) -> None:
    (problem,) = problems_of(text)
    assert (problem.field, problem.message, problem.hint) == (field, message, hint)
    assert problem.place.file == "examples/claims.yaml"
    assert problem.place.line == 1


def test_message_reads_as_one_line_with_file_line_field_problem_and_way_out() -> None:
    (problem,) = problems_of("# volume\n\ntask: other\n\n\n\nrequests_per_month: lots\n")
    assert str(problem) == (
        "examples/claims.yaml:7: requests_per_month: expected a number of requests/month ≥ 0, "
        'got "lots". Write e.g. requests_per_month: 200_000.'
    )


def test_case_reports_all_problems_in_the_order_of_lines() -> None:
    text = (
        "budgets: 5\n"
        "prompt_accuracy:\n"
        "  low: 5\n"
        "  high: lots\n"
        "  origin: rumour\n"
        "task: other\n"
        "labeled_examples: {low: 9, high: 3}\n"
        "has_ml_engineering: 1\n"
    )
    assert [(problem.place.line, problem.field) for problem in problems_of(text)] == [
        (1, "budgets"),
        (3, "prompt_accuracy.low"),
        (4, "prompt_accuracy.high"),
        (5, "prompt_accuracy.origin"),
        (7, "labeled_examples.low"),
        (8, "has_ml_engineering"),
    ]


def test_long_findings_are_shortened() -> None:
    (problem,) = problems_of(f"budget: {'x' * 10_000}")
    assert len(str(problem)) < 250


def test_thousands_of_unknown_names_are_refused_quickly() -> None:
    text = "".join(f"requests_{number}: 5\n" for number in range(40_000))
    started = time.process_time()
    found = problems_of(text)
    assert time.process_time() - started < 3
    assert len(found) == MOST_PROBLEMS + 1
    assert found[-1].message == "39,900 more problems from here on"


# Plain values


def test_mapping_of_plain_values_makes_the_case_that_a_file_makes() -> None:
    text = "requests_per_month: 200k\ntask: Code Generation\nbudget: {low: 1, high: 3}\nhas_ml_engineering: unknown"
    values = {
        "requests_per_month": 200_000,
        "task": "code-generation",
        "budget": {"low": 1, "high": 3.0},
        "has_ml_engineering": None,
    }
    assert case_from_mapping(values, VOCABULARY, "claims") == case(text)


def test_mapping_may_leave_parts_of_a_value_null() -> None:
    values = {"budget": {"value": None, "low": 1, "high": 3, "likely": None, "origin": None, "source": None}}
    with pytest.raises(BadInput):
        case_from_mapping(values, VOCABULARY, "web")
    del values["budget"]["value"]
    assert case_from_mapping(values, VOCABULARY, "web").given["budget"] == Given("budget", 2.0, 1.0, 3.0)
    assert case_from_mapping({"budget": {"value": None}}, VOCABULARY, "web").given["budget"] == Given("budget", None)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (10**400, "a number too large to show"),
        ({1, 2}, "a list"),
        (b"5", "a value of type bytes"),
        (object(), "a value of type object"),
        (True, "yes"),
        (-1, "-1"),
        (-0.5, "-0.5"),
    ],
)
def test_mapping_refuses_what_is_no_number_in_bounds(value: object, found: str) -> None:
    with pytest.raises(BadInput) as caught:
        case_from_mapping({"budget": value}, VOCABULARY, "web form")
    problem = the_only(caught)
    assert problem.message.endswith(f"number of USD ≥ 0, got {found}")
    assert (problem.place, problem.field) == (Place("web form"), "budget")


def test_mapping_accepts_every_kind_of_real_number() -> None:
    assert case_from_mapping({"budget": Fraction(5, 2)}, VOCABULARY, "web").given["budget"].value == 2.5


# Typed answers


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("requests_per_month", " 200k ", 200_000.0),
        ("budget", "$1.5M", 1_500_000.0),
        ("prompt_accuracy", "82 %", 0.82),
        ("has_ml_engineering", "Y", True),
        ("has_ml_engineering", "no", False),
        ("task", "code generation", "code_generation"),
        ("regulated_domain", "None", "none"),
        ("regulated_domain", "unknown", None),
    ],
)
def test_answer_is_parsed_by_its_fact(name: str, text: str, value: float | bool | str | None) -> None:
    assert parse_answer(text, VOCABULARY[name], name) == value


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("budget", "", "expected a number of USD ≥ 0, got nothing", "Write unknown if you do not know it"),
        ("budget", "lots", 'expected a number of USD ≥ 0, got "lots"', "Write e.g. 60_000"),
        ("prompt_accuracy", "82", 'expected a fraction from 0 to 1, got "82"', "Write 0.82 for 82 %"),
        ("labeled_examples", "1.5", 'expected a whole number of examples ≥ 0, got "1.5"', "Write e.g. 100"),
        ("task", "tagged", 'expected one of tagging, code_generation, other, got "tagged"', "Did you mean 'tagging'?"),
    ],
)
def test_answer_that_does_not_fit_is_refused(name: str, text: str, message: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_answer(text, VOCABULARY[name], name)
    problem = the_only(caught)
    assert (problem.message, problem.hint, problem.field) == (message, hint, name)
    assert problem.place == Place("answer")


# Properties


@given(st.integers(0, 10**12))
def test_numbers_mean_the_same_however_they_are_grouped(number: int) -> None:
    for written in (f"{number}", f"{number:_}", f"{number:,}", f"${number:,}", f"+{number}", f" {number}.0 "):
        assert parse_number(written, "USD") == number
    assert parse_number(f"-{number:,}") == -number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_they_were_printed(number: float) -> None:
    assert parse_number(repr(number)) == number


@given(st.decimals(0, 10**6, places=3))
def test_suffixes_multiply_exactly(number: object) -> None:
    exact = Fraction(str(number))
    assert parse_number(f"{number}k", "USD") == float(exact * 1_000)
    assert parse_number(f"{number}M", "request/month") == float(exact * 1_000_000)
    assert parse_number(f"{number}%", "fraction") == float(exact / 100)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("82%", "USD"),
        ("82k", "fraction"),
        ("$5", "request/month"),
        ("$5", None),
        ("$ 5", "USD"),
        ("6M", "month"),
        ("6M", "months"),
        ("6k", "week"),
        ("1e3k", "USD"),
        ("5m", "USD"),
        ("1_000,000", "USD"),
        ("1,00", "USD"),
        (",100", "USD"),
        ("1__0", "USD"),
        ("_1", "USD"),
        ("1_", "USD"),
        ("٣", "USD"),
        ("1 000", "USD"),
        ("0x10", "USD"),
        ("inf", "USD"),
        ("nan", "USD"),
        ("", "USD"),
        (".", "USD"),
        ("$", "USD"),
        ("5 USD", "USD"),
        ("1" * 101, "USD"),
    ],
)
def test_text_that_is_no_number_of_the_unit_is_none(text: str, unit: str | None) -> None:
    assert parse_number(text, unit) is None


def test_number_past_the_largest_float_is_infinite() -> None:
    assert parse_number("1e400") == math.inf


words = st.sampled_from(["yes", "no", "unknown", "lots", "5", "82%", "45k", "$5", "Legal", "tagging", "measured", ""])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, 1, 0.5, 2, 100])
leaves = st.none() | st.booleans() | numbers | words | st.text(st.characters(categories=("L", "N", "P")), max_size=8)
details = st.dictionaries(st.sampled_from(["value", "low", "likely", "high", "origin", "source", "x"]), leaves)
answers = st.dictionaries(
    st.sampled_from([*VOCABULARY, "request_per_month", "5"]), leaves | details | st.lists(leaves, max_size=3)
)


def is_null_anywhere(value: object) -> bool:
    return value is None or (isinstance(value, dict) and any(map(is_null_anywhere, value.values())))


@given(answers)
@example({"budget": {"low": 5e-324, "high": 5e-324}})
def test_case_is_within_its_bounds_or_refused_from_values_and_files_alike(values: dict[str, object]) -> None:
    expected = attempt(lambda: case_from_mapping(values, VOCABULARY, "claims"))
    from_file = attempt(lambda: case(json.dumps(values, ensure_ascii=False)))
    if isinstance(expected, BadInput):
        assert all(problem.message and str(problem).isprintable() for problem in expected.problems)
        assert isinstance(from_file, BadInput)
        return
    for name, found in expected.given.items():
        declaration = VOCABULARY[name]
        if found.low is not None and found.high is not None:
            assert isinstance(found.value, float)
            assert found.low <= found.value <= found.high
        if isinstance(found.value, float):
            assert math.isfinite(found.value)
            assert declaration.min is None or found.value >= declaration.min
            assert declaration.max is None or found.value <= declaration.max
            assert declaration.above is None or found.value > declaration.above
    if not is_null_anywhere(values):
        assert from_file == expected


@given(st.text(max_size=30) | words, st.sampled_from(sorted(VOCABULARY)))
def test_answer_of_any_text_is_parsed_or_refused(text: str, name: str) -> None:
    declaration = VOCABULARY[name]
    value = attempt(lambda: parse_answer(text, declaration, name))
    if isinstance(value, BadInput):
        assert all(str(problem).isprintable() for problem in value.problems)
    elif value is not None:
        assert isinstance(value, {"yes/no": bool, "choice": str}.get(declaration.type, float))
        assert declaration.choices is None or value in declaration.choices


@given(st.text(st.sampled_from("budget: 5k{}[],\n-'lowhig.$%\t"), max_size=80))
def test_case_of_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(attempt(lambda: case(text)), Case | BadInput)
