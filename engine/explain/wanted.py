"""The conclusion asked for, and whether a case has it with some facts given anew."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from engine.case import Case, Given
from engine.costs import WorkingMemory, working_memory
from engine.errors import InferenceError
from engine.evaluator import Verdict, decisions_to, evaluate_decision
from engine.inference import EnginePool
from engine.knowledge import DecisionTable, Knowledge
from engine.language.evaluate import Value
from engine.language.nodes import (
    And,
    Arithmetic,
    Conditional,
    Name,
    Never,
    Node,
    Not,
    Or,
    State,
    Unknown,
    children,
    walk,
)
from engine.outlook import asked_states
from engine.pipeline import Outcome, infer, rests_on
from engine.testing.rule_tests import decisions_after_signal, sight_by_evaluator

#: How much processor time a search may take; where it takes longer, what was left out is not said to be ruled out.
_SECONDS = 6.0
#: States that a fact has in whichever way it is given.
_STATES_OF_ANY_WAY = frozenset({"known", "unknown", "given"})
#: Facts given anew with their values; None takes an answer back.
Point = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conclusion asked for: an output, and the word it is to come to (or to gather)."""

    output: str
    word: str

    def holds(self, outcome: Outcome) -> bool:
        """Whether a decided case has it, the fallback left aside."""
        concluded = outcome.conclusion(self.output)
        return concluded == self.word or (isinstance(concluded, tuple) and self.word in concluded)


def measure(before: Value, after: Value) -> tuple[float, float]:
    """How far a fact moves: the relative change from 0 to 1, and for what is alike in that the plain difference."""
    if before == after:
        return 0.0, 0.0
    if isinstance(before, bool | str | None) or isinstance(after, bool | str | None):
        return 1.0, 0.0
    gap = abs(after - before)
    return gap / (abs(before) + abs(after)), gap


class Attempts:
    """A case in which facts are given anew, to see whether it comes to a conclusion then.

    Args:
        outcome: the case as decided.
        pool: engines of the same base.
        wanted: the conclusion asked for.
    """

    def __init__(self, outcome: Outcome, pool: EnginePool, wanted: Wanted) -> None:
        self.knowledge = outcome.knowledge
        self.outcome = outcome
        self.case = outcome.case
        self.wanted = wanted
        self.pool = pool
        self._deadline = time.process_time() + _SECONDS
        self._decision = self.knowledge.decision_of[wanted.output]
        self._decisions = decisions_to(self.knowledge, self._decision)
        #: Whether the conclusion hangs on whether something could turn the recommendation.
        self.after_signal = self._decision in decisions_after_signal(self.knowledge)
        upstream = self.knowledge.upstream(wanted.output)
        #: The facts that the conclusion depends on, in the vocabulary's order.
        self.facts = tuple(name for name in self.knowledge.facts if name in upstream)

    def out_of_time(self) -> bool:
        """Whether the search has taken so long that nothing more is tried; a base of ordinary size never does."""
        return time.process_time() > self._deadline

    @property
    def table(self) -> DecisionTable:
        """The decision that concludes what is wanted."""
        return self.knowledge.decisions[self._decision]

    def changed(self, point: Point) -> Case:
        """The case with facts answered anew."""
        case = self.case
        for name, value in point.items():
            case = case.replace(name, Given(name, value))
        return case

    def reached(self, point: Point) -> bool:
        """Whether a point has what is wanted, by the plain evaluator where that can tell."""
        case = self.changed(point)
        if self.after_signal:
            return not self.out_of_time() and self.decided(case)
        sight = sight_by_evaluator(self.knowledge, case, self._decisions)
        if sight is None:
            return False
        verdict = sight.verdicts[self._decision]
        if _has(verdict, self.wanted):
            return True
        if self.unknown and (verdict.table.policy == "collect" or verdict.outputs is None):
            # Something may stand whatever is unknown.
            return not self.out_of_time() and self.decided(case)
        return False

    def known_at(self, point: Point) -> WorkingMemory | None:
        """What is known at a point without what stands; None where rules contradict each other there."""
        memory = working_memory(self.knowledge, self.changed(point))
        for name in self._decisions:
            try:
                verdict = evaluate_decision(self.knowledge, name, memory.values, memory.origins)
            except InferenceError:
                return None
            if verdict.table.policy != "collect":
                for output, word in (verdict.outputs or {}).items():
                    memory.conclude(output, word)
        return memory

    def confirmed(self, point: Point) -> bool:
        """Whether the engine decides so."""
        return self.decided(self.changed(point))

    def decided(self, case: Case) -> bool:
        """Whether the engine comes to what is wanted for a case."""
        try:
            return self.wanted.holds(infer(case, self.pool))
        except InferenceError:
            return False

    @cached_property
    def conclusions_are_told_apart(self) -> bool:
        """Whether some rule asks if something is known that rests on a conclusion, which may come to stand."""
        knowledge = self.knowledge
        states = asked_states(knowledge) & (rests_on(knowledge, self.wanted.output) | {self.wanted.output})
        return any(
            name in knowledge.decision_of or rests_on(knowledge, name) & knowledge.decision_of.keys() for name in states
        )

    @cached_property
    def ways_are_told_apart(self) -> bool:
        """Whether some rule tells what is measured or assumed from what is answered."""
        states = {part.state for node in self.knowledge.expressions for part in walk(node) if isinstance(part, State)}
        return not states <= _STATES_OF_ANY_WAY

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The facts that are unknown, or may come to be, and that the conclusion may wait for."""
        waited_for = may_be_waited_for(self.knowledge, self.wanted.output)
        values, given = self.outcome.memory.values, self.case.given
        without_value = may_lack_a_value(self.knowledge)
        return tuple(
            name
            for name in self.facts
            if name in waited_for
            and (values[name] is None or (name in without_value and (name not in given or given[name].value is None)))
        )


@lru_cache(maxsize=64)
def may_be_waited_for(knowledge: Knowledge, output: str) -> frozenset[str]:
    """The facts that a conclusion hangs on whose value is asked for without asking whether it is known."""
    needed = rests_on(knowledge, output) | {output}
    nodes = [quantity.formula for name, quantity in knowledge.quantities.items() if name in needed]
    tables = {knowledge.decision_of[name] for name in needed if name in knowledge.decision_of}
    nodes += [row.when for name in tables for row in knowledge.decisions[name].rows]
    found = frozenset(name for node in nodes for name in _unguarded(node, frozenset()))
    return frozenset(name for name in knowledge.facts if name in found)


def _unguarded(node: Node, known: frozenset[str]) -> Iterator[str]:
    """The names whose being unknown may leave an expression without a value, given that some are known."""
    match node:
        case Name(name=name):
            if name not in known:
                yield name
        case State():
            return
        case Conditional(test=test, then=then, otherwise=otherwise):
            yield from _unguarded(test, known)
            yield from _unguarded(then, known | _known_where(test, holds=True))
            yield from _unguarded(otherwise, known | _known_where(test, holds=False))
        case And(parts=parts) | Or(parts=parts):
            # A part counts only where no other part has settled the whole.
            holds = isinstance(node, And)
            guards = [_known_where(part, holds=holds) for part in parts]
            for part in parts:
                others = (guard for other, guard in zip(parts, guards, strict=True) if other is not part)
                yield from _unguarded(part, known.union(*others))
        case _:
            for part in children(node):
                yield from _unguarded(part, known)


def _known_where(node: Node, *, holds: bool) -> frozenset[str]:
    """The names that are known wherever a condition comes out so."""
    match node:
        case State(name=name, state=state, negated=negated):
            says_known = (state != "unknown") if holds != negated else (state == "unknown")
            return frozenset({name}) if says_known else frozenset()
        case Not(operand=operand):
            return _known_where(operand, holds=not holds)
        case And(parts=parts) if holds:
            return frozenset().union(*(_known_where(part, holds=True) for part in parts))
        case Or(parts=parts) if not holds:
            return frozenset().union(*(_known_where(part, holds=False) for part in parts))
        case _:
            return frozenset()


@lru_cache(maxsize=64)
def may_lack_a_value(knowledge: Knowledge) -> frozenset[str]:
    """The quantities that may have no value although every fact has one: what divides, or hangs on conclusions."""
    found: set[str] = set()
    for name in knowledge.order:
        quantity = knowledge.quantities.get(name)
        if quantity is None:
            continue
        parts = list(walk(quantity.formula))
        divides = any(isinstance(part, Arithmetic) and part.operator == "/" for part in parts)
        odd = divides or any(isinstance(part, Unknown | Never) for part in parts)
        if odd or any(read in found or read in knowledge.decision_of for read in knowledge.reads[name]):
            found.add(name)
    return frozenset(found)


def _has(verdict: Verdict, wanted: Wanted) -> bool:
    if verdict.table.policy == "collect":
        return any(verdict.table.rows[index].then[wanted.output] == wanted.word for index in verdict.decisive)
    return verdict.outputs is not None and verdict.outputs.get(wanted.output) == wanted.word
