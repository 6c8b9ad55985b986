"""Which recommendation holds where two facts are varied together: a map in boxes, each proved to have but one.

A box that is not decided is cut at the thresholds of both facts, then across its longer side as the chart
shows it, until what is left along the borders is too small to be seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, groupby

from engine.errors import BadInput, Place, Problem
from engine.explain.flips import FactFlips, Flips, check_numeric, todays_value
from engine.knowledge import Knowledge
from engine.language.possible import Span, Words, straight
from engine.left_open import LeftOpen
from engine.outlook import Domain, Outlook, full_domain, thresholds
from engine.pipeline import Outcome

#: Borders are followed to this part of either side of the map.
_FINEST = 1 / 64
#: Boxes looked at before the rest is left undecided.
_MOST_BOXES = 8_000
#: A map spans orders of magnitude where the largest of its values is this many times the least.
_WIDE = 50
#: How far beyond the values of interest a map reaches, as a factor.
_MARGIN = 2.0


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a map.

    Args:
        low: the least value shown.
        high: the greatest.
        logarithmic: whether equal factors, instead of equal differences, are equally long.
        current: today's value, None where there is none or it lies outside.
    """

    fact: str
    low: float
    high: float
    logarithmic: bool
    current: float | None

    def place(self, value: float) -> float:
        """Where a value is between the ends, from 0 to 1."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, place: float) -> float:
        """The value at a place from 0 to 1."""
        if self.logarithmic:
            value = self.low * math.exp(math.log(self.high / self.low) * place)
            return min(max(value, self.low), self.high)
        return min(max(self.low + (self.high - self.low) * place, self.low), self.high)


@dataclass(frozen=True, slots=True)
class Box:
    """Values of both facts, ends included.

    Args:
        becomes: the recommendation all over the box; None in the narrow rest along a border.
        middle: the recommendation in the middle of the box, or of one of the boxes it was joined of.
    """

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    becomes: str | None
    middle: str


@dataclass(frozen=True, slots=True)
class PairMap:
    """The recommendation over a part of the plane of two facts.

    Args:
        regions: boxes that do not overlap and leave out nothing but what lies between neighbouring numbers.
        cells: the recommendation in the middle of each cell of a coarse grid, top row first.
        today: column and row of the cell with today's point, None where there is none.
        undecided: which part of the picture the boxes without a recommendation take.
    """

    x: Axis
    y: Axis
    regions: tuple[Box, ...]
    cells: tuple[tuple[str, ...], ...]
    today: tuple[int, int] | None
    undecided: float


def likely_pairs(flips: Flips, count: int) -> tuple[tuple[str, str], ...]:
    """The pairs of facts whose changes are nearest."""
    names = [found.fact for found in flips.facts]
    pairs = sorted(combinations(range(len(names)), 2), key=lambda pair: (sum(pair), pair))
    return tuple((names[first], names[second]) for first, second in pairs[:count])


def check_pair(knowledge: Knowledge, pair: tuple[str, str]) -> None:
    """Refuse a pair that is not two different numeric facts.

    Raises:
        BadInput: naming the option.
    """
    for name in pair:
        check_numeric(knowledge, name, "--pair")
    if pair[0] == pair[1]:
        raise BadInput([Problem(Place("--pair"), f"{pair[0]} is named twice", hint="Name two different facts.")])


def map_pair(flips: Flips, x: str, y: str, *, columns: int = 48, rows: int = 16) -> PairMap:
    """The map of two numeric facts around today's values and the nearest changes.

    Args:
        flips: what was found along each fact.
        x: the fact from left to right.
        y: the fact from bottom to top.
        columns: cells of the coarse grid from left to right.
        rows: cells from top to bottom.
    """
    along = {found.fact: found for found in flips.facts}
    axes = (_axis(flips.outcome, x, along.get(x)), _axis(flips.outcome, y, along.get(y)))
    plane = _Plane(flips.outcome, *axes)
    regions = _merged(plane.boxes())
    places_x = [(column + 0.5) / columns for column in range(columns)]
    places_y = [1 - (row + 0.5) / rows for row in range(rows)]
    return PairMap(
        *axes,
        regions,
        tuple(tuple(plane.at_place(across, up) for across in places_x) for up in places_y),
        _cell_of_today(axes, columns, rows),
        sum(_area(box, axes) for box in regions if box.becomes is None),
    )


def _cell_of_today(axes: tuple[Axis, Axis], columns: int, rows: int) -> tuple[int, int] | None:
    x, y = axes
    if x.current is None or y.current is None:
        return None
    column, row = int(x.place(x.current) * columns), int((1 - y.place(y.current)) * rows)
    return min(column, columns - 1), min(row, rows - 1)


def _axis(outcome: Outcome, fact: str, found: FactFlips | None) -> Axis:
    """The values of a fact worth showing: today's and those at which it changes the recommendation, with a margin."""
    least, most = outcome.knowledge.facts[fact].bounds
    current = todays_value(outcome, fact)
    values = [flip.at for flip in found.nearest] if found else []
    values += [current] if current is not None else []
    positive = [value for value in values if value > 0]
    largest = max(map(abs, values), default=1.0) or 1.0
    if least > 0 or (positive and min(values) > 0 and max(values) > _WIDE * min(values)):
        smallest = min(positive, default=largest)
        low, high = max(smallest / _MARGIN, least), min(largest * _MARGIN, most)
        return _shown(fact, low, high, current, logarithmic=high > _WIDE * low > 0)
    low = least if least >= -_MARGIN * largest else min(min(values, default=0.0), 0.0) - largest
    return _shown(fact, low, min(_MARGIN * largest, most), current, logarithmic=False)


def _shown(fact: str, low: float, high: float, current: float | None, *, logarithmic: bool) -> Axis:
    if high <= low:
        high = low + max(abs(low), 1.0)
    inside = current if current is not None and low <= current <= high else None
    return Axis(fact, low, high, logarithmic, inside)


@dataclass(frozen=True, slots=True)
class _Part:
    """Values of one fact."""

    axis: Axis
    span: Span
    integer: bool

    @property
    def length(self) -> float:
        return self.axis.place(self.span.high) - self.axis.place(self.span.low)

    def middle(self) -> float:
        low, high = self.axis.place(self.span.low), self.axis.place(self.span.high)
        value = min(max(self.axis.value((low + high) / 2), self.span.low), self.span.high)
        return float(math.floor(value)) if self.integer else value

    def halves(self, cuts: Sequence[float]) -> list[_Part]:
        """The part cut below, at and above a threshold inside it, else in the middle; none where it is one value."""
        low, high = self.span.low, self.span.high
        inside = [cut for cut in cuts if low <= cut <= high]
        if inside and low < high:
            cut = inside[len(inside) // 2]
            spans = [(low, self._before(cut)), (cut, cut), (self._after(cut), high)]
        elif self._after(low) <= high:
            middle = min(self.middle(), self._before(high))
            spans = [(low, middle), (self._after(middle), high)]
        else:
            return []
        return [_Part(self.axis, Span(first, last), self.integer) for first, last in spans if first <= last]

    def _before(self, value: float) -> float:
        return math.ceil(value) - 1.0 if self.integer else math.nextafter(value, -math.inf)

    def _after(self, value: float) -> float:
        return math.floor(value) + 1.0 if self.integer else math.nextafter(value, math.inf)


class _Plane:
    """The recommendation as a function of two facts."""

    def __init__(self, outcome: Outcome, x: Axis, y: Axis) -> None:
        self._knowledge = outcome.knowledge
        self._case = outcome.case
        fallback = self._knowledge.manifest.fallback
        self._fallback = fallback.conclusion if fallback else ""
        self._axes = (x, y)
        full = {axis.fact: full_domain(self._knowledge.facts[axis.fact]) for axis in self._axes}
        self._integers = {name: domain.integer for name, domain in full.items()}
        self._outlook = Outlook(outcome.memory, self._knowledge.manifest.recommends or "", full)

    @cached_property
    def _left_open(self) -> LeftOpen:
        return LeftOpen(self._knowledge, self._case, [axis.fact for axis in self._axes], self._fallback)

    def at_place(self, across: float, up: float) -> str:
        """What is recommended at a place of the map."""
        point: dict[str, float] = {}
        for axis, place in zip(self._axes, (across, up), strict=True):
            value = axis.value(place)
            point[axis.fact] = float(math.floor(value)) if self._integers[axis.fact] else value
        return self._at(point)

    def _at(self, point: dict[str, float]) -> str:
        return self._outlook.at(point) or self._left_open.at(point)

    def boxes(self) -> Iterator[Box]:
        """Boxes that make up the map."""
        start = tuple(self._part(axis) for axis in self._axes)
        waiting, looked_at = [start], 0
        while waiting:
            parts = waiting.pop()
            looked_at += 1
            becomes = self._proved(parts)
            smaller = [] if becomes is not None or looked_at >= _MOST_BOXES else self._cut(parts)
            if smaller:
                waiting.extend(smaller)
            else:
                x, y = (part.span for part in parts)
                yield Box(x.low, x.high, y.low, y.high, becomes, becomes or self._at(_middle(parts)))

    def _part(self, axis: Axis) -> _Part:
        integer = self._integers[axis.fact]
        low, high = (math.ceil(axis.low), math.floor(axis.high)) if integer else (axis.low, axis.high)
        return _Part(axis, Span(float(low), float(high)), integer)

    def _proved(self, parts: Sequence[_Part]) -> str | None:
        may_be_open = False
        for lined in (0, 1):
            words = self._outlook.region(_region(parts, lined))[0][self._outlook.target]
            if not isinstance(words, Words):
                return None
            if not words.unknown and len(words.options) == 1:
                return next(iter(words.options))
            may_be_open = words.unknown
        middle = _middle(parts)
        if not may_be_open or self._outlook.at(middle) is not None:
            return None
        return self._left_open.within(_region(parts, 0), middle)

    def _cut(self, parts: Sequence[_Part]) -> list[tuple[_Part, ...]]:
        """The box in smaller ones, at thresholds first; none where it is too small to be seen."""
        x, y = parts
        cuts = thresholds(self._knowledge)
        for index in sorted((0, 1), key=lambda one: -parts[one].length):
            part = parts[index]
            inside = [cut for cut in cuts.get(part.axis.fact, ()) if part.span.low <= cut <= part.span.high]
            if part.length <= _FINEST and not inside:
                continue
            if max(x.length, y.length) <= _FINEST:
                continue
            smaller = part.halves(inside)
            if smaller:
                return [(one, y) if index == 0 else (x, one) for one in smaller]
        return []


def _middle(parts: Sequence[_Part]) -> dict[str, float]:
    return {part.axis.fact: part.middle() for part in parts}


def _region(parts: Sequence[_Part], lined: int) -> dict[str, Domain]:
    """The box; along one of its sides, and one only, what depends on the fact is followed as straight lines."""
    region: dict[str, Domain] = {}
    for index, part in enumerate(parts):
        span = straight(part.span.low, part.span.high) if index == lined else part.span
        region[part.axis.fact] = Domain(span, part.integer)
    return region


def _merged(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Neighbouring boxes of one recommendation as one, along y and then along x."""
    by_column = sorted(boxes, key=lambda box: (box.x_low, box.x_high, box.y_low))
    taller = [one for _, column in groupby(by_column, key=lambda box: (box.x_low, box.x_high)) for one in _up(column)]
    by_row = sorted(taller, key=lambda box: (box.y_low, box.y_high, box.x_low))
    return tuple(one for _, row in groupby(by_row, key=lambda box: (box.y_low, box.y_high)) for one in _across(row))


def _up(column: Iterable[Box]) -> Iterator[Box]:
    last: Box | None = None
    for box in column:
        same = last is not None and (last.becomes, last.middle) == (box.becomes, box.middle)
        if last is not None and same and _adjoin(last.y_high, box.y_low):
            last = replace(last, y_high=box.y_high)
            continue
        if last is not None:
            yield last
        last = box
    if last is not None:
        yield last


def _across(row: Iterable[Box]) -> Iterator[Box]:
    turned = (_turned(box) for box in row)
    for box in _up(turned):
        yield _turned(box)


def _turned(box: Box) -> Box:
    return Box(box.y_low, box.y_high, box.x_low, box.x_high, box.becomes, box.middle)


def _adjoin(high: float, low: float) -> bool:
    """Whether no number of the fact lies between; whole numbers may have others between them."""
    return low <= math.nextafter(high, math.inf) or (high == math.floor(high) and low == high + 1)


def _area(box: Box, axes: tuple[Axis, Axis]) -> float:
    x, y = axes
    return (x.place(box.x_high) - x.place(box.x_low)) * (y.place(box.y_high) - y.place(box.y_low))
