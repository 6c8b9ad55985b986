"""A whole knowledge base, or one decision of it, as z3 terms over what a case may say.

Every fact may be given or not, as answered, measured or assumed where some rule asks for that; what
follows is computed from its declaration. Left free are what no formula says (whether something could
turn the recommendation) and, where asked, everything a decision reads, which loses no case and proves
what follows from the decision's own conditions. z3 is loaded only here and in ``engine.prover``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal

from engine.case import Case, Given, Origin
from engine.declarations import FactDeclaration
from engine.knowledge import DecisionTable, Knowledge
from engine.language.nodes import And, Name, Never, Node, Not, Or, State, Truth, walk
from engine.language.scope import NumberType, TruthType
from engine.language.symbolic import (
    NotSymbolicError,
    Symbolic,
    SymbolicNumber,
    SymbolicTruth,
    SymbolicWord,
    Translator,
    choose,
    real,
)
from engine.testing.conditions import atoms
from engine.testing.goals import (
    NEARNESS,
    AtThreshold,
    Decides,
    Fires,
    Goal,
    NearThreshold,
    Reaches,
    Side,
    nearness,
    threshold_side,
)

#: The states that tell one way of giving a fact from another.
_WAYS = frozenset({"answered", "measured", "assumed"})


#: How much of a base is computed rather than left free.
Depth = Literal["conditions", "decisions", "figures", "everything"]
#: How many figures away from the decision figures are computed.
_MOST_STEPS: Mapping[Depth, float] = {"conditions": 0, "decisions": 0, "figures": 3, "everything": math.inf}


class SymbolicBase:
    """The part of a knowledge base that one decision depends on, as z3 terms.

    Args:
        knowledge: the base.
        decision: the decision asked about.
        depth: what is computed rather than left free. ``conditions``: the decision's own conditions; ``decisions``:
            those of every decision it depends on, too; ``figures``: also the figures a few steps from it;
            ``everything``: all of them. The less is computed the sooner it is proved, and the less can be.
        standing: let a decision that stays open conclude anything, as it may where one conclusion
            stands whatever is unknown.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        decision: str,
        *,
        depth: Depth = "everything",
        standing: bool = True,
    ) -> None:
        self.knowledge = knowledge
        self.decision = decision
        self.bounds: list[Any] = []
        self.translator = Translator({}, {}, knowledge.tables)
        self._depth = depth
        #: The figures that may be anything.
        self._left_free: set[str] = set()
        self._standing = standing
        self._given: dict[str, tuple[Any, Any, Mapping[Origin, Any]]] = {}
        self._rows: dict[str, list[SymbolicTruth]] = {}
        #: For each ``first`` decision the conditions under which its rows are reached, as far as asked for.
        self._passed: dict[str, list[Any]] = {}
        if depth == "conditions":
            self._free_inputs()
        else:
            self._everything_upstream()
        self._decide(knowledge.decisions[decision])

    # -- names -------------------------------------------------------------------------------------

    def _free_inputs(self) -> None:
        knowledge = self.knowledge
        reads = knowledge.reads[self.decision]
        for name in sorted(reads):
            if name in knowledge.facts:
                self._fact(name, default=self._anything(name) if name in knowledge.quantities else None)
            else:
                self._define(name, self._anything(name), "computed")
        for table in knowledge.decisions.values():
            self._bind_outputs(table, [output for output in table.outputs if output in reads])

    def _everything_upstream(self) -> None:
        self._define_all(self._needed(), self._formula)

    def _define_all(self, needed: Collection[str], default: Callable[[str], Symbolic]) -> None:
        """Make terms of these names, each after those it reads; of a fact with a default, given what stands for it."""
        knowledge = self.knowledge
        for name in sorted(set(needed) - set(knowledge.order)):
            if name in knowledge.facts:
                self._fact(name, default=None)
            else:
                self._define(name, self._anything(name), "computed")
        for name in knowledge.order:
            if name not in needed or name == self.decision:
                continue
            if name in knowledge.decisions:
                self._decide(knowledge.decisions[name])
            elif name in knowledge.facts:
                self._fact(name, default=default(name))
            else:
                self._define(name, self._formula(name), "computed")

    def _needed(self) -> frozenset[str]:
        """What the decision depends on as far as it is computed: facts, amounts, figures and decisions, itself too."""
        knowledge = self.knowledge
        # The least number of figures between the decision and each name.
        steps, waiting = {self.decision: 0}, [self.decision]
        while waiting:
            name = waiting.pop(0)
            if name in self._left_free:
                continue
            for read in sorted(knowledge.reads.get(name, frozenset())):
                owner = knowledge.decision_of.get(read, read)
                computed = owner not in knowledge.facts and owner not in knowledge.decisions
                further = steps[name] + computed
                if owner not in steps or further < steps[owner]:
                    steps[owner] = further
                    self._left_free.discard(owner)
                    if computed and further > _MOST_STEPS[self._depth]:
                        self._left_free.add(owner)
                    waiting.append(owner)
        return frozenset(steps)

    def _formula(self, name: str) -> Symbolic:
        if name in self._left_free:
            return self._anything(name)
        try:
            return self.translator.translate(self.knowledge.quantities[name].formula)
        except NotSymbolicError:
            return self._anything(name)

    def _anything(self, name: str) -> Symbolic:
        """A term that may be every value of the name's type, or unknown; of an amount its own value."""
        import z3

        if name in self.knowledge.constants:
            return self.translator.constant(self.knowledge.constants[name])
        kind = self.knowledge.scope.symbols[name].type
        known = z3.Bool(f"known {name}")
        if isinstance(kind, NumberType):
            never = z3.Bool(f"never {name}") if name in _may_be_never(self.knowledge) else z3.BoolVal(val=False)
            return SymbolicNumber(z3.Real(f"value {name}"), known, never)
        if isinstance(kind, TruthType):
            truth = z3.Bool(f"value {name}")
            return SymbolicTruth(z3.And(known, truth), z3.And(known, z3.Not(truth)))
        return SymbolicWord(self._word_symbol(name, kind.values), known)

    def _word_symbol(self, name: str, words: Iterable[str]) -> Any:
        import z3

        symbol = z3.Int(f"value {name}")
        self.bounds.append(z3.Or(*(symbol == self.translator.word(word) for word in words)))
        return symbol

    def _define(self, name: str, term: Symbolic, kind: str) -> None:
        import z3

        known = _known(term)
        self.translator.terms[name] = term
        self.translator.origins[name] = {kind: known, None: z3.Not(known)}

    def _fact(self, name: str, *, default: Symbolic | None) -> None:
        """A fact that may be given, or left to its default."""
        import z3

        declaration = self.knowledge.facts[name]
        given = z3.Bool(f"given {name}")
        symbol, term = self._given_value(name, declaration, given)
        ways = self._ways(name, given)
        self._given[name] = (given, symbol, ways)
        if default is None:
            assumed = z3.BoolVal(val=False)
        else:
            assumed = z3.And(z3.Not(given), _known(default))
            term = choose(SymbolicTruth(given, z3.Not(given)), term, default)
        self.translator.terms[name] = term
        origins: dict[str | None, Any] = {"assumed": assumed, None: z3.And(z3.Not(given), z3.Not(assumed))}
        for way, condition in ways.items():
            origins["supposed" if way == "assumed" else way] = condition
        self.translator.origins[name] = origins

    def _given_value(self, name: str, declaration: FactDeclaration, given: Any) -> tuple[Any, Symbolic]:
        import z3

        if declaration.type == "yes/no":
            symbol = z3.Bool(f"value {name}")
            return symbol, SymbolicTruth(z3.And(given, symbol), z3.And(given, z3.Not(symbol)))
        if declaration.choices is not None:
            symbol = self._word_symbol(name, declaration.words)
            return symbol, SymbolicWord(symbol, given)
        low, high = declaration.bounds
        integer = declaration.type == "integer"
        symbol = z3.ToReal(z3.Int(f"value {name}")) if integer else z3.Real(f"value {name}")
        self.bounds += [symbol >= real(low), symbol <= real(high)]
        return symbol, SymbolicNumber(symbol, given, z3.BoolVal(val=False))

    def _ways(self, name: str, given: Any) -> dict[Origin, Any]:
        """How a given fact came to be known: told apart only where some expression does."""
        import z3

        if name not in _told_apart(self.knowledge):
            return {"answered": given}
        measured, assumed = z3.Bool(f"measured {name}"), z3.Bool(f"assumed {name}")
        return {
            "answered": z3.And(given, z3.Not(measured), z3.Not(assumed)),
            "measured": z3.And(given, measured),
            "assumed": z3.And(given, z3.Not(measured), assumed),
        }

    # -- decisions ---------------------------------------------------------------------------------

    def _decide(self, table: DecisionTable) -> None:
        import z3

        rows = [self._truth(row.when) for row in table.rows]
        self._rows[table.name] = rows
        if table.policy == "collect":
            return
        decides = [self._decisive(table, index) for index in range(len(rows))]
        for output in table.outputs:
            code: Any = z3.IntVal(0)
            for row, decisive in reversed(list(zip(table.rows, decides, strict=True))):
                code = z3.If(decisive, self.translator.word(row.then[output]), code)
            decided = z3.Or(*decides)
            known = decided
            if self._standing and table.name != self.decision:
                stands = z3.Bool(f"stands {output}")
                known = z3.Or(decided, stands)
                code = z3.If(decided, code, self._word_symbol(output, table.outputs[output]))
            self._define(output, SymbolicWord(code, known), "computed")

    def _bind_outputs(self, table: DecisionTable, outputs: list[str]) -> None:
        """Outputs of one decision, left free, come from one row where all of them are known."""
        import z3

        if len(outputs) < 2:  # noqa: PLR2004 - a single output is free
            return
        terms = [self.translator.terms[output] for output in outputs]
        words = [term for term in terms if isinstance(term, SymbolicWord)]
        rows = {tuple(row.then[output] for output in outputs) for row in table.rows}
        together = [
            z3.And(*(term.code == self.translator.word(word) for term, word in zip(words, row, strict=True)))
            for row in sorted(rows)
        ]
        self.bounds.append(z3.Or(z3.Not(z3.And(*(term.known for term in words))), *together))

    def _truth(self, node: Node) -> SymbolicTruth:
        import z3

        try:
            term = self.translator.translate(node)
        except NotSymbolicError:
            # Whatever it may be loses no case.
            true = z3.Bool(f"true {node}")
            return SymbolicTruth(true, z3.And(z3.Bool(f"false {node}"), z3.Not(true)))
        return term if isinstance(term, SymbolicTruth) else SymbolicTruth(*2 * (z3.BoolVal(val=False),))

    def _reached(self, table: DecisionTable, index: int) -> Any:
        import z3

        if table.policy != "first":
            return z3.BoolVal(val=True)
        # Each condition is made of the one before, so that a long table takes no more than its length.
        passed = self._passed.setdefault(table.name, [z3.BoolVal(val=True)])
        for row in self._rows[table.name][len(passed) - 1 : index]:
            passed.append(z3.And(passed[-1], row.false))
        return passed[index]

    def _decisive(self, table: DecisionTable, index: int) -> Any:
        import z3

        return z3.And(self._reached(table, index), self._rows[table.name][index].true)

    # -- goals -------------------------------------------------------------------------------------

    def meets(self, goal: Goal, *, plainly: bool = False) -> Any:
        """The condition under which a case meets the goal.

        Args:
            goal: what is to be met.
            plainly: ask for more than the goal does, so that nothing hangs on a hair: beside a threshold, to be half
                as far from it.
        """
        import z3

        table = self.knowledge.decisions[self.decision]
        if isinstance(goal, Reaches):
            rows = [index for index, row in enumerate(table.rows) if row.then[goal.output] == goal.value]
            return z3.Or(*(self._decisive(table, index) for index in rows))
        if isinstance(goal, Fires):
            return self._decisive(table, goal.row)
        reached = self._reached(table, goal.row)
        if isinstance(goal, AtThreshold | NearThreshold):
            return z3.And(reached, self._threshold(goal, plainly=plainly))
        atom = self._truth(goal.atom)
        side = atom.true if goal.truth else atom.false
        if isinstance(goal, Side):
            return z3.And(reached, side)
        return z3.And(reached, side, self._decided_by(table.rows[goal.row].when, goal))

    def _decided_by(self, condition: Node, goal: Decides) -> Any:
        """The row comes out as the goal says, and the other way with the opposite of the atomic condition."""
        import z3

        truths = {atom: self._truth(atom) for atom in atoms(condition)}
        as_it_is = _combined(condition, truths)
        yes, no = z3.BoolVal(val=True), z3.BoolVal(val=False)
        opposite = SymbolicTruth(no, yes) if goal.truth else SymbolicTruth(yes, no)
        otherwise = _combined(condition, {**truths, goal.atom: opposite})
        if goal.outcome:
            return z3.And(as_it_is.true, otherwise.false)
        return z3.And(as_it_is.false, otherwise.true)

    def _threshold(self, goal: AtThreshold | NearThreshold, *, plainly: bool) -> Any:
        import z3

        left, right = self.translator.translate(goal.atom.left), self.translator.translate(goal.atom.right)
        if not (isinstance(left, SymbolicNumber) and isinstance(right, SymbolicNumber)):
            return z3.BoolVal(val=False)
        numbers = z3.And(left.known, right.known, z3.Not(left.never), z3.Not(right.never))
        if isinstance(goal, AtThreshold):
            return z3.And(numbers, left.value == right.value)
        gap = left.value - right.value
        threshold = left.value if threshold_side(goal.atom) is goal.atom.left else right.value
        elsewhere, beside_zero = nearness(self.knowledge, goal.atom)
        nearness_here = real(NEARNESS / 2 if plainly else NEARNESS)
        near = z3.Or(
            _within(gap, threshold * nearness_here),
            _within(gap, -threshold * nearness_here),
            z3.And(threshold != 0, _within(gap, real(elsewhere))),
            z3.And(threshold == 0, _within(gap, real(beside_zero))),
        )
        turned = {"<": gap < 0, ">": gap > 0, "<=": gap > 0, ">=": gap < 0}.get(goal.atom.operator, gap != 0)
        return z3.And(numbers, near, turned)

    def prefers_few(self) -> list[Any]:
        """For each fact that it is not given."""
        import z3

        return [z3.Not(given) for given, _, _ in self._given.values()]

    # -- models ------------------------------------------------------------------------------------

    def case(self, model: Any) -> Case:
        """The case that a z3 model describes, each real as its nearest float."""
        import z3

        def holds(condition: Any) -> bool:
            return bool(z3.is_true(model.eval(condition, model_completion=True)))

        words = {self.translator.word(word): word for word in self._all_words()}
        given: dict[str, Given] = {}
        for name in self.knowledge.facts:
            if name not in self._given or not holds(self._given[name][0]):
                continue
            _, symbol, ways = self._given[name]
            value = model.eval(symbol, model_completion=True)
            declaration = self.knowledge.facts[name]
            origin: Origin = next((way for way, condition in ways.items() if holds(condition)), "answered")
            if declaration.type == "yes/no":
                given[name] = Given(name, z3.is_true(value), origin=origin)
            elif declaration.choices is not None:
                given[name] = Given(name, words[value.as_long()], origin=origin)
            else:
                low, high = declaration.bounds
                given[name] = Given(name, min(max(_as_float(value), low), high), origin=origin)
        return Case("found", given)

    def _all_words(self) -> Iterable[str]:
        for fact in self.knowledge.facts.values():
            yield from fact.words


@lru_cache(maxsize=16)
def _may_be_never(knowledge: Knowledge) -> frozenset[str]:
    """The figures and facts whose formula speaks of ``never``, itself or through others."""
    found: set[str] = set()
    for name in knowledge.order:
        quantity = knowledge.quantities.get(name)
        if quantity and any(
            isinstance(part, Never) or (isinstance(part, Name) and part.name in found)
            for part in walk(quantity.formula)
        ):
            found.add(name)
    return frozenset(found)


@lru_cache(maxsize=16)
def _told_apart(knowledge: Knowledge) -> frozenset[str]:
    """The facts of which some expression asks whether they were answered, measured or assumed."""
    return frozenset(
        part.name
        for node in knowledge.expressions
        for part in walk(node)
        if isinstance(part, State) and part.state in _WAYS
    )


def _combined(node: Node, truths: Mapping[Node, SymbolicTruth]) -> SymbolicTruth:
    """The truth of a condition, given that of its atomic conditions, after Kleene."""
    import z3

    match node:
        case And(parts=parts):
            found = [_combined(part, truths) for part in parts]
            return SymbolicTruth(z3.And(*(part.true for part in found)), z3.Or(*(part.false for part in found)))
        case Or(parts=parts):
            found = [_combined(part, truths) for part in parts]
            return SymbolicTruth(z3.Or(*(part.true for part in found)), z3.And(*(part.false for part in found)))
        case Not(operand=operand):
            inner = _combined(operand, truths)
            return SymbolicTruth(inner.false, inner.true)
        case Truth(value=value):
            return SymbolicTruth(z3.BoolVal(val=value), z3.BoolVal(val=not value))
        case _:
            return truths[node]


def _within(gap: Any, bound: Any) -> Any:
    import z3

    return z3.And(gap <= bound, -gap <= bound)


def _known(term: Symbolic) -> Any:
    import z3

    return z3.Or(term.true, term.false) if isinstance(term, SymbolicTruth) else term.known


#: Digits behind the point of a value whose fraction is longer than a float could tell.
_DECIMALS = 40


def _as_float(value: Any) -> float:
    import z3

    if z3.is_algebraic_value(value):
        value = value.approx(30)
    # The fraction itself may have more digits than Python will read.
    return float(value.as_decimal(_DECIMALS).rstrip("?"))
