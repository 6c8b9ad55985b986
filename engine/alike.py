"""What two knowledge bases have in common: facts that a case can give to both, names that mean the same in both.

A name means the same where its declaration does and so does everything it depends on. That is told from
the declarations alone; what comes out the same although it is declared otherwise is for
``engine.divergence`` to prove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from engine.case import Case
from engine.declarations import FactDeclaration
from engine.knowledge import DecisionTable, Knowledge
from engine.language.evaluate import Value
from engine.language.nodes import Node, functions_in, names_in
from engine.outlook import full_domain

#: Which of two bases.
Side = Literal["old", "new"]


@dataclass(frozen=True, slots=True)
class Target:
    """One conclusion that is compared, under the name it has among a decision's ``conclusions``.

    Args:
        name: of the output, or of the group of outputs that are concluded together.
        decision: the table that concludes it, by its name in both bases.
        outputs: the outputs it is made of that both bases have.
    """

    name: str
    decision: str
    outputs: tuple[str, ...]


class Alike:
    """What an old and a new base have in common."""

    def __init__(self, old: Knowledge, new: Knowledge) -> None:
        self.old = old
        self.new = new
        #: The facts that a case can give to both, whatever their bounds.
        self.facts = frozenset(
            name for name, fact in old.facts.items() if name in new.facts and _kind(fact) == _kind(new.facts[name])
        )
        self.signal_is_same = False
        self._find_identical()
        if self._same_signal():
            self.signal_is_same = True
            self._find_identical()

    # -- names -------------------------------------------------------------------------------------

    def _find_identical(self) -> None:
        old, new = self.old, self.new
        #: The names that mean the same, and those that do so whatever is only assumed or given as a range.
        self.identical: set[str] = set()
        self.steady: set[str] = set()
        if self.signal_is_same and old.manifest.could_turn:
            self._take(old.manifest.could_turn, steady=True)
        for name in old.constants.keys() & new.constants.keys():
            if old.constants[name] == new.constants[name]:
                self._take(name, steady=old.constant_ranges.get(name) == new.constant_ranges.get(name))
        for name in self.facts:
            if name not in old.quantities and name not in new.quantities:
                self._take(name, steady=self.has_same_domain(name))
        for name in new.order:
            if name in old.decisions and name in new.decisions:
                if _same_table(old.decisions[name], new.decisions[name]):
                    self._take_what_reads(name, list(new.decisions[name].outputs))
            elif name in old.quantities and name in new.quantities and self._same_formula(name):
                own_domain = name not in self.facts or self._same_default_range(name)
                self._take_what_reads(name, [], steady=own_domain)

    def _take(self, name: str, *, steady: bool) -> None:
        self.identical.add(name)
        if steady:
            self.steady.add(name)

    def _take_what_reads(self, name: str, outputs: Iterable[str], *, steady: bool = True) -> None:
        """Take a name whose own declaration is the same, if everything it reads means the same."""
        reads = self.new.reads[name]
        if reads <= self.identical and self._same_tables(name):
            for one in (name, *outputs):
                self._take(one, steady=steady and reads <= self.steady)

    def _same_formula(self, name: str) -> bool:
        old, new = self.old.quantities[name], self.new.quantities[name]
        if name in self.old.facts or name in self.new.facts:
            return name in self.facts and old.formula == new.formula
        return old.kind == new.kind and old.formula == new.formula

    def _same_default_range(self, name: str) -> bool:
        ranges = self.old.default_ranges.get(name) == self.new.default_ranges.get(name)
        return ranges and self.has_same_domain(name)

    def _same_tables(self, name: str) -> bool:
        """Whether the volume tables that a formula or decision calls have the same rows and ends."""
        called = frozenset().union(*map(functions_in, nodes_of(self.new, name)))
        return all(self.old.tables.get(table) == self.new.tables.get(table) for table in called)

    def _same_signal(self) -> bool:
        """Whether something unknown or assumed could turn the recommendation in the same cases."""
        old, new = self.old.manifest, self.new.manifest
        if (old.could_turn, old.recommends) != (new.could_turn, new.recommends) or old.could_turn is None:
            return False
        return new.recommends is None or new.recommends in self.steady

    # -- facts -------------------------------------------------------------------------------------

    def has_same_domain(self, fact: str) -> bool:
        """Whether a fact of both may have the same values, and something stands in for it in both or in neither."""
        old, new = self.old.facts[fact], self.new.facts[fact]
        return full_domain(old) == full_domain(new) and (old.stands_in is None) == (new.stands_in is None)

    def common(self, case: Case) -> Case:
        """The case with those facts only that both bases know, at values that both allow."""
        given = {
            name: one
            for name, one in case.given.items()
            if name in self.facts and accepts(self.old.facts[name], one.value) and accepts(self.new.facts[name], one.value)
        }
        return Case(case.name, given)

    # -- conclusions -------------------------------------------------------------------------------

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Every conclusion that both bases draw, in the order of the new one."""
        found = []
        for name in self.new.order:
            if name in self.new.decisions and name in self.old.decisions:
                found += list(_targets(self.old.decisions[name], self.new.decisions[name]))
        return tuple(found)

    def is_identical(self, target: Target) -> bool:
        """Whether it follows from the declarations that the conclusion is the same in every case."""
        return target.decision in self.identical and not self.changed_domains(target)

    def changed_domains(self, target: Target) -> tuple[str, ...]:
        """The facts that the conclusion may wait for and that may be something else in the other base.

        What stands whatever they are may then differ.
        """
        behind = self.old.upstream(target.decision) | self.new.upstream(target.decision)
        return tuple(
            name
            for name in self.new.facts
            if name in behind and name in self.facts and full_domain(self.old.facts[name]) != full_domain(self.new.facts[name])
            if name not in self.old.quantities or name not in self.new.quantities
        )


def nodes_of(knowledge: Knowledge, name: str) -> list[Node]:
    """The formula of a quantity, or the conditions of a decision."""
    if name in knowledge.decisions:
        return [row.when for row in knowledge.decisions[name].rows]
    return [knowledge.quantities[name].formula] if name in knowledge.quantities else []


def accepts(fact: FactDeclaration, value: Value) -> bool:
    """Whether a fact may have the value; unknown is always allowed."""
    if value is None:
        return True
    if fact.type == "yes/no":
        return isinstance(value, bool)
    if fact.choices is not None:
        return isinstance(value, str) and (value in fact.choices or fact.open)
    low, high = fact.bounds
    is_number = isinstance(value, float) and not isinstance(value, bool)
    return is_number and low <= value <= high and (fact.type != "integer" or value.is_integer())


def _kind(fact: FactDeclaration) -> str:
    return "number" if fact.type == "integer" else fact.type


def _same_table(old: DecisionTable, new: DecisionTable) -> bool:
    """Whether two decisions conclude the same by the same rows; ids, sentences and sources aside."""
    policies = [(one.declaration.hit_policy, one.declaration.aggregate) for one in (old, new)]
    if policies[0] != policies[1] or old.outputs.keys() != new.outputs.keys():
        return False
    if old.declaration.kinds != new.declaration.kinds:
        return False
    return [(row.when, row.then) for row in old.rows] == [(row.when, row.then) for row in new.rows]


def _targets(old: DecisionTable, new: DecisionTable) -> Iterable[Target]:
    """The conclusions of a decision as they are listed by name."""
    outputs = tuple(output for output in new.outputs if output in old.outputs)
    together = new.declaration.name is not None or new.policy == "collect"
    if together and old.policy == new.policy:
        yield Target(new.name, new.name, outputs)
    else:
        yield from (Target(output, new.name, (output,)) for output in outputs)
