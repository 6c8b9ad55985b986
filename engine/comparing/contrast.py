"""Cases tried on two knowledge bases at once by the plain evaluator, to find what comes out differently.

Cases are made at the thresholds of both, aimed at the rows that changed, and then along single facts to the
very point where one base turns. The choice is the same in every run.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from engine.case import Case, Given
from engine.checking.trials import Trial, Trials
from engine.comparing.alike import Alike, Target, accepts, names_behind
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.language.nodes import names_in

#: Cases tried on both bases; fewer for bases of many rows, each of which takes its time.
_CASES = 1_200
_EVALUATIONS = 400_000
#: Of these the first are made by chance alone, and of the others so many aimed at a row.
_FIRST_CASES = 200
_AIMED = 0.7
#: Cases from which one goes along facts, at first and if all else fails, and how often the way between two numbers
#: is halved.
_FIRST_WALKS = 8
_WALKS = 40
_HALVINGS = 50
#: Cases tried in search of one that differs if something could turn the recommendation, and numbers of each fact
#: between which one searches.
_WITH_SIGNALS = 3_000
_SOME_NUMBERS = 6
#: Cases kept for each conclusion: those that show a difference, and those to start a walk from.
_MOST_SHOWING = 2
_MOST_STARTS = 200
#: Numbers agree where their first nine digits do.
_NINE_DIGITS = 1e-9


@dataclass(frozen=True, slots=True)
class Pair:
    """One case tried on both bases."""

    old: Trial
    new: Trial

    @property
    def case(self) -> Case:
        """The case."""
        return self.old.case


@dataclass(slots=True)
class Seen:
    """What trials have shown of one conclusion.

    Args:
        showing: pairs that differ, those first in which both bases conclude something.
        moved: pairs in which both conclude the same, though something that it depends on differs.
        unmoved: pairs in which both conclude the same.
    """

    showing: list[Pair] = field(default_factory=list)
    moved: list[Pair] = field(default_factory=list)
    unmoved: list[Pair] = field(default_factory=list)

    @property
    def starts(self) -> Sequence[Pair]:
        """Where to start from in search of a difference."""
        return self.moved or self.unmoved


class Contrast:
    """Tries cases on both bases and remembers what comes out differently.

    Args:
        alike: the bases.
        asked: the conclusions that may differ.
    """

    def __init__(self, alike: Alike, asked: Sequence[Target]) -> None:
        self.alike = alike
        self.asked = asked
        self.old, self.new = Trials(alike.old), Trials(alike.new)
        self.seen = {target: Seen() for target in asked}
        #: The figures and defaults that were something else for one and the same case.
        self.apart: set[str] = set()
        self._at_ends: list[tuple[Trials, Trials]] = []
        self._quantities = [
            name for name in alike.new.quantities if name in alike.old.quantities and name not in alike.identical
        ]

    # -- one case ----------------------------------------------------------------------------------

    def at(self, case: Case, *, signal: bool) -> Pair:
        """A case that both bases can read, tried on both.

        Args:
            case: the case.
            signal: what bases are told that ask whether something could turn their recommendation.
        """
        return Pair(self.old.of(case, signal=signal), self.new.of(case, signal=signal))

    def look_at(self, case: Case, *, signal: bool = False) -> Pair:
        """Try a case, as far as both bases can read it, and remember what it shows."""
        pair = self.at(self.alike.common(case), signal=signal)
        apart = {name for name in self._quantities if _apart(pair.old.values[name], pair.new.values[name])}
        self.apart |= apart
        for target, seen in self.seen.items():
            self._note(pair, target, seen, is_moved=bool(apart & self._behind[target]))
        return pair

    @cached_property
    def _behind(self) -> Mapping[Target, frozenset[str]]:
        """For each conclusion everything that it depends on in either base."""
        bases = (self.alike.old, self.alike.new)
        return {
            target: frozenset().union(*(names_behind(base, target.outputs[0]) for base in bases))
            for target in self.asked
        }

    def _note(self, pair: Pair, target: Target, seen: Seen, *, is_moved: bool) -> None:
        settled = self.settled(pair, target)
        if not self.differs(pair, target):
            starts = seen.moved if is_moved else seen.unmoved
            if settled and len(starts) < _MOST_STARTS:
                starts.append(pair)
        elif settled:
            seen.showing = [*(one for one in seen.showing if self.settled(one, target)), pair][:_MOST_SHOWING]
        elif len(seen.showing) < _MOST_SHOWING:
            seen.showing.append(pair)

    def differs(self, pair: Pair, target: Target) -> bool:
        """Whether the rows of both bases conclude something else."""
        old, new = self.concluded(pair, target)
        return old != new

    def settled(self, pair: Pair, target: Target) -> bool:
        """Whether both bases conclude something."""
        return None not in self.concluded(pair, target)

    def concluded(self, pair: Pair, target: Target) -> tuple[Hashable, Hashable]:
        """What the rows of each base conclude, in a form to compare; None where they conclude nothing."""
        return _concluded(pair.old, self.alike.old, target), _concluded(pair.new, self.alike.new, target)

    # -- many cases --------------------------------------------------------------------------------

    def simulate(self, cases: Iterable[Case]) -> None:
        """Try the cases at hand, cases made by chance, and cases aimed at what changed."""
        for case in (Case("found", {}), *cases):
            self.look_at(case)
        rng = random.Random(0)  # noqa: S311 - the same cases in every run
        signals = (False, True) if self.alike.new.manifest.could_turn else (False,)
        rows = sum(len(table.rows) for base in (self.alike.old, self.alike.new) for table in base.decisions.values())
        for count in range(min(_CASES, _EVALUATIONS // (rows + 1))):
            if count >= _FIRST_CASES and all(self._is_shown(target) for target in self.asked):
                return
            self.look_at(self._next_case(rng, count), signal=rng.choice(signals))

    def _is_shown(self, target: Target) -> bool:
        return any(self.settled(pair, target) for pair in self.seen[target].showing)

    def aimed(self, rng: random.Random, target: Target) -> Case:
        """A case made to let some row of a conclusion decide in one of the bases."""
        trials = rng.choice((self.old, self.new))
        table = target.table(trials.knowledge)
        return trials.aimed(rng, table.name, rng.randrange(len(table.rows)))

    def _next_case(self, rng: random.Random, count: int) -> Case:
        trials = rng.choice((self.old, self.new))
        rows = self._changed_rows[0 if trials is self.old else 1]
        if count < _FIRST_CASES or not rows or rng.random() >= _AIMED:
            return trials.at_random(rng)
        return trials.aimed(rng, *rng.choice(rows))

    @cached_property
    def _changed_rows(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """The rows of each base that the other does not have, or that read what may be something else there."""
        old, new = self.alike.old, self.alike.new
        return self._rows_changed_in(old, new), self._rows_changed_in(new, old)

    def _rows_changed_in(self, base: Knowledge, other: Knowledge) -> list[tuple[str, int]]:
        found, identical = [], self.alike.identical
        for name, theirs in {target.table(base).name: target.table(other) for target in self.asked}.items():
            known = [(row.when, row.then) for row in theirs.rows]
            for index, row in enumerate(base.decisions[name].rows):
                if (row.when, row.then) not in known or not names_in(row.when) <= identical:
                    found.append((name, index))
        return found

    # -- along one fact ----------------------------------------------------------------------------

    def walk(self, target: Target, *, further: bool) -> None:
        """Go along each number of some cases to where one base turns, in search of a point where the other does not.

        Args:
            target: the conclusion.
            further: go on with the cases that were not walked from at first.
        """
        rng = random.Random(0)  # noqa: S311 - the same walks in every run
        starts = list(self.seen[target].starts)
        rng.shuffle(starts)
        chosen = sorted(starts, key=lambda pair: not self._hangs_on_change(pair, target))[:_WALKS]
        old, new = (Trials(_only_behind(base, target)) for base in (self.alike.old, self.alike.new))
        for start in chosen[_FIRST_WALKS:] if further else chosen[:_FIRST_WALKS]:

            def concluded(case: Case, signal: bool = start.old.signal) -> tuple[Hashable, Hashable]:
                common = self.alike.common(case)
                return self.concluded(Pair(old.of(common, signal=signal), new.of(common, signal=signal)), target)

            for name in self._numbers_behind(target):
                notable, own = self._notable_numbers(name), start.old.values[name]
                values = {notable[0], notable[-1], *([own] if isinstance(own, float) else [])}
                found = self._along(start.case, name, sorted(values), concluded)
                if found is not None:
                    self.look_at(found, signal=start.old.signal)
                    if self._is_shown(target):
                        return

    def _hangs_on_change(self, pair: Pair, target: Target) -> bool:
        """Whether a row decides that the other base does not have, or that reads what may be something else there."""
        sides = ((pair.old, self.alike.old), (pair.new, self.alike.new))
        return any(
            (table.name, row) in changed
            for (trial, base), changed in zip(sides, self._changed_rows, strict=True)
            for table in [target.table(base)]
            for row in trial.decisive(table)
        )

    def walk_with_signals(self, target: Target, starts: Sequence[Case]) -> Iterator[Case]:
        """Cases beside some in which nothing is open that seem to differ if something could turn the recommendation.

        Args:
            target: a conclusion that hangs on whether something could.
            starts: where to start from.
        """
        left = _WITH_SIGNALS

        def concluded(case: Case) -> tuple[Hashable, Hashable]:
            nonlocal left
            left -= 1
            return self.concluded(self.as_it_seems(self.alike.common(case)), target)

        numbers = self._numbers_behind(target)
        # What people are asked moves a recommendation sooner than what is hardly ever given.
        asked = [name for name in numbers if self.alike.new.facts[name].question]
        for names in (asked, [name for name in numbers if name not in asked]):
            for start, name in itertools.product(starts, names):
                if left < 0:
                    return
                if name in start.given:
                    found = self._along(start, name, self._some_numbers(name, start.given[name].value), concluded)
                    if found is not None:
                        yield self.alike.common(found)

    def _some_numbers(self, name: str, own: Value) -> list[float]:
        """A fact's own number, and a few others from the least to the greatest."""
        notable = self._notable_numbers(name)
        some = {*notable[:: max(1, len(notable) // _SOME_NUMBERS)], notable[-1]}
        return sorted(some | ({own} if isinstance(own, float) else set()))

    def is_told_apart(self, case: Case, target: Target) -> bool:
        """Whether the conclusion of a case is another one if something could turn the recommendation."""
        quiet, told = (self.concluded(self.at(case, signal=signal), target) for signal in (False, True))
        return quiet != told

    def as_it_seems(self, case: Case) -> Pair:
        """A case tried on both, each told that something could turn its recommendation if the ends of ranges do."""
        old, new = self._seems_to_turn(case)
        return Pair(self.old.of(case, signal=old), self.new.of(case, signal=new))

    def _seems_to_turn(self, case: Case) -> tuple[bool, bool]:
        """For each base whether it recommends something else with all that is a range at one of its ends."""
        recommends = self.alike.new.manifest.recommends
        if recommends is None:
            return False, False
        old, new = (
            {trials.of(case).values[recommends] for trials in at_ends} for at_ends in self._recommending(recommends)
        )
        return len(old) > 1, len(new) > 1

    def _recommending(self, recommends: str) -> tuple[Sequence[Trials], Sequence[Trials]]:
        """For each base what it recommends, with all that is a range as likely and at its ends."""
        if not self._at_ends:
            target = Target(recommends, (recommends,))
            for base in (self.alike, *self.alike.at_ends):
                old, new = (Trials(_only_behind(one, target)) for one in (base.old, base.new))
                self._at_ends.append((old, new))
        return tuple(old for old, _ in self._at_ends), tuple(new for _, new in self._at_ends)

    def along_some_fact(
        self, start: Case, target: Target, rng: random.Random, concluded: Callable[[Case], tuple[Any, Any]]
    ) -> Case | None:
        """A case for which the bases conclude differently, on the way between two values of one of its numbers.

        Args:
            start: the case, all of whose other facts stay.
            target: what is concluded.
            rng: chooses the number, and the values.
            concluded: what each base concludes.
        """
        numbers = self._numbers_behind(target)
        if not numbers:
            return None
        name = rng.choice(numbers)
        return self._along(start, name, sorted(rng.choices(self._notable_numbers(name), k=2)), concluded)

    def _numbers_behind(self, target: Target) -> list[str]:
        """The numbers a conclusion depends on that both bases know."""
        behind = self.alike.upstream(target)
        return [name for name in self.alike.new.facts if name in behind and self._notable_numbers(name)]

    def _along(
        self, start: Case, name: str, values: Sequence[float], concluded: Callable[[Case], tuple[Any, Any]]
    ) -> Case | None:
        """A case for which the bases conclude differently, at one of these values or where one base turns between."""

        def at(value: float) -> Case:
            return start.replace(name, Given(name, value))

        found = [(value, concluded(at(value))) for value in values]
        for value, (old, new) in found:
            if old != new:
                return at(value)
        for (low, below), (high, above) in pairwise(found):
            if below != above:
                turn = self._turn(name, low, high, lambda value: concluded(at(value)), below)
                if turn is not None:
                    return at(turn)
        return None

    def _turn(
        self, name: str, low: float, high: float, concluded: Callable[[float], tuple[Any, Any]], below: tuple[Any, Any]
    ) -> float | None:
        """A value at which one base has turned already and the other has not, on the way to where both have."""
        for _ in range(_HALVINGS):
            middle = self._between(name, low, high)
            if middle is None:
                return None
            between = concluded(middle)
            if between[0] != between[1]:
                return middle
            low, high = (middle, high) if between == below else (low, middle)
        return None

    def _between(self, name: str, low: float, high: float) -> float | None:
        middle = low + (high - low) / 2
        if "integer" in (self.alike.old.facts[name].type, self.alike.new.facts[name].type):
            middle = float(math.floor(middle))
        return middle if low < middle < high else None

    def _notable_numbers(self, name: str) -> list[float]:
        """Numbers at the thresholds of both bases that both take for the fact."""
        if name not in self.alike.facts:
            return []
        facts = (self.alike.old.facts[name], self.alike.new.facts[name])
        notable = {*self.old.notable[name], *self.new.notable[name]}
        numbers = (one for one in notable if isinstance(one, float) and not isinstance(one, bool))
        return sorted(one for one in numbers if all(accepts(fact, one) for fact in facts))


def _only_behind(knowledge: Knowledge, target: Target) -> Knowledge:
    """The base without the decisions, figures and defaults that a conclusion does not depend on."""
    behind = names_behind(knowledge, target.outputs[0])
    return replace(knowledge, order=tuple(name for name in knowledge.order if name in behind))


def _concluded(trial: Trial, knowledge: Knowledge, target: Target) -> Hashable:
    table = target.table(knowledge)
    if table.declaration.aggregate:
        number = trial.values[knowledge.scope.readings[table.name]]
        return float(f"{number:.9g}") if isinstance(number, float) and not isinstance(number, bool) else number
    names = target.outputs if len(target.outputs) == 1 else tuple(table.outputs)
    thens = [tuple((name, table.rows[index].then[name]) for name in names) for index in trial.decisive(table)]
    if table.declaration.hit_policy == "rule order":
        return tuple(thens)
    if table.policy == "collect":
        return frozenset(thens)
    contradictory = len(thens) > 1 and (table.policy == "unique" or len(set(thens)) > 1)
    return ("contradiction",) if contradictory else thens[0] if thens else None


def contradicts_itself(trial: Trial, knowledge: Knowledge) -> bool:
    """Whether rows hold at once that must not, so that the base decides nothing."""
    tables = (table for table in knowledge.decisions.values() if table.policy in ("unique", "any"))
    for table in tables:
        decisive = trial.decisive(table)
        if len(decisive) > 1 and (table.policy == "unique" or len(trial.outcome(table)) > 1):
            return True
    return False


def _apart(old: Value, new: Value) -> bool:
    """Whether two values of one quantity are not the same to nine digits."""
    if isinstance(old, float) and isinstance(new, float):
        return old != new and not math.isclose(old, new, rel_tol=_NINE_DIGITS, abs_tol=_NINE_DIGITS)
    return old != new
