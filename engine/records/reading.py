"""Records of decisions as they are read back, and which of them are meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, NoReturn

from engine.case import Case
from engine.errors import BadInput, Place, Problem, refuse_one
from engine.records.content import WITHHELD, case_of
from engine.records.store import Damaged, Entry, Kind, Store
from engine.source import quote

#: Fewer digits of a hash would fit too many bases.
SHORTEST_HASH = 6
_HASH = re.compile(rf"[0-9a-f]{{{SHORTEST_HASH},64}}")
_WHOLE_HASH = 64


#: Why a record no longer tells its case, where no erasure says so: whoever deletes a key leaves a decision unproved.
KEY_IS_LOST = "its key is lost, and no record says that it was erased"
WAS_ERASED = "its case was erased"
_HAS_NO_CASE = "it never held a case"


@dataclass(frozen=True)
class Record:
    """One recorded decision.

    Args:
        entry: as it stands in the chain.
        erasure: the entry that says it was erased; None where none does.
    """

    entry: Entry
    erasure: Entry | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return self.entry.id

    @property
    def public(self) -> Mapping[str, Any]:
        """What is there for good."""
        return self.entry.public

    @property
    def sealed(self) -> Mapping[str, Any]:
        """Who, the case and every value; empty where it was erased."""
        return self.entry.sealed or {}

    @property
    def is_erased(self) -> bool:
        """Whether it can no longer be read, and an erasure says so."""
        return self.erasure is not None

    @property
    def is_lost(self) -> bool:
        """Whether it can no longer be read, and nothing says why."""
        return self.entry.erased and self.erasure is None

    @property
    def missing(self) -> str | None:
        """Why it does not tell its case; None where it does."""
        if self.sealed:
            return None
        return WAS_ERASED if self.is_erased else KEY_IS_LOST if self.is_lost else _HAS_NO_CASE

    @property
    def approach(self) -> str | None:
        """What was recommended."""
        return self.public.get("approach")

    @property
    def base(self) -> Mapping[str, str]:
        """Name, version, sha256 and as_of of the knowledge base."""
        found: Mapping[str, str] = self.public["knowledge_base"]
        return found

    @property
    def fired(self) -> tuple[tuple[str, str], ...]:
        """The rules that fired, each after its decision; those that are withheld are left out."""
        return tuple((decision, rule) for decision, rule in self.public["fired"])

    @property
    def withheld(self) -> tuple[str, ...]:
        """The sensitive facts of the case of which no value is kept."""
        return tuple(self.public.get(WITHHELD, ()))

    @property
    def who(self) -> str | None:
        """Who decided, where that was said and is not erased."""
        return self.sealed.get("who")

    @property
    def case_name(self) -> str | None:
        """What the case was called; None where it is erased."""
        return self.sealed["case"]["name"] if self.sealed else None

    @cached_property
    def case(self) -> Case:
        """The case as it was given; facts that are withheld are left out.

        Raises:
            BadInput: the record was erased, or its key is lost.
        """
        if self.missing is not None:
            raise BadInput([Problem(Place(f"record {self.id}"), self.missing)])
        return case_of(self.sealed)

    @cached_property
    def facts(self) -> Mapping[str, Mapping[str, Any]]:
        """Every known fact as it was used, given or assumed, by name."""
        return {one["name"]: one for one in self.sealed.get("facts", ())}

    @cached_property
    def figures(self) -> Mapping[str, Mapping[str, Any]]:
        """Every figure by name."""
        return {one["name"]: one for one in self.sealed.get("figures", ())}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which decisions are meant; None leaves it open.

    Args:
        since: those recorded at this moment or later.
        until: those recorded before this moment.
        approach: those that recommend it.
        rule: those in which the rule fired.
        knowledge_base: a version, or the beginning of a hash.
        who: a part of who decided, in any case of letters.
        limit: at most so many.
    """

    since: datetime | None = None
    until: datetime | None = None
    approach: str | None = None
    rule: str | None = None
    knowledge_base: str | None = None
    who: str | None = None
    limit: int | None = None

    def fits(self, record: Record) -> bool:
        """Whether a record is meant, as far as the database does not decide it."""
        return (
            (self.rule is None or any(rule == self.rule for _, rule in record.fired))
            and (self.knowledge_base is None or is_base(self.knowledge_base, record.base))
            and (self.who is None or self.who.casefold() in (record.who or "").casefold())
        )


def is_base(named: str, base: Mapping[str, str]) -> bool:
    """Whether a base is meant by its version, or by the beginning of its hash."""
    if named == base["version"]:
        return True
    return bool(_HASH.fullmatch(named.lower())) and base["sha256"].startswith(named.lower())


def decisions(
    store: Store, filters: Filters | None = None, *, newest_first: bool = False, damaged: list[Damaged] | None = None
) -> Iterator[Record]:
    """The recorded decisions that are meant, in the order of the chain or newest first.

    Args:
        store: the records.
        filters: which are meant; by default all.
        newest_first: the other way round.
        damaged: decisions that cannot be trusted are left out, and added here as the others are read. With None
            the first of them is refused.

    Raises:
        BadInput: a decision is not what was written, or the database cannot be read.
    """
    wanted = filters or Filters()
    named = (wanted.knowledge_base or "").lower()
    entries = store.entries(
        kind="decision",
        since=wanted.since,
        until=wanted.until,
        approach=wanted.approach,
        knowledge_base=named if len(named) == _WHOLE_HASH and _HASH.fullmatch(named) else None,
        newest_first=newest_first,
        damaged=damaged,
    )
    erasures = Erasures(store)

    def read(entry: Entry) -> Record | None:
        wrong = _what_is_wrong(entry)
        if wrong is None:
            return Record(entry, erasures.of(entry))
        if damaged is None:
            _refuse(wrong)
        damaged.append(wrong)
        return None

    found = (record for record in map(read, entries) if record is not None and wanted.fits(record))
    return islice(found, wanted.limit)


def decision(store: Store, id: str) -> Record:
    """The decision with an id, or with an id that begins so.

    Raises:
        BadInput: there is none, there are several, or the entry is of another kind.
    """
    entry = store.entry(id)
    if entry.kind != "decision":
        of = entry.public.get("decision") or entry.public.get("erased")
        hint = f"The decision it belongs to is {of}" if of else "breakeven audit list shows all decisions"
        raise BadInput([Problem(Place(f"record {entry.id}"), f"is no decision, but of kind {entry.kind}", hint=hint)])
    return record_of(entry, Erasures(store).of(entry))


class Erasures:
    """What the records say was erased; read once it is asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, Entry] = {}
        self._newest = 0

    def of(self, entry: Entry) -> Entry | None:
        """The erasure of an entry that can no longer be read; None where it can, or no trustworthy one names it."""
        if not entry.erased:
            return None
        newest, _ = self._store.head()
        if entry.id not in self._by_id and newest > self._newest:
            # It may have been erased since the others were read.
            self._newest = newest
            read, _ = trustworthy(self._store, "erasure")
            self._by_id = {str(one.public.get("erased")): one for one in read}
        return self._by_id.get(entry.id)


def trustworthy(store: Store, kind: Kind) -> tuple[list[Entry], list[str]]:
    """The entries of a kind that can be read, in the order of the chain, and the ids of those that cannot.

    Raises:
        BadInput: the database cannot be read.
    """
    damaged: list[Damaged] = []
    return list(store.entries(kind=kind, damaged=damaged)), [one.id for one in damaged]


def record_of(entry: Entry, erasure: Entry | None = None) -> Record:
    """The decision in an entry, which says everything that is asked of one.

    Args:
        entry: as it stands in the chain.
        erasure: the entry that says it was erased.

    Raises:
        BadInput: it was written by something else, and lacks a part or has another in its place.
    """
    if (wrong := _what_is_wrong(entry)) is not None:
        _refuse(wrong)
    return Record(entry, erasure)


def _refuse(damaged: Damaged) -> NoReturn:
    refuse_one("the decision records", damaged.sentence, _DAMAGED)


def _what_is_wrong(entry: Entry) -> Damaged | None:
    """The entry as one that cannot be trusted, for a part of a decision is missing or of another form; else None."""
    wrong = next((part for part, is_fine in _PARTS if not is_fine(entry.public)), None)
    if wrong is None and entry.sealed is not None:
        wrong = next((part for part, is_fine in _SEALED_PARTS if not is_fine(entry.sealed)), None)
    if wrong is None:
        return None
    return Damaged(entry.sequence, entry.id, f"it is not what Breakeven writes of a decision: {wrong}")


_DAMAGED = "breakeven audit verify says whether the records are untouched"
_Part = tuple[str, Callable[[Mapping[str, Any]], bool]]


def _texts(value: Any, *names: str) -> bool:
    """Whether a value is a mapping that has text under each name."""
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in names)


def _list_of(value: Any, *names: str) -> bool:
    return isinstance(value, list) and all(_texts(one, *names) for one in value)


#: What the rest of this program takes for granted, part by part.
_PARTS: tuple[_Part, ...] = (
    ("knowledge_base", lambda said: _texts(said.get("knowledge_base"), "name", "version", "sha256", "as_of")),
    ("approach", lambda said: isinstance(said.get("approach"), str | None)),
    (
        "fired",
        lambda said: (
            isinstance(said.get("fired"), list)
            and all(isinstance(one, list) and [str, str] == [type(part) for part in one] for one in said["fired"])
        ),
    ),
    ("voices", lambda said: _list_of(said.get("voices", []), "title", "decision")),
    ("versions", lambda said: isinstance(said.get("versions"), dict)),
    ("conclusions", lambda said: isinstance(said.get("conclusions"), dict)),
    (WITHHELD, lambda said: isinstance(said.get(WITHHELD), list)),
)
_SEALED_PARTS: tuple[_Part, ...] = (
    ("case", lambda said: _texts(said.get("case"), "name") and _list_of(said["case"].get("given"), "name", "origin")),
    ("facts", lambda said: _list_of(said.get("facts"), "name", "origin")),
    ("firings", lambda said: _list_of(said.get("firings"), "decision")),
    ("figures", lambda said: _list_of(said.get("figures"), "name")),
    ("standing", lambda said: _list_of(said.get("standing"), "conclusion")),
    ("conclusions", lambda said: isinstance(said.get("conclusions"), dict)),
    ("recommendation", lambda said: isinstance(said.get("recommendation"), dict | None)),
    ("arithmetic", lambda said: isinstance(said.get("arithmetic"), list)),
)


def moment(text: str, option: str, *, end: bool = False) -> datetime:
    """A moment in UTC that a person names by its day, or to the second.

    Args:
        text: such as ``2026-05-01`` or ``2026-05-01T12:30:00``; an offset may follow.
        option: what it was said for, for messages.
        end: of a day the moment when it is over instead of its first.

    Raises:
        BadInput: it is neither.
    """
    try:
        found = datetime.fromisoformat(text.strip())
        if end and ":" not in text:
            # A day given as the last one is meant as a whole.
            found += timedelta(days=1)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        hint = "Write a day such as 2026-05-01, or 2026-05-01T12:30:00; both are taken as UTC"
        raise BadInput([Problem(Place(option), f"expected a day, got {quote(text)}", hint=hint)]) from None


def outcomes_of(store: Store, damaged: list[Damaged] | None = None) -> dict[str, list[Entry]]:
    """What is known to have come of decisions, by the decision's id, in the order of the chain.

    Args:
        store: the records.
        damaged: those that cannot be trusted are left out and added here; with None the first of them is refused.

    Raises:
        BadInput: one of them is not what was written, or the database cannot be read.
    """
    found: dict[str, list[Entry]] = {}
    for entry in store.entries(kind="outcome", damaged=damaged):
        found.setdefault(str(entry.public.get("decision")), []).append(entry)
    return found
