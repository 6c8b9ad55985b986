"""The store of records: entries appended to one chain, read back, and erased without breaking it.

An entry's body is canonical JSON and holds the hash of the entry before. What is private in it is sealed
by a key of its own, kept beside the chain: deleting the key erases the content and leaves every hash true.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, islice
from types import TracebackType
from typing import Any, Literal, NoReturn, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    update,
)

from engine.errors import refuse_one
from engine.knowledge import digest
from engine.records.canonical import NotCanonical, canonical, parse, sha256
from engine.records.database import Database, open_database
from engine.records.sealing import new_key, seal, unseal
from engine.records.tables import ENTRIES, ENTRY_KEYS, HEAD, KNOWLEDGE_BASES, STORE
from engine.records.where import OPTION, locate
from engine.source import printable, shorten

Kind = Literal["decision", "outcome", "erasure", "checkpoint"]
KINDS: tuple[Kind, ...] = ("decision", "outcome", "erasure", "checkpoint")

#: The form of an entry's body that this program writes.
FORMAT = 1
#: The hash before the first entry.
NO_HASH = "0" * 64

#: The columns that an entry is found by whatever is searched for.
_ALWAYS_CHECKED = ("sequence", "id")
#: What is noted where others read the records while a key is erased.
_KEPT_IN_SQLITE = (
    "A copy of the erased key is in the log file beside the records until other programs let go of them;"
    " end those, then run 'breakeven audit verify', which removes it"
)
_KEPT_IN_POSTGRESQL = (
    "A copy of the erased key may be in the database's files, since other programs were using the records or the"
    " user does not own the table; when they have ended, let its owner run VACUUM FULL entry_keys"
)

#: How many entries are read at a time.
_PAGE = 100
#: An entry as the database has it, with its key and the head.
_WRITTEN = (
    select(ENTRIES, ENTRY_KEYS.c.key, HEAD.c.sequence.label("head_sequence"), HEAD.c.hash.label("head_hash"))
    .join(ENTRY_KEYS, ENTRY_KEYS.c.sequence == ENTRIES.c.sequence, isouter=True)
    .join(HEAD, true())
    .where(ENTRIES.c.sequence == bindparam("written"))
)


@dataclass(frozen=True, slots=True)
class KnowledgeContent:
    """A knowledge base as the records keep it.

    Args:
        sha256: the hash that identifies the base.
        name: what the base is called.
        version: its version.
        files: the text of each file by its path in the rules directory.
    """

    sha256: str
    name: str
    version: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be appended.

    Args:
        kind: what the entry is; ``erasure`` is left to :meth:`Store.erase`.
        public: JSON that stays readable for good: no personal data.
        sealed: JSON that can be erased later.
        knowledge: the knowledge base that ``public["knowledge_base"]["sha256"]`` names, kept once per hash.
    """

    kind: Kind
    public: Mapping[str, Any]
    sealed: Mapping[str, Any] | None = None
    knowledge: KnowledgeContent | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the chain.

    Args:
        sequence: its place in the chain, from 1.
        id: what it is called.
        kind: what it is.
        time: when it was appended, by the clock of the machine that did, in UTC.
        previous: the hash of the entry before.
        hash: the SHA-256 of its body.
        public: what stays readable.
        sealed: what was sealed, decrypted; None where nothing was, or it was erased.
        erased: True where something was sealed and its key is gone.
    """

    sequence: int
    id: str
    kind: Kind
    time: datetime
    previous: str
    hash: str
    public: Mapping[str, Any]
    sealed: Mapping[str, Any] | None
    erased: bool


@dataclass(frozen=True, slots=True)
class Damaged:
    """An entry that cannot be trusted.

    Args:
        sequence: the place in the chain where it is; None where it has none.
        id: what it is called there, fit to be printed.
        why: what is wrong with it, in words, without a final period.
    """

    sequence: int | None
    id: str
    why: str

    @property
    def sentence(self) -> str:
        """What is said of it in messages, without a final period."""
        number = "none" if self.sequence is None else self.sequence
        return f"record {self.id} (number {number}) cannot be trusted: {self.why}"


@dataclass(frozen=True, slots=True)
class _Ready:
    """A draft with all of its entry that does not depend on the entries before it."""

    id: str
    kind: Kind
    public: dict[str, Any]
    sealed: str | None
    ciphertext: str | None
    key: bytes | None
    knowledge: KnowledgeContent | None
    content: str | None

    def entry(self, sequence: int, time: datetime, previous: str) -> Entry:
        """The entry without its hash."""
        sealed = None if self.sealed is None else parse(self.sealed)
        return Entry(sequence, self.id, self.kind, time, previous, "", self.public, sealed, erased=False)


class Store:
    """An open store; a context manager, safe in threads.

    Args:
        database: what :func:`engine.records.database.open_database` opened.
        clock: tells the time of an entry.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self._clock = clock
        with database.reading() as connection:
            #: What this store is called, for good.
            self.id: str = connection.execute(select(STORE.c.id)).scalar() or ""
        #: What whoever erased a record has to know: empty where nothing of its key is left in the files.
        self.notes: tuple[str, ...] = ()
        #: For each knowledge base known to be kept the hash of its content.
        self._kept: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection of this store."""
        self.database.close()

    @property
    def shown(self) -> str:
        """Where the store is, for people: its file, or its URL without the password."""
        return self.database.location.shown

    # Writing

    def append(self, draft: Draft) -> Entry:
        """The entry, once it is written for good.

        Raises:
            BadInput: it cannot be written (no JSON, disk full, locked, unreachable); then nothing was.
        """
        if draft.kind == "erasure":
            self._refuse("an erasure is not appended by itself", "Use erase, which also deletes the key")
        if draft.kind not in KINDS:
            self._refuse(f"there is no kind of record called '{shorten(draft.kind)}'", f"Use one of {', '.join(KINDS)}")
        ready = self._ready(draft)
        with self.database.writing() as connection:
            entry, kept = self._append(connection, ready)
        self._kept.update(kept)
        if self.notes:
            self._forget(patience_s=0)
        return entry

    def erase(self, id: str, reason: str) -> Entry:
        """The entry that says that another was erased; what that one sealed is lost for good.

        Args:
            id: of the entry to erase, or the beginning of it.
            reason: why; it stays readable, and must not name the person.

        Raises:
            BadInput: there is no such entry, it sealed nothing, or it was erased before; then nothing changed.

        :attr:`notes` afterwards says whether other programs kept a copy of the key in the files.
        """
        if not reason.strip():
            self._refuse("an erasure needs a reason", "Say why, without naming the person")
        # Not read as an entry: whoever asks to be erased need not wait until a damaged record is mended.
        row = self._row(id)
        ready = self._ready(Draft("erasure", {"erased": row.id, "reason": reason}))
        with self.database.writing() as connection:
            if not connection.execute(delete(ENTRY_KEYS).where(_key_of(row))).rowcount:
                self._refuse_erasure(connection, row)
            erasure, _ = self._append(connection, ready)
            if self._has_key(connection, row):
                self._refuse_kept_key()
        self._forget()
        return erasure

    def _forget(self, patience_s: float | None = None) -> None:
        """Let deleted keys go from the files too, or note that a copy stays."""
        if self.database.forget(patience_s):
            self.notes = ()
        else:
            self.notes = (_KEPT_IN_SQLITE if self.database.is_sqlite else _KEPT_IN_POSTGRESQL,)

    @staticmethod
    def _has_key(connection: Connection, row: Row[Any]) -> bool:
        return connection.execute(select(ENTRY_KEYS.c.sequence).where(_key_of(row))).first() is not None

    def _refuse_kept_key(self) -> NoReturn:
        self._refuse("the database did not let go of the key; nothing was erased", "Run 'breakeven audit verify'")

    def _refuse_erasure(self, connection: Connection, row: Row[Any]) -> NoReturn:
        """Say why no key was deleted."""
        if self._has_key(connection, row):
            self._refuse_kept_key()
        entry = self._entry(row)
        if not entry.erased and entry.sealed is None:
            self._refuse(f"record {entry.id} holds nothing that can be erased", "Only what is sealed can be")
        by = next((found for found in self.entries(kind="erasure") if found.public.get("erased") == entry.id), None)
        if by is None:
            self._refuse(f"the key of record {entry.id} is lost", "Run 'breakeven audit verify'")
        self._refuse(f"record {entry.id} was erased before, on {by.time:%Y-%m-%d}", f"Record {by.id} says why")

    def _ready(self, draft: Draft) -> _Ready:
        """All of an entry that does not depend on those before it, so that the others wait no longer than they must."""
        try:
            public = parse(canonical(dict(draft.public)))
            sealed = None if draft.sealed is None else canonical(dict(draft.sealed))
            content = None if draft.knowledge is None else self._content(draft.knowledge)
        except NotCanonical as error:
            self._refuse(f"this cannot be recorded: {error}", "Record text, finite numbers, truths, lists and mappings")
        named = str(uuid.uuid4())
        key = None if sealed is None else new_key()
        return _Ready(
            id=named,
            kind=draft.kind,
            public=public,
            sealed=sealed,
            ciphertext=None if sealed is None or key is None else seal(sealed, key, named),
            key=key,
            knowledge=draft.knowledge,
            content=content,
        )

    def _content(self, knowledge: KnowledgeContent) -> str | None:
        return None if knowledge.sha256 in self._kept else content_of(knowledge)

    def _append(self, connection: Connection, ready: _Ready) -> tuple[Entry, dict[str, str]]:
        """The entry and the knowledge base that is kept with it; holds back other writers until the commit."""
        newest, hash_ = self._head(connection, select(HEAD.c.sequence, HEAD.c.hash).with_for_update())
        base = knowledge_base_of(ready.public)
        content_hash = self._keep(connection, base, ready) if base is not None else None
        time = self.now()
        entry = ready.entry(newest + 1, time, hash_)
        body = canonical(
            {
                "format": FORMAT,
                "store": self.id,
                "sequence": entry.sequence,
                "id": entry.id,
                "kind": entry.kind,
                "time": as_text(time),
                "previous": entry.previous,
                "public": ready.public,
                "sealed": ready.ciphertext,
                "knowledge": content_hash,
            }
        )
        entry = replace(entry, hash=sha256(body))
        self._insert(connection, entry, body, ready.key)
        if content_hash is not None and base is not None:
            self._require_kept_base(connection, base, content_hash)
        return entry, {base: content_hash} if base and content_hash else {}

    def _insert(self, connection: Connection, entry: Entry, body: str, key: bytes | None) -> None:
        named: dict[str, object] = {"sequence": entry.sequence, "id": entry.id}
        row = named | {
            "kind": entry.kind,
            "time": as_text(entry.time),
            "approach": approach_of(entry.public),
            "knowledge_base": knowledge_base_of(entry.public),
            "body": body,
            "hash": entry.hash,
        }
        connection.execute(insert(ENTRIES), row)
        if key is not None:
            connection.execute(insert(ENTRY_KEYS), named | {"key": key})
        connection.execute(update(HEAD), {"sequence": entry.sequence, "hash": entry.hash})
        # A trigger or rule that somebody added could have done something else without a word.
        written = row | {"key": key, "head_sequence": entry.sequence, "head_hash": entry.hash}
        found = [dict(one) for one in connection.execute(_WRITTEN, {"written": entry.sequence}).mappings()]
        if found != [written]:
            self._refuse_lost()

    def _require_kept_base(self, connection: Connection, base: str, content_hash: str) -> None:
        query = select(KNOWLEDGE_BASES.c.content_hash).where(KNOWLEDGE_BASES.c.sha256 == base)
        if connection.execute(query).scalars().all() != [content_hash]:
            self._refuse_lost()

    def _refuse_lost(self) -> NoReturn:
        message = "the database did not keep what was written; nothing was recorded"
        self._refuse(message, "Run 'breakeven audit verify'")

    def _keep(self, connection: Connection, base: str, ready: _Ready) -> str:
        """The hash of the content of a knowledge base, which is in the database from now on."""
        if base in self._kept:
            return self._kept[base]
        query = select(KNOWLEDGE_BASES.c.content, KNOWLEDGE_BASES.c.content_hash)
        kept = connection.execute(query.where(KNOWLEDGE_BASES.c.sha256 == base)).first()
        if kept is not None:
            if not _is_of_its_hash(base, kept.content, kept.content_hash):
                # Whoever may only add rows could have put other files under this hash, ready to be taken for it.
                message = f"the knowledge base {base[:12]} is not kept here as its hash says; nothing was recorded"
                self._refuse(message, "Run 'breakeven audit verify'")
            return str(kept.content_hash)
        if ready.knowledge is None or ready.content is None or ready.knowledge.sha256 != base:
            self._refuse(f"the knowledge base {base[:12]} is not kept here", "Hand its files over with the record")
        found = ready.knowledge
        if not is_made_of(base, found.files):
            message = f"the files of the knowledge base {base[:12]} are not those that its hash was made of"
            self._refuse(message, "Read the base once more, and hand over what was read")
        content_hash = sha256(ready.content)
        connection.execute(
            insert(KNOWLEDGE_BASES).values(
                sha256=base, name=found.name, version=found.version, content=ready.content, content_hash=content_hash
            )
        )
        return content_hash

    # Reading

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry; 0 and zeros where there is none.

        Raises:
            BadInput: the head is missing or was edited, or the database cannot be read.
        """
        with self.database.reading() as connection:
            return self._head(connection, select(HEAD.c.sequence, HEAD.c.hash))

    def _head(self, connection: Connection, query: Select[Any]) -> tuple[int, str]:
        head = connection.execute(query).first()
        if head is None:
            self._refuse("the head of the chain is missing", "Run 'breakeven audit verify'")
        if not isinstance(head.sequence, int) or not isinstance(head.hash, str):
            self._refuse("the head of the chain is not as it was written", "Run 'breakeven audit verify'")
        return head.sequence, head.hash

    def hash_at(self, sequence: int) -> str | None:
        """The hash of what the entry at a place says now; zeros for place 0, None where there is no entry.

        Raises:
            BadInput: the database cannot be read.
        """
        if sequence == 0:
            return NO_HASH
        with self.database.reading() as connection:
            body = connection.execute(select(ENTRIES.c.body).where(ENTRIES.c.sequence == sequence)).scalar()
        return sha256(body) if isinstance(body, str) else None

    def now(self) -> datetime:
        """The time by this store's clock, in UTC."""
        return self._clock().astimezone(UTC)

    def count(self, kind: Kind | None = None) -> int:
        """How many entries there are, of one kind or of all.

        Raises:
            BadInput: the database cannot be read.
        """
        query = select(func.count()).select_from(ENTRIES)
        if kind is not None:
            query = query.where(ENTRIES.c.kind == kind)
        with self.database.reading() as connection:
            return connection.execute(query).scalar_one()

    def entry(self, id: str) -> Entry:
        """The entry with this id, or the one whose id begins so.

        Raises:
            BadInput: none does, several do, or it is not what was written.
        """
        return self._entry(self._row(id))

    def _row(self, id: str) -> Row[Any]:
        """The row of the entry with this id, or the one whose id begins so."""
        wanted = id.strip().lower()
        with self.database.reading() as connection:
            found = connection.execute(_entries().where(ENTRIES.c.id == wanted)).all()
            if not found and wanted:
                beginning = ENTRIES.c.id.startswith(wanted, autoescape=True)
                found = connection.execute(_entries().where(beginning).order_by(ENTRIES.c.sequence).limit(4)).all()
            if len(found) != 1:
                self._refuse_id(connection, id, [str(row.id) for row in found])
        return found[0]

    def entries(
        self,
        *,
        kind: Kind | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        approach: str | None = None,
        knowledge_base: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        damaged: list[Damaged] | None = None,
    ) -> Iterator[Entry]:
        """The entries that fit, in the order of the chain; what is appended meanwhile is left out.

        Args:
            kind: of this kind.
            since: appended then or later; without a time zone: UTC.
            until: appended before then.
            approach: whose ``public["approach"]`` this is.
            knowledge_base: decided by the base whose hash this is, or begins so.
            newest_first: the other way round.
            limit: at most so many.
            damaged: entries that cannot be trusted are left out, and added here as the others are read; a search
                by what was edited does not come upon them. With None the first of them is refused.

        Raises:
            BadInput: an entry is not what was written, or the database cannot be read.
        """
        conditions: list[ColumnElement[bool]] = []
        checked: tuple[str, ...] = _ALWAYS_CHECKED
        if kind is not None:
            conditions.append(ENTRIES.c.kind == kind)
            checked += ("kind",)
        if since is not None:
            conditions.append(ENTRIES.c.time >= as_text(since))
        if until is not None:
            conditions.append(ENTRIES.c.time < as_text(until))
        if since is not None or until is not None:
            checked += ("time",)
        if approach is not None:
            conditions.append(ENTRIES.c.approach == approach)
            checked += ("approach",)
        if knowledge_base is not None:
            conditions.append(ENTRIES.c.knowledge_base.startswith(knowledge_base.lower(), autoescape=True))
            checked += ("knowledge_base",)

        def read(row: Row[Any]) -> Entry | None:
            return self._entry(row, checked) if damaged is None else _read_or_note(row, checked, damaged)

        placed = [ENTRIES.c.sequence <= self.head()[0], *conditions]
        rows = chain(self._without_place(conditions), self._rows(placed, newest_first, limit))
        found = (entry for entry in map(read, rows) if entry is not None)
        return found if limit is None else islice(found, max(0, limit))

    def _without_place(self, conditions: list[ColumnElement[bool]]) -> Sequence[Row[Any]]:
        """The rows that have no number, which no version of the program writes, and the tables usually refuse."""
        column = ENTRIES.c.sequence
        # Whatever is no number is at one of the ends; the table need not be read to look there.
        ends = [select(column).order_by(order).limit(1) for order in (column, column.desc())]
        is_none = column.is_(None) | (column >= literal("", String)) if self.database.is_sqlite else column.is_(None)
        with self.database.reading() as connection:
            if all(isinstance(connection.execute(end).scalar(), int | float) for end in ends):
                return ()
            return connection.execute(_entries().where(is_none, *conditions).order_by(ENTRIES.c.id)).all()

    def _rows(self, conditions: list[ColumnElement[bool]], newest_first: bool, most: int | None) -> Iterator[Row[Any]]:
        """Page by page, so that neither memory nor a transaction is held while the caller works.

        Args:
            conditions: which rows.
            newest_first: whether the newest come first.
            most: how many are wanted; more are given where the caller goes on.
        """
        column = ENTRIES.c.sequence
        order, last = column.desc() if newest_first else column, None
        page = _PAGE if most is None else min(_PAGE, most)
        while page > 0:
            query = _entries().where(*conditions).order_by(order).limit(page)
            if last is not None:
                query = query.where(column < last if newest_first else column > last)
            with self.database.reading() as connection:
                rows = connection.execute(query).all()
            yield from rows
            if len(rows) < page:
                return
            last = rows[-1].sequence

    def knowledge(self, hash: str) -> KnowledgeContent:
        """A knowledge base that decided something recorded here.

        Raises:
            BadInput: it is not kept here, or is not what was written.
        """
        with self.database.reading() as connection:
            row = connection.execute(select(KNOWLEDGE_BASES).where(KNOWLEDGE_BASES.c.sha256 == hash)).first()
        if row is None:
            self._refuse(f"the knowledge base {shorten(hash)} is not kept here", "'breakeven audit list' names them")
        if sha256(row.content) != row.content_hash:
            self._refuse(
                f"the knowledge base {shorten(hash[:12])} is not as it was recorded", "Run 'breakeven audit verify'"
            )
        found = parse(row.content)
        return KnowledgeContent(found["sha256"], found["name"], found["version"], found["files"])

    def _entry(self, row: Row[Any], checked: tuple[str, ...] = _ALWAYS_CHECKED) -> Entry:
        """The entry of a row, read from its body; these columns have to say the same."""
        damaged: list[Damaged] = []
        entry = _read_or_note(row, checked, damaged)
        if entry is None:
            self._refuse(damaged[0].sentence, "Run 'breakeven audit verify'")
        return entry

    def _refuse_id(self, connection: Connection, id: str, found: list[str]) -> NoReturn:
        if found:
            named = ", ".join(found[:3]) + (" and more" if len(found) > len(found[:3]) else "")
            self._refuse(f"'{shorten(id)}' is the beginning of several records: {named}", "Write more of it")
        for length in range(len(id) - 1, 1, -1):
            near = ENTRIES.c.id.startswith(id[:length].lower(), autoescape=True)
            if other := connection.execute(select(ENTRIES.c.id).where(near).limit(1)).scalar():
                self._refuse(f"there is no record '{shorten(id)}'", f"Did you mean '{other}'?")
        self._refuse(f"there is no record '{shorten(id)}'", "'breakeven audit list' names them")

    def _refuse(self, message: str, hint: str) -> NoReturn:
        refuse_one(self.shown, message, hint)


def open_store(
    url: str | None = None, *, named: str = OPTION, create: bool = True, clock: Callable[[], datetime] | None = None
) -> Store:
    """The store at a URL, else at that of BREAKEVEN_STORE, else in the user's data directory; to be closed.

    Args:
        url: what the option ``--store`` or the settings file says.
        named: what the URL comes from, for messages.
        create: make it where there is none, and refuse a file that may only be read; a store of an older
            version is brought up to date either way.
        clock: tells the time of an entry; the machine's own where absent.

    Raises:
        BadInput: the URL is wrong, or the database cannot be used: the message says why and what to do.
    """
    database = open_database(locate(url, named=named), create=create)
    try:
        return Store(database, clock or _now)
    except BaseException:
        database.close()
        raise


def as_text(time: datetime) -> str:
    """A time as entries have it: UTC with microseconds, so that text sorts as time does."""
    known = time if time.tzinfo else time.replace(tzinfo=UTC)
    return known.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def approach_of(public: Mapping[str, Any]) -> str | None:
    """The approach that a public part names."""
    approach = public.get("approach")
    return approach if isinstance(approach, str) else None


def knowledge_base_of(public: Mapping[str, Any]) -> str | None:
    """The hash of the knowledge base that a public part names."""
    base = public.get("knowledge_base")
    found = base.get("sha256") if isinstance(base, Mapping) else None
    return found if isinstance(found, str) else None


def content_of(knowledge: KnowledgeContent) -> str:
    """A knowledge base as canonical JSON.

    Raises:
        NotCanonical: a file is no Unicode text.
    """
    return canonical(
        {
            "sha256": knowledge.sha256,
            "name": knowledge.name,
            "version": knowledge.version,
            "files": dict(knowledge.files),
        }
    )


def is_made_of(hash: str, files: object) -> bool:
    """Whether a knowledge base with these files, each text under its name, has this hash."""
    if not isinstance(files, Mapping) or not all(isinstance(text, str) for text in files.values()):
        return False
    try:
        return digest(files) == hash
    except UnicodeEncodeError:
        return False


def columns_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that repeat what a body says, to search by."""
    public = body["public"]
    said = {name: body[name] for name in ("sequence", "id", "kind", "time")}
    return said | {"approach": approach_of(public), "knowledge_base": knowledge_base_of(public)}


def _is_of_its_hash(base: str, text: object, content_hash: object) -> bool:
    """Whether what is kept of a knowledge base is as it was recorded, and what the hash of the base says."""
    if not isinstance(text, str) or sha256(text) != content_hash:
        return False
    try:
        content = parse(text)
    except NotCanonical:
        return False
    return isinstance(content, dict) and is_made_of(base, content.get("files"))


def _read_or_note(row: Row[Any], checked: tuple[str, ...], damaged: list[Damaged]) -> Entry | None:
    try:
        return _read(row, checked)
    except (NotCanonical, AttributeError, KeyError, TypeError, ValueError) as error:
        number = row.sequence if isinstance(row.sequence, int) else None
        damaged.append(Damaged(number, printable(str(row.id)), printable(str(error))))
        return None


def _read(row: Row[Any], checked: tuple[str, ...]) -> Entry:
    if not isinstance(row.body, str) or sha256(row.body) != row.hash:
        raise NotCanonical("it was changed after it was written")
    body = parse(row.body)
    said = columns_of(body)
    for column in checked:
        if (found := getattr(row, column)) != said[column]:
            there, here = shorten(str(found)), shorten(str(said[column]))
            raise NotCanonical(f"the column {column} has '{there}', and the record itself says '{here}'")
    sealed = None
    if body["sealed"] is not None and row.key is not None:
        sealed = parse(unseal(body["sealed"], row.key, body["id"]))
    return Entry(
        sequence=body["sequence"],
        id=body["id"],
        kind=body["kind"],
        time=datetime.fromisoformat(body["time"]),
        previous=body["previous"],
        hash=row.hash,
        public=body["public"],
        sealed=sealed,
        erased=body["sealed"] is not None and row.key is None,
    )


def _entries() -> Select[Any]:
    """Entries with their keys."""
    return select(ENTRIES, ENTRY_KEYS.c.key).join(ENTRY_KEYS, ENTRY_KEYS.c.sequence == ENTRIES.c.sequence, isouter=True)


def _key_of(row: Row[Any]) -> ColumnElement[bool]:
    """What tells the key of an entry from all others; where its number was edited away, its id."""
    number, id_ = row.sequence, str(row.id)
    return ENTRY_KEYS.c.sequence == number if isinstance(number, int) else ENTRY_KEYS.c.id == id_


def _now() -> datetime:
    return datetime.now(UTC)
