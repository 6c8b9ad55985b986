"""How recorded decisions came about: which rules fire and never fire, and which voice overrules which, over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from engine.errors import BadInput
from engine.records.bases import Bases
from engine.records.reading import Record
from engine.wording import label

Step = Literal["day", "month", "year"]
#: With more bars than these the next larger step is taken.
_MOST_DAYS = 42
_MOST_MONTHS = 48
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often one rule fired in the decisions of its base."""

    rule: str
    decision: str
    fired: int


@dataclass(frozen=True, slots=True)
class BaseStatistics:
    """The rules of one knowledge base.

    Args:
        decisions: how many decisions it made.
        rules: every rule in the order of the files; where the base cannot be read, those that fired.
        problem: why it cannot be read; None where it can.
    """

    name: str
    version: str
    sha256: str
    decisions: int
    rules: tuple[RuleCount, ...]
    problem: str | None = None

    @property
    def never(self) -> tuple[RuleCount, ...]:
        """The rules that fired in no recorded decision."""
        return tuple(one for one in self.rules if one.fired == 0)

    @property
    def fired(self) -> tuple[RuleCount, ...]:
        """The others, the most frequent first."""
        return tuple(sorted((one for one in self.rules if one.fired), key=lambda one: -one.fired))


@dataclass(frozen=True, slots=True)
class Overruling:
    """How often one voice decided against another.

    Args:
        deciding: the title of the one that decided.
        overruled: the title of the one that spoke for another side.
        count: in how many decisions.
        of: in how many decisions both took a side.
    """

    deciding: str
    overruled: str
    count: int
    of: int

    @property
    def share(self) -> float:
        """The count as a share of the decisions in which both took a side."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Period:
    """The decisions of one day, month or year.

    Args:
        label: such as ``2026-05``.
        approaches: how many recommended each.
        overruled: in how many a voice was overruled.
    """

    label: str
    approaches: Mapping[str, int]
    overruled: int

    @property
    def decisions(self) -> int:
        """How many there were."""
        return sum(self.approaches.values())


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the recorded decisions have in common.

    Args:
        decisions: how many there are.
        erased: how many of them are erased; what is public of them is counted all the same.
        approaches: how many recommended each, the most frequent first.
        titles: for each approach what people call it.
        settled: how many were settled by the rules.
        bases: the rules of each base, in the order of their first decision.
        overrulings: every pair of voices of which one overruled the other.
        overruled: in how many decisions any voice was overruled.
        step: what one of the periods is.
        periods: from the first decision to the last, without gaps.
    """

    decisions: int
    erased: int
    approaches: Mapping[str, int]
    titles: Mapping[str, str]
    settled: int
    bases: tuple[BaseStatistics, ...]
    overrulings: tuple[Overruling, ...]
    overruled: int
    step: Step
    periods: tuple[Period, ...]


#: What stands for the approach of a base that recommends nothing.
NO_RECOMMENDATION = "no recommendation"


def statistics(records: Iterable[Record], bases: Bases) -> Statistics:
    """What the recorded decisions have in common."""
    counting = _Counting()
    for record in records:
        counting.add(record)
    return counting.statistics(bases)


class _Counting:
    def __init__(self) -> None:
        self.erased = 0
        self.settled = 0
        self.overruled = 0
        self.approaches: Counter[str] = Counter()
        self.fired: dict[str, Counter[tuple[str, str]]] = {}
        #: For each base its latest record, and how many it decided.
        self.latest: dict[str, Record] = {}
        self.decided: Counter[str] = Counter()
        self.against: Counter[tuple[str, str]] = Counter()
        self.both: Counter[tuple[str, str]] = Counter()
        self.days: dict[date, Counter[str]] = {}
        self.overruled_on: Counter[date] = Counter()

    def add(self, record: Record) -> None:
        approach = record.approach or NO_RECOMMENDATION
        self.approaches[approach] += 1
        self.erased += record.is_erased
        self.settled += bool(record.public.get("settled"))
        sha256 = record.base["sha256"]
        self.latest[sha256] = record
        self.decided[sha256] += 1
        # A rule fires once a case, and is counted once a decision.
        self.fired.setdefault(sha256, Counter()).update(set(record.fired))
        day = record.entry.time.date()
        self.days.setdefault(day, Counter())[approach] += 1
        if self.add_voices(record.public.get("voices", ())):
            self.overruled += 1
            self.overruled_on[day] += 1

    def add_voices(self, voices: Sequence[Mapping[str, object]]) -> bool:
        """Count which voices agreed with the one that decided; True where one did not."""
        sided = [voice for voice in voices if voice["favours"]]
        found = False
        for one in sided:
            for other in sided:
                if one is other:
                    continue
                pair = (str(one["title"]), str(other["title"]))
                self.both[pair] += 1
                if one["decided"] and one["favours"] != other["favours"]:
                    self.against[pair] += 1
                    found = True
        return found

    def statistics(self, bases: Bases) -> Statistics:
        found = tuple(self.base(record, bases) for record in self.latest.values())
        step, periods = self.periods()
        return Statistics(
            decisions=sum(self.approaches.values()),
            erased=self.erased,
            approaches=dict(self.approaches.most_common()),
            titles=self.titles(bases),
            settled=self.settled,
            bases=found,
            overrulings=tuple(
                Overruling(*pair, count, self.both[pair]) for pair, count in sorted(self.against.items(), key=_by_count)
            ),
            overruled=self.overruled,
            step=step,
            periods=periods,
        )

    def base(self, record: Record, bases: Bases) -> BaseStatistics:
        sha256, counts = record.base["sha256"], self.fired[record.base["sha256"]]
        problem: str | None = None
        try:
            knowledge = bases.of(record)
        except BadInput as error:
            declared, problem = list(counts), str(error.problems[0])
        else:
            declared = [(name, row.id) for name, table in knowledge.decisions.items() for row in table.rows]
            # On other days other rows may have been in force.
            declared += [one for one in counts if one not in declared]
        rules = tuple(RuleCount(rule, decision, counts[decision, rule]) for decision, rule in declared)
        named = record.base
        return BaseStatistics(named["name"], named["version"], sha256, self.decided[sha256], rules, problem)

    def titles(self, bases: Bases) -> dict[str, str]:
        found = {approach: approach.replace("_", " ") for approach in self.approaches}
        for record in self.latest.values():
            try:
                knowledge = bases.of(record)
            except BadInput:
                continue
            output = knowledge.manifest.recommends
            if output is not None:
                values = knowledge.decisions[knowledge.decision_of[output]].outputs[output]
                found |= {value: label(knowledge, output, value) for value in values if value in found}
        return found

    def periods(self) -> tuple[Step, tuple[Period, ...]]:
        if not self.days:
            return "day", ()
        first, last = min(self.days), max(self.days)
        step = _step(first, last)
        counts: dict[str, Counter[str]] = {name: Counter() for name in _labels(first, last, step)}
        overruled: Counter[str] = Counter()
        for day, found in self.days.items():
            counts[_label(day, step)].update(found)
            overruled[_label(day, step)] += self.overruled_on[day]
        return step, tuple(Period(name, dict(found), overruled[name]) for name, found in counts.items())


def _by_count(counted: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -counted[1], counted[0]


def _step(first: date, last: date) -> Step:
    if (last - first).days < _MOST_DAYS:
        return "day"
    months = (last.year - first.year) * _MONTHS + last.month - first.month
    return "month" if months < _MOST_MONTHS else "year"


def _label(day: date, step: Step) -> str:
    return {"day": f"{day:%Y-%m-%d}", "month": f"{day:%Y-%m}", "year": f"{day:%Y}"}[step]


def _labels(first: date, last: date, step: Step) -> Iterator[str]:
    """Every day, month or year from the first to the last."""
    if step == "day":
        for days in range((last - first).days + 1):
            yield _label(first + timedelta(days=days), step)
    elif step == "month":
        for months in range((last.year - first.year) * _MONTHS + last.month - first.month + 1):
            years, month = divmod(first.month - 1 + months, _MONTHS)
            yield _label(date(first.year + years, month + 1, 1), step)
    else:
        for year in range(first.year, last.year + 1):
            yield f"{year:04}"
