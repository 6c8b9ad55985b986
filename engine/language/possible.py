"""Expressions on what is possible: each name holds a set of values, the outcome is every value that can come out.

A number is a ``Span`` (every float from low to high), a choice a set of words, a truth a set of
true, false and unknown. Outcomes may include values that cannot occur together with the rest, but
never leave out one that can: what is proved here holds. Sums of floats are monotone in each
operand, so the ends of a span are exact images of the ends they come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from engine.language.evaluate import (
    Table,
    Tables,
    Value,
    chosen,
    is_rounded,
    minus,
    origin_states,
    plus,
    sides,
    twelve_digits,
)
from engine.language.nodes import (
    NEVER,
    And,
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    Membership,
    Name,
    Negative,
    Never,
    Node,
    Not,
    Number,
    Or,
    State,
    Text,
    Truth,
    Unknown,
)


@dataclass(frozen=True, slots=True)
class Span:
    """Every number from low to high; empty where low > high.

    Where a single quantity is open, ``ends`` are the values at its two ends, kept as long as the number
    is a straight line between them; that lets two lines be compared exactly.
    """

    low: float
    high: float
    unknown: bool = False
    ends: tuple[float, float] | None = None

    @property
    def line(self) -> tuple[float, float] | None:
        """The values at both ends of the open quantity; None where the number is not known to be straight."""
        return (self.low, self.low) if self.low == self.high and not self.unknown else self.ends


@dataclass(frozen=True, slots=True)
class Words:
    """Any of these words."""

    options: frozenset[str]
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Truths:
    """Any of true, false and unknown, as far as set."""

    true: bool
    false: bool
    unknown: bool = False


Possible = Span | Words | Truths
Box = Mapping[str, Possible]
#: For each name the origins it may have; None stands for unknown.
Origins = Mapping[str, frozenset[str | None]]
Explore = Callable[[Box, Origins], Possible]

_NO_NUMBER = Span(math.inf, -math.inf, unknown=True)
#: What a number may be next to 0 × never, never − never and their like, which are unknown.
_ANY_NUMBER = Span(-math.inf, math.inf, unknown=True)
_TRUE, _FALSE = Truths(true=True, false=False), Truths(true=False, false=True)


def exactly(value: Value, like: Possible | None = None) -> Possible:
    """The one value; where it is unknown, an unknown of the kind of ``like``."""
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, str):
        return Words(frozenset({value}))
    if value is not None:
        return Span(value, value)
    if isinstance(like, Words):
        return Words(frozenset(), unknown=True)
    return Truths(true=False, false=False, unknown=True) if isinstance(like, Truths) else _NO_NUMBER


def join(one: Possible, other: Possible) -> Possible:
    """Everything either of two of a kind allows."""
    if isinstance(one, Span) and isinstance(other, Span):
        return Span(min(one.low, other.low), max(one.high, other.high), one.unknown or other.unknown)
    if isinstance(one, Words) and isinstance(other, Words):
        return Words(one.options | other.options, one.unknown or other.unknown)
    if isinstance(one, Truths) and isinstance(other, Truths):
        return Truths(one.true or other.true, one.false or other.false, one.unknown or other.unknown)
    # A literal `unknown` has no kind of its own and takes the other's.
    return replace(other if one == _NO_NUMBER else one, unknown=True)


def tidy_span(possible: Possible) -> Possible:
    """The span with its ends rounded as computed figures are."""
    if isinstance(possible, Span) and possible.low <= possible.high:
        return Span(
            twelve_digits(possible.low),
            twelve_digits(possible.high),
            possible.unknown,
            possible.ends and (twelve_digits(possible.ends[0]), twelve_digits(possible.ends[1])),
        )
    return possible


def straight(first: float, last: float) -> Span:
    """A line from its value at one end of the open quantity to that at the other."""
    return Span(min(first, last), max(first, last), ends=(first, last))


def compile_possible(node: Node, tables: Tables) -> Explore:
    """The resolved expression as a function of boxes."""
    match node:
        case Number(value=value) | Truth(value=value) | Text(value=value):
            constant = exactly(value)
            return lambda _b, _o: constant
        case Never():
            return lambda _b, _o: Span(NEVER, NEVER)
        case Unknown():
            return lambda _b, _o: _NO_NUMBER
        case Name(name=name):
            return lambda b, _o: b[name]
        case Negative(operand=operand):
            inner = compile_possible(operand, tables)
            zero = Span(0.0, 0.0)
            return lambda b, o: _subtract(zero, _span(inner(b, o)))
        case Arithmetic(operator=operator, left=left, right=right):
            combine = _COMBINE[operator]
            one, other = compile_possible(left, tables), compile_possible(right, tables)
            return lambda b, o: combine(_span(one(b, o)), _span(other(b, o)))
        case Comparison(operator=operator):
            one, other = (_side(side, tables, rounded=rounded) for side, rounded in sides(node))
            return lambda b, o: _compare(operator, one(b, o), other(b, o))
        case Membership(item=item, negated=negated):
            options, inner = chosen(node), _side(item, tables, rounded=is_rounded(node))
            return lambda b, o: _inside(inner(b, o), options, negated)
        case State(name=name, state=state, negated=negated):
            return _state(name, state, negated)
        case Not(operand=operand):
            inner = compile_possible(operand, tables)
            return lambda b, o: _not(_truths(inner(b, o)))
        case And(parts=parts):
            return _all_of([compile_possible(part, tables) for part in parts])
        case Or(parts=parts):
            return _any_of([compile_possible(part, tables) for part in parts])
        case Conditional(test=test, then=then, otherwise=otherwise):
            return _conditional(*(compile_possible(part, tables) for part in (test, then, otherwise)))
        case Call(function=function, arguments=arguments):
            return _call(function, [compile_possible(argument, tables) for argument in arguments], tables)


def _side(node: Node, tables: Tables, *, rounded: bool) -> Explore:
    """What is compared. A line stays one although its values step: far less than two lines must be apart."""
    inner = compile_possible(node, tables)
    return (lambda b, o: tidy_span(inner(b, o))) if rounded else inner


def _span(possible: Possible) -> Span:
    return possible if isinstance(possible, Span) else _NO_NUMBER


def _truths(possible: Possible) -> Truths:
    return possible if isinstance(possible, Truths) else Truths(true=False, false=False, unknown=True)


def _corners(one: Span, other: Span, apply: Callable[[float, float], float]) -> Span:
    unknown = one.unknown or other.unknown
    if one.low > one.high or other.low > other.high:
        return _NO_NUMBER
    found: list[float] = []
    for left in (one.low, one.high):
        for right in (other.low, other.high):
            value = apply(left, right)
            if math.isnan(value):
                return _ANY_NUMBER
            found.append(value)
    return Span(min(found), max(found), unknown)


def _divide(one: Span, other: Span) -> Span:
    if one.low > one.high or other.low > other.high:
        return _NO_NUMBER
    if other.low == other.high == 0:
        return _NO_NUMBER
    if one.ends and other.low == other.high and not other.unknown:
        return _finite_line(one.ends[0] / other.low, one.ends[1] / other.low)
    if other.low <= 0 <= other.high:
        # Approaching zero from either side the quotient has no bound, and at zero it is unknown.
        if 0 <= one.low < math.inf and other.low == 0:
            return Span(one.low / other.high, math.inf, unknown=True)
        return _ANY_NUMBER
    return _corners(one, other, lambda left, right: left / right)


def _add(one: Span, other: Span) -> Span:
    first, second = one.line, other.line
    if first and second and (one.ends or other.ends):
        return _finite_line(plus(first[0], second[0]), plus(first[1], second[1]))
    return _corners(one, other, plus)


def _subtract(one: Span, other: Span) -> Span:
    first, second = one.line, other.line
    if first and second and (one.ends or other.ends):
        return _finite_line(minus(first[0], second[0]), minus(first[1], second[1]))
    return _corners(one, other, minus)


def _multiply(one: Span, other: Span) -> Span:
    if one.low == one.high and not one.unknown:
        one, other = other, one
    if one.ends and other.low == other.high and not other.unknown:
        return _finite_line(one.ends[0] * other.low, one.ends[1] * other.low)
    if (_may_be_zero(one) and _may_be_never(other)) or (_may_be_never(one) and _may_be_zero(other)):
        return _ANY_NUMBER
    return _corners(one, other, lambda left, right: left * right)


def _may_be_zero(span: Span) -> bool:
    return span.low <= 0 <= span.high


def _may_be_never(span: Span) -> bool:
    return span.low <= span.high and (span.low == -math.inf or span.high == math.inf)


def _finite_line(first: float, last: float) -> Span:
    if math.isfinite(first) and math.isfinite(last):
        return straight(first, last)
    return _ANY_NUMBER


_COMBINE: dict[str, Callable[[Span, Span], Span]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
}


def _compare(operator: str, one: Possible, other: Possible) -> Truths:
    if isinstance(one, Span) and isinstance(other, Span):
        return _compare_spans(operator, one, other)
    left, right = _as_words(one), _as_words(other)
    unknown = left.unknown or right.unknown
    if not left.options or not right.options:
        return Truths(true=False, false=False, unknown=True)
    may_equal = bool(left.options & right.options)
    may_differ = len(left.options | right.options) > 1
    if operator == "==":
        return Truths(may_equal, may_differ, unknown)
    return Truths(may_differ, may_equal, unknown)


def _as_words(possible: Possible) -> Words:
    if isinstance(possible, Truths):
        options = {word for word, may in (("true", possible.true), ("false", possible.false)) if may}
        return Words(frozenset(options), possible.unknown)
    return possible if isinstance(possible, Words) else Words(frozenset(), unknown=True)


def _compare_spans(operator: str, one: Span, other: Span) -> Truths:
    unknown = one.unknown or other.unknown
    if one.low > one.high or other.low > other.high:
        return Truths(true=False, false=False, unknown=True)
    if operator in (">", ">="):
        return _compare_spans("<" if operator == ">" else "<=", other, one)
    if one.ends or other.ends:
        apart = _lines_apart(one, other)
        if apart is not None:
            return Truths(apart, not apart) if operator in ("<", "<=") else Truths(operator == "!=", operator == "==")
    if operator == "<":
        return Truths(one.low < other.high, one.high >= other.low, unknown)
    if operator == "<=":
        return Truths(one.low <= other.high, one.high > other.low, unknown)
    meet = one.low <= other.high and other.low <= one.high
    differ = not (one.low == one.high == other.low == other.high)
    return Truths(meet, differ, unknown) if operator == "==" else Truths(differ, meet, unknown)


#: Two lines nearer than this, relative to their size, are not told apart by their ends.
_APART = 1e-9


def _lines_apart(one: Span, other: Span) -> bool | None:
    """True where the first line lies below the second all along, False where above; None where not told."""
    first, second = one.line, other.line
    if first is None or second is None:
        return None
    gaps = [right - left for left, right in zip(first, second, strict=True)]
    least = _APART * max(map(abs, (*first, *second)))
    if all(gap > least for gap in gaps):
        return True
    return False if all(gap < -least for gap in gaps) else None


def _inside(item: Possible, chosen: frozenset[float | bool | str], negated: bool) -> Truths:
    if isinstance(item, Span):
        if item.low > item.high:
            return Truths(true=False, false=False, unknown=True)
        inside = any(isinstance(value, float | int) and item.low <= value <= item.high for value in chosen)
        outside = item.low != item.high or item.low not in chosen
    else:
        words = _as_words(item)
        names = frozenset(str(value).lower() if isinstance(value, bool) else value for value in chosen)
        inside, outside = bool(words.options & names), bool(words.options - names)
    found = Truths(inside, outside, item.unknown)
    return _not(found) if negated else found


def _state(name: str, state: str, negated: bool) -> Explore:
    states = origin_states(state)

    def explore(_b: Box, o: Origins) -> Possible:
        possible = o.get(name, frozenset({None}))
        found = Truths(bool(possible & states), bool(possible - states))
        return _not(found) if negated else found

    return explore


def _not(truths: Truths) -> Truths:
    return Truths(truths.false, truths.true, truths.unknown)


def _all_of(parts: list[Explore]) -> Explore:
    def explore(b: Box, o: Origins) -> Possible:
        true, false, unknown = True, False, False
        for part in parts:
            found = _truths(part(b, o))
            false = false or found.false
            unknown = (unknown and (found.true or found.unknown)) or (found.unknown and (true or unknown))
            true = true and found.true
            if not (true or unknown):
                return _FALSE
        return Truths(true, false, unknown)

    return explore


def _any_of(parts: list[Explore]) -> Explore:
    negated = _all_of([_negation(part) for part in parts])
    return lambda b, o: _not(_truths(negated(b, o)))


def _negation(part: Explore) -> Explore:
    return lambda b, o: _not(_truths(part(b, o)))


def _conditional(test: Explore, then: Explore, otherwise: Explore) -> Explore:
    def explore(b: Box, o: Origins) -> Possible:
        truths = _truths(test(b, o))
        if truths == _TRUE:
            return then(b, o)
        if truths == _FALSE:
            return otherwise(b, o)
        found = join(then(b, o), otherwise(b, o))
        return replace(found, unknown=True) if truths.unknown else found

    return explore


def _call(function: str, arguments: list[Explore], tables: Tables) -> Explore:
    if function in tables:
        return _table(tables[function], arguments[0])
    if function == "first_known":
        return _first_known(arguments)
    pick = min if function == "min" else max

    def explore(b: Box, o: Origins) -> Possible:
        spans = [_span(part(b, o)) for part in arguments]
        if any(span.low > span.high for span in spans):
            return _NO_NUMBER
        unknown = any(span.unknown for span in spans)
        for span in spans:
            if span.ends and all(other is span or _lines_apart(span, other) is (pick is min) for other in spans):
                return span
        return Span(pick(span.low for span in spans), pick(span.high for span in spans), unknown)

    return explore


def _table(table: Table, argument: Explore) -> Explore:
    def explore(b: Box, o: Origins) -> Possible:
        span = _span(argument(b, o))
        if span.low > span.high:
            return span
        # A continuous piecewise linear function is extreme at an end or at a row.
        inner = [first for first in table.firsts if span.low < first < span.high]
        if span.ends and not inner:
            return _finite_line(table(span.ends[0]), table(span.ends[1]))
        found = [table(point) for point in (span.low, span.high, *inner)]
        return _ANY_NUMBER if any(map(math.isnan, found)) else Span(min(found), max(found), span.unknown)

    return explore


def _first_known(arguments: list[Explore]) -> Explore:
    def explore(b: Box, o: Origins) -> Possible:
        found = arguments[0](b, o)
        for part in arguments[1:]:
            if not found.unknown:
                break
            following = part(b, o)
            found = replace(join(replace(found, unknown=False), following), unknown=following.unknown)
        return found

    return explore
