"""Resolved conditions and formulas in plain English, made from the very nodes that are evaluated.

One form serves any title: a quantity is read as it is (``budget is at least $50,000``), anything else
is quoted, because its title may be a sentence of its own (``“accuracy is critical” is yes``), and so are
the labels of choices. What is said twice of one thing is said together: ``accuracy with prompts is
between 80 % and 90 %``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Protocol

from engine.language.evaluate import Value
from engine.language.nodes import (
    MIRRORED,
    NEVER,
    OPPOSITE,
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
    names_in,
)
from engine.language.scope import NumberType, Scope

#: How each operation is written for people; the minus is longer than a hyphen.
SIGNS = {"+": "+", "-": "−", "*": "×", "/": "/"}

_RELATIONS = {"==": "is", "!=": "is not", "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least"}
_STATES = {"unknown": ("is not known", "is known"), "known": ("is known", "is not known")}
_SUPERLATIVES = {
    "min": ("the smaller of", "the smallest of"),
    "max": ("the larger of", "the largest of"),
    "first_known": ("the first known of", "the first known of"),
}
_LITERALS = (Name, Not, Comparison, Membership, State)


class Words(Protocol):
    """What expressions are put into words with."""

    @property
    def scope(self) -> Scope:
        """What the names mean."""

    def title(self, name: str) -> str:
        """What people call a name or table."""

    def label(self, name: str, choice: str) -> str:
        """What people call one of the choices of a name."""

    def show(self, value: Value, unit: str | None) -> str:
        """A value with its unit, such as ``$1,200/month``."""

    def bare(self, value: float, unit: str | None) -> str:
        """A value without what ``after_group`` says, such as ``$1,200``."""

    def after_group(self, unit: str | None) -> str:
        """What is written once after several bare values, such as `` per month``; empty where nothing is."""


def english(node: Node, words: Words) -> str:
    """The condition as a clause that may follow "when"."""
    return _condition(affirmed(node), words)


def formula_in_words(node: Node, words: Words, *, name: str) -> str:
    """The formula of a name with titles in place of names, its own numbers in the unit of what it computes."""
    if isinstance(node, Text):
        return words.label(name, node.value)
    return _term(node, words, unit_of(Name(name), words.scope))


# What arithmetic puts into words as well.


def affirmed(node: Node, *, holds: bool = True) -> Node:
    """The condition, or its negation, as one that reads without "not": true, false and unknown in the same cases.

    Only names and calls are left under ``Not``. A constant stands right of what it is compared with.
    """
    match node:
        case Not(operand=operand):
            return affirmed(operand, holds=not holds)
        case And(parts=parts) | Or(parts=parts):
            kind = And if isinstance(node, And) == holds else Or
            return kind(tuple(_flat(kind, (affirmed(part, holds=holds) for part in parts))))
        case Comparison(operator=operator, left=left, right=right):
            operator = operator if holds else OPPOSITE[operator]
            if names_in(right) and not names_in(left):
                left, right, operator = right, left, MIRRORED[operator]
            return Comparison(operator, left, right)
        case Membership() | State():
            return replace(node, negated=node.negated == holds)
        case Truth(value=value):
            return Truth(value == holds)
        case Conditional(test=test, then=then, otherwise=otherwise):
            return Conditional(affirmed(test), affirmed(then, holds=holds), affirmed(otherwise, holds=holds))
        case _:
            return node if holds else Not(node)


def _flat(kind: type[And | Or], parts: Iterable[Node]) -> Iterator[Node]:
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts
        else:
            yield part


def unit_of(node: Node, scope: Scope) -> str | None:
    """The unit of the quantity, as far as it is that of one of its parts; None for anything else."""
    match node:
        case Name(name=name):
            kind = scope.symbols[name].type
            return kind.unit if isinstance(kind, NumberType) else None
        case Negative(operand=operand):
            return unit_of(operand, scope)
        case Arithmetic(operator="+" | "-", left=left, right=right):
            return unit_of(left, scope) or unit_of(right, scope)
        case Arithmetic(operator="*", left=left, right=right) if _counts_nothing(left, scope):
            return unit_of(right, scope)
        case Arithmetic(left=left, right=right) if _counts_nothing(right, scope):
            return unit_of(left, scope)
        case Conditional(then=then, otherwise=otherwise):
            return unit_of(then, scope) or unit_of(otherwise, scope)
        case Call(function=function, arguments=arguments):
            if function in scope.tables:
                return scope.tables[function].gives
            return next((unit for argument in arguments if (unit := unit_of(argument, scope))), None)
        case _:
            return None


def _counts_nothing(node: Node, scope: Scope) -> bool:
    return not names_in(node) or unit_of(node, scope) in ("fraction", "1")


def needs_parentheses(node: Node, operator: str, *, right: bool) -> bool:
    """Whether an operand must be grouped to be read as it is computed."""
    if isinstance(node, Conditional):
        return True
    if not isinstance(node, Arithmetic):
        return False
    if node.operator in "+-":
        return operator in "*/" or (operator == "-" and right)
    return operator == "/" and right


def name_of(node: Node, words: Words) -> str:
    """What a sentence about the node begins with: quoted unless it is a quantity."""
    match node:
        case Name(name=name) | State(name=name):
            title = words.title(name)
            return title if isinstance(words.scope.symbols[name].type, NumberType) else f"“{title}”"
        case _:
            return _term(node, words, None)


def constant(node: Node, beside: Node, words: Words) -> str | None:
    """A literal as it reads beside what it is compared with; None for anything but a literal."""
    match node:
        case Number(value=value):
            return words.show(value, unit_of(beside, words.scope))
        case Truth(value=value):
            return words.show(value, None)
        case Text(value=value):
            return f"“{words.label(beside.name, value) if isinstance(beside, Name) else words.show(value, None)}”"
        case Never():
            return words.show(NEVER, None)
        case _:
            return None


def joined(parts: Sequence[str], word: str) -> str:
    """The parts as a list that reads only one way: ``a, b and c``, ``a and b, or c``, ``a, b and c; or d``."""
    parts = [f"({part})" if "; " in _outside(part) else part for part in parts]
    outside = [_outside(part) for part in parts]
    if len(parts) == 1:
        return parts[0]
    first, last = parts[:-1], parts[-1]
    if not any(re.search(r", |\b(and|n?or)\b", text) for text in outside):
        return f"{', '.join(first)} {word} {last}"
    if len(parts) == 2 and not any(", " in text for text in outside):  # noqa: PLR2004 - a pair needs no list
        return f"{first[0]}, {word} {last}"
    return f"{'; '.join(first)}; {word} {last}"


def _outside(text: str) -> str:
    """The text without what stands in quotes or parentheses."""
    text = re.sub("“[^”]*”", "", text)
    while (shorter := re.sub(r"\([^()]*\)", "", text)) != text:
        text = shorter
    return text


# Conditions.


def _condition(node: Node, words: Words) -> str:
    match node:
        case And(parts=parts):
            return joined(_clauses(parts, "and", words), "and")
        case Or(parts=parts):
            return joined(_clauses(parts, "or", words), "or")
        case Truth(value=value):
            return "there is no condition" if value else "it can never hold"
        case Conditional(test=test, then=then, otherwise=otherwise):
            first, condition, second = (_nested(part, words) for part in (then, test, otherwise))
            return f"{first} if {condition}, otherwise {second}"
        case _ if isinstance(node, _LITERALS):
            return f"{_subject(node, words)} {_predicate(node, words)}"
        case _:
            return f"{_term(node, words, None)} is yes"


def _nested(node: Node, words: Words) -> str:
    text = _condition(node, words)
    return f"({text})" if isinstance(node, And | Or | Conditional) else text


def _clauses(parts: Sequence[Node], word: str, words: Words) -> list[str]:
    """Each part as a clause, neighbours of one subject as one."""
    clauses: list[str] = []
    for subject, group in groupby(parts, lambda part: _subject(part, words)):
        run = list(group)
        if subject is None:
            clauses.extend(_inner(part, word, words) for part in run)
        else:
            clauses.append(f"{subject} {_predicates(run, word, words)}")
    return clauses


def _inner(node: Node, word: str, words: Words) -> str:
    text = _condition(node, words)
    # "a and b, or c" reads as it is computed; "a or b, and c" does not.
    grouped = isinstance(node, Conditional) or (isinstance(node, Or) and word == "and")
    return f"({text})" if grouped else text


def _subject(node: Node, words: Words) -> str | None:
    """What a literal is about; None for anything but a literal."""
    match node:
        case Not(operand=operand):
            return name_of(operand, words)
        case Comparison(left=left):
            return name_of(left, words)
        case Membership(item=item):
            return name_of(item, words)
        case Name() | State():
            return name_of(node, words)
        case _:
            return None


def _predicates(run: Sequence[Node], word: str, words: Words) -> str:
    bounds = _bounds(run) if word == "and" else None
    if bounds is None:
        predicates = [_predicate(node, words) for node in run]
        return joined(predicates, word) if predicates[1:] else predicates[0]
    low, high = bounds
    if (low.operator, high.operator) == (">=", "<="):
        return f"is between {_other_side(low, words)} and {_other_side(high, words)}"
    return f"{_predicate(low, words)} and {_predicate(high, words).removeprefix('is ')}"


def _bounds(run: Sequence[Node]) -> tuple[Comparison, Comparison] | None:
    """The lower and the upper bound, where the run is just these two."""
    match run:
        case [Comparison(operator=">" | ">="), Comparison(operator="<" | "<=")]:
            low, high = run
        case [Comparison(operator="<" | "<="), Comparison(operator=">" | ">=")]:
            high, low = run
        case _:
            return None
    return None if isinstance(high.right, Never) else (low, high)


def _predicate(node: Node, words: Words) -> str:
    match node:
        case Name():
            return f"is {words.show(True, None)}"
        case Not():
            return f"is {words.show(False, None)}"
        case State(state=state, negated=negated):
            affirmation, negation = _STATES.get(state, (f"was {state}", f"was not {state}"))
            return negation if negated else affirmation
        case Membership(item=item, options=options, negated=negated):
            values = [literal for option in options if (literal := constant(option, item, words)) is not None]
            return _among(values, negated=negated)
        case Comparison():
            return _relation(node, words)
        case _:
            raise TypeError(f"{node} is not a literal")


def _among(values: Sequence[str], *, negated: bool) -> str:
    if len(values) == 1:
        return f"is {'not ' if negated else ''}{values[0]}"
    if len(values) == 2:  # noqa: PLR2004 - a pair has its own words
        return f"is neither {values[0]} nor {values[1]}" if negated else f"is {values[0]} or {values[1]}"
    return f"is {'none' if negated else 'one'} of {joined(values, 'or')}"


def _relation(node: Comparison, words: Words) -> str:
    operator, right = node.operator, node.right
    if isinstance(right, Never) and operator in ("==", ">=", "!=", "<"):
        return "is never reached" if operator in ("==", ">=") else "is reached at some point"
    if isinstance(right, Truth):
        return f"is {words.show(right.value == (operator == '=='), None)}"
    if operator not in ("==", "!=") or _is_quantity(node.left, words.scope):
        return f"{_RELATIONS[operator]} {_other_side(node, words)}"
    if isinstance(right, Text):
        return f"{_RELATIONS[operator]} {_other_side(node, words)}"
    return f"{'is the same as' if operator == '==' else 'differs from'} {_other_side(node, words)}"


def _is_quantity(node: Node, scope: Scope) -> bool:
    match node:
        case Name(name=name):
            return isinstance(scope.symbols[name].type, NumberType)
        case Number() | Never() | Negative() | Arithmetic():
            return True
        case Conditional(then=then, otherwise=otherwise):
            return _is_quantity(then, scope) or _is_quantity(otherwise, scope)
        case Call(function=function, arguments=arguments):
            return function != "first_known" or any(_is_quantity(argument, scope) for argument in arguments)
        case _:
            return False


def _other_side(node: Comparison, words: Words) -> str:
    literal = constant(node.right, node.left, words)
    if literal is not None:
        return literal
    if isinstance(node.right, Name):
        return name_of(node.right, words)
    return _term(node.right, words, unit_of(node.left, words.scope))


# Formulas.


def _term(node: Node, words: Words, unit: str | None) -> str:
    """A quantity (or a choice, or a truth) with titles; its numbers in the unit, where they have none of their own."""
    match node:
        case Number(value=value):
            return words.show(value, unit)
        case Never():
            return words.show(NEVER, None)
        case Unknown():
            return words.show(None, None)
        case Truth(value=value) | Text(value=value):
            return words.show(value, None)
        case Name():
            return name_of(node, words)
        case Negative(operand=operand):
            text = _term(operand, words, unit)
            return f"−({text})" if not isinstance(operand, Name | Number) or text.startswith("−") else f"−{text}"
        case Arithmetic():
            return _operation(node, words, unit)
        case Conditional():
            return _alternatives(node, words, unit_of(node, words.scope) or unit)
        case Call():
            return _called(node, words, unit)
        case _:
            return _condition(affirmed(node), words)


def _operation(node: Arithmetic, words: Words, unit: str | None) -> str:
    inner = (unit_of(node, words.scope) or unit) if node.operator in "+-" else None
    texts = []
    for operand, right in ((node.left, False), (node.right, True)):
        text = _term(operand, words, inner)
        grouped = needs_parentheses(operand, node.operator, right=right) or isinstance(operand, Call)
        grouped = grouped or (right and text.startswith("−"))
        texts.append(f"({text})" if grouped else text)
    return f"{texts[0]} {SIGNS[node.operator]} {texts[1]}"


def _alternatives(node: Conditional, words: Words, unit: str | None) -> str:
    parts = []
    rest: Node = node
    while isinstance(rest, Conditional):
        then = _term(rest.then, words, unit)
        then = f"({then})" if isinstance(rest.then, Conditional) else then
        parts.append(f"{then} if {_nested(affirmed(rest.test), words)}")
        rest = rest.otherwise
    return f"{'; '.join(parts)}; otherwise {_term(rest, words, unit)}"


def _called(node: Call, words: Words, unit: str | None) -> str:
    table = words.scope.tables.get(node.function)
    if table is not None:
        argument = _term(node.arguments[0], words, table.takes)
        simple = isinstance(node.arguments[0], Name | Number)
        return f"{words.title(node.function)} at {argument if simple else f'({argument})'}"
    inner = unit_of(node, words.scope) or unit
    values = [_term(argument, words, inner) for argument in node.arguments]
    two, several = _SUPERLATIVES[node.function]
    return f"{two if len(values) == 2 else several} {joined(values, 'and')}"  # noqa: PLR2004 - a pair has its own word
