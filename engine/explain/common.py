"""What all explanations are made with: parts of conditions with their truth, and values as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from engine.costs import WorkingMemory
from engine.decision import KnowledgeIdentity
from engine.declarations import value_of
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.knowledge import OTHERWISE, DecisionTable, Knowledge, Row
from engine.language.english import affirmed
from engine.language.evaluate import Evaluate, Value, compile_plain
from engine.language.nodes import And, Name, Node, Or, State, Truth, walk
from engine.pipeline import Outcome
from engine.sentences import fill_in, names_in_sentence
from engine.testing.conditions import written
from engine.wording import condition_in_english, label, show_name

#: What JSON can say of one value: a number, a word, yes/no, or null where it is unknown.
Plain = float | bool | str | None


class Record(BaseModel):
    """A frozen record with nothing beside its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ReadValue(Record):
    """A name that a condition read, with its value in words."""

    name: str
    title: str
    shown: str


class ShownCondition(Record):
    """One atomic condition of a rule as a case had it.

    Args:
        text: as the rule language writes it.
        words: in plain English.
        truth: whether it holds; None: unknown.
        values: each name it reads but amounts, with its value.
        reads: the names it reads, as the files have them.
    """

    text: str
    words: str
    truth: bool | None
    values: tuple[ReadValue, ...]
    reads: tuple[str, ...]

    @property
    def telling(self) -> tuple[ReadValue, ...]:
        """The values that the condition itself does not say already."""
        return tuple(value for value in self.values if not (self.truth and value.shown in self.words))


class ShownRule(Record):
    """One rule as a case had it.

    Args:
        stands: what became of it: ``decided``, ``holds`` (and decided nothing), ``failed`` or ``open``.
        conditions: of a rule that holds all of them, of any other those that keep it from holding.
    """

    rule: str
    decision: str
    place: str
    because: str
    source: str
    when: str
    words: str
    concludes: str
    stands: str
    conditions: tuple[ShownCondition, ...]


def identity(knowledge: Knowledge) -> KnowledgeIdentity:
    """Which knowledge base decided."""
    manifest = knowledge.manifest
    return KnowledgeIdentity(
        name=manifest.name,
        version=manifest.version,
        sha256=knowledge.sha256,
        as_of=knowledge.on.isoformat(),
        title=manifest.title,
    )


def plain(value: Value) -> Plain:
    """A value as JSON can say it: ``never`` as a word, and nothing of what is less than any number."""
    if isinstance(value, float) and math.isinf(value):
        return "never" if value > 0 else None
    return value


@lru_cache(maxsize=16_384)
def evaluator(knowledge: Knowledge, node: Node) -> Evaluate:
    """A part of one of the base's expressions as a plain function."""
    return compile_plain(node, knowledge.tables)


def value_in(memory: WorkingMemory, node: Node) -> Value:
    """What an expression comes to in a case."""
    return evaluator(memory.knowledge, node)(memory.values, memory.origins)


def truth_in(memory: WorkingMemory, node: Node) -> bool | None:
    """Whether a condition holds in a case; None: unknown."""
    truth = value_in(memory, node)
    return truth if isinstance(truth, bool) else None


def names_in_order(node: Node) -> list[str]:
    """The names an expression reads, states included, in order of appearance, each once."""
    return list(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Name | State)))


def parts_said_plainly(node: Node) -> Iterator[Node]:
    """The atomic conditions of a condition, said without "not"."""
    yield from _atomic(affirmed(node))


def _atomic(node: Node) -> Iterator[Node]:
    match node:
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from _atomic(part)
        case Truth():
            return
        case _:
            yield node


def parts_that_fail(memory: WorkingMemory, node: Node, shown: frozenset[str] = frozenset()) -> list[Node]:
    """Atomic conditions whose failing (or being unknown) keeps a condition from holding; as few as will do.

    Args:
        memory: the case.
        node: a condition that is not known to hold.
        shown: names that are explained anyway; of several reasons the one that needs the fewest others is taken.
    """
    return list(dict.fromkeys(_failing(memory, affirmed(node), shown)))


def _failing(memory: WorkingMemory, node: Node, shown: frozenset[str]) -> list[Node]:
    truth = truth_in(memory, node)
    match node:
        case And(parts=parts) if truth is False:
            reasons = [_failing(memory, part, shown) for part in parts if truth_in(memory, part) is False]
            return min(reasons, key=lambda nodes: _unexplained(nodes, shown))
        case And(parts=parts) | Or(parts=parts):
            waits = (part for part in parts if truth_in(memory, part) is not True)
            return [found for part in waits for found in _failing(memory, part, shown)]
        case Truth():
            return []
        case _:
            return [node]


def _unexplained(nodes: list[Node], shown: frozenset[str]) -> int:
    return len({name for node in nodes for name in names_in_order(node)} - shown)


def text_of(knowledge: Knowledge, node: Node) -> str:
    """An expression in the rule language, with the names that the files have."""
    text = written(node)
    for name in sorted(knowledge.readings, key=len, reverse=True):
        output = knowledge.declared_name(name)
        text = text.replace(name, OTHERWISE if output == name else output)
    return text


def declared(knowledge: Knowledge, names: list[str]) -> tuple[str, ...]:
    """The names as the files have them; what stands for no name of theirs is left out."""
    found = (knowledge.declared_name(name) for name in names)
    return tuple(dict.fromkeys(name for name in found if name not in knowledge.readings))


def known_value(memory: WorkingMemory, name: str) -> Value:
    """The value of a name; of a fact that may be any text, the text that was given."""
    given = memory.case.given.get(name) if name in memory.knowledge.open_words else None
    return memory.values[name] if given is None or given.value is None else given.value


def shown_value(memory: WorkingMemory, name: str) -> str:
    """The value of a name for people, with its unit or label."""
    return show_name(memory.knowledge, name, known_value(memory, name))


def shown_condition(memory: WorkingMemory, node: Node) -> ShownCondition:
    """An atomic condition with the values it read."""
    knowledge = memory.knowledge
    reads = names_in_order(node)
    values = (
        ReadValue(
            name=knowledge.declared_name(name),
            title=knowledge.title(name),
            shown=f"{shown_value(memory, name)}{_state(memory, node, name)}",
        )
        for name in reads
        if name not in knowledge.amounts
    )
    return ShownCondition(
        text=text_of(knowledge, node),
        words=condition_in_english(knowledge, node),
        truth=truth_in(memory, node),
        values=tuple(dict.fromkeys(values)),
        reads=declared(knowledge, reads),
    )


def _state(memory: WorkingMemory, node: Node, name: str) -> str:
    """How a value came to be known, where the condition asks for that."""
    asked = any(isinstance(part, State) and part.name == name for part in walk(node))
    origin = memory.origins.get(name)
    return f" ({'assumed' if origin == 'supposed' else origin})" if asked and origin else ""


def sentence(memory: WorkingMemory, text: str) -> str:
    """A sentence of the base over the names of a case."""
    readings = memory.knowledge.scope.readings
    return fill_in(text, {name: shown_value(memory, readings.get(name, name)) for name in names_in_sentence(text)})


def shown_rule(
    memory: WorkingMemory, table: DecisionTable, row: Row, stands: str, conditions: tuple[ShownCondition, ...]
) -> ShownRule:
    """A rule in words."""
    knowledge = memory.knowledge
    return ShownRule(
        rule=row.id,
        decision=table.name,
        place=str(row.place),
        because=sentence(memory, row.declaration.because),
        source=row.declaration.source,
        when=" ".join(row.declaration.when.split()),
        words=condition_in_english(knowledge, row.when),
        concludes="; ".join(
            f"{knowledge.title(output)}: {label(knowledge, output, word)}" for output, word in row.then.items()
        ),
        stands=stands,
        conditions=conditions,
    )


def word_in(outcome: Outcome, output: str) -> str | None:
    """The word an output came to; None where it is open, or gathers several."""
    value = outcome.memory.values[output]
    return value if isinstance(value, str) else None


def meaning(knowledge: Knowledge, output: str, word: str | None) -> Plain:
    """What a word that an output concludes stands for."""
    if word is None:
        return None
    return plain(value_of(word, knowledge.decisions[knowledge.decision_of[output]].declaration.kinds[output]))


def unknown_name(place: str, name: str, known: Mapping[str, object] | tuple[str, ...], hint: str) -> BadInput:
    """The refusal of a name that the base does not have, with the nearest one that it has."""
    near = did_you_mean(name, known) if len(name) <= _LONGEST_NAME else None
    message = f"nothing is called '{name[:_LONGEST_NAME]}'"
    return BadInput([Problem(Place(place), message, hint=f"{near} {hint}" if near else hint)])


#: Longer names are not compared with known ones, which would take long.
_LONGEST_NAME = 80
