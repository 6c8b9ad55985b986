"""The values of a few facts nearest to what they are with which a case comes to a conclusion, all others held.

Regions are looked at nearest first; one in which the conclusion is proved not to come out is left aside whole,
any other is cut at thresholds and in the middle, until its nearest point has it or it is too narrow to cut.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count

from engine.case import parse_number
from engine.costs import WorkingMemory
from engine.explain.wanted import Attempts, Point, measure
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.language.possible import Span, Truths, Words, exactly
from engine.outlook import Domain, Outlook, asked_states, full_domain, halves, thresholds
from engine.turning import as_shown, least_shown

Region = Mapping[str, Domain]
#: Regions looked at for one set of facts.
_MOST_LOOKS = 150
#: With several numbers at once the nearest point is found to this part of the measure.
_NEAR_ENOUGH = 0.004
#: Digits of a plain number, and how near to one (relative to its size) a number lies right beside it.
_PLAIN_DIGITS = 6
_BESIDE = 1e-9
#: Values tried in place of what stays unknown, and how often others are sought that rule out more.
_TRIALS = 6
_MOST_LEARNED = 5
#: How a fact of the case was given; see ``engine.costs``.
_GIVEN = frozenset({"answered", "measured", "supposed"})


@dataclass(order=True, slots=True)
class _Waiting:
    """A region that is yet to be looked at, nearest first."""

    distance: tuple[float, float]
    number: int
    region: Region = field(compare=False)


class Nearby:
    """The values of a few facts, all others as they are.

    Args:
        attempts: the case, and what it is to come to.
        facts: the facts that may change, in order.
    """

    def __init__(self, attempts: Attempts, facts: Sequence[str]) -> None:
        self.knowledge = attempts.knowledge
        self.facts = facts
        self.whole: Region = {name: full_domain(self.knowledge.facts[name]) for name in facts}
        #: Regions looked at so far.
        self.looks = 0
        #: How often values of what stays unknown were sought that lead elsewhere.
        self._learned = 0
        #: Whether the last search for a point left nothing open.
        self.settled = True
        self._attempts = attempts
        self._now = attempts.outcome.memory.values
        #: Of an unknown number what it is usually answered with, else what a fact is now.
        self._aims = {name: self._aim(name, domain) for name, domain in self.whole.items()}
        self._blank = tuple(name for name in attempts.unknown if name not in self.whole)
        open_facts = {name: full_domain(self.knowledge.facts[name]) for name in self._blank}
        self._outlook = Outlook(attempts.outcome.memory, attempts.wanted.output, {**self.whole, **open_facts})

    # -- a region as a whole -------------------------------------------------------------------------

    def possible(self, region: Region) -> bool:
        """False where it is proved that no point of the region has what is wanted."""
        if self._may_decide(region):
            return True
        if not self._attempts.unknown:
            return False
        if self._attempts.conclusions_are_told_apart:
            # Rules may ask whether what rests on a conclusion is known, so what stands may lead anywhere.
            return True
        if not self._blank or not self._may_stay_open(region):
            return False
        # What stands comes out whatever is unknown, so for each of these values.
        for index, trial in enumerate(self._trials):
            if not self._may_decide({**region, **trial}):
                # What rules out one region often does so for the next.
                self._trials.insert(0, self._trials.pop(index))
                return False
        return True

    def _learn_from(self, point: Point) -> None:
        """Keep values of what is unknown for which a point leads elsewhere; they rule out much around it."""
        self._learned += 1
        memory = self._attempts.known_at(point)
        if memory is None:
            return
        domains = {name: full_domain(self.knowledge.facts[name]) for name in self._blank}
        found = Outlook(memory, self._attempts.wanted.output, domains).explore(enough=2, most=_TRIALS).values
        for word, values in found.items():
            if word != self._attempts.wanted.word:
                self._trials.insert(0, self._as_trial({**self._values_of_trial(), **values}))

    def _values_of_trial(self) -> dict[str, Value]:
        return {name: _sides(self.knowledge, name)[0] for name in self._blank}

    def _as_trial(self, values: Mapping[str, Value]) -> Region:
        asked = asked_states(self.knowledge)
        asked |= {name for state in asked for name in self.knowledge.upstream(state)}
        return {name: Domain(exactly(value), may_stay_open=name in asked) for name, value in values.items()}

    def _may_stay_open(self, region: Region) -> bool:
        """Whether the decision may stay open somewhere in the region, so that a conclusion may stand there."""
        if self._attempts.table.policy == "collect":
            # It gathers what is known to hold, which may rest on what stands.
            return True
        self.looks += 1
        box, _ = self._outlook.region(region)
        return box[self._attempts.wanted.output].unknown

    def _may_decide(self, region: Region) -> bool:
        self.looks += 1
        _, rows = self._outlook.region(region)
        table = self._attempts.table
        if table.name not in rows:
            # Nothing that is open moves the decision.
            return self._attempts.wanted.holds(self._attempts.outcome)
        for row, truths in zip(table.rows, rows[table.name], strict=True):
            if truths.true and row.then[self._attempts.wanted.output] == self._attempts.wanted.word:
                return True
            if table.policy == "first" and not truths.false:
                return False
        return False

    @cached_property
    def _trials(self) -> list[Region]:
        """A few ways that what stays unknown may be; where a rule asks for that, it may stay unknown, too."""
        chance = random.Random(0)  # noqa: S311 - nothing here is secret
        sides = {name: _sides(self.knowledge, name) for name in self._blank}
        return [self._as_trial({name: chance.choice(values) for name, values in sides.items()}) for _ in range(_TRIALS)]

    # -- the nearest point ---------------------------------------------------------------------------

    def nearest(self, seed: Point | None = None) -> Point | None:
        """The point nearest to the case that has what is wanted; ``settled`` says whether nothing was left open.

        Args:
            seed: a point that has it, to start from.
        """
        numbers = count()
        waiting = [_Waiting((0.0, 0.0), next(numbers), self.whole)]
        best = None if seed is None else self.polished(seed)
        until = self.looks + _MOST_LOOKS
        while waiting:
            one = heapq.heappop(waiting)
            if best is not None and not self._worth_looking(one.distance, best):
                break
            if self.looks >= until or self._attempts.out_of_time():
                self.settled = best is not None
                break
            if not self.possible(one.region):
                continue
            near = {name: self._closest(name, domain) for name, domain in one.region.items()}
            if self._attempts.reached(near):
                return near if best is None or self.distance(near) < self.distance(best) else best
            if self._blank and self._learned < _MOST_LEARNED and self._attempts.table.policy != "collect":
                self._learn_from(near)
            parts = self._parts(one.region)
            best = self._better(best, near, one.region)
            if not parts and not all(_is_one_value(domain) for domain in one.region.values()):
                # Too narrow to cut; its middle and its ends were tried.
                self.settled = self.settled and best is not None
            for part in parts:
                heapq.heappush(waiting, _Waiting(self._least(part), next(numbers), part))
        self.settled = self.settled and (best is not None or not self._attempts.out_of_time())
        return best

    def _worth_looking(self, distance: tuple[float, float], best: Point) -> bool:
        if len(self.facts) == 1:
            return distance < self.distance(best)
        return distance[0] < self.distance(best)[0] - self._tolerance

    @property
    def _tolerance(self) -> float:
        """How far from the nearest the point may be; a single number is taken to its very neighbour."""
        return _NEAR_ENOUGH if len(self.facts) > 1 else 0.0

    def _better(self, best: Point | None, near: Point, region: Region) -> Point | None:
        """The best point known, with what is found in a region whose nearest point does not do."""
        for pick in (_middle, _low, _high):
            point = {name: pick(domain) for name, domain in region.items()}
            is_nearer = best is None or self.distance(point) < self.distance(best)
            if point != near and is_nearer and self._attempts.reached(point):
                best = self.polished(point)
        return best

    def distance(self, point: Point) -> tuple[float, float]:
        """How far a point is from the case; see the module."""
        steps = [self._step(name, value) for name, value in point.items()]
        return sum(step for step, _ in steps), sum(gap for _, gap in steps)

    def _step(self, name: str, value: Value) -> tuple[float, float]:
        step = measure(self._now[name], value)
        # Of answers to what is unknown the usual ones come first.
        return (step[0], measure(self._aims[name], value)[0]) if self._now[name] is None else step

    def _least(self, region: Region) -> tuple[float, float]:
        return self.distance({name: self._closest(name, domain) for name, domain in region.items()})

    def _closest(self, name: str, domain: Domain) -> Value:
        """The value of a domain that is nearest to what the fact is now."""
        now, values = self._now[name], domain.values
        if isinstance(values, Span):
            aim = self._aims[name]
            assert isinstance(aim, float)  # noqa: S101 - the fact is a number
            return float(min(max(aim, values.low), values.high))
        if isinstance(values, Words):
            words = [word for word in self.knowledge.facts[name].words if word in values.options]
            return now if isinstance(now, str) and now in values.options else words[0]
        return now if isinstance(now, bool) and (values.true if now else values.false) else values.true

    def _aim(self, name: str, domain: Domain) -> Value:
        now, fact = self._now[name], self.knowledge.facts[name]
        if now is not None or not isinstance(domain.values, Span):
            return now
        example = parse_number(fact.example, fact.unit) if fact.example else None
        return _whole(min(max(example or 0.0, domain.values.low), domain.values.high), domain)

    def _parts(self, region: Region) -> list[Region]:
        """A region cut along one fact: choices first, then at thresholds, then the widest in the middle."""
        for name, domain in region.items():
            pieces = _single_values(domain)
            if len(pieces) > 1:
                return [{**region, name: piece} for piece in pieces]
        ways: list[tuple[bool, float, str, list[Span]]] = []
        for name, domain in region.items():
            if isinstance(domain.values, Span):
                span, cuts = domain.values, thresholds(self.knowledge).get(name, ())
                aim = self._aims[name]
                cuts = tuple(sorted({*cuts, aim})) if isinstance(aim, float) else cuts
                spans = halves(span, cuts, integer=domain.integer)
                if len(spans) > 1:
                    has_cut = any(span.low <= cut <= span.high for cut in cuts)
                    ways.append((has_cut, measure(span.low, span.high)[0], name, spans))
        if not ways:
            return []
        _, _, name, spans = max(ways, key=lambda way: way[:2])
        return [{**region, name: Domain(span, region[name].integer)} for span in spans]

    # -- from a point to a plain one -----------------------------------------------------------------

    def polished(self, point: Point) -> Point:
        """The point with each number moved back towards what it is now, as far as the others allow."""
        found = dict(point)
        for name, value in point.items():
            aim = self._aims[name]
            if isinstance(aim, float) and isinstance(value, float):
                found[name] = self._moved_back(found, name, aim, value)
        return found

    def _moved_back(self, point: Mapping[str, Value], name: str, aim: float, value: float) -> float:
        domain = self.whole[name]
        assert isinstance(domain.values, Span)  # noqa: S101 - the fact is a number
        start = min(max(aim, domain.values.low), domain.values.high)
        if start == value or self._attempts.reached({**point, name: start}):
            return start
        fails, does = start, value
        while True:
            middle = _whole(fails + (does - fails) / 2, domain)
            if middle in (fails, does):
                return does
            if self._attempts.reached({**point, name: middle}):
                does = middle
            else:
                fails = middle

    def plainer(self, point: Point) -> Point:
        """The point with its numbers as round as may be without moving it noticeably further.

        A number on its own stays the nearest there is, and so does what lies right beside a round number; but
        where any number beside 0 does, it is one that people count in, such as a cent.
        """
        found = self._counted(point)
        limit = self.distance(found)[0] + self._tolerance
        for name, value in tuple(found.items()):
            if isinstance(value, float) and value != self._now[name] and not self._is_plain(name, value):
                for candidate in self._rounder(name, value):
                    tried = {**found, name: candidate}
                    if self.distance(tried)[0] <= limit and self._attempts.reached(tried):
                        found = tried
                        break
        return found

    def _counted(self, point: Point) -> dict[str, Value]:
        """The point with the least number that is usual in place of what nobody tells from 0, where that does too."""
        found = dict(point)
        for name, value in point.items():
            step = least_shown(self.knowledge, name) if isinstance(value, float) else 0.0
            if isinstance(value, float) and 0 < abs(value) < step and as_shown(self.knowledge, name, value) == 0:
                usual, domain = math.copysign(step, value), self.whole[name].values
                assert isinstance(domain, Span)  # noqa: S101 - the fact is a number
                if domain.low <= usual <= domain.high and self._attempts.reached({**found, name: usual}):
                    found[name] = usual
        return found

    def _is_plain(self, name: str, value: float) -> bool:
        if len(self.facts) == 1 and self._now[name] is not None:
            return True
        near = float(f"{value:.{_PLAIN_DIGITS}g}")
        return abs(value - near) <= abs(value) * _BESIDE

    def _rounder(self, name: str, value: float) -> Iterator[float]:
        """Numbers near the value, of ever more digits."""
        domain = self.whole[name]
        assert isinstance(domain.values, Span)  # noqa: S101 - the fact is a number
        for digits in range(1, 8):
            rounded = float(f"{value:.{digits}g}")
            step = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1) if value else 1.0
            for candidate in (rounded, rounded - step, rounded + step):
                tidy = _whole(float(f"{candidate:.{digits + 1}g}"), domain)
                if domain.values.low <= tidy <= domain.values.high:
                    yield tidy


class Anyhow(Nearby):
    """A few facts, each answered anew or left as it is: what is ruled out here is so for each of them alone, too.

    An answer can destroy what a fact had while it was unknown, assumed or measured, where rules ask for that. So
    that all of a set answered anew leads nowhere says nothing of a part of the set; this does.

    Args:
        attempts: the case, and what it is to come to.
        facts: the facts that may change, in order.
    """

    def __init__(self, attempts: Attempts, facts: Sequence[str]) -> None:
        super().__init__(attempts, facts)
        memory, target = attempts.outcome.memory, attempts.wanted.output
        given = {name for name in self.whole if memory.origins.get(name) in _GIVEN}
        self._outlook = _AsItIsOrAnswered(memory, target, {**self._outlook.domains, **self.whole}, given)
        self.whole = {
            name: replace(domain, may_stay_open=True) for name, domain in self.whole.items() if name not in given
        }


class _AsItIsOrAnswered(Outlook):
    """An outlook in which some facts that were given may have been given as they are, or answered with anything."""

    def __init__(self, memory: WorkingMemory, target: str, domains: Region, given: Collection[str]) -> None:
        super().__init__(memory, target, domains)
        self.steps = [name for name in self.steps if name not in given]
        for name in given:
            self._box[name] = domains[name].values
            self._origins[name] = frozenset({"answered", memory.origins[name]})


def _whole(value: float, domain: Domain) -> float:
    return float(math.floor(value)) if domain.integer else value


def _is_one_value(domain: Domain) -> bool:
    match domain.values:
        case Span(low=low, high=high):
            return low == high
        case Words(options=options):
            return len(options) == 1
        case Truths(true=true, false=false):
            return true != false


def _single_values(domain: Domain) -> list[Domain]:
    """Each choice or truth of a domain; none for numbers."""
    match domain.values:
        case Words(options=options):
            return [Domain(exactly(word)) for word in sorted(options)]
        case Truths(true=true, false=false):
            return [Domain(exactly(truth)) for truth, may in ((True, true), (False, false)) if may]
        case _:
            return []


def _low(domain: Domain) -> Value:
    return float(domain.values.low) if isinstance(domain.values, Span) else _one(domain)


def _high(domain: Domain) -> Value:
    return float(domain.values.high) if isinstance(domain.values, Span) else _one(domain)


def _middle(domain: Domain) -> Value:
    values = domain.values
    return _whole(values.low + (values.high - values.low) / 2, domain) if isinstance(values, Span) else _one(domain)


def _one(domain: Domain) -> Value:
    if isinstance(domain.values, Words):
        return min(domain.values.options)
    return isinstance(domain.values, Truths) and domain.values.true


def _sides(knowledge: Knowledge, name: str) -> list[Value]:
    """Values of a fact on every side of its thresholds."""
    domain = full_domain(knowledge.facts[name])
    if not isinstance(domain.values, Span):
        return [_one(piece) for piece in _single_values(domain)]
    span = domain.values
    cuts = [cut for cut in thresholds(knowledge).get(name, ()) if span.low <= cut <= span.high]
    beside = [side for cut in cuts for side in (math.floor(cut) - 1.0, math.ceil(cut) + 1.0)]
    return [
        value
        for value in (span.low, span.high, *cuts, *beside)
        if span.low <= value <= span.high and (not domain.integer or value.is_integer())
    ]
