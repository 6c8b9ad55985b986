from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.claims import (
    ClaimResult,
    ComputedValue,
    claims_in,
    claims_table,
    format_number,
    inconsistencies,
    load_claims,
    recompute,
)
from engine.claims_file import Verdict
from engine.declarations import RangeOf
from engine.errors import BadInput, Problem
from engine.knowledge import Knowledge, load_knowledge
from engine.language.evaluate import Table
from engine.resources import rules_directory
from engine.source import read_text_document

EXPECTED = yaml.safe_load((Path(__file__).parent / "data" / "claims_expected.yaml").read_text(encoding="utf-8"))
IDS = [f"C{number:02}" for number in range(1, 125)]
#: A claims file with one claim that holds; tests change one line of it.
SMALL = """\
source: a test
units: [day]
inputs:
  gap: {value: 35_000, unit: USD, source: a test}
  share: {value: {low: 0.2, high: 0.4}, unit: fraction, source: a test}
answers: [has_team, is_urgent]
definitions:
  advice:
    formula: wait if not has_team else act if is_urgent else wait
    values: [wait, act]
claims:
  - id: C01
    section: A section
    quote: A quote
    verdict: holds
    computed:
      value: {formula: gap / 350, unit: USD, printed: 100}
"""
COMPUTED = "      value: {formula: gap / 350, unit: USD, printed: 100}\n"


@cache
def knowledge() -> Knowledge:
    return load_knowledge()


@cache
def results() -> dict[str, ClaimResult]:
    claims = load_claims(rules_directory() / "claims.yaml")
    return {result.id: result for result in recompute(claims, knowledge())}


@cache
def rows() -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in claims_table(results().values())}


def recompute_text(text: str, *, prove_units: bool = False) -> list[ClaimResult]:
    claims = claims_in(read_text_document(text, "claims.yaml"))
    return recompute(claims, knowledge(), prove_units=prove_units)


def computed_in(text: str) -> dict[str, float | bool | str | None]:
    (result,) = recompute_text(text)
    return {value.name: value.value for value in result.computed}


def problems_of(text: str, *, prove_units: bool = False) -> tuple[Problem, ...]:
    with pytest.raises(BadInput) as caught:
        recompute_text(text, prove_units=prove_units)
    return caught.value.problems


def assert_near(found: object, expected: Any, what: str) -> None:
    """``expected`` is a number with how far off it may be, or the very value."""
    if isinstance(expected, list):
        number, within = expected
        assert isinstance(found, float), what
        assert found == pytest.approx(number, abs=within * 1.000001, rel=0), what
    else:
        assert found == expected, what


def assert_all_near(result: ClaimResult, expected: Mapping[str, Any]) -> None:
    found = {value.name: value.value for value in result.computed}
    for name, value in expected.items():
        assert_near(found[name], value, f"{result.id} {name}")


# -- the source's claims ----------------------------------------------------------------------------


def test_claims_are_124_in_the_order_of_the_article() -> None:
    assert list(results()) == IDS
    assert list(EXPECTED["claims"]) == IDS


@pytest.mark.parametrize("claim", IDS)
def test_claim_when_recomputed_comes_to_the_expected_numbers(claim: str) -> None:
    expected = EXPECTED["claims"][claim].get("computed", {})
    assert_all_near(results()[claim], expected)
    assert {value.name for value in results()[claim].computed if not value.aside} == set(expected)


@pytest.mark.parametrize("claim", IDS)
def test_claim_when_loaded_has_the_words_verdict_and_printed_numbers_of_the_article(claim: str) -> None:
    result, expected = results()[claim], EXPECTED["claims"][claim]
    assert (result.section, result.quote, result.verdict) == tuple(expected[k] for k in ("section", "quote", "verdict"))
    printed = expected.get("printed", [])
    assert len(result.printed) == len(printed)
    for found, number in zip(result.printed, printed, strict=True):
        assert_near(found, number, f"{claim} printed")


@pytest.mark.parametrize("claim", IDS)
def test_claim_when_it_is_off_shows_the_expected_factor(claim: str) -> None:
    expected = EXPECTED["claims"][claim].get("factor", [])
    assert len(results()[claim].factor) == len(expected)
    for found, number in zip(results()[claim].factor, expected, strict=True):
        assert_near(found, number, f"{claim} factor")


@pytest.mark.parametrize("claim", list(EXPECTED["notes"]))
def test_note_when_it_gives_further_numbers_has_them_recomputed(claim: str) -> None:
    expected = EXPECTED["notes"][claim]
    assert_all_near(results()[claim], expected)
    assert {value.name for value in results()[claim].computed if value.aside} == set(expected)


def test_asides_when_all_are_counted_are_all_expected() -> None:
    with_asides = {claim for claim, result in results().items() if any(value.aside for value in result.computed)}
    assert with_asides == set(EXPECTED["notes"])


def test_verdicts_when_counted_are_as_many_of_each_as_the_source_review_found() -> None:
    assert Counter(result.verdict for result in results().values()) == {
        "holds": 22,
        "partly": 21,
        "off": 17,
        "contradicts": 38,
        "not checkable": 26,
    }


def test_verdicts_when_held_against_the_numbers_all_agree() -> None:
    assert inconsistencies(results().values()) == []


def test_claims_when_their_units_are_proved_fit_together() -> None:
    claims = load_claims(rules_directory() / "claims.yaml")
    assert recompute(claims, knowledge(), prove_units=True) == list(results().values())


def test_every_range_of_the_cost_tables_has_its_source_among_the_claims() -> None:
    cited = {
        claim
        for amount in knowledge().amounts.values()
        if isinstance(amount.value, RangeOf)
        for claim in re.findall(r"\bC\d+\b", amount.source)
    }
    assert cited
    assert cited <= set(IDS)


def test_claim_when_a_cost_table_changes_follows_it() -> None:
    changed = knowledge().amounts["prompt_testing_row"].model_copy(update={"value": RangeOf(low=6_000, high=15_000)})
    table = Table((10_000.0,), (50.0,), below_proportional=True, above_proportional=True)
    other = replace(
        knowledge(),
        amounts={**knowledge().amounts, "prompt_testing_row": changed},
        tables={**knowledge().tables, "fine_tuned_bill_at": table},
    )
    claims = load_claims(rules_directory() / "claims.yaml")
    found = {result.id: result for result in recompute(claims, other)}
    assert any(finding.startswith("C25: ") for finding in inconsistencies(found.values()))
    assert_all_near(found["C19"], {"low": [21_000, 0.0], "high": [50_000, 0.0]})
    assert_all_near(found["C25"], {"value": [10, 0.0]})


# -- the table --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "printed", "computed", "unit", "factor", "verdict"),
    [
        pytest.param("C37", "9.7333", "291.67", "months", "30.07", "off", id="one number"),
        pytest.param(
            "C03", "50,000 … 200,000", "45,000 … 90,000", "USD", "1.1111 … 2.2222", "contradicts", id="a range"
        ),
        pytest.param("C91", "–", "true", "rule", "–", "holds", id="a truth"),
        pytest.param("C104", "–", "fine_tuning", "verdict", "–", "holds", id="a choice"),
        pytest.param("C07", "–", "–", "–", "–", "not checkable", id="no number"),
        pytest.param("C26", "120", "120", "USD/month", "–", "holds", id="nothing wrong"),
        pytest.param(
            "C102",
            "–",
            "cost per error for 12 months at 200K: 0.1215; volume for 1 month at 100 USD an error: 2,916.67",
            "USD/error; requests/month",
            "–",
            "partly",
            id="two units",
        ),
        pytest.param(
            "C51",
            "–",
            "at 30-60 an example: 30,000 … 600,000; at 4-30 an example: 4,000 … 300,000",
            "USD",
            "–",
            "contradicts",
            id="two ranges",
        ),
        pytest.param(
            "C80",
            "–",
            "500 examples: 2,000; 2,000 examples: 8,000; 10,000 examples: 40,000",
            "USD",
            "7.5 … 15",
            "contradicts",
            id="an aside is left out",
        ),
    ],
)
def test_table_row_when_formatted_reads_as_people_write_it(  # one argument for each column
    claim: str, printed: str, computed: str, unit: str, factor: str, verdict: str
) -> None:
    row = rows()[claim]
    shown = (row["printed"], row["computed"], row["unit"], row["factor"], row["verdict"])
    assert shown == (printed, computed, unit, factor, verdict)


def test_table_when_formatted_has_every_column_of_every_claim_filled() -> None:
    keys = {
        "id",
        "section",
        "quote",
        "printed",
        "computed",
        "unit",
        "factor",
        "verdict",
        "tolerance",
        "note",
        "reading",
    }
    assert all(set(row) == keys and all(row.values()) for row in rows().values())
    assert len(rows()) == len(IDS)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1_421_568.63, "1,421,569"),
        (99_999.996, "100,000"),
        (2_333.3333, "2,333.33"),
        (125.0, "125"),
        (9.73333, "9.7333"),
        (1.0, "1"),
        (0.99999, "1"),
        (0.003375, "0.003375"),
        (0.05555556, "0.05556"),
        (0.0, "0"),
        (-0.33333, "-0.3333"),
        (-1_433.333, "-1,433.33"),
        (float("inf"), "never"),
    ],
)
def test_number_when_formatted_has_as_many_decimals_as_matter(number: float, shown: str) -> None:
    assert format_number(number) == shown


# -- verdicts against numbers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tolerance", "formula", "printed", "holds"),
    [
        pytest.param("exact", "0.94 - 0.82", "0.12", True, id="binary noise is not a difference"),
        pytest.param("exact", "100", "100.001", False, id="exact"),
        pytest.param("1%", "100", "101", True, id="percent, at the edge"),
        pytest.param("1%", "100", "101.01", False, id="percent, beyond"),
        pytest.param("1%", "-100", "-99", True, id="percent of a negative number"),
        pytest.param("0.1%", "1_000", "1_001", True, id="part of a percent"),
        pytest.param("5 percentage points", "0.80", "0.75", True, id="points, at the edge"),
        pytest.param("5 percentage points", "0.80", "0.749", False, id="points, beyond"),
        pytest.param("1 percentage point", "0.80", "0.79", True, id="one point"),
        pytest.param("± 0.05", "0.80", "0.85", True, id="plus or minus, at the edge"),
        pytest.param("± 0.05", "0.80", "0.851", False, id="plus or minus, beyond"),
        pytest.param("5%", "never", "100", False, id="never, against a number"),
        pytest.param("exact", "never", "never", True, id="never, as printed"),
        pytest.param("band", "2", "{low: 2, high: 3}", True, id="band, at its low end"),
        pytest.param("band", "3", "{low: 2, high: 3}", True, id="band, at its high end"),
        pytest.param("band", "3.01", "{low: 2, high: 3}", False, id="band, above"),
        pytest.param("band (1% at both ends)", "1.99", "{low: 2, high: 3}", False, id="a remark is no tolerance"),
    ],
)
def test_printed_number_when_compared_holds_up_to_its_tolerance(
    tolerance: str, formula: str, printed: str, holds: bool
) -> None:
    text = SMALL.replace(COMPUTED, f"      value: {{formula: {formula}, unit: USD, printed: {printed}}}\n")
    (result,) = recompute_text(f"{text}    tolerance: {tolerance}\n")
    assert result.holds_within_tolerance is holds


@pytest.mark.parametrize(
    ("verdict", "within", "factor", "condition", "finding"),
    [
        ("holds", [True], [], None, None),
        ("holds", [True, False], [], None, "outside the tolerance"),
        ("holds", [], [], False, "holds_if is false"),
        ("holds", [], [], True, None),
        ("off", [False], [2.0], None, None),
        ("off", [True], [2.0], None, "no printed number is outside"),
        ("off", [], [2.0], None, "no printed number is outside"),
        ("off", [False], [], None, "no factor exceeds 1"),
        ("off", [False, True], [2.0, 1.0], None, None),
        ("off", [False], [2.0], True, "holds_if is true"),
        ("contradicts", [False], [], None, None),
        ("contradicts", [True], [], None, "every printed number is within"),
        ("contradicts", [], [], True, "holds_if is true"),
        ("contradicts", [], [], False, None),
        ("partly", [True, False], [], None, None),
        ("partly", [True, True], [], None, "one side"),
        ("partly", [False, False], [], None, "one side"),
        ("partly", [], [], True, None),
        ("not checkable", [], [], None, None),
        ("not checkable", [True], [], None, "was compared"),
    ],
)
def test_verdict_when_the_numbers_speak_against_it_is_found(
    verdict: Verdict, within: list[bool], factor: list[float], condition: bool | None, finding: str | None
) -> None:
    computed = tuple(
        ComputedValue(f"value_{place}", "value", 1.0, "USD", "1", (1.0,), within=held)
        for place, held in enumerate(within)
    )
    result = ClaimResult(
        id="C01",
        section="A section",
        quote="A quote",
        verdict=verdict,
        computed=computed,
        printed=(),
        factor=tuple(factor),
        tolerance="exact",
        holds_within_tolerance=all(within) if within else None,
        condition_holds=condition,
        note=None,
        reading=None,
    )
    found = inconsistencies([result])
    assert len(found) == (finding is not None)
    assert finding is None or (found[0].startswith("C01: ") and finding in found[0])


# -- what a claim may say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param("{formula: gap / 7, unit: USD}", 5_000.0, id="a shared input"),
        pytest.param("{formula: share_high - share_low, unit: fraction}", 0.2, id="the ends of a range"),
        pytest.param("{formula: share, unit: fraction}", 0.3, id="the midpoint of a range"),
        pytest.param("{formula: prompt_hours_row_low, unit: USD}", 8_000.0, id="an amount of the cost tables"),
        pytest.param("{formula: fine_tuned_bill_at(200_000), unit: USD/month}", 590.0, id="a table between rows"),
        pytest.param("{formula: gap > 1, unit: yes/no}", True, id="a condition"),
        pytest.param(
            "{formula: advice, given: {has_team: true, is_urgent: gap > 1}, values: [wait, act]}", "act", id="given"
        ),
        pytest.param("{formula: advice, given: {has_team: false}, values: [wait, act]}", "wait", id="partly given"),
        pytest.param("{count: advice == act, unit: ratio}", 1.0, id="combinations in which a condition holds"),
        pytest.param("{count: has_team or is_urgent, unit: ratio}", 3.0, id="combinations of answers themselves"),
        pytest.param("{distinct: advice, unit: ratio}", 2.0, id="different values"),
        pytest.param(
            "{solve: {for: x, between: [1, 100_000], such_that: 2 * x + 1 == gap}, unit: USD}", 17_499.5, id="solved"
        ),
        pytest.param(
            "{solve: {for: x, between: [100_000, 1], such_that: gap == x}, unit: USD}", 35_000.0, id="ends reversed"
        ),
        pytest.param("{solve: {for: x, between: [-4, 4], such_that: x == 0}, unit: USD}", 0.0, id="solved by zero"),
        pytest.param("{solve: {for: x, between: [2, 8], such_that: x == 8}, unit: USD}", 8.0, id="solved at an end"),
    ],
)
def test_computed_number_when_declared_each_way_has_its_value(entries: str, expected: float | bool | str) -> None:
    found = computed_in(SMALL.replace(COMPUTED, f"      value: {entries}\n"))["value"]
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-10)
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param("formula: gap / (gap - gap)", "divides by zero", id="divided by zero"),
        pytest.param("formula: gap if has_team else 0", "reads something that has none", id="an answer not given"),
        pytest.param("solve: {for: x, between: [1, 2], such_that: x == gap}", "between 1 and 2", id="no solution"),
    ],
)
def test_computed_number_when_it_has_no_value_is_a_dash_and_a_finding(entry: str, said: str) -> None:
    later = "      half: {formula: value / 2, unit: USD, aside: yes}\n"
    (result,) = recompute_text(SMALL.replace("formula: gap / 350", entry) + later)
    assert [value.value for value in result.computed] == [None, None]
    assert claims_table([result])[0]["computed"] == "–"
    assert (result.holds_within_tolerance, result.printed, result.factor) == (None, (100.0,), ())
    value, half = inconsistencies([result])
    assert value.startswith("C01: value has no value: ")
    assert said in value
    assert half.startswith("C01: half has no value: ")


def test_computed_number_when_an_earlier_one_is_named_uses_it() -> None:
    later = "      half: {formula: value / 2, unit: USD}\n"
    assert computed_in(SMALL.replace(COMPUTED, COMPUTED + later)) == {"value": 100.0, "half": 50.0}


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "said"),
    [
        pytest.param("verdict: holds", "verdict: off", 15, "C01.verdict", "in quotes", id="a word YAML reads as no"),
        pytest.param("quote:", "quotes:", 14, "C01.quotes", "Did you mean 'quote'?", id="an unknown field"),
        pytest.param("unit: USD, printed", "printed", 17, "C01.computed.value", "either a unit", id="no unit"),
        pytest.param("formula: gap / 350, ", "", 17, "C01.computed.value", "exactly one of formula", id="no formula"),
        pytest.param("gap / 350", "gqp / 350", 17, "C01.computed.value.formula", "Did you mean 'gap'?", id="a name"),
        pytest.param("gap / 350", "gap /", 17, "C01.computed.value.formula", "not readable", id="no expression"),
        pytest.param("printed: 100", "printed: gqp", 17, "C01.computed.value.printed", "'gqp'", id="printed"),
        pytest.param("printed: 100", "given: {has_tean: true}", 17, "C01.computed.value.given", "has_team", id="given"),
        pytest.param(
            "formula: gap / 350", "distinct: gap", 17, "C01.computed.value.distinct", "definitions", id="which"
        ),
        pytest.param(
            "  share:", "  hosting_row: {value: 1, unit: USD, source: x}\n  share:", 5, "inputs", "taken", id="taken"
        ),
        pytest.param("      value:", "      gap:", 17, "C01.computed.gap", "taken", id="taken by an input"),
        pytest.param("wait if not", "wait if now", 9, "definitions.advice.formula", "not readable", id="a definition"),
        pytest.param(
            "formula: gap / 350, unit: USD, printed: 100",
            "solve: {for: x, between: [1, 2], such_that: x < gap}, unit: USD",
            17,
            "C01.computed.value.solve.such_that",
            "expected an equation",
            id="no equation",
        ),
    ],
)
def test_problem_when_a_claim_is_wrong_says_where_and_what(
    old: str, new: str, line: int, field: str, said: str
) -> None:
    text = SMALL.replace(old, new, 1)
    assert text != SMALL
    problems = problems_of(text)
    assert any(
        problem.place.line == line and (problem.field or "").startswith(field) and said in str(problem)
        for problem in problems
    ), problems


@pytest.mark.parametrize(
    ("formula", "unit", "said"),
    [
        pytest.param("gap / saving", "day", "expected day, the expression gives month", id="months read as days"),
        pytest.param("gap + saving", "USD", "cannot add", id="an amount and a monthly amount"),
        pytest.param("gap", "euro", "not defined", id="a unit nobody knows"),
        pytest.param("prompt_bill_at(gap)", "USD/month", "takes requests/month", id="a table asked with dollars"),
    ],
)
def test_units_when_a_formula_does_not_yield_its_own_are_refused(formula: str, unit: str, said: str) -> None:
    text = SMALL.replace("    computed:\n", "    inputs:\n      saving: {value: 120, unit: USD/month}\n    computed:\n")
    text = text.replace(COMPUTED, f"      value: {{formula: {formula}, unit: {unit}}}\n")
    assert computed_in(text)
    (problem,) = problems_of(text, prove_units=True)
    assert said in str(problem)


def test_problems_when_several_claims_are_wrong_are_all_told() -> None:
    second = "  - {id: C02, section: A section, quote: A quote, verdict: holds, holds_if: gbp > 1}\n"
    problems = problems_of(SMALL.replace("gap / 350", "gqp / 350") + second)
    assert [problem.field for problem in problems] == ["C01.computed.value.formula", "C02.holds_if"]


def test_claims_when_an_id_stands_twice_are_refused() -> None:
    second = "  - {id: C01, section: A section, quote: A quote, verdict: holds}\n"
    (problem,) = problems_of(SMALL + second)
    assert "claims that stand twice: C01" in str(problem)


@pytest.mark.parametrize("tolerance", ["about right", "1 %", "exact enough", "± x"])
def test_tolerance_when_it_cannot_be_read_is_refused(tolerance: str) -> None:
    problems = problems_of(f"{SMALL}    tolerance: {tolerance}\n")
    assert [problem.field for problem in problems] == ["C01.tolerance"]
