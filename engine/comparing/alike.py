"""What two knowledge bases have in common: facts that a case can give to both, names that mean the same in both.

A name means the same where its declaration does and so does everything it depends on. That is told from
the declarations alone; what comes out the same although it is declared otherwise is for
``engine.comparing.divergence`` to prove.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from engine.case import Case
from engine.declarations import FactDeclaration
from engine.knowledge import DecisionTable, Knowledge
from engine.language.evaluate import Value, compile_plain
from engine.language.nodes import Node, Number, functions_in
from engine.outlook import full_domain

#: Which of two bases.
Side = Literal["old", "new"]
_ENDS: tuple[Literal["low", "high"], ...] = ("low", "high")


@dataclass(frozen=True, slots=True)
class Target:
    """One conclusion that is compared, under the name it has among a decision's ``conclusions``.

    Args:
        name: of the output, or of the outputs that are concluded together.
        outputs: the outputs it is made of that both bases have; at least one.
    """

    name: str
    outputs: tuple[str, ...]

    def table(self, knowledge: Knowledge) -> DecisionTable:
        """The decision of a base that concludes it."""
        return knowledge.decisions[knowledge.decision_of[self.outputs[0]]]


class Alike:
    """What an old and a new base have in common."""

    def __init__(self, old: Knowledge, new: Knowledge) -> None:
        self.old = old
        self.new = new
        #: The facts that a case can give to both, whatever their bounds.
        self.facts = frozenset(
            name for name, fact in old.facts.items() if name in new.facts and _kind(fact) == _kind(new.facts[name])
        )
        #: The names that mean the same, and those that do so whatever is only assumed or given as a range.
        self.identical: set[str] = set()
        self.steady: set[str] = set()
        self._find_identical()
        signal = self.signal_if_same(self.steady)
        if signal is not None:
            self._take(signal, steady=True)
            self._find_identical()

    # -- names -------------------------------------------------------------------------------------

    def _find_identical(self) -> None:
        old, new = self.old, self.new
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
                self._take_what_reads(name, [name], steady=name not in self.facts or self._same_default_range(name))

    def _take(self, name: str, *, steady: bool) -> None:
        self.identical.add(name)
        if steady:
            self.steady.add(name)

    def _take_what_reads(self, owner: str, names: Iterable[str], *, steady: bool = True) -> None:
        """Take names whose own declaration is the same, if everything it reads means the same."""
        reads = self.new.reads[owner]
        if reads <= self.identical and self._same_tables(owner):
            for name in names:
                self._take(name, steady=steady and reads <= self.steady)

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

    def signal_if_same(self, steady: Iterable[str]) -> str | None:
        """The name that says whether something could turn the recommendation, where it does so in the same cases.

        Args:
            steady: the names that mean the same whatever is only assumed or given as a range.
        """
        old, new = self.old.manifest, self.new.manifest
        if (old.could_turn, old.recommends) != (new.could_turn, new.recommends):
            return None
        return new.could_turn if new.recommends is None or new.recommends in steady else None

    @cached_property
    def at_ends(self) -> tuple[Alike, ...]:
        """Both bases with all that is a range taken at its low ends, and at its high ends."""
        return tuple(Alike(_at_end(self.old, end), _at_end(self.new, end)) for end in _ENDS)

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
            if name in self.facts
            if all(
                accepts(base.facts[name], value)
                for base in (self.old, self.new)
                for value in (one.value, one.low, one.high)
            )
        }
        return Case(case.name, given)

    # -- conclusions -------------------------------------------------------------------------------

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Every conclusion that both bases draw, in the order of the new one."""
        old, new = conclusions_of(self.old), conclusions_of(self.new)
        targets = (Target(name, tuple(one for one in new[name] if one in old[name])) for name in new if name in old)
        return tuple(target for target in targets if target.outputs)

    def upstream(self, target: Target) -> frozenset[str]:
        """Every fact and amount that the conclusion depends on in either base."""
        return self.old.upstream(target.outputs[0]) | self.new.upstream(target.outputs[0])

    def is_identical(self, target: Target) -> bool:
        """Whether the conclusion is declared the same and depends only on what is."""
        return self.identical.issuperset(target.outputs) and not self.changed_domains(target)

    def changed_domains(self, target: Target) -> tuple[str, ...]:
        """The facts that the conclusion may wait for and that may be something else in the other base.

        What stands whatever they are may then differ.
        """
        behind = self.upstream(target)
        return tuple(
            name
            for name in self.new.facts
            if name in behind & self.facts and not (name in self.old.quantities and name in self.new.quantities)
            if full_domain(self.old.facts[name]) != full_domain(self.new.facts[name])
        )

    def is_comparable(self, target: Target) -> bool:
        """Whether both bases make the conclusion of their rows in the same way, each in its own words."""
        declared = [target.table(base).declaration for base in (self.old, self.new)]
        collecting = {one.hit_policy if one.hit_policy in ("collect", "rule order") else "deciding" for one in declared}
        aggregates = {one.aggregate for one in declared}
        kinds = {tuple(sorted(one.kinds.items())) if one.name else one.kinds[target.name] for one in declared}
        return len(collecting) == len(aggregates) == len(kinds) == 1


def conclusions_of(knowledge: Knowledge) -> Mapping[str, tuple[str, ...]]:
    """Each conclusion of a base by the name it has in a decision, with the outputs it is made of."""
    found: dict[str, tuple[str, ...]] = {}
    for name in knowledge.order:
        table = knowledge.decisions.get(name)
        if table is None:
            continue
        if table.policy == "collect" or table.declaration.name is not None:
            found[table.declaration.name or table.name] = tuple(table.outputs)
        else:
            found.update((output, (output,)) for output in table.outputs)
    return found


def nodes_of(knowledge: Knowledge, name: str) -> list[Node]:
    """The formula of a quantity, or the conditions of a decision."""
    if name in knowledge.decisions:
        return [row.when for row in knowledge.decisions[name].rows]
    return [knowledge.quantities[name].formula] if name in knowledge.quantities else []


def names_behind(knowledge: Knowledge, name: str) -> frozenset[str]:
    """Every fact, amount, figure, output and decision that a name depends on, and what it belongs to itself."""
    waiting = [knowledge.decision_of.get(name, name)]
    followed, found = set(waiting), set[str]()
    while waiting:
        current = waiting.pop()
        found.add(current)
        for read in knowledge.reads.get(current, frozenset()):
            found.add(read)
            owner = knowledge.decision_of.get(read, read)
            if owner not in followed:
                followed.add(owner)
                waiting.append(owner)
    return frozenset(found)


def accepts(fact: FactDeclaration, value: Value) -> bool:
    """Whether a fact may have the value; unknown is always allowed."""
    if value is None:
        return True
    if fact.type == "yes/no":
        return isinstance(value, bool)
    if fact.choices is not None:
        return isinstance(value, str) and (value in fact.choices or fact.open)
    low, high = fact.bounds
    if isinstance(value, bool) or not isinstance(value, float):
        return False
    return low <= value <= high and (fact.type != "integer" or value.is_integer())


def _at_end(knowledge: Knowledge, end: Literal["low", "high"]) -> Knowledge:
    """The base with every amount and default that is a range at one end of it."""
    amounts = {
        name: knowledge.amounts[name].model_copy(update={"value": getattr(found, end)})
        for name, found in knowledge.constant_ranges.items()
    }
    defaults = {name: Number(getattr(found, end)) for name, found in knowledge.default_ranges.items()}
    quantities = {
        name: replace(knowledge.quantities[name], formula=node, evaluate=compile_plain(node, knowledge.tables))
        for name, node in defaults.items()
    }
    return replace(
        knowledge, amounts={**knowledge.amounts, **amounts}, quantities={**knowledge.quantities, **quantities}
    )


def _kind(fact: FactDeclaration) -> str:
    return "number" if fact.type == "integer" else fact.type


def _same_table(old: DecisionTable, new: DecisionTable) -> bool:
    """Whether two decisions conclude the same by the same rows; ids, sentences and sources aside."""
    policies = {(one.declaration.hit_policy, one.declaration.aggregate) for one in (old, new)}
    if len(policies) > 1 or old.outputs.keys() != new.outputs.keys():
        return False
    if old.declaration.kinds != new.declaration.kinds:
        return False
    return [(row.when, row.then) for row in old.rows] == [(row.when, row.then) for row in new.rows]
