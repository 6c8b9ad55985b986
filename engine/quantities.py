"""Values as people read them: ``$1,200/month``, ``57.4 months``, ``82 %``, ``never``, ``unknown``.

How a unit is written comes from ``shown_units`` in knowledge.yaml; how a number is rounded is the
same for all of them:

- to the unit's ``decimals``, or to two significant digits where that is finer, half away from zero;
  so 0.0097 months stay 0.0097 months and no saving of a few cents is shown as 0;
- trailing zeros go, except that of a fraction at least ``least_decimals`` are kept: $0.50, but $45;
- thousands have their separators, and nothing is written with an exponent;
- what is nearer to 0 than twelve decimals can say is ``almost 0``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal

from engine.declarations import UnitDeclaration
from engine.language.evaluate import Value

MINUS = "−"
#: A number without a unit.
_PLAIN = UnitDeclaration(decimals=4)
#: The units of plain numbers; see ``engine.language.units.DIMENSIONLESS``.
_UNITLESS = (None, "1", "fraction")
_SIGNIFICANT_DIGITS = 2
_MOST_DECIMALS = 12
#: Digits of a float that are sure to be its own.
_SURE = Context(prec=15)
#: Sums of a case stay far below; beyond it Decimal would need room for more.
_WIDE = Context(prec=400, rounding=ROUND_HALF_UP)


def show(value: Value, unit: str | None, units: Mapping[str, UnitDeclaration]) -> str:
    """The value as people read it.

    Args:
        value: a number in the unit, a truth (``yes`` or ``no``), a choice word, or None (``unknown``).
        unit: as declared, such as ``USD/month``; None for anything but a quantity.
        units: how each unit is written; a unit that is not there is written after the number.
    """
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.replace("_", " ")
    if not math.isfinite(value):
        return "never" if value > 0 else f"{MINUS}∞"
    declared = _declared(unit, units)
    number = _number(value, declared)
    one = number.removeprefix(MINUS) == f"{declared.prefix}1"
    return number + (declared.singular if one and declared.singular is not None else declared.suffix)


def show_bare(value: float, unit: str | None, units: Mapping[str, UnitDeclaration]) -> str:
    """The value without what ``after_group`` says once for several: ``$1,200`` for USD/month."""
    if not after_group(unit, units) or not math.isfinite(value):
        return show(value, unit, units)
    return _number(value, _declared(unit, units))


def after_group(unit: str | None, units: Mapping[str, UnitDeclaration]) -> str:
    """What is written once after several values of the unit: `` per month`` after ``($1,200 − $590)``.

    Empty for a unit that stands before its numbers, as dollars do, and for one that scales them, as percent does.
    """
    declared = _declared(unit, units)
    return declared.suffix.replace("/", " per ") if declared.scale == 1 else ""


def _declared(unit: str | None, units: Mapping[str, UnitDeclaration]) -> UnitDeclaration:
    if unit is not None and unit in units:
        return units[unit]
    return _PLAIN if unit in _UNITLESS else UnitDeclaration(suffix=f" {unit}", decimals=2)


def _number(value: float, declared: UnitDeclaration) -> str:
    """Sign, prefix and digits; the sign stands before the prefix, as in −$15."""
    amount = _SURE.create_decimal_from_float(value) * Decimal(repr(declared.scale))
    digits = _digits(abs(amount), declared)
    if amount and digits == "0":
        return f"almost {declared.prefix}0"
    return f"{MINUS if amount < 0 else ''}{declared.prefix}{digits}"


def _digits(size: Decimal, declared: UnitDeclaration) -> str:
    finest = _SIGNIFICANT_DIGITS - 1 - size.adjusted() if size else 0
    decimals = min(max(declared.decimals, finest), _MOST_DECIMALS)
    rounded = size.quantize(Decimal(1).scaleb(-decimals), context=_WIDE)
    whole, _, fraction = f"{rounded:,f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction.ljust(declared.least_decimals, '0')}" if fraction else whole
