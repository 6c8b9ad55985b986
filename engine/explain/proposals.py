"""z3 asked which facts of a case could be otherwise for it to come to a conclusion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.explain.wanted import Attempts, Point
from engine.language.symbolic import SymbolicNumber, SymbolicTruth, SymbolicWord
from engine.testing.goals import Reaches

#: What one question may cost, in z3's own count (so that it ends alike everywhere) and in time.
_STEPS = 4_000_000
_MILLISECONDS = 4_000


class Proposals:
    """Sets of facts to be given anew, with values that lead to a conclusion.

    Conclusions that stand whatever is unknown are left aside, and numbers are exact reals: what is proposed has
    yet to be decided, and that there is no more says nothing of a case within the rounding of a threshold.

    Args:
        attempts: the case, and what it is to come to.
    """

    def __init__(self, attempts: Attempts) -> None:
        import z3

        from engine.checking.symbols import SymbolicBase

        self._attempts = attempts
        self.knowledge = attempts.knowledge
        #: Whether the last proposals ended because z3 proved that there are no more.
        self.exhausted = False
        #: Whether a question was too hard; those about larger sets would be no easier.
        self._gave_up = False
        wanted = attempts.wanted
        self._base = SymbolicBase(self.knowledge, self.knowledge.decision_of[wanted.output], standing=False)
        self._solver = z3.Solver()
        self._solver.set("rlimit", _STEPS)
        self._solver.set("timeout", _MILLISECONDS)
        self._solver.add(*self._base.bounds, self._base.meets(Reaches(wanted.output, wanted.word)))
        #: For each fact whether it is answered anew.
        self._changed: dict[str, Any] = {}
        for name in self.knowledge.facts:
            if name in self._base.translator.origins:
                changed = self._changed[name] = z3.Bool(f"changed {name}")
                answered = self._base.translator.origins[name]["answered"]
                self._solver.add(z3.If(changed, answered, z3.And(*self._held(name))))

    def of_size(
        self, size: int, reasons: Sequence[frozenset[str]], tried: Iterable[frozenset[str]]
    ) -> Iterator[tuple[frozenset[str], Point]]:
        """Sets of at most so many facts, each with values that lead to what is wanted by z3's exact arithmetic.

        Args:
            size: how many facts may change.
            reasons: groups of facts of each of which one must change; more may be added on the way.
            tried: sets that are not wanted again.
        """
        import z3

        self.exhausted = False
        if self._gave_up:
            return
        self._solver.push()
        try:
            self._solver.add(z3.AtMost(*self._changed.values(), size), *(self._but(facts) for facts in tried))
            used = 0
            while True:
                self._solver.add(*(self._one_of(reason) for reason in reasons[used:]))
                used = len(reasons)
                answer = self._solver.check()
                self.exhausted = bool(answer == z3.unsat)
                self._gave_up = bool(answer == z3.unknown)
                if answer != z3.sat:
                    return
                facts, point = self._proposal(self._solver.model())
                yield facts, point
                self._solver.add(self._but(facts))
        finally:
            self._solver.pop()

    def _proposal(self, model: Any) -> tuple[frozenset[str], Point]:
        import z3

        given = self._base.case(model).given
        facts = [name for name, changed in self._changed.items() if z3.is_true(model.eval(changed))]
        return frozenset(facts), {name: given[name].value for name in facts}

    def _one_of(self, reason: frozenset[str]) -> Any:
        import z3

        return z3.Or(*(self._changed[name] for name in self._changed if name in reason))

    def _but(self, facts: frozenset[str]) -> Any:
        """Any other set than this one."""
        import z3

        return z3.Or(*(z3.Not(one) if name in facts else one for name, one in self._changed.items()))

    def _held(self, name: str) -> list[Any]:
        """A fact as it is in the case: given with its value and origin, or not given."""
        import z3

        origins = self._base.translator.origins[name]
        given = self._attempts.case.given.get(name)
        ways = [condition for way, condition in origins.items() if way in ("answered", "measured", "supposed")]
        if given is None or given.value is None:
            return [z3.Not(z3.Or(*ways))]
        way = {"assumed": "supposed"}.get(given.origin, given.origin)
        return [origins.get(way, z3.Or(*ways)), self._same(name)]

    def _same(self, name: str) -> Any:
        term = self._base.translator.terms[name]
        constant = self._base.translator.constant(self._attempts.outcome.memory.values[name])
        match term, constant:
            case SymbolicNumber(), SymbolicNumber():
                return term.value == constant.value
            case SymbolicWord(), SymbolicWord():
                return term.code == constant.code
            case SymbolicTruth(), SymbolicTruth():
                return term.true == constant.true
            case _:
                raise TypeError(f"{name} has a value of another kind than it is declared with")
