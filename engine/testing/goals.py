"""What decision tests are to bring about in a knowledge base, each as a value that names it.

A row is looked at only where a case reaches it: under ``first`` where every earlier row is known
not to hold, under any other policy always. What a row's conditions are elsewhere decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from engine.evaluator import Verdict
from engine.knowledge import DecisionTable, Knowledge, Row
from engine.language.evaluate import Evaluate, Value, compile_plain
from engine.language.nodes import (
    And,
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Or,
)
from engine.language.scope import NumberType
from engine.testing.conditions import atoms, matters, truths_of


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
    """The row is reached and comes out as said, and the other way if the atomic condition were the opposite.

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


#: A goal about one row.
OfRow = Fires | Side | Decides | AtThreshold | NearThreshold
Goal = Fires | Side | Decides | Reaches | AtThreshold | NearThreshold


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that was computed and concluded for one case.

    Args:
        values: every name's plain value, None while unknown.
        origins: for every known fact and figure how it came to be known.
        verdicts: how each decision stands.
    """

    knowledge: Knowledge
    values: Mapping[str, Value]
    origins: Mapping[str, str]
    verdicts: Mapping[str, Verdict]

    def looked_at(self, decision: str) -> int:
        """How many rows, from the first on, were looked at: under ``first`` up to one not known to fail."""
        verdict = self.verdicts[decision]
        if verdict.table.policy != "first":
            return len(verdict.holds)
        return next((index for index, truth in enumerate(verdict.holds, 1) if truth is not False), len(verdict.holds))

    def has(self, output: str, value: str) -> bool:
        """Whether the output has the value, or has it among others."""
        verdict = self.verdicts[self.knowledge.decision_of[output]]
        found = gathered(verdict, output) if verdict.table.policy == "collect" else (self.values[output],)
        return value in found

    def distance(self, comparison: Comparison) -> float | None:
        """How far left lies above right; None where either is unknown or ``never``."""
        left, right = (self.number(side) for side in (comparison.left, comparison.right))
        return None if left is None or right is None else left - right

    def number(self, node: Node) -> float | None:
        """The value of an expression; None where it is unknown, ``never`` or no number."""
        value = _evaluator(self.knowledge, node)(self.values, self.origins)
        return value if isinstance(value, float) and math.isfinite(value) else None


def gathered(verdict: Verdict, output: str) -> tuple[str, ...]:
    """What the rows that hold give an output, in their order; each once, unless the hit policy keeps repeats."""
    found = tuple(verdict.table.rows[index].then[output] for index in verdict.decisive)
    return found if keeps_repeats(verdict.table) else tuple(dict.fromkeys(found))


def keeps_repeats(table: DecisionTable) -> bool:
    """Whether what a decision concludes is a list, in which order and number count."""
    return table.declaration.hit_policy == "rule order"


def met(sight: Sight) -> Iterator[Goal]:
    """Every goal that one case meets."""
    knowledge = sight.knowledge
    for name, table in knowledge.decisions.items():
        verdict = sight.verdicts[name]
        yield from (goal for goal in reaches(table) if sight.has(goal.output, goal.value))
        yield from (Fires(name, index) for index in verdict.decisive)
        for index, row in enumerate(table.rows[: sight.looked_at(name)]):
            yield from _met_by_conditions(sight, name, index, row)


def meets(sight: Sight, goal: Goal) -> bool:
    """Whether one case meets the goal."""
    if isinstance(goal, Reaches):
        return sight.has(goal.output, goal.value)
    verdict = sight.verdicts[goal.decision]
    if isinstance(goal, Fires):
        return goal.row in verdict.decisive
    row = verdict.table.rows[goal.row]
    return goal.row < sight.looked_at(goal.decision) and goal in _met_by_conditions(sight, goal.decision, goal.row, row)


def _met_by_conditions(sight: Sight, decision: str, index: int, row: Row) -> Iterator[Goal]:
    truths = truths_of(sight.knowledge, row, sight.values, sight.origins)
    outcome = sight.verdicts[decision].holds[index]
    for atom, truth in truths.items():
        if truth is None:
            continue
        yield Side(decision, index, atom, truth)
        if outcome is not None and matters(row.when, atom, truths):
            yield Decides(decision, index, atom, truth, outcome)
    for at, near in thresholds(sight.knowledge, decision, index, row):
        distance = sight.distance(at.atom)
        if distance == 0:
            yield at
        elif distance is not None and _turned(at.atom, truths[at.atom]) and _is_near(sight, at.atom, distance):
            yield near


@lru_cache(maxsize=4096)
def _evaluator(knowledge: Knowledge, node: Node) -> Evaluate:
    return compile_plain(node, knowledge.tables)


def _turned(comparison: Comparison, truth: bool | None) -> bool:
    """Whether the comparison is the opposite of what it is at equality."""
    return truth is not (comparison.operator in ("<=", ">=", "=="))


#: How near a value is to a threshold, relative to it, to lie just beside it.
NEARNESS = 0.01


def nearness(knowledge: Knowledge, comparison: Comparison) -> tuple[float, float]:
    """How far from a threshold lies just beside it, where the threshold is not 0 and where it is.

    A hundredth of the threshold is near, and of counts 1 is in any case; beside 0 it is 1, of fractions 0.01.
    """
    names = [side.name for side in (comparison.left, comparison.right) if isinstance(side, Name)]
    if any(name in knowledge.facts and knowledge.facts[name].type == "integer" for name in names):
        return 1.0, 1.0
    return 0.0, NEARNESS if any(knowledge.unit(name) == "fraction" for name in names) else 1.0


def threshold_side(comparison: Comparison) -> Node:
    """The side that the other one is measured against: a literal where there is one, else the right one."""
    return comparison.left if isinstance(comparison.left, Number) else comparison.right


def _is_near(sight: Sight, comparison: Comparison, distance: float) -> bool:
    threshold = sight.number(threshold_side(comparison)) or 0.0
    elsewhere, beside_zero = nearness(sight.knowledge, comparison)
    return abs(distance) <= max(NEARNESS * abs(threshold), elsewhere if threshold else beside_zero)


# -- which goals there are -----------------------------------------------------------------------------


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
    return tuple(
        (Decides(decision, index, atom, True, outcome), Decides(decision, index, atom, False, not outcome))
        for outcome in sorted(_signs(row.when, atom, sign=True), reverse=True)
    )


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


def thresholds(
    knowledge: Knowledge, decision: str, index: int, row: Row
) -> Iterator[tuple[AtThreshold, NearThreshold]]:
    """Two goals for each comparison of numbers of a row; ``never`` has no neighbours."""
    for atom in atoms(row.when):
        if isinstance(atom, Comparison) and _numeric(knowledge, atom.left) and _numeric(knowledge, atom.right):
            yield AtThreshold(decision, index, atom), NearThreshold(decision, index, atom)


def _numeric(knowledge: Knowledge, node: Node) -> bool:
    if isinstance(node, Name):
        return isinstance(knowledge.scope.symbols[node.name].type, NumberType)
    if isinstance(node, Conditional):
        return _numeric(knowledge, node.then)
    return isinstance(node, Number | Negative | Arithmetic | Call)
