"""The source's claims recomputed: formulas over the cost tables, compared with what the article prints.

Nothing is known here about any single claim: this module evaluates formulas, solves equations, counts
combinations of answers, compares with the printed numbers and formats the result for a table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TypeVar

from engine.claims_file import (
    Band,
    ClaimDeclaration,
    Claims,
    ComputedDeclaration,
    DefinitionDeclaration,
    Equation,
    InputDeclaration,
    Verdict,
    claims_in,
    field_name,
    load_claims,
)
from engine.declarations import AmountDeclaration, RangeOf
from engine.errors import BadInput, Problem, did_you_mean
from engine.knowledge import Knowledge
from engine.language.evaluate import Evaluate, Table, Value, compile_plain, tidy
from engine.language.nodes import Comparison, Node
from engine.language.parse import ExpressionError, parse
from engine.language.resolve import resolve
from engine.language.scope import ChoiceType, NumberType, Scope, Symbol, TableSignature, TruthType, Type
from engine.language.units import Units

__all__ = [
    "ClaimResult",
    "ComputedValue",
    "claims_in",
    "claims_table",
    "format_number",
    "inconsistencies",
    "load_claims",
    "recompute",
]

#: The unit of a condition: its value is true or false.
YES_OR_NO = "yes/no"
#: An equation is solved until its interval is this small a part of the solution.
_SOLVED_WITHIN = 1e-13
#: Numbers that differ by less than this part of themselves are the same.
_SAME_WITHIN = 1e-9
#: From which size on a number is shown with how many decimals; below 1 it has four significant digits.
_DECIMALS = ((100_000, 0), (10, 2), (1, 4))
_NOTHING = "–"
_T = TypeVar("_T")
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ComputedValue:
    """One recomputed number.

    ``value`` is a number, a truth or a choice; None where the cost tables leave it without one, as an
    equation that no volume solves. ``printed`` holds the article's number, both ends of
    its band, or nothing; ``within`` says whether the two agree, None where nothing is printed.
    """

    name: str
    title: str
    value: float | bool | str | None
    unit: str
    formula: str
    printed: tuple[float, ...] = ()
    within: bool | None = None
    factor: float | None = None
    aside: bool = False


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """One claim with its recomputed numbers.

    ``printed`` and ``factor`` are as shown: two numbers are low and high. ``holds_within_tolerance``
    is None where nothing printed can be compared; ``condition_holds`` is the value of the claim's
    ``holds_if``, None where it has none. ``without_value`` says what could not be computed, and why.
    """

    id: str
    section: str
    quote: str
    verdict: Verdict
    computed: tuple[ComputedValue, ...]
    printed: tuple[float, ...]
    factor: tuple[float, ...]
    tolerance: str
    holds_within_tolerance: bool | None
    condition_holds: bool | None
    note: str | None
    reading: str | None
    without_value: tuple[str, ...] = ()


def recompute(claims: Claims, knowledge: Knowledge, *, prove_units: bool = False) -> list[ClaimResult]:
    """Every claim recomputed from the cost tables, in the order of the file.

    Args:
        claims: as loaded.
        knowledge: its amounts and tables are what formulas read, beside the claims' own inputs.
        prove_units: also prove that every formula yields the unit it declares.

    Raises:
        BadInput: a formula that cannot be read or does not fit; every problem found.
    """
    bench = _bench(claims, knowledge, _units(claims, knowledge) if prove_units else None)
    results = [bench.claim(position, claim) for position, claim in enumerate(claims.file.claims)]
    if bench.problems:
        raise BadInput(bench.problems)
    return [result for result in results if result is not None]


def inconsistencies(results: Iterable[ClaimResult]) -> list[str]:
    """Where the numbers speak against a stated verdict, one sentence each; empty where all agree."""
    return [f"{result.id}: {finding}" for result in results for finding in _findings(result)]


def claims_table(results: Iterable[ClaimResult]) -> list[dict[str, str]]:
    """The results as text, one row a claim.

    Keys: ``id``, ``section``, ``quote``, ``printed``, ``computed``, ``unit``, ``factor``, ``verdict``,
    ``tolerance``, ``note``, ``reading``; a dash stands for what a claim does not have.
    """
    return [_row(result) for result in results]


def format_number(value: float) -> str:
    """A number for people: thousands separated, with as many decimals as matter.

    >>> [format_number(x) for x in (1_421_568.6, 2_333.3333, 21.875, 7.5431034, 0.003375, -0.25, 125.0)]
    ['1,421,569', '2,333.33', '21.88', '7.5431', '0.003375', '-0.25', '125']
    """
    if math.isinf(value):
        return "never"
    size = abs(value)
    decimals = next((places for least, places in _DECIMALS if size >= least), 0)
    if 0 < size < 1:
        decimals = 3 - math.floor(math.log10(size))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- recomputing ------------------------------------------------------------------------------------


class _NoValueError(Exception):
    """A formula that has no value, and why in one sentence."""


@dataclass(slots=True)
class _Bench:
    """The names that formulas may use, with their types and values, and the problems found on the way."""

    claims: Claims
    tables: Mapping[str, Table]
    signatures: Mapping[str, TableSignature]
    units: Units | None
    symbols: dict[str, Symbol] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    definitions: dict[str, Evaluate] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    without_value: list[str] = field(default_factory=list)

    # Names.

    def add_amount(self, name: str, amount: AmountDeclaration | InputDeclaration, path: _Path) -> None:
        """Make a quantity known by its name, and a range by its two ends as well."""
        kind = NumberType(amount.unit)
        value = amount.quantity if isinstance(amount, AmountDeclaration) else amount.value
        if not isinstance(value, RangeOf):
            self.add(name, kind, value, path)
            return
        self.add(name, kind, value.middle, path)
        self.add(f"{name}_low", kind, value.low, path)
        self.add(f"{name}_high", kind, value.high, path)

    def add(self, name: str, kind: Type, value: Value, path: _Path) -> None:
        if name in self.symbols:
            self.report(path, f"the name '{name}' is taken", "Use another name", key=True)
        self.symbols[name] = Symbol(name, kind, "amount")
        self.values[name] = value

    def define(self, name: str, definition: DefinitionDeclaration) -> None:
        path = ("definitions", name)
        kind = _type_of(definition.unit, definition.values)
        evaluate = self.compile(definition.formula, kind, (*path, "formula"))
        if evaluate is not None:
            self.definitions[name] = evaluate
        self.add(name, kind, evaluate(self.values, {}) if evaluate else None, path)

    def scratch(self) -> _Bench:
        """A bench for names of a smaller circle; problems found on it count here."""
        return replace(self, symbols=dict(self.symbols), values=dict(self.values))

    # One claim.

    def claim(self, position: int, claim: ClaimDeclaration) -> ClaimResult | None:
        """The claim recomputed, or None where something about it is wrong."""
        path: _Path = ("claims", position)
        found = len(self.problems)
        bench = replace(self.scratch(), without_value=[])
        for name, declared in claim.inputs.items():
            bench.add_amount(name, declared, (*path, "inputs", name))
        computed = [
            bench.computed(name, entry, claim.tolerance, (*path, "computed", name))
            for name, entry in claim.computed.items()
        ]
        printed = bench.numbers(claim.printed or (), (*path, "printed"))
        factor = bench.numbers(claim.factor or (), (*path, "factor"))
        condition = None if claim.holds_if is None else bench.condition(claim.holds_if, (*path, "holds_if"))
        if len(self.problems) > found:
            return None
        result = _result(claim, computed, printed, factor, condition)
        return replace(result, without_value=tuple(bench.without_value))

    def computed(self, name: str, entry: ComputedDeclaration, tolerance: str, path: _Path) -> ComputedValue:
        """One number, made known under its name to what follows in the claim."""
        kind = _type_of(entry.unit, entry.values)
        value = self.attempt(lambda: self.value(entry, kind, path), path)
        self.add(name, kind, value, path)
        result = ComputedValue(
            name=name,
            title=entry.title or _in_words(name),
            value=value,
            unit=entry.shown_as or self.plural(entry.unit),
            formula=entry.as_written,
            aside=entry.aside,
        )
        printed = () if entry.printed is None else self.printed(entry.printed, entry.unit, (*path, "printed"))
        return _compared(result, printed, tolerance)

    def value(self, entry: ComputedDeclaration, kind: Type, path: _Path) -> Value:
        if entry.solve is not None:
            return self.solved(entry.solve, kind, (*path, "solve"))
        if entry.count is not None:
            return self.count(entry.count, (*path, "count"))
        if entry.distinct is not None:
            return self.distinct(entry.distinct, (*path, "distinct"))
        values = self.given(entry.given, (*path, "given")) if entry.given else self.values
        evaluate = self.compile(entry.formula or "", kind, (*path, "formula"))
        return None if evaluate is None else _known(tidy(evaluate(values, {})))

    def printed(self, printed: str | Band, unit: str | None, path: _Path) -> tuple[float, ...]:
        if isinstance(printed, Band):
            return printed.low, printed.high
        return self.numbers([printed], path, unit)

    # Combinations of answers.

    def count(self, condition: str, path: _Path) -> float | None:
        evaluate = self.compile(condition, TruthType(), path)
        if evaluate is None:
            return None
        return float(sum(evaluate(values, {}) is True for values in self.combinations()))

    def distinct(self, name: str, path: _Path) -> float | None:
        if name not in self.definitions:
            self.report(path, f"'{name}' is not one of the definitions", did_you_mean(name, self.definitions))
            return None
        return float(len({values[name] for values in self.combinations()}))

    def combinations(self) -> Iterator[Mapping[str, Value]]:
        """The values of all names, for every combination of answers."""
        answers = self.claims.file.answers
        for combination in product((True, False), repeat=len(answers)):
            yield self.with_answers(zip(answers, combination, strict=True))

    def given(self, given: Mapping[str, str], path: _Path) -> Mapping[str, Value]:
        answers = self.claims.file.answers
        for name in given:
            if name not in answers:
                self.report((*path, name), f"'{name}' is not one of the answers", did_you_mean(name, answers), key=True)
        return self.with_answers((name, self.condition(text, (*path, name))) for name, text in given.items())

    def with_answers(self, answers: Iterable[tuple[str, Value]]) -> Mapping[str, Value]:
        values = {**self.values, **dict(answers)}
        for name, evaluate in self.definitions.items():
            values[name] = evaluate(values, {})
        return values

    # Expressions.

    def solved(self, equation: Equation, kind: Type, path: _Path) -> float | None:
        """The value at which both sides of the equation are equal."""
        ends = [self.numbers([text], (*path, "between", end)) for end, text in enumerate(equation.between)]
        bench = self.scratch()
        bench.add(equation.name, kind, None, (*path, "for"))
        node = bench.resolved(equation.such_that, TruthType(), (*path, "such_that"))
        if node is None or not all(ends):
            return None
        if not isinstance(node, Comparison) or node.operator != "==":
            self.report((*path, "such_that"), "expected an equation", "Write one side == the other")
            return None
        left, right = compile_plain(node.left, self.tables), compile_plain(node.right, self.tables)

        def difference(at: float) -> float:
            values = {**bench.values, equation.name: at}
            return _as_number(left(values, {})) - _as_number(right(values, {}))

        return _root(difference, ends[0][0], ends[1][0])

    def numbers(self, texts: Sequence[str], path: _Path, unit: str | None = None) -> tuple[float, ...]:
        """The value of each expression; the wrong ones are left out and reported."""
        found = (self.evaluated(text, NumberType(unit), path) for text in texts)
        return tuple(_as_number(value) for value in found if value is not None)

    def condition(self, text: str, path: _Path) -> bool | None:
        value = self.evaluated(text, TruthType(), path)
        return None if value is None else value is True

    def evaluated(self, text: str, kind: Type, path: _Path) -> Value:
        evaluate = self.compile(text, kind, path)
        return None if evaluate is None else self.attempt(lambda: _known(tidy(evaluate(self.values, {}))), path)

    def compile(self, text: str, kind: Type, path: _Path) -> Evaluate | None:
        node = self.resolved(text, kind, path)
        return None if node is None else compile_plain(node, self.tables)

    def resolved(self, text: str, kind: Type, path: _Path) -> Node | None:
        """The expression, its names, types and units proved to fit; where they do not, None and a problem."""
        scope = Scope(self.symbols, self.signatures)
        try:
            node = resolve(parse(text), scope, expects=kind)
            if self.units is not None:
                self.units.check(node, scope, expects=kind.unit if isinstance(kind, NumberType) else None)
        except ExpressionError as error:
            self.report(path, f"{error.message}, in `{text}`", error.hint)
        except ValueError as error:  # a unit that nothing defines
            self.report(path, str(error))
        else:
            return node
        return None

    # Telling.

    def attempt(self, compute: Callable[[], _T], path: _Path) -> _T | None:
        try:
            return compute()
        except _NoValueError as error:
            self.without_value.append(f"{path[-1]} has no value: {error}")
            return None

    def report(self, path: _Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        document = self.claims.document
        self.problems.append(Problem(document.place(path, key=key), message, field_name(path, document), hint))

    def plural(self, unit: str | None) -> str:
        """``request/month`` as ``requests/month``; a choice has no unit."""
        first, slash, rest = (unit or "verdict").partition("/")
        return f"{self.claims.file.plurals.get(first, first)}{slash}{rest}"


def _bench(claims: Claims, knowledge: Knowledge, units: Units | None) -> _Bench:
    """A bench with every name that all claims may use."""
    bench = _Bench(claims, knowledge.tables, knowledge.scope.tables, units)
    for name, amount in knowledge.amounts.items():
        bench.add_amount(name, amount, ())
    for name, declared in claims.file.inputs.items():
        bench.add_amount(name, declared, ("inputs", name))
    for position, answer in enumerate(claims.file.answers):
        bench.add(answer, TruthType(), None, ("answers", position))
    for name, definition in claims.file.definitions.items():
        bench.define(name, definition)
    return bench


def _units(claims: Claims, knowledge: Knowledge) -> Units:
    """The units of the knowledge base and those that only claims use."""
    base = dict.fromkeys((*knowledge.manifest.base_units, *claims.file.units))
    return Units(base, {**knowledge.manifest.derived_units, **claims.file.derived_units})


def _type_of(unit: str | None, values: Sequence[str] | None) -> Type:
    if values is not None:
        return ChoiceType(tuple(values))
    return TruthType() if unit == YES_OR_NO else NumberType(unit)


def _known(value: Value) -> float | bool | str:
    if value is None:
        raise _NoValueError("it divides by zero or reads something that has none")
    return value


def _as_number(value: Value) -> float:
    return float(_known(value))


def _root(difference: Callable[[float], float], low: float, high: float) -> float:
    """Where the difference changes its sign between the two ends, by halving the interval."""
    at_low, at_high = difference(low), difference(high)
    if at_low * at_high > 0:
        raise _NoValueError(f"nothing solves the equation between {format_number(low)} and {format_number(high)}")
    while abs(high - low) > _SOLVED_WITHIN * max(abs(low), abs(high)):
        middle = (low + high) / 2
        if middle in (low, high):  # no number lies between them
            break
        if (difference(middle) < 0) == (at_low < 0):
            low = middle
        else:
            high = middle
    return (low + high) / 2


# -- comparing --------------------------------------------------------------------------------------


def _compared(result: ComputedValue, printed: tuple[float, ...], tolerance: str) -> ComputedValue:
    if not printed or result.value is None:
        return replace(result, printed=printed)
    value = _as_number(result.value)
    factor = _factor(value, printed[0]) if len(printed) == 1 else None
    return replace(result, printed=printed, within=_is_within(value, printed, tolerance), factor=factor)


def _is_within(value: float, printed: tuple[float, ...], tolerance: str) -> bool:
    low, high = printed[0], printed[-1]
    if math.isinf(value):
        return low <= value <= high
    allowed = _allowed(value, tolerance.partition(" (")[0]) + _SAME_WITHIN * max(abs(value), abs(low), abs(high))
    return low - allowed <= value <= high + allowed


def _allowed(value: float, tolerance: str) -> float:
    """How far off a printed number may be: ``1%`` of the value, ``1 percentage point``, ``± 0.05``, or nothing."""
    number = re.search(r"[\d.]+", tolerance)
    if number is None:
        return 0.0
    if tolerance.endswith("%"):
        return abs(value) * float(number[0]) / 100
    return float(number[0]) / 100 if "percentage" in tolerance else float(number[0])


def _factor(value: float, printed: float) -> float | None:
    """Printed over computed or its inverse, whichever exceeds 1; None where they have no ratio."""
    have_ratio = value * printed > 0 and math.isfinite(value * printed)
    return max(value / printed, printed / value) if have_ratio else None


def _result(
    claim: ClaimDeclaration,
    computed: Sequence[ComputedValue],
    printed: tuple[float, ...],
    factor: tuple[float, ...],
    condition: bool | None,  # a value that is passed on, not a switch
) -> ClaimResult:
    checked = [value.within for value in computed if value.within is not None]
    named = claim.factor_of or (claim.computed if claim.verdict == "off" else ())
    return ClaimResult(
        id=claim.id,
        section=claim.section,
        quote=claim.quote,
        verdict=claim.verdict,
        computed=tuple(computed),
        printed=printed or tuple(dict.fromkeys(number for value in computed for number in value.printed)),
        factor=factor or tuple(value.factor for value in computed if value.name in named and value.factor is not None),
        tolerance=claim.tolerance,
        holds_within_tolerance=all(checked) if checked else None,
        condition_holds=condition,
        note=claim.note,
        reading=claim.reading,
    )


def _findings(result: ClaimResult) -> Iterator[str]:
    yield from result.without_value
    checked = [value.within for value in result.computed if value.within is not None]
    match result.verdict:
        case "holds" if result.holds_within_tolerance is False:
            yield "the verdict is 'holds', but a printed number is outside the tolerance"
        case "off" if result.holds_within_tolerance is not False:
            yield "the verdict is 'off', but no printed number is outside the tolerance"
        case "off" if max(result.factor, default=1) <= 1:
            yield "the verdict is 'off', but no factor exceeds 1"
        case "contradicts" if result.holds_within_tolerance is True:
            yield "the verdict is 'contradicts', but every printed number is within the tolerance"
        case "partly" if len(checked) > 1 and len(set(checked)) == 1:
            yield "the verdict is 'partly', but all printed numbers fall on one side of the tolerance"
        case "not checkable" if checked:
            yield "the verdict is 'not checkable', but a printed number was compared"
    against = {"holds": False, "off": True, "contradicts": True}
    if result.condition_holds is not None and against.get(result.verdict) is result.condition_holds:
        yield f"the verdict is '{result.verdict}', but holds_if is {str(result.condition_holds).lower()}"


# -- showing ----------------------------------------------------------------------------------------


def _row(result: ClaimResult) -> dict[str, str]:
    shown = [value for value in result.computed if not value.aside]
    return {
        "id": result.id,
        "section": result.section,
        "quote": result.quote,
        "printed": _span(result.printed),
        "computed": _listing(shown),
        "unit": "; ".join(dict.fromkeys(value.unit for value in shown)) or _NOTHING,
        "factor": _span(result.factor),
        "verdict": result.verdict,
        "tolerance": result.tolerance,
        "note": result.note or _NOTHING,
        "reading": result.reading or _NOTHING,
    }


def _span(numbers: Sequence[float]) -> str:
    return " … ".join(map(format_number, numbers)) or _NOTHING


def _listing(values: Sequence[ComputedValue]) -> str:
    """The numbers with their titles; a title is left out where there is only one number or range."""
    parts = list(_titled(values))
    if len(parts) == 1:
        return parts[0][1]
    return "; ".join(f"{title}: {text}" for title, text in parts) or _NOTHING


def _titled(values: Sequence[ComputedValue]) -> Iterator[tuple[str, str]]:
    """Title and text of each number, a low and the high after it joined into one range."""
    waiting = list(reversed(values))
    while waiting:
        value = waiting.pop()
        stem = value.name.removesuffix("low")
        if stem != value.name and waiting and waiting[-1].name == f"{stem}high":
            title = value.title.removesuffix("low").strip(" ,")
            yield title, f"{_shown(value)} … {_shown(waiting.pop())}"
        else:
            yield value.title, _shown(value)


def _shown(computed: ComputedValue) -> str:
    match computed.value:
        case bool():
            return str(computed.value).lower()
        case None:
            return _NOTHING
        case str():
            return computed.value
        case _:
            return format_number(computed.value)


def _in_words(name: str) -> str:
    """``average_10000`` as ``average 10,000``."""
    return re.sub(r"\d{4,}", lambda digits: f"{int(digits[0]):,}", name.replace("_", " "))
