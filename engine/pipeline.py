"""The spine: a case becomes facts and figures, rules fire over both, and every firing is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.case import Case
from engine.costs import WorkingMemory, working_memory
from engine.errors import InferenceError
from engine.evaluator import Verdict, evaluate_decision
from engine.inference import EnginePool, FiredRow, Session
from engine.knowledge import Knowledge
from engine.language.evaluate import Value, compile_plain
from engine.language.nodes import Name, Node, children
from engine.outlook import Domain, Outlook, full_domain, ranged_domain


@dataclass(frozen=True, slots=True)
class Stand:
    """An output that keeps one value whatever the facts it waits for may be."""

    output: str
    value: str
    whatever: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that was computed and concluded for one case, before it is put into words.

    Args:
        fired: the rows that fired, in firing order.
        verdicts: how each decision stands, by the plain evaluator.
        standing: conclusions that no unknown fact can change, though no row is known to hold.
        could_turn: True where something unknown or only assumed could lead to another recommendation.
    """

    knowledge: Knowledge
    case: Case
    memory: WorkingMemory
    fired: tuple[FiredRow, ...]
    verdicts: Mapping[str, Verdict]
    standing: tuple[Stand, ...]
    could_turn: bool

    def conclusion(self, output: str) -> str | tuple[str, ...] | None:
        """The value of an output; of a ``collect`` decision all of its values."""
        verdict = self.verdicts[self.knowledge.decision_of[output]]
        if verdict.table.policy == "collect":
            return verdict.collected
        value = self.memory.values[output]
        return value if isinstance(value, str) else None

    @property
    def recommended(self) -> str | None:
        """The recommendation the rules settled on; None where something unknown keeps it open."""
        output = self.knowledge.manifest.recommends
        value = self.memory.values[output] if output else None
        return value if isinstance(value, str) else None


def infer(case: Case, pool: EnginePool) -> Outcome:
    """Decide one case: figures, firings, conclusions, each confirmed by the plain evaluator.

    Raises:
        InferenceError: the engine and the plain evaluator differ, or rules contradict each other; the
            message names the rule and the facts.
    """
    knowledge = pool.knowledge
    memory = working_memory(knowledge, case)
    ledger = _Ledger(knowledge, memory)
    with pool.borrowed() as engine, engine.session(memory) as session:
        fired = session.run()
        ledger.confirm(fired, memory)
        standing = _settle_standing(ledger, memory, session, fired)
        could_turn = _could_turn(memory)
        signal = knowledge.manifest.could_turn
        if signal:
            _learn(ledger, memory, session, fired, signal, could_turn)
    return Outcome(knowledge, case, memory, tuple(fired), ledger.verdicts, tuple(standing), could_turn)


class _Ledger:
    """The second entry: the same case decided by definition, in a working memory of its own."""

    def __init__(self, knowledge: Knowledge, memory: WorkingMemory) -> None:
        self.knowledge = knowledge
        self.memory = replace(memory, values=dict(memory.values), origins=dict(memory.origins))
        self.verdicts: dict[str, Verdict] = {}

    def confirm(self, fired: list[FiredRow], memory: WorkingMemory) -> None:
        """Evaluate every decision and hold the firings to it, row by row."""
        for name in self.knowledge.order:
            if name in self.knowledge.decisions:
                self._evaluate(name)
        expected = {(name, row) for name, verdict in self.verdicts.items() for row in verdict.decisive}
        actual = {(firing.decision, firing.row) for firing in fired}
        for name, row in sorted(expected ^ actual):
            self._refuse(name, row, "did not fire" if (name, row) in expected else "fired", memory)
        for output in self.knowledge.decision_of:
            if self.memory.values[output] != memory.values[output]:
                found, confirmed = memory.values[output], self.memory.values[output]
                raise InferenceError(f"the engine concluded {output} = {found}, the evaluator {confirmed}")

    def _evaluate(self, name: str) -> None:
        verdict = evaluate_decision(self.knowledge, name, self.memory.values, self.memory.origins)
        self.verdicts[name] = verdict
        if verdict.outputs is not None and verdict.table.policy != "collect":
            for output, value in verdict.outputs.items():
                if self.memory.values[output] is None:
                    self.memory.conclude(output, value)

    def _refuse(self, name: str, index: int, what: str, memory: WorkingMemory) -> None:
        row = self.knowledge.decisions[name].rows[index]
        reads = sorted(self.knowledge.reads[name])
        facts = ", ".join(f"{read} = {memory.values[read]}" for read in reads)
        raise InferenceError(
            f"double entry: the rule {row.id} ({row.place}) {what} in the engine, against the plain evaluator; {facts}"
        )


def _learn(
    ledger: _Ledger, memory: WorkingMemory, session: Session, fired: list[FiredRow], name: str, value: Value
) -> None:
    """Take a value into both entries, let the rules fire on it, and confirm again."""
    ledger.memory.conclude(name, value)
    session.learn(memory.conclude(name, value))
    fired.extend(session.run())
    ledger.confirm(fired, memory)


def _settle_standing(
    ledger: _Ledger, memory: WorkingMemory, session: Session, fired: list[FiredRow]
) -> list[Stand]:
    """Conclude what stands whatever the unknown facts are, in dependency order."""
    knowledge, standing = memory.knowledge, []
    signal = knowledge.manifest.could_turn
    for name in knowledge.order:
        table = knowledge.decisions.get(name)
        if table is None or table.policy == "collect" or (signal and _depends_on(knowledge, name, signal)):
            continue
        for output in table.outputs:
            if memory.values[output] is not None:
                continue
            waits_for = waiting_for(memory, output)
            domains = {fact: full_domain(knowledge.facts[fact]) for fact in waits_for}
            if not domains:
                continue
            value = Outlook(memory, output, domains).explore(enough=2).only
            if value is not None:
                standing.append(Stand(output, value, waits_for))
                _learn(ledger, memory, session, fired, output, value)
    return standing


def _depends_on(knowledge: Knowledge, decision: str, output: str) -> bool:
    return output in knowledge.reads[decision]


def _could_turn(memory: WorkingMemory) -> bool:
    target = memory.knowledge.manifest.recommends
    if target is None:
        return False
    if memory.values[target] is None:
        return True
    return Outlook(memory, target, doubtful(memory)).explore(enough=2).only is None


def doubtful(memory: WorkingMemory) -> dict[str, Domain]:
    """What each unknown, assumed or ranged quantity may be: unknown facts anything, the others their range."""
    knowledge = memory.knowledge
    domains: dict[str, Domain] = {}
    for name, fact in knowledge.facts.items():
        if (memory.values[name] is None and fact.stands_in is None) or memory.origins.get(name) == "supposed":
            domains[name] = full_domain(fact)
    for name, found in {**knowledge.constant_ranges, **memory.ranges()}.items():
        domains[name] = ranged_domain(found)
    return domains


def waiting_for(memory: WorkingMemory, name: str) -> tuple[str, ...]:
    """The unknown facts that keep an open conclusion or figure open, in the vocabulary's order."""
    found: set[str] = set()
    _trace_open(memory, name, found, set())
    return tuple(fact for fact in memory.knowledge.facts if fact in found)


def _trace_open(memory: WorkingMemory, name: str, found: set[str], seen: set[str]) -> None:
    knowledge = memory.knowledge
    name = knowledge.decision_of.get(name, name)
    if name in seen:
        return
    seen.add(name)
    nodes: list[Node] = []
    if name in knowledge.quantities and not (name in knowledge.facts and memory.values[name] is not None):
        nodes = [knowledge.quantities[name].formula]
    elif name in knowledge.decisions:
        nodes = [row.when for row in knowledge.decisions[name].rows]
    elif name in knowledge.facts:
        found.add(name)
    for node in nodes:
        for read in _open_names(node, memory):
            _trace_open(memory, read, found, seen)


def _open_names(node: Node, memory: WorkingMemory) -> list[str]:
    """The names whose being unknown makes the expression unknown."""
    if compile_plain(node, memory.knowledge.tables)(memory.values, memory.origins) is not None:
        return []
    if isinstance(node, Name):
        return [node.name]
    return [name for part in children(node) for name in _open_names(part, memory)]
