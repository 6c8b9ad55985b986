"""What `recommend` can still print for a case whose open questions are answered one way or another.

An open question may get any answer the fact takes, or none. What was said to be unknown stays
unknown, so a decision may stay open, and then either one conclusion stands whatever the unknown
facts are or the base's fallback is printed. All of it is found by regions, as in
``engine.outlook``: what is said here to be impossible is proved to be.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from engine.case import Case, parse_number
from engine.costs import WorkingMemory, working_memory
from engine.declarations import FactDeclaration
from engine.evaluator import evaluate_decision
from engine.knowledge import Knowledge
from engine.language.evaluate import Value
from engine.language.nodes import Conditional, Name, Node, State, children
from engine.language.possible import Explore, Origins, Possible, Span, Truths, Words, compile_possible, exactly
from engine.outlook import Domain, Outlook, asked_states, full_domain, halves, thresholds
from engine.pipeline import rests_on

#: What is printed; None where a decision stays open and the base has no fallback.
Printed = str | None
Region = Mapping[str, Domain]
#: Sets of values tried for the facts that stay unknown, to see what cannot stand whatever they are.
_TRIALS = 8
_ROUGH_TRIALS = 2
#: After so many that rule out nothing more the rest are not tried.
_MOST_IN_VAIN = 2
#: Regions that were not cut to the end and are yet looked at one by one for the questions they hang on.
_MOST_LEFT = 12
#: Ways to answer all open questions that are tried out before anything is searched for.
_SCENARIOS = 60


def questions(knowledge: Knowledge, case: Case) -> tuple[str, ...]:
    """The facts that are asked for and were not mentioned yet, in the vocabulary's order."""
    return tuple(name for name, fact in knowledge.facts.items() if fact.question and name not in case.given)


def can_be_foreseen(knowledge: Knowledge) -> bool:
    """Whether the base has a recommendation, and one that does not itself depend on whether something could turn it."""
    target, signal = knowledge.manifest.recommends, knowledge.manifest.could_turn
    return target is not None and (signal is None or signal not in rests_on(knowledge, target))


class Prospect(Outlook):
    """Where the open questions of one case can lead its recommendation.

    Args:
        knowledge: a base whose recommendation can be foreseen.
        case: what was said so far.
        asked: the facts whose answers are open; by default those that are asked for and were not mentioned.
    """

    def __init__(self, knowledge: Knowledge, case: Case, asked: Iterable[str] | None = None) -> None:
        target = knowledge.manifest.recommends
        if target is None:
            raise ValueError("the knowledge base has no recommendation")
        self.looks = 0
        memory = _decided_memory(knowledge, case)
        open_questions = questions(knowledge, case) if asked is None else tuple(asked)
        super().__init__(memory, target, _domains(memory, target, open_questions))
        fallback = knowledge.manifest.fallback
        self._fallback: Printed = fallback.conclusion if fallback else None
        self._trials: dict[tuple[str, ...], list[Region]] = {}

    @property
    def all_recommendations(self) -> frozenset[Printed]:
        """Everything that can be printed for any case."""
        return frozenset(
            {*self.knowledge.decisions[self.knowledge.decision_of[self.target]].outputs[self.target], self._fallback}
        )

    @property
    def open(self) -> tuple[str, ...]:
        """The open questions that the recommendation depends on at all."""
        return tuple(name for name, domain in self.domains.items() if not _is_blank(domain))

    def region(self, domains: Region) -> tuple[dict[str, Possible], dict[str, tuple[Truths, ...]]]:
        """Everything each name may be in a region, and for each decision what each row may be."""
        self.looks += 1
        return super().region(domains)

    # -- a region and a point ----------------------------------------------------------------------

    def outcomes(self, region: Region, *, roughly: bool = False) -> frozenset[Printed]:
        """Everything that can be printed for the cases of a region, and perhaps more, above all if found roughly."""
        found = self._concluded(region)
        if None not in found:
            return found
        certain = found - {None} | {self._fallback}
        blank = self._blank(region)
        if not blank:
            return certain
        # Where nothing else can come out whatever is unknown, that stands.
        standing = self._concluded({**region, **self.anything(blank)})
        if len(standing) == 1 and None not in standing:
            return standing
        waited_for = self.waited_for(region)[0] if len(found) == 1 and not roughly else frozenset()
        if waited_for:
            standing = self._concluded({**region, **self.anything(blank, waited_for)})
            if len(standing) == 1 and None not in standing:
                return standing
        # What stands comes out for every value of what is unknown, so for each of a few; and so
        # does whatever is concluded although something is unknown.
        common = standing - {None}
        tried = self._trials_of(blank)
        in_vain = 0
        for index, trial in enumerate(tried[: _ROUGH_TRIALS if roughly else _TRIALS]):
            if common <= certain or in_vain == _MOST_IN_VAIN:
                break
            found = self._concluded({**region, **self._open_beside(trial, waited_for)})
            if common - found:
                # What rules out much here often does so elsewhere.
                tried.insert(0, tried.pop(index))
            in_vain = 0 if common - found else in_vain + 1
            common &= found
        return common | certain

    def printed(self, point: Mapping[str, Value]) -> frozenset[Printed]:
        """What is printed at one point: one recommendation, or several where it is not known which."""
        concluded = self.at(point)
        if concluded is not None:
            return frozenset({concluded})
        return self.outcomes(
            {name: Domain(exactly(point[name], domain.values), domain.integer) for name, domain in self.domains.items()}
        )

    def _concluded(self, region: Region) -> frozenset[Printed]:
        words = self.region(region)[0][self.target]
        if not isinstance(words, Words):
            return frozenset({None})
        return words.options | (frozenset({None}) if words.unknown else frozenset())

    def anything(self, blank: Iterable[str], waited_for: Collection[str] = ()) -> Region:
        """Everything that facts which stay unknown may be, some of them known to be waited for."""
        return self._open_beside({name: full_domain(self.knowledge.facts[name]) for name in blank}, waited_for)

    def _open_beside(self, domains: Region, waited_for: Collection[str]) -> Region:
        """Values for facts that stay unknown, in whose place they are tried.

        Where a decision does not wait for a fact, nothing is tried in its place; so a fact whose state some
        rule asks for may stay unknown as well, unless it is known to be waited for.
        """
        asked = told_apart(self.knowledge)
        return {
            name: replace(domain, may_stay_open=name in asked and name not in waited_for)
            for name, domain in domains.items()
        }

    def waited_for(self, region: Region) -> tuple[frozenset[str], frozenset[str]]:
        """Unknown facts that the recommendation waits for; see ``pipeline.waiting_for``.

        Returns:
            Those that it waits for in all cases of a region, and those that it may wait for in some.
        """
        box, _ = self.region(region)
        origins = self._ways_known(region, box)
        surely, perhaps = set[str](), set[str]()
        self._trace(self.target, box, origins, surely, set(), surely=True)
        self._trace(self.target, box, origins, perhaps, set(), surely=False)
        return frozenset(surely), frozenset(perhaps)

    def _trace(
        self,
        name: str,
        box: Mapping[str, Possible],
        origins: Origins,
        found: set[str],
        seen: set[str],
        *,
        surely: bool,
    ) -> None:
        name = self.knowledge.decision_of.get(name, name)
        if name in seen:
            return
        seen.add(name)
        if name in self.knowledge.facts and name not in self.knowledge.quantities:
            found.add(name)
            return
        for node in self._nodes(name):
            for read in self._open_names(node, box, origins, surely=surely):
                self._trace(read, box, origins, found, seen, surely=surely)

    def _open_names(self, node: Node, box: Mapping[str, Possible], origins: Origins, *, surely: bool) -> Iterator[str]:
        """The names whose being unknown makes an expression unknown in all cases, or in some."""
        outcome = _explorer(self.knowledge, node)(box, origins)
        if not outcome.unknown or (surely and _count(outcome)):
            return
        if isinstance(node, Name):
            yield node.name
            return
        for part in children(node):
            yield from self._open_names(part, box, origins, surely=surely)

    def _trials_of(self, blank: tuple[str, ...]) -> list[Region]:
        """A few sets of values for the facts that stay unknown."""
        if blank not in self._trials:
            chance = random.Random(0)  # noqa: S311 - nothing here is secret
            choices = {name: self._sides(name) for name in blank}
            self._trials[blank] = [
                {name: Domain(exactly(chance.choice(values))) for name, values in choices.items()}
                for _ in range(_TRIALS)
            ]
        return self._trials[blank]

    # -- the search --------------------------------------------------------------------------------

    def recommendations(self, among: frozenset[Printed], *, most: int = 60) -> frozenset[Printed]:
        """The recommendations that are not ruled out, whatever the open questions are answered with.

        Where there are several, `fallback_without` may add one.

        Args:
            among: the only ones that are known to be possible.
            most: looks at a region, after which what is left open is taken as possible.
        """
        found: set[Printed] = {self.at(scenario) for scenario in self.scenarios} - {None}
        undecided: set[Printed] = set()
        waiting: list[Region] = [self.domains]
        until = self.looks + most
        while waiting and not found >= among:
            region = waiting.pop()
            outcomes = self.outcomes(region) & among
            if len(outcomes) == 1:
                found |= outcomes
            else:
                found |= self._found_in(region, found)
            if outcomes <= found:
                continue
            _, parts = self._parts(region) if self.looks < until else (None, ())
            waiting.extend(parts)
            undecided |= outcomes if not parts else frozenset()
        return frozenset(found | undecided)

    def fallback_without(self, name: str) -> frozenset[Printed]:
        """What is printed where a question that makes a difference stays open, if no region shows that."""
        is_shown = name in self.knowledge.quantities or self.domains[name].may_stay_open
        return frozenset() if is_shown else frozenset({self._fallback})

    def _found_in(self, region: Region, found: Collection[Printed]) -> set[Printed]:
        """What is printed at a few points of a region, as far as it is known for one of them."""
        more: set[Printed] = set()
        for point in _points(region):
            concluded = self.at(point)
            if concluded is not None:
                more.add(concluded)
            elif self._fallback not in found:
                printed = self.printed(point)
                more |= printed if len(printed) == 1 else frozenset()
        return more

    def seen_to_matter(self, fact: str) -> bool:
        """Whether two answers to one question are known to lead to different recommendations, all others held."""
        tried = self._answers(fact)
        return any(self._differs(fact, tried, scenario) for scenario in self.scenarios)

    def not_ruled_out(self, *, most: int = 100) -> tuple[frozenset[str], frozenset[Printed]]:
        """The questions that may make a difference, and the recommendations that may come out.

        The open questions' answers are cut into regions of one recommendation each. A question along which
        no cut was needed makes no difference, nor does one that no undecided rule of what is left hangs on.

        Args:
            most: looks at a region, after which what is left is not cut any further.
        """
        candidates = self.live(self.domains)
        needed: set[str] = set()
        possible: set[Printed] = set()
        waiting: list[Region] = [self.domains]
        until = self.looks + most
        while waiting and self.looks < until and not needed >= candidates:
            region = waiting.pop()
            outcomes = self.outcomes(region)
            fact, parts = self._parts(region) if len(outcomes) > 1 else (None, ())
            if fact is not None:
                needed.add(fact)
                waiting.extend(parts)
            else:
                possible |= outcomes
                needed |= self.live(region) if len(outcomes) > 1 else frozenset()
        if waiting:
            possible |= self.all_recommendations
        if len(waiting) > _MOST_LEFT:
            return candidates, frozenset(possible)
        return frozenset(needed.union(*map(self.live, waiting))), frozenset(possible)

    def proved_moot(self, fact: str, *, most: int = 30) -> bool:
        """Whether it is proved that one question makes no difference, whatever the others are answered with."""
        waiting: list[Region] = [self.domains] if fact in self.domains else []
        until = self.looks + most
        while waiting:
            region = waiting.pop()
            if len(self.outcomes(region)) == 1:
                continue
            if self.looks >= until or self._differs(fact, self._answers(fact), next(_points(region))):
                return False
            _, parts = self._parts(region, but=fact)
            if parts:
                waiting.extend(parts)
            elif fact in self.live(region):
                return False
        return True

    def _differs(self, fact: str, tried: Sequence[Value], point: Mapping[str, Value]) -> bool:
        """Whether two answers to the question are known to lead to different recommendations at one point."""
        found = {concluded for value in tried if (concluded := self.at({**point, fact: value})) is not None}
        return len(found) > 1

    def live(self, region: Region) -> frozenset[str]:
        """The open questions that an undecided rule hangs on; no other makes a difference within the region."""
        box, _ = self.region({**region, **self.anything(self._blank(region))})
        return frozenset(name for name in self._open_reads(region, box) if not _is_blank(region[name]))

    def _parts(self, region: Region, but: str | None = None) -> tuple[str | None, Sequence[Region]]:
        """An open question that an undecided rule hangs on, and the region cut along it; nothing where none is left."""
        for view in (region, {**region, **self.anything(self._blank(region))}):
            box, _ = self.region(view)
            for name in self._open_reads(region, box):
                parts = [] if name == but else self._split(name, region[name])
                if parts:
                    return name, [{**region, name: part} for part in parts]
        return None, ()

    def _split(self, name: str, domain: Domain) -> list[Domain]:
        """The answers to one question in parts; none where there is but one."""
        values = domain.values
        if domain.may_stay_open:
            return [replace(domain, may_stay_open=False), Domain(exactly(None, values), domain.integer)]
        parts: list[Possible]
        match values:
            case Span():
                parts = [*halves(values, thresholds(self.knowledge).get(name, ()), integer=domain.integer)]
            case Words(options=options):
                parts = [exactly(word) for word in sorted(options)]
            case Truths(true=true, false=false):
                parts = [exactly(truth) for truth, may in ((True, true), (False, false)) if may]
        return [Domain(part, domain.integer) for part in parts] if len(parts) > 1 else []

    def _open_reads(self, region: Region, box: Mapping[str, Possible]) -> Iterator[str]:
        """Open questions that make the recommendation several, those of the first undecided row first.

        Of a condition or formula only the parts count that are undecided themselves.
        """
        yield from self._open_reads_of(self.target, region, box, self._ways_known(region, box), set())

    def _open_reads_of(
        self, name: str, region: Region, box: Mapping[str, Possible], origins: Origins, seen: set[str]
    ) -> Iterator[str]:
        name = self.knowledge.decision_of.get(name, name)
        if name in seen or name not in self.steps:
            return
        seen.add(name)
        for node in self._nodes(name):
            reads = dict.fromkeys(self._undecided(node, box, origins))
            yield from (read for read in reads if read in region)
            for read in reads:
                if read not in region or _open_to_default(region[read]):
                    yield from self._open_reads_of(read, region, box, origins, seen)

    def _nodes(self, name: str) -> Iterable[Node]:
        table = self.knowledge.decisions.get(name)
        return [row.when for row in table.rows] if table else [self.knowledge.quantities[name].formula]

    def _undecided(self, node: Node, box: Mapping[str, Possible], origins: Origins) -> Iterator[str]:
        """The names whose values and states an expression waits for, given what each may be."""
        if _is_single(_explorer(self.knowledge, node)(box, origins)):
            return
        if isinstance(node, Name | State):
            yield node.name
            return
        parts = children(node)
        if isinstance(node, Conditional):
            test = _explorer(self.knowledge, node.test)(box, origins)
            if isinstance(test, Truths) and _is_single(test) and not test.unknown:
                parts = (node.then if test.true else node.otherwise,)
        for part in parts:
            yield from self._undecided(part, box, origins)

    def _ways_known(self, region: Region, box: Mapping[str, Possible]) -> Origins:
        """How each name may have come to be known, None standing for unknown."""
        found: dict[str, frozenset[str | None]] = {
            name: frozenset({origin}) for name, origin in self.memory.origins.items()
        }
        for name in {*region, *self.steps} - self.knowledge.decisions.keys():
            ways: set[str | None] = {None} if box[name].unknown else set()
            if name in region and not _is_blank(region[name]):
                ways.add("answered")
            if name in self.knowledge.quantities and _count(box[name]):
                ways.add("assumed" if name in self.knowledge.facts else "computed")
            if name in region and not _open_to_default(region[name]):
                ways = {"answered"}
            found[name] = frozenset(ways)
        return found

    def _blank(self, region: Region) -> tuple[str, ...]:
        """The facts that stay unknown all over the region."""
        quantities = self.knowledge.quantities
        return tuple(name for name, domain in region.items() if _is_blank(domain) and name not in quantities)

    @cached_property
    def scenarios(self) -> Sequence[Mapping[str, Value]]:
        """Answers to all open questions as they might well be, many times over and always the same."""
        choices = {name: self._usual(name) for name in self.domains}
        chance = random.Random(0)  # noqa: S311 - nothing here is secret
        return [{name: chance.choice(values) for name, values in choices.items()} for _ in range(_SCENARIOS)]

    def _usual(self, name: str) -> list[Value]:
        """Usual answers to one question, left open among them where that is usual."""
        fact = self.knowledge.facts[name]
        if _is_blank(self.domains[name]):
            return [None]
        values: list[Value] = [_middle(cell) for cell in self.cells(name)]
        example = parse_number(fact.example, fact.unit) if fact.example and fact.unit else None
        if example is not None:
            near = [_within_bounds(example * factor, fact) for factor in (1.0, 0.25, 4.0)]
            values = [*near] if len(values) == 1 else [*values, near[0]]
        if fact.default is not None or fact.stands_in:
            # As often as not these are left to what is assumed in their place.
            values += [None] * len(values)
        return values

    # -- one fact ----------------------------------------------------------------------------------

    def cells(self, fact: str) -> list[Domain]:
        """The answers to one question in groups that rules tell apart: choices, and numbers between thresholds."""
        domain = full_domain(self.knowledge.facts[fact])
        match domain.values:
            case Truths():
                return [Domain(exactly(True)), Domain(exactly(False))]
            case Words(options=options):
                words = self.knowledge.facts[fact].words or options
                return [Domain(exactly(word)) for word in words]
            case Span(low=low, high=high):
                cuts = [cut for cut in thresholds(self.knowledge).get(fact, ()) if low <= cut <= high]
                return [Domain(span, domain.integer) for span in _between_cuts(low, high, cuts, domain.integer)]

    def _answers(self, fact: str) -> list[Value]:
        """Answers on every side of every threshold; none at all too, where that is an answer of its own."""
        return [*([None] if self.domains[fact].may_stay_open else []), *self._sides(fact)]

    def _sides(self, fact: str) -> list[Value]:
        """Values on every side of every threshold."""
        points = [(_end(cell, first=True), _middle(cell), _end(cell, first=False)) for cell in self.cells(fact)]
        return list(dict.fromkeys(value for three in points for value in three))


@lru_cache(maxsize=32_768)
def _explorer(knowledge: Knowledge, node: Node) -> Explore:
    return compile_possible(node, knowledge.tables)


@lru_cache(maxsize=64)
def told_apart(knowledge: Knowledge) -> frozenset[str]:
    """The facts whose being unknown some expression tells from every value, directly or by what depends on them."""
    asked = asked_states(knowledge)
    # Of a fact with a default it is what that depends on that may be missing.
    behind = {name for state in asked for name in knowledge.upstream(state) if name not in knowledge.quantities}
    return (asked | behind) & knowledge.facts.keys()


def _decided_memory(knowledge: Knowledge, case: Case) -> WorkingMemory:
    """The facts and figures of the case, and what follows from them by the plain evaluator."""
    memory = working_memory(knowledge, case)
    for name in knowledge.order:
        table = knowledge.decisions.get(name)
        if table is not None and table.policy != "collect":
            verdict = evaluate_decision(knowledge, name, memory.values, memory.origins)
            for output, value in (verdict.outputs or {}).items():
                memory.conclude(output, value)
    return memory


def _domains(memory: WorkingMemory, target: str, asked: Iterable[str]) -> Region:
    """Everything each open question may be answered with, and nothing for each fact that stays unknown."""
    knowledge = memory.knowledge
    domains: dict[str, Domain] = {}
    for name in asked:
        may_stay_open = name in told_apart(knowledge) or name in knowledge.quantities
        domains[name] = replace(full_domain(knowledge.facts[name]), may_stay_open=may_stay_open)
    for name, fact in knowledge.facts.items():
        if name not in domains and memory.values[name] is None and name not in knowledge.quantities:
            domains[name] = Domain(exactly(None, full_domain(fact).values))
    outlook = Outlook(memory, target, domains)
    box, _ = outlook.region(domains)
    for name in knowledge.quantities.keys() & domains.keys() - told_apart(knowledge):
        # A default that is always the same, and one of the answers, needs no looking at of its own.
        always_the_same = not any(read in domains or read in outlook.steps for read in knowledge.reads[name])
        if always_the_same and not box[name].unknown and _within(box[name], domains[name].values):
            domains[name] = replace(domains[name], may_stay_open=False)
    return domains


def _within(one: Possible, other: Possible) -> bool:
    match one, other:
        case Span(), Span():
            return one.low >= other.low and one.high <= other.high
        case Words(), Words():
            return one.options <= other.options
        case _:
            return True


def _within_bounds(value: float, fact: FactDeclaration) -> float:
    low, high = fact.bounds
    within = min(max(value, low), high)
    return float(math.floor(within)) if fact.type == "integer" else within


def _is_single(possible: Possible) -> bool:
    """Whether there is only one thing the name can be."""
    return _count(possible) + possible.unknown <= 1


def _count(possible: Possible) -> int:
    """How many values there are; 2 stands for any number above 1."""
    match possible:
        case Span(low=low, high=high):
            return (low <= high) + (low < high)
        case Words(options=options):
            return len(options)
        case Truths(true=true, false=false):
            return true + false


def _is_blank(domain: Domain) -> bool:
    """Whether there is no value in the domain: the fact stays unknown."""
    return not _count(domain.values)


def _open_to_default(domain: Domain) -> bool:
    """Whether the fact may be left open, so that its default is taken where it has one."""
    return domain.may_stay_open or _is_blank(domain)


def _between_cuts(low: float, high: float, cuts: Iterable[float], integer: bool) -> Iterator[Span]:
    """The numbers below each threshold, from it on to the next; a threshold that is the least one on its own."""
    start = low
    for cut in cuts:
        at = float(math.ceil(cut)) if integer else cut
        if at == low:
            yield Span(low, low)
            start = low + 1 if integer else math.nextafter(low, math.inf)
        elif start < at:
            yield Span(start, at - 1 if integer else math.nextafter(at, -math.inf))
            start = at
    if start <= high:
        yield Span(start, high)


def _points(region: Region) -> Iterator[dict[str, Value]]:
    """The middle of a region, and its corners at all low and all high ends."""
    yield {name: _middle(domain) for name, domain in region.items()}
    yield {name: _end(domain, first=True) for name, domain in region.items()}
    yield {name: _end(domain, first=False) for name, domain in region.items()}


def _end(domain: Domain, *, first: bool) -> Value:
    """The least or the greatest value of a domain; None where it has none."""
    if _is_blank(domain):
        return None
    match domain.values:
        case Span(low=low, high=high):
            return low if first else high
        case Words(options=options):
            return min(options) if first else max(options)
        case Truths(true=true, false=false):
            return not false if first else true


def _middle(domain: Domain) -> Value:
    """A value of a domain that is no extreme; between orders of magnitude the geometric middle."""
    if not isinstance(domain.values, Span) or _is_blank(domain):
        return _end(domain, first=True)
    low, high = domain.values.low, domain.values.high
    if low >= 0 and high > 1e3 * max(low, 1e-6):
        middle = math.sqrt(max(low, 1e-6) * high)
    else:
        middle = low + (high - low) / 2
    return min(max(float(math.floor(middle)) if domain.integer else middle, low), high)
