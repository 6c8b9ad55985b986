"""The fewest facts that would have to be otherwise for a conclusion to come out, and the least they would have to move.

Exact, and verified: every set that is returned was decided by the engine, and needs each of its facts. Sets of
facts are proposed as the smallest that touch every reason found so far. A reason is a group of facts of which one
must change: while all of them stay as they are the conclusion is proved not to come out, whatever the other facts
are answered with and whichever of them stay as they are. Whether a proposed set will do is found by regions,
nearest first; what these leave open is put to z3.

How far a fact moves is measured as the difference over the sum of both sizes: 0 where it stays, a third where
it is doubled or halved, 1 where it changes its sign or comes from nothing. Another choice, the other truth and
an answer where there was none count as 1. Taking an answer back is not counted as a change, and is proposed
only where no answers were found that lead to the conclusion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

from engine.case import Case
from engine.errors import InferenceError
from engine.explain.nearest import Anyhow, Nearby
from engine.explain.proposals import Proposals
from engine.explain.wanted import Attempts, Point, Wanted
from engine.inference import EnginePool
from engine.pipeline import Outcome, infer
from engine.testing.goals import Reaches
from engine.testing.witness import Witness

#: Sets of changes that are shown, and those of several facts among which they are chosen.
MOST_SETS = 5
_MOST_FOUND = 5
#: How many facts may have to change at once before it is given up.
MOST_FACTS = 6
#: Regions looked at for all single facts, and for all sets of one larger size.
_MOST_LOOKS_AT_ONE = 1_500
_MOST_LOOKS = 300
#: Sets, complete or not, tried out against the reasons for all sets of one size.
_MOST_STEPS = 10_000
_SECONDS_FOR_IMPOSSIBLE = 2.0
#: How many answers at once are tried to be taken back.
_MOST_TAKEN_BACK = 2


@dataclass(frozen=True, slots=True)
class Changes:
    """One set of changes that was decided to lead to what is wanted, with how far it moves the case."""

    point: Point
    distance: tuple[float, float]


#: What a search came to; see ``Found``.
Status = Literal["found", "impossible", "no answers", "not found"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Args:
        status: ``found``; ``impossible``: proved of all cases; ``no answers``: proved of all that this one becomes
            by answers; ``not found`` within the limits.
        sets: the least sets of changes, those that move the case least first.
        fewest: True where it is proved that fewer changes will not do.
        complete: True where it is proved that no other set of as few facts will do.
        proof: what follows from what, where it is impossible, or not to be had by answers.
    """

    status: Status
    sets: tuple[Changes, ...] = ()
    fewest: bool = False
    complete: bool = False
    proof: str | None = None


def smallest_changes(outcome: Outcome, pool: EnginePool, wanted: Wanted) -> Found:
    """The sets of fewest changes that lead to a conclusion, or the proof that nothing does."""
    return _Search(outcome, pool, wanted).run()


class _Search:
    def __init__(self, outcome: Outcome, pool: EnginePool, wanted: Wanted) -> None:
        self._attempts = Attempts(outcome, pool, wanted)
        self._facts = self._attempts.facts
        #: Regions looked at so far.
        self._looks = 0
        #: Groups of facts of which each set of changes must hold one: those that are proved, and all.
        self._sound_reasons: list[frozenset[str]] = []
        self._reasons: list[frozenset[str]] = []
        #: Whether it is proved that no answers lead to what is wanted.
        self._ruled_out = False
        #: Sets of facts about which nothing was found out.
        self._left_open: set[frozenset[str]] = set()
        self._tried: set[frozenset[str]] = set()
        #: The sizes of which it is proved that no set was missed.
        self._all_seen: set[int] = set()
        #: How many more sets may be tried out against the reasons.
        self._steps = _MOST_STEPS
        #: Whether sets of the size at hand may have been missed.
        self._unproved = False

    def run(self) -> Found:
        if self._note_reason(frozenset()):
            # The case itself does not have what is wanted, so something must change.
            self._rule_out(frozenset(self._facts))
        for size in range(1, min(MOST_FACTS, len(self._facts)) + 1):
            if self._ruled_out:
                break
            found = self._of_size(size)
            if found:
                return self._least(found, size)
        return self._without_answers()

    def _of_size(self, size: int) -> list[Changes]:
        """Sets of so many changes, or of fewer where a set turned out to need no more; notes whether all were seen."""
        found: dict[frozenset[str], Changes] = {}
        enough = False
        for facts, seed in self._single_facts() if size == 1 else self._proposals(size):
            changes = self._tested(facts, seed)
            if changes is not None:
                found.setdefault(frozenset(changes.point), changes)
            if size > 1 and len(found) >= _MOST_FOUND:
                enough = True
                break
        if not enough and not self._unproved and not any(len(facts) == size for facts in self._left_open):
            self._all_seen.add(size)
        return list(found.values())

    def _least(self, found: list[Changes], looked_for: int) -> Found:
        """The sets of fewest facts among those found when sets of one size were looked for."""
        size = min(len(one.point) for one in found)
        least = [one for one in found if len(one.point) == size]
        fewest = self._nothing_smaller(size)
        complete = fewest and size == looked_for and size in self._all_seen and len(least) <= MOST_SETS
        return Found("found", tuple(self._nearest(least)), fewest, complete)

    def _single_facts(self) -> Iterator[tuple[frozenset[str], Point | None]]:
        """Every single fact that no reason rules out, then those that are left open, as z3 has values for them."""
        yield from self._touching_all(1)
        open_facts = [facts for facts in self._left_open if len(facts) == 1]
        if (open_facts or self._unproved) and not self._attempts.after_signal:
            tried = self._tried.difference(open_facts)
            yield from self._prover.of_size(1, self._sound_reasons, tried)
            if self._prover.exhausted and not self._attempts.unknown:
                self._left_open.difference_update(open_facts)
                self._unproved = False

    def _proposals(self, size: int) -> Iterator[tuple[frozenset[str], Point | None]]:
        """Sets of so many facts that may do, each once, with values that z3 has for them."""
        self._unproved = False
        if not self._attempts.after_signal:
            for proposal in self._prover.of_size(size, self._sound_reasons, self._tried):
                self._tried.add(proposal[0])
                yield proposal
            self._unproved = not self._prover.exhausted
            if self._prover.exhausted and (not self._attempts.unknown or not self._nothing_smaller(size)):
                return
        # What may stand whatever is unknown is beyond z3, so here all sets are looked at that no reason rules out.
        yield from self._touching_all(size)

    def _touching_all(self, size: int) -> Iterator[tuple[frozenset[str], None]]:
        """Sets of so many facts that touch every reason known by then, each once."""
        until = self._looks + (_MOST_LOOKS_AT_ONE if size == 1 else _MOST_LOOKS)
        self._steps = _MOST_STEPS
        while (proposed := self._touching(frozenset(), size)) is not None:
            if self._looks >= until or self._attempts.out_of_time():
                self._unproved = True
                return
            self._tried.add(proposed)
            yield proposed, None
        self._unproved = self._steps <= 0

    def _nothing_smaller(self, size: int) -> bool:
        return self._all_seen.issuperset(range(1, size))

    @cached_property
    def _prover(self) -> Proposals:
        return Proposals(self._attempts)

    def _nearest(self, found: list[Changes]) -> list[Changes]:
        order = {name: index for index, name in enumerate(self._attempts.knowledge.facts)}
        found.sort(key=lambda one: (one.distance, [order[name] for name in one.point]))
        return found[:MOST_SETS]

    def _without_answers(self) -> Found:
        """What there is to say where no answers were found: that no case comes to it, or which answers to take back."""
        proof = self._in_no_case()
        if proof is not None:
            return Found("impossible", proof=proof)
        taken_back = self._taken_back()
        if taken_back:
            single = len(taken_back[0].point) == 1
            complete = single and self._nothing_by_answers and len(taken_back) <= MOST_SETS
            return Found("found", tuple(self._nearest(taken_back)), fewest=single, complete=complete)
        if self._ruled_out:
            return Found("no answers", proof="it is ruled out for all answers at once")
        if self._nothing_by_answers:
            return Found("no answers", proof="it is ruled out for the answers to every set of facts")
        return Found("not found")

    @property
    def _nothing_by_answers(self) -> bool:
        """Whether it is proved that no answers lead to what is wanted."""
        return self._ruled_out or self._nothing_smaller(len(self._facts) + 1)

    def _in_no_case(self) -> str | None:
        """The proof that no case whatever comes to what is wanted; None where there is none."""
        wanted = self._attempts.wanted
        if self._ruled_out and self._from_nothing_ruled_out():
            return "it is ruled out for all values of the facts at once"
        found = Witness(self._attempts.pool, seconds=_SECONDS_FOR_IMPOSSIBLE).impossible(
            Reaches(wanted.output, wanted.word)
        )
        return found.proof if found else None

    def _from_nothing_ruled_out(self) -> bool:
        """Whether all cases are ruled out at once: those that the case without any answer becomes by answers."""
        if self._attempts.ways_are_told_apart:
            # Of what is measured or assumed by whoever asks rules may say what they say of no answer.
            return False
        try:
            empty = infer(Case("", {}), self._attempts.pool)
        except InferenceError:
            return False
        anyhow = Anyhow(Attempts(empty, self._attempts.pool, self._attempts.wanted), self._facts)
        return not anyhow.possible(anyhow.whole)

    def _taken_back(self) -> list[Changes]:
        """The least sets of answers that lead to what is wanted by being taken back."""
        given = [name for name in self._facts if (one := self._attempts.case.given.get(name)) and one.value is not None]
        for size in range(1, _MOST_TAKEN_BACK + 1):
            found: list[Changes] = []
            for names in combinations(given, size):
                point: Point = dict.fromkeys(names)
                if size > 1 and self._attempts.out_of_time():
                    break
                if self._attempts.confirmed(point):
                    found.append(Changes(point, (float(size), 0.0)))
            if found:
                return found
        return []

    # -- sets of facts -----------------------------------------------------------------------------

    def _touching(self, chosen: frozenset[str], size: int) -> frozenset[str] | None:
        self._steps -= 1
        if self._steps <= 0:
            return None
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
        """The nearest change of these facts that does, without those it does not need; None notes why there is none."""
        if not self._note_reason(facts):
            return None
        nearby, point = self._searched(facts, seed)
        if point is not None and self._attempts.confirmed(point):
            self._left_open.discard(facts)
            return self._needed(Changes(point, nearby.distance(point)))
        self._rule_out(frozenset(self._facts) - facts, proved=point is None and nearby.settled)
        if point is not None or not nearby.settled:
            self._left_open.add(facts)
        return None

    def _searched(self, facts: frozenset[str], seed: Point | None) -> tuple[Nearby, Point | None]:
        """The nearest point of exactly these facts, as round as may be."""
        nearby = Nearby(self._attempts, [name for name in self._facts if name in facts])
        point = nearby.nearest(seed if seed is not None and self._attempts.reached(seed) else None)
        if point is not None:
            point = nearby.plainer(nearby.polished(point))
        self._looks += nearby.looks
        return nearby, point

    def _needed(self, changes: Changes) -> Changes:
        """A set of changes less those without which the rest does as well."""
        for name in changes.point:
            rest = {other: value for other, value in changes.point.items() if other != name}
            if rest and self._attempts.confirmed(rest):
                nearby, point = self._searched(frozenset(rest), rest)
                if point is None or not self._attempts.confirmed(point):
                    point = rest
                return self._needed(Changes(point, nearby.distance(point)))
        return changes

    def _rule_out(self, reason: frozenset[str], *, proved: bool = True) -> None:
        """Note facts of which one must change, be it among as many as are tried by then.

        What is not proved only keeps a set from being proposed again.
        """
        self._reasons.append(reason)
        if proved:
            self._sound_reasons.append(reason)

    def _note_reason(self, facts: frozenset[str]) -> bool:
        """Whether a change of some of these facts may do; where it is ruled out, what stays is noted as a reason."""
        if self._possible(facts):
            return True
        free = facts
        for name in self._facts:
            if name not in free and not self._possible(free | {name}):
                free |= {name}
        self._ruled_out = self._ruled_out or len(free) == len(self._facts)
        self._rule_out(frozenset(self._facts) - free)
        return False

    def _possible(self, facts: Iterable[str]) -> bool:
        """False where it is proved at a glance that no change of these facts, or of some of them, does."""
        chosen = frozenset(facts)
        anyhow = Anyhow(self._attempts, [name for name in self._facts if name in chosen])
        possible = anyhow.possible(anyhow.whole)
        self._looks += anyhow.looks
        return possible


def _apart(reasons: Sequence[frozenset[str]]) -> int:
    """How many of the reasons share no fact with each other, taken greedily."""
    used: set[str] = set()
    number = 0
    for reason in sorted(reasons, key=len):
        if used.isdisjoint(reason):
            used |= reason
            number += 1
    return number
