"""Expressions on plain values, three-valued: unknown is a value that spreads only as far as it matters.

A number is a float, ``never`` is infinity, a choice is a string, yes/no is a bool, unknown is None.
Truth follows Kleene: ``false and unknown`` is false, ``true and unknown`` is unknown.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

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
    computes,
)

Value = float | bool | str | None
Values = Mapping[str, Value]
#: For each name how it came to be known: answered, measured, supposed (assumed by whoever gave the
#: case), assumed (a default), computed; absent: unknown.
Origins = Mapping[str, str]
Evaluate = Callable[[Values, Origins], Value]


@dataclass(frozen=True, slots=True)
class Table:
    """A piecewise linear function given by rows."""

    firsts: tuple[float, ...]
    seconds: tuple[float, ...]
    below_proportional: bool
    above_proportional: bool

    def __call__(self, at: float) -> float:
        """The value at a point: linear between rows, by the declared rule outside them."""
        firsts, seconds = self.firsts, self.seconds
        if at <= firsts[0]:
            return at * (seconds[0] / firsts[0]) if self.below_proportional else seconds[0]
        if at >= firsts[-1]:
            return at * (seconds[-1] / firsts[-1]) if self.above_proportional else seconds[-1]
        row = bisect_right(firsts, at) - 1
        share = (at - firsts[row]) / (firsts[row + 1] - firsts[row])
        return seconds[row] + share * (seconds[row + 1] - seconds[row])


Tables = Mapping[str, Table]


def compile_plain(node: Node, tables: Tables) -> Evaluate:
    """The resolved expression as a function of values and origins."""
    match node:
        case Number(value=value) | Truth(value=value) | Text(value=value):
            return lambda _v, _o: value
        case Never():
            return lambda _v, _o: NEVER
        case Unknown():
            return lambda _v, _o: None
        case Name(name=name):
            return lambda v, _o: v[name]
        case Negative(operand=operand):
            inner = compile_plain(operand, tables)
            return lambda v, o: _negate(inner(v, o))
        case Arithmetic(operator=operator, left=left, right=right):
            return _arithmetic(_ARITHMETIC[operator], compile_plain(left, tables), compile_plain(right, tables))
        case Comparison():
            return _comparison(node, tables)
        case Membership():
            return _membership(node, tables)
        case State(name=name, state=state, negated=negated):
            return _state(name, state, negated)
        case Not(operand=operand):
            inner = compile_plain(operand, tables)
            return lambda v, o: None if (truth := inner(v, o)) is None else not truth
        case And(parts=parts):
            return _all_of([compile_plain(part, tables) for part in parts])
        case Or(parts=parts):
            return _any_of([compile_plain(part, tables) for part in parts])
        case Conditional(test=test, then=then, otherwise=otherwise):
            return _conditional(*(compile_plain(part, tables) for part in (test, then, otherwise)))
        case Call(function=function, arguments=arguments):
            return _call(function, [compile_plain(argument, tables) for argument in arguments], tables)


#: Whole numbers below this are what they would be rounded to.
_WHOLE = 1e12


def twelve_digits(number: float) -> float:
    """A number rounded to 12 significant digits."""
    if number.is_integer() and -_WHOLE < number < _WHOLE:
        return number
    # What is infinite stays so.
    return float(f"{number:.12g}")


def tidy(value: Value) -> Value:
    """A computed number rounded to 12 significant digits, so that binary noise never decides a comparison."""
    return twelve_digits(value) if isinstance(value, float) else value


def is_rounded(node: Comparison | Membership) -> bool:
    """Whether what is compared is rounded first, as figures are: where a side computes, both sides are.

    To round the computed side alone would tell ``x / 3 * 3`` from an ``x`` of more than 12 digits.
    """
    return computes(node.item) if isinstance(node, Membership) else computes(node.left) or computes(node.right)


def sides(node: Comparison) -> tuple[tuple[Node, bool], tuple[Node, bool]]:
    """Both sides of a comparison, each with whether its value is rounded first; a literal is so already."""
    rounded = is_rounded(node)
    left, right = (_rounded_literal(side) if rounded else side for side in (node.left, node.right))
    return (left, rounded and not isinstance(left, Number)), (right, rounded and not isinstance(right, Number))


def _rounded_literal(node: Node) -> Node:
    return replace(node, value=twelve_digits(node.value)) if isinstance(node, Number) else node


def chosen(node: Membership) -> frozenset[float | bool | str]:
    """The values that a membership lists, rounded where its item is."""
    options = map(_rounded_literal, node.options) if is_rounded(node) else node.options
    return frozenset(option.value for option in options if isinstance(option, Number | Text | Truth))


#: What is left of two terms that cancel is nothing where it is less than this share of them.
_CANCELLED = 1e-12


def plus(left: float, right: float) -> float:
    """The sum; nothing where only the terms' own binary noise is left of them, as of 10.1 + 20.2 - 30.3.

    It rises with either term, as a sum of floats does.
    """
    total = left + right
    return 0.0 if abs(total) < _CANCELLED * abs(left) else total


def minus(left: float, right: float) -> float:
    """The difference, as ``plus`` adds."""
    return plus(left, -right)


def _defined(number: float) -> float | None:
    return None if math.isnan(number) else number


def _negate(value: Value) -> Value:
    return None if value is None else -value  # type: ignore[operator]  # resolve proved it a number


def _divide(left: float, right: float) -> float | None:
    return None if right == 0 else _defined(left / right)


_ARITHMETIC: dict[str, Callable[[float, float], float | None]] = {
    "+": lambda left, right: _defined(plus(left, right)),
    "-": lambda left, right: _defined(minus(left, right)),
    "*": lambda left, right: _defined(left * right),
    "/": _divide,
}


def _arithmetic(apply: Callable[[float, float], float | None], left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(v: Values, o: Origins) -> Value:
        one = left(v, o)
        if one is None:
            return None
        other = right(v, o)
        return None if other is None else apply(one, other)  # type: ignore[arg-type]  # resolve proved them numbers

    return evaluate


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _comparison(node: Comparison, tables: Tables) -> Evaluate:
    left, right = (_side(side, tables, rounded=rounded) for side, rounded in sides(node))
    compare = COMPARE[node.operator]

    def evaluate(v: Values, o: Origins) -> Value:
        one = left(v, o)
        if one is None:
            return None
        other = right(v, o)
        return None if other is None else compare(one, other)  # type: ignore[arg-type]  # resolve proved the types

    return evaluate


def _side(node: Node, tables: Tables, *, rounded: bool) -> Evaluate:
    inner = compile_plain(node, tables)
    return (lambda v, o: tidy(inner(v, o))) if rounded else inner


def _membership(node: Membership, tables: Tables) -> Evaluate:
    item, options, negated = _side(node.item, tables, rounded=is_rounded(node)), chosen(node), node.negated

    def evaluate(v: Values, o: Origins) -> Value:
        value = item(v, o)
        return None if value is None else (value in options) != negated

    return evaluate


_ORIGINS_OF: dict[str, frozenset[str | None]] = {
    "unknown": frozenset({None}),
    "known": frozenset({"answered", "measured", "supposed", "assumed", "computed"}),
    "given": frozenset({"answered", "measured", "supposed"}),
    "answered": frozenset({"answered"}),
    "assumed": frozenset({"supposed", "assumed"}),
    "measured": frozenset({"measured"}),
    "computed": frozenset({"computed"}),
}


def has_state(name: str, state: str, origins: Origins) -> bool:
    """Whether the name is in the state that ``name is state`` asks for."""
    return origins.get(name) in _ORIGINS_OF[state]


def origin_states(state: str) -> frozenset[str | None]:
    """The origins that ``is state`` accepts; None stands for unknown."""
    return _ORIGINS_OF[state]


def _state(name: str, state: str, negated: bool) -> Evaluate:
    return lambda _v, o: has_state(name, state, o) != negated


def _all_of(parts: list[Evaluate]) -> Evaluate:
    def evaluate(v: Values, o: Origins) -> Value:
        outcome: Value = True
        for part in parts:
            truth = part(v, o)
            if truth is False:
                return False
            if truth is None:
                outcome = None
        return outcome

    return evaluate


def _any_of(parts: list[Evaluate]) -> Evaluate:
    def evaluate(v: Values, o: Origins) -> Value:
        outcome: Value = False
        for part in parts:
            truth = part(v, o)
            if truth is True:
                return True
            if truth is None:
                outcome = None
        return outcome

    return evaluate


def _conditional(test: Evaluate, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    def evaluate(v: Values, o: Origins) -> Value:
        truth = test(v, o)
        if truth is True:
            return then(v, o)
        if truth is False:
            return otherwise(v, o)
        # The test is open, but where both ways lead to one value the value is not.
        one = then(v, o)
        return one if one is not None and one == otherwise(v, o) else None

    return evaluate


def _call(function: str, arguments: list[Evaluate], tables: Tables) -> Evaluate:
    if function in tables:
        table, (argument,) = tables[function], arguments
        return lambda v, o: None if (at := argument(v, o)) is None else _defined(table(at))  # type: ignore[arg-type]
    if function == "first_known":
        return lambda v, o: next((value for part in arguments if (value := part(v, o)) is not None), None)
    pick = min if function == "min" else max

    def evaluate(v: Values, o: Origins) -> Value:
        values = [part(v, o) for part in arguments]
        return None if None in values else pick(values)  # type: ignore[type-var]

    return evaluate
