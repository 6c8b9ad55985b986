"""Two knowledge bases as z3 terms over the same symbols, and what is asked of both together.

A case gives the same facts to both. What is known to mean the same in both may be cut off: it becomes a
symbol they share, so that nothing behind it has to be understood. Everything else is defined in each base
by its own formulas and rows. z3 is loaded only here, once something is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.case import Case
from engine.checking.symbols import SymbolicBase
from engine.comparing.alike import Alike, Side, Target, nodes_of
from engine.knowledge import DecisionTable, Knowledge
from engine.language.nodes import Name, Never, Node, Text, children, names_in, walk
from engine.language.symbolic import NotSymbolicError, Symbolic, SymbolicNumber, SymbolicTruth, SymbolicWord

#: How much one question may cost, in z3's own count, how long it may take, and how much memory.
STEPS = 600_000
MILLISECONDS = 2_400
MEGABYTES = 1_000
#: Rows beyond this are too many for z3 to take apart in time.
MOST_ROWS = 400


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of two bases is looked at.

    Args:
        shared: the names that mean the same in both.
        defined: those whose formulas and rows are brought in; what is not among them must be shared.
    """

    shared: frozenset[str]
    defined: frozenset[str]


class Paired:
    """One conclusion or quantity in both bases.

    Args:
        alike: the bases.
        target: the conclusion asked about, or one that depends on the quantity asked about.
        cut: how much of both is looked at.
        quantity: the quantity asked about; None: the conclusion.
        standing: let a decision upstream that stays open conclude anything, as it may where one conclusion
            stands whatever is unknown.
    """

    def __init__(
        self, alike: Alike, target: Target, cut: Cut, *, quantity: str | None = None, standing: bool = False
    ) -> None:
        words = _words(alike)
        self.old = _Base(alike, "old", target, quantity, cut, words, standing=standing)
        self.new = _Base(alike, "new", target, quantity, cut, words, standing=standing)
        self._alike = alike

    def conclusion_differs(self, target: Target) -> Any:
        """The condition under which the rows of both conclude something else."""
        import z3

        if self.new.table.policy == "collect":
            return z3.Or(*_differing_collections(self.old, self.new))
        contradicts = self.old.contradicts() != self.new.contradicts()
        return z3.Or(contradicts, *(_differ(self.old.term(one), self.new.term(one)) for one in target.outputs))

    def quantity_differs(self, name: str) -> Any:
        """The condition under which a quantity is something else in both."""
        return _differ(self.old.term(name), self.new.term(name))

    def both_known(self, target: Target) -> Any:
        """The condition under which both conclude something."""
        import z3

        if self.new.table.policy == "collect":
            return z3.BoolVal(val=True)
        known = [_known(base.term(one)) for base in (self.old, self.new) for one in target.outputs]
        return z3.And(*known)

    def left_open(self) -> Any:
        """The condition under which what is asked about is unknown in both, as far as that can be told."""
        import z3

        return z3.And(*(one for base in (self.old, self.new) for one in base.left_open()))

    def contradicts(self) -> Any:
        """The condition under which rows of either base hold at once that must not, be it of a decision behind."""
        import z3

        return z3.Or(*(one for base in (self.old, self.new) for one in base.contradictions()))

    def waits_otherwise(self, alike: Collection[str]) -> Any | None:
        """The condition under which what is asked about waits for other unknown facts in one base than in the other.

        Args:
            alike: the names that are the same in both, and while they are unknown wait for the same facts.

        Returns:
            The condition, which may hold of more cases; None where some part of a condition has no term.
        """
        import z3

        nodes = [base.nodes for base in (self.old, self.new)]
        # What both have in common makes no difference, whether or not it waits for anything.
        common = {node for node in set(nodes[0]) & set(nodes[1]) if names_in(node) <= frozenset(alike)}
        try:
            old, new = (base.waits_for(common) for base in (self.old, self.new))
        except NotSymbolicError:
            return None
        no = z3.BoolVal(val=False)
        facts = {name for name in self._alike.facts if not self.old.computes(name) and not self.new.computes(name)}
        return z3.Or(
            no,
            *(
                old.get(name, no) != new.get(name, no)
                if name in facts or name in alike
                else z3.Or(old.get(name, no), new.get(name, no))
                for name in {**old, **new}
            ),
        )

    def takes_apart(self, target: Target) -> bool:
        """Whether a decision is made of its rows here, in both bases, and is no list."""
        tables = [target.table(base.knowledge) for base in (self.old, self.new)]
        return all(
            table.policy != "collect" and base.defines(table.name, target.outputs)
            for base, table in zip((self.old, self.new), tables, strict=True)
        )

    def concluded_as_completed(self, output: str, completed: Paired) -> Any:
        """That an output behind what is asked about differs only where it does once all that is unknown is answered.

        So it is with what is concluded, or stands, as it is what every answer to the unknown facts leads to. It is no
        more than a condition on the answers to them that lead to a difference.

        Args:
            output: the output of a decision.
            completed: that decision asked about, with nothing that merely stands.
        """
        import z3

        there = (completed.old.term(output), completed.new.term(output))
        differs = _differ(*there)
        conditions = [differs, *completed.old.bounds, *completed.new.bounds]
        own = {str(one): one for one in _constants(conditions)}
        renamed = {name: z3.Const(f"{name} with {output} completed", one.sort()) for name, one in own.items()}
        pairs = [(own[name], renamed[name]) for name in own]
        differs, *bounds = (z3.substitute(one, *pairs) for one in conditions)
        answered = {
            f"given {name}"
            for base in (completed.old, completed.new)
            for name in base.given
            if not (completed.old.computes(name) or completed.new.computes(name))
        }
        kept = [link for name in own for link in _kept(name, own, renamed, answered)]
        return z3.Implies(_differ(self.old.term(output), self.new.term(output)), z3.And(differs, *bounds, *kept))

    def one_not_given(self, facts: Iterable[str]) -> Any:
        """The condition under which a case leaves out one of these facts."""
        import z3

        return z3.Or(*(z3.Not(z3.Bool(f"given {name}")) for name in facts))

    def ask(self, *conditions: Any, milliseconds: int = MILLISECONDS, tries: int = 1) -> Any:
        """A model of the conditions; False where there is none, None where neither was found in time.

        Args:
            conditions: what must hold together.
            milliseconds: what is left of the time for all questions.
            tries: how often z3 may start anew, another way each time.
        """
        import z3

        for seed in range(tries):
            if milliseconds <= 0:
                return None
            # A solver of its own: what it learnt from other questions slows z3 down at products.
            solver = z3.SimpleSolver()
            solver.set("rlimit", STEPS)
            solver.set("timeout", min(milliseconds, MILLISECONDS))
            solver.set("max_memory", MEGABYTES)
            solver.set("random_seed", seed)
            try:
                solver.add(*self.old.bounds, *self.new.bounds, *self._same_numbers(), *conditions)
                answer = solver.check()
            except z3.Z3Exception:
                return None
            if answer != z3.unknown:
                return False if answer == z3.unsat else solver.model()
        return None

    def case(self, model: Any) -> Case:
        """The case that a model describes; where a fact's origin matters to one base only, with that origin."""
        old, new = self.old.case(model), self.new.case(model)
        given = {**new.given, **old.given}
        given |= {name: one for name, one in new.given.items() if one.origin != "answered"}
        return self._alike.common(Case("found", {name: given[name] for name in self._alike.new.facts if name in given}))

    def gives_at_most(self, count: int) -> Any:
        """The condition under which a case gives at most so many facts."""
        import z3

        return z3.AtMost(*{**self.old.given, **self.new.given}.values(), count)

    def nothing_doubtful(self, but: Collection[str]) -> Any:
        """The condition under which every fact is answered, or assumed for certain.

        Args:
            but: facts that are left open all the same.
        """
        import z3

        return z3.And(*self.old.nothing_doubtful(but), *self.new.nothing_doubtful(but))

    def signals(self, recommends: str | None, ends: Sequence[Paired], likely: Paired) -> Any:
        """The condition under which both bases are told that something could turn their recommendation where it can.

        That is so in cases where nothing is doubtful but what is a range, as far as the ends of ranges tell.

        Args:
            recommends: the output that is the recommendation; None: nothing turns.
            ends: the recommendation with every range taken at one end.
            likely: the recommendation with every range taken as likely.
        """
        import z3

        told = []
        for side in ("old", "new"):
            base: _Base = getattr(self, side)
            usual: _Base = getattr(likely, side)
            turned: list[Any] = []
            if recommends is not None:
                at_ends = [getattr(end, side).term(recommends) for end in ends]
                turned = [_differ(usual.term(recommends), term) for term in at_ends]
            told.append(base.is_told(z3.Or(*turned)))
        return z3.And(*told)

    def gives_the_same(self, case: Case) -> Any:
        """The condition under which the same facts are given as in a case, whatever their values."""
        import z3

        given = {**self.old.given, **self.new.given}
        return z3.And(*(one if name in case.given else z3.Not(one) for name, one in given.items()))

    def _same_numbers(self) -> Iterable[Any]:
        """A whole number of one base is the same number in the other, where that takes any number."""
        for name in sorted(self._alike.facts):
            old, new = self.old.given_number(name), self.new.given_number(name)
            if old is not None and new is not None:
                yield old == new


class _Base(SymbolicBase):
    """One of two bases, its symbols those of the other wherever they mean the same."""

    def __init__(
        self,
        alike: Alike,
        side: Side,
        target: Target,
        quantity: str | None,
        cut: Cut,
        words: Sequence[str],
        *,
        standing: bool,
    ) -> None:
        knowledge = alike.old if side == "old" else alike.new
        decision = target.table(knowledge).name
        self._alike = alike
        self._side = side
        self._asked = decision if quantity is None else quantity
        self._cut = cut
        self._words = words
        self._never = _may_be_never(alike)
        super().__init__(knowledge, decision, standing=standing)

    @property
    def table(self) -> DecisionTable:
        """The decision asked about."""
        return self.knowledge.decisions[self.decision]

    def term(self, name: str) -> Symbolic:
        """What a name is; of an output of the decision asked about, what the rows conclude."""
        return self.translator.terms[name]

    def left_open(self) -> Iterable[Any]:
        """That the decision asked about is unknown; nothing of one that collects, and of a quantity."""
        import z3

        if self._asked == self.decision and self.table.policy != "collect":
            yield from (z3.Not(_known(self.term(output))) for output in self.table.outputs)

    @property
    def nodes(self) -> list[Node]:
        """The conditions of the decision asked about, or the formula of the quantity."""
        return nodes_of(self.knowledge, self._asked)

    def defines(self, decision: str, outputs: Iterable[str]) -> bool:
        """Whether a decision on the way to what is asked about is made of its rows."""
        return decision in self._cut.defined and all(output in self.translator.terms for output in outputs)

    def computes(self, name: str) -> bool:
        """Whether a formula gives a name its value, if only by default."""
        return name in self.knowledge.quantities

    def waits_for(self, but: Collection[Node]) -> Mapping[str, Any]:
        """For each name that is not taken apart the condition under which what is asked about waits for it.

        As in ``pipeline.waiting_for``: names that make a condition unknown, and those that make them unknown.

        Args:
            but: conditions of the decision asked about that are left out.

        Raises:
            NotSymbolicError: some part of a condition has no term.
        """
        import z3

        reached: dict[str, list[Any]] = {self._asked: [z3.BoolVal(val=True)]}
        for owner in self._downwards():
            conditions = reached.pop(owner, None)
            if conditions is None:
                continue
            for node in nodes_of(self.knowledge, owner):
                if owner != self._asked or node not in but:
                    self._trace(node, z3.Or(*conditions), reached)
        # Whether something could turn the recommendation is known in the end, and waits for no fact.
        reached.pop(self.knowledge.manifest.could_turn or "", None)
        return {name: z3.Or(*conditions) for name, conditions in reached.items()}

    def _downwards(self) -> list[str]:
        """What is asked about and all that is taken apart, each before what it reads."""
        order = [name for name in self.knowledge.order if name in self._cut.defined and name != self._asked]
        return [self._asked, *order[::-1]]

    def _trace(self, node: Node, waited_for: Any, reached: dict[str, list[Any]]) -> None:
        """Note under which condition each name below a part of a condition is waited for."""
        import z3

        if not names_in(node):
            return
        unknown = z3.And(waited_for, z3.Not(_known(self.translator.translate(node))))
        if isinstance(node, Name):
            owner = self.knowledge.decision_of.get(node.name, node.name)
            reached.setdefault(owner if owner in self._cut.defined else node.name, []).append(unknown)
        for part in children(node):
            self._trace(part, unknown, reached)

    def gathers(self, then: Mapping[str, str], decision: str | None = None) -> Any:
        """The condition under which some row of a decision, by default the one asked about, gives these values."""
        import z3

        name = decision or self.decision
        rows = zip(self.knowledge.decisions[name].rows, self._rows[name], strict=True)
        return z3.Or(*(truth.true for row, truth in rows if row.then == then))

    def contradictions(self) -> Iterable[Any]:
        """For each decision that is made of its rows the condition under which rows hold at once that must not."""
        return (self.contradicts(name) for name in self._rows)

    def contradicts(self, decision: str | None = None) -> Any:
        """The condition under which rows of a decision, by default the one asked about, hold at once that must not."""
        import z3

        name = decision or self.decision
        table, rows = self.knowledge.decisions[name], self._rows[name]
        if table.policy not in ("unique", "any") or len(rows) < 2:  # noqa: PLR2004 - two rows
            return z3.BoolVal(val=False)
        if table.policy == "unique":
            return z3.AtLeast(*(row.true for row in rows), 2)
        thens = {tuple(sorted(row.then.items())) for row in table.rows}
        groups = [self.gathers(dict(then), name) for then in sorted(thens)]
        return z3.AtLeast(*groups, 2) if len(groups) > 1 else z3.BoolVal(val=False)

    @property
    def given(self) -> Mapping[str, Any]:
        """For each fact that is looked at the condition under which a case gives it."""
        return {name: given for name, (given, _, _) in self._given.items()}

    def nothing_doubtful(self, but: Collection[str]) -> Iterable[Any]:
        """That each fact which is asked for is answered or measured, or has a default that is no range."""
        import z3

        for name, (given, _, ways) in self._given.items():
            yield z3.Not(ways.get("assumed", z3.BoolVal(val=False)))
            if name in but:
                yield z3.Not(given)
            elif self.knowledge.facts[name].stands_in is None:
                is_certain = name in self.knowledge.quantities and name not in self.knowledge.default_ranges
                yield _known(self.term(name)) if is_certain else given

    def is_told(self, could_turn: Any) -> Any:
        """That the base is told whether something could turn its recommendation."""
        import z3

        signal = self.translator.terms.get(self.knowledge.manifest.could_turn or "")
        if not isinstance(signal, SymbolicTruth):
            return z3.BoolVal(val=True)
        return z3.And(signal.true == could_turn, signal.false == z3.Not(could_turn))

    def given_number(self, name: str) -> Any:
        """The number a fact is given as; None for other facts, and for those that are not looked at."""
        if name not in self._given or self.knowledge.facts[name].type not in ("number", "integer"):
            return None
        return self._given[name][1]

    # -- how the terms are made --------------------------------------------------------------------

    def _everything_upstream(self) -> None:
        import z3

        for word in self._words:
            # In one order, so that a word has one code in both bases.
            self.translator.word(word)
        self._define_all(self._within_reach(), self._default)
        # A case says nothing that one of the bases does not know.
        self.bounds += [z3.Not(given) for name, (given, _, _) in self._given.items() if name not in self._alike.facts]

    def _within_reach(self) -> set[str]:
        """What is asked about, and what it depends on as far as that is defined."""
        knowledge = self.knowledge
        needed, waiting = {self._asked}, [self._asked]
        while waiting:
            for read in knowledge.reads.get(waiting.pop(), frozenset()):
                owner = knowledge.decision_of.get(read, read)
                if owner not in needed:
                    needed.add(owner)
                    if owner in self._cut.defined:
                        waiting.append(owner)
        return needed

    def _formula(self, name: str) -> Symbolic:
        is_defined = name in self._cut.defined or name == self._asked
        return super()._formula(name) if is_defined else self._anything(name)

    def _default(self, name: str) -> Symbolic:
        # A fact's own symbol is for what a case gives it as.
        return self._called(lambda: self._formula(name), name, " by default")

    def _anything(self, name: str) -> Symbolic:
        def anything() -> Symbolic:
            return super(_Base, self)._anything(name)

        if name in self._cut.shared:
            term = anything()
            if isinstance(term, SymbolicNumber) and name not in self.knowledge.constants:
                return self._perhaps_never(name, term)
            return term
        return self._called(anything, name, self._own)

    def _perhaps_never(self, name: str, term: SymbolicNumber) -> SymbolicNumber:
        """A shared number, which may be ``never`` if either base can say so."""
        import z3

        never = z3.Bool(f"never {name}") if name in self._never else z3.BoolVal(val=False)
        return SymbolicNumber(term.value, term.known, never)

    def _decide(self, table: DecisionTable) -> None:
        if table.name == self.decision:
            if self._asked == self.decision:
                super()._decide(table)
            return
        if table.name in self._cut.defined:
            self._decide_on_its_own(table)
            return
        for output in table.outputs:
            self._define(output, self._anything(output), "computed")
        self._bind_outputs(table, list(table.outputs))

    def _decide_on_its_own(self, table: DecisionTable) -> None:
        """The decision by its rows; what merely stands is this base's own unless it is known to be the same."""
        before = len(self.bounds)
        super()._decide(table)
        own = [output for output in table.outputs if output not in self._cut.shared]
        self._rename_bounds(before, own, self._own)
        for output in table.outputs:
            if output in self.translator.terms:
                self._define(output, _renamed_term(self.translator.terms[output], own, self._own), "computed")

    def _truth(self, node: Node) -> SymbolicTruth:
        truth = super()._truth(node)
        # What has no term is free, and then free in each base alone unless it reads nothing but what is shared.
        if names_in(node) <= self._cut.shared or not _is_symbol(truth.true, f"true {node}"):
            return truth
        return SymbolicTruth(*(_renamed(one, [str(node)], self._own) for one in (truth.true, truth.false)))

    @property
    def _own(self) -> str:
        """What the names of symbols end with that are not shared."""
        return f" in the {self._side} base"

    def _called(self, make: Callable[[], Symbolic], name: str, suffix: str) -> Symbolic:
        """What is made, the symbols of the name called otherwise, in the bounds that are added as well."""
        before = len(self.bounds)
        made = make()
        self._rename_bounds(before, [name], suffix)
        return _renamed_term(made, [name], suffix)

    def _rename_bounds(self, since: int, names: Sequence[str], suffix: str) -> None:
        self.bounds[since:] = [_renamed(bound, names, suffix) for bound in self.bounds[since:]]


def _renamed_term(term: Symbolic, names: Sequence[str], suffix: str) -> Symbolic:
    match term:
        case SymbolicNumber(value=value, known=known, never=never):
            return SymbolicNumber(*(_renamed(one, names, suffix) for one in (value, known, never)))
        case SymbolicWord(code=code, known=known):
            return SymbolicWord(*(_renamed(one, names, suffix) for one in (code, known)))
        case SymbolicTruth(true=true, false=false):
            return SymbolicTruth(*(_renamed(one, names, suffix) for one in (true, false)))


def _renamed(condition: Any, names: Sequence[str], suffix: str) -> Any:
    """A condition or number with the symbols of these names called otherwise."""
    import z3

    pairs = [pair for name in names for pair in _symbols(name, suffix)]
    return z3.substitute(condition, *pairs) if pairs else condition


@lru_cache(maxsize=4_096)
def _symbols(name: str, suffix: str) -> tuple[tuple[Any, Any], ...]:
    """Every symbol there may be of a name, each with what it is called otherwise."""
    import z3

    sorts: Mapping[str, Sequence[Callable[[str], Any]]] = {
        "value": (z3.Real, z3.Int, z3.Bool),
        **dict.fromkeys(("known", "never", "stands", "true", "false"), (z3.Bool,)),
    }
    return tuple(
        (of_sort(f"{kind} {name}"), of_sort(f"{kind} {name}{suffix}"))
        for kind, of_sorts in sorts.items()
        for of_sort in of_sorts
    )


def _constants(conditions: Iterable[Any]) -> Iterable[Any]:
    """Every symbol of some conditions."""
    import z3

    seen, waiting = set[int](), list(conditions)
    while waiting:
        current = waiting.pop()
        if current.get_id() in seen:
            continue
        seen.add(current.get_id())
        if z3.is_const(current) and current.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            yield current
        waiting.extend(current.children())


def _kept(
    symbol: str, own: Mapping[str, Any], completed: Mapping[str, Any], answered: Collection[str]
) -> Iterable[Any]:
    """What stays of a symbol once what is unknown is answered: a value that is known, and how it came to be known."""
    import z3

    kind, _, name = symbol.partition(" ")
    if symbol in answered:
        yield completed[symbol]
    elif kind in ("given", "measured", "assumed"):
        yield completed[symbol] == own[symbol]
    elif kind in ("known", "true", "false"):
        yield z3.Implies(own[symbol], completed[symbol])
    elif kind in ("value", "never"):
        known = own.get(f"given {name}", own.get(f"known {name}"))
        yield z3.Implies(known, completed[symbol] == own[symbol]) if known is not None else z3.BoolVal(val=True)


def _is_symbol(condition: Any, name: str) -> bool:
    import z3

    return bool(z3.is_const(condition)) and condition.decl().name() == name


def _differ(old: Symbolic, new: Symbolic) -> Any:
    """The condition under which two terms are known apart: one known alone, or both and not the same."""
    import z3

    if isinstance(old, SymbolicTruth) and isinstance(new, SymbolicTruth):
        return z3.Or(old.true != new.true, old.false != new.false)
    if isinstance(old, SymbolicWord) and isinstance(new, SymbolicWord):
        return z3.Or(old.known != new.known, z3.And(old.known, old.code != new.code))
    if isinstance(old, SymbolicNumber) and isinstance(new, SymbolicNumber):
        apart = z3.Or(old.never != new.never, z3.And(z3.Not(old.never), old.value != new.value))
        return z3.Or(old.known != new.known, z3.And(old.known, apart))
    return z3.BoolVal(val=True)


def _differing_collections(old: _Base, new: _Base) -> list[Any]:
    """For each group of values that rows give, the condition under which only one base gathers it."""
    if "rule order" in (old.table.declaration.hit_policy, new.table.declaration.hit_policy):
        return _differing_sequences(old, new)
    thens = {tuple(sorted(row.then.items())) for base in (old, new) for row in base.table.rows}
    return [old.gathers(dict(then)) != new.gathers(dict(then)) for then in sorted(thens)]


def _differing_sequences(old: _Base, new: _Base) -> list[Any]:
    """Row by row, as the order counts; rows that give other values are held to differ."""
    import z3

    rows = [[row.then for row in base.table.rows] for base in (old, new)]
    if rows[0] != rows[1]:
        return [z3.BoolVal(val=True)]
    return [one.true != other.true for one, other in zip(old._rows[old.decision], new._rows[new.decision], strict=True)]  # noqa: SLF001


def _known(term: Symbolic) -> Any:
    import z3

    return z3.Or(term.true, term.false) if isinstance(term, SymbolicTruth) else term.known


def _words(alike: Alike) -> list[str]:
    """Every word of both bases."""
    return sorted({word for knowledge in (alike.old, alike.new) for word in _words_of(knowledge)})


def _words_of(knowledge: Knowledge) -> Iterable[str]:
    for fact in knowledge.facts.values():
        yield from fact.words
    for table in knowledge.decisions.values():
        for words in table.outputs.values():
            yield from words
    for name in (*knowledge.quantities, *knowledge.decisions):
        for node in nodes_of(knowledge, name):
            yield from (part.value for part in walk(node) if isinstance(part, Text))


def _may_be_never(alike: Alike) -> frozenset[str]:
    """The names whose formula speaks of ``never`` in either base, itself or through others."""
    return frozenset().union(*(_speaks_of_never(knowledge) for knowledge in (alike.old, alike.new)))


def _speaks_of_never(knowledge: Knowledge) -> frozenset[str]:
    found: set[str] = set()
    for name in knowledge.order:
        if name in knowledge.quantities:
            parts = walk(knowledge.quantities[name].formula)
            if any(isinstance(one, Never) or (isinstance(one, Name) and one.name in found) for one in parts):
                found.add(name)
    return frozenset(found)
