"""A condition and its negation as conjunctions and alternatives of literals, for the inference engine.

Negation is pushed down to the literals. A comparison of one name with a constant is a native
literal, which the engine tests itself; any other test is a named truth, evaluated in Python.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.language.nodes import (
    MIRRORED,
    NEVER,
    OPPOSITE,
    And,
    Comparison,
    Membership,
    Name,
    Never,
    Node,
    Not,
    Number,
    Or,
    Text,
    Truth,
)


@dataclass(frozen=True, slots=True)
class Native:
    """``name operator constant``, tested by the inference engine."""

    name: str
    operator: str
    constant: float | str | bool


@dataclass(frozen=True, slots=True)
class NamedTruth:
    """A test evaluated in Python; the engine is told its outcome, which must equal ``holds``."""

    node: Node
    holds: bool


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; without parts it always holds."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds; without parts it never does."""

    parts: tuple[Formula, ...]


Formula = Native | NamedTruth | All | Any


def normal_form(node: Node, *, holds: bool = True) -> Formula:
    """The resolved condition (or, with ``holds=False``, its negation) with negation at the literals."""
    match node:
        case Truth(value=value):
            return All(()) if value == holds else Any(())
        case Not(operand=operand):
            return normal_form(operand, holds=not holds)
        case And(parts=parts) | Or(parts=parts):
            kind = All if isinstance(node, And) == holds else Any
            return _flat(kind, tuple(normal_form(part, holds=holds) for part in parts))
        case Name(name=name):
            return Native(name, "==", holds)
        case Membership(item=Name(name=name), options=options, negated=negated):
            inside = negated != holds
            literals = tuple(Native(name, "==" if inside else "!=", _constant(option)) for option in options)
            return Any(literals) if inside else All(literals)
        case Comparison():
            return _comparison(node, holds)
        case _:
            return NamedTruth(node, holds)


def alternatives(formula: Formula, most: int) -> list[tuple[Native | NamedTruth, ...]] | None:
    """The formula as alternatives, each a conjunction without repeats; None where there are more than ``most``."""
    match formula:
        case All(parts=parts):
            products: list[tuple[Native | NamedTruth, ...]] = [()]
            for part in parts:
                inner = alternatives(part, most)
                if inner is None or len(products) * len(inner) > most:
                    return None
                products = [tuple(dict.fromkeys(one + other)) for one in products for other in inner]
            return products
        case Any(parts=parts):
            joined: list[tuple[Native | NamedTruth, ...]] = []
            for part in parts:
                inner = alternatives(part, most)
                if inner is None or len(joined) + len(inner) > most:
                    return None
                joined.extend(inner)
            return list(dict.fromkeys(joined))
        case _:
            return [(formula,)]


def named_truths(formula: Formula) -> list[Node]:
    """The tests to be evaluated in Python, in order of appearance."""
    if isinstance(formula, NamedTruth):
        return [formula.node]
    if isinstance(formula, All | Any):
        return [node for part in formula.parts for node in named_truths(part)]
    return []


def _flat(kind: type[All | Any], parts: tuple[Formula, ...]) -> Formula:
    merged: list[Formula] = []
    for part in parts:
        merged.extend(part.parts if isinstance(part, kind) else (part,))
    return merged[0] if len(merged) == 1 else kind(tuple(merged))


def _constant(node: Node) -> float | str | bool:
    match node:
        case Number(value=value) | Text(value=value) | Truth(value=value):
            return value
        case Never():
            return NEVER
    raise TypeError(f"{node} is not a literal")


def _comparison(node: Comparison, holds: bool) -> Formula:
    operator = node.operator if holds else OPPOSITE[node.operator]
    left, right = node.left, node.right
    if isinstance(right, Name) and not isinstance(left, Name):
        left, right, operator = right, left, MIRRORED[operator]
    if isinstance(left, Name) and isinstance(right, Number | Text | Truth | Never):
        return Native(left.name, operator, _constant(right))
    return NamedTruth(node, holds)
