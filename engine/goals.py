"""What decision tests are to bring about in a knowledge base, each as a value that names it.

A row is looked at only where a case reaches it: under ``first`` where every earlier row is known
not to hold, under any other policy always. What a row's conditions are elsewhere decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.conditions import atoms
from engine.knowledge import DecisionTable, Knowledge, Row
from engine.language.nodes import And, Comparison, Never, Node, Not, Or, Text, Truth


@dataclass(frozen=True, slots=True)
class Fires:
    """The row fires."""

    decision: str
    row: int


@dataclass(frozen=True, slots=True)
class Side:
    """The row is reached, and the atomic condition is true (or false) there."""

    decision: str
    row: int
    atom: Node
    truth: bool


@dataclass(frozen=True, slots=True)
class Decides:
    """The row is reached and comes out as said, and would not if the atomic condition were the opposite.

    Two such cases, with opposite truths and opposite outcomes, are what MC/DC (modified condition/decision
    coverage, in its masking form) asks of an atomic condition.
    """

    decision: str
    row: int
    atom: Node
    truth: bool
    outcome: bool


@dataclass(frozen=True, slots=True)
class Reaches:
    """The output has the value."""

    output: str
    value: str


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """The row is reached, and the two numbers that the comparison compares are equal."""

    decision: str
    row: int
    atom: Comparison


@dataclass(frozen=True, slots=True)
class NearThreshold:
    """The row is reached, and the two numbers differ by a little, to the side where the comparison turns."""

    decision: str
    row: int
    atom: Comparison


Goal = Fires | Side | Decides | Reaches | AtThreshold | NearThreshold


def fires(table: DecisionTable) -> Iterator[Fires]:
    """One goal for each row."""
    return (Fires(table.name, index) for index in range(len(table.rows)))


def sides(decision: str, index: int, row: Row) -> Iterator[Side]:
    """Two goals for each atomic condition of a row."""
    return (Side(decision, index, atom, truth) for atom in atoms(row.when) for truth in (True, False))


def pairs(decision: str, index: int, row: Row, atom: Node) -> tuple[tuple[Decides, Decides], ...]:
    """The pairs of goals either of which shows that an atomic condition decides its row by itself.

    There is one pair, unless the condition stands both plainly and under ``not``.
    """
    found = []
    for outcome in sorted(_signs(row.when, atom, sign=True), reverse=True):
        found.append(
            (
                Decides(decision, index, atom, truth=True, outcome=outcome),
                Decides(decision, index, atom, truth=False, outcome=not outcome),
            )
        )
    return tuple(found)


def _signs(node: Node, atom: Node, *, sign: bool) -> frozenset[bool]:
    """Whether the atom works towards the condition (True), against it (False), or both."""
    match node:
        case And(parts=parts) | Or(parts=parts):
            return frozenset().union(*(_signs(part, atom, sign=sign) for part in parts))
        case Not(operand=operand):
            return _signs(operand, atom, sign=not sign)
        case _:
            return frozenset({sign}) if node == atom else frozenset()


def reaches(table: DecisionTable) -> Iterator[Reaches]:
    """One goal for each value that some row concludes or could."""
    return (Reaches(output, value) for output, values in table.outputs.items() for value in values)


def thresholds(decision: str, index: int, row: Row) -> Iterator[tuple[AtThreshold, NearThreshold]]:
    """Two goals for each comparison of numbers of a row; ``never`` has no neighbours."""
    for atom in atoms(row.when):
        if isinstance(atom, Comparison) and not any(
            isinstance(side, Text | Truth | Never) for side in (atom.left, atom.right)
        ):
            yield AtThreshold(decision, index, atom), NearThreshold(decision, index, atom)


@lru_cache(maxsize=16)
def row_of(knowledge: Knowledge, decision: str, index: int) -> Row:
    """The row that a goal is about."""
    return knowledge.decisions[decision].rows[index]
