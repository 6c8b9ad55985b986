"""The plain evaluator: decisions by definition, row by row; the second entry of double entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from engine.errors import InferenceError
from engine.knowledge import DecisionTable, Knowledge
from engine.language.evaluate import Evaluate, Values, compile_plain
from engine.language.generate import Conditions


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one decision stands for one case.

    Args:
        holds: for each row whether its condition holds; None: unknown.
        decisive: indexes of the rows that decided, in order; several under ``any`` and ``collect``.
        outputs: the value of each output; None where the decision is open. Under ``collect`` unused.
    """

    table: DecisionTable
    holds: tuple[bool | None, ...]
    decisive: tuple[int, ...]
    outputs: Mapping[str, str] | None

    @property
    def collected(self) -> tuple[str, ...]:
        """The values a ``collect`` decision gathered, in row order, each once."""
        output = next(iter(self.table.outputs))
        return tuple(dict.fromkeys(self.table.rows[index].then[output] for index in self.decisive))

    @property
    def open_rows(self) -> tuple[int, ...]:
        """The rows that may yet decide: not known to fail and, under ``first``, not passed over."""
        passed_over = self.table.policy == "first" and self.decisive
        return () if passed_over else tuple(index for index, truth in enumerate(self.holds) if truth is None)


def judge(table: DecisionTable, holds: tuple[bool | None, ...]) -> Verdict:
    """The verdict that the truth of its rows leads to.

    Raises:
        InferenceError: two rows of a ``unique`` decision hold, or two of an ``any`` decision disagree.
    """
    if table.policy == "first":
        return _judge_first(table, holds)
    true = tuple(index for index, truth in enumerate(holds) if truth)
    if table.policy == "collect":
        return Verdict(table, holds, true, {} if None not in holds else None)
    if table.policy == "unique" and len(true) > 1:
        rows = " and ".join(table.rows[index].id for index in true)
        raise InferenceError(f"{table.file}: the rules {rows} hold at once, but the hit policy is unique")
    if any(table.rows[index].then != table.rows[true[0]].then for index in true):
        rows = " and ".join(table.rows[index].id for index in true)
        raise InferenceError(f"{table.file}: the rules {rows} hold at once and disagree")
    return Verdict(table, holds, true, table.rows[true[0]].then if true else None)


def _judge_first(table: DecisionTable, holds: tuple[bool | None, ...]) -> Verdict:
    for index, truth in enumerate(holds):
        if truth:
            return Verdict(table, holds, (index,), table.rows[index].then)
        if truth is None:
            break
    return Verdict(table, holds, (), None)


@lru_cache(maxsize=64)
def row_evaluators(knowledge: Knowledge) -> Mapping[str, tuple[Evaluate, ...]]:
    """For each decision its rows' conditions as functions."""
    return {
        name: tuple(compile_plain(row.when, knowledge.tables) for row in table.rows)
        for name, table in knowledge.decisions.items()
    }


@lru_cache(maxsize=64)
def _judges(knowledge: Knowledge) -> Mapping[str, tuple[Conditions, Callable[[tuple[bool | None, ...]], Verdict]]]:
    """For each decision its conditions, and the verdict on their truths; the same truths come up again and again."""
    plain = row_evaluators(knowledge)
    return {
        name: (
            Conditions([row.when for row in table.rows], plain[name], knowledge.tables),
            lru_cache(maxsize=1_024)(partial(judge, table)),
        )
        for name, table in knowledge.decisions.items()
    }


def rows_hold(knowledge: Knowledge, name: str, values: Values, origins: Mapping[str, str]) -> tuple[bool | None, ...]:
    """For each row of a decision whether its condition holds; None: unknown."""
    return _judges(knowledge)[name][0](values, origins)


def evaluate_decision(knowledge: Knowledge, name: str, values: Values, origins: Mapping[str, str]) -> Verdict:
    """The verdict of one decision, everything it reads being in ``values``.

    Raises:
        InferenceError: its rows contradict each other.
    """
    conditions, judged = _judges(knowledge)[name]
    return judged(conditions(values, origins))


@lru_cache(maxsize=256)
def decisions_to(knowledge: Knowledge, decision: str) -> tuple[str, ...]:
    """The decisions that one depends on, in order, itself last."""
    needed = {decision}
    for name in reversed(knowledge.order):
        if name in needed:
            needed.update(knowledge.decision_of.get(read, read) for read in knowledge.reads[name])
    return tuple(name for name in knowledge.order if name in needed and name in knowledge.decisions)
