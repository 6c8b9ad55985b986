"""What z3 proves of the rows of a decision: that every case has one, that no two hold at once, that each can decide.

A question is first asked with everything the decision reads left free within what is possible at all. What
is proved there needs none of the arithmetic behind it. Only where that leaves a case open are the figures and
decisions behind it brought in, step by step, up to the facts. A case is shown only once the plain evaluator
has confirmed it. z3 is loaded here only once something is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from engine.case import Case
from engine.conditions import atoms
from engine.knowledge import DecisionTable, Knowledge
from engine.language.english import affirmed
from engine.language.evaluate import compile_plain
from engine.language.nodes import And, Arithmetic, Call, Comparison, Node, Number, names_in, walk
from engine.language.possible import Possible, Span, Truths, Words, compile_possible, exactly, join, tidy_span
from engine.language.scope import ChoiceType
from engine.language.symbolic import (
    NotSymbolicError,
    Symbolic,
    SymbolicNumber,
    SymbolicTruth,
    SymbolicWord,
    Translator,
    real,
)
from engine.outlook import full_domain
from engine.symbols import SymbolicBase
from engine.trials import DECIDING, Trial, Trials, plainer

#: How long one question may take, while others wait.
MILLISECONDS = 2_000
#: How much memory z3 may take.
MEGABYTES = 1_000
#: Regions of one gap, and pairs of rows of one decision, that are told one by one.
MOST_REGIONS = 20
MOST_PAIRS = 40
#: How many steps up from a decision are tried before all of it is brought in.
_STEPS = (0, 1, 2)
#: Tables and decisions beyond this are left free: z3 would take them apart for too long.
_MOST_PARTS = 2_000


class Clock:
    """The time that all proofs together may take."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def milliseconds(self) -> int:
        """What is left for one question, 0 where it is used up."""
        return max(0, min(MILLISECONDS, int(1_000 * (self._end - time.monotonic()))))


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
    """What could be neither proved nor refuted, said of a decision."""

    about: str
    rows: tuple[int, ...] = ()


# -- what is possible at all -------------------------------------------------------------------------


class Limits:
    """For each name the values it can have at all, whatever the case.

    Args:
        knowledge: the base.
        everything_known: of cases in which all facts and all conclusions are known.
    """

    def __init__(self, knowledge: Knowledge, *, everything_known: bool) -> None:
        self.knowledge = knowledge
        self.everything_known = everything_known
        self.values: dict[str, Possible] = {
            name: exactly(value) for name, value in knowledge.constants.items()
        }
        self._origins: dict[str, frozenset[str | None]] = {}
        if knowledge.manifest.could_turn:
            self._set(knowledge.manifest.could_turn, Truths(true=True, false=True), "computed")
        for name in knowledge.facts:
            if name not in knowledge.quantities:
                self._fact(name, None)
        for name in knowledge.order:
            if name in knowledge.decisions:
                self._decision(knowledge.decisions[name])
            elif name in knowledge.facts:
                self._fact(name, self._explored(name))
            else:
                self._set(name, self._known_if_proved(name, tidy_span(self._explored(name))), "computed")

    def _explored(self, name: str) -> Possible:
        formula = self.knowledge.quantities[name].formula
        return compile_possible(formula, self.knowledge.tables)(self.values, self._origins)

    def _fact(self, name: str, default: Possible | None) -> None:
        found = full_domain(self.knowledge.facts[name]).values
        if default is not None:
            found = join(found, default)
        elif not self.everything_known:
            found = replace(found, unknown=True)
        if self.everything_known:
            found = replace(found, unknown=False)
        self.values[name] = found
        ways = frozenset({"answered", "measured", "supposed"}) | (frozenset({"assumed"}) if default else frozenset())
        self._origins[name] = ways | (frozenset({None}) if found.unknown else frozenset())

    def _set(self, name: str, found: Possible, origin: str) -> None:
        self.values[name] = found
        self._origins[name] = frozenset({origin}) | (frozenset({None}) if found.unknown else frozenset())

    def _decision(self, table: DecisionTable) -> None:
        for output in table.outputs:
            words = frozenset(row.then[output] for row in table.rows)
            self._set(output, Words(words, unknown=not self.everything_known), "computed")

    def _known_if_proved(self, name: str, found: Possible) -> Possible:
        """A figure that is known wherever all it reads is, though a look at its parts alone does not show it."""
        reads = self.knowledge.reads[name]
        if not found.unknown or any(self.values[read].unknown for read in reads if read in self.values):
            return found
        return replace(found, unknown=False) if _is_known(self.knowledge, name, self.values) else found


def _is_known(knowledge: Knowledge, name: str, limits: Mapping[str, Possible]) -> bool:
    """Whether a formula has a value wherever everything it reads has one."""
    import z3

    bounds: list[Any] = []
    translator = Translator({}, {}, knowledge.tables)
    for read in sorted(knowledge.reads[name]):
        translator.terms[read] = _free(translator.word, read, limits[read], bounds)
        given = z3.Bool(f"given {read}")
        is_fact = knowledge.scope.symbols[read].kind == "fact"
        translator.origins[read] = (
            {"answered": given, "assumed": z3.Not(given)} if is_fact else {"computed": z3.BoolVal(val=True)}
        )
    try:
        term = translator.translate(knowledge.quantities[name].formula)
    except NotSymbolicError:
        return False
    solver = z3.Solver()
    solver.set("timeout", MILLISECONDS)
    solver.add(*bounds, z3.Not(_known(term)))
    return bool(solver.check() == z3.unsat)


def _free(word: Callable[[str], int], name: str, limits: Possible, bounds: list[Any]) -> Symbolic:
    """A term that may be everything within the limits, known."""
    import z3

    yes, no = z3.BoolVal(val=True), z3.BoolVal(val=False)
    if isinstance(limits, Truths):
        truth = z3.Bool(f"value {name}")
        return SymbolicTruth(truth, z3.Not(truth))
    if isinstance(limits, Words):
        code = z3.Int(f"value {name}")
        bounds.append(z3.Or(*(code == word(option) for option in sorted(limits.options))))
        return SymbolicWord(code, yes)
    number = z3.Real(f"value {name}")
    bounds.extend(_within(number, limits))
    return SymbolicNumber(number, yes, z3.Bool(f"never {name}") if limits.high == float("inf") else no)


def _within(number: Any, limits: Span) -> Iterator[Any]:
    if abs(limits.low) != float("inf"):
        yield number >= real(limits.low)
    if abs(limits.high) != float("inf"):
        yield number <= real(limits.high)


def _known(term: Symbolic) -> Any:
    import z3

    return z3.Or(term.true, term.false) if isinstance(term, SymbolicTruth) else term.known


# -- a decision as terms -----------------------------------------------------------------------------


class _Terms(SymbolicBase):
    """A decision over terms that are defined as far up as said, and free within limits beyond.

    Args:
        defined: the figures, defaults and decisions whose formulas and rows are brought in.
        limits: what each name can be at all.
    """

    def __init__(
        self, knowledge: Knowledge, decision: str, defined: frozenset[str], limits: Mapping[str, Possible]
    ) -> None:
        self.defined = defined
        self.limits = limits
        #: Conditions under which an open decision upstream concludes something all the same.
        self.stands: list[Any] = []
        self.decides: list[Any] = []
        super().__init__(knowledge, decision)

    @property
    def rows(self) -> Sequence[SymbolicTruth]:
        """What each row of the decision may be."""
        return self._rows[self.decision]

    def known(self, name: str) -> Any:
        """The condition under which a name is known."""
        return _known(self.translator.terms[name])

    def truth(self, atom: Node) -> SymbolicTruth:
        """A condition as terms."""
        return self._truth(atom)

    def _formula(self, name: str) -> Symbolic:
        return super()._formula(name) if name in self.defined else self._anything(name)

    def _anything(self, name: str) -> Symbolic:
        term = super()._anything(name)
        limits = self.limits.get(name)
        if isinstance(term, SymbolicNumber) and isinstance(limits, Span) and name not in self.knowledge.facts:
            self.bounds.extend(_within(term.value, limits))
        if isinstance(term, SymbolicWord) and isinstance(limits, Words) and limits.options:
            self.bounds.append(_one_of(term.code, [self.translator.word(word) for word in sorted(limits.options)]))
        return term

    def _decide(self, table: DecisionTable) -> None:

        if table.name != self.decision and table.name not in self.defined:
            for output in table.outputs:
                if isinstance(self.knowledge.scope.symbols[output].type, ChoiceType):
                    self._define(output, self._anything(output), "computed")
            if table.policy in DECIDING:
                self._bind_outputs(table, list(table.outputs))
            return
        rows = self._rows[table.name] = [self._truth(row.when) for row in table.rows]
        if table.policy not in DECIDING:
            self.decides = [row.true for row in rows]
            return
        decides = list(self._deciding(table, rows))
        if table.name == self.decision:
            self.decides = decides
        else:
            self._conclude(table, decides)

    def _deciding(self, table: DecisionTable, rows: Sequence[SymbolicTruth]) -> Iterator[Any]:
        """For each row the condition under which it decides; flat, however many rows there are."""
        import z3

        passed: Any = z3.BoolVal(val=True)
        for index, row in enumerate(rows):
            if table.policy != "first":
                yield row.true
                continue
            yield z3.And(passed, row.true)
            following = z3.Bool(f"passed {table.name} {index}")
            self.bounds.append(following == z3.And(passed, row.false))
            passed = following

    def _conclude(self, table: DecisionTable, decides: Sequence[Any]) -> None:
        import z3

        decided = z3.Or(*decides)
        for output in table.outputs:
            code = self._word_symbol(output, table.outputs[output])
            stands = z3.Bool(f"stands {output}")
            self.stands.append(stands)
            for row, decisive in zip(table.rows, decides, strict=True):
                self.bounds.append(z3.Implies(decisive, code == self.translator.word(row.then[output])))
            self._define(output, SymbolicWord(code, z3.Or(decided, stands)), "computed")


def _one_of(code: Any, codes: Iterable[int]) -> Any:
    import z3

    return z3.Or(*(code == one for one in codes))


class _Asked:
    """One decision at one depth, and what is asked of it."""

    def __init__(self, proofs: Proofs, decision: str, defined: frozenset[str], *, exact: bool) -> None:
        import z3

        self.clock = proofs.clock
        self.exact = exact
        self.terms = _Terms(proofs.knowledge, decision, defined, proofs.limits)
        self.holds = [self.named(f"row {index}", row.true) for index, row in enumerate(self.terms.rows)]
        self.fails = [self.named(f"not row {index}", row.false) for index, row in enumerate(self.terms.rows)]
        self.decides = [self.named(f"decides {index}", one) for index, one in enumerate(self.terms.decides)]
        self.undecided = self.named("undecided", z3.Not(z3.Or(*self.decides)))
        self.several = self.named("several", _several(proofs.knowledge.decisions[decision], self.decides))
        #: Assumed in questions about cases with everything known, and about cases where nothing merely stands.
        self.all_known, self.plain = z3.Bool("all known"), z3.Bool("plain")
        self.add(z3.Implies(self.plain, z3.Not(z3.Or(*self.terms.stands))))
        self.add(z3.Implies(self.all_known, z3.And(self.plain, *self._known(proofs))))
        self._anew = exact and _multiplies(proofs.knowledge, decision, defined)
        self._solver = z3.Solver()
        self._added = 0

    def _known(self, proofs: Proofs) -> Iterator[Any]:
        """That every fact and conclusion is known, and every figure of which that is proved to follow."""
        symbols = self.terms.knowledge.scope.symbols
        for name, term in self.terms.translator.terms.items():
            limits = proofs.known_limits.get(name)
            if symbols[name].kind in ("fact", "conclusion") or (limits is not None and not limits.unknown):
                yield _known(term)
            if isinstance(limits, Span) and isinstance(term, SymbolicNumber) and name not in self.terms.defined:
                yield from _within(term.value, limits)

    def named(self, name: str, condition: Any) -> Any:
        """A literal that is true exactly where the condition is."""
        import z3

        literal = z3.Bool(f"is {name}")
        self.add(literal == condition)
        return literal

    def add(self, condition: Any) -> None:
        """Ask only about what meets the condition."""
        self.terms.bounds.append(condition)

    def check(self, *literals: Any) -> Any:
        """z3's answer: whether there is a case in which all of the literals are true."""
        import z3

        left = self.clock.milliseconds
        if not left:
            return z3.unknown
        if self._anew:
            # z3 is better at products where it need keep nothing for the next question.
            self._solver, self._added = z3.Solver(), 0
        self._solver.set("timeout", left)
        self._solver.set("max_memory", MEGABYTES)
        self._solver.add(*self.terms.bounds[self._added :])
        self._added = len(self.terms.bounds)
        try:
            if self._anew:
                self._solver.add(*literals)
                return self._solver.check()
            return self._solver.check(*literals)
        except z3.Z3Exception:
            self._solver, self._added = z3.Solver(), 0
            return z3.unknown

    def core(self, *literals: Any) -> frozenset[int]:
        """Positions of literals that already exclude each other; all of them where z3 cannot tell."""
        import z3

        anew, self._anew = self._anew, False
        try:
            if self.check(*literals) != z3.unsat:
                return frozenset(range(len(literals)))
            excluded = {literal.get_id() for literal in self._solver.unsat_core()}
        finally:
            self._anew = anew
        return frozenset(position for position, literal in enumerate(literals) if literal.get_id() in excluded)

    def case(self) -> Case:
        """The case that the last question was answered with."""
        return self.terms.case(self._solver.model())

    def true_in_answer(self, literals: Sequence[Any]) -> list[int]:
        """Positions of the literals that are true in the case the last question was answered with."""
        import z3

        model = self._solver.model()
        return [index for index, one in enumerate(literals) if z3.is_true(model.eval(one, model_completion=True))]


def _several(table: DecisionTable, decides: Sequence[Any]) -> Any:
    """That rows hold at once which must not: two of a ``unique`` decision, or two that disagree."""
    import z3

    if table.policy not in ("unique", "any") or len(decides) < 2:  # noqa: PLR2004 - two rows
        return z3.BoolVal(val=False)
    if table.policy == "unique":
        return z3.AtLeast(*decides, 2)
    groups: dict[tuple[tuple[str, str], ...], list[Any]] = {}
    for row, decisive in zip(table.rows, decides, strict=True):
        groups.setdefault(tuple(sorted(row.then.items())), []).append(decisive)
    if len(groups) == 1:
        return z3.BoolVal(val=False)
    return z3.AtLeast(*(z3.Or(*rows) for rows in groups.values()), 2)


def _multiplies(knowledge: Knowledge, decision: str, defined: frozenset[str]) -> bool:
    """Whether something that is not constant is multiplied with, or divides, something that is not."""
    nodes = [row.when for row in knowledge.decisions[decision].rows]
    nodes += [knowledge.quantities[name].formula for name in defined if name in knowledge.quantities]
    return any(is_product(part, knowledge) for node in nodes for part in walk(node))


def is_product(node: Node, knowledge: Knowledge) -> bool:
    """Whether the node multiplies or divides two quantities of which neither is constant."""
    if not isinstance(node, Arithmetic) or node.operator not in ("*", "/"):
        return False
    varying = [names_in(side) - knowledge.constants.keys() for side in (node.left, node.right)]
    return bool(varying[1]) and (node.operator == "/" or bool(varying[0]))


# -- questions ---------------------------------------------------------------------------------------


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
        self._asked: dict[tuple[str, frozenset[str]], _Asked] = {}

    @cached_property
    def limits(self) -> Mapping[str, Possible]:
        """What each name can be at all."""
        return Limits(self.knowledge, everything_known=False).values

    @cached_property
    def known_limits(self) -> Mapping[str, Possible]:
        """What each name can be where all facts and conclusions are known."""
        return Limits(self.knowledge, everything_known=True).values

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

    def _steps(self, decision: str) -> Iterator[_Asked]:
        """The decision over free inputs, then with more and more of what they depend on, at last with all of it."""
        rings = self._distances(decision)
        definable = [frozenset(filter(None, (self._definable(name) for name in ring))) for ring in rings]
        everything = frozenset().union(*definable)
        shown: set[frozenset[str]] = set()
        for count in (*_STEPS, len(rings)):
            defined = frozenset().union(*definable[:count])
            if defined in shown:
                continue
            shown.add(defined)
            key = (decision, defined)
            if key not in self._asked:
                self._asked[key] = _Asked(self, decision, defined, exact=defined == everything)
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

    def _confirmed(self, asked: _Asked, decision: str, test: Callable[[Trial], bool]) -> Trial | None:
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
            elsewhere = asked.named("elsewhere", z3.And(*(self._outside(asked, region) for region in excluded)))
            while (answer := asked.check(asked.all_known, asked.undecided, elsewhere)) == z3.sat:
                trial = self._confirmed(asked, decision, is_gap)
                if trial is None:
                    break
                gap = Gap(self._region(decision, trial), trial)
                yield gap
                if gap.region is None:
                    return
                excluded.append(gap.region)
                if len(excluded) == MOST_REGIONS:
                    yield Unsettled("whether there are more gaps than these")
                    return
                elsewhere = asked.named(
                    f"elsewhere {len(excluded)}", z3.And(elsewhere, self._outside(asked, gap.region))
                )
            if answer == z3.unsat:
                return
        yield Unsettled("whether every case has a row")

    def is_gap(self, trial: Trial, decision: str) -> bool:
        """Whether no row decides although every fact and conclusion that the decision depends on is known."""
        if trial.decisive(self.knowledge.decisions[decision]):
            return False
        symbols = self.knowledge.scope.symbols
        return all(
            trial.values[name] is not None
            for name in self.upstream(decision)
            if symbols[name].kind in ("fact", "conclusion")
        )

    def _outside(self, asked: _Asked, region: Node) -> Any:
        import z3

        return z3.Not(asked.terms.truth(region).true)

    def _region(self, decision: str, trial: Trial) -> Node | None:
        """The conditions of a gap that alone make it one, as few as can be; None where they are not all known."""
        asked = next(self._steps(decision))
        signed = self._signed_atoms(decision, trial)
        if signed is None:
            return None
        literals = [asked.named(f"atom of {len(signed)} {position} {id(trial)}", _true(asked, atom)) for position, atom in enumerate(signed)]
        decided = asked.named(f"decided {id(trial)}", _not(asked.undecided))
        return self._fewest(asked, signed, literals, decided)

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

    def _fewest(self, asked: _Asked, signed: Sequence[Node], literals: Sequence[Any], decided: Any) -> Node | None:
        """As few of the conditions as exclude that a row decides, and those as wide as can be."""
        import z3

        if asked.check(asked.all_known, decided, *literals) != z3.unsat:
            return None
        kept = list(range(len(signed)))
        for group in self._droppable(signed):
            fewer = [position for position in kept if position not in group]
            if asked.check(asked.all_known, decided, *(literals[position] for position in fewer)) == z3.unsat:
                kept = fewer
        parts = tuple(signed[position] for position in kept)
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

    # -- rows that hold at once ----------------------------------------------------------------------

    def together(self, decision: str) -> Iterator[Together | Unsettled]:
        """Every pair of rows that hold at once though they must not, at most ``MOST_PAIRS`` of them."""
        import z3

        first, *deeper = self._steps(decision)
        unsettled: list[tuple[int, int]] = []
        told = 0
        while True:
            # Cases with everything known are the easier ones to read.
            answer = first.check(first.several, first.all_known)
            if answer != z3.sat:
                answer = first.check(first.several)
            if answer != z3.sat:
                break
            pair = self._pair(decision, first.true_in_answer(first.decides))
            found = self._together(decision, pair, [first, *deeper])
            if isinstance(found, Trial):
                yield Together(*pair, found)
                told += 1
            elif found is None:
                unsettled.append(pair)
            first.add(z3.Not(z3.And(first.decides[pair[0]], first.decides[pair[1]])))
            if told == MOST_PAIRS:
                yield Unsettled("whether more rows hold at once than these")
                return
        if answer == z3.unknown:
            yield Unsettled("whether two rows can hold at once")
        for one, other in unsettled:
            yield Unsettled("whether they can hold at once", (one, other))

    def _pair(self, decision: str, rows: Sequence[int]) -> tuple[int, int]:
        table = self.knowledge.decisions[decision]
        return next(
            (one, other)
            for one, other in combinations(rows, 2)
            if table.policy == "unique" or table.rows[one].then != table.rows[other].then
        )

    def _together(self, decision: str, pair: tuple[int, int], steps: Sequence[_Asked]) -> Trial | bool | None:
        """A case in which both rows hold; False where there is none, None where neither was found."""
        import z3

        def both_hold(trial: Trial) -> bool:
            return all(trial.rows[decision][row] is True for row in pair)

        for asked in steps:
            literals = [asked.holds[row] for row in pair]
            for known in ([asked.all_known], [asked.plain], []):
                answer = asked.check(*literals, *known)
                if answer == z3.sat and (trial := self._confirmed(asked, decision, both_hold)) is not None:
                    return trial
            if answer == z3.unsat:
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
            for literals in ([asked.decides[row], asked.plain], [asked.decides[row]]):
                answer = asked.check(*literals)
                if answer == z3.sat and self._confirmed(asked, decision, decides) is not None:
                    return False
            if answer == z3.unsat:
                return self._why_dead(asked, decision, row, holding)
        return None

    def _why_dead(self, asked: _Asked, decision: str, row: int, holding: Trial | None) -> Dead:
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
        self, decision: str, literal: Callable[[_Asked], Any], test: Callable[[Trial], bool]
    ) -> Trial | None:
        import z3

        for asked in self._steps(decision):
            answer = asked.check(literal(asked), asked.plain)
            if answer == z3.unsat:
                return None
            if answer == z3.sat and (trial := self._confirmed(asked, decision, test)) is not None:
                return trial
        return None


def _true(asked: _Asked, atom: Node) -> Any:
    return asked.terms.truth(atom).true


def _not(literal: Any) -> Any:
    import z3

    return z3.Not(literal)


def _looseness(atom: Node) -> float:
    """Smaller for a tighter bound, which is done without first."""
    if not isinstance(atom, Comparison) or not isinstance(atom.right, Number):
        return 0.0
    return -atom.right.value if atom.operator in (">", ">=") else atom.right.value
