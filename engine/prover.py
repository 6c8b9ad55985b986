"""Proof by z3 that open facts lead to one conclusion only, or a point where they lead to another.

Asked about what the regions of ``engine.outlook`` leave open, which is seldom; z3 is loaded only then.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from engine.language.evaluate import Value
from engine.language.possible import Span, Words
from engine.language.symbolic import (
    NotSymbolicError,
    Symbolic,
    SymbolicNumber,
    SymbolicTruth,
    SymbolicWord,
    Translator,
    real,
)

if TYPE_CHECKING:
    from engine.costs import WorkingMemory
    from engine.knowledge import DecisionTable
    from engine.outlook import Domain

#: How much one proof may cost, in z3's own count, so that it ends alike on a busy machine and on an idle one.
STEPS = 4_000_000
#: How long it may take all the same.
MILLISECONDS = 20_000
#: Terms are built in the one context that z3 shares between threads, without any care for them.
_ONE_AT_A_TIME = threading.Lock()


def find_other(
    memory: WorkingMemory, target: str, steps: list[str], domains: Mapping[str, Domain], conclusion: str | None
) -> dict[str, Value] | bool | None:
    """A point of the domains where something else than the conclusion comes out.

    Args:
        memory: the case as known.
        target: the output asked about.
        steps: the quantities and decisions the open facts move, in order.
        domains: what each open fact may be.
        conclusion: what is known to come out somewhere; None: the decision stays open there.

    Returns:
        The point; False where it is proved that there is none; None where neither was found in time.
        Reals stand for floats here, so a point is only a candidate until the evaluator confirms it.
    """
    with _ONE_AT_A_TIME:
        return _find_other(memory, target, steps, domains, conclusion)


def _find_other(
    memory: WorkingMemory, target: str, steps: list[str], domains: Mapping[str, Domain], conclusion: str | None
) -> dict[str, Value] | bool | None:
    import z3

    try:
        model = _Model(memory, steps, domains)
        term = model.translator.terms[target]
        if not isinstance(term, SymbolicWord):
            return None
        same = (
            z3.Not(term.known)
            if conclusion is None
            else z3.And(term.known, term.code == model.translator.word(conclusion))
        )
    except NotSymbolicError:
        return None
    # What was asked before in a context changes how z3 goes about the next question, and whether it ends in time.
    own = z3.Context()
    solver = z3.Solver(ctx=own)
    solver.set("rlimit", STEPS)
    solver.set("timeout", MILLISECONDS)
    solver.add(*(one.translate(own) for one in (*model.bounds, z3.Not(same))))
    outcome = solver.check()
    if outcome == z3.unsat:
        return False
    return model.point(solver.model()) if outcome == z3.sat else None


class _Model:
    """The moved part of a knowledge base over symbols for the open facts."""

    def __init__(self, memory: WorkingMemory, steps: list[str], domains: Mapping[str, Domain]) -> None:
        import z3

        knowledge = memory.knowledge
        self.domains = domains
        self.bounds: list[Any] = []
        self.symbols: dict[str, Any] = {}
        self.answered: dict[str, Any] = {}
        self.translator = Translator({}, {}, knowledge.tables)
        yes = z3.BoolVal(val=True)
        moved = set(steps) | {
            output for name in steps if name in knowledge.decisions for output in knowledge.decisions[name].outputs
        }
        for name, value in memory.values.items():
            if name not in moved and name not in domains:
                self.translator.terms[name] = self._typed(self.translator.constant(value), knowledge, name)
                self.translator.origins[name] = {memory.origins.get(name): yes}
        for name, domain in domains.items():
            self._open(name, domain)
        for name in steps:
            if name in knowledge.decisions:
                self._decide(knowledge.decisions[name])
            elif name not in domains:
                term = self.translator.translate(knowledge.quantities[name].formula)
                kind = "assumed" if name in knowledge.facts else "computed"
                self._record(name, term, kind)
            elif self.domains[name].may_stay_open or _empty(self.domains[name]):
                self._fall_back(name, self.translator.translate(knowledge.quantities[name].formula))

    def _typed(self, term: Symbolic, knowledge: Any, name: str) -> Symbolic:
        """An unknown value in the kind its name is declared with."""
        import z3

        from engine.language.scope import ChoiceType, TruthType

        kind = knowledge.scope.symbols[name].type
        no = z3.BoolVal(val=False)
        if isinstance(term, SymbolicNumber) and isinstance(kind, TruthType):
            return SymbolicTruth(no, no)
        if isinstance(term, SymbolicNumber) and isinstance(kind, ChoiceType):
            return SymbolicWord(z3.IntVal(0), no)
        return term

    def _open(self, name: str, domain: Domain) -> None:
        import z3

        answered = z3.BoolVal(val=not _empty(domain))
        if domain.may_stay_open and not _empty(domain):
            answered = self.answered[name] = z3.Bool(f"answered {name}")
        no = z3.BoolVal(val=False)
        values = domain.values
        if isinstance(values, Span):
            symbol = z3.ToReal(z3.Int(name)) if domain.integer else z3.Real(name)
            if not _empty(domain):
                self.bounds += [symbol >= real(values.low), symbol <= real(values.high)]
            term: Symbolic = SymbolicNumber(symbol, answered, no)
        elif isinstance(values, Words):
            symbol = z3.Int(name)
            codes = [self.translator.word(word) for word in sorted(values.options)]
            self.bounds.append(z3.Or(*(symbol == code for code in codes)) if codes else z3.BoolVal(val=True))
            term = SymbolicWord(symbol, answered)
        else:
            symbol = z3.Bool(name)
            if values.true != values.false:
                self.bounds.append(symbol if values.true else z3.Not(symbol))
            term = SymbolicTruth(z3.And(answered, symbol), z3.And(answered, z3.Not(symbol)))
        self.symbols[name] = symbol
        self.translator.terms[name] = term
        self.translator.origins[name] = {"answered": answered, None: z3.Not(answered)}

    def _fall_back(self, name: str, default: Symbolic) -> None:
        """An open fact that may be left to its default."""
        import z3

        from engine.language.symbolic import choose

        answered = self.translator.origins[name]["answered"]
        known = z3.Or(default.true, default.false) if isinstance(default, SymbolicTruth) else default.known
        own = self.translator.terms[name]
        self.translator.terms[name] = choose(SymbolicTruth(answered, z3.Not(answered)), own, default)
        self.translator.origins[name] = {
            "answered": answered,
            "assumed": z3.And(z3.Not(answered), known),
            None: z3.And(z3.Not(answered), z3.Not(known)),
        }

    def _record(self, name: str, term: Symbolic, kind: str) -> None:
        import z3

        known = z3.Or(term.true, term.false) if isinstance(term, SymbolicTruth) else term.known
        self.translator.terms[name] = term
        self.translator.origins[name] = {kind: known, None: z3.Not(known)}

    def _decide(self, table: DecisionTable) -> None:
        import z3

        rows = [self.translator.translate(row.when) for row in table.rows]
        truths = [
            row if isinstance(row, SymbolicTruth) else SymbolicTruth(*2 * (z3.BoolVal(val=False),)) for row in rows
        ]
        if table.policy == "collect":
            return
        decides: list[Any] = []
        passed: Any = z3.BoolVal(val=True)
        for truth in truths:
            decides.append(z3.And(passed, truth.true) if table.policy == "first" else truth.true)
            passed = z3.And(passed, truth.false)
        for output in table.outputs:
            code: Any = z3.IntVal(0)
            for row, decisive in reversed(list(zip(table.rows, decides, strict=True))):
                code = z3.If(decisive, self.translator.word(row.then[output]), code)
            self.translator.terms[output] = SymbolicWord(code, z3.Or(*decides))
            self.translator.origins[output] = {}

    def point(self, model: Any) -> dict[str, Value]:
        """The point of a z3 model, each real as its nearest float."""
        import z3

        words = {code: word for word, code in self.translator._codes.items()}  # noqa: SLF001 - its own translator
        found: dict[str, Value] = {}
        for name, domain in self.domains.items():
            answered = self.answered.get(name)
            if _empty(domain) or (answered is not None and not z3.is_true(_value(model, answered))):
                found[name] = None
                continue
            value = _value(model, self.symbols[name])
            if isinstance(domain.values, Span):
                found[name] = min(max(_as_float(value), domain.values.low), domain.values.high)
            elif isinstance(domain.values, Words):
                found[name] = words[value.as_long()]
            else:
                found[name] = z3.is_true(value)
        return found


def _value(model: Any, term: Any) -> Any:
    """What a term is in a model of whatever context."""
    return model.eval(term.translate(model.ctx), model_completion=True)


def _as_float(value: Any) -> float:
    import z3

    if z3.is_algebraic_value(value):
        value = value.approx(30)
    return float(Fraction(value.numerator_as_long(), value.denominator_as_long()))


def _empty(domain: Domain) -> bool:
    values = domain.values
    if isinstance(values, Span):
        return values.low > values.high
    return not values.options if isinstance(values, Words) else not (values.true or values.false)
