"""The fewest facts that would have to be otherwise for a conclusion to come out, and the least they would have to move.

Exact, and verified: every set that is returned was decided by the engine. Sets of facts are proposed as the
smallest that touch every reason found so far. A reason is a group of facts of which one must change: while all
of them stay as they are the conclusion is proved not to come out, whatever all other facts are. Whether a
proposed set will do is found by regions, nearest first; what these leave open is put to z3.

How far a fact moves is measured as the difference over the sum of both sizes: 0 where it stays, a third where
it is doubled or halved, 1 where it changes its sign or comes from nothing. Another choice, the other truth and
an answer where there was none count as 1. Taking an answer back is not counted as a change.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import count
from typing import Any, Literal

from engine.case import Case, Given, parse_number
from engine.errors import InferenceError
from engine.evaluator import Verdict
from engine.goals import Reaches
from engine.inference import EnginePool
from engine.knowledge import DecisionTable, Knowledge
from engine.language.evaluate import Value
from engine.language.nodes import And, Conditional, Name, Node, Not, Or, State, children
from engine.language.possible import Span, Truths, Words, exactly
from engine.language.symbolic import SymbolicNumber, SymbolicTruth, SymbolicWord
from engine.outlook import Domain, Outlook, asked_states, full_domain, halves, thresholds
from engine.pipeline import Outcome, infer, rests_on
from engine.rule_tests import decisions_after_signal, sight_by_evaluator

Point = Mapping[str, Value]
Region = Mapping[str, Domain]
#: Sets of changes that are shown, and those of several facts among which they are chosen.
MOST_SETS = 5
_MOST_FOUND = 5
#: How many facts may have to change at once before it is given up.
MOST_FACTS = 6
#: Regions looked at for all sets of one size, and for one set.
_MOST_LOOKS = 800
_MOST_FOR_ONE_SET = 150
#: With several numbers at once the nearest point is found to this part of the measure.
_NEAR_ENOUGH = 0.004
#: Digits of a plain number, and how near to one (relative to its size) a number lies right beside it.
_PLAIN_DIGITS = 6
_BESIDE = 1e-9
#: Values tried in place of what stays unknown.
_TRIALS = 6
#: What one question to z3 may cost, in its own count (so that it ends alike everywhere) and in time.
_STEPS = 4_000_000
_MILLISECONDS = 3_000
_SECONDS_FOR_IMPOSSIBLE = 3.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conclusion asked for: an output, and the word it is to come to (or to gather)."""

    output: str
    word: str

    def holds(self, outcome: Outcome) -> bool:
        """Whether a decided case has it, the fallback left aside."""
        concluded = outcome.conclusion(self.output)
        return concluded == self.word or (isinstance(concluded, tuple) and self.word in concluded)


@dataclass(frozen=True, slots=True)
class Changes:
    """One set of changes that was decided to lead to what is wanted, with how far it moves the case."""

    point: Point
    distance: tuple[float, float]


#: What a search came to; see ``Found``.
Status = Literal["found", "impossible", "not found"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Args:
        status: ``found``, ``impossible`` (proved) or ``not found`` (within the limits).
        sets: the least sets of changes, those that move the case least first.
        fewest: True where it is proved that fewer changes will not do.
        proof: what follows from what, where it is impossible.
    """

    status: Status
    sets: tuple[Changes, ...] = ()
    fewest: bool = False
    proof: str | None = None


def smallest_changes(outcome: Outcome, pool: EnginePool, wanted: Wanted) -> Found:
    """The sets of fewest changes that lead to a conclusion, or the proof that nothing does."""
    return _Search(outcome, pool, wanted).run()


def measure(before: Value, after: Value) -> tuple[float, float]:
    """How far a fact moves: the relative change from 0 to 1, and for what is alike in that the plain difference."""
    if before == after:
        return 0.0, 0.0
    if isinstance(before, bool | str | None) or isinstance(after, bool | str | None):
        return 1.0, 0.0
    gap = abs(after - before)
    return gap / (abs(before) + abs(after)), gap


class _Search:
    def __init__(self, outcome: Outcome, pool: EnginePool, wanted: Wanted) -> None:
        self.knowledge = outcome.knowledge
        self.outcome = outcome
        self.case = outcome.case
        self.wanted = wanted
        self.looks = 0
        self.pool = pool
        self._decision = self.knowledge.decision_of[wanted.output]
        self._decisions = _decisions_to(self.knowledge, self._decision)
        self._after_signal = self._decision in decisions_after_signal(self.knowledge)
        upstream = self.knowledge.upstream(wanted.output)
        self._facts = tuple(name for name in self.knowledge.facts if name in upstream)
        #: Groups of facts of which each set of changes must hold one: those that are proved, and all.
        self._sound_reasons: list[frozenset[str]] = []
        self._reasons: list[frozenset[str]] = []
        #: Sets of facts about which nothing was found out.
        self._left_open: set[frozenset[str]] = set()
        self._tried: set[frozenset[str]] = set()
        self._fewest = True
        #: Whether sets of the size at hand may have been missed.
        self._unproved = False

    def run(self) -> Found:
        if self._note_reason(frozenset()):
            # The case itself does not have what is wanted, so something must change.
            self._rule_out(frozenset(self._facts))
        found: list[Changes] = []
        for size in range(1, MOST_FACTS + 1):
            if frozenset() in self._reasons:
                break
            found = self._of_size(size)
            if found:
                return Found("found", tuple(self._nearest(found)), self._fewest)
        return self._impossible()

    def _of_size(self, size: int) -> list[Changes]:
        """Sets of so many changes; notes where one of that size may have been missed."""
        found: list[Changes] = []
        for facts, seed in self._single_facts() if size == 1 else self._proposals(size):
            changes = self._tested(facts, seed)
            found += [changes] if changes else []
            if size > 1 and len(found) >= _MOST_FOUND:
                break
        left_open = any(len(facts) <= size for facts in self._left_open)
        self._fewest = self._fewest and (bool(found) or not (left_open or self._unproved))
        return found

    def _single_facts(self) -> Iterator[tuple[frozenset[str], Point | None]]:
        """Every single fact that no reason rules out, then those that are left open, as z3 has values for them."""
        yield from self._touching_all(1)
        open_facts = [facts for facts in self._left_open if len(facts) == 1]
        if open_facts and not self._after_signal:
            tried = self._tried.difference(open_facts)
            yield from self._prover.proposals(1, self._sound_reasons, tried)
            if self._prover.exhausted and not self.unknown:
                self._left_open.difference_update(open_facts)

    def _proposals(self, size: int) -> Iterator[tuple[frozenset[str], Point | None]]:
        """Sets of so many facts that may do, each once, with values that z3 has for them."""
        self._unproved = False
        if not self._after_signal:
            for proposal in self._prover.proposals(size, self._sound_reasons, self._tried):
                self._tried.add(proposal[0])
                yield proposal
            self._unproved = not self._prover.exhausted
            if self._prover.exhausted and not self.unknown:
                return
        # What may stand whatever is unknown is beyond z3, so here all sets are looked at that no reason rules out.
        yield from self._touching_all(size)

    def _touching_all(self, size: int) -> Iterator[tuple[frozenset[str], None]]:
        """Sets of so many facts that touch every reason known by then, each once."""
        until = self.looks + _MOST_LOOKS
        while (proposed := self._touching(frozenset(), size)) is not None:
            if self.looks >= until:
                self._unproved = True
                return
            self._tried.add(proposed)
            yield proposed, None
        self._unproved = False

    @cached_property
    def _prover(self) -> _Prover:
        return _Prover(self)

    def _nearest(self, found: list[Changes]) -> list[Changes]:
        order = {name: index for index, name in enumerate(self.knowledge.facts)}
        found.sort(key=lambda one: (one.distance, [order[name] for name in one.point]))
        return found[:MOST_SETS]

    def _impossible(self) -> Found:
        if frozenset() in self._reasons:
            return Found("impossible", proof="it is ruled out for all values of the facts at once")
        from engine.witness import Witness

        found = Witness(self.pool, seconds=_SECONDS_FOR_IMPOSSIBLE).impossible(
            Reaches(self.wanted.output, self.wanted.word)
        )
        return Found("not found") if found is None else Found("impossible", proof=found.proof)

    # -- sets of facts -----------------------------------------------------------------------------

    def _touching(self, chosen: frozenset[str], size: int) -> frozenset[str] | None:
        missed = [reason for reason in self._reasons if not reason & chosen]
        if not missed:
            return chosen if len(chosen) == size and chosen not in self._tried else None
        if len(chosen) == size:
            return None
        # Two reasons that share no fact take a fact each.
        if size - len(chosen) < _apart(missed):
            return None
        least = min(missed, key=len)
        for fact in self._facts:
            if fact in least:
                found = self._touching(chosen | {fact}, size)
                if found is not None:
                    return found
        return None

    def _tested(self, facts: frozenset[str], seed: Point | None) -> Changes | None:
        """The nearest change of exactly these facts that does; None notes why there is none."""
        if not self._note_reason(facts):
            return None
        local = _Local(self, [name for name in self._facts if name in facts])
        point = local.nearest(seed if seed is not None and self.reached(seed) else None)
        if point is not None:
            point = local.plainer(local.polished(point))
            if self.confirmed(point):
                self._left_open.discard(facts)
                return Changes(point, local.distance(point))
        self._rule_out(frozenset(self._facts) - facts, proved=point is None and local.settled)
        if point is not None or not local.settled:
            self._left_open.add(facts)
        return None

    def _rule_out(self, reason: frozenset[str], *, proved: bool = True) -> None:
        """Note facts of which one must change; what is not proved only keeps a set from being proposed again."""
        self._reasons.append(reason)
        if proved:
            self._sound_reasons.append(reason)

    def _note_reason(self, facts: frozenset[str]) -> bool:
        """Whether a change of these facts may do; where it is ruled out, all that stays so is noted as a reason."""
        if self.possible(facts):
            return True
        free = facts
        for name in self._facts:
            if name not in free and not self.possible(free | {name}):
                free |= {name}
        self._rule_out(frozenset(self._facts) - free)
        return False

    def possible(self, facts: Iterable[str]) -> bool:
        """False where it is proved at a glance that changing these facts alone does not do."""
        local = _Local(self, [name for name in self._facts if name in set(facts)])
        return local.possible(local.whole)

    # -- points ------------------------------------------------------------------------------------

    def changed(self, point: Point) -> Case:
        """The case with facts answered anew."""
        case = self.case
        for name, value in point.items():
            case = case.replace(name, Given(name, value))
        return case

    def reached(self, point: Point) -> bool:
        """Whether a point has what is wanted, by the plain evaluator where that can tell."""
        case = self.changed(point)
        if self._after_signal:
            return self._decided(case)
        sight = sight_by_evaluator(self.knowledge, case, self._decisions)
        if sight is None:
            return False
        verdict = sight.verdicts[self._decision]
        if verdict.table.policy != "collect" and verdict.outputs is None and self.unknown:
            # Something may stand whatever is unknown.
            return self._decided(case)
        return _has(verdict, self.wanted)

    def confirmed(self, point: Point) -> bool:
        """Whether the engine decides so."""
        return self._decided(self.changed(point))

    def _decided(self, case: Case) -> bool:
        try:
            return self.wanted.holds(infer(case, self.pool))
        except InferenceError:
            return False

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The unknown facts that the conclusion may wait for."""
        waited_for = may_be_waited_for(self.knowledge, self.wanted.output)
        values = self.outcome.memory.values
        return tuple(name for name in self._facts if values[name] is None and name in waited_for)


@lru_cache(maxsize=64)
def may_be_waited_for(knowledge: Knowledge, output: str) -> frozenset[str]:
    """The facts that a conclusion hangs on whose value is asked for without asking whether it is known."""
    needed = rests_on(knowledge, output) | {output}
    nodes = [quantity.formula for name, quantity in knowledge.quantities.items() if name in needed]
    tables = {knowledge.decision_of[name] for name in needed if name in knowledge.decision_of}
    nodes += [row.when for name in tables for row in knowledge.decisions[name].rows]
    found = frozenset(name for node in nodes for name in _unguarded(node, frozenset()))
    return frozenset(name for name in knowledge.facts if name in found)


def _unguarded(node: Node, known: frozenset[str]) -> Iterator[str]:
    """The names whose being unknown may leave an expression without a value, given that some are known."""
    match node:
        case Name(name=name):
            if name not in known:
                yield name
        case State():
            return
        case Conditional(test=test, then=then, otherwise=otherwise):
            yield from _unguarded(test, known)
            yield from _unguarded(then, known | _known_where(test, holds=True))
            yield from _unguarded(otherwise, known | _known_where(test, holds=False))
        case And(parts=parts) | Or(parts=parts):
            # A part counts only where no other part has settled the whole.
            holds = isinstance(node, And)
            guards = [_known_where(part, holds=holds) for part in parts]
            for part in parts:
                others = (guard for other, guard in zip(parts, guards, strict=True) if other is not part)
                yield from _unguarded(part, known.union(*others))
        case _:
            for part in children(node):
                yield from _unguarded(part, known)


def _known_where(node: Node, *, holds: bool) -> frozenset[str]:
    """The names that are known wherever a condition comes out so."""
    match node:
        case State(name=name, state=state, negated=negated):
            says_known = (state != "unknown") if holds != negated else (state == "unknown")
            return frozenset({name}) if says_known else frozenset()
        case Not(operand=operand):
            return _known_where(operand, holds=not holds)
        case And(parts=parts) if holds:
            return frozenset().union(*(_known_where(part, holds=True) for part in parts))
        case Or(parts=parts) if not holds:
            return frozenset().union(*(_known_where(part, holds=False) for part in parts))
        case _:
            return frozenset()


def _apart(reasons: Sequence[frozenset[str]]) -> int:
    """How many of the reasons share no fact with each other, taken greedily."""
    used: set[str] = set()
    number = 0
    for reason in sorted(reasons, key=len):
        if used.isdisjoint(reason):
            used |= reason
            number += 1
    return number


@lru_cache(maxsize=256)
def _decisions_to(knowledge: Knowledge, decision: str) -> tuple[str, ...]:
    """The decisions that one depends on, in order, itself last."""
    needed = {decision}
    for name in reversed(knowledge.order):
        if name in needed:
            needed.update(knowledge.decision_of.get(read, read) for read in knowledge.reads[name])
    return tuple(name for name in knowledge.order if name in needed and name in knowledge.decisions)


def _has(verdict: Verdict, wanted: Wanted) -> bool:
    if verdict.table.policy == "collect":
        return any(verdict.table.rows[index].then[wanted.output] == wanted.word for index in verdict.decisive)
    return verdict.outputs is not None and verdict.outputs.get(wanted.output) == wanted.word


@dataclass(order=True, slots=True)
class _Waiting:
    """A region that is yet to be looked at, nearest first."""

    distance: tuple[float, float]
    number: int
    region: Region = field(compare=False)


class _Local:
    """The values of a few facts, all others as they are.

    Args:
        search: what is searched for.
        facts: the facts that may change, in order.
    """

    def __init__(self, search: _Search, facts: Sequence[str]) -> None:
        self.knowledge = search.knowledge
        self.facts = facts
        self.whole: Region = {name: full_domain(self.knowledge.facts[name]) for name in facts}
        #: Whether the last search for a point left nothing open.
        self.settled = True
        self._search = search
        self._now = search.outcome.memory.values
        #: Of an unknown number what it is usually answered with, else what a fact is now.
        self._aims = {name: self._aim(name, domain) for name, domain in self.whole.items()}
        self._blank = tuple(name for name in search.unknown if name not in self.whole)
        open_facts = {name: full_domain(self.knowledge.facts[name]) for name in self._blank}
        self._outlook = Outlook(search.outcome.memory, search.wanted.output, {**self.whole, **open_facts})

    # -- a region as a whole -------------------------------------------------------------------------

    def possible(self, region: Region) -> bool:
        """False where it is proved that no point of the region has what is wanted."""
        if self._may_decide(region):
            return True
        if not self._blank or self._table.policy == "collect" or not self._may_stay_open(region):
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
        try:
            memory = infer(self._search.changed(point), self._search.pool).memory
        except InferenceError:
            return
        domains = {name: full_domain(self.knowledge.facts[name]) for name in self._blank}
        found = Outlook(memory, self._search.wanted.output, domains).explore(enough=2, most=_TRIALS).values
        for word, values in found.items():
            if word != self._search.wanted.word:
                self._trials.insert(0, self._as_trial({**self._values_of_trial(), **values}))

    def _values_of_trial(self) -> dict[str, Value]:
        return {name: _sides(self.knowledge, name)[0] for name in self._blank}

    def _as_trial(self, values: Mapping[str, Value]) -> Region:
        asked = asked_states(self.knowledge)
        asked |= {name for state in asked for name in self.knowledge.upstream(state)}
        return {name: Domain(exactly(value), may_stay_open=name in asked) for name, value in values.items()}

    def _may_stay_open(self, region: Region) -> bool:
        """Whether the decision may stay open somewhere in the region, so that a conclusion may stand there."""
        self._search.looks += 1
        box, _ = self._outlook.region(region)
        return box[self._search.wanted.output].unknown

    def _may_decide(self, region: Region) -> bool:
        self._search.looks += 1
        _, rows = self._outlook.region(region)
        table = self._table
        if table.name not in rows:
            # Nothing that is open moves the decision.
            return self._search.wanted.holds(self._search.outcome)
        for row, truths in zip(table.rows, rows[table.name], strict=True):
            if truths.true and row.then[self._search.wanted.output] == self._search.wanted.word:
                return True
            if table.policy == "first" and not truths.false:
                return False
        return False

    @property
    def _table(self) -> DecisionTable:
        return self.knowledge.decisions[self.knowledge.decision_of[self._search.wanted.output]]

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
        until = self._search.looks + _MOST_FOR_ONE_SET
        while waiting:
            one = heapq.heappop(waiting)
            if best is not None and not self._worth_looking(one.distance, best):
                break
            if self._search.looks >= until:
                self.settled = best is not None
                break
            if not self.possible(one.region):
                continue
            near = {name: self._closest(name, domain) for name, domain in one.region.items()}
            if self._search.reached(near):
                return near if best is None or self.distance(near) < self.distance(best) else best
            if self._blank and self._table.policy != "collect":
                self._learn_from(near)
            parts = self._parts(one.region)
            best = self._better(best, near, one.region)
            if not parts and not all(_is_one_value(domain) for domain in one.region.values()):
                # Too narrow to cut; its middle and its ends were tried.
                self.settled = self.settled and best is not None
            for part in parts:
                heapq.heappush(waiting, _Waiting(self._least(part), next(numbers), part))
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
            if point != near and is_nearer and self._search.reached(point):
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
        if start == value or self._search.reached({**point, name: start}):
            return start
        fails, does = start, value
        while True:
            middle = _whole(fails + (does - fails) / 2, domain)
            if middle in (fails, does):
                return does
            if self._search.reached({**point, name: middle}):
                does = middle
            else:
                fails = middle

    def plainer(self, point: Point) -> Point:
        """The point with its numbers as round as may be without moving it noticeably further.

        A number on its own stays the nearest there is, and so does what lies right beside a round number.
        """
        found = dict(point)
        limit = self.distance(point)[0] + self._tolerance
        for name, value in point.items():
            if isinstance(value, float) and value != self._now[name] and not self._is_plain(name, value):
                for candidate in self._rounder(name, value):
                    tried = {**found, name: candidate}
                    if self.distance(tried)[0] <= limit and self._search.reached(tried):
                        found = tried
                        break
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


class _Prover:
    """z3 asked which facts could be otherwise so that the case has what is wanted."""

    def __init__(self, search: _Search) -> None:
        import z3

        from engine.symbols import SymbolicBase

        self._search = search
        self.knowledge = search.knowledge
        #: Whether the last proposals ended because z3 proved that there are no more.
        self.exhausted = False
        wanted = search.wanted
        self._base = SymbolicBase(self.knowledge, self.knowledge.decision_of[wanted.output], standing=False)
        self._solver = z3.Solver()
        self._solver.set("rlimit", _STEPS)
        self._solver.set("timeout", _MILLISECONDS)
        self._solver.add(*self._base.bounds, self._base.meets(Reaches(wanted.output, wanted.word)))
        #: For each fact whether it is answered anew.
        self._changed: dict[str, Any] = {}
        for name in self.knowledge.facts:
            if name in self._base.translator.origins:
                changed = self._changed[name] = z3.Bool(f"changed {name}")
                answered = self._base.translator.origins[name]["answered"]
                self._solver.add(z3.If(changed, answered, z3.And(*self._held(name))))

    def proposals(
        self, size: int, reasons: Sequence[frozenset[str]], tried: Iterable[frozenset[str]]
    ) -> Iterator[tuple[frozenset[str], Point]]:
        """Sets of at most so many facts, each with values that lead to what is wanted by z3's exact arithmetic.

        Args:
            size: how many facts may change.
            reasons: groups of facts of each of which one must change; more may be added on the way.
            tried: sets that are not wanted again.
        """
        import z3

        self.exhausted = False
        self._solver.push()
        try:
            self._solver.add(z3.AtMost(*self._changed.values(), size), *(self._but(facts) for facts in tried))
            used = 0
            while True:
                self._solver.add(*(self._one_of(reason) for reason in reasons[used:]))
                used = len(reasons)
                answer = self._solver.check()
                self.exhausted = bool(answer == z3.unsat)
                if answer != z3.sat:
                    return
                facts, point = self._proposal(self._solver.model())
                yield facts, point
                self._solver.add(self._but(facts))
        finally:
            self._solver.pop()

    def _proposal(self, model: Any) -> tuple[frozenset[str], Point]:
        import z3

        given = self._base.case(model).given
        facts = [name for name, changed in self._changed.items() if z3.is_true(model.eval(changed))]
        return frozenset(facts), {name: given[name].value for name in facts}

    def _one_of(self, reason: frozenset[str]) -> Any:
        import z3

        return z3.Or(*(self._changed[name] for name in self._changed if name in reason))

    def _but(self, facts: frozenset[str]) -> Any:
        """Any other set than this one."""
        import z3

        return z3.Or(*(z3.Not(one) if name in facts else one for name, one in self._changed.items()))

    def _held(self, name: str) -> list[Any]:
        """A fact as it is in the case: given with its value and origin, or not given."""
        import z3

        origins = self._base.translator.origins[name]
        given = self._search.case.given.get(name)
        ways = [condition for way, condition in origins.items() if way in ("answered", "measured", "supposed")]
        if given is None or given.value is None:
            return [z3.Not(z3.Or(*ways))]
        way = {"assumed": "supposed"}.get(given.origin, given.origin)
        return [origins.get(way, z3.Or(*ways)), self._same(name)]

    def _same(self, name: str) -> Any:
        term = self._base.translator.terms[name]
        constant = self._base.translator.constant(self._search.outcome.memory.values[name])
        match term, constant:
            case SymbolicNumber(), SymbolicNumber():
                return term.value == constant.value
            case SymbolicWord(), SymbolicWord():
                return term.code == constant.code
            case SymbolicTruth(), SymbolicTruth():
                return term.true == constant.true
            case _:
                raise TypeError(f"{name} has a value of another kind than it is declared with")
