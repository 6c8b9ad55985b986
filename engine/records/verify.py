"""Whether a store is as it was written: every entry, the chain, its head, the keys, the bases, the checkpoints.

One pass in the order of the chain, in the memory of a few records however many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from sqlalchemy import Connection, Row, Select, Table, func, select, type_coerce
from sqlalchemy.types import NullType

from engine.errors import BadInput
from engine.records import checkpoints as checking
from engine.records.canonical import NotCanonical, examine, sha256
from engine.records.checkpoints import Checkpoint
from engine.records.database import DamagedRecords
from engine.records.faults import Fault, Finding
from engine.records.protection import weaknesses
from engine.records.sealing import unseal
from engine.records.store import FORMAT, KINDS, NO_HASH, Store, columns_of, is_made_of, knowledge_base_of
from engine.records.tables import ENTRIES, ENTRY_KEYS, HEAD, KNOWLEDGE_BASES, STORE
from engine.source import printable, shorten

#: How many findings are kept, the rest being counted; and how many notes.
MOST_FINDINGS = 1_000
#: How many entries are read at a time.
_PAGE = 100

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": int,
    "store": str,
    "sequence": int,
    "id": str,
    "kind": str,
    "time": str,
    "previous": str,
    "public": dict,
    "sealed": (str, type(None)),
    "knowledge": (str, type(None)),
}


@dataclass(frozen=True, slots=True)
class Verification:
    """What looking at every record showed.

    Args:
        store: what the store is called.
        sequence: the number of the newest entry, by the head.
        hash: the hash of that entry.
        counted: how many entries there are of each kind.
        erased: how many of them were erased.
        knowledge_bases: how many knowledge bases are kept.
        checkpoints: how many checkpoints were held against the chain.
        findings: what is wrong, in the order of the chain.
        more: how many findings beyond MOST_FINDINGS are not listed.
        notes: what is odd, though nothing is wrong.
    """

    store: str
    sequence: int
    hash: str
    counted: Mapping[str, int]
    erased: int
    knowledge_bases: int
    checkpoints: int
    findings: tuple[Finding, ...]
    more: int
    notes: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """True where nothing is wrong."""
        return not self.findings

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return sum(self.counted.values())


def verify(
    store: Store,
    checkpoints: Sequence[Checkpoint] = (),
    public_key: str | None = None,
    *,
    shown: str = "the public key",
) -> Verification:
    """What is wrong with the records of a store: edited, removed, inserted, reordered, cut off, lost.

    Args:
        store: what to look at; others may go on writing meanwhile.
        checkpoints: from outside the store; each is held against it.
        public_key: Ed25519, as PEM, by which each checkpoint has to be signed; with None signatures are
            checked by the key that they bring along.
        shown: what the key is called in messages, such as its file.

    Raises:
        BadInput: the public key is none.
    """
    look = _Look(store)
    if public_key is not None:
        checking.require_public_key(public_key, shown=shown)
        if not checkpoints:
            look.notes.append("The public key was not used, since no checkpoint was given.")
    try:
        with store.database.reading() as connection:
            look.at_everything(connection)
    except BadInput as error:
        look.at_damage(error)
    for checkpoint in checkpoints:
        try:
            look.at_checkpoint(checkpoint, public_key, shown)
        except BadInput as error:
            look.at_damage(error)
    return look.verification(len(checkpoints))


def verification_of_damage(error: DamagedRecords) -> Verification:
    """What looking at records showed that could not even be opened."""
    return Verification(
        store="",
        sequence=0,
        hash=NO_HASH,
        counted={},
        erased=0,
        knowledge_bases=0,
        checkpoints=0,
        findings=tuple(Finding("damaged", problem.message) for problem in error.problems),
        more=0,
        notes=(),
    )


@dataclass(slots=True)
class _Before:
    """What is remembered of the entry before the one that is looked at."""

    sequence: int
    id: str
    hashes: frozenset[str]
    said: bool
    time: str


@dataclass(slots=True)
class _Look:
    """One look at a store, and what it has shown so far."""

    store: Store
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    notes: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    head: tuple[int, str] = (0, NO_HASH)
    before: _Before = field(default_factory=lambda: _Before(0, "", frozenset({NO_HASH}), said=True, time=""))
    #: What the store is called by its own row, and by its records.
    called: str = ""
    named: str | None = None
    #: For each knowledge base the hash of its content, as the entries have it.
    bases: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    #: Entries whose key is gone, and erasures, each by the id of the erased entry.
    keyless: dict[str, int] = field(default_factory=dict)
    erasures: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Places with more than one entry.
    doubled: set[int] = field(default_factory=set)
    #: Entries that do not say what they said when they were hashed.
    unread: set[object] = field(default_factory=set)

    def find(self, fault: Fault, message: str, sequence: object = None, id: str | None = None) -> None:
        if len(self.findings) < MOST_FINDINGS:
            # A column whose type was changed may hold anything.
            number = sequence if _is_number(sequence) else None
            self.findings.append(Finding(fault, message, number, None if id is None else printable(id)))
        else:
            self.more += 1

    def _note(self, note: str) -> None:
        if len(self.notes) < MOST_FINDINGS:
            self.notes.append(note)

    def verification(self, checkpoints: int) -> Verification:
        ordered = sorted(self.findings, key=lambda finding: finding.sequence or 0)
        return Verification(
            store=self.called,
            sequence=self.head[0],
            hash=self.head[1],
            counted=dict(self.counted),
            erased=len(self.keyless.keys() & self.erasures.keys()),
            knowledge_bases=self.kept,
            checkpoints=checkpoints,
            findings=tuple(ordered),
            more=self.more,
            notes=tuple(self.notes),
        )

    def at_everything(self, connection: Connection) -> None:
        if self.store.database.is_sqlite:
            self._at_file(connection)
        for message in weaknesses(connection):
            self.find("protection", message)
        self._at_store(connection)
        self._at_head(connection)
        self._at_doubles(connection)
        for row in connection.execution_options(yield_per=_PAGE).execute(_rows()):
            self._at_row(row)
        self._at_end()
        self._at_keys(connection)
        self._at_erasures(connection)
        self._at_knowledge(connection)

    # The database

    def at_damage(self, error: BadInput) -> None:
        for problem in error.problems:
            if Finding("damaged", problem.message) not in self.findings:
                self.find("damaged", problem.message)

    def _at_file(self, connection: Connection) -> None:
        for (said,) in connection.exec_driver_sql("PRAGMA integrity_check(10)"):
            if said != "ok":
                self.find("damaged", f"the database file is damaged: {printable(str(said))}")

    def _at_store(self, connection: Connection) -> None:
        names = connection.execute(select(STORE.c.id)).scalars().all()
        if len(names) != 1:
            self.find("store", f"a store has one name, and this one has {len(names)}")
        self.called = str(names[0]) if names else ""

    def _at_head(self, connection: Connection) -> None:
        rows = connection.execute(select(HEAD)).all()
        if len(rows) != 1 or rows[0].only != 1 or not _is_number(rows[0].sequence):
            self.find("head", "the head of the chain is not there, or not as it was written")
        if rows and _is_number(rows[0].sequence):
            self.head = (rows[0].sequence, str(rows[0].hash))

    # The chain

    def _at_doubles(self, connection: Connection) -> None:
        """Look for what there is to be one of; the database itself need not refuse a second one any more."""
        self.doubled.update(row.sequence for row in connection.execute(_doubles(ENTRIES)))
        for row in connection.execute(_doubles(ENTRY_KEYS)):
            self.find("key", f"there are {row.found} keys for it", row.sequence, str(row.id))

    def _at_row(self, row: Row[Any]) -> None:
        if not _is_number(row.sequence):
            message = f"is at no place of the chain: its number is {_shown(row.sequence)}"
            self.find("inserted", message, id=str(row.id))
            self.unread.add(row.sequence)
            return
        outside = self._is_outside(row)
        again = not outside and row.sequence == self.before.sequence
        if again and row.sequence not in self.doubled:
            return  # one entry with several keys, which was said
        if again:
            self.find("inserted", "is not alone at its place: one of them was inserted", row.sequence, str(row.id))
        if not outside and row.sequence > self.before.sequence + 1:
            self._miss(self.before.sequence + 1, row.sequence - 1)
        computed = sha256(row.body) if isinstance(row.body, str) else ""
        body = self._body(row, computed)
        said = body is not None and body["sequence"] == row.sequence and not outside
        if body is None:
            self.unread.add(row.sequence)
        else:
            self._at_place(row, body, said=said, outside=outside)
            self._at_columns(row, body)
            self._at_sealed(row, body)
            self._at_kind(row, body)
            self._at_base(row, body)
        if not outside:
            time = body["time"] if body is not None else self.before.time
            hashes = frozenset({computed, str(row.hash)}) | (self.before.hashes if again else frozenset())
            self.before = _Before(row.sequence, str(row.id), hashes, said=said, time=time)

    def _is_outside(self, row: Row[Any]) -> bool:
        """True of a record that is not between the first one and the head; it is no link of the chain."""
        if 1 <= row.sequence <= self.head[0]:
            return False
        where = "before the first record" if row.sequence < 1 else f"behind the head, which is at {self.head[0]}"
        self.find("inserted", f"is {where}: it was inserted, or the head was set back", row.sequence, str(row.id))
        return True

    def _miss(self, first: int, last: int) -> None:
        which = "is missing" if first == last else f"and all up to {last} are missing"
        self.find("missing", f"{which}: removed from the chain", first)

    def _body(self, row: Row[Any], computed: str) -> dict[str, Any] | None:
        """What an entry says, where it says what it said when it was hashed."""
        number, id_ = row.sequence, str(row.id)
        if computed != row.hash:
            self.find("edited", "what it says does not fit its hash: one of them was edited", number, id_)
            return None
        try:
            body, canonical = examine(row.body)
        except NotCanonical as error:
            self.find("form", str(error), number, id_)
            return None
        if not canonical:
            self.find("form", "it is not canonical JSON (RFC 8785)", number, id_)
        fits = isinstance(body, dict) and body.keys() == _FIELDS.keys()
        if not fits or not all(isinstance(body[name], type_) for name, type_ in _FIELDS.items()):
            self.find("form", "it has other fields than a record has", number, id_)
            return None
        if body["format"] != FORMAT or body["kind"] not in KINDS:
            self.find("form", "it is of a form or kind that this program does not write", number, id_)
        return dict(body)

    def _at_place(self, row: Row[Any], body: dict[str, Any], *, said: bool, outside: bool) -> None:
        if body["sequence"] != row.sequence:
            self.find("reordered", f"it says that it is record {body['sequence']}: moved", row.sequence, str(row.id))
        elif said and self.before.said and self.before.sequence == row.sequence - 1:
            self._at_link(row, body)
        if self.named is None:
            self.named = body["store"]
            if self.named != self.called:
                known, called = printable(body["store"]), printable(self.called)
                self.find("store", f"its records know it as {known}, and it is called {called}")
        elif body["store"] != self.named:
            self.find("inserted", "it was written to another store", row.sequence, str(row.id))
        if not outside and body["time"] < self.before.time:
            times = f"{printable(body['time'])} follows {printable(self.before.time)}"
            self._note(f"The clock went back before record {row.sequence} ({printable(body['id'])}): {times}.")

    def _at_link(self, row: Row[Any], body: dict[str, Any]) -> None:
        if body["previous"] in self.before.hashes:
            return
        if row.sequence == 1:
            self.find("chain", "it names a record before it, and is the first", 1, str(row.id))
            return
        message = (
            f"record {row.sequence} ({printable(str(row.id))}) was written after another one: this one was replaced"
        )
        self.find("chain", message, self.before.sequence, self.before.id)

    def _at_columns(self, row: Row[Any], body: dict[str, Any]) -> None:
        for column, value in columns_of(body).items():
            if column == "sequence":
                continue  # said by the look at its place
            if (found := getattr(row, column)) != value:
                message = f"the column {column} has {_shown(found)}, and the record itself says {_shown(value)}"
                self.find("column", message, row.sequence, body["id"])

    def _at_sealed(self, row: Row[Any], body: dict[str, Any]) -> None:
        number, id_, sealed = row.sequence, body["id"], body["sealed"]
        if row.key_id is not None and row.key_id != id_:
            self.find("key", f"its key is kept for {_shown(row.key_id)}", number, id_)
        if sealed is None:
            if row.key is not None:
                self.find("key", "there is a key for it, though it sealed nothing", number, id_)
        elif row.key is None:
            self.keyless[id_] = number
        else:
            self._at_opened(number, id_, sealed, row.key)

    def _at_opened(self, number: int, id_: str, sealed: str, key: bytes) -> None:
        try:
            opened, canonical = examine(unseal(sealed, key, id_))
        except NotCanonical as error:
            self.find("key", f"{error}: the key was edited", number, id_)
            return
        if not canonical or not isinstance(opened, dict):
            self.find("form", "what it sealed is not a mapping in canonical JSON (RFC 8785)", number, id_)

    def _at_kind(self, row: Row[Any], body: dict[str, Any]) -> None:
        self.counted[body["kind"]] += 1
        public, number, id_ = body["public"], row.sequence, body["id"]
        if body["kind"] == "erasure":
            erased = str(public.get("erased"))
            if erased in self.erasures:
                self.find("erasure", f"it erases record {printable(erased)}, which was erased before", number, id_)
            self.erasures[erased] = (number, id_)
        elif body["kind"] == "checkpoint":
            self._at_recorded_checkpoint(number, id_, public)

    def _at_recorded_checkpoint(self, number: int, id_: str, public: dict[str, Any]) -> None:
        try:
            checkpoint = checking.from_mapping(public)
            for finding in checking.check(checkpoint, self.store):
                self.find("checkpoint", finding.message, number, id_)
        except BadInput as error:
            self.find("form", error.problems[0].message, number, id_)

    def _at_base(self, row: Row[Any], body: dict[str, Any]) -> None:
        base, content = knowledge_base_of(body["public"]), body["knowledge"]
        if (base is None) != (content is None):
            self.find(
                "form",
                "it names a knowledge base without its content, or the other way round",
                row.sequence,
                body["id"],
            )
        elif base is not None and self.bases.setdefault(base, content) != content:
            message = (
                f"it knows another content of the knowledge base {printable(base[:12])} than the records before it"
            )
            self.find("knowledge", message, row.sequence, body["id"])

    def _at_end(self) -> None:
        sequence, hash_ = self.head
        if self.before.sequence < sequence:
            first, last = self.before.sequence + 1, sequence
            which = "is missing" if first == last else f"and all up to {last} are missing"
            self.find("missing", f"{which}: the end of the chain was cut off", first)
        elif self.before.sequence == sequence and hash_ not in self.before.hashes:
            message = "the head of the chain has another hash: one of them was edited"
            self.find("chain" if sequence else "head", message, sequence or None, self.before.id or None)

    # What the entries refer to

    def _at_keys(self, connection: Connection) -> None:
        query = (
            select(ENTRY_KEYS.c.sequence, ENTRY_KEYS.c.id)
            .join(ENTRIES, ENTRIES.c.sequence == ENTRY_KEYS.c.sequence, isouter=True)
            .where(ENTRIES.c.sequence.is_(None))
            .order_by(ENTRY_KEYS.c.sequence)
        )
        for row in connection.execute(query):
            self.find("key", "there is a key for it, and no record", row.sequence, str(row.id))

    def _at_erasures(self, connection: Connection) -> None:
        for id_, number in self.keyless.items():
            if id_ not in self.erasures:
                self.find("key", "its key is lost, and nothing says that it was erased", number, id_)
        for erased, (number, id_) in self.erasures.items():
            if erased not in self.keyless:
                self._at_odd_erasure(connection, erased, number, id_)

    def _at_odd_erasure(self, connection: Connection, erased: str, number: int, id_: str) -> None:
        """Look at an erasure whose record does not show that it is erased."""
        query = (
            select(ENTRIES.c.sequence, ENTRY_KEYS.c.id)
            .join(ENTRY_KEYS, ENTRY_KEYS.c.sequence == ENTRIES.c.sequence, isouter=True)
            .where(ENTRIES.c.id == erased)
        )
        row = connection.execute(query).first()
        if row is None:
            self.find("erasure", f"it erases record {printable(erased)}, which is not there", number, id_)
        elif row.id is not None:
            self.find("erasure", f"it was erased by record {number}, and yet its key is there", row.sequence, erased)
        elif row.sequence not in self.unread:
            self.find("erasure", f"it erases record {printable(erased)}, which sealed nothing", number, id_)

    def _at_knowledge(self, connection: Connection) -> None:
        seen: set[str] = set()
        for row in connection.execution_options(yield_per=1).execute(select(KNOWLEDGE_BASES)):
            self.kept += 1
            base = str(row.sha256)
            for message in ["it is kept twice"] if base in seen else _base_faults(row, self.bases.get(base)):
                self.find("knowledge", f"the knowledge base {_shown(row.name)} ({_shown(base)[:13]}…): {message}")
            seen.add(base)
        for base in (one for one in self.bases if one not in seen):
            self.find("knowledge", f"the knowledge base {printable(base[:12])}, which decided records, is missing")

    def at_checkpoint(self, checkpoint: Checkpoint, public_key: str | None, shown: str) -> None:
        for finding in checking.check(checkpoint, self.store, public_key, shown=shown):
            self.find(finding.fault, finding.message, finding.sequence, finding.id)


def _base_faults(row: Row[Any], said: str | None) -> Iterator[str]:
    """What is wrong with a kept knowledge base; ``said`` is the hash of its content by the entries."""
    if said is None:
        yield "no record names it"
    computed = sha256(row.content) if isinstance(row.content, str) else ""
    if computed != row.content_hash or (said is not None and computed != said):
        yield "its content is not what was recorded"
        return
    try:
        content, canonical = examine(row.content)
    except NotCanonical as error:
        yield str(error)
        return
    if not canonical or not isinstance(content, dict):
        yield "its content is not a mapping in canonical JSON (RFC 8785)"
        return
    for column in ("sha256", "name", "version"):
        if content.get(column) != getattr(row, column):
            yield f"the column {column} has {_shown(getattr(row, column))}, its content {_shown(content.get(column))}"
    if not is_made_of(str(row.sha256), content.get("files")):
        yield "its files are not those that its hash was made of"


def _rows() -> Select[Any]:
    """Every entry with its key, as the database has them, whatever the type."""
    return (
        select(
            ENTRIES,
            type_coerce(ENTRY_KEYS.c.key, NullType()).label("key"),
            ENTRY_KEYS.c.id.label("key_id"),
        )
        .join(ENTRY_KEYS, ENTRY_KEYS.c.sequence == ENTRIES.c.sequence, isouter=True)
        .order_by(ENTRIES.c.sequence)
    )


def _doubles(table: Table) -> Select[Any]:
    """Each number that several rows have, with how many there are and what one of them is called."""
    found = func.count().label("found")
    query = select(table.c.sequence, found, func.min(table.c.id).label("id")).where(table.c.sequence.is_not(None))
    return query.group_by(table.c.sequence).having(found > 1).order_by(table.c.sequence)


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return "nothing" if value is None else f"'{shorten(str(value))}'"
