"""A knowledge base's own words for its values, conditions and arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.costs import WorkingMemory
from engine.knowledge import Knowledge
from engine.language.arithmetic import Known, open_names, substitution, waiting
from engine.language.english import english, formula_in_words
from engine.language.evaluate import Value
from engine.language.nodes import Node
from engine.language.scope import Scope
from engine.quantities import after_group, show, show_bare


def label(knowledge: Knowledge, name: str, choice: str) -> str:
    """What people call a choice of a fact or conclusion; its own words where there is no label."""
    if name in knowledge.facts:
        labels: Mapping[str, str] = knowledge.facts[name].choices or {}
    else:
        labels = _labels(knowledge, name)
    return labels.get(choice) or show(choice, None, {})


def show_name(knowledge: Knowledge, name: str, value: Value | Sequence[str]) -> str:
    """The value of a fact, figure, amount or conclusion with its unit or label; ``unknown`` where it is None."""
    if isinstance(value, str):
        return label(knowledge, name, value)
    if isinstance(value, Sequence):
        return ", ".join(label(knowledge, name, choice) for choice in value) or "none"
    return show(value, knowledge.unit(name), knowledge.manifest.shown_units)


def condition_in_english(knowledge: Knowledge, node: Node) -> str:
    """A resolved condition as a clause that may follow "when"."""
    return english(node, _words(knowledge))


def formula_in_english(knowledge: Knowledge, name: str) -> str:
    """The formula of a figure, or of a fact's default, with titles in place of names."""
    return formula_in_words(knowledge.quantities[name].formula, _words(knowledge), name=name)


def show_figure(knowledge: Knowledge, memory: WorkingMemory, name: str) -> tuple[str, str]:
    """The formula of a figure or default as declared, and the same with the numbers of the case and its result.

    An unknown figure names what it waits for; a fact that was given needs no arithmetic.
    """
    quantity = knowledge.quantities[name]
    value = memory.values[name]
    if quantity.kind == "fact" and memory.origins.get(name) not in (None, "assumed"):
        return quantity.text, show_name(knowledge, name, value)
    if value is None and (names := waits_for(memory, name)):
        return quantity.text, waiting(names, _words(knowledge))
    return quantity.text, substitution(quantity.formula, _known(memory), _words(knowledge), name=name, value=value)


def waits_for(memory: WorkingMemory, name: str) -> tuple[str, ...]:
    """The unknown facts (or, of what has no value for another reason, names) that keep a name unknown.

    Facts that only an alternative reads which was not taken are left out. Empty where the name is known, and
    where nothing unknown keeps it from having a value.
    """
    found = dict.fromkeys(_roots(memory, name, set()))
    return tuple(root for root in found if root != name or name in memory.knowledge.facts)


def _roots(memory: WorkingMemory, name: str, seen: set[str]) -> list[str]:
    if name in seen or memory.values[name] is not None:
        return []
    seen.add(name)
    known = _known(memory)
    reads = [read for node in _open_nodes(memory, name) for read in open_names(node, known)]
    # Each is followed once; what has been seen is named by the first that came to it.
    roots = [root for read in reads for root in _roots(memory, read, seen)]
    return roots if reads else [name]


def _open_nodes(memory: WorkingMemory, name: str) -> list[Node]:
    """The expressions that would make the name known."""
    knowledge = memory.knowledge
    if name in knowledge.quantities:
        return [knowledge.quantities[name].formula]
    if name in knowledge.decision_of:
        return [row.when for row in knowledge.decisions[knowledge.decision_of[name]].rows]
    return []


def _known(memory: WorkingMemory) -> Known:
    return Known(memory.values, memory.origins, memory.knowledge.tables)


def _labels(knowledge: Knowledge, name: str) -> Mapping[str, str]:
    decision = knowledge.decision_of.get(name, name)
    outputs = knowledge.decisions[decision].outputs if decision in knowledge.decisions else {}
    return outputs.get(name, {})


@dataclass(frozen=True, slots=True)
class _KnowledgeWords:
    """The words of one knowledge base; see ``engine.language.english.Words``."""

    knowledge: Knowledge

    @property
    def scope(self) -> Scope:
        return self.knowledge.scope

    def title(self, name: str) -> str:
        return self.knowledge.title(name)

    def label(self, name: str, choice: str) -> str:
        return label(self.knowledge, name, choice)

    def show(self, value: Value, unit: str | None) -> str:
        return show(value, unit, self.knowledge.manifest.shown_units)

    def bare(self, value: float, unit: str | None) -> str:
        return show_bare(value, unit, self.knowledge.manifest.shown_units)

    def after_group(self, unit: str | None) -> str:
        return after_group(unit, self.knowledge.manifest.shown_units)


@lru_cache(maxsize=64)
def _words(knowledge: Knowledge) -> _KnowledgeWords:
    return _KnowledgeWords(knowledge)
