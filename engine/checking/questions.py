"""Questions to z3 about one decision, over terms that are defined as far up from it as is asked for.

What lies beyond is left free within its limits, so an answer that there is no case always holds, and a case that
is found holds only where nothing was left free. z3 is loaded only once something is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.case import Case
from engine.checking.limits import MILLISECONDS, known, within
from engine.checking.symbols import SymbolicBase
from engine.checking.trials import DECIDING
from engine.knowledge import DecisionTable, Knowledge
from engine.language.nodes import Arithmetic, Node, names_in, walk
from engine.language.possible import Possible, Span, Words
from engine.language.scope import ChoiceType
from engine.language.symbolic import Symbolic, SymbolicNumber, SymbolicTruth, SymbolicWord

#: Where z3 starts looking, once more from elsewhere where it did not come to an end.
_SEEDS = (0, 1, 2)
#: How much memory z3 may take.
MEGABYTES = 1_000
#: Up to here each row of a ``first`` decision names all those before it.
_FEW_ROWS = 60


class Clock:
    """The time that all proofs together may take."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def milliseconds(self) -> int:
        """What is left for one question, 0 where it is used up."""
        return max(0, min(MILLISECONDS, int(1_000 * (self._end - time.monotonic()))))


@dataclass(frozen=True, slots=True)
class Setting:
    """What all questions about one base have in common.

    Args:
        limits: what each name can be at all.
        known_limits: what each name can be where all facts and conclusions are known.
        clock: the time for all questions together.
    """

    knowledge: Knowledge
    limits: Mapping[str, Possible]
    known_limits: Mapping[str, Possible]
    clock: Clock


def needs(knowledge: Knowledge, decision: str) -> tuple[frozenset[str], frozenset[str]]:
    """The facts and conclusions that a decision reads, itself or through figures, and those figures."""
    symbols, needed, figures = knowledge.scope.symbols, set[str](), set[str]()
    waiting = [decision]
    while waiting:
        for read in knowledge.reads.get(waiting.pop(), frozenset()) - needed - figures:
            if symbols[read].kind in ("fact", "conclusion"):
                needed.add(read)
            else:
                figures.add(read)
                waiting.append(read)
    return frozenset(needed), frozenset(figures)


class Terms(SymbolicBase):
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
        return known(self.translator.terms[name])

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
            self.bounds.extend(within(term.value, limits))
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

    def answered(self) -> Any:
        """That every fact without a default is given."""
        import z3

        asked = (given for name, (given, _, _) in self._given.items() if name not in self.knowledge.quantities)
        return z3.And(*asked)

    def renamed_value(self, model: Any, fact: str, renamed: Renamed) -> float | None:
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

        renamed = Renamed(" completed")
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


class Renamed:
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
        """The term over the other symbols."""
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


class Asked:
    """One decision at one depth, and what is asked of it."""

    def __init__(self, setting: Setting, decision: str, defined: frozenset[str], *, exact: bool) -> None:
        import z3

        self.clock = setting.clock
        self.exact = exact
        self.terms = Terms(setting.knowledge, decision, defined, setting.limits)
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
        self.all_known = self.named(
            "all known", z3.And(z3.Not(z3.Or(*self.terms.stands)), *self._everything_needed(setting.known_limits))
        )
        self._anew = exact and multiplies(setting.knowledge, decision, defined)
        self._solver = z3.SimpleSolver()
        self._added = [0, 0]
        self._completed: Any = None
        self._seed = _SEEDS[0]

    def _everything_needed(self, known_limits: Mapping[str, Possible]) -> Iterator[Any]:
        """That all the decision needs is known, and every free figure of which that is proved to follow."""
        needed, figures = needs(self.terms.knowledge, self.terms.decision)
        for name, term in self.terms.translator.terms.items():
            limits = known_limits.get(name)
            is_free = name in figures and name not in self.terms.defined
            if name in needed or (is_free and limits is not None and not limits.unknown):
                yield known(term)
            if is_free and isinstance(limits, Span) and isinstance(term, SymbolicNumber):
                yield from within(term.value, limits)

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
        for row, partners in seen.items():
            others = [other for other in range(len(decides)) if other not in partners and excludes(table, row, other)]
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


def multiplies(knowledge: Knowledge, decision: str, defined: frozenset[str]) -> bool:
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
