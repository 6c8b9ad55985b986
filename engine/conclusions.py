"""What each decision of a base concludes for one case, by name: words, numbers, yes/no, lists and groups of them."""

from __future__ import annotations

from collections.abc import Mapping

from engine.decision import Conclusion, Value
from engine.declarations import value_of
from engine.knowledge import DecisionTable
from engine.pipeline import Outcome


def conclusions(outcome: Outcome) -> dict[str, Conclusion]:
    """The value of every output by its name; of outputs that are concluded together one mapping by their group's.

    A decision that collects gives a list, or the one number it makes of it. What is open is None.
    """
    found: dict[str, Conclusion] = {}
    for table in outcome.knowledge.decisions.values():
        found.update(_of(table, outcome))
    return found


def concluded(table: DecisionTable, words: Mapping[str, str | None]) -> dict[str, Value]:
    """What the words of a row stand for, each under the name it is declared with."""
    keys, kinds = table.declaration.keys, table.declaration.kinds
    return {keys[name]: None if word is None else value_of(word, kinds[name]) for name, word in words.items()}


def _of(table: DecisionTable, outcome: Outcome) -> dict[str, Conclusion]:
    declared = table.declaration
    if declared.aggregate:
        read = outcome.knowledge.scope.readings[table.name]
        return {table.name: outcome.memory.values[read]}
    if table.policy == "collect":
        return {table.name: _collected(table, outcome)}
    words = {name: outcome.conclusion(name) for name in table.outputs}
    values = concluded(table, {name: word if isinstance(word, str) else None for name, word in words.items()})
    if declared.name is None:
        return dict(values)
    return {declared.name: values if any(value is not None for value in values.values()) else None}


def _collected(table: DecisionTable, outcome: Outcome) -> tuple[Value | dict[str, Value], ...]:
    """What the rows that hold give, in their order; each once where the decision collects and no more."""
    verdict = outcome.verdicts[table.name]
    rows = [tuple(table.rows[index].then.items()) for index in verdict.decisive]
    if table.declaration.hit_policy == "collect":
        rows = list(dict.fromkeys(rows))
    together = [concluded(table, dict(row)) for row in rows]
    return tuple(together) if len(table.outputs) > 1 else tuple(next(iter(values.values())) for values in together)
