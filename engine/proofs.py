"""What z3 proves of the rows of a decision: that every case has one, that no two hold at once, that each can decide.

A question is first asked with everything the decision reads left free within what is possible at all. What
is proved there needs none of the arithmetic behind it. Only where that leaves a case open are the figures and
decisions behind it brought in, step by step, up to the facts. A case is shown only once the plain evaluator
has confirmed it. z3 is loaded here only once something is asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from engine.case import Case, Given
from engine.conditions import atoms
from engine.knowledge import DecisionTable, Knowledge
from engine.language.english import affirmed
from engine.language.evaluate import compile_plain
from engine.language.nodes import And, Arithmetic, Call, Comparison, Never, Node, Number, Truth, names_in, walk
from engine.language.possible import Possible, Span, Truths, Words, compile_possible, exactly, join, tidy_span
from engine.language.scope import ChoiceType, TruthType, Type
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
MILLISECONDS = 5_000
#: Where z3 starts looking, once more from elsewhere where it did not come to an end.
_SEEDS = (0, 1, 2)
#: How much memory z3 may take.
MEGABYTES = 1_000
#: Regions of one gap, and pairs of rows of one decision, that are told one by one.
MOST_REGIONS = 20
MOST_PAIRS = 40
#: A gap that takes more conditions to tell is told by its case alone; of so many each is tried without.
_MOST_CONDITIONS = 8
_MOST_WEIGHED = 80
#: How many steps up from a decision are brought in where all of it is too much for z3.
_STEPS = (1, 2)
#: Up to here each row of a ``first`` decision names all those before it.
_FEW_ROWS = 60
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
    """What could be neither proved nor refuted.

    Args:
        about: what it is, as in "whether every case has a row".
        rows: the rows it is said of; none for the decision as a whole.
        enough: because what was found is enough to go on with.
    """

    about: str
    rows: tuple[int, ...] = ()
    enough: bool = False


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
        #: For each fact with a default what that default can be.
        self.defaults: dict[str, Possible] = {}
        self.values: dict[str, Possible] = {
            name: _anything(symbol.type) for name, symbol in knowledge.scope.symbols.items()
        }
        self.values |= {name: exactly(value) for name, value in knowledge.constants.items()}
        #: The figures and facts that may be ``never``, because their formula says so or reads one that may.
        self.never: set[str] = set()
        self._origins: dict[str, frozenset[str | None]] = dict.fromkeys(knowledge.scope.symbols, _ANY_ORIGIN)
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
        if any(isinstance(part, Never) or getattr(part, "name", None) in self.never for part in walk(formula)):
            self.never.add(name)
        return compile_possible(formula, self.knowledge.tables)(self.values, self._origins)

    def _fact(self, name: str, default: Possible | None) -> None:
        found = full_domain(self.knowledge.facts[name]).values
        if default is not None:
            self.defaults[name] = default
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
        return replace(found, unknown=False) if self._is_known(name) else found

    def _is_known(self, name: str) -> bool:
        """Whether a formula has a value wherever everything it reads has one."""
        import z3

        return self._proves(name, lambda term: z3.Not(_known(term)))

    def stays_within(self, name: str, low: float, high: float) -> bool:
        """Whether a formula never gives a number beyond the two."""
        import z3

        def beyond(term: Symbolic) -> Any:
            if not isinstance(term, SymbolicNumber):
                return z3.BoolVal(val=False)
            ends = [term.value < real(low)] if math.isfinite(low) else []
            ends += [term.value > real(high)] if math.isfinite(high) else []
            return z3.And(term.known, z3.Or(*ends))

        return self._proves(name, beyond)

    def _proves(self, name: str, otherwise: Callable[[Symbolic], Any]) -> bool:
        """Whether a formula never comes out otherwise than it should, whatever it reads may be."""
        import z3

        bounds: list[Any] = []
        translator = Translator({}, {}, self.knowledge.tables)
        for read in sorted(self.knowledge.reads[name]):
            translator.terms[read] = self._free(translator.word, read, bounds)
            given = z3.Bool(f"given {read}")
            is_fact = self.knowledge.scope.symbols[read].kind == "fact"
            translator.origins[read] = (
                {"answered": given, "assumed": z3.Not(given)} if is_fact else {"computed": z3.BoolVal(val=True)}
            )
        solver = z3.SimpleSolver()
        solver.set("timeout", MILLISECONDS)
        try:
            solver.add(*bounds, otherwise(translator.translate(self.knowledge.quantities[name].formula)))
            return bool(solver.check() == z3.unsat)
        except (NotSymbolicError, z3.Z3Exception):
            return False

    def _free(self, word: Callable[[str], int], name: str, bounds: list[Any]) -> Symbolic:
        """A term that may be everything the name can be, known."""
        import z3

        limits, yes, no = self.values[name], z3.BoolVal(val=True), z3.BoolVal(val=False)
        if isinstance(limits, Truths):
            truth = z3.Bool(f"value {name}")
            return SymbolicTruth(truth, z3.Not(truth))
        if isinstance(limits, Words):
            code = z3.Int(f"value {name}")
            bounds.append(z3.Or(*(code == word(option) for option in sorted(limits.options))))
            return SymbolicWord(code, yes)
        number = z3.Real(f"value {name}")
        bounds.extend(_within(number, limits))
        return SymbolicNumber(number, yes, z3.Bool(f"never {name}") if name in self.never else no)


_ANY_ORIGIN: frozenset[str | None] = frozenset({"answered", "measured", "supposed", "assumed", "computed", None})


def _anything(kind: Type) -> Possible:
    """Everything a name of the type can be, unknown included."""
    if isinstance(kind, TruthType):
        return Truths(true=True, false=True, unknown=True)
    if isinstance(kind, ChoiceType):
        return Words(frozenset(kind.values), unknown=True)
    return Span(-math.inf, math.inf, unknown=True)


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
    def table(self) -> DecisionTable:
        """The decision."""
        return self.knowledge.decisions[self.decision]

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

    def _everything_upstream(self) -> None:
        knowledge = self.knowledge
        needed = self._within_reach()
        for name in sorted(needed - set(knowledge.order)):
            if name in knowledge.facts:
                self._fact(name, default=None)
            elif name not in knowledge.decision_of:
                self._define(name, self._anything(name), "computed")
        for name in knowledge.order:
            if name in knowledge.decisions:
                if name != self.decision and needed & knowledge.decisions[name].outputs.keys():
                    self._decide(knowledge.decisions[name])
            elif name not in needed:
                continue
            elif name in knowledge.facts:
                self._fact(name, default=self._formula(name))
            else:
                self._define(name, self._formula(name), "computed")

    def _within_reach(self) -> set[str]:
        """The names that the decision reads, and those that what is defined reads."""
        knowledge = self.knowledge
        needed, waiting = set[str](), [self.decision]
        while waiting:
            for read in knowledge.reads[waiting.pop()] - needed:
                needed.add(read)
                owner = knowledge.decision_of.get(read, read)
                if owner in self.defined:
                    waiting.append(owner)
        return needed

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
        """For each row the condition under which it decides."""
        import z3

        passed: Any = z3.BoolVal(val=True)
        for index, row in enumerate(rows):
            if table.policy != "first":
                yield row.true
                continue
            if len(rows) <= _FEW_ROWS:
                yield z3.And(*(earlier.false for earlier in rows[:index]), row.true)
                continue
            # A symbol for "none of these holds" keeps the terms small, however many rows there are.
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

    def concludes(self) -> list[Any]:
        """For each conclusion of the decision the condition under which it is one."""
        import z3

        groups: dict[tuple[tuple[str, str], ...], list[Any]] = {}
        for row, decides in zip(self.table.rows, self.decides, strict=True):
            groups.setdefault(tuple(sorted(row.then.items())), []).append(decides)
        return [z3.Or(*conditions) for conditions in groups.values()]

    def renamed_value(self, model: Any, fact: str, renamed: _Renamed) -> float | None:
        """The number a fact has in the renamed case; None for anything else."""
        import z3

        found = model.eval(renamed(self._given[fact][1]), model_completion=True)
        low, high = self.knowledge.facts[fact].bounds
        if not z3.is_rational_value(found) and not z3.is_int_value(found):
            return None
        value = float(found.as_fraction()) if z3.is_rational_value(found) else float(found.as_long())
        return value if low <= value <= high else None

    def completed(self) -> Any:
        """That one and the same way to answer everything unknown leads to all that merely stands.

        A conclusion stands where every way to answer the unknown facts leads to it, so one way leads to all of them.
        """
        import z3

        renamed = _Renamed(" completed")
        conditions = [renamed(z3.And(*self.bounds)), renamed(z3.Not(z3.Or(*self.stands)))]
        for name, (given, value, ways) in self._given.items():
            # What has a default is known without an answer, and nobody waits for one.
            conditions.append(renamed(given) == given if name in self.knowledge.quantities else renamed(given))
            unchanged = [renamed(term) == term for term in (value, *ways.values())]
            conditions.append(z3.Implies(given, z3.And(*unchanged)))
        for name, term in self.translator.terms.items():
            if isinstance(term, SymbolicWord) and self.knowledge.scope.symbols[name].kind == "conclusion":
                agrees = z3.And(renamed(term.known), renamed(term.code) == term.code)
                conditions.append(z3.Implies(z3.Bool(f"stands {name}"), agrees))
        return z3.And(*conditions)


class _Renamed:
    """Terms with their symbols exchanged for others.

    Args:
        suffix: what the names of the others end with.
        chosen: which symbols, by name; all where absent.
    """

    def __init__(self, suffix: str, chosen: Callable[[str], bool] | None = None) -> None:
        self._suffix = suffix
        self._chosen = chosen
        self._pairs: dict[str, tuple[Any, Any]] = {}
        self._seen: set[int] = set()
        #: Terms whose parts were seen: z3 gives the number of one that is gone to another.
        self._kept: list[Any] = []

    def __call__(self, term: Any) -> Any:
        import z3

        self._kept.append(term)
        self._collect(term)
        return z3.substitute(term, *self._pairs.values()) if self._pairs else term

    def _collect(self, term: Any) -> None:
        import z3

        waiting = [term]
        while waiting:
            node = waiting.pop()
            if node.get_id() in self._seen:
                continue
            self._seen.add(node.get_id())
            if z3.is_const(node) and node.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                name = node.decl().name()
                if self._chosen is None or self._chosen(name):
                    self._pairs[name] = (node, z3.Const(f"{name}{self._suffix}", node.sort()))
            waiting.extend(node.children())


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
        self._conditions: dict[int, Any] = {}
        self._definitions: list[Any] = []
        self._atoms: dict[Node, Any] = {}
        self.holds = [self.named(f"row {index}", row.true) for index, row in enumerate(self.terms.rows)]
        self.fails = [self.named(f"not row {index}", row.false) for index, row in enumerate(self.terms.rows)]
        self.decides = [self.named(f"decides {index}", one) for index, one in enumerate(self.terms.decides)]
        self.decided = self.named("decided", z3.Or(*self.terms.decides))
        self.undecided = self.named("undecided", z3.Not(z3.Or(*self.terms.decides)))
        self._several = _several(self.terms.table, self.terms.decides)
        #: Asked of cases in which nothing upstream merely stands, and of those in which everything is known.
        self.plain = self.named("plain", z3.Not(z3.Or(*self.terms.stands)))
        self.all_known = self.named("all known", z3.And(z3.Not(z3.Or(*self.terms.stands)), *self._known(proofs)))
        self._anew = exact and _multiplies(proofs.knowledge, decision, defined)
        self._solver = z3.SimpleSolver()
        self._added = [0, 0]
        self._completed: Any = None
        self._seed = _SEEDS[0]

    def _known(self, proofs: Proofs) -> Iterator[Any]:
        """That all the decision needs is known, and every free figure of which that is proved to follow."""
        needed, figures = proofs.needs(self.terms.decision)
        for name, term in self.terms.translator.terms.items():
            limits = proofs.known_limits.get(name)
            is_free = name in figures and name not in self.terms.defined
            if name in needed or (is_free and limits is not None and not limits.unknown):
                yield _known(term)
            if is_free and isinstance(limits, Span) and isinstance(term, SymbolicNumber):
                yield from _within(term.value, limits)

    def named(self, name: str, condition: Any) -> Any:
        """A literal that is true exactly where the condition is."""
        import z3

        literal = z3.Bool(f"{name} {len(self._definitions)}")
        self._conditions[literal.get_id()] = condition
        self._definitions.append(literal == condition)
        return literal

    def atom(self, node: Node) -> Any:
        """A literal that is true exactly where a condition of the rule language is known to hold."""
        if node not in self._atoms:
            self._atoms[node] = self.named(f"atom {len(self._atoms)}", self.terms.truth(node).true)
        return self._atoms[node]

    def outside(self, regions: Iterable[Node]) -> Any:
        """A literal that is true where none of the conditions is known to hold."""
        import z3

        return self.named("outside", z3.And(*(z3.Not(self.terms.truth(region).true) for region in regions)))

    def unseen(self, pairs: Iterable[tuple[int, int]]) -> Any:
        """A literal that is true where two rows hold at once that must not, other than these pairs."""
        import z3

        seen: dict[int, set[int]] = {}
        for one, other in pairs:
            seen.setdefault(one, set()).add(other)
            seen.setdefault(other, set()).add(one)
        decides, table = self.terms.decides, self.terms.table
        fresh = [decides[row] for row in range(len(decides)) if row not in seen]
        found = [z3.And(z3.Or(*fresh), self._several)]
        for row, known in seen.items():
            others = [other for other in range(len(decides)) if other not in known and excludes(table, row, other)]
            found.append(z3.And(decides[row], z3.Or(*(decides[other] for other in others))))
        return self.named("unseen", z3.Or(*found))

    def check(self, *literals: Any) -> Any:
        """z3's answer: whether there is a case in which all of the literals are true."""
        import z3

        left = self.clock.milliseconds
        if not left:
            return z3.unknown
        try:
            return self._check_anew(left, literals) if self._anew else self._check(left, literals)
        except z3.Z3Exception:
            self._solver, self._added = z3.SimpleSolver(), [0, 0]
            return z3.unknown

    def answers(self, *literals: Any) -> Iterator[Any]:
        """z3's answers: several, each found another way, where products may have led it astray; none after a proof."""
        import z3

        for seed in _SEEDS if self._anew else _SEEDS[:1]:
            self._seed = seed
            answer = self.check(*literals)
            yield answer
            if answer == z3.unsat:
                break
        self._seed = _SEEDS[0]

    def _check(self, milliseconds: int, literals: Sequence[Any]) -> Any:
        for index, conditions in enumerate((self.terms.bounds, self._definitions)):
            self._solver.add(*conditions[self._added[index] :])
            self._added[index] = len(conditions)
        self._solver.set("timeout", milliseconds)
        self._solver.set("max_memory", MEGABYTES)
        return self._solver.check(*literals)

    def _check_anew(self, milliseconds: int, literals: Sequence[Any]) -> Any:
        """By a solver of its own, which knows nothing else: z3 is better at products then."""
        import z3

        self._solver, self._added = z3.SimpleSolver(), [0, 0]
        self._solver.set("timeout", milliseconds)
        self._solver.set("max_memory", MEGABYTES)
        self._solver.set("random_seed", self._seed)
        self._solver.add(*self.terms.bounds, *(self._conditions[literal.get_id()] for literal in literals))
        return self._solver.check()

    def excludes(self, *literals: Any) -> bool:
        """Whether it is proved that the literals are never true together, whatever merely stands upstream."""
        import z3

        if self.check(*literals, self.plain) != z3.unsat:
            return False
        if not self.terms.stands or self.check(*literals) == z3.unsat:
            return True
        if not self.exact:
            return False
        if self._completed is None:
            self._completed = self.named("completed", self.terms.completed())
        return bool(self.check(*literals, self._completed) == z3.unsat)

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

    def model(self) -> Any:
        """What z3 answered last, where it found a case."""
        return self._solver.model()

    def case(self) -> Case:
        """The case that the last question was answered with."""
        return self.terms.case(self._solver.model())

    def true_in_answer(self, conditions: Sequence[Any]) -> list[int]:
        """Positions of the conditions that are true in the case the last question was answered with."""
        import z3

        model = self._solver.model()
        return [index for index, one in enumerate(conditions) if z3.is_true(model.eval(one, model_completion=True))]


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


def excludes(table: DecisionTable, one: int, other: int) -> bool:
    """Whether two rows must not hold at once."""
    return one != other and (table.policy == "unique" or table.rows[one].then != table.rows[other].then)


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
    def _signals(self) -> tuple[bool, ...]:
        return (False, True) if self.knowledge.manifest.could_turn else (False,)

    def upstream(self, decision: str) -> frozenset[str]:
        """Every name a decision depends on, through any number of steps."""
        return frozenset().union(*self._distances(decision))

    def needs(self, decision: str) -> tuple[frozenset[str], frozenset[str]]:
        """The facts and conclusions that a decision reads, itself or through figures, and those figures."""
        symbols, needed, figures = self.knowledge.scope.symbols, set[str](), set[str]()
        waiting = [decision]
        while waiting:
            for read in self.knowledge.reads.get(waiting.pop(), frozenset()) - needed - figures:
                if symbols[read].kind in ("fact", "conclusion"):
                    needed.add(read)
                else:
                    figures.add(read)
                    waiting.append(read)
        return frozenset(needed), frozenset(figures)

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
        needed, _ = self.needs(decision)
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

    def _fewest(self, asked: _Asked, signed: Sequence[Node], literals: Sequence[Any]) -> Node | None:
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

        changed = self._downstream(fact)
        proved = True
        for decision in decisions:
            asked = next(asked for asked in self._steps(decision) if asked.exact)
            renamed = _Renamed(" otherwise", lambda symbol: self._moves(symbol, fact, changed))
            bounds = renamed(z3.And(*asked.terms.bounds, z3.Not(z3.Or(*asked.terms.stands))))
            same = [renamed(concludes) == concludes for concludes in asked.terms.concludes()]
            differs = asked.named("differs", z3.And(bounds, z3.Not(z3.And(*same))))
            for answer in asked.answers(differs, asked.plain):
                if answer == z3.sat and self._is_changed(asked, fact, decision, renamed):
                    return True
            proved = proved and answer == z3.unsat
        return False if proved else None

    def _moves(self, symbol: str, fact: str, changed: frozenset[str]) -> bool:
        """Whether a symbol of ours may be another once one fact is answered otherwise."""
        kind, _, of = symbol.partition(" ")
        if of in self.knowledge.facts:
            return of == fact
        return of in changed or of.rpartition(" ")[0] in changed or kind in ("true", "false")

    def _is_changed(self, asked: _Asked, fact: str, decision: str, renamed: _Renamed) -> bool:
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
            for answer in asked.answers(literal(asked), asked.plain):
                if answer == z3.unsat:
                    return None
                if answer == z3.sat and (trial := self._confirmed(asked, decision, test)) is not None:
                    return trial
        return None


def _looseness(atom: Node) -> float:
    """Smaller for a tighter bound, which is done without first."""
    if not isinstance(atom, Comparison) or not isinstance(atom.right, Number):
        return 0.0
    return -atom.right.value if atom.operator in (">", ">=") else atom.right.value
