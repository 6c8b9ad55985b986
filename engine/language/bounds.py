"""What is possible, in the plainest shapes: the answers of ``engine.language.possible`` where no lines are followed.

A number is a tuple of its low, its high and whether it may be unknown, a choice a set of words with None for
unknown, a truth a sum of ``TRUE``, ``FALSE`` and ``UNKNOWN``. Nothing is made but tuples and sums, so a region
of a whole knowledge base is looked at in the time that a few of the other module's records take to make.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence

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

TRUE, FALSE, UNKNOWN = 1, 2, 4
_BOTH = TRUE | FALSE

Range = tuple[float, float, bool]
Words = frozenset[str | None]
Bounds = Range | Words | int
Box = Mapping[str, Bounds]
#: For each name the origins it may have; None stands for unknown.
Origins = Mapping[str, frozenset[str | None]]
Bound = Callable[[Box, Origins], Bounds]

NO_NUMBER: Range = (math.inf, -math.inf, True)
NO_WORD: Words = frozenset({None})
#: What a number may be next to 0 × never, never − never and their like, which are unknown.
_ANY_NUMBER: Range = (-math.inf, math.inf, True)
#: A truth as it is with true and false exchanged.
_NEGATED = (0, FALSE, TRUE, _BOTH, UNKNOWN, FALSE | UNKNOWN, TRUE | UNKNOWN, _BOTH | UNKNOWN)


def bound_of(value: Value, unknown: Bounds) -> Bounds:
    """The one value; where it is None the unknown of its kind."""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, str):
        return frozenset({value})
    return unknown if value is None else (value, value, False)


def compile_bounds(node: Node, tables: Tables) -> Bound:
    """The resolved expression as a function of boxes."""
    match node:
        case Number(value=value) | Truth(value=value) | Text(value=value):
            constant = bound_of(value, NO_NUMBER)
            return lambda _b, _o: constant
        case Never():
            return lambda _b, _o: (NEVER, NEVER, False)
        case Unknown():
            return lambda _b, _o: NO_NUMBER
        case Name(name=name):
            return lambda b, _o: b[name]
        case Negative(operand=operand):
            inner = compile_bounds(operand, tables)
            return lambda b, o: _subtract((0.0, 0.0, False), _range(inner(b, o)))
        case Arithmetic(operator=symbol, left=left, right=right):
            return _arithmetic(_COMBINE[symbol], compile_bounds(left, tables), compile_bounds(right, tables))
        case Comparison(operator="==" | "!=" as symbol, left=left, right=Text(value=word)):
            return _is_word(compile_bounds(left, tables), word, negated=symbol == "!=")
        case Comparison(operator=symbol):
            return _comparison(symbol, *(_side(side, tables, rounded=rounded) for side, rounded in sides(node)))
        case Membership(item=item, negated=negated):
            return _membership(_side(item, tables, rounded=is_rounded(node)), chosen(node), negated)
        case State(name=name, state=state, negated=negated):
            return _state(name, origin_states(state), negated)
        case Not(operand=operand):
            inner = compile_bounds(operand, tables)
            return lambda b, o: _NEGATED[truth_of(inner(b, o))]
        case And(parts=parts):
            return _every([compile_bounds(part, tables) for part in parts])
        case Or(parts=parts):
            negated_parts = _every([_negation(compile_bounds(part, tables)) for part in parts])
            return lambda b, o: _NEGATED[truth_of(negated_parts(b, o))]
        case Conditional(test=test, then=then, otherwise=otherwise):
            return _conditional(*(compile_bounds(part, tables) for part in (test, then, otherwise)))
        case Call(function=function, arguments=arguments):
            return _call(function, [compile_bounds(argument, tables) for argument in arguments], tables)


def tidied(bounds: Bounds) -> Bounds:
    """A number's ends rounded as computed figures are."""
    if isinstance(bounds, tuple) and bounds[0] <= bounds[1]:
        low, high, unknown = bounds
        rounded = twelve_digits(low)
        return rounded, rounded if low == high else twelve_digits(high), unknown
    return bounds


def join(one: Bounds, other: Bounds) -> Bounds:
    """Everything either of two of a kind allows."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return min(one[0], other[0]), max(one[1], other[1]), one[2] or other[2]
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one | other
    if isinstance(one, int) and isinstance(other, int):
        return one | other
    # A literal `unknown` has no kind of its own and takes the other's.
    return may_be_unknown(other if one == NO_NUMBER else one)


def may_be_unknown(bounds: Bounds) -> Bounds:
    """The same, and unknown."""
    if isinstance(bounds, tuple):
        return bounds[0], bounds[1], True
    return bounds | NO_WORD if isinstance(bounds, frozenset) else bounds | UNKNOWN


def is_unknown(bounds: Bounds) -> bool:
    """Whether it may be unknown."""
    if isinstance(bounds, tuple):
        return bounds[2]
    return None in bounds if isinstance(bounds, frozenset) else bool(bounds & UNKNOWN)


def is_known(bounds: Bounds) -> bool:
    """Whether it may be anything but unknown."""
    if isinstance(bounds, tuple):
        return bounds[0] <= bounds[1]
    return not bounds <= NO_WORD if isinstance(bounds, frozenset) else bounds & _BOTH > 0


def truth_of(bounds: Bounds) -> int:
    """The truth that it is; unknown where it is none."""
    return bounds if isinstance(bounds, int) else UNKNOWN


def _known(bounds: Bounds) -> Bounds:
    if isinstance(bounds, tuple):
        return bounds[0], bounds[1], False
    return bounds - NO_WORD if isinstance(bounds, frozenset) else bounds & _BOTH


def _range(bounds: Bounds) -> Range:
    return bounds if isinstance(bounds, tuple) else NO_NUMBER


# Numbers


def _corners(one: Range, other: Range, apply: Callable[[float, float], float]) -> Range:
    if one[0] > one[1] or other[0] > other[1]:
        return NO_NUMBER
    found = [apply(left, right) for left in one[:2] for right in other[:2]]
    if any(math.isnan(value) for value in found):
        return _ANY_NUMBER
    return min(found), max(found), one[2] or other[2]


def _add(one: Range, other: Range) -> Range:
    low, high = plus(one[0], other[0]), plus(one[1], other[1])
    if -math.inf < low <= high < math.inf:
        return low, high, one[2] or other[2]
    return _corners(one, other, plus)


def _subtract(one: Range, other: Range) -> Range:
    low, high = minus(one[0], other[1]), minus(one[1], other[0])
    if -math.inf < low <= high < math.inf:
        return low, high, one[2] or other[2]
    return _corners(one, other, minus)


def _multiply(one: Range, other: Range) -> Range:
    if 0 <= one[0] <= one[1] < math.inf and 0 <= other[0] <= other[1] < math.inf:
        return one[0] * other[0], one[1] * other[1], one[2] or other[2]
    if (_may_be_zero(one) and _may_be_never(other)) or (_may_be_never(one) and _may_be_zero(other)):
        return _ANY_NUMBER
    return _corners(one, other, operator.mul)


def _may_be_zero(found: Range) -> bool:
    return found[0] <= 0 <= found[1]


def _may_be_never(found: Range) -> bool:
    return found[0] <= found[1] and (found[0] == -math.inf or found[1] == math.inf)


def _divide(one: Range, other: Range) -> Range:
    if one[0] > one[1] or other[0] > other[1] or other[0] == other[1] == 0:
        return NO_NUMBER
    if other[0] <= 0 <= other[1]:
        # Approaching zero from either side the quotient has no bound, and at zero it is unknown.
        return (one[0] / other[1], math.inf, True) if 0 <= one[0] < math.inf and other[0] == 0 else _ANY_NUMBER
    return _corners(one, other, operator.truediv)


_COMBINE: dict[str, Callable[[Range, Range], Range]] = {"+": _add, "-": _subtract, "*": _multiply, "/": _divide}


def _arithmetic(combine: Callable[[Range, Range], Range], left: Bound, right: Bound) -> Bound:
    return lambda b, o: combine(left(b, o), right(b, o))  # type: ignore[arg-type]  # resolve proved them numbers


# Truths


def _either(true: bool, false: bool, unknown: bool) -> int:
    return true * TRUE | false * FALSE | unknown * UNKNOWN


def _side(node: Node, tables: Tables, *, rounded: bool) -> Bound:
    inner = compile_bounds(node, tables)
    return (lambda b, o: tidied(inner(b, o))) if rounded else inner


def _comparison(symbol: str, left: Bound, right: Bound) -> Bound:
    ordered = _ORDERED.get(symbol)
    if ordered is None:
        return lambda b, o: _equal(left(b, o), right(b, o), negated=symbol == "!=")
    return lambda b, o: ordered(left(b, o), right(b, o))  # type: ignore[arg-type]  # resolve proved them numbers


def _less(one: Range, other: Range) -> int:
    if one[0] > one[1] or other[0] > other[1]:
        return UNKNOWN
    return _either(one[0] < other[1], one[1] >= other[0], one[2] or other[2])


def _at_most(one: Range, other: Range) -> int:
    if one[0] > one[1] or other[0] > other[1]:
        return UNKNOWN
    return _either(one[0] <= other[1], one[1] > other[0], one[2] or other[2])


_ORDERED: dict[str, Callable[[Range, Range], int]] = {
    "<": _less,
    "<=": _at_most,
    ">": lambda one, other: _less(other, one),
    ">=": lambda one, other: _at_most(other, one),
}


def _equal(one: Bounds, other: Bounds, *, negated: bool) -> int:
    if isinstance(one, tuple) and isinstance(other, tuple):
        if one[0] > one[1] or other[0] > other[1]:
            return UNKNOWN
        meet = one[0] <= other[1] and other[0] <= one[1]
        differ = not one[0] == one[1] == other[0] == other[1]
        found = _either(meet, differ, one[2] or other[2])
    else:
        left, right = _words(one), _words(other)
        if left <= NO_WORD or right <= NO_WORD:
            return UNKNOWN
        meet = not (left & right) <= NO_WORD
        found = _either(meet, len((left | right) - NO_WORD) > 1, None in left or None in right)
    return _NEGATED[found] if negated else found


def _is_word(left: Bound, word: str, *, negated: bool) -> Bound:
    """The commonest comparison of words, with one of them."""

    def bound(b: Box, o: Origins) -> Bounds:
        options = left(b, o)
        if not isinstance(options, frozenset):
            return _equal(options, frozenset({word}), negated=negated)
        may, unknown = word in options, None in options
        found = may * TRUE | (len(options) > may + unknown) * FALSE | unknown * UNKNOWN
        return _NEGATED[found] if negated else found

    return bound


def _words(bounds: Bounds) -> Words:
    if isinstance(bounds, int):
        return frozenset(word for word, bit in (("true", TRUE), ("false", FALSE), (None, UNKNOWN)) if bounds & bit)
    return bounds if isinstance(bounds, frozenset) else NO_WORD


def _membership(item: Bound, chosen: frozenset[float | bool | str], negated: bool) -> Bound:
    words = frozenset(str(value).lower() if isinstance(value, bool) else value for value in chosen)

    def bound(b: Box, o: Origins) -> Bounds:
        bounds = item(b, o)
        if isinstance(bounds, tuple):
            low, high, unknown = bounds
            if low > high:
                return UNKNOWN
            inside = any(isinstance(value, float | int) and low <= value <= high for value in chosen)
            found = _either(inside, low != high or low not in chosen, unknown)
        else:
            options = _words(bounds)
            known = options - NO_WORD
            found = _either(bool(known & words), bool(known - words), None in options)
        return _NEGATED[found] if negated else found

    return bound


def _state(name: str, states: frozenset[str | None], negated: bool) -> Bound:
    def bound(_b: Box, o: Origins) -> Bounds:
        possible = o.get(name, NO_WORD)
        found = _either(bool(possible & states), bool(possible - states), unknown=False)
        return _NEGATED[found] if negated else found

    return bound


def _every(parts: Sequence[Bound]) -> Bound:
    def bound(b: Box, o: Origins) -> Bounds:
        true, false, unknown = True, False, False
        for part in parts:
            found = part(b, o)
            if found == TRUE:
                continue
            found = truth_of(found)
            false = false or bool(found & FALSE)
            unknown = (unknown and found & (TRUE | UNKNOWN) > 0) or (found & UNKNOWN > 0 and (true or unknown))
            true = true and bool(found & TRUE)
            if not (true or unknown):
                return FALSE
        return _either(true, false, unknown)

    return bound


def _negation(part: Bound) -> Bound:
    return lambda b, o: _NEGATED[truth_of(part(b, o))]


# Choices between parts


def _conditional(test: Bound, then: Bound, otherwise: Bound) -> Bound:
    def bound(b: Box, o: Origins) -> Bounds:
        truth = truth_of(test(b, o))
        if truth == TRUE:
            return then(b, o)
        if truth == FALSE:
            return otherwise(b, o)
        found = join(then(b, o), otherwise(b, o))
        return may_be_unknown(found) if truth & UNKNOWN else found

    return bound


def _call(function: str, arguments: list[Bound], tables: Tables) -> Bound:
    if function in tables:
        return _table(tables[function], arguments[0])
    if function == "first_known":
        return _first_known(arguments)
    pick = min if function == "min" else max

    def bound(b: Box, o: Origins) -> Bounds:
        found = [_range(part(b, o)) for part in arguments]
        if any(low > high for low, high, _ in found):
            return NO_NUMBER
        return pick(low for low, _, _ in found), pick(high for _, high, _ in found), any(part[2] for part in found)

    return bound


def _table(table: Table, argument: Bound) -> Bound:
    def bound(b: Box, o: Origins) -> Bounds:
        low, high, unknown = found = _range(argument(b, o))
        if low > high:
            return found
        # A continuous piecewise linear function is extreme at an end or at a row.
        values = [table(point) for point in (low, high, *(first for first in table.firsts if low < first < high))]
        return _ANY_NUMBER if any(map(math.isnan, values)) else (min(values), max(values), unknown)

    return bound


def _first_known(arguments: list[Bound]) -> Bound:
    def bound(b: Box, o: Origins) -> Bounds:
        found = arguments[0](b, o)
        for part in arguments[1:]:
            if not is_unknown(found):
                break
            following = part(b, o)
            joined = _known(join(_known(found), following))
            found = may_be_unknown(joined) if is_unknown(following) else joined
        return found

    return bound
