"""At which value of which fact the recommendation changes, the others held: for every fact, nearest first.

A fact is varied as if it were answered: what the case says of it (a range, a bill in place of a price, an
assumption, a default computed from others) is set aside, and whatever is computed from it follows. Today's
value is the one in use, of a range the likely one; where a figure stands in for an unknown fact it is the
figure's. Every change is confirmed on both sides by the inference engine before it is reported.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.case import Case, Given
from engine.errors import BadInput, InferenceError, Place, Problem, did_you_mean
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.left_open import Hints
from engine.outlook import asked_states
from engine.pipeline import Outcome, infer
from engine.prospect import can_be_foreseen
from engine.turning import FactLine, Segment, Turn, boundaries, last_and_first

#: Along a fact with more changes than these a rule compares what differs by rounding alone, to and fro all along it.
_MOST_CHANGES = 100
#: Processor time for proofs along all facts together, and along each of them; what is left is tried.
_SECONDS = 4.0
_SECONDS_A_FACT = 1.5


@dataclass(frozen=True, slots=True)
class Flip:
    """One value at which the recommendation changes, seen from today's value.

    Args:
        at: the boundary, the rounder of the two neighbouring numbers between which it changes.
        side: whether it changes above or below it; of a fact without a value today always above.
        inclusive: whether it has changed at the boundary itself.
        before: what is recommended on today's side of it.
        becomes: what is recommended beyond it.
    """

    fact: str
    at: float
    side: str
    inclusive: bool
    before: str
    becomes: str


@dataclass(frozen=True, slots=True)
class FactFlips:
    """Where one numeric fact changes the recommendation.

    Args:
        current: today's value; None where the fact is unknown and nothing stands in for it.
        origin: where today's value comes from; see ``engine.costs``.
        nearest: the nearest change on each side; of a fact without a value today all of them.
        further: the changes beyond those, outwards.
        answered: what is recommended where the fact is answered with today's value (or, without one, with
            any value at all), if that alone changes the recommendation; else None.
        distance: how near the nearest change is: 0 where it is at today's value, 1/2 where it takes half or
            twice of it, near 1 for another order of magnitude; above 1 beyond zero. None without a value today.
        proved: whether all values in between are proved to change nothing, not only tried.
        erratic: whether it changes to and fro more often than anybody can follow; the further changes are left
            out then.
    """

    fact: str
    current: float | None
    origin: str | None
    nearest: tuple[Flip, ...]
    further: tuple[Flip, ...]
    answered: str | None
    distance: float | None
    proved: bool
    erratic: bool = False

    def away(self, flip: Flip) -> float | None:
        """How far one of the changes is from today's value; None without one."""
        return None if self.current is None else distance(self.current, flip.at)

    @property
    def is_steady(self) -> bool:
        """Whether no value changes the recommendation."""
        return not self.nearest and self.answered is None


@dataclass(frozen=True, slots=True)
class ChoiceFlip:
    """Another answer to a yes/no or choice fact that changes the recommendation; current None is unknown."""

    fact: str
    current: Value
    answer: str | bool
    becomes: str


@dataclass(frozen=True, slots=True)
class Flips:
    """Everything that, changed alone, changes the recommendation.

    Args:
        outcome: the case as decided today.
        recommendation: what is recommended today, the fallback where something unknown keeps it open.
        facts: the numeric facts that change it, nearest first, those without a value today last.
        choices: the other facts' answers that change it, in the order of the vocabulary.
        steady: the facts that change nothing, whatever they are.
        unproved_steady: those of them for which that is not proved, only tried.
    """

    outcome: Outcome
    recommendation: str
    facts: tuple[FactFlips, ...]
    choices: tuple[ChoiceFlip, ...]
    steady: tuple[str, ...]
    unproved_steady: tuple[str, ...]


def find_flips(case: Case, pool: EnginePool) -> Flips:
    """Where each fact, varied alone, changes the recommendation of a case.

    Raises:
        BadInput: the base has no recommendation, or one that cannot be followed along a fact.
        InferenceError: the engine does not confirm a change; the message names the fact and the values.
    """
    knowledge = pool.knowledge
    require_recommendation(knowledge)
    outcome = infer(case, pool)
    search = _Search(outcome, pool)
    numeric = [search.along(name) for name in knowledge.facts if _is_number(knowledge, name)]
    choices = [flip for name in knowledge.facts if not _is_number(knowledge, name) for flip in search.answers(name)]
    changing = [found for found in numeric if not found.is_steady]
    moving = {found.fact for found in changing} | {flip.fact for flip in choices}
    return Flips(
        outcome,
        search.recommendation,
        tuple(sorted(changing, key=lambda found: (found.distance is None, found.distance or 0.0))),
        tuple(choices),
        tuple(name for name in knowledge.facts if name not in moving),
        tuple(found.fact for found in numeric if found.is_steady and not found.proved),
    )


def require_recommendation(knowledge: Knowledge) -> None:
    """Refuse a base whose recommendation cannot be followed along a fact.

    Raises:
        BadInput: there is none, or it depends on whether something could turn it.
    """
    place = Place(str(knowledge.directory / "knowledge.yaml"))
    if knowledge.manifest.recommends is None:
        message = "the base recommends nothing, so nothing can change its recommendation"
        hint = "Name the output that is the answer: recommends: OUTPUT."
        raise BadInput([Problem(place, message, field="recommends", hint=hint)])
    if not can_be_foreseen(knowledge):
        message = "the recommendation itself depends on whether something could turn it, so it cannot be followed"
        hint = "Let no decision that the recommendation rests on read that name."
        raise BadInput([Problem(place, message, field="could_turn", hint=hint)])


def check_numeric(knowledge: Knowledge, name: str, option: str) -> None:
    """Refuse a name that is no numeric fact.

    Raises:
        BadInput: naming the option.
    """
    if name in knowledge.facts and _is_number(knowledge, name):
        return
    numeric = [fact for fact in knowledge.facts if _is_number(knowledge, fact)]
    problem = f"{name} is no number" if name in knowledge.facts else f"there is no fact {name!r}"
    hint = did_you_mean(name, numeric) or f"Numeric facts: {', '.join(numeric)}."
    raise BadInput([Problem(Place(option), problem, hint=hint)])


def recommended(outcome: Outcome) -> str:
    """What is recommended in the end: what the rules settled on, else the fallback; empty where there is neither."""
    fallback = outcome.knowledge.manifest.fallback
    return outcome.recommended or (fallback.conclusion if fallback else "")


def todays_value(outcome: Outcome, fact: str) -> float | None:
    """The value of a numeric fact that is in use, or of the figure that stands in its place."""
    value = outcome.memory.values[fact]
    figure = outcome.knowledge.manifest.turning.get(fact)
    if value is None and figure:
        value = outcome.memory.values[figure]
        low, high = outcome.knowledge.facts[fact].bounds
        return value if isinstance(value, float) and low <= value <= high else None
    return value if isinstance(value, float) else None


def line_along(outcome: Outcome, fact: str, hints: Hints | None = None, seconds: float = math.inf) -> FactLine:
    """The recommendation of a decided case along one numeric fact; hints of other lines make it quicker.

    Where the processor time is up, what the rows leave open is tried and not proved.
    """
    fallback = outcome.knowledge.manifest.fallback
    return FactLine(outcome.memory, fact, fallback.conclusion if fallback else None, hints, seconds)


def distance(current: float, at: float) -> float:
    """How far a value is from today's: their difference relative to the larger of the two."""
    largest = max(abs(current), abs(at))
    return abs(at - current) / largest if largest else 0.0


def _is_number(knowledge: Knowledge, fact: str) -> bool:
    declared = knowledge.facts[fact]
    return declared.type in ("number", "integer")


class _Search:
    def __init__(self, outcome: Outcome, pool: EnginePool) -> None:
        self._outcome = outcome
        self._knowledge = outcome.knowledge
        self._pool = pool
        self.recommendation = recommended(outcome)
        self._hints = Hints()
        #: Processor time that is left for proofs.
        self._seconds = _SECONDS

    def along(self, fact: str) -> FactFlips:
        """Where one numeric fact changes the recommendation, each change confirmed."""
        start = time.process_time()
        line = line_along(self._outcome, fact, self._hints, min(self._seconds, _SECONDS_A_FACT))
        segments = line.segments()
        # What was only tried after that takes nothing from the other facts.
        self._seconds -= min(time.process_time() - start, _SECONDS_A_FACT)
        current = todays_value(self._outcome, fact)
        nearest, further = self._changes(fact, segments, current)
        erratic = len(nearest) + len(further) > _MOST_CHANGES
        home = _home(segments, current)
        answered = {segments[home].recommends} if home is not None else {one.recommends for one in segments}
        alone = answered.pop() if len(answered) == 1 else None
        found = FactFlips(
            fact=fact,
            current=current,
            origin=self._outcome.memory.origins.get(fact),
            nearest=nearest[:_MOST_CHANGES],
            further=() if erratic else further,
            answered=alone if alone != self.recommendation else None,
            distance=None,
            proved=line.proved and not erratic,
            erratic=erratic,
        )
        self._confirm(found, None if home is None else segments[home].recommends)
        return replace(found, distance=_nearness(found))

    def _changes(
        self, fact: str, segments: tuple[Segment, ...], current: float | None
    ) -> tuple[tuple[Flip, ...], tuple[Flip, ...]]:
        home = _home(segments, current)
        if home is None:
            return tuple(_flip(turn, before) for turn, before in boundaries(fact, segments, "above")), ()
        below = [_flip(turn, before) for turn, before in boundaries(fact, segments[: home + 1], "below")][::-1]
        above = [_flip(turn, before) for turn, before in boundaries(fact, segments[home:], "above")]
        return (*below[:1], *above[:1]), (*below[1:], *above[1:])

    def _confirm(self, found: FactFlips, at_today: str | None) -> None:
        integer = self._knowledge.facts[found.fact].type == "integer"
        low, high = self._knowledge.facts[found.fact].bounds
        if at_today is not None and found.current is not None and low <= found.current <= high:
            self._confirm_at(found.fact, found.current, at_today)
        for flip in (*found.nearest, *found.further):
            last, first = last_and_first(
                Turn(flip.fact, flip.at, flip.side, flip.inclusive, flip.becomes), integer=integer
            )
            self._confirm_at(flip.fact, last, flip.before)
            self._confirm_at(flip.fact, first, flip.becomes)

    def _confirm_at(self, fact: str, value: float, expected: str) -> None:
        concluded = self.decided_with(fact, value)
        if concluded != expected:
            raise InferenceError(
                f"along {fact} the recommendation was found to be {expected or 'none'} at {value!r}, "
                f"but the engine comes to {concluded or 'none'}"
            )

    def decided_with(self, fact: str, value: Value) -> str:
        """What the engine recommends where the fact is answered with the value."""
        if value == self._outcome.memory.values[fact] and self._is_as_good_as_answered(fact):
            return self.recommendation
        return recommended(infer(self._outcome.case.replace(fact, Given(fact, value)), self._pool))

    def _is_as_good_as_answered(self, fact: str) -> bool:
        """Whether no rule tells the fact as it is known today from an answer."""
        return self._outcome.memory.origins.get(fact) == "answered" or fact not in asked_states(self._knowledge)

    def answers(self, fact: str) -> Iterator[ChoiceFlip]:
        """The answers to a yes/no or choice fact that change the recommendation."""
        current = self._outcome.memory.values[fact]
        declared = self._knowledge.facts[fact]
        options: tuple[str | bool, ...] = (True, False) if declared.type == "yes/no" else declared.words
        for answer in options:
            becomes = self.decided_with(fact, answer)
            if becomes != self.recommendation:
                yield ChoiceFlip(fact, current, answer, becomes)


def _home(segments: tuple[Segment, ...], current: float | None) -> int | None:
    """The segment of today's value, or the nearest where it lies beyond all that the fact may be answered with."""
    if current is None:
        return None
    within = min(max(current, segments[0].low), segments[-1].high)
    return next(index for index, one in enumerate(segments) if within <= one.high)


def _flip(turn: Turn, before: str) -> Flip:
    return Flip(turn.fact, turn.at, turn.side, turn.inclusive, before, turn.becomes)


def _nearness(found: FactFlips) -> float | None:
    if found.current is None:
        return None
    if found.answered is not None:
        return 0.0
    return min((distance(found.current, flip.at) for flip in found.nearest), default=None)
