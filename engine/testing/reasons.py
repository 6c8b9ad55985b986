"""Why a rule fired or did not: its conditions one by one, each with the values that it read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from engine.evaluator import Verdict
from engine.knowledge import Row
from engine.language.nodes import Node, State, names_in
from engine.pipeline import Outcome
from engine.testing.conditions import truths_of, written
from engine.wording import condition_in_english, label, show_figure, show_name

#: Rows told of one decision; more would bury the reason.
MOST_ROWS = 6


@dataclass(frozen=True, slots=True)
class ReadCondition:
    """One atomic condition of a rule as a case had it.

    Args:
        text: as the rule language writes it.
        words: in plain English.
        truth: whether it holds; None: unknown.
        reads: each name it reads with its value and where that comes from, in words.
    """

    text: str
    words: str
    truth: bool | None
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One rule as a case had it: ``stands`` says what became of it, in words."""

    rule: str
    place: str
    concludes: str
    stands: str
    conditions: tuple[ReadCondition, ...]


def rows_behind(outcome: Outcome, output: str, expected: Iterable[str]) -> tuple[ReadRow, ...]:
    """The rows that explain a conclusion: what decided it or keeps it open, then those that conclude what was expected.

    Args:
        outcome: the case as decided.
        output: the conclusion asked about.
        expected: the values that were expected of it.
    """
    verdict = outcome.verdicts[outcome.knowledge.decision_of[output]]
    wanted = set(expected)
    deciding = [*verdict.decisive, *_holding_open(verdict)]
    if verdict.table.policy == "collect":
        deciding = [index for index in verdict.decisive if verdict.table.rows[index].then[output] not in wanted]
    concluding = [index for index, row in enumerate(verdict.table.rows) if row.then[output] in wanted]
    chosen = list(dict.fromkeys([*deciding, *concluding]))[:MOST_ROWS]
    return tuple(_row(outcome, verdict, index) for index in chosen)


def row_behind(outcome: Outcome, rule: str) -> tuple[ReadRow, ...]:
    """The one rule, and the one that decided before its turn."""
    for verdict in outcome.verdicts.values():
        for index, row in enumerate(verdict.table.rows):
            if row.id == rule:
                before = verdict.decisive if _passed_over(verdict, index) else ()
                return tuple(_row(outcome, verdict, each) for each in (index, *before))
    return ()


def sums_behind(outcome: Outcome, name: str) -> tuple[str, ...]:
    """The formula of a figure, and the same with the numbers of the case and its result."""
    knowledge = outcome.knowledge
    if name not in knowledge.quantities:
        return (f"{name} = {show_name(knowledge, name, outcome.memory.values[name])}",)
    formula, substitution = show_figure(knowledge, outcome.memory, name)
    return f"{name} = {' '.join(formula.split())}", substitution


def _holding_open(verdict: Verdict) -> list[int]:
    """Under ``first`` the row that is not known to fail before any holds, else all that are unknown."""
    if verdict.decisive:
        return []
    unknown = [index for index, truth in enumerate(verdict.holds) if truth is None]
    return unknown[:1] if verdict.table.policy == "first" else unknown


def _passed_over(verdict: Verdict, index: int) -> bool:
    return verdict.table.policy == "first" and any(decisive < index for decisive in verdict.decisive)


def _row(outcome: Outcome, verdict: Verdict, index: int) -> ReadRow:
    row = verdict.table.rows[index]
    truths = truths_of(outcome.knowledge, row, outcome.memory.values, outcome.memory.origins)
    conditions = tuple(_condition(outcome, atom, truth) for atom, truth in truths.items())
    knowledge = outcome.knowledge
    concludes = ", ".join(f"{output}: {label(knowledge, output, value)}" for output, value in row.then.items())
    return ReadRow(row.id, str(row.place), concludes, _stands(verdict, index), conditions)


_STANDS: dict[bool | None, str] = {
    True: "its condition holds",
    False: "its condition does not hold",
    None: "whether its condition holds is unknown",
}


def _stands(verdict: Verdict, index: int) -> str:
    if index in verdict.decisive:
        return "fired"
    told = _STANDS[verdict.holds[index]]
    if verdict.table.policy != "first":
        return told
    earlier = [at for at, truth in enumerate(verdict.holds[:index]) if truth is not False]
    if not earlier:
        return told
    first = verdict.table.rows[earlier[0]].id
    because = "decided before it" if verdict.holds[earlier[0]] else "may decide before it"
    return f"{told}; {first} {because}"


def _condition(outcome: Outcome, atom: Node, truth: bool | None) -> ReadCondition:
    reads = tuple(_reads(outcome, atom))
    return ReadCondition(written(atom), condition_in_english(outcome.knowledge, atom), truth, reads)


def _reads(outcome: Outcome, atom: Node) -> Iterator[str]:
    knowledge, memory = outcome.knowledge, outcome.memory
    for name in sorted(names_in(atom)):
        if name in knowledge.amounts:
            continue
        shown = show_name(knowledge, name, memory.values[name])
        yield f"{name} = {shown}{_origin(outcome, name, asked=isinstance(atom, State))}"


def _origin(outcome: Outcome, name: str, *, asked: bool) -> str:
    """Where a value comes from, where that says more than the value: a default, or the rule that concluded it."""
    origin = outcome.memory.origins.get(name)
    if origin in ("assumed", "supposed") or (asked and origin is not None):
        return f" ({'assumed' if origin == 'supposed' else origin})"
    concluded = _concluded_by(outcome, name)
    return f" ({concluded.id})" if concluded else ""


def _concluded_by(outcome: Outcome, name: str) -> Row | None:
    decision = outcome.knowledge.decision_of.get(name)
    verdict = outcome.verdicts.get(decision) if decision else None
    return verdict.table.rows[verdict.decisive[0]] if verdict and verdict.decisive else None


#: How a truth is shown in a list of conditions.
Mark = Literal["✓", "✗", "?"]


def mark(truth: bool | None) -> Mark:
    """The sign for a truth."""
    return "?" if truth is None else "✓" if truth else "✗"
