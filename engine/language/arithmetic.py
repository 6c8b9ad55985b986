"""The shown arithmetic of a value, made from the very formula that computed it: nothing is written twice.

``($80,000 − $45,000) / ($1,200 − $590) per month = 57.4 months``. Of alternatives only the one that
was taken is shown; where it is a plain constant, the reason for it follows in parentheses.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from engine.language.english import (
    SIGNS,
    Words,
    affirmed,
    constant,
    english,
    joined,
    name_of,
    needs_parentheses,
    unit_of,
)
from engine.language.evaluate import Origins, Table, Tables, Value, Values, compile_plain
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
    children,
    walk,
)

_CONDITIONS = (And, Or, Not, Comparison, Membership, State)
_CONSTANTS = (Number, Never, Text, Truth, Unknown)
#: How the side of a comparison that was found is said after the value.
_FOUND = {"!=": "not", "<": "below", "<=": "not above", ">": "above", ">=": "not below"}


@dataclass(frozen=True, slots=True)
class Known:
    """What one case knows, and what its formulas may call."""

    values: Values
    origins: Origins
    tables: Tables

    def value(self, node: Node) -> Value:
        """The value of a resolved expression in this case."""
        return compile_plain(node, self.tables)(self.values, self.origins)


@dataclass(frozen=True, slots=True)
class Working:
    """How a value came about.

    Args:
        of: what was looked up, such as ``the monthly bill at 200,000 requests/month``; None for plain arithmetic.
        expression: the formula with the numbers that were used.
        notes: why a constant was taken and where a number is from that the expression does not show.
    """

    of: str | None
    expression: str
    notes: tuple[str, ...]


def substitution(formula: Node, known: Known, words: Words, *, name: str, value: Value) -> str:
    """The formula of a name with the numbers of a case and its value, on one line.

    Args:
        formula: resolved.
        known: the values that the formula read.
        words: how names, choices and quantities are written.
        name: what the formula computes.
        value: what it gave; None where something unknown, or a division by 0, kept it from being computed.
    """
    if value is None and (missing := open_names(formula, known)):
        return waiting(missing, words)
    unit = unit_of(Name(name), words.scope)
    result = words.label(name, value) if isinstance(value, str) else words.show(value, unit)
    working = worked(formula, known, words, name=name)
    steps = dict.fromkeys(step for step in (working.of, working.expression, result) if step is not None)
    notes = f" ({'; '.join(working.notes)})" if working.notes else ""
    return " = ".join(steps) + notes


def waiting(names: Iterable[str], words: Words) -> str:
    """The sentence about a value that these unknown names keep from being computed."""
    return f"waits for {', '.join(name_of(Name(name), words) for name in names)}"


def worked(formula: Node, known: Known, words: Words, *, name: str) -> Working:
    """How the value of a formula without unknown inputs came about."""
    writer = _Writer(known, words)
    settled = writer.settled(formula)
    unit = unit_of(Name(name), words.scope)
    of, expression = writer.outermost(settled, name, unit)
    if _divides_by_zero(settled, known):
        writer.notes.append("nothing can be divided by 0")
    return Working(of, expression, tuple(dict.fromkeys(writer.notes)))


def open_names(node: Node, known: Known) -> tuple[str, ...]:
    """The unknown names that keep the expression from having a value, in order of appearance.

    Empty where it has one, and where it has none for another reason, such as a division by 0.
    """
    if known.value(node) is not None:
        return ()
    if isinstance(node, Name):
        return (node.name,)
    parts = children(node)
    if isinstance(node, Conditional):
        truth = known.value(node.test)
        parts = (node.test,) if truth is None else (node.then if truth else node.otherwise,)
    return tuple(dict.fromkeys(name for part in parts for name in open_names(part, known)))


def reasons(condition: Node, known: Known, words: Words, *, holds: bool) -> list[str]:
    """Why a condition is known to hold or not to hold: ``saved on requests is −$15/month, not above $0/month``."""
    return _reasons(affirmed(condition, holds=holds), known, words)


def _divides_by_zero(node: Node, known: Known) -> bool:
    return any(
        isinstance(part, Arithmetic) and part.operator == "/" and known.value(part.right) == 0 for part in walk(node)
    )


# Reasons.


def _reasons(node: Node, known: Known, words: Words) -> list[str]:
    match node:
        case And(parts=parts):
            return [reason for part in parts for reason in _reasons(part, known, words)]
        case Or(parts=parts):
            return _reasons(next(part for part in parts if known.value(part) is True), known, words)
        case Comparison():
            return [_found(node, known, words)]
        case Membership(item=item):
            return [f"{name_of(item, words)} is {_value_in_words(item, known, words)}"]
        case Truth():
            return []
        case _:
            return [english(node, words)]


def _found(node: Comparison, known: Known, words: Words) -> str:
    value = known.value(node.left)
    statement = f"{name_of(node.left, words)} is {_value_in_words(node.left, known, words)}"
    literal = constant(node.right, node.left, words)
    if literal is not None and (node.operator == "==" or not isinstance(value, float)):
        return statement
    other = literal
    if literal is None:
        other = f"{name_of(node.right, words)} ({_value_in_words(node.right, known, words)})"
    return f"{statement}, {_FOUND.get(node.operator, 'the same as')} {other}"


def _value_in_words(node: Node, known: Known, words: Words) -> str:
    value = known.value(node)
    if isinstance(value, str):
        return constant(Text(value), node, words) or value
    return words.show(value, unit_of(node, words.scope))


# The expression.


@dataclass(slots=True)
class _Writer:
    known: Known
    words: Words
    notes: list[str] = field(default_factory=list)

    def settled(self, node: Node) -> Node:
        """The expression with only those of its alternatives that were taken."""
        match node:
            case Conditional():
                return self.taken(node)
            case Call(function="first_known", arguments=arguments):
                known = (argument for argument in arguments if self.known.value(argument) is not None)
                return self.settled(next(known, arguments[-1]))
            case Call(arguments=arguments):
                return replace(node, arguments=tuple(self.settled(argument) for argument in arguments))
            case Negative(operand=operand):
                return replace(node, operand=self.settled(operand))
            case Arithmetic(left=left, right=right):
                return replace(node, left=self.settled(left), right=self.settled(right))
            case _:
                return node

    def taken(self, node: Conditional) -> Node:
        """The alternative that gave the value; of a constant the reason is noted."""
        rest: Node = node
        found: list[str] = []
        while isinstance(rest, Conditional):
            truth = self.known.value(rest.test)
            if truth is not False:
                # An open test that has a value all the same has it either way.
                found = reasons(rest.test, self.known, self.words, holds=True) if truth else []
                rest = rest.then
                break
            found += reasons(rest.test, self.known, self.words, holds=False)
            rest = rest.otherwise
        if isinstance(rest, _CONSTANTS):
            self.note(found)
        return self.settled(rest)

    def note(self, found: list[str]) -> None:
        if found:
            self.notes.append(joined(list(dict.fromkeys(found)), "and"))

    def outermost(self, node: Node, name: str, unit: str | None) -> tuple[str | None, str]:
        """What was looked up, where the whole is that, and the expression."""
        match node:
            case Name():
                return name_of(node, self.words), self.leaf(node, unit)
            case Negative(operand=Name() as operand):
                return f"−{name_of(operand, self.words)}", self.text(node, unit)
            case Text(value=value):
                return None, self.words.label(name, value)
            case Call(function=function, arguments=(argument,)) if function in self.known.tables:
                return self.looked_up(node, argument), self.between_rows(node, argument)
            case _ if isinstance(node, _CONDITIONS):
                truth = self.known.value(node)
                if isinstance(truth, bool):
                    self.note(reasons(node, self.known, self.words, holds=truth))
                return None, self.words.show(truth, None)
            case _:
                return None, self.text(node, unit)

    def text(self, node: Node, unit: str | None) -> str:
        """A settled expression; its numbers in the unit, where they have none of their own."""
        match node:
            case Negative(operand=operand):
                text = self.text(operand, unit)
                grouped = isinstance(operand, Arithmetic) or text.startswith("−")
                return f"−({text})" if grouped else f"−{text}"
            case Arithmetic(operator="+" | "-"):
                return self.operation(node, unit_of(node, self.words.scope) or unit)
            case Arithmetic():
                return self.operation(node, None)
            case Call(function=function, arguments=arguments) if function not in self.known.tables:
                inner = unit_of(node, self.words.scope) or unit
                return f"{function}({', '.join(self.text(argument, inner) for argument in arguments)})"
            case Call(arguments=(argument,)):
                text = self.leaf(node, unit)
                self.notes.append(f"{text} is {self.looked_up(node, argument)}")
                return text
            case _:
                return self.leaf(node, unit)

    def leaf(self, node: Node, unit: str | None) -> str:
        value = self.known.value(node)
        if isinstance(value, str) and isinstance(node, Name):
            return self.words.label(node.name, value)
        return self.words.show(value, unit_of(node, self.words.scope) or unit)

    def operation(self, node: Arithmetic, unit: str | None) -> str:
        left = self.operand(node.left, node.operator, unit, right=False)
        return f"{left} {SIGNS[node.operator]} {self.operand(node.right, node.operator, unit, right=True)}"

    def operand(self, node: Node, operator: str, unit: str | None, *, right: bool) -> str:
        if needs_parentheses(node, operator, right=right):
            return self.group(node, unit)
        text = self.text(node, unit)
        if operator == "/" and right and _is_leaf(node):
            # A second stroke would read as a second division.
            text = text.replace("/", " per ")
        return f"({text})" if right and text.startswith("−") else text

    def group(self, node: Node, unit: str | None) -> str:
        """A sum or product in parentheses; a unit that all terms of a sum share is written once, after it."""
        own = unit_of(node, self.words.scope) or unit
        after = self.words.after_group(own)
        terms = list(_terms(node))
        if not after or not all(self.is_finite_leaf(term) for _, term in terms):
            return f"({self.text(node, unit)})"
        text = ""
        for sign, term in terms:
            bare = self.words.bare(_number(self.known.value(term)), own)
            bare = f"({bare})" if text and bare.startswith("−") else bare
            text = f"{text} {SIGNS[sign]} {bare}" if text else bare
        return f"({text}){after}"

    def is_finite_leaf(self, node: Node) -> bool:
        value = self.known.value(node)
        return _is_leaf(node) and isinstance(value, float) and abs(value) != NEVER

    # -- tables --------------------------------------------------------------------------------

    def looked_up(self, node: Call, argument: Node) -> str:
        takes = self.words.scope.tables[node.function].takes
        at = self.words.show(self.known.value(argument), takes)
        shown = f"{self.words.title(node.function)} at {at}"
        return shown if _is_leaf(argument) else f"{shown} ({self.text(argument, takes)})"

    def between_rows(self, node: Call, argument: Node) -> str:
        """How the table's value follows from its rows."""
        table, signature = self.known.tables[node.function], self.words.scope.tables[node.function]
        at = self.known.value(argument)
        gives = signature.gives
        if not isinstance(at, float):
            return self.words.show(None, gives)
        if at in table.firsts:
            self.notes.append("a row of the table")
            return self.words.show(table(at), gives)
        if table.firsts[0] < at < table.firsts[-1]:
            return self.interpolation(table, at, signature.takes, gives)
        below = at < table.firsts[0]
        end = 0 if below else -1
        limit = f"{'below' if below else 'above'} {self.words.show(table.firsts[end], signature.takes)}"
        which = "first" if below else "last"
        if table.below_proportional if below else table.above_proportional:
            self.notes.append(f"{limit} in proportion to the {which} row")
            takes, row = (self.words.bare(number, signature.takes) for number in (at, table.firsts[end]))
            return f"{takes} / {row} × {self.words.bare(table.seconds[end], gives)}"
        self.notes.append(f"{limit} the {which} row holds")
        return self.words.show(table.seconds[end], gives)

    def interpolation(self, table: Table, at: float, takes: str, gives: str) -> str:
        row = bisect_right(table.firsts, at) - 1
        here, low, high = (self.words.bare(number, takes) for number in (at, *table.firsts[row : row + 2]))
        start, end = (self.words.bare(number, gives) for number in table.seconds[row : row + 2])
        step = f"({end} − {_guarded(start)})"
        return f"{start} + ({here} − {_guarded(low)}) / ({high} − {_guarded(low)}) × {step}"


def _guarded(text: str) -> str:
    return f"({text})" if text.startswith("−") else text


def _is_leaf(node: Node) -> bool:
    return not isinstance(node, Arithmetic | Negative | Call | Conditional)


def _terms(node: Node) -> Iterable[tuple[str, Node]]:
    """The terms of a sum with their signs, as far as it reads from left to right; a product is one term."""
    if isinstance(node, Arithmetic) and node.operator in "+-":
        yield from _terms(node.left)
        yield node.operator, node.right
    else:
        yield "+", node


def _number(value: Value) -> float:
    return value if isinstance(value, float) else NEVER
