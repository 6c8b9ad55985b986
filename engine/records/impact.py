"""Past decisions under another knowledge base: which would come out otherwise, and which rows make the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from engine.case import Case, case_from_mapping
from engine.comparing.rule_sources import RuleSource
from engine.conclusions import conclusions
from engine.describe import Describer
from engine.errors import BadInput, BreakevenError
from engine.evaluator import Verdict
from engine.inference import EnginePool
from engine.knowledge import Knowledge, Row
from engine.language.nodes import Node, names_in
from engine.pipeline import Outcome, infer
from engine.records.bases import Bases
from engine.records.reading import Record
from engine.records.replay import obstacle
from engine.testing.conditions import truths_of, written
from engine.wording import condition_in_english, label, show_name

#: What of a recommendation may come out otherwise, in the order it is told.
_ANSWER = ("approach", "settled", "strength")
#: Decisions that are followed from the recommendation back to what changed.
_MOST_DECISIONS = 12


@dataclass(frozen=True, slots=True)
class ValueShift:
    """A fact, figure, amount or conclusion that is another one under the other base, in words."""

    name: str
    title: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class ConditionShift:
    """An atomic condition of a rule whose truth is another one.

    Args:
        text: as the rule language writes it.
        words: in plain English.
        then: holds, does not hold, is unknown, or is not part of the rule.
        now: the same under the other base.
        reads: what it reads that is another value.
    """

    text: str
    words: str
    then: str
    now: str
    reads: tuple[ValueShift, ...]


@dataclass(frozen=True, slots=True)
class RuleShift:
    """One of the rows that make the difference.

    Args:
        rule: its id.
        then: what became of it then: fired, did not fire, or is not in this base; or open, where none of the rows
            decided and what was unknown left it to this one among others.
        now: the same under the other base.
        concludes_then: what it concludes; None where it is not in this base.
        concludes_now: the same under the other base.
        conditions: those of its conditions whose truth is another one.
    """

    rule: str
    then: str
    now: str
    concludes_then: str | None
    concludes_now: str | None
    conditions: tuple[ConditionShift, ...]


@dataclass(frozen=True, slots=True)
class DecisionShift:
    """A decision that concludes something else, with the rows that decided it then and now."""

    decision: str
    title: str
    then: str
    now: str
    rules: tuple[RuleShift, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """A past decision that would come out otherwise.

    Args:
        record: the decision.
        then: the recommendation's approach, strength and whether it is settled; of a base that recommends nothing
            the conclusions that differ.
        now: the same under the other base.
        shown_then: the approach, or those conclusions, in words.
        shown_now: the same under the other base.
        responsible: the decisions behind it, from the recommendation back to what changed.
        causes: amounts, defaults and formulas that are others and feed the figures that were read.
        repeatable: False where its own base no longer leads to what was recorded.
    """

    record: Record
    then: Mapping[str, Any]
    now: Mapping[str, Any]
    shown_then: str
    shown_now: str
    responsible: tuple[DecisionShift, ...]
    causes: tuple[ValueShift, ...]
    repeatable: bool


@dataclass(frozen=True, slots=True)
class NotDecided:
    """A past decision of which nobody can tell what the other base makes of it, and why.

    Args:
        refused: the other base refuses the case.
        is_lawful: that is as it should be: the record was erased, or withholds what is sensitive.
    """

    record: Record
    reason: str
    refused: bool = False
    is_lawful: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """What another base would change in past decisions.

    Args:
        knowledge: the other base.
        shown: what it is called.
        same: how many would come out the same.
        changed: those that would not.
        not_decided: those of which nobody can tell: erased, withheld, lost, or refused by it.
        left_out: the facts it does not know, each with how many of the cases gave it.
    """

    knowledge: Knowledge
    shown: str
    same: int
    changed: tuple[Changed, ...]
    not_decided: tuple[NotDecided, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many decisions were looked at."""
        return self.same + len(self.changed) + len(self.not_decided)

    @property
    def moves(self) -> list[tuple[str, str, int]]:
        """From what to what, with how many, the most frequent first."""
        return [
            (*move, count) for move, count in Counter((c.shown_then, c.shown_now) for c in self.changed).most_common()
        ]

    @property
    def exit_status(self) -> int:
        """1 where a decision would come out otherwise, or could not be held against the base though it should."""
        return int(bool(self.changed) or not all(one.is_lawful for one in self.not_decided))


def impact(records: Iterable[Record], bases: Bases, source: RuleSource, *, on: date | None = None) -> Impact:
    """What a base would change in past decisions.

    Args:
        records: the decisions.
        bases: the recorded knowledge bases.
        source: the base that is to be.
        on: the day as of which it decides; by default each decision's own.

    Raises:
        BadInput: the base is not sound.
        CompileError: it does not fit the inference engine.
    """
    other = _Other(source, on)
    same, changed, not_decided = 0, [], []
    left_out: Counter[str] = Counter()
    try:
        for record in records:
            found = _one(record, bases, other, left_out)
            if isinstance(found, Changed):
                changed.append(found)
            elif isinstance(found, NotDecided):
                not_decided.append(found)
            else:
                same += 1
    finally:
        other.close()
    return Impact(other.first, source.shown, same, tuple(changed), tuple(not_decided), dict(left_out))


class _Other:
    """The base that is to be, as of each day asked for."""

    def __init__(self, source: RuleSource, on: date | None) -> None:
        self._source = source
        self._on = on
        self.first = source.load(on)
        self._pools: dict[date | None, EnginePool] = {}

    def pool(self, day: str) -> EnginePool:
        """Engines of it as of a day.

        Raises:
            BadInput: it has nothing in force on that day.
        """
        wanted = None if self._on is not None or not self.first.dated or not day else date.fromisoformat(day)
        if wanted not in self._pools:
            self._pools[wanted] = EnginePool(self.first if wanted is None else self._source.load(wanted))
        return self._pools[wanted]

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()


def _one(record: Record, bases: Bases, other: _Other, left_out: Counter[str]) -> Changed | NotDecided | None:
    """What becomes of one decision; None where it stays the same."""
    if (why := obstacle(record)) is not None:
        return NotDecided(record, why, is_lawful=not record.is_lost)
    try:
        pool = other.pool(record.base["as_of"])
        case = _for_base(record.case, pool.knowledge, left_out)
        now = infer(case, pool)
    except BreakevenError as error:
        problem = error.problems[0] if isinstance(error, BadInput) else None
        fact = problem.field.removesuffix(".value") if problem and problem.field else None
        reason = f"{fact}: {problem.message}" if problem and fact else str(error)
        return NotDecided(record, f"the other base refuses it: {reason}", refused=True)
    recommends = now.knowledge.manifest.recommends is not None
    recorded, found = _recorded(record, now), _answer(now, recommends=recommends)
    if recorded == found:
        return None
    try:
        then = infer(record.case, bases.pool(bases.of(record)))
    except BreakevenError as error:
        return NotDecided(record, f"its own base cannot decide it any more: {error}")
    return _changed(record, then, now, recorded, found)


def _for_base(case: Case, knowledge: Knowledge, left_out: Counter[str]) -> Case:
    """The case as another base reads it, without the facts it does not know.

    Raises:
        BadInput: a value is out of its bounds or of another type there.
    """
    said: dict[str, object] = {}
    for name, given in case.given.items():
        if name not in knowledge.facts:
            left_out[name] += 1
            continue
        details: dict[str, object] = {"origin": given.origin, "source": given.source}
        if given.low is not None and given.high is not None:
            details |= {"low": given.low, "likely": given.value, "high": given.high}
        else:
            details["value"] = given.value
        said[name] = details
    return case_from_mapping(said, knowledge.facts, case.name)


def _answer(outcome: Outcome, *, recommends: bool) -> dict[str, Any]:
    """What an outcome comes to: the recommendation, or every conclusion."""
    if not recommends:
        return dict(conclusions(outcome))
    recommendation = Describer(outcome).recommendation()
    return {name: getattr(recommendation, name, None) for name in _ANSWER}


def _recorded(record: Record, now: Outcome) -> dict[str, Any]:
    if now.knowledge.manifest.recommends is not None:
        return {name: record.public.get(name) for name in _ANSWER}
    # Lists are tuples where they are concluded, and lists where they are recorded.
    told = record.sealed["conclusions"]
    return {
        name: tuple(told[name]) if isinstance(told[name], list) else told[name]
        for name in conclusions(now)
        if name in told
    } | {name: None for name in conclusions(now) if name not in told}


def _changed(
    record: Record, then: Outcome, now: Outcome, recorded: Mapping[str, Any], found: Mapping[str, Any]
) -> Changed:
    differing = [name for name in found if recorded.get(name) != found[name]]
    manifest = now.knowledge.manifest
    if manifest.recommends is None:
        outputs = differing
        shown = [", ".join(f"{name}: {_plainly(one.get(name))}" for name in differing) for one in (recorded, found)]
    else:
        outputs = [manifest.recommends] if differing != ["strength"] else [manifest.strength or ""]
        shown = [_shown(outcome.knowledge, one, differing) for outcome, one in ((then, recorded), (now, found))]
    following = _Following(then, now)
    following.follow(outputs)
    return Changed(
        record,
        {name: recorded.get(name) for name in found},
        found,
        shown[0],
        shown[1],
        tuple(following.decisions),
        tuple(following.causes.values()),
        repeatable=_is_repeatable(record, then, recorded),
    )


def _is_repeatable(record: Record, then: Outcome, recorded: Mapping[str, Any]) -> bool:
    """Whether the record's own base still leads to what was recorded."""
    recommends = then.knowledge.manifest.recommends is not None
    again = _answer(then, recommends=recommends)
    if recommends:
        return all(record.public.get(name) == value for name, value in again.items())
    return all(again.get(name) == value for name, value in recorded.items() if name in record.sealed["conclusions"])


def _shown(knowledge: Knowledge, answer: Mapping[str, Any], differing: Sequence[str]) -> str:
    approach, recommends = answer["approach"], knowledge.manifest.recommends
    words = [label(knowledge, recommends, approach) if recommends and approach else "nothing"]
    if "settled" in differing:
        words.append("settled" if answer["settled"] else "open")
    if "strength" in differing:
        words.append(_plainly(answer["strength"]))
    return ", ".join(words)


def _plainly(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(_plainly, value)) or "none"
    return "open" if value is None else str(value).replace("_", " ")


# -- the rows responsible ---------------------------------------------------------------------------------


class _Following:
    """Goes from a conclusion that differs back to the rows, figures and amounts that make the difference."""

    def __init__(self, then: Outcome, now: Outcome) -> None:
        self.then = then
        self.now = now
        self.decisions: list[DecisionShift] = []
        self.causes: dict[str, ValueShift] = {}
        self._rows = [
            {row.id: row for table in one.knowledge.decisions.values() for row in table.rows} for one in (then, now)
        ]

    def follow(self, outputs: Sequence[str]) -> None:
        """Explain these conclusions, then those that they rest on and that differ."""
        waiting, seen = list(outputs), set(outputs)
        while waiting and len(self.decisions) < _MOST_DECISIONS:
            output = waiting.pop(0)
            rules = self._deciding(output)
            self.decisions.append(self._decision(output, rules))
            for name in self._read_by(rules):
                if self._differs(name) and name not in seen:
                    seen.add(name)
                    if self._is_concluded(name):
                        waiting.append(name)
                    else:
                        waiting += [one for one in self._behind(name) if one not in seen]

    # -- one decision ---------------------------------------------------------------------------

    def _deciding(self, output: str) -> list[str]:
        """The rows that decided then or now; where none did, those that were left to."""
        found: dict[str, None] = {}
        for outcome in (self.then, self.now):
            verdict = outcome.verdicts.get(outcome.knowledge.decision_of.get(output, output))
            if verdict is not None:
                found |= dict.fromkeys(verdict.table.rows[index].id for index in verdict.decisive or _left(verdict))
        return list(found)

    def _decision(self, output: str, rules: Sequence[str]) -> DecisionShift:
        shifts = [self._rule(rule) for rule in rules]
        # Of a decision that collects, only the rows that fired in one base are of interest.
        telling = [one for one in shifts if one.then != one.now or one.concludes_then != one.concludes_now]
        knowledge = self.now.knowledge if output in self.now.knowledge.decision_of else self.then.knowledge
        return DecisionShift(
            output,
            knowledge.title(output),
            self._concluded(self.then, output),
            self._concluded(self.now, output),
            tuple(telling),
        )

    def _concluded(self, outcome: Outcome, output: str) -> str:
        if output not in outcome.knowledge.decision_of:
            return "not decided"
        value = outcome.conclusion(output)
        return "open" if value is None else show_name(outcome.knowledge, output, value)

    def _rule(self, rule: str) -> RuleShift:
        rows = [found.get(rule) for found in self._rows]
        truths = [
            {} if row is None else _truths(outcome, row)
            for row, outcome in zip(rows, (self.then, self.now), strict=True)
        ]
        conditions = [
            self._condition(text, [found.get(text) for found in truths])
            for text in dict.fromkeys([*truths[0], *truths[1]])
            if truths[0].get(text, (None, ""))[1] != truths[1].get(text, (None, ""))[1]
        ]
        then, now = (_fate(outcome, row) for outcome, row in zip((self.then, self.now), rows, strict=True))
        concludes = [
            None if row is None else _concludes(outcome.knowledge, row)
            for outcome, row in zip((self.then, self.now), rows, strict=True)
        ]
        # Where the rule is in one base only, all of its conditions would be new or gone.
        return RuleShift(rule, then, now, concludes[0], concludes[1], tuple(conditions) if all(rows) else ())

    def _condition(self, text: str, found: Sequence[tuple[Node, str] | None]) -> ConditionShift:
        knowledge = self.now.knowledge if found[1] else self.then.knowledge
        node = next(one[0] for one in reversed(found) if one is not None)
        words = ["is not part of it" if one is None else one[1] for one in found]
        reads = [self._value(name) for name in sorted(names_in(node)) if self._differs(name)]
        return ConditionShift(text, condition_in_english(knowledge, node), words[0], words[1], tuple(reads))

    # -- what is read ---------------------------------------------------------------------------

    def _read_by(self, rules: Iterable[str]) -> Iterator[str]:
        for found in self._rows:
            for rule in rules:
                if rule in found:
                    yield from sorted(names_in(found[rule].when))

    def _behind(self, name: str) -> list[str]:
        """The conclusions that feed a figure which differs; what else does is noted as a cause."""
        found: list[str] = []
        waiting, seen = [name], {name}
        while waiting:
            one = waiting.pop(0)
            reads = frozenset().union(
                *(outcome.knowledge.reads.get(one, frozenset()) for outcome in (self.then, self.now))
            )
            moved = [read for read in sorted(reads) if self._differs(read)]
            if self._text(self.then, one) != self._text(self.now, one) or not moved:
                self.causes[one] = self._cause(one)
            found += [read for read in moved if self._is_concluded(read)]
            fresh = [read for read in moved if not self._is_concluded(read) and read not in seen]
            seen.update(fresh)
            waiting += fresh
        return found

    def _text(self, outcome: Outcome, name: str) -> str | None:
        quantity = outcome.knowledge.quantities.get(name)
        return " ".join(quantity.text.split()) if quantity else None

    def _cause(self, name: str) -> ValueShift:
        """What is another amount, or a figure that is computed otherwise."""
        texts = [self._text(outcome, name) for outcome in (self.then, self.now)]
        shift = self._value(name)
        if texts[0] == texts[1]:
            return shift
        then, now = (
            f"{shown} ({text})" if text else shown for shown, text in zip((shift.then, shift.now), texts, strict=True)
        )
        return ValueShift(name, shift.title, then, now)

    def _differs(self, name: str) -> bool:
        values = [outcome.memory.values.get(name) for outcome in (self.then, self.now)]
        return values[0] != values[1]

    def _is_concluded(self, name: str) -> bool:
        return any(name in outcome.knowledge.decision_of for outcome in (self.then, self.now))

    def _value(self, name: str) -> ValueShift:
        knowledge = self.now.knowledge if name in self.now.memory.values else self.then.knowledge
        then, now = (
            show_name(outcome.knowledge, name, outcome.memory.values[name])
            if name in outcome.memory.values
            else "not in this base"
            for outcome in (self.then, self.now)
        )
        return ValueShift(name, knowledge.title(name), then, now)


_HOLDS = {True: "holds", False: "does not hold", None: "is unknown"}


def _truths(outcome: Outcome, row: Row) -> dict[str, tuple[Node, str]]:
    """Each atomic condition by its text with what it was."""
    memory = outcome.memory
    found = truths_of(outcome.knowledge, row, memory.values, memory.origins)
    return {written(node): (node, _HOLDS[truth]) for node, truth in found.items()}


def _fate(outcome: Outcome, row: Row | None) -> str:
    if row is None:
        return "not in this base"
    tables = outcome.knowledge.decisions
    if any(tables[one.decision].rows[one.row] is row for one in outcome.fired):
        return "fired"
    left = (verdict.table.rows[index] for verdict in outcome.verdicts.values() for index in _left(verdict))
    return "open" if any(one is row for one in left) else "did not fire"


def _left(verdict: Verdict) -> list[int]:
    """The rows of which one may yet decide, where none does: those not known to fail, up to the first that holds."""
    if verdict.decisive:
        return []
    last = verdict.holds.index(True) if True in verdict.holds else len(verdict.holds)
    return [index for index, truth in enumerate(verdict.holds) if truth is not False and index <= last]


def _concludes(knowledge: Knowledge, row: Row) -> str:
    return ", ".join(label(knowledge, output, word) for output, word in row.then.items())
