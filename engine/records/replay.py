"""Past decisions decided once more, with the recorded knowledge base as of the recorded day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.conclusions import conclusions
from engine.describe import Describer
from engine.errors import BadInput, BreakevenError
from engine.json_text import json_value
from engine.pipeline import Outcome, infer
from engine.records.bases import Bases
from engine.records.content import engine_versions, writable
from engine.records.reading import Record

#: What of a recommendation has to come out again; its sentences follow from these and the base.
_ANSWER = ("approach", "strength", "settled", "decided_by", "rule")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came out otherwise.

    Args:
        what: of which part of the decision.
        recorded: as the record has it; None where it has nothing of the kind.
        again: as it comes out now.
    """

    what: str
    recorded: Any
    again: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """One record decided once more.

    Args:
        record: the decision.
        differences: what came out otherwise; empty where nothing did.
        obstacle: why it cannot be decided once more; None where it was.
        is_lawful: whether that is as it should be: it was erased, or withholds what is sensitive.
        versions: for each part of the engine that is another one now its version then and now.
    """

    record: Record
    differences: tuple[Difference, ...] = ()
    obstacle: str | None = None
    is_lawful: bool = True
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replay:
    """Many records decided once more.

    Args:
        same: how many came out the same.
        different: those that did not.
        not_replayed: those that cannot be decided once more.
        versions: for each part of the engine that is another one now, its version then and now, with how many
            records it concerns.
    """

    same: int
    different: tuple[Replayed, ...]
    not_replayed: tuple[Replayed, ...]
    versions: Mapping[tuple[str, str, str], int]

    @property
    def total(self) -> int:
        """How many records were looked at."""
        return self.same + len(self.different) + len(self.not_replayed)

    @property
    def unproved(self) -> tuple[Replayed, ...]:
        """Those of them that should have been: their key or knowledge base is lost, or not what was recorded."""
        return tuple(one for one in self.not_replayed if not one.is_lawful)

    @property
    def exit_status(self) -> int:
        """1 where something came out otherwise, or could not be decided though it should have been; else 0."""
        return 1 if self.different or self.unproved else 0


def replay(records: Iterable[Record], bases: Bases) -> Replay:
    """Decide every record once more and compare."""
    same = 0
    different: list[Replayed] = []
    not_replayed: list[Replayed] = []
    versions: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        found = replayed(record, bases)
        versions.update((part, then, now) for part, (then, now) in found.versions.items())
        if found.obstacle is not None:
            not_replayed.append(found)
        elif found.differences:
            different.append(found)
        else:
            same += 1
    return Replay(same, tuple(different), tuple(not_replayed), dict(versions))


def replayed(record: Record, bases: Bases) -> Replayed:
    """One record decided once more and compared."""
    versions = _other_versions(record)
    if (why := obstacle(record)) is not None:
        is_lawful = record.is_erased or bool(record.sealed)
        return Replayed(record, obstacle=why, is_lawful=is_lawful, versions=versions)
    try:
        knowledge = bases.of(record)
    except BadInput as error:
        why = f"its knowledge base cannot be read: {error.problems[0]}"
        return Replayed(record, obstacle=why, is_lawful=False, versions=versions)
    try:
        outcome = infer(record.case, bases.pool(knowledge))
    except BreakevenError as error:
        return Replayed(record, (Difference("the decision", "was reached", str(error)),), versions=versions)
    return Replayed(record, tuple(_differences(record, outcome)), versions=versions)


def obstacle(record: Record) -> str | None:
    """Why a record cannot be decided once more: it lacks its case, or a part of it; None where it can."""
    if record.missing is not None:
        return record.missing
    if record.withheld:
        facts = ", ".join(record.withheld)
        return f"it withholds {facts}, which {'is' if len(record.withheld) == 1 else 'are'} sensitive"
    return None


def _other_versions(record: Record) -> dict[str, tuple[str, str]]:
    then, now = record.public.get("versions", {}), engine_versions()
    return {part: (str(then.get(part)), now[part]) for part in now if then.get(part) != now[part]}


def _differences(record: Record, outcome: Outcome) -> Iterator[Difference]:
    described = Describer(outcome)
    public, sealed = record.public, record.sealed
    answer = described.recommendation()
    for name in _ANSWER:
        again = getattr(answer, name, None)
        if public.get(name) != writable(again):
            yield Difference(f"the recommendation's {name.replace('_', ' ')}", public.get(name), again)
    yield from _apart("the conclusion", sealed["conclusions"], _recorded_form(conclusions(outcome)))
    yield from _firings(record, outcome)
    values = {one.name: _recorded_form(described.reading(one.name).value) for one in outcome.case.given.values()}
    for name in record.facts.keys() - values.keys():
        values[name] = _recorded_form(outcome.memory.values.get(name))
    yield from _apart("the fact", {name: one.get("value") for name, one in record.facts.items()}, _known(values))
    yield from _figures(record, described)
    recorded = {one["conclusion"]: one["value"] for one in sealed["standing"]}
    again = {one.output: one.value for one in outcome.standing}
    yield from _apart("what stands for", _words(recorded), again)


def _firings(record: Record, outcome: Outcome) -> Iterator[Difference]:
    tables = outcome.knowledge.decisions
    again = [(one.decision, tables[one.decision].rows[one.row].id) for one in outcome.fired]
    recorded = list(record.fired)
    if recorded == again:
        return
    if sorted(recorded) == sorted(again):
        yield Difference("the order in which rules fired", _named(recorded), _named(again))
        return
    gone = [one for one in recorded if one not in again]
    come = [one for one in again if one not in recorded]
    yield Difference("the rules that fired", _named(gone) or None, _named(come) or None)


def _named(fired: Sequence[tuple[str, str]]) -> list[str]:
    return [rule for _, rule in fired]


def _figures(record: Record, described: Describer) -> Iterator[Difference]:
    """Each figure to its last digit, with the bounds that ranges leave it."""
    recorded = {name: {end: one.get(end) for end in ("value", "low", "high")} for name, one in record.figures.items()}
    again = {}
    for name in {**record.figures, **described.knowledge.figures}:
        value, span = described.memory.values.get(name), described.spans.get(name)
        ends = (span.low, span.high) if span and value is not None else (None, None)
        again[name] = dict(zip(("value", "low", "high"), map(_recorded_form, (value, *ends)), strict=True))
    yield from _apart("the figure", recorded, again)


def _apart(what: str, recorded: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[Difference]:
    for name in {**recorded, **again}:
        if recorded.get(name) != again.get(name):
            yield Difference(f"{what} {name}", recorded.get(name), again.get(name))


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _words(standing: Mapping[str, Any]) -> dict[str, str]:
    from engine.declarations import word_of

    return {name: word_of(float(value) if type(value) is int else value) for name, value in standing.items()}


def _recorded_form(value: Any) -> Any:
    """A value as the records have it."""
    return writable(json_value(value))
