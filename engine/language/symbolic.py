"""Expressions as z3 terms, with unknown as a value of its own; what the regions leave open is proved on these.

A number is a real with a condition under which it is known, a truth is two conditions (it is true,
it is false), a word is a code. ``never`` is kept beside the number, as it takes part in comparisons only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from engine.language.evaluate import Table, Value, origin_states
from engine.language.nodes import (
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


class NotSymbolicError(Exception):
    """An expression whose meaning has no z3 term, such as arithmetic with ``never``."""


@dataclass(frozen=True, slots=True)
class SymbolicNumber:
    """A real that is meant only where ``known`` holds and ``never`` does not."""

    value: Any
    known: Any
    never: Any


@dataclass(frozen=True, slots=True)
class SymbolicWord:
    """A word's code, meant only where ``known`` holds."""

    code: Any
    known: Any


@dataclass(frozen=True, slots=True)
class SymbolicTruth:
    """True, false, or (where neither holds) unknown."""

    true: Any
    false: Any


Symbolic = SymbolicNumber | SymbolicWord | SymbolicTruth


@dataclass(slots=True)
class Translator:
    """Translates expressions over named terms.

    Args:
        terms: the term of each name.
        origins: for each name the origins it may have, each with the condition under which it has it.
        tables: volume tables by name.
    """

    terms: dict[str, Symbolic]
    origins: dict[str, Mapping[str | None, Any]]
    tables: Mapping[str, Table]
    _codes: dict[str, int] = field(default_factory=dict)

    def word(self, value: str) -> int:
        """The code of a word."""
        return self._codes.setdefault(value, len(self._codes))

    def constant(self, value: Value) -> Symbolic:
        """A plain value as a term; unknown becomes an unknown number.

        Raises:
            NotSymbolicError: it is ``-never``.
        """
        import z3

        yes, no = z3.BoolVal(val=True), z3.BoolVal(val=False)
        if isinstance(value, bool):
            return SymbolicTruth(z3.BoolVal(value), z3.BoolVal(not value))
        if isinstance(value, str):
            return SymbolicWord(z3.IntVal(self.word(value)), yes)
        if value is None:
            return SymbolicNumber(z3.RealVal(0), no, no)
        if value == float("inf"):
            return SymbolicNumber(z3.RealVal(0), yes, yes)
        if value == float("-inf"):
            raise NotSymbolicError("less than any number")
        return SymbolicNumber(real(value), yes, no)

    def translate(self, node: Node) -> Symbolic:
        """The term of a resolved expression.

        Raises:
            NotSymbolicError: it calculates with ``never``.
        """
        match node:
            case Number(value=value) | Truth(value=value) | Text(value=value):
                return self.constant(value)
            case Never():
                return self.constant(float("inf"))
            case Unknown():
                return self.constant(None)
            case Name(name=name):
                return self.terms[name]
            case Negative(operand=operand):
                return self._arithmetic("-", self.constant(0.0), self.translate(operand))
            case Arithmetic(operator=operator, left=left, right=right):
                return self._arithmetic(operator, self.translate(left), self.translate(right))
            case Comparison(operator=operator, left=left, right=right):
                return self._compare(operator, self.translate(left), self.translate(right))
            case Membership(item=item, options=options, negated=negated):
                found = self._any([self._compare("==", self.translate(item), self.translate(o)) for o in options])
                return _opposite(found) if negated else found
            case State(name=name, state=state, negated=negated):
                found = self._state(name, state)
                return _opposite(found) if negated else found
            case Not(operand=operand):
                return _opposite(_truth(self.translate(operand)))
            case And(parts=parts):
                return _opposite(self._any([_opposite(_truth(self.translate(part))) for part in parts]))
            case Or(parts=parts):
                return self._any([_truth(self.translate(part)) for part in parts])
            case Conditional(test=test, then=then, otherwise=otherwise):
                return choose(_truth(self.translate(test)), self.translate(then), self.translate(otherwise))
            case Call():
                return self._call(node)

    def _arithmetic(self, operator: str, left: Symbolic, right: Symbolic) -> SymbolicNumber:
        import z3

        one, other = _number(left), _number(right)
        if not (z3.is_false(z3.simplify(one.never)) and z3.is_false(z3.simplify(other.never))):
            raise NotSymbolicError("arithmetic with never")
        known = z3.And(one.known, other.known)
        if operator == "/":
            return SymbolicNumber(one.value / other.value, z3.And(known, other.value != 0), one.never)
        apply: dict[str, Callable[[Any, Any], Any]] = {
            "+": lambda a, b: a + b,
            "-": lambda a, b: a - b,
            "*": lambda a, b: a * b,
        }
        return SymbolicNumber(apply[operator](one.value, other.value), known, one.never)

    def _compare(self, operator: str, left: Symbolic, right: Symbolic) -> SymbolicTruth:
        import z3

        if isinstance(left, SymbolicNumber) and isinstance(right, SymbolicNumber):
            if operator in (">", ">="):
                return self._compare("<" if operator == ">" else "<=", right, left)
            known = z3.And(left.known, right.known)
            return _where(known, _compare_numbers(operator, left, right))
        if isinstance(left, SymbolicTruth) and isinstance(right, SymbolicTruth):
            known = z3.And(z3.Or(left.true, left.false), z3.Or(right.true, right.false))
            equal = left.true == right.true
        else:
            one, other = _word(left), _word(right)
            known, equal = z3.And(one.known, other.known), one.code == other.code
        return _where(known, equal if operator == "==" else z3.Not(equal))

    def _any(self, parts: list[SymbolicTruth]) -> SymbolicTruth:
        import z3

        return SymbolicTruth(z3.Or(*(part.true for part in parts)), z3.And(*(part.false for part in parts)))

    def _state(self, name: str, state: str) -> SymbolicTruth:
        import z3

        wanted = origin_states(state)
        conditions = [condition for origin, condition in self.origins[name].items() if origin in wanted]
        holds = z3.Or(*conditions) if conditions else z3.BoolVal(val=False)
        return SymbolicTruth(holds, z3.Not(holds))

    def _call(self, node: Call) -> Symbolic:
        import z3

        arguments = [self.translate(argument) for argument in node.arguments]
        if node.function in self.tables:
            argument = _number(arguments[0])
            return SymbolicNumber(_table(self.tables[node.function], argument.value), argument.known, argument.never)
        if node.function == "first_known":
            found = arguments[-1]
            for part in reversed(arguments[:-1]):
                found = choose(SymbolicTruth(_known(part), z3.Not(_known(part))), part, found)
            return found
        numbers = [_number(argument) for argument in arguments]
        known = z3.And(*(number.known for number in numbers))
        chosen = numbers[0]
        for number in numbers[1:]:
            less = _compare_numbers("<", number, chosen)
            takes = less if node.function == "min" else z3.Not(less)
            chosen = SymbolicNumber(
                z3.If(takes, number.value, chosen.value), known, z3.If(takes, number.never, chosen.never)
            )
        return SymbolicNumber(chosen.value, known, chosen.never)


def real(value: float) -> Any:
    """A float as the exact real it is."""
    import z3

    exact = Fraction(value)
    return z3.RealVal(f"{exact.numerator}/{exact.denominator}")


def choose(test: SymbolicTruth, then: Symbolic, otherwise: Symbolic) -> Symbolic:
    """``then if test else otherwise``; unknown where the test is, unless both ways are known and equal."""
    import z3

    if isinstance(then, SymbolicNumber) or isinstance(otherwise, SymbolicNumber):
        one, other = _like(then, otherwise), _like(otherwise, then)
        if isinstance(one, SymbolicNumber) and isinstance(other, SymbolicNumber):
            same = z3.And(one.known, other.known, _compare_numbers("==", one, other))
            known = z3.Or(z3.And(test.true, one.known), z3.And(test.false, other.known), same)
            return SymbolicNumber(
                z3.If(test.false, other.value, one.value), known, z3.If(test.false, other.never, one.never)
            )
        then, otherwise = one, other
    if isinstance(then, SymbolicTruth) and isinstance(otherwise, SymbolicTruth):
        undecided = z3.And(z3.Not(test.true), z3.Not(test.false))
        return SymbolicTruth(
            _either(test, then.true, otherwise.true, undecided), _either(test, then.false, otherwise.false, undecided)
        )
    first, second = _word(then), _word(otherwise)
    same = z3.And(first.known, second.known, first.code == second.code)
    known = z3.Or(z3.And(test.true, first.known), z3.And(test.false, second.known), same)
    return SymbolicWord(z3.If(test.false, second.code, first.code), known)


def _either(test: SymbolicTruth, then: Any, otherwise: Any, undecided: Any) -> Any:
    import z3

    return z3.Or(z3.And(test.true, then), z3.And(test.false, otherwise), z3.And(undecided, then, otherwise))


def _like(term: Symbolic, other: Symbolic) -> Symbolic:
    """A literal ``unknown`` (an unknown number) in the kind of the other side."""
    import z3

    if not isinstance(term, SymbolicNumber) or isinstance(other, SymbolicNumber):
        return term
    no = z3.BoolVal(val=False)
    return SymbolicTruth(no, no) if isinstance(other, SymbolicTruth) else SymbolicWord(z3.IntVal(0), no)


def _compare_numbers(operator: str, one: SymbolicNumber, other: SymbolicNumber) -> Any:
    import z3

    below = z3.And(z3.Not(one.never), z3.Or(other.never, one.value < other.value))
    equal = z3.Or(
        z3.And(one.never, other.never), z3.And(z3.Not(one.never), z3.Not(other.never), one.value == other.value)
    )
    return {"<": below, "<=": z3.Or(below, equal), "==": equal, "!=": z3.Not(equal)}[operator]


def _where(known: Any, holds: Any) -> SymbolicTruth:
    import z3

    return SymbolicTruth(z3.And(known, holds), z3.And(known, z3.Not(holds)))


def _opposite(truth: SymbolicTruth) -> SymbolicTruth:
    return SymbolicTruth(truth.false, truth.true)


def _known(term: Symbolic) -> Any:
    import z3

    return z3.Or(term.true, term.false) if isinstance(term, SymbolicTruth) else term.known


def _number(term: Symbolic) -> SymbolicNumber:
    if not isinstance(term, SymbolicNumber):
        raise NotSymbolicError("a number was expected")
    return term


def _word(term: Symbolic) -> SymbolicWord:
    if not isinstance(term, SymbolicWord):
        raise NotSymbolicError("a choice was expected")
    return term


def _truth(term: Symbolic) -> SymbolicTruth:
    import z3

    if isinstance(term, SymbolicTruth):
        return term
    no = z3.BoolVal(val=False)
    return SymbolicTruth(no, no)


def _table(table: Table, at: Any) -> Any:
    """A piecewise linear function as nested choices."""
    import z3

    firsts, seconds = table.firsts, table.seconds
    last_slope = Fraction(seconds[-1]) / Fraction(firsts[-1]) if table.above_proportional else None
    term = at * _fraction(last_slope) if last_slope is not None else real(seconds[-1])
    for row in reversed(range(len(firsts) - 1)):
        slope = (Fraction(seconds[row + 1]) - Fraction(seconds[row])) / (
            Fraction(firsts[row + 1]) - Fraction(firsts[row])
        )
        inside = real(seconds[row]) + (at - real(firsts[row])) * _fraction(slope)
        term = z3.If(at < real(firsts[row + 1]), inside, term)
    below = at * _fraction(Fraction(seconds[0]) / Fraction(firsts[0])) if table.below_proportional else real(seconds[0])
    return z3.If(at <= real(firsts[0]), below, term)


def _fraction(exact: Fraction) -> Any:
    import z3

    return z3.RealVal(f"{exact.numerator}/{exact.denominator}")
