"""What if: a case and the same case with a few facts given anew, both decided, and what differs with the reason why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

from pydantic import Field

from engine.case import Case, Given, parse_number, read_case
from engine.decision import Conclusion, Decision, Value
from engine.describe import describe
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.escape import printable
from engine.evaluator import Verdict
from engine.explain.common import (
    Record,
    ShownCondition,
    known_value,
    parts_said_plainly,
    plain,
    shown_condition,
    shown_value,
    truth_in,
)
from engine.inference import EnginePool
from engine.knowledge import DecisionTable, Knowledge
from engine.pipeline import Outcome, infer
from engine.source import read_text_document
from engine.testing.conditions import write_number
from engine.wording import label, show_name

_T = TypeVar("_T")
_RANGE = re.compile(r"(\S+?)\s*\.\.\s*(\S+)")
#: What is shown of an argument, and the longest one that is read.
_LONGEST_SHOWN = 80
_LONGEST = 4_000


class Moved(Record):
    """One value before and after."""

    name: str
    title: str
    from_: Conclusion = Field(serialization_alias="from")
    to: Conclusion
    from_shown: str
    to_shown: str
    unit: str | None = None


class GivenAnew(Moved):
    """One fact that was given anew, with where either value comes from."""

    from_origin: str
    to_origin: str


class Tipped(Record):
    """One condition that came out differently."""

    rule: str
    place: str
    condition: str
    words: str
    before: ShownCondition
    after: ShownCondition


class ChangedConclusion(Moved):
    """One conclusion that differs, with the rules that decided and the conditions that tipped.

    Args:
        rules_before: the rules that decided (of an open conclusion none).
        tipped: the conditions of these rules, and of those tried before them, that came out differently.
    """

    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]
    tipped: tuple[Tipped, ...]


class Told(Record):
    """A rule that fired, or a caution."""

    name: str
    title: str
    because: str


class Changed(Record):
    """Everything that differs between two decisions."""

    facts: tuple[GivenAnew, ...]
    recommendation: Moved | None = Field(description="Null where the same is recommended.")
    settled: Moved | None = Field(description="Whether rules decided, or the fallback; null where that is the same.")
    strength: Moved | None
    conclusions: tuple[ChangedConclusion, ...] = Field(description="Each after those it rests on.")
    rules_only_before: tuple[Told, ...]
    rules_only_after: tuple[Told, ...]
    figures: tuple[Moved, ...]
    cautions_gained: tuple[Told, ...]
    cautions_lost: tuple[Told, ...]

    @property
    def nothing(self) -> bool:
        """Whether nothing but the facts themselves differs."""
        return not (
            self.recommendation
            or self.settled
            or self.strength
            or self.conclusions
            or self.rules_only_before
            or self.rules_only_after
            or self.figures
            or self.cautions_gained
            or self.cautions_lost
        )


class WhatIf(Record):
    """Two decisions side by side: the case as it is, and with some facts given anew."""

    before: Decision
    after: Decision
    changed: Changed


def what_if(case: Case, pool: EnginePool, assignments: Sequence[str]) -> WhatIf:
    """Both decisions, and what differs.

    Args:
        case: the case as it is.
        pool: engines of the base.
        assignments: ``fact=value``, each value as in a case file; ``unknown`` takes an answer back.

    Raises:
        BadInput: an argument that is none, or a value that the fact cannot have; every problem of all of them.
        InferenceError: rules contradict each other.
    """
    given = given_anew(assignments, pool.knowledge)
    changed = case
    for one in given:
        changed = changed.replace(one.name, one)
    before, after = infer(case, pool), infer(changed, pool)
    described = describe(before), describe(after)
    differences = _Differences(before, after, *described)
    return WhatIf(before=described[0], after=described[1], changed=differences.changed([one.name for one in given]))


# Arguments


def given_anew(assignments: Sequence[str], knowledge: Knowledge) -> tuple[Given, ...]:
    """The facts that arguments like ``budget=50_000`` give, in their order.

    Raises:
        BadInput: every problem of all arguments, each named by its argument.
    """
    problems: list[Problem] = []
    found: dict[str, Given] = {}
    if not assignments:
        problems.append(Problem(Place("FACT=VALUE"), "nothing is given anew", hint=_example(knowledge)))
    for text in assignments:
        try:
            given = _given(text, knowledge)
        except BadInput as error:
            problems += error.problems
            continue
        if given.name in found:
            problems.append(Problem(_place(text), f"'{given.name}' is given twice", hint="Give each fact once"))
        found[given.name] = given
    if problems:
        raise BadInput(problems)
    return tuple(found.values())


def _given(text: str, knowledge: Knowledge) -> Given:
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals:
        raise _refused(text, "expected FACT=VALUE", _example(knowledge))
    if name not in knowledge.facts:
        near = did_you_mean(name, knowledge.facts) if len(name) <= _LONGEST_SHOWN else None
        what = "a figure, and no fact" if name in knowledge.figures else None
        what = "concluded by rules, and no fact" if name in knowledge.decision_of else what
        message = f"'{name[:_LONGEST_SHOWN]}' is {what}" if what else "there is no fact of this name"
        raise _refused(text, message, f"{near} " * bool(near) + "`breakeven rules show` lists all facts")
    if not value:
        raise _refused(text, "there is no value after =", f"Write {name}=unknown to take an answer back")
    if len(value) > _LONGEST or any(character in value for character in "\n\r\x85\u2028\u2029"):
        raise _refused(text, "expected a value on one line", _example(knowledge))
    ends = _RANGE.fullmatch(value)
    written = f"{{low: {ends[1]}, high: {ends[2]}}}" if ends else value
    try:
        case = read_case(read_text_document(f"{name}: {written}\n", str(_place(text))), knowledge.facts)
    except BadInput as error:
        # A line of an argument says nothing to whoever typed it.
        raise BadInput(
            Problem(_place(text), problem.message, problem.field, _as_argument(problem.hint, name), problem.code)
            for problem in error.problems
        ) from None
    given = case.given[name]
    return Given(given.name, given.value, given.low, given.high, given.origin, given.source)


def _as_argument(hint: str | None, name: str) -> str | None:
    """A hint that shows a line of a case file as one that shows an argument."""
    return None if hint is None else hint.replace(f"{name}: ", f"{name}=")


def _place(text: str) -> Place:
    shown = printable(text)
    return Place(shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…")


def _refused(text: str, message: str, hint: str) -> BadInput:
    return BadInput([Problem(_place(text), message, hint=hint)])


def _example(knowledge: Knowledge) -> str:
    for name, fact in knowledge.facts.items():
        value = "yes" if fact.type == "yes/no" else fact.example or next(iter(fact.choices or ()), None)
        if value:
            number = parse_number(value, fact.unit) if fact.unit else None
            return f"Write e.g. {name}={value if number is None else write_number(number)}"
    return "Write FACT=VALUE"


# Differences


class _Differences:
    def __init__(self, before: Outcome, after: Outcome, told_before: Decision, told_after: Decision) -> None:
        self.outcomes = (before, after)
        self.decisions = (told_before, told_after)
        self.knowledge = before.knowledge

    def changed(self, facts: Sequence[str]) -> Changed:
        before, after = self.decisions
        gone, come = self._only_in_one(_fired(before), _fired(after))
        lost, gained = self._only_in_one(_cautions(before), _cautions(after))
        return Changed(
            facts=tuple(self._fact(name) for name in facts),
            recommendation=self._recommended("approach"),
            settled=self._recommended("settled"),
            strength=self._recommended("strength"),
            conclusions=tuple(self._conclusions()),
            rules_only_before=gone,
            rules_only_after=come,
            figures=tuple(self._figures()),
            cautions_gained=gained,
            cautions_lost=lost,
        )

    def _fact(self, name: str) -> GivenAnew:
        before, after = (outcome.memory for outcome in self.outcomes)
        return GivenAnew(
            name=name,
            title=self.knowledge.title(name),
            from_=plain(known_value(before, name)),
            to=plain(known_value(after, name)),
            from_shown=self._with_range(0, name),
            to_shown=self._with_range(1, name),
            unit=self.knowledge.unit(name),
            from_origin=_origin(before.origins.get(name)),
            to_origin=_origin(after.origins.get(name)),
        )

    def _with_range(self, side: int, name: str) -> str:
        memory = self.outcomes[side].memory
        shown, found = shown_value(memory, name), memory.ranges().get(name)
        if found is None:
            return shown
        ends = [show_name(self.knowledge, name, end) for end in (found.low, found.high)]
        return f"{shown} ({ends[0]} to {ends[1]})"

    def _recommended(self, field: str) -> Moved | None:
        one, other = (decision.recommendation for decision in self.decisions)
        if one is None or other is None:
            return None
        values: tuple[Value, Value] = getattr(one, field), getattr(other, field)
        if values[0] == values[1]:
            return None
        shown = [
            self._shown(field, recommendation.title, value)
            for recommendation, value in zip((one, other), values, strict=True)
        ]
        title = {"approach": "recommendation", "settled": "decided by rules"}.get(field, "how firm it is")
        return Moved(name=field, title=title, from_=values[0], to=values[1], from_shown=shown[0], to_shown=shown[1])

    def _shown(self, field: str, title: str, value: Value) -> str:
        if field == "approach":
            return title
        if isinstance(value, bool):
            return "yes" if value else "no"
        strength = self.knowledge.manifest.strength
        return label(self.knowledge, strength, value) if strength and isinstance(value, str) else "unknown"

    def _conclusions(self) -> Iterator[ChangedConclusion]:
        """The conclusions that differ, each after those it rests on."""
        before, after = (decision.conclusions for decision in self.decisions)
        tables = [self.knowledge.decisions[name] for name in self.knowledge.order if name in self.knowledge.decisions]
        for table in tables:
            names = dict.fromkeys((*table.outputs, table.name))
            for name in names:
                if name in before and before[name] != after[name]:
                    yield self._conclusion(name, table, before[name], after[name])

    def _conclusion(self, name: str, table: DecisionTable, before: Conclusion, after: Conclusion) -> ChangedConclusion:
        one, other = (outcome.verdicts[table.name] for outcome in self.outcomes)
        decided = [one.decisive, other.decisive]
        shown = [self._in_words(name, before), self._in_words(name, after)]
        if isinstance(before, tuple) and isinstance(after, tuple):
            # Of what a decision gathers only what differs is told.
            shown = [self._in_words(name, gone) for gone in (_without(before, after), _without(after, before))]
            decided = [_without(one.decisive, other.decisive), _without(other.decisive, one.decisive)]
        return ChangedConclusion(
            name=name,
            title=self.knowledge.title(name),
            from_=before,
            to=after,
            from_shown=shown[0],
            to_shown=shown[1],
            unit=self.knowledge.unit(self.knowledge.scope.readings.get(name, name)),
            rules_before=tuple(table.rows[index].id for index in decided[0]),
            rules_after=tuple(table.rows[index].id for index in decided[1]),
            tipped=tuple(self._tipped(table, one, other)),
        )

    def _in_words(self, name: str, conclusion: Conclusion) -> str:
        if isinstance(conclusion, tuple):
            return ", ".join(self._in_words(name, item) for item in conclusion) or "none"
        if isinstance(conclusion, dict):
            return "; ".join(
                f"{key.replace('_', ' ')}: {self._in_words(name, value)}" for key, value in conclusion.items()
            )
        if isinstance(conclusion, float) and not isinstance(conclusion, bool):
            return show_name(self.knowledge, self.knowledge.scope.readings.get(name, name), conclusion)
        return show_name(self.knowledge, name, float("inf") if conclusion == "never" else conclusion)

    def _tipped(self, table: DecisionTable, before: Verdict, after: Verdict) -> Iterator[Tipped]:
        """The conditions with which a row that decided in either came to hold, or ceased to."""
        one, other = (outcome.memory for outcome in self.outcomes)
        for index in sorted(_rows_of_interest(before) ^ _rows_of_interest(after)):
            row, came = table.rows[index], after.holds[index] is True
            if before.holds[index] is after.holds[index]:
                continue
            for part in dict.fromkeys(parts_said_plainly(row.when)):
                truths = truth_in(one, part), truth_in(other, part)
                helped = truths[came] is True if came or before.holds[index] is True else truths[0] is not truths[1]
                if helped and truths[0] is not truths[1]:
                    then, now = shown_condition(one, part), shown_condition(other, part)
                    yield Tipped(
                        rule=row.id, place=str(row.place), condition=now.text, words=now.words, before=then, after=now
                    )

    def _figures(self) -> Iterator[Moved]:
        before, after = (decision.figures for decision in self.decisions)
        for name in dict.fromkeys((*before, *after)):
            one, other = (outcome.memory.values[name] for outcome in self.outcomes)
            if one != other:
                yield Moved(
                    name=name,
                    title=self.knowledge.title(name),
                    from_=plain(one),
                    to=plain(other),
                    from_shown=shown_value(self.outcomes[0].memory, name),
                    to_shown=shown_value(self.outcomes[1].memory, name),
                    unit=self.knowledge.unit(name),
                )

    def _only_in_one(self, before: Sequence[Told], after: Sequence[Told]) -> tuple[tuple[Told, ...], tuple[Told, ...]]:
        """Those that are only in the first, and those only in the second, by their name."""
        names = {one.name for one in before}, {one.name for one in after}
        gone = tuple(one for one in before if one.name not in names[1])
        return gone, tuple(one for one in after if one.name not in names[0])


def _without(these: tuple[_T, ...], those: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(one for one in these if one not in those)


def _fired(decision: Decision) -> list[Told]:
    return [Told(name=one.rule, title=one.decision_title, because=one.because) for one in decision.firings]


def _cautions(decision: Decision) -> list[Told]:
    return [Told(name=one.caution, title=one.title or one.caution, because=one.because) for one in decision.cautions]


def _rows_of_interest(verdict: Verdict) -> set[int]:
    """The rows that decided, or that keep it open."""
    if verdict.decisive:
        return set(verdict.decisive)
    undecided = [index for index, truth in enumerate(verdict.holds) if truth is None]
    return set(undecided[:1] if verdict.table.policy == "first" else undecided)


def _origin(origin: str | None) -> str:
    return {"supposed": "assumed", None: "unknown"}.get(origin, origin or "unknown")
