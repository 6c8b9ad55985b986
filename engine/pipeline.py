"""The spine: a case becomes facts and figures, rules fire over both, and every firing is confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from engine.case import Case
from engine.costs import WorkingMemory, working_memory
from engine.errors import InferenceError
from engine.evaluator import Verdict, evaluate_decision
from engine.inference import EnginePool, FiredRow, Session
from engine.knowledge import Knowledge
from engine.language.evaluate import Evaluate, Value, compile_plain
from engine.language.nodes import Name, Node, children
from engine.outlook import Domain, Outlook, full_domain, ranged_domain
from engine.steadiness import quick_look


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
    with pool.borrowed() as engine:
        knowledge = engine.program.knowledge
        memory = working_memory(knowledge, case)
        with engine.session(memory) as session:
            deciding = _Deciding(memory, session)
            deciding.run()
            standing = _settle_standing(memory, deciding.learn)
            could_turn = _could_turn(memory)
            if knowledge.manifest.could_turn:
                deciding.learn(knowledge.manifest.could_turn, could_turn)
    return Outcome(
        knowledge, case, memory, tuple(deciding.fired), deciding.ledger.verdicts, tuple(standing), could_turn
    )


class _Deciding:
    """A case being decided in both entries: by the engine, and by definition."""

    def __init__(self, memory: WorkingMemory, session: Session) -> None:
        self.memory = memory
        self.ledger = _Ledger(memory)
        self.fired: list[FiredRow] = []
        self._session = session

    def run(self) -> None:
        """Let the rules fire, and confirm every decision."""
        self.fired += self._session.run()
        self.ledger.confirm(_decisions_in_order(self.memory.knowledge), self.fired, self.memory)

    def learn(self, name: str, value: Value) -> None:
        """Take a value into both entries, let the rules fire on it, and confirm the decisions it may change."""
        self.ledger.memory.conclude(name, value)
        self._session.learn(self.memory.conclude(name, value))
        self.fired += self._session.run()
        self.ledger.confirm(_decisions_on(self.memory.knowledge)[name], self.fired, self.memory)


class _Ledger:
    """The second entry: the same case decided by definition, in a working memory of its own."""

    def __init__(self, memory: WorkingMemory) -> None:
        self.knowledge = memory.knowledge
        self.memory = WorkingMemory(memory.knowledge, memory.case, dict(memory.values), dict(memory.origins))
        self.verdicts: dict[str, Verdict] = {}

    def confirm(self, decisions: Iterable[str], fired: list[FiredRow], memory: WorkingMemory) -> None:
        """Evaluate these decisions, each after those it reads, and hold all firings to the verdicts, row by row."""
        self.evaluate(decisions)
        expected = {(name, row) for name, verdict in self.verdicts.items() for row in verdict.decisive}
        actual = {(firing.decision, firing.row) for firing in fired}
        for name, row in sorted(expected ^ actual):
            self._refuse(name, row, "did not fire" if (name, row) in expected else "fired", memory)
        for output in self.knowledge.decision_of:
            if self.memory.values[output] != memory.values[output]:
                found, confirmed = memory.values[output], self.memory.values[output]
                raise InferenceError(f"the engine concluded {output} = {found}, the evaluator {confirmed}")

    def evaluate(self, decisions: Iterable[str]) -> None:
        """Evaluate these decisions, each after those it reads."""
        for name in decisions:
            self._evaluate(name)

    def learn(self, name: str, value: Value) -> None:
        """Take a value in, and evaluate the decisions it may change."""
        self.memory.conclude(name, value)
        self.evaluate(_decisions_on(self.knowledge)[name])

    def _evaluate(self, name: str) -> None:
        verdict = evaluate_decision(self.knowledge, name, self.memory.values, self.memory.origins)
        self.verdicts[name] = verdict
        if verdict.outputs and verdict.table.policy != "collect":
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


def _settle_standing(memory: WorkingMemory, learn: Callable[[str, str], None], only: str | None = None) -> list[Stand]:
    """Conclude what stands whatever the unknown facts are, in dependency order.

    Args:
        memory: what the rules concluded.
        learn: takes a conclusion into it.
        only: the one output that is asked about; whatever it does not rest on is left open.
    """
    standing: list[Stand] = []
    for output in _may_stand(memory.knowledge, only):
        if memory.values[output] is not None:
            continue
        waits_for = _waiting_or_stood(memory, output, standing)
        domains = {fact: full_domain(memory.knowledge.facts[fact]) for fact in waits_for}
        if not domains:
            continue
        value = _only_outcome(memory, output, domains)
        if value is not None:
            standing.append(Stand(output, value, waits_for))
            learn(output, value)
    return standing


@dataclass(frozen=True, slots=True)
class Settled:
    """A case as far as one output depends on it, decided by definition.

    Args:
        memory: what is known, given, computed and concluded.
        waits_for: the unknown facts that keep the output open; empty where it is concluded.
    """

    memory: WorkingMemory
    waits_for: tuple[str, ...]


def by_definition(case: Case, knowledge: Knowledge, output: str) -> Settled:
    """The case as far as one output depends on it, decided by the plain evaluator alone, what stands included.

    The output is what `infer` comes to, unless it depends on whether something could turn the recommendation.
    """
    ledger = _Ledger(working_memory(knowledge, case))
    memory = ledger.memory
    ledger.evaluate(name for name in _decisions_in_order(knowledge) if name in _needed_for(knowledge, output))
    if memory.values[output] is not None:
        return Settled(memory, ())
    standing = _settle_standing(memory, ledger.learn, output)
    return Settled(memory, () if memory.values[output] else _waiting_or_stood(memory, output, standing))


@lru_cache(maxsize=64)
def _needed_for(knowledge: Knowledge, output: str) -> frozenset[str]:
    """The decisions that an output depends on, its own among them."""
    return frozenset(knowledge.decision_of.get(name, name) for name in (output, *rests_on(knowledge, output)))


def _waiting_or_stood(memory: WorkingMemory, output: str, standing: Iterable[Stand]) -> tuple[str, ...]:
    """The unknown facts that keep an output open, and those whatever which the conclusions it rests on stand.

    Without the latter such a conclusion would be open again as soon as another fact that it depends on is varied.
    """
    waits_for = waiting_for(memory, output)
    if not waits_for:
        return ()
    bases = rests_on(memory.knowledge, output)
    stood = {fact for stand in standing if stand.output in bases for fact in stand.whatever}
    return tuple(fact for fact in memory.knowledge.facts if fact in waits_for or fact in stood)


@lru_cache(maxsize=512)
def rests_on(knowledge: Knowledge, name: str) -> frozenset[str]:
    """Every name that a conclusion or quantity depends on, through any number of steps."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        following = waiting.pop()
        reads = knowledge.reads.get(knowledge.decision_of.get(following, following), frozenset()) - found
        found |= reads
        waiting.extend(reads)
    return frozenset(found)


@lru_cache(maxsize=64)
def _may_stand(knowledge: Knowledge, only: str | None) -> tuple[str, ...]:
    """The outputs that may stand while facts are unknown (of one output those it rests on), in dependency order."""
    signal = knowledge.manifest.could_turn
    needed = knowledge.decisions.keys() if only is None else _needed_for(knowledge, only)
    return tuple(
        output
        for name in _decisions_in_order(knowledge)
        if name in needed
        and knowledge.decisions[name].policy != "collect"
        and not (signal and signal in knowledge.reads[name])
        for output in knowledge.decisions[name].outputs
    )


@lru_cache(maxsize=64)
def _decisions_in_order(knowledge: Knowledge) -> tuple[str, ...]:
    return tuple(name for name in knowledge.order if name in knowledge.decisions)


@lru_cache(maxsize=64)
def _decisions_on(knowledge: Knowledge) -> Mapping[str, tuple[str, ...]]:
    """For each conclusion the decisions that depend on it, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for concluded, symbol in knowledge.scope.symbols.items():
        if symbol.kind == "conclusion":
            moved = {concluded}
            for name in knowledge.order:
                if not knowledge.reads[name].isdisjoint(moved):
                    moved.update(knowledge.decisions[name].outputs if name in knowledge.decisions else (name,))
            on = (name for name in _decisions_in_order(knowledge) if knowledge.decisions[name].outputs.keys() & moved)
            found[concluded] = tuple(on)
    return found


def _could_turn(memory: WorkingMemory) -> bool:
    target = memory.knowledge.manifest.recommends
    if target is None:
        return False
    if memory.values[target] is None:
        return True
    return _only_outcome(memory, target, doubtful(memory)) is None


def _only_outcome(memory: WorkingMemory, target: str, domains: Mapping[str, Domain]) -> str | None:
    """The one conclusion that can come out, or None where there are several or it is not proved."""
    found = quick_look(memory, target, domains)
    if found is None:
        return Outlook(memory, target, domains).explore(enough=2).only
    only = next(iter(found)) if len(found) == 1 else None
    return only if isinstance(only, str) else None


def doubtful(memory: WorkingMemory) -> dict[str, Domain]:
    """What each unknown, assumed or ranged quantity may be: unknown facts anything, the others their range."""
    knowledge, values, origins = memory.knowledge, memory.values, memory.origins
    domains = {
        name: domain
        for name, domain, stands_in in _full_domains(knowledge)
        if (values[name] is None and not stands_in) or origins.get(name) == "supposed"
    }
    domains.update(_constant_domains(knowledge))
    domains.update((name, ranged_domain(found)) for name, found in memory.ranges().items())
    return domains


@lru_cache(maxsize=64)
def _full_domains(knowledge: Knowledge) -> tuple[tuple[str, Domain, bool], ...]:
    """Each fact with everything it may be, and whether something stands in for it while it is unknown."""
    return tuple((name, full_domain(fact), fact.stands_in is not None) for name, fact in knowledge.facts.items())


@lru_cache(maxsize=64)
def _constant_domains(knowledge: Knowledge) -> Mapping[str, Domain]:
    return {name: ranged_domain(found) for name, found in knowledge.constant_ranges.items()}


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
    if _evaluate(memory.knowledge, node)(memory.values, memory.origins) is not None:
        return []
    if isinstance(node, Name):
        return [node.name]
    return [name for part in children(node) for name in _open_names(part, memory)]


def _evaluate(knowledge: Knowledge, node: Node) -> Evaluate:
    """A part of one of the base's expressions as a plain function, compiled once."""
    compiled = _compiled_parts(knowledge)
    found = compiled.get(id(node))
    if found is None:
        found = compiled[id(node)] = compile_plain(node, knowledge.tables)
    return found


@lru_cache(maxsize=64)
def _compiled_parts(_knowledge: Knowledge) -> dict[int, Evaluate]:
    """The functions by the identity of the nodes, which live as long as their base."""
    return {}
