"""What can still come out: every conclusion that open facts can lead to, found by regions, not by sampling.

Open facts range over everything they may be. A region (one set of values for each open fact) is
evaluated as a whole; where more than one conclusion is possible in it, it is cut at the thresholds
that its undecided rules compare with, until every part is decided or a point of it is known to
lead elsewhere. What the regions leave open is put to the prover.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from engine.costs import WorkingMemory, computed
from engine.declarations import FactDeclaration
from engine.evaluator import row_evaluators
from engine.knowledge import DecisionTable, Knowledge, Range
from engine.language.evaluate import Value
from engine.language.nodes import Comparison, Membership, Name, Node, Number, State, walk
from engine.language.possible import (
    Explore,
    Possible,
    Span,
    Truths,
    Words,
    compile_possible,
    exactly,
    join,
    tidy_span,
)
from engine.language.scope import NumberType, TruthType

#: Regions looked at before the prover is asked about what is left.
MOST_REGIONS = 250
#: A span is halved until its ends are this near to each other, relative to their size.
_NARROW = 1e-7


@dataclass(frozen=True, slots=True)
class Domain:
    """Everything one open fact may be: a value of ``values``, or unknown where ``may_stay_open``."""

    values: Possible
    integer: bool = False
    may_stay_open: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The conclusions that can come out.

    Args:
        values: each conclusion with a point (value of each open fact) that leads to it; None stands
            for a decision that stays open.
        complete: False where the regions ran out before everything was decided.
        undecided: the regions that are left, for the prover.
    """

    values: Mapping[str | None, Mapping[str, Value]]
    complete: bool
    undecided: tuple[Mapping[str, Domain], ...] = ()

    @property
    def only(self) -> str | None:
        """The one conclusion that can come out, or None where there are several or it is not proved."""
        return next(iter(self.values)) if self.complete and len(self.values) == 1 else None


def full_domain(declaration: FactDeclaration) -> Domain:
    """Everything a fact may be answered with."""
    if declaration.type == "yes/no":
        return Domain(Truths(true=True, false=True))
    if declaration.choices is not None:
        return Domain(Words(frozenset(declaration.words)))
    low, high = declaration.bounds
    return Domain(Span(low, high), integer=declaration.type == "integer")


def ranged_domain(found: Range) -> Domain:
    """Everything within a range."""
    return Domain(Span(found.low, found.high))


@lru_cache(maxsize=64)
def _explorers(knowledge: Knowledge) -> Mapping[str, Explore]:
    return {name: compile_possible(q.formula, knowledge.tables) for name, q in knowledge.quantities.items()}


@lru_cache(maxsize=64)
def _row_explorers(knowledge: Knowledge) -> Mapping[str, tuple[Explore, ...]]:
    return {
        name: tuple(compile_possible(row.when, knowledge.tables) for row in table.rows)
        for name, table in knowledge.decisions.items()
    }


@lru_cache(maxsize=64)
def asked_states(knowledge: Knowledge) -> frozenset[str]:
    """The facts whose being known, answered or assumed some expression asks about."""
    return frozenset(part.name for node in knowledge.expressions for part in walk(node) if isinstance(part, State))


@lru_cache(maxsize=64)
def thresholds(knowledge: Knowledge) -> Mapping[str, tuple[float, ...]]:
    """For each name the constants it is compared with anywhere in the base."""
    found: dict[str, set[float]] = {}
    for node in knowledge.expressions:
        for part in walk(node):
            for name, constant in _compared(part, knowledge):
                found.setdefault(name, set()).add(constant)
    for name in reversed(knowledge.order):
        quantity = knowledge.quantities.get(name)
        if quantity and isinstance(quantity.formula, Name) and name in found:
            # A default that is another fact's value carries its thresholds to that fact.
            found.setdefault(quantity.formula.name, set()).update(found[name])
    return {name: tuple(sorted(constants)) for name, constants in found.items()}


def _compared(part: Node, knowledge: Knowledge) -> Iterator[tuple[str, float]]:
    if isinstance(part, Membership) and isinstance(part.item, Name):
        yield from ((part.item.name, option.value) for option in part.options if isinstance(option, Number))
    if isinstance(part, Comparison):
        for one, other in ((part.left, part.right), (part.right, part.left)):
            if isinstance(one, Name):
                if isinstance(other, Number):
                    yield one.name, other.value
                elif isinstance(other, Name) and other.name in knowledge.constants:
                    yield one.name, knowledge.constants[other.name]


class Outlook:
    """Where the open facts of one case can lead one output.

    Args:
        memory: the case as known; conclusions that rest on known facts alone are taken from it.
        target: the output asked about; empty to look at every quantity instead.
        domains: what each open fact (or ranged amount) may be; everything else keeps its value in ``memory``.
    """

    def __init__(self, memory: WorkingMemory, target: str, domains: Mapping[str, Domain]) -> None:
        knowledge = memory.knowledge
        self.knowledge = knowledge
        self.memory = memory
        self.target = target
        upstream = _steps_to(knowledge, target) if target else knowledge.order
        concerns = knowledge.upstream(target) if target else domains.keys()
        self.domains = {name: domain for name, domain in domains.items() if name in concerns}
        moved = set(self.domains)
        self.steps: list[str] = []
        for name in upstream:
            if name in self.domains:
                self.steps.append(name)
                continue
            given = name in knowledge.facts and memory.case.given.get(name)
            if given and given.value is not None:
                continue
            if any(read in moved for read in knowledge.reads[name]):
                self.steps.append(name)
                moved.update(knowledge.decisions[name].outputs if name in knowledge.decisions else (name,))
        self._moved = moved
        self._box: dict[str, Possible] = {
            name: exactly(value, _kind_of(knowledge, name)) for name, value in memory.values.items()
        }
        self._origins: dict[str, frozenset[str | None]] = {
            name: frozenset({origin}) for name, origin in memory.origins.items()
        }
        if knowledge.manifest.could_turn:
            self._box[knowledge.manifest.could_turn] = Truths(true=True, false=True)

    # -- a region as a whole ---------------------------------------------------------------------

    def region(self, domains: Mapping[str, Domain]) -> tuple[dict[str, Possible], dict[str, tuple[Truths, ...]]]:
        """Everything each name may be in a region, and for each decision what each row may be."""
        knowledge, box, origins = self.knowledge, dict(self._box), dict(self._origins)
        for name, domain in domains.items():
            box[name], origins[name] = _as_open(domain)
        rows: dict[str, tuple[Truths, ...]] = {}
        explorers, row_explorers = _explorers(knowledge), _row_explorers(knowledge)
        for name in self.steps:
            if name in knowledge.decisions:
                rows[name] = tuple(_as_truths(explore(box, origins)) for explore in row_explorers[name])
                box.update(_outputs(knowledge.decisions[name], rows[name]))
            elif name not in domains or None in origins[name]:
                found = explorers[name](box, origins)
                if knowledge.quantities[name].kind == "figure":
                    found = tidy_span(found)
                kind = "assumed" if name in knowledge.facts else "computed"
                known = frozenset({kind}) if _has_values(found) else frozenset()
                came_from = known | (frozenset({None}) if found.unknown else frozenset())
                if name in domains and _has_values(domains[name].values):
                    found = join(domains[name].values, found)
                    came_from |= {"answered"}
                box[name], origins[name] = found, came_from
        return box, rows

    # -- a point ---------------------------------------------------------------------------------

    def at(self, point: Mapping[str, Value]) -> str | None:
        """What comes out at one point, by the plain evaluator; None where the decision stays open."""
        knowledge = self.knowledge
        values, origins = dict(self.memory.values), dict(self.memory.origins)
        for name in self._moved:
            values[name] = None
            origins.pop(name, None)
        for name, value in point.items():
            values[name] = value
            if value is not None:
                origins[name] = "answered"
        evaluators = row_evaluators(knowledge)
        for name in self.steps:
            if point.get(name) is not None:
                continue
            if name in knowledge.quantities:
                value = computed(knowledge.quantities[name], values, origins)
                if value is not None:
                    values[name] = value
                    origins[name] = "assumed" if name in knowledge.facts else "computed"
            elif name in knowledge.decisions:
                table = knowledge.decisions[name]
                for row, evaluate in zip(table.rows, evaluators[name], strict=True):
                    truth = evaluate(values, origins)
                    if truth is True and table.policy != "collect":
                        values.update(row.then)
                        break
                    if truth is None and table.policy == "first":
                        break
        outcome = values[self.target]
        return outcome if isinstance(outcome, str) else None

    # -- the search ------------------------------------------------------------------------------

    def explore(self, *, enough: int = 1_000, most: int = MOST_REGIONS, prove: bool = True) -> Found:
        """The conclusions the open facts can lead to; stops early once ``enough`` of them are found.

        Args:
            enough: how many conclusions are.
            most: regions looked at.
            prove: whether the prover is asked about what they leave open.
        """
        found: dict[str | None, Mapping[str, Value]] = {}
        undecided: list[Mapping[str, Domain]] = []
        waiting: list[Mapping[str, Domain]] = [self.domains]
        looked_at = 0
        while waiting:
            domains = waiting.pop()
            looked_at += 1
            box, rows = self.region(domains)
            outcomes = _outcomes(box[self.target])
            if len(outcomes) == 1:
                found.setdefault(next(iter(outcomes)), _middle(domains))
                if len(found) >= enough:
                    return Found(found, complete=False)
                continue
            for point in _points(domains):
                found.setdefault(self.at(point), point)
            if len(found) >= enough:
                return Found(found, complete=False)
            if outcomes <= set(found) and enough > len(found):
                # Nothing new can come out of this region.
                continue
            parts = self._cut(domains, box, rows) if looked_at < most else None
            if parts is None:
                undecided.append(domains)
            else:
                waiting.extend(parts)
        if prove and undecided and len(found) == 1:
            return self._proved(found, undecided)
        return Found(found, not undecided, tuple(undecided))

    def _proved(self, found: dict[str | None, Mapping[str, Value]], undecided: list[Mapping[str, Domain]]) -> Found:
        """What the prover adds: that nothing else can come out, or a point (confirmed here) where it does."""
        from engine.prover import find_other

        other = find_other(self.memory, self.target, self.steps, self.domains, next(iter(found)))
        if isinstance(other, dict):
            found.setdefault(self.at(other), other)
        return Found(found, complete=other is False, undecided=tuple(undecided))

    @cached_property
    def landmarks(self) -> Mapping[str | None, Mapping[str, Value]]:
        """A few conclusions that can come out, each with a point that leads to it."""
        return self.explore(enough=4, most=40).values

    def deciding(self) -> dict[str, frozenset[str | None]]:
        """The open facts known to make a difference, each with conclusions it makes the difference between.

        Found by walking from one point to another that leads elsewhere, one fact at a time: the fact whose
        step changes the conclusion makes the difference, all others held.
        """
        deciding: dict[str, frozenset[str | None]] = {}
        ends = list(self.landmarks.items())
        for start, origin in ends:
            for goal, destination in ends:
                if start != goal:
                    self._walk(origin, start, destination, deciding)
        return deciding

    def _walk(
        self,
        origin: Mapping[str, Value],
        outcome: str | None,
        destination: Mapping[str, Value],
        deciding: dict[str, frozenset[str | None]],
    ) -> None:
        point = dict(origin)
        for name in self.domains:
            if point[name] == destination[name]:
                continue
            point[name] = destination[name]
            reached = self.at(point)
            if reached != outcome:
                deciding[name] = deciding.get(name, frozenset()) | {outcome, reached}
                outcome = reached

    def matters(self, fact: str, *, most: int = 24) -> frozenset[str | None] | None:
        """The different conclusions that the one fact makes the difference between, all others held somewhere.

        Returns:
            Two or more conclusions where it makes a difference; none where it is proved to make none;
            None where neither was found.
        """
        if fact not in self.domains:
            return frozenset()
        tried = list(_values_to_try(self.domains[fact], thresholds(self.knowledge).get(fact, ())))
        for point in self.landmarks.values():
            differing = frozenset(self.at({**point, fact: value}) for value in tried)
            if len(differing) > 1:
                return differing
        waiting: list[Mapping[str, Domain]] = [self.domains]
        proved = True
        for _ in range(most):
            if not waiting:
                break
            domains = waiting.pop()
            box, rows = self.region(domains)
            if len(_outcomes(box[self.target])) == 1:
                continue
            point = _middle(domains)
            differing = frozenset(self.at({**point, fact: value}) for value in tried)
            if len(differing) > 1:
                return differing
            parts = self._cut(domains, box, rows, but=fact)
            if parts is None:
                proved = False
            else:
                waiting.extend(parts)
        return frozenset() if proved and not waiting else None

    def _cut(
        self,
        domains: Mapping[str, Domain],
        box: Mapping[str, Possible],
        rows: Mapping[str, tuple[Truths, ...]],
        but: str | None = None,
    ) -> list[Mapping[str, Domain]] | None:
        """The region in parts, cut along the first open fact (but one) that an undecided rule hangs on."""
        for name in self._blamed(self.knowledge.decision_of[self.target], domains, box, rows, set()):
            if name == but:
                continue
            parts = _parts(domains[name], thresholds(self.knowledge).get(name, ()))
            if parts:
                return [{**domains, name: part} for part in parts]
        return None

    def _blamed(
        self,
        name: str,
        domains: Mapping[str, Domain],
        box: Mapping[str, Possible],
        rows: Mapping[str, tuple[Truths, ...]],
        seen: set[str],
    ) -> Iterator[str]:
        """Open facts that make the outcome of a decision or quantity several, the most direct first."""
        if name in seen:
            return
        seen.add(name)
        reads: list[str] = []
        if name in rows:
            table = self.knowledge.decisions[name]
            for row, truths in zip(table.rows, rows[name], strict=True):
                if truths.true + truths.false + truths.unknown > 1:
                    reads.extend(sorted(_names_read(row.when)))
        elif name in self.knowledge.quantities and name in self.steps:
            reads.extend(sorted(self.knowledge.reads[name]))
        open_reads = [read for read in dict.fromkeys(reads) if read in self._moved and not _single(box[read])]
        yield from (read for read in open_reads if read in domains)
        for read in open_reads:
            if read not in domains:
                yield from self._blamed(self.knowledge.decision_of.get(read, read), domains, box, rows, seen)


def spans(memory: WorkingMemory, domains: Mapping[str, Domain]) -> dict[str, Span]:
    """For each number that the open quantities move, bounds it cannot leave."""
    box, _ = Outlook(memory, "", domains).region(domains)
    return {
        name: found
        for name, found in box.items()
        if isinstance(found, Span) and found.low < found.high and not found.unknown
    }


@lru_cache(maxsize=8192)
def _names_read(node: Node) -> frozenset[str]:
    from engine.language.nodes import names_in

    return names_in(node)


@lru_cache(maxsize=512)
def _steps_to(knowledge: Knowledge, target: str) -> tuple[str, ...]:
    """The quantities and decisions that the target depends on, in order, itself last."""
    needed: set[str] = {knowledge.decision_of[target]}
    for name in reversed(knowledge.order):
        if name in needed:
            needed.update(knowledge.decision_of.get(read, read) for read in knowledge.reads[name])
    return tuple(name for name in knowledge.order if name in needed)


def _kind_of(knowledge: Knowledge, name: str) -> Possible:
    kind = knowledge.scope.symbols[name].type
    if isinstance(kind, NumberType):
        return Span(0, 0)
    return Truths(true=True, false=True) if isinstance(kind, TruthType) else Words(frozenset())


def _as_open(domain: Domain) -> tuple[Possible, frozenset[str | None]]:
    """What an open fact may be and where that would come from, its default aside."""
    if not _has_values(domain.values):
        return domain.values, frozenset({None})
    if domain.may_stay_open:
        return replace(domain.values, unknown=True), frozenset({"answered", None})
    return domain.values, frozenset({"answered"})


def _has_values(possible: Possible) -> bool:
    if isinstance(possible, Span):
        return possible.low <= possible.high
    return bool(possible.options) if isinstance(possible, Words) else possible.true or possible.false


def _single(possible: Possible) -> bool:
    if isinstance(possible, Span):
        count = 0 if possible.low > possible.high else 1 if possible.low == possible.high else 2
    elif isinstance(possible, Words):
        count = len(possible.options)
    else:
        count = possible.true + possible.false
    return count + possible.unknown <= 1


def _as_truths(possible: Possible) -> Truths:
    return possible if isinstance(possible, Truths) else Truths(true=False, false=False, unknown=True)


def _outputs(table: DecisionTable, rows: Sequence[Truths]) -> dict[str, Possible]:
    """Every value each output may take, given what each row may be."""
    deciding: list[int] = []
    may_stay_open = _first_may_stay_open(rows) if table.policy == "first" else True
    for index, truths in enumerate(rows):
        if truths.true:
            deciding.append(index)
        if table.policy == "first" and not truths.false:
            break
        if table.policy != "first" and truths.true and not truths.false and not truths.unknown:
            deciding, may_stay_open = [index], False
            break
    return {
        output: Words(frozenset(table.rows[index].then[output] for index in deciding), may_stay_open)
        for output in table.outputs
    }


def _first_may_stay_open(rows: Sequence[Truths]) -> bool:
    """Under ``first``: some row before a certain one may be unknown, or every row may fail."""
    for truths in rows:
        if truths.unknown:
            return True
        if not truths.false:
            return False
    return True


def _outcomes(possible: Possible) -> frozenset[str | None]:
    words = possible if isinstance(possible, Words) else Words(frozenset(), unknown=True)
    return words.options | (frozenset({None}) if words.unknown else frozenset())


def _parts(domain: Domain, cuts: Iterable[float]) -> list[Domain]:
    """The domain in two parts; none where it is one value."""
    values = domain.values
    if domain.may_stay_open:
        return [replace(domain, may_stay_open=False), Domain(exactly(None, values), domain.integer)]
    if isinstance(values, Truths):
        return [Domain(exactly(True)), Domain(exactly(False))] if values.true and values.false else []
    if isinstance(values, Words):
        return [Domain(Words(frozenset({word}))) for word in sorted(values.options)] if len(values.options) > 1 else []
    return [Domain(part, domain.integer) for part in halves(values, cuts, integer=domain.integer)]


def halves(span: Span, cuts: Iterable[float], *, integer: bool) -> list[Span]:
    """A span cut just below and just above a threshold inside it, else in the middle; none where it is narrow."""
    if span.low >= span.high:
        return []
    inside = [cut for cut in cuts if span.low <= cut <= span.high]
    if inside:
        cut = inside[len(inside) // 2]
        below, above = (math.ceil(cut) - 1.0, math.floor(cut) + 1.0) if integer else _neighbours(cut)
        parts = [Span(span.low, below), Span(cut, cut), Span(above, span.high)]
        parts = [part for part in parts if part.low <= part.high and (not integer or part.low == int(part.low))]
        if len(parts) > 1:
            return parts
    if span.high - span.low <= _NARROW * max(abs(span.low), abs(span.high)):
        return []
    middle = _between(span.low, span.high)
    if integer:
        middle = float(math.floor(middle))
        return [Span(span.low, middle), Span(middle + 1, span.high)] if middle + 1 <= span.high else []
    return [Span(span.low, middle), Span(math.nextafter(middle, math.inf), span.high)]


def _neighbours(cut: float) -> tuple[float, float]:
    return math.nextafter(cut, -math.inf), math.nextafter(cut, math.inf)


def _between(low: float, high: float) -> float:
    """The middle; of a span over orders of magnitude the geometric one."""
    if low >= 0 and high > 1e3 * max(low, 1e-6):
        return math.sqrt(max(low, 1e-6) * high)
    return low + (high - low) / 2


def _middle(domains: Mapping[str, Domain]) -> dict[str, Value]:
    return next(iter(_points(domains)))


def _points(domains: Mapping[str, Domain]) -> Iterator[dict[str, Value]]:
    """A few points of a region: the middle, and the corners at all its low and high ends."""
    picks: tuple[Callable[[Domain], Value], ...] = (middle_of, _low_of, _high_of)
    for pick in picks:
        yield {name: pick(domain) for name, domain in domains.items()}


def _values_to_try(domain: Domain, cuts: Iterable[float]) -> Iterator[Value]:
    """Values on every side of every threshold within the domain, its ends and its middle."""
    values = domain.values
    if domain.may_stay_open:
        yield None
    if isinstance(values, Words):
        yield from sorted(values.options)
    elif isinstance(values, Truths):
        yield from (truth for truth, may in ((False, values.false), (True, values.true)) if may)
    elif values.low <= values.high:
        step = 1.0 if domain.integer else 0.0
        near = [x for cut in cuts for x in (*((cut - step, cut + step) if step else _neighbours(cut)), cut)]
        inside = {x for x in near if values.low <= x <= values.high and (not step or x == int(x))}
        yield from sorted({values.low, values.high, *inside})


def middle_of(domain: Domain) -> Value:
    """A value of the domain that is no extreme where it has one; between orders of magnitude the geometric middle."""
    values = domain.values
    if isinstance(values, Span) and values.low <= values.high:
        middle = _between(values.low, values.high)
        return float(math.floor(middle)) if domain.integer else middle
    return _low_of(domain)


def _low_of(domain: Domain) -> Value:
    values = domain.values
    if isinstance(values, Span):
        return values.low if values.low <= values.high else None
    if isinstance(values, Words):
        return min(values.options) if values.options else None
    return False if values.false else True if values.true else None


def _high_of(domain: Domain) -> Value:
    values = domain.values
    if isinstance(values, Span):
        return values.high if values.low <= values.high else None
    if isinstance(values, Words):
        return max(values.options) if values.options else None
    return True if values.true else False if values.false else None
