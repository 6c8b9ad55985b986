from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.declarations import UnitDeclaration
from engine.knowledge import load_knowledge
from engine.language.evaluate import Value
from engine.quantities import after_group, show, show_bare

UNITS = load_knowledge().manifest.shown_units

SHOWN: dict[str, tuple[Value, str | None, str]] = {
    "dollars": (80_000.0, "USD", "$80,000"),
    "dollars a month": (1_200.0, "USD/month", "$1,200/month"),
    "negative dollars": (-3_233.333, "USD/month", "−$3,233.33/month"),
    "cents are two digits": (0.5, "USD", "$0.50"),
    "half a cent rounds away from zero": (2.675, "USD", "$2.68"),
    "negative half a cent rounds away from zero": (-2.675, "USD", "−$2.68"),
    "half a cent rounds away from an even cent too": (0.125, "USD", "$0.13"),
    "less than half a cent of thousands goes": (1_000.004, "USD", "$1,000"),
    "less than a cent stays where it is all": (0.0042, "USD", "$0.0042"),
    "rounding up to a whole drops the zeros": (999.999, "USD", "$1,000"),
    "a price": (0.006, "USD/request", "$0.006/request"),
    "a price with many digits": (0.00295, "USD/request", "$0.00295/request"),
    "a price in cents": (0.1, "USD/request", "$0.10/request"),
    "months": (57.377, "months", "57.4 months"),
    "whole months": (12.0, "months", "12 months"),
    "one month": (1.0, "months", "1 month"),
    "one month owed": (-1.0, "months", "−1 month"),
    "what rounds to one month": (1.0004, "months", "1 month"),
    "no months": (0.0, "months", "0 months"),
    "zero without a sign": (-0.0, "months", "0 months"),
    "many months": (2_333.333, "months", "2,333.3 months"),
    "hundredths of a month": (0.009725, "months", "0.0097 months"),
    "a millionth of a month": (0.0000012345, "months", "0.0000012 months"),
    "next to nothing": (1e-30, "USD", "almost $0"),
    "next to nothing, owed": (-1e-30, "USD", "almost $0"),
    "a share": (0.82, "fraction", "82 %"),
    "a share with a remainder": (0.8889, "fraction", "88.89 %"),
    "a small share": (0.00012, "fraction", "0.012 %"),
    "requests": (199_999.6, "requests/month", "200,000 requests/month"),
    "one request": (1.0, "requests/month", "1 request/month"),
    "half a request": (0.5, "requests/month", "0.5 requests/month"),
    "errors": (24_000.0, "errors/month", "24,000 errors/month"),
    "no exponent however large": (1e24, "USD", "$1,000,000,000,000,000,000,000,000"),
    "fifteen digits are kept": (123_456_789_012_345.0, "USD", "$123,456,789,012,345"),
    "never": (math.inf, "months", "never"),
    "what is owed for ever": (-math.inf, "USD", "−∞"),
    "unknown": (None, "USD", "unknown"),
    "yes": (True, None, "yes"),
    "no": (False, None, "no"),
    "a choice": ("full_fine_tuning", None, "full fine tuning"),
    "a plain number": (0.1, None, "0.1"),
    "a plain thousand": (2_000.0, None, "2,000"),
    "a unit without a declaration": (12.5, "kWh", "12.5 kWh"),
}


@pytest.mark.parametrize(("value", "unit", "expected"), SHOWN.values(), ids=SHOWN)
def test_value_when_shown_reads_as_people_write_it(value: Value, unit: str | None, expected: str) -> None:
    assert show(value, unit, UNITS) == expected


BARE = {
    "what is said after a group is left out": ("USD/month", "$1,200"),
    "a word is left out too": ("requests/month", "1,200"),
    "percent stays with its number": ("fraction", "120,000 %"),
    "a prefix stays": ("USD", "$1,200"),
}


@pytest.mark.parametrize(("unit", "expected"), BARE.values(), ids=BARE)
def test_value_when_shown_bare_lacks_only_what_a_group_says_once(unit: str, expected: str) -> None:
    assert show_bare(1_200.0, unit, UNITS) == expected


def test_never_when_shown_bare_is_never() -> None:
    assert show_bare(math.inf, "USD/month", UNITS) == "never"


AFTER = {
    "USD/month": " per month",
    "requests/month": " requests per month",
    "months": " months",
    "USD": "",
    "fraction": "",
    None: "",
}


@pytest.mark.parametrize(("unit", "expected"), AFTER.items())
def test_unit_when_written_after_a_group_has_no_stroke(unit: str | None, expected: str) -> None:
    assert after_group(unit, UNITS) == expected


def test_unit_when_it_has_no_singular_keeps_its_suffix_after_one() -> None:
    assert show(1.0, "dozen", {"dozen": UnitDeclaration(suffix=" doz.")}) == "1 doz."


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([*UNITS, None, "kWh"]))
def test_any_number_when_shown_has_no_exponent_and_is_zero_only_if_it_is(value: float, unit: str | None) -> None:
    shown = show(value, unit, UNITS)
    digits = re.search(r"[\d,]+(\.\d+)?", shown)
    assert digits is not None
    assert not re.search(r"\d[eE]", shown)
    assert (float(digits[0].replace(",", "")) == 0) == (value == 0 or shown.startswith("almost "))
    assert shown.startswith("−") == (value < 0 and not shown.startswith("almost "))


@given(st.floats(min_value=1e-9, max_value=1e15), st.sampled_from(["USD", "months", "USD/request", "requests/month"]))
def test_any_number_when_read_back_differs_by_less_than_its_last_digit(value: float, unit: str) -> None:
    digits = re.search(r"[\d,]+(\.\d+)?", show(value, unit, UNITS))
    assert digits is not None
    read = float(digits[0].replace(",", ""))
    half_of_last_digit = 0.5 * 10.0 ** -UNITS[unit].decimals
    assert abs(read - value) <= max(min(half_of_last_digit, 0.051 * value), 1e-14 * value) * 1.000_001
