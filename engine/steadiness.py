"""What a conclusion can come to, whatever the open facts are: a quick answer, where there is one.

It is what ``engine.outlook`` would answer, from its first region and a few points, and computes no name
that the conclusion does not turn on. Most cases are settled by that; for the others there is the outlook.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.costs import WorkingMemory
from engine.evaluator import decisions_to, rows_hold
from engine.knowledge import DecisionTable, Knowledge, Row
from engine.language import bounds
from engine.language.bounds import FALSE, TRUE, UNKNOWN, Bound, Bounds
from engine.language.evaluate import Evaluate, Value, Values, compile_plain
from engine.language.nodes import Comparison, Text, names_in, walk
from engine.language.possible import Possible, Span, Words
from engine.language.scope import NumberType, TruthType
from engine.outlook import Domain


def quick_look(memory: WorkingMemory, target: str, domains: Mapping[str, Domain]) -> frozenset[Value] | None:
    """What the conclusion can come to all over these domains, as far as that is found out quickly.

    Args:
        memory: the case as known.
        target: the output asked about.
        domains: what each open fact or amount may be; none of them may stay unknown.

    Returns:
        The one conclusion that is proved to come out, or two that are known to, among which None stands for
        a decision that stays open; None where neither was found.
    """
    moved = _moved(memory, domains)
    settled = _Region(memory, domains, moved).settled(target)
    if settled is not None:
        return frozenset({settled})
    return _Points(memory, target, domains, moved).differing()


def _moved(memory: WorkingMemory, domains: Iterable[str]) -> frozenset[str]:
    """The names that depend on an open one."""
    given = frozenset(name for name, fact in memory.case.given.items() if fact.value is not None)
    return _moved_by(memory.knowledge, frozenset(domains), given)


@lru_cache(maxsize=256)
def _moved_by(knowledge: Knowledge, opened: frozenset[str], given: frozenset[str]) -> frozenset[str]:
    moved = set(opened)
    for name, reads, found in _steps(knowledge):
        if name not in given and not moved.isdisjoint(reads):
            moved |= found
    return frozenset(moved)


@lru_cache(maxsize=64)
def _steps(knowledge: Knowledge) -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """Each quantity and decision in order, with what it reads and what it finds."""
    return tuple(
        (
            name,
            knowledge.reads[name],
            frozenset(knowledge.decisions[name].outputs if name in knowledge.decisions else (name,)),
        )
        for name in knowledge.order
    )


# A region


class _Region(dict[str, Bounds]):
    """Everything each name may be; found out when it is asked for."""

    def __init__(self, memory: WorkingMemory, domains: Mapping[str, Domain], moved: frozenset[str]) -> None:
        super().__init__()
        self.memory, self.knowledge, self.moved, self.domains = memory, memory.knowledge, moved, domains
        self._origins = _RegionOrigins(self)
        self._plans = _plans(memory.knowledge)
        if self.knowledge.manifest.could_turn:
            self[self.knowledge.manifest.could_turn] = TRUE | FALSE

    def __missing__(self, name: str) -> Bounds:
        plan = self._plans[name]
        if name in self.domains:
            found = _bounds_of(self.domains[name].values)
        elif name not in self.moved:
            found = bounds.bound_of(self.memory.values[name], plan.unknown)
        elif plan.table is None:
            found = plan.bounds[0](self, self._origins)
            found = bounds.tidied(found) if plan.tidied else found
        else:
            self.update(_concluded(plan.table, self._rows(plan)))
            return self[name]
        self[name] = found
        return found

    def settled(self, target: str) -> str | None:
        """The one word that the target has all over the region; no more rows are looked at than that takes."""
        plan = self._plans[target]
        if target not in self.moved or plan.table is None or plan.table.policy != "first":
            found = self[target]
            return next(iter(found)) if isinstance(found, frozenset) and len(found) == 1 else None
        words: set[str] = set()
        for row, truth in zip(plan.table.rows, self._rows(plan), strict=False):
            if truth & TRUE:
                words.add(row.then[target])
            if truth & UNKNOWN or len(words) > 1:
                return None
            if not truth & FALSE:
                return words.pop()
        return None

    def _rows(self, plan: _Plan) -> Iterator[int]:
        return (bounds.truth_of(row(self, self._origins)) for row in plan.bounds)


class _RegionOrigins(dict[str, frozenset[str | None]]):
    """Where each name may come from in a region, read by ``get`` alone."""

    def __init__(self, region: _Region) -> None:
        super().__init__(dict.fromkeys(region.domains, frozenset({"answered"})))
        self._region = region

    def get(self, name: str, _default: object = None) -> frozenset[str | None]:  # never absent
        if name not in self:
            self[name] = frozenset(self._found(name))
        return self[name]

    def _found(self, name: str) -> Iterator[str | None]:
        region = self._region
        if name not in region.moved:
            yield region.memory.origins.get(name)
            return
        found = region[name]
        if bounds.is_known(found):
            yield "assumed" if name in region.knowledge.facts else "computed"
        if bounds.is_unknown(found):
            yield None


def _concluded(table: DecisionTable, rows: Iterable[int]) -> dict[str, Bounds]:
    """Every word each output may be, given what each row may be; None where the decision may stay open."""
    deciding: list[int] = []
    unknown, may_stay_open = False, True
    for index, truth in enumerate(rows):
        if truth & TRUE:
            deciding.append(index)
        unknown = unknown or truth & UNKNOWN > 0
        if table.policy == "first" and not truth & FALSE:
            may_stay_open = unknown
            break
        if table.policy != "first" and truth == TRUE:
            deciding, may_stay_open = [index], False
            break
    open_word: set[str | None] = {None} if may_stay_open else set()
    return {
        output: frozenset(table.rows[index].then[output] for index in deciding) | open_word for output in table.outputs
    }


@dataclass(slots=True)
class _Plan:
    """How to find out what a name may be.

    Args:
        unknown: what it is while it is unknown.
        table: the decision that concludes it; None where it is a fact, a figure or an amount.
        bounds: its formula, or the rows of its decision.
        tidied: whether it is rounded as figures are.
    """

    unknown: Bounds
    table: DecisionTable | None
    bounds: Sequence[Bound]
    tidied: bool


class _Plans(dict[str, _Plan]):
    """The plan of each name, made when it is asked for."""

    def __init__(self, knowledge: Knowledge) -> None:
        super().__init__()
        self._knowledge = knowledge

    def __missing__(self, name: str) -> _Plan:
        knowledge = self._knowledge
        table = knowledge.decisions.get(knowledge.decision_of.get(name, ""))
        quantity = knowledge.quantities.get(name)
        nodes = [row.when for row in table.rows] if table else [quantity.formula] if quantity else []
        compiled = [bounds.compile_bounds(node, knowledge.tables) for node in nodes]
        self[name] = plan = _Plan(_unknown(knowledge, name), table, compiled, name in knowledge.figures)
        return plan


@lru_cache(maxsize=64)
def _plans(knowledge: Knowledge) -> _Plans:
    return _Plans(knowledge)


def _unknown(knowledge: Knowledge, name: str) -> Bounds:
    kind = knowledge.scope.symbols[name].type
    if isinstance(kind, NumberType):
        return bounds.NO_NUMBER
    return UNKNOWN if isinstance(kind, TruthType) else bounds.NO_WORD


def _bounds_of(possible: Possible) -> Bounds:
    if isinstance(possible, Span):
        return possible.low, possible.high, possible.unknown
    if isinstance(possible, Words):
        return possible.options | (bounds.NO_WORD if possible.unknown else frozenset())
    return possible.true * TRUE | possible.false * FALSE | possible.unknown * UNKNOWN


# Points


class _Points:
    """Points of the domains, and what comes out at each by the plain evaluator."""

    def __init__(
        self, memory: WorkingMemory, target: str, domains: Mapping[str, Domain], moved: frozenset[str]
    ) -> None:
        knowledge = memory.knowledge
        self._memory, self._target, self._moved = memory, target, moved
        self._domains = {name: domain for name, domain in domains.items() if name in knowledge.upstream(target)}
        self._values, self._origins = dict(memory.values), dict(memory.origins)
        for name in moved:
            self._values[name] = None
            self._origins.pop(name, None)
        self._origins.update(dict.fromkeys(domains, "answered"))
        self._values.update((name, _likely(domain, memory.values[name])) for name, domain in domains.items())

    def differing(self) -> frozenset[Value] | None:
        """Two conclusions that come out, None where no point was found that leads elsewhere than the others."""
        found: set[Value] = set()
        for values in self._tried():
            found.add(values[self._target])
            if len(found) > 1:
                return frozenset(found)
        return None

    def _tried(self) -> Iterator[Mapping[str, Value]]:
        yield self._at({name: _ends(domain)[0] for name, domain in self._domains.items()})
        yield self._at({name: _ends(domain)[-1] for name, domain in self._domains.items()})
        yield (likely := self._at({}))
        steps: list[tuple[str, Value, Mapping[str, Value]]] = []
        for name, domain in self._domains.items():
            for value in _ends(domain):
                steps.append((name, value, self._at({name: value})))
                yield steps[-1][-1]
        for gap in _gaps(self._memory.knowledge, self._target):
            if not self._moved.isdisjoint(gap.names):
                yield from (self._at(point) for point in gap.extremes(likely, self._origins, steps))

    def _at(self, point: Mapping[str, Value]) -> Mapping[str, Value]:
        """Every value at one point; names that are not in it have their likely value."""
        knowledge = self._memory.knowledge
        there = WorkingMemory(knowledge, self._memory.case, {**self._values, **point}, dict(self._origins))
        there.compute()
        for name in decisions_to(knowledge, knowledge.decision_of[self._target]):
            table = knowledge.decisions[name]
            if not table.outputs.keys().isdisjoint(self._moved):
                row = _deciding(table, rows_hold(knowledge, name, there.values, there.origins))
                for output, word in row.then.items() if row else ():
                    there.conclude(output, word)
        return there.values


@dataclass(frozen=True, slots=True)
class _Gap:
    """How far apart the two sides of a comparison are: a conclusion may turn where they meet."""

    names: frozenset[str]
    left: Evaluate
    right: Evaluate

    def extremes(
        self, likely: Values, origins: Mapping[str, str], steps: Iterable[tuple[str, Value, Values]]
    ) -> Iterator[dict[str, Value]]:
        """The points that each single step makes likely to have the least and the greatest gap."""
        least: dict[str, tuple[float, Value]] = {}
        greatest: dict[str, tuple[float, Value]] = {}
        start = self._between(likely, origins)
        for name, value, values in steps:
            gap = self._between(values, origins) - start
            if gap < least.get(name, (0.0, None))[0]:
                least[name] = gap, value
            if gap > greatest.get(name, (0.0, None))[0]:
                greatest[name] = gap, value
        for ends in (least, greatest):
            yield {name: value for name, (_, value) in ends.items()}

    def _between(self, values: Values, origins: Mapping[str, str]) -> float:
        left, right = self.left(values, origins), self.right(values, origins)
        return left - right if isinstance(left, float) and isinstance(right, float) else math.nan


@lru_cache(maxsize=64)
def _gaps(knowledge: Knowledge, target: str) -> tuple[_Gap, ...]:
    """The comparisons of numbers in the rows that the target depends on, each once."""
    rows = [
        row.when
        for name in decisions_to(knowledge, knowledge.decision_of[target])
        for row in knowledge.decisions[name].rows
    ]
    compared = dict.fromkeys(
        (part.left, part.right) for row in rows for part in walk(row) if isinstance(part, Comparison)
    )
    return tuple(
        _Gap(
            names_in(left) | names_in(right),
            compile_plain(left, knowledge.tables),
            compile_plain(right, knowledge.tables),
        )
        for left, right in compared
        if not isinstance(right, Text)
    )


def _deciding(table: DecisionTable, holds: Sequence[bool | None]) -> Row | None:
    for row, truth in zip(table.rows, holds, strict=True):
        if truth:
            return row
        if truth is None and table.policy == "first":
            return None
    return None


def _ends(domain: Domain) -> list[Value]:
    """The values to try: both ends of a number, every word, both truths."""
    values = domain.values
    if isinstance(values, Span):
        return [values.low, values.high]
    if isinstance(values, Words):
        return [*sorted(values.options)]
    return [truth for truth, may in ((False, values.false), (True, values.true)) if may]


def _likely(domain: Domain, value: Value) -> Value:
    """What is taken to be so, or something in the middle where nothing is."""
    if value is not None:
        return value
    ends = _ends(domain)
    low, high = ends[0], ends[-1]
    if isinstance(low, float) and isinstance(high, float):
        # Of a span over orders of magnitude the geometric middle.
        middle = math.sqrt(max(low, 1.0) * high) if low >= 0 and high > 1 else (low + high) / 2
        return float(math.floor(middle)) if domain.integer else min(max(middle, low), high)
    return low
