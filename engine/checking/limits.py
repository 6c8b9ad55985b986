"""For every name of a base the values that it can have at all, whatever the case.

A sound bound and no more: it may hold values that never come about. What follows from it needs none of the
arithmetic behind the names, which is how most of what is asked of a decision is proved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from engine.knowledge import DecisionTable, Knowledge
from engine.language.nodes import Never, walk
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

#: How long one question to z3 may take, while others wait.
MILLISECONDS = 5_000


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

        return self._proves(name, lambda term: z3.Not(known(term)))

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
        bounds.extend(within(number, limits))
        return SymbolicNumber(number, yes, z3.Bool(f"never {name}") if name in self.never else no)


_ANY_ORIGIN: frozenset[str | None] = frozenset({"answered", "measured", "supposed", "assumed", "computed", None})


def _anything(kind: Type) -> Possible:
    """Everything a name of the type can be, unknown included."""
    if isinstance(kind, TruthType):
        return Truths(true=True, false=True, unknown=True)
    if isinstance(kind, ChoiceType):
        return Words(frozenset(kind.values), unknown=True)
    return Span(-math.inf, math.inf, unknown=True)


def within(number: Any, limits: Span) -> Iterator[Any]:
    """That a number lies within its limits, as far as these are finite."""
    if abs(limits.low) != float("inf"):
        yield number >= real(limits.low)
    if abs(limits.high) != float("inf"):
        yield number <= real(limits.high)


def known(term: Symbolic) -> Any:
    """The condition under which a term is known."""
    import z3

    return z3.Or(term.true, term.false) if isinstance(term, SymbolicTruth) else term.known
