"""At which value of one fact, the others held, the recommendation turns: exact, never by stepping.

The fact's whole range is cut into regions until each is proved to lead to one recommendation;
where two meet, bisection on the plain evaluator finds the two neighbouring numbers between which it turns.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.costs import WorkingMemory
from engine.declarations import UnitDeclaration
from engine.knowledge import Knowledge
from engine.language.possible import Span, Words, straight
from engine.outlook import Domain, Outlook, full_domain, halves, middle_of, thresholds
from engine.quantities import MINUS, show

if TYPE_CHECKING:
    from engine.left_open import Hints, LeftOpen

#: Regions looked at for one fact; far more than its thresholds and crossings need.
MOST_REGIONS = 2_000
#: Of these the ones that the rows leave open and that could not be proved; each takes many times longer.
_MOST_LEFT_OPEN = 50


#: Parts in which values are tried of a span that could not be proved to have one recommendation.
_TRIED = 16

#: How far a shown boundary may be from the true one: on its far side, where what is said of it is true anyway...
_CLOSE = 1e-4
#: ...and on either side, where the difference is lost on everyone.
_AS_GOOD_AS = 1e-6
#: What ``engine.quantities`` shows at most.
_MOST_DECIMALS = 12
#: Usual digits of a number in a unit of which nothing is said.
_DECIMALS = 2
_FIRST_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Segment:
    """Every value from low to high, both included, leads to one recommendation."""

    low: float
    high: float
    recommends: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the recommendation turns, seen from today's value.

    Args:
        at: the boundary.
        side: whether it turns above or below it.
        inclusive: True where it has turned at the boundary itself.
        becomes: the recommendation beyond it.
    """

    fact: str
    at: float
    side: str
    inclusive: bool
    becomes: str


class FactLine:
    """The recommendation as a function of one numeric fact.

    At each value it is what the whole inference comes to where the fact is answered with that value, in place of
    whatever the case says of it: known rows first, then what stands whatever is unknown, then the fallback.

    Args:
        memory: the case as decided.
        fact: the fact that is varied over everything it may be.
        fallback: what is recommended where something unknown keeps the decision open.
        hints: what was of use along other facts of the same case.
        seconds: processor time after which what the rows leave open is tried, not proved.
    """

    def __init__(
        self,
        memory: WorkingMemory,
        fact: str,
        fallback: str | None,
        hints: Hints | None = None,
        seconds: float = math.inf,
    ) -> None:
        knowledge = memory.knowledge
        self.fact = fact
        self._hints = hints
        self._fallback = fallback or ""
        self._domain = full_domain(knowledge.facts[fact])
        target = knowledge.manifest.recommends
        assert target is not None  # noqa: S101 - callers ask only where something is recommended
        self._outlook = Outlook(memory, target, {fact: self._domain})
        self._cuts = thresholds(knowledge).get(fact, ())
        self._found: dict[float, str] = {}
        #: Whether every segment is proved, but for narrow spans with one change that was found by bisection.
        self.proved = True
        self._tried_in_vain = 0
        self._until = time.process_time() + seconds

    @cached_property
    def _left_open(self) -> LeftOpen | None:
        """What stands where rows are undecided; None where nothing unknown may be the reason."""
        memory, knowledge = self._outlook.memory, self._outlook.knowledge
        upstream = knowledge.upstream(self._outlook.target)
        unknown = any(
            name != self.fact and name in upstream and memory.values[name] is None for name in knowledge.facts
        )
        if not unknown:
            return None
        from engine.left_open import LeftOpen
        from engine.prospect import can_be_foreseen

        if not can_be_foreseen(knowledge):
            return None
        return LeftOpen(knowledge, memory.case, (self.fact,), self._fallback, self._hints)

    def at(self, value: float) -> str:
        """What is recommended at one value."""
        if value not in self._found:
            concluded = self._outlook.at({self.fact: value})
            if concluded is None and self._left_open:
                concluded = self._left_open.at({self.fact: value})
            self._found[value] = concluded or self._fallback
        return self._found[value]

    def segments(self) -> tuple[Segment, ...]:
        """The whole range as segments, each with its one recommendation, low to high."""
        if self.fact not in self._outlook.domains:
            low, high = self._domain.values.low, self._domain.values.high  # type: ignore[union-attr]
            return (Segment(low, high, self.at(low)),)
        merged: list[Segment] = []
        for segment in self._pieces():
            if merged and merged[-1].recommends == segment.recommends:
                merged[-1] = Segment(merged[-1].low, segment.high, segment.recommends)
            else:
                merged.append(segment)
        return tuple(merged)

    def _pieces(self) -> Iterator[Segment]:
        span = self._domain.values
        assert isinstance(span, Span)  # noqa: S101 - only numeric facts are varied
        waiting, looked_at = [span], 0
        while waiting:
            part = waiting.pop()
            looked_at += 1
            single = self._proved(part)
            if single is not None:
                yield Segment(part.low, part.high, single)
                continue
            if self._has_given_up:
                # What is left has more parts than can each be tried: a recommendation costs an inference there.
                self.proved = False
                yield from self._tried_between([part.low, *(one.low for one in reversed(waiting))], span.high)
                return
            enough = looked_at >= MOST_REGIONS
            parts = [] if enough else halves(part, self._cuts, integer=self._domain.integer)
            if parts:
                waiting.extend(reversed(parts))
            else:
                self.proved = self.proved and not enough
                yield from self._tried(part)

    @property
    def _has_given_up(self) -> bool:
        """Whether no more is proved of what the rows leave open."""
        # Where nothing is left open, the number of regions bounds the work, and alike on every machine.
        is_out_of_time = self._left_open is not None and time.process_time() > self._until
        return is_out_of_time or self._tried_in_vain >= _MOST_LEFT_OPEN

    def _proved(self, part: Span) -> str | None:
        """The recommendation all along a part, where it is proved to be one."""
        if part.low == part.high:
            return self.at(part.low)
        domain = Domain(straight(part.low, part.high), self._domain.integer)
        words = self._outlook.region({self.fact: domain})[0][self._outlook.target]
        assert isinstance(words, Words)  # noqa: S101 - a recommendation is a choice
        if not words.unknown:
            return next(iter(words.options)) if len(words.options) == 1 else None
        if not self._left_open:
            recommended = {*words.options, self._fallback}
            return recommended.pop() if len(recommended) == 1 else None
        if self._has_given_up:
            return None
        middle = _middle(part, integer=self._domain.integer)
        if self._outlook.at({self.fact: middle}) is not None:
            return None
        found = self._left_open.within({self.fact: domain}, {self.fact: middle})
        self._tried_in_vain += found is None
        return found

    def _tried(self, part: Span) -> Iterator[Segment]:
        """What could not be proved, by trying values all over it.

        Where two rounded figures meet at a sharp angle the recommendation may change to and fro within a narrow span.
        """
        share = (part.high - part.low) / _TRIED
        between = (part.low + share * index for index in range(1, _TRIED))
        inner = {float(math.floor(value)) if self._domain.integer else value for value in between}
        values = sorted({part.low, part.high, *(value for value in inner if part.low < value < part.high)})
        found = [self.at(value) for value in values]
        if sum(one != other for one, other in pairwise(found)) > 1:
            self.proved = False
        yield from self._along(values)

    def _tried_between(self, starts: Sequence[float], end: float) -> Iterator[Segment]:
        """What is left, by trying some of the places where its parts begin, and its end."""
        every = math.ceil(len(starts) / _TRIED)
        yield from self._along(sorted({*starts[::every], end}))

    def _along(self, values: Sequence[float]) -> Iterator[Segment]:
        """The segments from the first of some values to the last, each change between neighbours found by bisection."""
        if len(values) == 1:
            yield Segment(values[0], values[0], self.at(values[0]))
        for index, (low, high) in enumerate(pairwise(values)):
            start = low if index == 0 else self._next(low)
            if start <= high:
                yield from self._bisected(start, high)

    def _next(self, value: float) -> float:
        return _next(value, 1.0, integer=self._domain.integer)

    def _bisected(self, low: float, high: float) -> Iterator[Segment]:
        first, last = self.at(low), self.at(high)
        if first == last:
            yield Segment(low, high, first)
            return
        step = 1.0 if self._domain.integer else 0.0
        left, right = low, high
        while math.nextafter(left, math.inf) < right and right - left > step:
            middle = math.floor(left + (right - left) / 2) if step else left + (right - left) / 2
            if middle <= left or middle >= right:
                break
            if self.at(middle) == first:
                left = middle
            else:
                right = middle
        yield Segment(low, left, first)
        yield from self._bisected(right, high) if self.at(right) != last else (Segment(right, high, last),)


def _middle(part: Span, *, integer: bool) -> float:
    middle = middle_of(Domain(part, integer))
    return middle if isinstance(middle, float) else part.low


def turns(line: FactLine, current: float | None, recommended: str) -> tuple[Turn, ...]:
    """The nearest turns below and above today's value; without one, every turn to the recommendation's other side.

    Args:
        line: the recommendation along the fact.
        current: today's value; None where it is unknown.
        recommended: the recommendation today.
    """
    segments = line.segments()
    found: list[Turn] = []
    if current is None:
        for before, after in pairwise(segments):
            found.append(_turn(line.fact, before, after, "above"))
        return tuple(found)
    home = next((i for i, segment in enumerate(segments) if segment.low <= current <= segment.high), None)
    if home is None or segments[home].recommends != recommended:
        return ()
    if home > 0:
        found.append(_turn(line.fact, segments[home - 1], segments[home], "below"))
    if home + 1 < len(segments):
        found.append(_turn(line.fact, segments[home], segments[home + 1], "above"))
    return tuple(found)


def _turn(fact: str, before: Segment, after: Segment, side: str) -> Turn:
    """The boundary between two neighbouring segments, as the rounder of the two numbers it lies between."""
    last, first = before.high, after.low
    on_last = len(repr(last)) <= len(repr(first))
    at = last if on_last else first
    if side == "above":
        return Turn(fact, at, side, not on_last, after.recommends)
    return Turn(fact, at, side, on_last, before.recommends)


def boundaries(fact: str, segments: Sequence[Segment], side: str) -> Iterator[tuple[Turn, str]]:
    """Each boundary between neighbouring segments, low to high, with what is recommended on its near side.

    Args:
        fact: the fact along which they lie.
        segments: neighbours, low to high.
        side: where the far side is: above or below.
    """
    for before, after in pairwise(segments):
        yield _turn(fact, before, after, side), before.recommends if side == "above" else after.recommends


def where(turn: Turn, knowledge: Knowledge, others: Iterable[float] = ()) -> str:
    """On which values it has turned, in words that are true of the very number they print.

    A boundary such as 83000.00000005 is shown rounded, and the rounded number may lie on its other side: whether
    the words include that number is decided by the number as shown, not by the boundary. Where the usual digits
    would move it too far, more of them are shown.

    Args:
        turn: where it turns.
        knowledge: the base, for how the fact's unit is written.
        others: where else it turns along the same fact; the shown number never lies beyond one of them.
    """
    units, unit, declared = _unit_of(knowledge, turn.fact)
    low, high = knowledge.facts[turn.fact].bounds
    further = [other for other in others if other != turn.at]
    written = [units, *({**units, unit: finer} for finer in _finer(declared))]
    tellings = [(shown, _read_back(shown, declared)) for shown in (show(turn.at, unit, each) for each in written)]
    shown, number = next(
        (
            (shown, number)
            for shown, number in tellings
            if low <= number <= high and _is_near_enough(number, turn) and not _is_between(further, number, turn.at)
        ),
        tellings[-1],
    )
    # What is nearer to 0 than all those decimals can say is compared with 0 itself.
    at = shown if number else show(0.0, unit, units)
    return beyond(at, turn.side, inclusive=_has_turned(turn, number))


def beyond(at: str, side: str, *, inclusive: bool) -> str:
    """The values on one side of a number as people say it, with that number or without it."""
    return {
        ("above", True): f"from {at} on",
        ("above", False): f"above {at}",
        ("below", True): f"at {at} and below",
        ("below", False): f"below {at}",
    }[side, inclusive]


def as_shown(knowledge: Knowledge, name: str, value: float) -> float:
    """The number that a value of a fact or figure is shown as, read back, in the fact's own unit."""
    units, unit, declared = _unit_of(knowledge, name)
    return _read_back(show(value, unit, units), declared)


def least_shown(knowledge: Knowledge, name: str) -> float:
    """The smallest number above 0 that is written with the usual digits of a name's unit: of dollars a cent."""
    _, unit, declared = _unit_of(knowledge, name)
    decimals = declared.decimals if unit in knowledge.manifest.shown_units else _DECIMALS
    return 10.0**-decimals / declared.scale


def _finer(declared: UnitDeclaration) -> Iterator[UnitDeclaration]:
    """The unit with one more decimal each."""
    for decimals in range(declared.decimals + 1, _MOST_DECIMALS + 1):
        yield declared.model_copy(update={"decimals": decimals})


def _is_between(values: Iterable[float], one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return any(low <= value <= high for value in values)


def _has_turned(turn: Turn, value: float) -> bool:
    if value == turn.at:
        return turn.inclusive
    return (value > turn.at) == (turn.side == "above")


def _is_near_enough(number: float, turn: Turn) -> bool:
    off = abs(number - turn.at)
    return off <= abs(turn.at) * (_CLOSE if _has_turned(turn, number) else _AS_GOOD_AS)


def _unit_of(knowledge: Knowledge, name: str) -> tuple[dict[str, UnitDeclaration], str, UnitDeclaration]:
    """How all units are written, the unit of a name, and how that one is written."""
    unit, units = knowledge.unit(name) or "1", dict(knowledge.manifest.shown_units)
    written = units.get(unit) or UnitDeclaration(suffix=show(0.0, unit, units).removeprefix("0"))
    return units, unit, written


def _read_back(shown: str, declared: UnitDeclaration) -> float:
    """The number in a text that ``engine.quantities.show`` wrote; 0 for ``almost 0``."""
    found = _FIRST_NUMBER.search(shown.removeprefix(MINUS).removeprefix(declared.prefix))
    if found is None:
        return math.inf if not shown.startswith(MINUS) else -math.inf
    number = float(Decimal(found[0].replace(",", "")) / (Decimal(repr(declared.scale)) or 1))
    return -number if shown.startswith(MINUS) else number


def last_and_first(turn: Turn, *, integer: bool = False) -> tuple[float, float]:
    """The last number before a turn and the first beyond it, seen from today's value: neighbours, both of them."""
    onwards = 1.0 if turn.side == "above" else -1.0
    if turn.inclusive:
        return _next(turn.at, -onwards, integer=integer), turn.at
    return turn.at, _next(turn.at, onwards, integer=integer)


def _next(value: float, way: float, *, integer: bool) -> float:
    return value + way if integer else math.nextafter(value, way * math.inf)
