"""Where two knowledge bases decide differently: for each conclusion a case that shows it, or the proof that none can.

Cases are tried first, by the plain evaluator on both bases: made at the thresholds of both, aimed at the rows
that changed, and then along single facts to the very point where one base turns. What never came out
differently is put to z3, name by name from the facts up, so that what is proved to be the same need not be
understood again further on. A case is shown only once the whole pipeline of both bases has confirmed it; a
proof takes real numbers for floats.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from engine.alike import Alike, Target, accepts, nodes_of
from engine.case import Case, Given
from engine.conclusions import conclusions
from engine.decision import Conclusion
from engine.errors import InferenceError
from engine.inference import EnginePool
from engine.knowledge import Knowledge
from engine.language.evaluate import Value, compile_plain
from engine.language.nodes import Number, State, names_in, walk
from engine.pipeline import infer
from engine.trials import Trial, Trials, plainer

if TYPE_CHECKING:
    from engine.paired import Cut, Paired

#: How long the search and all proofs together may take, in seconds; what is left is said not to be proved.
SECONDS = 30.0
#: Cases tried on both bases; fewer for bases of many rows, each of which takes its time.
_CASES = 1_200
_EVALUATIONS = 400_000
#: Of these the first are made by chance alone, and of the others so many aimed at a row.
_FIRST_CASES = 200
_AIMED = 0.7
#: Walks along one fact for each conclusion, and how often the way between two numbers is halved.
_WALKS = 60
_HALVINGS = 50
#: Cases kept for each conclusion: those that show a difference, and those to start a walk from.
_MOST_SHOWING = 2
_MOST_STARTS = 60
#: Cases that z3 proposes in vain before it is given up.
_MOST_PROPOSALS = 4
#: How often z3 may start anew on what it gave up.
_TRIES = 3
_ENDS: tuple[Literal["low", "high"], ...] = ("low", "high")
#: Cases put through the pipeline where the plain evaluator cannot tell.
_MOST_DECIDED = 25
#: Figures agree where their first nine digits do.
_NINE_DIGITS = 1e-9
_MOST_DIGITS = 12
_ASIDE = ", conclusions that stand whatever is unknown left aside"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one base makes of one case.

    Args:
        conclusions: by name, as in a decision; empty where the base decides nothing.
        recommended: what is recommended in the end, a fallback included; None where nothing is.
        refused: why it decides nothing: its rules contradict each other; None where it decides.
    """

    conclusions: Mapping[str, Conclusion]
    recommended: str | None
    refused: str | None = None

    def of(self, target: Target) -> Conclusion:
        """The conclusion; where the base decides nothing, why."""
        return self.conclusions.get(target.name) if self.refused is None else f"refused: {self.refused}"


@dataclass(frozen=True, slots=True)
class Differing:
    """A case for which the bases conclude differently."""

    target: Target
    case: Case
    old: Conclusion
    new: Conclusion


@dataclass(frozen=True, slots=True)
class Same:
    """A conclusion that is the same in every case, and what that follows from."""

    target: Target
    proof: str


@dataclass(frozen=True, slots=True)
class Unproved:
    """A conclusion of which neither a difference nor a proof was found."""

    target: Target
    reason: str


Verdict = Differing | Same | Unproved


class Bases:
    """Two bases that decide; what they decided is remembered."""

    def __init__(self, old: EnginePool, new: EnginePool) -> None:
        self._pools = (old, new)
        self._decided: dict[Hashable, tuple[Case, Answer, Answer]] = {}
        self.alike = Alike(old.knowledge, new.knowledge)

    def decide(self, case: Case) -> tuple[Answer, Answer]:
        """What both make of a case that both can read."""
        key = frozenset((one.name, one.value, one.origin, one.low, one.high) for one in case.given.values())
        if key not in self._decided:
            old, new = self._pools
            self._decided[key] = (case, answer(case, old), answer(case, new))
        return self._decided[key][1:]

    def differing(self, target: Target) -> list[Case]:
        """The cases decided so far for which the conclusion differs."""
        return [case for case, old, new in self._decided.values() if old.of(target) != new.of(target)]


def answer(case: Case, pool: EnginePool) -> Answer:
    """What a base makes of a case."""
    try:
        outcome = infer(case, pool)
    except InferenceError as error:
        return Answer({}, None, str(error))
    fallback = outcome.knowledge.manifest.fallback
    fallen_back = fallback.conclusion if fallback else None
    return Answer(conclusions(outcome), outcome.recommended or fallen_back)


def diverge(bases: Bases, *, seconds: float = SECONDS, cases: Iterable[Case] = ()) -> Iterator[Verdict]:
    """The verdict on each conclusion that may differ, in dependency order.

    Args:
        bases: what is compared.
        seconds: how long search and proofs may take in all.
        cases: cases at hand, which are tried first.
    """
    alike = bases.alike
    asked = [target for target in alike.targets if not alike.is_identical(target)]
    if asked:
        yield from _Divergence(bases, asked, time.monotonic() + seconds, cases).verdicts()


# -- cases tried on both bases -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    """One case tried on both bases."""

    old: Trial
    new: Trial

    @property
    def case(self) -> Case:
        return self.old.case


@dataclass(slots=True)
class _Seen:
    """What trials have shown of one conclusion.

    Args:
        showing: pairs that differ, those first in which both bases conclude something.
        starts: pairs in which both conclude the same.
    """

    showing: list[_Pair] = field(default_factory=list)
    starts: list[_Pair] = field(default_factory=list)


class _Search:
    """Tries cases on both bases and remembers what comes out differently."""

    def __init__(self, alike: Alike, asked: Sequence[Target]) -> None:
        self.alike = alike
        self.asked = asked
        self.old, self.new = Trials(alike.old), Trials(alike.new)
        self.seen = {target: _Seen() for target in asked}
        #: The figures and defaults that were something else for one and the same case.
        self.apart: set[str] = set()
        self._quantities = [
            name for name in alike.new.quantities if name in alike.old.quantities and name not in alike.identical
        ]

    def at(self, case: Case, *, signal: bool) -> _Pair:
        """The case tried on both bases."""
        return _Pair(self.old.of(case, signal=signal), self.new.of(case, signal=signal))

    def look_at(self, case: Case, *, signal: bool = False) -> _Pair:
        """Try a case, as far as both bases can read it, and remember what it shows."""
        pair = self.at(self.alike.common(case), signal=signal)
        for target, seen in self.seen.items():
            if self.differs(pair, target):
                if len(seen.showing) < _MOST_SHOWING:
                    seen.showing.append(pair)
                elif self.settled(pair, target) and not self.settled(seen.showing[-1], target):
                    seen.showing[-1] = pair
                seen.showing.sort(key=lambda one: not self.settled(one, target))  # noqa: B023 - sorted here
            elif len(seen.starts) < _MOST_STARTS and self.settled(pair, target):
                seen.starts.append(pair)
        for name in self._quantities:
            if name not in self.apart and _apart(pair.old.values[name], pair.new.values[name]):
                self.apart.add(name)
        return pair

    def differs(self, pair: _Pair, target: Target) -> bool:
        """Whether the rows of both bases conclude something else."""
        old, new = self._concluded(pair, target)
        return old != new

    def settled(self, pair: _Pair, target: Target) -> bool:
        """Whether both bases conclude something."""
        return None not in self._concluded(pair, target)

    def _concluded(self, pair: _Pair, target: Target) -> tuple[Hashable, Hashable]:
        alike = self.alike
        return _concluded(pair.old, alike.old, target), _concluded(pair.new, alike.new, target)

    # -- which cases -------------------------------------------------------------------------------

    def simulate(self, cases: Iterable[Case]) -> None:
        """Try the cases at hand, cases made by chance, and cases aimed at what changed."""
        for case in (Case("found", {}), *cases):
            self.look_at(case)
        rng = random.Random(0)  # noqa: S311 - the same cases in every run
        signals = (False, True) if self.alike.new.manifest.could_turn else (False,)
        rows = sum(len(table.rows) for base in (self.alike.old, self.alike.new) for table in base.decisions.values())
        for count in range(min(_CASES, _EVALUATIONS // (rows + 1))):
            if count >= _FIRST_CASES and all(self._shown_well(target) for target in self.asked):
                return
            self.look_at(self._next_case(rng, count), signal=rng.choice(signals))

    def _shown_well(self, target: Target) -> bool:
        return any(self.settled(pair, target) for pair in self.seen[target].showing)

    def _next_case(self, rng: random.Random, count: int) -> Case:
        trials = rng.choice((self.old, self.new))
        if count < _FIRST_CASES or rng.random() >= _AIMED:
            return trials.at_random(rng)
        rows = self._changed_rows[0 if trials is self.old else 1]
        return trials.aimed(rng, *rng.choice(rows)) if rows else trials.at_random(rng)

    @cached_property
    def _changed_rows(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """The rows of each base that the other does not have; where there are none, those of all that may differ."""
        alike = self.alike
        return (
            _rows_only_in(alike.old, alike.new, self.asked),
            _rows_only_in(alike.new, alike.old, self.asked),
        )

    def walk(self, target: Target) -> None:
        """Go along single facts to the points where one base turns, in search of one where the other does not."""
        for start, signal in self._spread_out(target):
            def concluded(case: Case, signal: bool = signal) -> tuple[Hashable, Hashable]:
                return self._concluded(self.look_at(case, signal=signal), target)

            if self.along_some_fact(start, target, self._rng, concluded) is not None:
                return

    def _spread_out(self, target: Target) -> Iterator[tuple[Case, bool]]:
        self._rng = random.Random(0)  # noqa: S311 - the same walks in every run
        starts = self.seen[target].starts
        for _ in range(_WALKS if starts else 0):
            start = self._rng.choice(starts)
            yield start.case, start.old.signal

    def along_some_fact(
        self, start: Case, target: Target, rng: random.Random, concluded: Callable[[Case], tuple[Any, Any]]
    ) -> Case | None:
        """A case for which the bases conclude differently, on the way between two values of some number of a case.

        Args:
            start: the case, all of whose other facts stay.
            target: what is concluded.
            rng: which number, and between which values.
            concluded: what each base concludes.
        """
        behind_it = self.alike.old.upstream(target.decision) | self.alike.new.upstream(target.decision)
        numbers = [name for name in self.alike.new.facts if name in behind_it and self._notable_numbers(name)]
        if not numbers:
            return None
        name = rng.choice(numbers)
        low, high = sorted(rng.choices(self._notable_numbers(name), k=2))

        def at(value: float) -> Case:
            return start.replace(name, Given(name, value))

        below, above = concluded(at(low)), concluded(at(high))
        for value, pair in ((low, below), (high, above)):
            if pair[0] != pair[1]:
                return at(value)
        for _ in range(_HALVINGS if below != above else 0):
            middle = self._between(name, low, high)
            if middle is None:
                return None
            between = concluded(at(middle))
            if between[0] != between[1]:
                return at(middle)
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


def _rows_only_in(base: Knowledge, other: Knowledge, asked: Sequence[Target]) -> list[tuple[str, int]]:
    only, all_rows = [], []
    for decision in dict.fromkeys(target.decision for target in asked):
        known = [(row.when, row.then) for row in other.decisions[decision].rows]
        for index, row in enumerate(base.decisions[decision].rows):
            all_rows.append((decision, index))
            if (row.when, row.then) not in known:
                only.append((decision, index))
    return only or all_rows


def _concluded(trial: Trial, knowledge: Knowledge, target: Target) -> Hashable:
    """What the rows conclude, in a form to compare; None where they conclude nothing."""
    table = knowledge.decisions[target.decision]
    if table.declaration.aggregate:
        number = trial.values[knowledge.scope.readings[table.name]]
        return float(f"{number:.9g}") if isinstance(number, float) and not isinstance(number, bool) else number
    thens = [tuple((one, table.rows[index].then[one]) for one in target.outputs) for index in trial.decisive(table)]
    if table.declaration.hit_policy == "rule order":
        return tuple(thens)
    if table.policy == "collect" or len(set(thens)) > 1 or (table.policy == "unique" and len(thens) > 1):
        return frozenset(thens), len(thens) > 1 and table.policy != "collect"
    return thens[0] if thens else None


def _apart(old: Value, new: Value) -> bool:
    """Whether two values of one quantity are not the same to nine digits."""
    if isinstance(old, float) and isinstance(new, float):
        return old != new and not math.isclose(old, new, rel_tol=_NINE_DIGITS, abs_tol=_NINE_DIGITS)
    return old != new


# -- proofs ------------------------------------------------------------------------------------------


class _Proofs:
    """Proves from the facts up what is the same in both bases although it is declared otherwise."""

    def __init__(self, alike: Alike, search: _Search, clock: Callable[[], int]) -> None:
        self.alike = alike
        self._search = search
        self._clock = clock
        #: The names that mean the same, and those that do so whatever is only assumed or given as a range.
        self.same = set(alike.identical)
        self._steady = set(alike.steady)
        #: For each conclusion proved to be the same what that follows from.
        self.proofs: dict[Target, str] = {}

    def sweep(self) -> None:
        """Prove what can be, each name after those it depends on."""
        alike = self.alike
        wanted = frozenset().union(*(self._behind(target.decision) for target in self._search.asked))
        for name in alike.new.order:
            if name not in wanted or name in self.same:
                continue
            if name in alike.new.decisions and name in alike.old.decisions:
                self._sweep_decision(name)
            elif name in alike.new.quantities and name in alike.old.quantities:
                self._sweep_quantity(name)

    def _sweep_decision(self, name: str) -> None:
        targets = [target for target in self._search.asked if target.decision == name]
        for target in targets:
            if not self._search.seen[target].showing and self.prove(target, everything=False):
                self.same.update(target.outputs)
        outputs = {*self.alike.old.decisions[name].outputs, *self.alike.new.decisions[name].outputs}
        if outputs <= self.same:
            self.same.add(name)
            if self._is_steady(name):
                self._steady.update((name, *outputs))
                self._share_signal()

    def _sweep_quantity(self, name: str) -> None:
        decision = self._decision_on(name)
        if name in self._search.apart or decision is None or not self._is_role_same(name):
            return
        for everything in (False, True):
            cut = self._cut(name, everything=everything)
            paired = self._paired(decision, name, cut, standing=True)
            if paired is not None and paired.ask(paired.quantity_differs(name), milliseconds=self._clock()) is False:
                self.same.add(name)
                if not everything and self._is_steady(name):
                    self._steady.add(name)
                return

    def _is_role_same(self, name: str) -> bool:
        return (name in self.alike.old.facts) == (name in self.alike.new.facts)

    def prove(self, target: Target, *, everything: bool) -> bool:
        """Whether it is proved that the rows conclude the same in every case; the proof is kept.

        Args:
            target: the conclusion.
            everything: look at all it depends on, and not only at what is not yet known to be the same.
        """
        if self._blurred(target.decision):
            return False
        cut = self._cut(target.decision, everything=everything)
        for standing in (True, False):
            if self._excluded(target, cut, standing=standing):
                self.proofs[target] = self._told(target, cut, everything=everything) + ("" if standing else _ASIDE)
                return True
        return False

    def _excluded(self, target: Target, cut: Cut, *, standing: bool) -> bool:
        number = self._aggregate(target)
        if number is not None:
            return number in self.same
        paired = self._paired(target.decision, target.decision, cut, standing=standing)
        return paired is not None and paired.ask(paired.conclusion_differs(target), milliseconds=self._clock()) is False

    def _aggregate(self, target: Target) -> str | None:
        """The quantity that a decision which makes one number of its rows is compared by."""
        for base in (self.alike.old, self.alike.new):
            if base.decisions[target.decision].declaration.aggregate:
                return base.scope.readings[target.decision]
        return None

    def _told(self, target: Target, cut: Cut, *, everything: bool) -> str:
        if everything:
            return "it follows from everything it depends on"
        behind = [name for name in cut.defined if name != target.decision]
        return "it follows from its rows, whatever they read" if not behind else (
            "it follows from its rows and from what changed before them, whatever all that reads"
        )

    def case(self, target: Target, is_one: Callable[[Case], bool]) -> Case | None:
        """A case that z3 proposes for a difference, and that is one."""
        for paired in self._everything(target):
            differs = paired.conclusion_differs(target)
            for wanted in ([differs, paired.both_known(target)], [differs]):
                case = self._proposed(paired, wanted, is_one)
                if case is not None:
                    return case
        return None

    def case_without_doubt(
        self, target: Target, is_one: Callable[[Case], bool], open_facts: Collection[str]
    ) -> Case | None:
        """The same, of a conclusion that hangs on whether something could turn the recommendation.

        Args:
            target: the conclusion.
            is_one: whether a case is one.
            open_facts: the facts that are left open; of the others none is doubtful.
        """
        goal = next((one for one in self.alike.targets if one.name == self.alike.new.manifest.recommends), None)
        for paired in itertools.islice(self._everything(target), 1):
            wanted = [
                paired.conclusion_differs(target),
                paired.both_known(target),
                paired.nothing_doubtful(open_facts),
            ]
            told = self._signals(paired, goal)
            case = self._proposed(paired, [*wanted, told], is_one) if told is not None else None
            if case is not None:
                return self._with_fewer_facts(paired, [*wanted, told], case, is_one)
        return None

    def _signals(self, paired: Paired, goal: Target | None) -> Any | None:
        if goal is None:
            return paired.signals(None, (), paired)
        likely = next(self._everything(goal), None)
        ends = [next(_Proofs(at, self._search, self._clock)._everything(goal), None) for at in self._at_ends]
        known = [one for one in ends if one is not None]
        return paired.signals(goal.name, known, likely) if likely is not None and len(known) == len(ends) else None

    @cached_property
    def _at_ends(self) -> tuple[Alike, ...]:
        """Both bases with all that is a range taken at its low ends, and at its high ends."""
        return tuple(Alike(at_end(self.alike.old, end), at_end(self.alike.new, end)) for end in _ENDS)

    def smaller(self, target: Target, case: Case, is_one: Callable[[Case], bool], *, settled: bool) -> Case:
        """The case of the fewest facts that z3 proposes and that is one; the case itself where there is none.

        Args:
            target: the conclusion that differs.
            case: a case that shows it.
            is_one: whether another does.
            settled: ask for a case in which both bases conclude something.
        """
        for paired in itertools.islice(self._everything(target), 1):
            wanted = [paired.conclusion_differs(target), *([paired.both_known(target)] if settled else [])]
            return self._with_fewer_facts(paired, wanted, case, is_one)
        return case

    def _with_fewer_facts(
        self, paired: Paired, wanted: Sequence[Any], case: Case, is_one: Callable[[Case], bool]
    ) -> Case:
        while case.given:
            fewer = self._proposed(paired, [*wanted, paired.gives_at_most(len(case.given) - 1)], is_one, tries=1)
            if fewer is None:
                break
            case = fewer
        return case

    def _proposed(
        self, paired: Paired, wanted: Sequence[Any], is_one: Callable[[Case], bool], *, tries: int = _TRIES
    ) -> Case | None:
        """The first of a few proposals that is one; each gives other facts than those before it."""
        import z3

        others: list[Any] = []
        for _ in range(_MOST_PROPOSALS):
            model = paired.ask(*wanted, *others, milliseconds=self._clock(), tries=tries)
            if not model:
                return None
            case = paired.case(model)
            if is_one(case):
                return case
            others.append(z3.Not(paired.gives_the_same(case)))
        return None

    def _everything(self, target: Target) -> Iterator[Paired]:
        """Both bases with all that the conclusion depends on, at first without what merely stands."""
        if self._aggregate(target) is not None:
            return
        cut = self._cut(target.decision, everything=True)
        for standing in (False, True):
            paired = self._paired(target.decision, target.decision, cut, standing=standing)
            if paired is not None:
                yield paired

    # -- how much is looked at ---------------------------------------------------------------------

    def _cut(self, name: str, *, everything: bool) -> Cut:
        from engine.paired import Cut

        defined, waiting = {name}, [name]
        while waiting:
            current = waiting.pop()
            for base in (self.alike.old, self.alike.new):
                for read in base.reads.get(current, frozenset()):
                    owner = base.decision_of.get(read, read)
                    is_computed = owner in base.decisions or owner in base.quantities
                    if owner not in defined and is_computed and (everything or read not in self.same):
                        defined.add(owner)
                        waiting.append(owner)
        return Cut(frozenset(self.same), frozenset(defined))

    def _paired(self, decision: str, asked: str, cut: Cut, *, standing: bool) -> Paired | None:
        from engine.paired import MOST_ROWS, Paired

        bases = (self.alike.old, self.alike.new)
        rows = sum(len(base.decisions[name].rows) for base in bases for name in cut.defined if name in base.decisions)
        if rows > MOST_ROWS or self._clock() <= 0:
            return None
        return Paired(self.alike, decision, asked, cut, standing=standing)

    def _decision_on(self, name: str) -> str | None:
        """A decision that depends on a quantity, and on which it does not depend in either base."""
        before = self._behind(name)
        decisions = (target.decision for target in self._search.asked)
        return next((one for one in decisions if one not in before and name in self._behind(one)), None)

    def _behind(self, name: str) -> frozenset[str]:
        return names_behind(self.alike.old, name) | names_behind(self.alike.new, name)

    def _blurred(self, decision: str) -> bool:
        """Whether a fact that may be any text is told apart from others by different words in both bases."""
        old, new = self.alike.old.facts, self.alike.new.facts
        return any(
            (old[name].open or new[name].open) and old[name].words != new[name].words
            for name in self._behind(decision)
            if name in self.alike.facts
        )

    # -- whatever is assumed -----------------------------------------------------------------------

    def _is_steady(self, name: str) -> bool:
        """Whether what was proved of a name holds whatever is only assumed or given as a range."""
        cut = self._cut(name, everything=False)
        for base in (self.alike.old, self.alike.new):
            for defined in cut.defined:
                if defined in base.default_ranges or (defined in base.facts and not self._is_same_fact(defined)):
                    return False
                for read in base.reads.get(defined, frozenset()):
                    is_defined = base.decision_of.get(read, read) in cut.defined
                    if read in base.constant_ranges or not (is_defined or read in self._steady):
                        return False
        return True

    def _is_same_fact(self, name: str) -> bool:
        return name in self.alike.facts and self.alike.has_same_domain(name)

    def _share_signal(self) -> None:
        """Whether something could turn the recommendation is the same where the recommendation is."""
        old, new = self.alike.old.manifest, self.alike.new.manifest
        if (old.could_turn, old.recommends) == (new.could_turn, new.recommends) and old.could_turn is not None:
            if new.recommends in self._steady:
                self.same.add(old.could_turn)
                self._steady.add(old.could_turn)


def at_end(knowledge: Knowledge, end: Literal["low", "high"]) -> Knowledge:
    """The base with every amount and default that is a range at one end of it."""
    amounts = {
        name: knowledge.amounts[name].model_copy(update={"value": getattr(found, end)})
        for name, found in knowledge.constant_ranges.items()
    }
    defaults = {name: Number(getattr(found, end)) for name, found in knowledge.default_ranges.items()}
    quantities = {
        name: replace(knowledge.quantities[name], formula=node, evaluate=compile_plain(node, knowledge.tables))
        for name, node in defaults.items()
    }
    return replace(
        knowledge, amounts={**knowledge.amounts, **amounts}, quantities={**knowledge.quantities, **quantities}
    )


def names_behind(knowledge: Knowledge, name: str) -> frozenset[str]:
    """Every fact, amount, figure and decision that a name depends on, itself included."""
    found, waiting = {name}, [name]
    while waiting:
        for read in knowledge.reads.get(waiting.pop(), frozenset()):
            owner = knowledge.decision_of.get(read, read)
            if owner not in found:
                found.add(owner)
                waiting.append(owner)
    return frozenset(found)


# -- verdicts ------------------------------------------------------------------------------------------


class _Divergence:
    """Puts search and proofs together."""

    def __init__(self, bases: Bases, asked: Sequence[Target], deadline: float, cases: Iterable[Case]) -> None:
        self.bases = bases
        self.alike = bases.alike
        self.asked = asked
        self._deadline = deadline
        self._cases = cases

    def _milliseconds(self) -> int:
        return max(0, int(1_000 * (self._deadline - time.monotonic())))

    def verdicts(self) -> Iterator[Verdict]:
        """The verdict on each conclusion."""
        self.search = _Search(self.alike, self.asked)
        self.search.simulate(self._cases)
        self.proofs = _Proofs(self.alike, self.search, self._milliseconds)
        self.proofs.sweep()
        for target in self.asked:
            yield self._verdict(target)

    def _verdict(self, target: Target) -> Verdict:
        found = None if self._hangs_on_signal(target) else self._shown(target)
        found = found or self._decided_before(target)
        if found is None and (target in self.proofs.proofs or target.decision in self.alike.identical):
            proof = self.proofs.proofs.get(target, "nothing it concludes from has changed")
            return self._unless_it_stands(target, proof)
        if found is None or not _is_settled(found):
            found = self._proposed(target) or found
        if found is None and self.proofs.prove(target, everything=True):
            return self._unless_it_stands(target, self.proofs.proofs[target])
        return found or self._walked_to(target) or Unproved(target, self._reason(target))

    def _hangs_on_signal(self, target: Target) -> bool:
        """Whether the conclusion depends on whether something could turn the recommendation."""
        bases = (self.alike.old, self.alike.new)
        return any(base.manifest.could_turn in names_behind(base, target.decision) for base in bases)

    def _proposed(self, target: Target) -> Differing | None:
        """A case that z3 proposes and the pipeline confirms."""

        def differs(case: Case) -> bool:
            return self._differs(case, target)

        if self._hangs_on_signal(target):
            for open_facts in dict.fromkeys((self._left_open, ())):
                case = self.proofs.case_without_doubt(target, differs, open_facts)
                if case is not None:
                    return self._differing(self._plainer_by_deciding(case, target), target)
            return None
        case = self.proofs.case(target, differs)
        if case is None:
            return None
        self.search.look_at(case)
        return self._shown(target) or self._differing(case, target)

    def _walked_to(self, target: Target) -> Differing | None:
        """A case on the way along single facts, by trial or, where rows alone do not tell, by the pipeline."""
        if not self._hangs_on_signal(target):
            self.search.walk(target)
            return self._shown(target) or self._decided(target)
        return self._shown(target) or self._decided(target)

    def _decided_before(self, target: Target) -> Differing | None:
        """A case that was decided for another conclusion, and for which this one differs too."""
        found = [self._differing(case, target) for case in self.bases.differing(target)]
        chosen = next((one for one in found if _is_settled(one)), next(iter(found), None))
        return self._differing(self._plainer_by_deciding(chosen.case, target), target) if chosen else None

    # -- cases that show a difference --------------------------------------------------------------

    def _shown(self, target: Target) -> Differing | None:
        """The plainest case found by trial that the pipeline confirms."""
        showing = self.search.seen[target].showing
        plain = sorted((self._plain(pair, target) for pair in showing), key=lambda pair: self._plainness(pair, target))
        for pair in plain[:1]:
            pair = self._smaller(pair, target)
            if self._milliseconds() and self._differs(pair.case, target):
                return self._differing(pair.case, target)
        for case in (*(pair.case for pair in (*plain, *showing)), *map(self._answered, showing)):
            if self._milliseconds() and self._differs(case, target):
                return self._differing(self._plainer_by_deciding(case, target), target)
        return None

    def _smaller(self, pair: _Pair, target: Target) -> _Pair:
        """The pair, or one with fewer facts; what hangs on whether something could turn, z3 cannot propose."""
        settled = self.search.settled(pair, target)

        def shows(case: Case) -> bool:
            other = self.search.at(case, signal=pair.old.signal)
            return self.search.differs(other, target) and (not settled or self.search.settled(other, target))

        smaller = self.proofs.smaller(target, pair.case, shows, settled=settled)
        if len(smaller.given) == len(pair.case.given):
            return pair
        return self._plain(self.search.at(smaller, signal=pair.old.signal), target)

    def _plainness(self, pair: _Pair, target: Target) -> tuple[bool, int]:
        return not self.search.settled(pair, target), len(pair.case.given)

    def _plain(self, pair: _Pair, target: Target) -> _Pair:
        """The pair with as few facts and as plain values as the rows of both need to differ."""
        search, both = self.search, self.search.settled(pair, target)

        def shows(trial: Trial) -> bool:
            other = _Pair(trial, search.new.of(trial.case, signal=trial.signal))
            return search.differs(other, target) and (not both or search.settled(other, target))

        names = self.alike.old.upstream(target.decision) | self.alike.new.upstream(target.decision)
        trial = plainer(search.old, pair.old, names, shows)
        for name in trial.case.given:
            for case in self._rounder(trial.case, trial.case.given[name]):
                rounder = search.old.of(case, signal=trial.signal)
                if shows(rounder):
                    trial = rounder
                    break
        return _Pair(trial, search.new.of(trial.case, signal=trial.signal))

    def _rounder(self, case: Case, given: Given) -> Iterator[Case]:
        """The case with fewer digits in one of its numbers, the fewest first."""
        value = given.value
        if not isinstance(value, float) or isinstance(value, bool):
            return
        for digits in range(1, _MOST_DIGITS):
            number = float(f"{value:.{digits}g}")
            if number == value:
                return
            rounder = self.alike.common(case.replace(given.name, replace(given, value=number)))
            if given.name in rounder.given:
                yield rounder

    def _answered(self, pair: _Pair) -> Case:
        """The case with an answer to every question, so that nothing is open or only assumed."""
        case = pair.case
        for name in self.alike.new.facts:
            fact = self.alike.new.facts[name]
            if name in case.given or name not in self.alike.facts or fact.stands_in is not None:
                continue
            value = pair.old.values[name]
            if value is None:
                value = next(iter(self.search.new.notable[name])) if fact.type in ("yes/no", "choice") else None
            if value is None:
                value = self.search.new.example(name)
            if value is not None:
                case = case.replace(name, Given(name, value))
        return self.alike.common(case)

    def _plainer_by_deciding(self, case: Case, target: Target) -> Case:
        """The case with as few facts as the pipeline needs to show a difference."""
        settled = _is_settled(self._differing(case, target))

        def shows(candidate: Case) -> bool:
            if not self._milliseconds() or not self._differs(candidate, target):
                return False
            return not settled or _is_settled(self._differing(candidate, target))

        names = self.alike.old.upstream(target.decision) | self.alike.new.upstream(target.decision)
        without = Case(case.name, {name: one for name, one in case.given.items() if name in names})
        case = without if shows(without) else case
        for name in reversed(list(case.given)):
            fewer = case.without(name)
            if shows(fewer):
                case = fewer
        for name, given in case.given.items():
            answered = case.replace(name, Given(name, given.value))
            if given.origin != "answered" and shows(answered):
                case = answered
        for name in case.given:
            for rounder in self._rounder(case, case.given[name]):
                if shows(rounder):
                    case = rounder
                    break
        return case

    def _differs(self, case: Case, target: Target) -> bool:
        old, new = self.bases.decide(case)
        return old.of(target) != new.of(target)

    def _differing(self, case: Case, target: Target) -> Differing:
        old, new = self.bases.decide(case)
        return Differing(target, case, old.of(target), new.of(target))

    # -- where rows alone do not tell --------------------------------------------------------------

    def _unless_it_stands(self, target: Target, proof: str) -> Verdict:
        """The proof, unless another conclusion stands in some case because a fact may be something else."""
        domains = self.alike.changed_domains(target)
        if not domains:
            return Same(target, proof)
        for pair in self.search.seen[target].starts[:_MOST_DECIDED]:
            case = pair.case
            for name in domains:
                case = case.without(name)
            if self._milliseconds() and self._differs(case, target):
                return self._differing(self._plainer_by_deciding(case, target), target)
        names = " and ".join(domains[:3]) if len(domains) < 4 else f"{len(domains)} facts"  # noqa: PLR2004 - a few
        return Unproved(target, f"its rows conclude the same, but what stands while {names} is unknown may differ")

    def _decided(self, target: Target) -> Differing | None:
        """A difference that shows only in the whole pipeline: in what stands, or in what could turn."""
        rng = random.Random(0)  # noqa: S311 - the same cases in every run

        def concluded(case: Case) -> tuple[Conclusion, Conclusion]:
            if not self._milliseconds():
                return None, None
            old, new = self.bases.decide(self.alike.common(case))
            return old.of(target), new.of(target)

        starts = self.search.seen[target].starts
        for _ in range(_MOST_DECIDED if starts else 0):
            case = self._answered(rng.choice(starts))
            for name in (*self._left_open, *rng.sample(list(case.given), k=min(len(case.given), rng.choice((0, 1, 2))))):
                case = case.without(name)
            found = self.search.along_some_fact(case, target, rng, concluded)
            if found is not None and self._differs(found, target):
                return self._differing(self._plainer_by_deciding(found, target), target)
        return None

    @cached_property
    def _left_open(self) -> tuple[str, ...]:
        """The facts in whose place something else is assumed in both bases, or within another range.

        A changed range shows only where neither the fact itself is given nor one that replaces it.
        """
        alike = self.alike
        changed = {name for name in (*alike.facts, *alike.new.amounts) if name not in alike.steady}
        formulas = [node for base in (alike.old, alike.new) for name in base.quantities for node in nodes_of(base, name)]
        beside = {
            part.name
            for node in formulas
            if names_in(node) & changed
            for part in walk(node)
            if isinstance(part, State)
        }
        return tuple(name for name in alike.new.facts if name in alike.facts and name in changed | beside)

    def _reason(self, target: Target) -> str:
        if not self._milliseconds():
            return "the time was used up"
        if self.proofs._blurred(target.decision):  # noqa: SLF001 - its own proofs
            return "a fact it depends on may be any text, and the bases know different words"
        return "no case was found in which it differs, and that there is none was too much for z3"


def _is_settled(differing: Differing) -> bool:
    """Whether both bases conclude something."""
    return _is_something(differing.old) and _is_something(differing.new)


def _is_something(conclusion: Conclusion) -> bool:
    if isinstance(conclusion, Mapping):
        return any(value is not None for value in conclusion.values())
    return conclusion is not None and not (isinstance(conclusion, str) and conclusion.startswith("refused: "))
