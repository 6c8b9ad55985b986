"""Conditions as the cells of decision tables: alternatives, each saying of every column what it may hold.

A decision table knows no ``or`` across its columns, so a condition becomes several rows. Where a table collects,
or lets one row hold at most, the rows that one condition becomes must not hold at once; they are cut apart.
Everything is taken to be known here: a DMN engine has no third value for what nobody answered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.knowledge import Knowledge
from engine.language.nodes import (
    MIRRORED,
    NEVER,
    OPPOSITE,
    And,
    Comparison,
    Conditional,
    Membership,
    Name,
    Never,
    Node,
    Not,
    Number,
    Or,
    State,
    Text,
    Truth,
)
from engine.language.scope import ChoiceType, TruthType

#: Alternatives of one condition; one that needs more becomes a column of its own.
MOST_BOXES = 60


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers from low to high; an end belongs to it where it is closed."""

    low: float = -math.inf
    high: float = math.inf
    low_closed: bool = True
    high_closed: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether no number is in it."""
        return self.low > self.high or (self.low == self.high and not (self.low_closed and self.high_closed))

    def __and__(self, other: Interval) -> Interval:
        """The numbers in both."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(
            low,
            high,
            all(one.low_closed for one in (self, other) if one.low == low),
            all(one.high_closed for one in (self, other) if one.high == high),
        )

    @property
    def outside(self) -> tuple[Interval, ...]:
        """The numbers that are not in it."""
        below = Interval(high=self.low, high_closed=not self.low_closed)
        above = Interval(low=self.high, low_closed=not self.high_closed)
        return tuple(one for one in (below, above) if not one.is_empty)


@dataclass(frozen=True, slots=True)
class Words:
    """These words of a closed set; of an open one these words, or all but these."""

    words: frozenset[str]
    #: The whole set, in order; None where any text is possible.
    all: tuple[str, ...] | None
    but: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no word is left."""
        return not self.words and not self.but

    def __and__(self, other: Words) -> Words:
        """The words in both."""
        if self.but and other.but:
            return replace(self, words=self.words | other.words)
        if self.but or other.but:
            named, excluded = (other, self) if self.but else (self, other)
            return replace(named, words=named.words - excluded.words)
        return replace(self, words=self.words & other.words)

    @property
    def outside(self) -> tuple[Words, ...]:
        """The other words."""
        if self.all is None:
            return (replace(self, but=not self.but),)
        rest = replace(self, words=frozenset(self.all) - self.words)
        return () if rest.is_empty else (rest,)


@dataclass(frozen=True, slots=True)
class Holds:
    """Whether a condition holds that no single cell can say more of."""

    truth: bool

    @property
    def is_empty(self) -> bool:
        """One of the two it is."""
        return False

    def __and__(self, other: Holds) -> Holds | None:
        """Itself, or nothing where both are asked for."""
        return self if self.truth == other.truth else None

    @property
    def outside(self) -> tuple[Holds, ...]:
        """The other one."""
        return (Holds(not self.truth),)


Cell = Interval | Words | Holds
#: What each column holds, by the node it tests; a column that is not there may hold anything.
Box = Mapping[Node, Cell]


class Boxes:
    """Turns conditions of one knowledge base into boxes."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def of(self, condition: Node, *, apart: bool) -> list[Box]:
        """The boxes in one of which the condition holds.

        Args:
            condition: as resolved.
            apart: whether no two of them may hold at once.
        """
        found = self._boxes(condition, holds=True)
        if found is not None and apart:
            found = _cut_apart(found)
        # Where there are too many, the condition as a whole is a column of its own.
        return [{condition: Holds(True)}] if found is None else found

    def beside(self, condition: Node, others: Iterable[Node]) -> list[Box]:
        """The boxes in one of which the condition holds and none of the others does, no two of them at once."""
        alone = And((condition, *(Not(other) for other in others)))
        return self.of(alone, apart=True)

    def _boxes(self, node: Node, *, holds: bool) -> list[Box] | None:
        match node:
            case Truth(value=value):
                return [{}] if value == holds else []
            case Not(operand=operand):
                return self._boxes(operand, holds=not holds)
            case And(parts=parts) | Or(parts=parts):
                found = [self._boxes(part, holds=holds) for part in parts]
                return _all(found) if isinstance(node, And) == holds else _any(found)
            case Conditional(test=test, then=then, otherwise=otherwise):
                first = Or((Not(test), then)) if holds else Or((Not(test), Not(then)))
                second = Or((test, otherwise)) if holds else Or((test, Not(otherwise)))
                return self._boxes(And((first, second)), holds=True)
            case _:
                return [{key: cell} for key, cell in self._cells(node, holds=holds)]

    def _cells(self, node: Node, *, holds: bool) -> list[tuple[Node, Cell]]:
        """The alternatives of one comparison or truth."""
        match node:
            case Membership(item=Name() as item, options=options, negated=negated):
                return self._among(item, options, inside=negated != holds)
            case Comparison():
                return self._compared(node, holds=holds)
            case State(name=name, state="unknown", negated=negated):
                return [(State(name, "known", negated=False), Holds(negated == holds))]
            case State(negated=negated):
                return [(replace(node, negated=False, column=0), Holds(negated != holds))]
        return [(node, Holds(holds))]

    def _among(self, item: Name, options: Iterable[Node], *, inside: bool) -> list[tuple[Node, Cell]]:
        kind = self._knowledge.scope.symbols[item.name].type
        values = [option.value for option in options if isinstance(option, Number | Text | Truth)]
        if isinstance(kind, ChoiceType):
            chosen = self._words(item, kind, frozenset(str(value) for value in values))
            return _written(item, [chosen] if inside else list(chosen.outside))
        if isinstance(kind, TruthType):
            return [(item, Holds(truth)) for truth in (True, False) if (truth in values) == inside]
        points = [Interval(float(value), float(value)) for value in sorted(map(float, values))]
        if inside:
            return _written(item, points)
        gaps: list[Interval] = [Interval()]
        for point in points:
            gaps = [both for gap in gaps for out in point.outside if not (both := gap & out).is_empty]
        return _written(item, gaps)

    def _compared(self, node: Comparison, *, holds: bool) -> list[tuple[Node, Cell]]:
        operator = node.operator if holds else OPPOSITE[node.operator]
        left, right = self._constant(node.left), self._constant(node.right)
        if isinstance(right, Name) and not isinstance(left, Name):
            left, right, operator = right, left, MIRRORED[operator]
        if isinstance(left, Name):
            if isinstance(right, Number | Never):
                value = right.value if isinstance(right, Number) else NEVER
                return _written(left, _intervals(operator, value))
            if isinstance(right, Truth):
                return [(left, Holds(right.value == (operator == "==")))]
            if isinstance(right, Text):
                return self._among(left, [right], inside=operator == "==")
        positive = operator in ("<", "<=", "==")
        plain = Comparison(operator if positive else OPPOSITE[operator], left, right)
        return [(plain, Holds(positive))]

    def _constant(self, node: Node) -> Node:
        """A named amount as the number it is."""
        if isinstance(node, Name) and node.name in self._knowledge.constants:
            return Number(self._knowledge.constants[node.name])
        return node

    def _words(self, item: Name, kind: ChoiceType, words: frozenset[str]) -> Words:
        fact = self._knowledge.facts.get(item.name)
        return Words(words, None if fact is not None and fact.open else kind.values)


def _written(item: Node, cells: Iterable[Cell]) -> list[tuple[Node, Cell]]:
    key = replace(item, column=0) if isinstance(item, Name) else item
    return [(key, cell) for cell in cells if not cell.is_empty]


def _intervals(operator: str, value: float) -> list[Interval]:
    match operator:
        case "<" | "<=":
            return [Interval(high=value, high_closed=operator == "<=")]
        case ">" | ">=":
            return [Interval(low=value, low_closed=operator == ">=")]
        case "==":
            return [Interval(value, value)]
        case _:
            return list(Interval(value, value).outside)


def _all(parts: Iterable[list[Box] | None]) -> list[Box] | None:
    """The boxes in which every part holds; None where there would be too many."""
    found: list[Box] = [{}]
    for part in parts:
        if part is None:
            return None
        found = [both for one in found for other in part if (both := _both(one, other)) is not None]
        if len(found) > MOST_BOXES:
            return None
    return found


def _any(parts: Iterable[list[Box] | None]) -> list[Box] | None:
    found: list[Box] = []
    for part in parts:
        if part is None:
            return None
        found.extend(box for box in part if box not in found)
    return found if len(found) <= MOST_BOXES else None


def _both(one: Box, other: Box) -> Box | None:
    """The box within both; None where there is none."""
    cells = dict(one)
    for key, cell in other.items():
        mine = cells.get(key)
        both = cell if mine is None else _meet(mine, cell)
        if both is None or both.is_empty:
            return None
        cells[key] = both
    return cells


def _meet(one: Cell, other: Cell) -> Cell | None:
    match one, other:
        case Interval(), Interval():
            return one & other
        case Words(), Words():
            return one & other
        case Holds(), Holds():
            return one & other
    raise TypeError(f"{one} and {other} are cells of different columns")


def _cut_apart(boxes: Iterable[Box]) -> list[Box] | None:
    """The same boxes, each without what lies in one before it; None where there would be too many."""
    found: list[Box] = []
    for box in boxes:
        pieces: list[Box] = [box]
        for before in found:
            pieces = [piece for whole in pieces for piece in _without(whole, before)]
            if len(pieces) + len(found) > MOST_BOXES:
                return None
        found.extend(pieces)
    return found


def _without(box: Box, hole: Box) -> list[Box]:
    """The parts of a box that lie outside another one, none of them within another part."""
    if _both(box, hole) is None:
        return [box]
    parts: list[Box] = []
    rest = box
    for key, cell in hole.items():
        for outside in cell.outside:
            part = _both(rest, {key: outside})
            if part is not None:
                parts.append(part)
        inside = _both(rest, {key: cell})
        assert inside is not None  # noqa: S101 - the two boxes meet
        rest = inside
    return parts
