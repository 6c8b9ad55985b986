"""Facts and figures of one case: what was given, what is assumed in its place, what is computed from both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from engine.case import Case
from engine.knowledge import Knowledge, Quantity, Range
from engine.language.evaluate import Value, tidy
from engine.language.generate import Computed, Formulas

#: How a fact's origin in a case is remembered; see ``engine.language.evaluate.Origins``.
_ORIGINS = {"answered": "answered", "measured": "measured", "assumed": "supposed"}


@dataclass(slots=True)
class WorkingMemory:
    """The values of one case at one moment; grows as rules conclude, never changes what is known.

    Args:
        knowledge: the base whose names the memory holds.
        case: what was given.
        values: every name's plain value, None while unknown.
        origins: for every known fact and figure how it came to be known.
    """

    knowledge: Knowledge
    case: Case
    values: dict[str, Value]
    origins: dict[str, str]

    def conclude(self, name: str, value: Value) -> list[str]:
        """Take in a conclusion and compute the figures it completes.

        Returns:
            The names that became known, the conclusion first.
        """
        self.values[name] = value
        waiting = _waiting_for(self.knowledge).get(name)
        return [name, *waiting(self.values, self.origins)] if waiting else [name]

    def compute(self) -> None:
        """Compute every default and figure that is not known yet and can be."""
        _in_order(self.knowledge)(self.values, self.origins)

    def ranges(self) -> dict[str, Range]:
        """The facts given or assumed as a range of their own."""
        given = {
            name: Range(fact.low, float(fact.value), fact.high)
            for name, fact in self.case.given.items()
            if fact.low is not None and fact.high is not None and fact.value is not None
        }
        defaults = {
            name: found for name, found in self.knowledge.default_ranges.items() if self.origins.get(name) == "assumed"
        }
        return {**defaults, **given}


def computed(quantity: Quantity, values: Mapping[str, Value], origins: Mapping[str, str]) -> Value:
    """What a formula gives; a figure is rounded to 12 digits, a default stays what it was taken from."""
    value = quantity.evaluate(values, origins)
    return tidy(value) if quantity.kind == "figure" else value


def working_memory(knowledge: Knowledge, case: Case) -> WorkingMemory:
    """The facts of the case with defaults applied and every figure computed that no open conclusion can change."""
    values: dict[str, Value] = dict(_blank(knowledge))
    origins: dict[str, str] = {}
    for name, given in case.given.items():
        if given.value is not None:
            value = given.value
            values[name] = value if isinstance(value, bool | str) else float(value)
            origins[name] = _ORIGINS[given.origin]
    for name, words in knowledge.open_words.items():
        # No rule tells one text that none of them names from another.
        if values[name] is not None and values[name] not in words:
            values[name] = words[-1]
    memory = WorkingMemory(knowledge, case, values, origins)
    memory.compute()
    return memory


@lru_cache(maxsize=64)
def _blank(knowledge: Knowledge) -> Mapping[str, Value]:
    blank: dict[str, Value] = dict.fromkeys(knowledge.scope.symbols)
    blank.update(knowledge.constants)
    return blank


@lru_cache(maxsize=64)
def _in_order(knowledge: Knowledge) -> Formulas:
    names = [name for name in knowledge.order if name in knowledge.quantities]
    return _formulas(knowledge, names)


def _formulas(knowledge: Knowledge, names: Iterable[str]) -> Formulas:
    entries = []
    for name in names:
        quantity = knowledge.quantities[name]
        origin = "assumed" if quantity.kind == "fact" else "computed"
        entries.append(Computed(name, quantity.formula, quantity.evaluate, origin, tidied=quantity.kind == "figure"))
    return Formulas(entries, knowledge.tables)


@lru_cache(maxsize=64)
def _waiting_for(knowledge: Knowledge) -> Mapping[str, Formulas]:
    """For each conclusion the figures that depend on it, each after those it needs."""
    depends: dict[str, frozenset[str]] = {}
    waiting: dict[str, list[str]] = {}
    for name in knowledge.order:
        if name not in knowledge.concluded:
            continue
        direct = knowledge.reads[name]
        on = {read for read in direct if knowledge.scope.symbols[read].kind == "conclusion"}
        depends[name] = frozenset(on.union(*(depends.get(read, frozenset()) for read in direct)))
        for conclusion in depends[name]:
            waiting.setdefault(conclusion, []).append(name)
    return {conclusion: _formulas(knowledge, names) for conclusion, names in waiting.items()}
