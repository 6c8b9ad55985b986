"""How much of a knowledge base its decision tests exercise: rows, sides of conditions, MC/DC, values, thresholds.

A row is looked at only where a test reaches it (see ``engine.testing.goals``). What is proved to be impossible
is listed, and left out of the totals; what is neither seen nor proved impossible is missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from engine.errors import Place
from engine.knowledge import Knowledge, Row
from engine.language.nodes import Comparison, Node, Not
from engine.testing.conditions import atoms, written
from engine.testing.goals import (
    AtThreshold,
    Decides,
    Fires,
    Goal,
    NearThreshold,
    OfRow,
    Reaches,
    Side,
    fires,
    met,
    pairs,
    reaches,
    sides,
    thresholds,
)
from engine.testing.rule_tests import DecisionTest, TestResult
from engine.wording import condition_in_english, label

MeasureName = Literal["rows", "conditions", "mcdc", "values", "boundaries"]
#: What ``--fail-under`` looks at; tests beside a threshold are reported, not demanded.
DEMANDED: tuple[MeasureName, ...] = ("rows", "conditions", "mcdc", "values")
MEASURES: tuple[MeasureName, ...] = (*DEMANDED, "boundaries")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that tests should bring about.

    Args:
        measure: what it counts for.
        goals: it is seen where all goals of one of these groups are met.
        what: it in words, such as ``q1-low-volume fires``.
        lack: what is said under the rule's (or output's) name where it is missing, such as ``never fires``.
        place: the rule, or the decision, it belongs to.
    """

    measure: MeasureName
    goals: tuple[tuple[Goal, ...], ...]
    what: str
    lack: str
    subject: str
    place: Place
    condition: str | None = None
    side: bool | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """How many things of one kind were seen; percentages are rounded down, so that 100 means all."""

    name: MeasureName
    seen: tuple[Item, ...]
    missing: tuple[Item, ...]
    impossible: tuple[tuple[Item, str], ...]

    @property
    def covered(self) -> int:
        """How many were seen."""
        return len(self.seen)

    @property
    def total(self) -> int:
        """How many are not proved impossible."""
        return len(self.seen) + len(self.missing)

    @property
    def percent(self) -> float:
        """The share seen, in percent with one decimal, rounded down; 100 where there is nothing to see."""
        return math.floor(1000 * self.covered / self.total) / 10 if self.total else 100.0


@dataclass(frozen=True)
class Coverage:
    """What the tests of a knowledge base bring about.

    Args:
        knowledge: the base.
        met: for each goal that is met the names of the tests that meet it, in order.
        expected: the rules that fire in some test which expects something of their decision.
        tests: how many tests were counted.
        impossible: goals that no case can meet, each with what proves it.
    """

    knowledge: Knowledge
    met: Mapping[Goal, tuple[str, ...]]
    expected: frozenset[str]
    tests: int
    impossible: Mapping[Goal, str] = field(default_factory=dict)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Everything the tests should bring about, in the order of the files."""
        return tuple(_items(self.knowledge))

    @cached_property
    def measures(self) -> dict[MeasureName, Measure]:
        """Each measure by its name."""
        return {name: self.measure(name) for name in MEASURES}

    def measure(self, name: MeasureName) -> Measure:
        """One measure."""
        seen, missing, impossible = [], [], []
        for item in self.items:
            if item.measure != name:
                continue
            proofs = self.proofs(item)
            if self.sees(item):
                seen.append(item)
            elif proofs:
                impossible.append((item, proofs[0]))
            else:
                missing.append(item)
        return Measure(name, tuple(seen), tuple(missing), tuple(impossible))

    def sees(self, item: Item) -> bool:
        """Whether the tests bring it about."""
        return any(all(goal in self.met for goal in group) for group in item.goals)

    def proofs(self, item: Item) -> tuple[str, ...]:
        """What proves it impossible: one proof for each group of its goals; none where a group may be met."""
        found = [
            next((self.impossible[goal] for goal in group if goal in self.impossible), None) for group in item.goals
        ]
        return tuple(proof for proof in found if proof is not None) if None not in found else ()

    @property
    def lowest(self) -> Measure:
        """The lowest of the measures that are demanded."""
        return min((self.measures[name] for name in DEMANDED), key=lambda measure: measure.percent)

    @cached_property
    def missing_goals(self) -> tuple[Goal, ...]:
        """Every goal that some missing thing waits for, each once."""
        waiting = [item for measure in self.measures.values() for item in measure.missing]
        goals = (goal for item in waiting for group in item.goals for goal in group if goal not in self.met)
        return tuple(dict.fromkeys(goal for goal in goals if goal not in self.impossible))

    @property
    def fired_unexpectedly(self) -> tuple[Row, ...]:
        """The rules that fire only in tests which expect nothing of their decision."""
        return tuple(
            row
            for table in self.knowledge.decisions.values()
            for index, row in enumerate(table.rows)
            if Fires(table.name, index) in self.met and row.id not in self.expected
        )

    def knowing(self, impossible: Mapping[Goal, str]) -> Coverage:
        """The same, knowing that more goals are impossible."""
        return replace(self, impossible={**self.impossible, **impossible})


def measure_coverage(knowledge: Knowledge, results: Iterable[TestResult], *, unconfirmed: bool = False) -> Coverage:
    """What tests bring about, whether they pass or not.

    Args:
        knowledge: the base they ran on.
        results: how they came out.
        unconfirmed: count tests that nobody has confirmed, too.
    """
    found: dict[Goal, list[str]] = {}
    expected: set[str] = set()
    counted = 0
    for result in results:
        sight = result.sight
        if sight is None or not (result.test.confirmed or unconfirmed):
            continue
        counted += 1
        concerned = _decisions_expected(knowledge, result.test)
        for goal in met(sight):
            found.setdefault(goal, []).append(result.test.name)
            if isinstance(goal, Fires) and goal.decision in concerned:
                expected.add(knowledge.decisions[goal.decision].rows[goal.row].id)
    return Coverage(knowledge, {goal: tuple(names) for goal, names in found.items()}, frozenset(expected), counted)


def _decisions_expected(knowledge: Knowledge, test: DecisionTest) -> frozenset[str]:
    """The decisions of which a test expects something."""
    rules = {*test.expects.fired, *test.expects.not_fired}
    of_rules = {table.name for table in knowledge.decisions.values() if any(row.id in rules for row in table.rows)}
    return frozenset(of_rules | {knowledge.decision_of[output] for output in test.expects.conclusions})


# -- everything there is to see ------------------------------------------------------------------------


def _items(knowledge: Knowledge) -> Iterator[Item]:
    for table in knowledge.decisions.values():
        for goal in fires(table):
            row = table.rows[goal.row]
            yield Item("rows", ((goal,),), f"{row.id} fires", "never fires", row.id, row.place)
        for index, row in enumerate(table.rows):
            yield from _items_of_row(knowledge, table.name, index, row)
        for goal_reached in reaches(table):
            output, value = goal_reached.output, goal_reached.value
            place = Place(table.file, 1)
            yield Item("values", ((goal_reached,),), f"{output} is {value}", f"is never {value}", output, place, value)


def _items_of_row(knowledge: Knowledge, decision: str, index: int, row: Row) -> Iterator[Item]:
    def item(
        measure: MeasureName, goals: tuple[tuple[Goal, ...], ...], what: str, lack: str, atom: Node, **more: bool
    ) -> Item:
        return Item(measure, goals, f"{row.id} {what}", lack, row.id, row.when_place, written(atom), **more)

    for side in sides(decision, index, row):
        text, word = written(side.atom), _word(side.truth)
        what, lack = f"is reached and `{text}` is {word}", f"`{text}` is never {word}"
        yield item("conditions", ((side,),), what, lack, side.atom, side=side.truth)
    for atom in atoms(row.when):
        text = written(atom)
        groups = pairs(decision, index, row, atom)
        yield item("mcdc", groups, f"turns on `{text}` alone", f"`{text}` never decides alone", atom)
    for at, near in thresholds(knowledge, decision, index, row):
        text = written(at.atom)
        what, lack = f"is reached exactly at the threshold of `{text}`", f"no case exactly at the threshold of `{text}`"
        yield item("boundaries", ((at,),), what, lack, at.atom)
        what = f"is reached just beyond the threshold of `{text}`"
        yield item("boundaries", ((near,),), what, f"no case just beyond the threshold of `{text}`", at.atom)


def _word(truth: bool) -> str:
    return "true" if truth else "false"


# -- row by row ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether something was seen: in which test, or why it cannot be; both None where it is missing."""

    test: str | None
    impossible: str | None

    @property
    def word(self) -> Literal["seen", "impossible", "missing"]:
        """Which of the three it is."""
        return "seen" if self.test is not None else "impossible" if self.impossible else "missing"


@dataclass(frozen=True, slots=True)
class ConditionCoverage:
    """One atomic condition of a rule: seen true, seen false, seen to decide, and tried at its threshold.

    ``at`` and ``near`` are None where there is no threshold.
    """

    text: str
    words: str
    true: Seen
    false: Seen
    decides: Seen
    at: Seen | None
    near: Seen | None

    @property
    def complete(self) -> bool:
        """Whether nothing that is demanded is missing."""
        return "missing" not in (self.true.word, self.false.word, self.decides.word)


@dataclass(frozen=True, slots=True)
class RowCoverage:
    """One rule: whether it fired, in how many tests, and its atomic conditions."""

    row: Row
    fires: Seen
    times: int
    conditions: tuple[ConditionCoverage, ...]

    @property
    def in_tests(self) -> str:
        """In how many tests it fires, in words."""
        return "1 test" if self.times == 1 else f"{self.times} tests"

    @property
    def word(self) -> Literal["covered", "partly", "missing"]:
        """How far the rule is covered."""
        if self.fires.word == "missing":
            return "missing"
        return "covered" if all(condition.complete for condition in self.conditions) else "partly"


@dataclass(frozen=True, slots=True)
class ValueCoverage:
    """One value of one output, and whether it was reached."""

    output: str
    value: str
    title: str
    reached: Seen


def rows_of(coverage: Coverage, decision: str) -> tuple[RowCoverage, ...]:
    """The rows of one decision, each with what was seen of it."""
    table = coverage.knowledge.decisions[decision]
    return tuple(_row(coverage, decision, index, row) for index, row in enumerate(table.rows))


def values_of(coverage: Coverage, decision: str) -> tuple[ValueCoverage, ...]:
    """The values of one decision's outputs, each with whether it was reached."""
    knowledge = coverage.knowledge
    return tuple(
        ValueCoverage(goal.output, goal.value, label(knowledge, goal.output, goal.value), _seen(coverage, (goal,)))
        for goal in reaches(knowledge.decisions[decision])
    )


def _row(coverage: Coverage, decision: str, index: int, row: Row) -> RowCoverage:
    goal = Fires(decision, index)
    by_atom: dict[Node, tuple[AtThreshold, NearThreshold]] = {
        at.atom: (at, near) for at, near in thresholds(coverage.knowledge, decision, index, row)
    }
    conditions = tuple(_condition(coverage, decision, index, row, atom, by_atom.get(atom)) for atom in atoms(row.when))
    return RowCoverage(row, _seen(coverage, (goal,)), len(coverage.met.get(goal, ())), conditions)


def _condition(
    coverage: Coverage,
    decision: str,
    index: int,
    row: Row,
    atom: Node,
    threshold: tuple[AtThreshold, NearThreshold] | None,
) -> ConditionCoverage:
    groups = pairs(decision, index, row, atom)
    decides = [_seen(coverage, group) for group in groups]
    best = min(decides, key=lambda seen: ("seen", "missing", "impossible").index(seen.word))
    return ConditionCoverage(
        written(atom),
        condition_in_english(coverage.knowledge, atom),
        _seen(coverage, (Side(decision, index, atom, truth=True),)),
        _seen(coverage, (Side(decision, index, atom, truth=False),)),
        best,
        _seen(coverage, (threshold[0],)) if threshold else None,
        _seen(coverage, (threshold[1],)) if threshold else None,
    )


def _seen(coverage: Coverage, goals: tuple[Goal, ...]) -> Seen:
    if all(goal in coverage.met for goal in goals):
        return Seen(" / ".join(dict.fromkeys(coverage.met[goal][0] for goal in goals)), None)
    return Seen(None, next((coverage.impossible[goal] for goal in goals if goal in coverage.impossible), None))


def told(knowledge: Knowledge, goal: Goal) -> str:
    """What a case that meets the goal shows, as a sentence that may name a test."""
    match goal:
        case Reaches(output=output, value=value):
            return f"{knowledge.title(output)}: {label(knowledge, output, value)}"
        case Fires():
            return f"{_rule(knowledge, goal)} fires"
        case Side(atom=atom, truth=truth):
            return f"{_rule(knowledge, goal)} is reached where {_clause(knowledge, atom, truth)}"
        case Decides(atom=atom, truth=truth, outcome=outcome):
            what = "holds" if outcome else "fails"
            return f"{_rule(knowledge, goal)} {what} only because {_clause(knowledge, atom, truth)}"
        case AtThreshold(atom=atom):
            return f"{_rule(knowledge, goal)} at the threshold: {_clause(knowledge, _equal(atom), truth=True)}"
        case NearThreshold(atom=atom):
            turned = atom.operator not in ("<=", ">=", "==")
            return f"{_rule(knowledge, goal)} just beyond the threshold: {_clause(knowledge, atom, turned)}"


def _rule(knowledge: Knowledge, goal: OfRow) -> str:
    return knowledge.decisions[goal.decision].rows[goal.row].id


def _clause(knowledge: Knowledge, atom: Node, truth: bool) -> str:
    return condition_in_english(knowledge, atom if truth else Not(atom))


def _equal(comparison: Comparison) -> Comparison:
    return Comparison("==", comparison.left, comparison.right)
