"""What z3 proves of the rows of a decision: that every case has one, that no two hold at once, that each can decide.

A question is first asked with everything the decision reads left free within what is possible at all. What
is proved there needs none of the arithmetic behind it. Only where that leaves a case open are the figures and
decisions behind it brought in, all of them or, where that is too much, a few steps. A case is shown only once
the plain evaluator has confirmed it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from engine.case import Given
from engine.checking.limits import Limits
from engine.checking.questions import Asked, Clock, Renamed, Setting, excludes, needs
from engine.checking.trials import DECIDING, Trial, Trials, plainer
from engine.knowledge import DecisionTable, Knowledge
from engine.language.english import affirmed
from engine.language.evaluate import compile_plain
from engine.language.nodes import And, Call, Comparison, Node, Number, State, Truth, names_in, walk
from engine.language.possible import Possible, Span
from engine.testing.conditions import atoms

#: Regions of one gap, and pairs of rows of one decision, that are told one by one.
MOST_REGIONS = 20
MOST_PAIRS = 40
#: A gap that takes more conditions to tell is told by its case alone; of so many each is tried without.
_MOST_CONDITIONS = 8
_MOST_WEIGHED = 80
#: How many steps up from a decision are brought in where all of it is too much for z3.
_STEPS = (1, 2)
#: Tables and decisions beyond this are left free: z3 would take them apart for too long.
_MOST_PARTS = 2_000


@dataclass(frozen=True, slots=True)
class Gap:
    """A case that no row covers, and the conditions that alone make it so; none where they cannot be told."""

    region: Node | None
    trial: Trial


@dataclass(frozen=True, slots=True)
class Together:
    """A case in which two rows hold that must not."""

    one: int
    other: int
    trial: Trial


@dataclass(frozen=True, slots=True)
class Dead:
    """A row that never decides.

    Args:
        by: the earlier rows one of which has always decided before; none where the row itself never holds.
        trial: a case in which the row holds all the same.
    """

    row: int
    by: tuple[int, ...]
    trial: Trial | None


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What could be neither proved nor refuted.

    Args:
        about: what it is, as in "whether every case has a row".
        rows: the rows it is said of; none for the decision as a whole.
        enough: because what was found is enough to go on with.
    """

    about: str
    rows: tuple[int, ...] = ()
    enough: bool = False


class Proofs:
    """Answers questions about the decisions of one base.

    Args:
        knowledge: a base; only decisions of which nothing is broken may be asked about.
        trials: confirms cases.
        clock: the time for all questions together.
    """

    def __init__(self, knowledge: Knowledge, trials: Trials, clock: Clock) -> None:
        self.knowledge = knowledge
        self.trials = trials
        self.clock = clock
        self._asked: dict[tuple[str, frozenset[str]], Asked] = {}

    @cached_property
    def all_limits(self) -> Limits:
        """What each name and default can be at all."""
        return Limits(self.knowledge, everything_known=False)

    @property
    def limits(self) -> Mapping[str, Possible]:
        """What each name can be at all."""
        return self.all_limits.values

    @cached_property
    def known_limits(self) -> Mapping[str, Possible]:
        """What each name can be where all facts and conclusions are known."""
        return Limits(self.knowledge, everything_known=True).values

    @cached_property
    def _setting(self) -> Setting:
        return Setting(self.knowledge, self.limits, self.known_limits, self.clock)

    @cached_property
    def _signals(self) -> tuple[bool, ...]:
        return (False, True) if self.knowledge.manifest.could_turn else (False,)

    def upstream(self, decision: str) -> frozenset[str]:
        """Every name a decision depends on, through any number of steps."""
        return frozenset().union(*self._distances(decision))

    def _distances(self, decision: str) -> list[frozenset[str]]:
        """The names a decision reads, then those that these depend on directly, and so on."""
        knowledge, seen = self.knowledge, set[str]()
        rings, ring = [], knowledge.reads[decision]
        while ring:
            seen |= ring
            rings.append(ring)
            owners = (knowledge.decision_of.get(name, name) for name in ring)
            ring = frozenset().union(*(knowledge.reads.get(owner, frozenset()) for owner in owners)) - seen
        return rings

    def _steps(self, decision: str) -> Iterator[Asked]:
        """The decision over free inputs, then with all they depend on, then with parts of it, if all is too much."""
        rings = self._distances(decision)
        definable = [frozenset(filter(None, (self._definable(name) for name in ring))) for ring in rings]
        everything = frozenset().union(*definable)
        shown: set[frozenset[str]] = set()
        for count in (0, len(rings), *_STEPS):
            defined = frozenset().union(*definable[:count])
            if defined in shown:
                continue
            shown.add(defined)
            key = (decision, defined)
            if key not in self._asked:
                self._asked[key] = Asked(self._setting, decision, defined, exact=defined == everything)
            yield self._asked[key]

    def _definable(self, name: str) -> str | None:
        """What a name comes from, if that has a definition small enough to bring in."""
        knowledge = self.knowledge
        owner = knowledge.decision_of.get(name, name)
        if owner in knowledge.decisions:
            return owner if len(knowledge.decisions[owner].rows) <= _MOST_PARTS else None
        if owner not in knowledge.quantities:
            return None
        tables = (part.function for part in walk(knowledge.quantities[owner].formula) if isinstance(part, Call))
        parts = sum(len(knowledge.tables[table].firsts) for table in tables if table in knowledge.tables)
        return owner if parts <= _MOST_PARTS else None

    def _confirmed(self, asked: Asked, decision: str, test: Callable[[Trial], bool]) -> Trial | None:
        """The case of the last answer, made plainer, if the plain evaluator agrees that it is one."""
        case = asked.case()
        for signal in self._signals:
            trial = self.trials.of(case, signal=signal)
            if test(trial):
                return plainer(self.trials, trial, self.upstream(decision), test)
        return None

    # -- gaps --------------------------------------------------------------------------------------

    def gaps(self, decision: str) -> Iterator[Gap | Unsettled]:
        """Every region in which all is known and no row decides, at most ``MOST_REGIONS`` of them."""
        import z3

        def is_gap(trial: Trial) -> bool:
            return self.is_gap(trial, decision)

        excluded: list[Node] = []
        for asked in self._steps(decision):
            while (answer := asked.check(asked.all_known, asked.undecided, asked.outside(excluded))) == z3.sat:
                trial = self._confirmed(asked, decision, is_gap)
                if trial is None:
                    break
                gap = Gap(self._region(decision, trial), trial)
                yield gap
                if gap.region is None:
                    yield Unsettled("whether there are more gaps than these", enough=True)
                    return
                excluded.append(gap.region)
                if len(excluded) == MOST_REGIONS:
                    yield Unsettled("whether there are more gaps than these", enough=True)
                    return
            if answer == z3.unsat:
                return
        yield Unsettled("whether every case has a row")

    def is_gap(self, trial: Trial, decision: str) -> bool:
        """Whether no row decides although everything that the decision needs is known."""
        if trial.decisive(self.knowledge.decisions[decision]):
            return False
        needed, _ = needs(self.knowledge, decision)
        return all(trial.values[name] is not None for name in needed)

    def _region(self, decision: str, trial: Trial) -> Node | None:
        """The conditions of a gap that alone make it one, as few as can be; None where they are not all known."""
        asked = next(self._steps(decision))
        signed = self._signed_atoms(decision, trial)
        if signed is None:
            return None
        literals = [asked.atom(one) for one in signed]
        return self._fewest(asked, signed, literals)

    def _signed_atoms(self, decision: str, trial: Trial) -> list[Node] | None:
        """Every atomic condition of the decision's rows, or its opposite: the one that holds in the trial."""
        knowledge = self.knowledge
        found: dict[Node, None] = {}
        for row in knowledge.decisions[decision].rows:
            for atom in atoms(row.when):
                truth = compile_plain(atom, knowledge.tables)(trial.values, trial.origins)
                if not isinstance(truth, bool):
                    return None
                found[affirmed(atom, holds=truth)] = None
        return list(found)

    def _fewest(self, asked: Asked, signed: Sequence[Node], literals: Sequence[Any]) -> Node | None:
        """As few of the conditions as exclude that a row decides, and those as wide as can be."""
        import z3

        if len(signed) > _MOST_WEIGHED:
            # z3's own choice is seldom the widest, but soon made.
            kept = sorted(asked.core(asked.all_known, asked.decided, *literals) - {0, 1})
            kept = [position - 2 for position in kept]
        else:
            kept = list(range(len(signed)))
        if asked.check(asked.all_known, asked.decided, *(literals[position] for position in kept)) != z3.unsat:
            return None
        for group in self._droppable(signed):
            fewer = [position for position in kept if position not in group]
            if (
                len(fewer) < len(kept)
                and asked.check(asked.all_known, asked.decided, *(literals[position] for position in fewer)) == z3.unsat
            ):
                kept = fewer
        if len(kept) > _MOST_CONDITIONS:
            return None
        # What is said of one name stands together.
        by_name: dict[frozenset[str], list[Node]] = {}
        for position in kept:
            by_name.setdefault(names_in(signed[position]), []).append(signed[position])
        parts = tuple(part for parts in by_name.values() for part in parts)
        if not parts:
            return Truth(value=True)
        return parts[0] if len(parts) == 1 else And(parts)

    def _droppable(self, signed: Sequence[Node]) -> Iterator[frozenset[int]]:
        """What to do without: first all that is said of a name, the last name first; then condition by condition."""
        by_names: dict[frozenset[str], list[int]] = {}
        for position, atom in enumerate(signed):
            by_names.setdefault(names_in(atom), []).append(position)
        groups = list(reversed(by_names.values()))
        yield from map(frozenset, groups)
        for group in groups:
            yield from (frozenset({position}) for position in sorted(group, key=lambda one: _looseness(signed[one])))

    # -- defaults --------------------------------------------------------------------------------------

    def default_beyond(self, name: str, tried: Iterable[Trial]) -> Trial | bool | None:
        """A case in which a fact's default is no value it may have; False where there is none, None where unknown."""
        fact = self.knowledge.facts[name]
        # What bounds every number alike is no bound of this one.
        low = -math.inf if fact.min is None and fact.above is None else fact.bounds[0]
        high = math.inf if fact.max is None else fact.max
        found = self.all_limits.defaults[name]
        if not isinstance(found, Span) or (low <= found.low and found.high <= high):
            return False

        def is_beyond(trial: Trial) -> bool:
            value = trial.values[name]
            is_number = isinstance(value, float) and name not in trial.case.given
            return is_number and not low <= float(value or 0.0) <= high

        for without in self.trials.without(name, tried):
            if is_beyond(without):
                return plainer(self.trials, without, self.knowledge.upstream(name), is_beyond)
        return False if self.all_limits.stays_within(name, low, high) else None

    # -- rows that hold at once ----------------------------------------------------------------------

    def together(self, decision: str, seen: Mapping[tuple[int, int], Trial]) -> Iterator[Together | Unsettled]:
        """Every pair of rows that hold at once though they must not, at most ``MOST_PAIRS`` of them.

        Args:
            decision: a ``unique`` or ``any`` one.
            seen: pairs that were found to hold at once, each with a case.
        """
        import z3

        table = self.knowledge.decisions[decision]
        pairs = {pair: trial for pair, trial in sorted(seen.items()) if excludes(table, *pair)}
        excluded, unsettled, answer = [*pairs], [], z3.unsat
        for pair in excluded[:MOST_PAIRS]:
            yield Together(*pair, self._plainly_together(decision, pair, pairs[pair]))
        told = min(len(excluded), MOST_PAIRS)
        asked = next(self._steps(decision))
        while told < MOST_PAIRS:
            unseen = asked.unseen(excluded)
            # Cases with everything known are the easier ones to read.
            answer = asked.check(unseen, asked.all_known)
            if answer != z3.sat:
                answer = asked.check(unseen)
            if answer != z3.sat:
                break
            holding = combinations(asked.true_in_answer(asked.terms.decides), 2)
            pair = next(pair for pair in holding if excludes(table, *pair) and pair not in excluded)
            found = self._together(decision, pair)
            if isinstance(found, Trial):
                yield Together(*pair, found)
                told += 1
            elif found is None:
                unsettled.append(pair)
            excluded.append(pair)
        else:
            yield Unsettled("whether more rows hold at once than these", enough=True)
            return
        if answer == z3.unknown:
            yield Unsettled("whether two rows can hold at once")
        for pair in unsettled:
            yield Unsettled("whether they can hold at once", pair)

    def _plainly_together(self, decision: str, pair: tuple[int, int], trial: Trial) -> Trial:
        def both_hold(one: Trial) -> bool:
            return all(one.rows[decision][row] is True for row in pair)

        return plainer(self.trials, trial, self.upstream(decision), both_hold)

    def _together(self, decision: str, pair: tuple[int, int]) -> Trial | bool | None:
        """A case in which both rows hold; False where there is none, None where neither was found."""
        import z3

        def both_hold(trial: Trial) -> bool:
            return all(trial.rows[decision][row] is True for row in pair)

        for asked in self._steps(decision):
            literals = [asked.holds[row] for row in pair]
            for kind in (asked.all_known, asked.plain):
                for answer in asked.answers(*literals, kind):
                    trial = self._confirmed(asked, decision, both_hold) if answer == z3.sat else None
                    if trial is not None:
                        return trial
            if asked.excludes(*literals):
                return False
        return None

    # -- rows that never decide ----------------------------------------------------------------------

    def dead(self, decision: str, rows: Iterable[int], holding: Mapping[int, Trial]) -> Iterator[Dead | Unsettled]:
        """The rows among these that never decide.

        Args:
            decision: theirs.
            rows: of which no case was found that they decide.
            holding: cases found in which one of them holds all the same.
        """
        unsettled = []
        for row in rows:
            found = self._dead(decision, row, holding.get(row))
            if isinstance(found, Dead):
                yield found
            elif found is None:
                unsettled.append(row)
        if unsettled:
            yield Unsettled("whether they can decide", tuple(unsettled))

    def _dead(self, decision: str, row: int, holding: Trial | None) -> Dead | bool | None:
        """How the row is dead; False where it is not, None where neither was found."""
        import z3

        table = self.knowledge.decisions[decision]

        def decides(trial: Trial) -> bool:
            return row in trial.decisive(table)

        for asked in self._steps(decision):
            for answer in asked.answers(asked.decides[row], asked.plain):
                if answer == z3.sat and self._confirmed(asked, decision, decides) is not None:
                    return False
                if answer == z3.unsat and asked.excludes(asked.decides[row]):
                    return self._why_dead(asked, decision, row, holding)
        return None

    # -- answers that change nothing -------------------------------------------------------------------

    def matters(self, fact: str, decisions: Iterable[str]) -> bool | None:
        """Whether the answer to one fact can change which rows decide; None where it is not known."""
        import z3

        proved = True
        for decision in decisions:
            asked, renamed = self._whole(decision), self._otherwise(fact)
            differs = asked.named("differs", _differing(asked, renamed))
            for answer in asked.answers(differs, asked.plain):
                if answer == z3.sat and self._is_changed(asked, fact, decision, renamed):
                    return True
            proved = proved and answer == z3.unsat
        return False if proved else None

    def _whole(self, decision: str) -> Asked:
        """The decision with all it depends on."""
        return next(asked for asked in self._steps(decision) if asked.exact)

    def _otherwise(self, fact: str) -> Renamed:
        """Terms as they are once one fact is answered otherwise."""
        changed = self._downstream(fact)
        return Renamed(" otherwise", lambda symbol: self._moves(symbol, fact, changed))

    def stands_without(
        self, fact: str, decisions: Collection[str], exclusive: Collection[str], tried: Mapping[str, Sequence[Trial]]
    ) -> bool:
        """Whether it is proved that every conclusion comes out the same whatever the answer to a fact, and without it.

        Rules that never ask what is known conclude of the unknown what every answer to it leads to. So where
        everything else is answered, and no answer to the one fact leads elsewhere then, the conclusion needs none.

        Args:
            fact: the one.
            decisions: those that depend on it.
            exclusive: decisions of which no two rows contradict each other.
            tried: for each decision cases to try.
        """
        goes_by_values = all(self._goes_by_values(name, exclusive) for name in decisions)
        if self.knowledge.manifest.could_turn or not goes_by_values:
            return False
        same: set[str] = set()
        for decision in (name for name in self.knowledge.order if name in decisions):
            table = self.knowledge.decisions[decision]
            if self._depends(decision, fact, same):
                may_stand = table.policy in DECIDING and not self._is_turned(fact, table, tried[decision])
                if not may_stand or not self._is_same(fact, decision):
                    return False
            same.add(decision)
        return True

    def _goes_by_values(self, decision: str, exclusive: Collection[str]) -> bool:
        """Whether what a decision depends on, and it itself, goes by values alone, and never contradicts itself."""
        knowledge = self.knowledge
        names = {decision, *self.upstream(decision)}
        if any(knowledge.facts[name].stands_in is not None for name in names if name in knowledge.facts):
            return False
        owners = {knowledge.decision_of.get(name, name) for name in names}
        nodes = [knowledge.quantities[name].formula for name in owners if name in knowledge.quantities]
        tables = [knowledge.decisions[name] for name in owners if name in knowledge.decisions]
        if any(table.policy in ("unique", "any") and table.name not in exclusive for table in tables):
            return False
        nodes += [row.when for table in tables for row in table.rows]
        return not any(_asks_what_is_known(part) for node in nodes for part in walk(node))

    def _depends(self, decision: str, fact: str, same: Collection[str]) -> bool:
        """Whether a decision depends on a fact otherwise than through decisions that come out the same."""
        knowledge, seen, waiting = self.knowledge, set[str](), [decision]
        while waiting:
            reads = {knowledge.decision_of.get(read, read) for read in knowledge.reads.get(waiting.pop(), frozenset())}
            if fact in reads:
                return True
            waiting.extend(reads - seen - set(same))
            seen |= reads
        return False

    def _is_turned(self, fact: str, table: DecisionTable, tried: Iterable[Trial]) -> bool:
        """Whether a case is at hand in which everything is answered, and another answer leads elsewhere."""
        notable = self.trials.notable
        asked = [name for name in self.knowledge.facts if name in self.upstream(table.name)]
        for trial in tried:
            case = trial.case
            for name in asked:
                if name not in case.given and name not in self.knowledge.quantities and notable[name]:
                    case = case.replace(name, Given(name, notable[name][0]))
            others = (case.replace(fact, Given(fact, value)) for value in notable[fact])
            if len({self.trials.of(other).outcome(table) for other in others}) > 1:
                return True
        return False

    def _is_same(self, fact: str, decision: str) -> bool:
        """Whether it is proved that where everything is answered no answer to one fact leads elsewhere."""
        import z3

        asked, renamed = self._whole(decision), self._otherwise(fact)
        answered = asked.terms.answered()
        differs = asked.named("turned", z3.And(_differing(asked, renamed), answered, renamed(answered)))
        return bool(asked.check(differs, asked.plain) == z3.unsat)

    def _moves(self, symbol: str, fact: str, changed: frozenset[str]) -> bool:
        """Whether a symbol of ours may be another once one fact is answered otherwise."""
        kind, _, of = symbol.partition(" ")
        if of in self.knowledge.facts:
            return of == fact
        return of in changed or of.rpartition(" ")[0] in changed or kind in ("true", "false")

    def _is_changed(self, asked: Asked, fact: str, decision: str, renamed: Renamed) -> bool:
        """Whether the plain evaluator agrees that another answer changes what is decided in the last answer's case."""
        table, case = self.knowledge.decisions[decision], asked.case()
        other = asked.terms.renamed_value(asked.model(), fact, renamed)
        values = [*([other] if other is not None else []), *self.trials.notable[fact]]
        cases = [case.without(fact), *(case.replace(fact, Given(fact, value)) for value in values)]
        outcomes = {
            self.trials.of(one, signal=signal).outcome(table) for one in (case, *cases) for signal in self._signals[:1]
        }
        return len(outcomes) > 1

    def _downstream(self, fact: str) -> frozenset[str]:
        """The fact and everything that depends on it."""
        knowledge, found = self.knowledge, {fact}
        for name in knowledge.order:
            if found & knowledge.reads[name]:
                found.add(name)
                found.update(knowledge.decisions[name].outputs if name in knowledge.decisions else ())
        return frozenset(found)

    def _why_dead(self, asked: Asked, decision: str, row: int, holding: Trial | None) -> Dead:
        def holds(trial: Trial) -> bool:
            return trial.rows[decision][row] is True

        if holding is None:
            holding = self._case_where(decision, lambda asked: asked.holds[row], holds)
        elif holding is not None:
            holding = plainer(self.trials, holding, self.upstream(decision), holds)
        if holding is None:
            return Dead(row, (), None)
        earlier = asked.fails[:row]
        core = asked.core(asked.holds[row], *earlier)
        return Dead(row, tuple(position - 1 for position in sorted(core) if position), holding)

    def _case_where(
        self, decision: str, literal: Callable[[Asked], Any], test: Callable[[Trial], bool]
    ) -> Trial | None:
        import z3

        for asked in self._steps(decision):
            for answer in asked.answers(literal(asked), asked.plain):
                if answer == z3.unsat:
                    return None
                if answer == z3.sat and (trial := self._confirmed(asked, decision, test)) is not None:
                    return trial
        return None


def _differing(asked: Asked, renamed: Renamed) -> Any:
    """That a decision concludes something else in the renamed case, in which nothing upstream merely stands."""
    import z3

    terms = asked.terms
    same = [renamed(concludes) == concludes for concludes in terms.concludes()]
    return z3.And(renamed(z3.And(*terms.bounds, z3.Not(z3.Or(*terms.stands)))), z3.Not(z3.And(*same)))


def _asks_what_is_known(part: Node) -> bool:
    """Whether a part of an expression may have one value of the unknown, and another once that is answered."""
    return isinstance(part, State) or (isinstance(part, Call) and part.function == "first_known")


def _looseness(atom: Node) -> float:
    """Smaller for a tighter bound, which is done without first."""
    if not isinstance(atom, Comparison) or not isinstance(atom.right, Number):
        return 0.0
    return -atom.right.value if atom.operator in (">", ">=") else atom.right.value
