"""The database of a store: connections, transactions, its tables brought up to date, and what can go wrong."""

from __future__ import annotations

import mmap
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.errors import BadInput, Place, Problem
from engine.records.tables import METADATA, VERSION_TABLE, VERSIONS
from engine.records.where import Location, why_unseen
from engine.source import printable

#: How long one writer waits for the others, in seconds.
PATIENCE_S = 60
_PAUSE_S = 0.01
#: How long an erasure waits until others no longer read what it deleted.
FORGETTING_S = 2
#: What locks the creation of the tables in PostgreSQL: a number that nobody else uses.
_CREATION_LOCK = int.from_bytes(b"records", "big")
_NOTHING = "nothing was recorded"
#: How a transaction of SQLite begins, as an execution option; empty: there is to be none.
_BEGIN = "records_begin"


class DamagedRecords(BadInput):
    """There is a file of records, and it cannot be read any more."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open database; safe in threads, each of which gets a connection of its own."""

    engine: Engine
    location: Location

    @property
    def is_sqlite(self) -> bool:
        """True for SQLite, False for PostgreSQL."""
        return self.location.file is not None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database throughout.

        Raises:
            BadInput: the database cannot be read.
        """
        with self.translated(""), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is written as a whole or not at all; SQLite lets one in at a time.

        Raises:
            BadInput: the database cannot be written to; nothing was.
        """
        with self.translated(_NOTHING), self.engine.connect() as connection:
            # A writer that began by reading could not be let in once another has written.
            connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            with connection.begin() as transaction:
                yield connection
                # Who loses the connection now does not learn how it ended.
                with self.translated(_NOTHING, if_lost="it may or may not have been recorded"):
                    transaction.commit()

    @contextmanager
    def translated(self, consequence: str, *, if_lost: str | None = None) -> Iterator[None]:
        """Turns errors of the database into one message that names the store and says what to do.

        Args:
            consequence: what an error means for what was to be done.
            if_lost: what it means where the connection was lost; the same where absent.

        Raises:
            BadInput: in place of the error.
        """
        try:
            yield
        except UnicodeEncodeError:
            self.refuse("what is asked for is not Unicode text", "Write it in UTF-8", consequence)
        except PoolTimeoutError:
            self.refuse("too many threads use it at once", "Try again later", consequence)
        except DBAPIError as error:
            consequence = if_lost if if_lost and error.connection_invalidated else consequence
            self.refuse(*self._explained(" ".join(str(error.orig).split())), consequence)
        except SQLAlchemyError as error:
            self.refuse(*self._explained(" ".join(str(error).split())), consequence)

    def refuse(self, message: str, hint: str, consequence: str = "", *, damaged: bool = False) -> NoReturn:
        """Raise what is wrong with this store.

        Raises:
            BadInput: always; DamagedRecords where that is what is wrong.
        """
        whole = f"{message}; {consequence}" if consequence else message
        if message in _DAMAGE and self.location.file is not None:
            damaged = _had_records(self.location.file)
        sort = DamagedRecords if damaged else BadInput
        raise sort([Problem(Place(self.location.shown), self.location.without_secrets(whole), hint=hint)])

    def forget(self, patience_s: float | None = None) -> bool:
        """Let what was deleted go from the files too; False where others keep a copy from going now.

        SQLite overwrites it in the database, but the log written ahead keeps a copy until it is next carried
        over. PostgreSQL keeps deleted rows until the table is rewritten while nobody sees an older state.

        Args:
            patience_s: how long to wait for others, in seconds; FORGETTING_S where absent. Writers wait meanwhile.
        """
        patience_s = FORGETTING_S if patience_s is None else patience_s
        try:
            with self.alone() as connection:
                return _forget_in_sqlite(connection, patience_s) if self.is_sqlite else _rewrite(connection, patience_s)
        except SQLAlchemyError:
            return False

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection for statements that cannot be part of a transaction."""
        with self.engine.connect() as connection:
            without: dict[str, str] = {_BEGIN: ""} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
            yield connection.execution_options(**without)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _explained(self, said: str) -> tuple[str, str]:
        known = _SQLITE_ERRORS if self.is_sqlite else _POSTGRESQL_ERRORS
        for pattern, message, hint in known:
            if re.search(pattern, said, re.IGNORECASE):
                return message, hint
        return f"the database says: {printable(said)[:300]}", "See that it is whole, running and yours to use"


_READ_ONLY = (
    "the file or its folder cannot be written to",
    "Change who may write there, or take a copy to another folder",
)
_NO_DATABASE = "the file is not a SQLite database"
_MALFORMED = "the database file is damaged"
_BROKEN = (_MALFORMED, "Take a copy of it, and go back to a backup")
_DAMAGE = (_NO_DATABASE, _MALFORMED)
#: How a file of SQLite begins, and what stands in one that this program made.
_BEGINNING = b"SQLite format 3\x00"
_MARK = b"entries_follow_the_head"
_SQLITE_ERRORS = (
    ("disk is full", "the disk is full", "Make room and record again"),
    ("disk I/O error", "the disk cannot be written to or read", "See whether it is full or broken, then try again"),
    ("is locked|is busy", "another program keeps it locked", "End that program, or try again later"),
    ("not a database", _NO_DATABASE, "Name another file; a new one is made where there is none"),
    ("malformed", *_BROKEN),
    ("readonly|read-only", *_READ_ONLY),
    (
        "unable to open",
        "the file cannot be opened",
        "See that its folder is there and that you may write to both",
    ),
    ("only ever added", "the database refuses to change what is recorded", "Run 'breakeven audit verify'"),
)
_POSTGRESQL_ERRORS = (
    (
        "password authentication failed|no password supplied",
        "user name or password is wrong",
        "Write postgresql://user:password@host/database",
    ),
    ('database "[^"]*" does not exist', "there is no such database", "Make it first: createdb NAME"),
    ('role "[^"]*" does not exist', "there is no such user", "Write postgresql://user:password@host/database"),
    ("no space left|disk full|could not extend", "the database server's disk is full", "Make room and record again"),
    ("permission denied", "the user may not do this in the database", "Grant the user what it needs: its own schema"),
    (
        "connection refused|could not translate|name or service|timeout expired|no such file",
        "the database server cannot be reached",
        "See that it runs, and that host and port are right",
    ),
    (
        "connection .*(lost|closed|terminated)|terminating connection|server closed|shutting down|starting up",
        "the connection to the database server was lost",
        "See that it runs; then look with 'breakeven audit list' before you record again",
    ),
    ("lock timeout|deadlock", "another program keeps it locked", "End that program, or try again later"),
    ("only ever added", "the database refuses to change what is recorded", "Run 'breakeven audit verify'"),
)


def _forget_in_sqlite(connection: Connection, patience_s: float) -> bool:
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience_s * 1000:.0f}")
    try:
        busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE_S * 1000:.0f}")
    return busy == 0


def _rewrite(connection: Connection, patience_s: float) -> bool:
    """Rewrite the table of keys of PostgreSQL; True where no deleted row had to be kept.

    The server says so only in a message. To whoever may not rewrite the table it says something else, without
    an error.
    """
    kept: list[str] = []

    def listen(message: Any) -> None:
        if counted := re.match(r"\d+", message.message_detail or ""):
            kept.append(counted.group())

    driver: Any = connection.connection.driver_connection
    driver.add_notice_handler(listen)
    try:
        # A patience of 0 would be endless.
        connection.exec_driver_sql(f"SET lock_timeout = {max(1, patience_s * 1000):.0f}")
        connection.exec_driver_sql("VACUUM (FULL, VERBOSE) entry_keys")
    finally:
        driver.remove_notice_handler(listen)
        connection.exec_driver_sql("SET lock_timeout = DEFAULT")
    return bool(kept) and all(int(count) == 0 for count in kept)


def open_database(location: Location, *, create: bool) -> Database:
    """The database at a location, its tables made or brought up to date where that is due.

    Args:
        location: where it is.
        create: it is to be written to, and made where there is none; a file that may only be read is refused then.

    Raises:
        BadInput: it is not there, cannot be opened, is of a newer version or somebody else's.
    """
    if location.file is not None:
        _prepare_file(location, location.file, create=create)
    database = Database(_engine(location), location)
    if create and location.file is not None and _is_fixed(location.file):
        database.refuse(*_READ_ONLY)
    try:
        _bring_up_to_date(database, create=create)
        if location.file is not None and _has_log(location.file):
            # Others may have kept the log when a key was erased, or the erasing program was ended.
            database.forget(0)
    except BaseException:
        database.close()
        raise
    return database


def _had_records(file: Path) -> bool:
    """True of a file that is one of SQLite by its beginning, or has what this program wrote into it."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(_BEGINNING)) == _BEGINNING or _has_mark(file)
    except OSError:
        return False


def _has_mark(file: Path) -> bool:
    """True of a file that has what this program writes into a new one, however large it is."""
    with file.open("rb") as opened:
        if not os.fstat(opened.fileno()).st_size:
            return False
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(_MARK) >= 0


def _has_log(file: Path) -> bool:
    """True where SQLite's log written ahead holds something."""
    try:
        return file.with_name(f"{file.name}-wal").stat().st_size > 0
    except OSError:
        return False


def _prepare_file(location: Location, file: Path, *, create: bool) -> None:
    place = Place(location.shown)
    if (unseen := why_unseen(file)) is not None:
        message, hint = unseen
        raise BadInput([Problem(place, message, hint=hint)])
    if file.is_dir():
        raise BadInput([Problem(place, "a folder, where the file of the records is expected", hint="Add a file name")])
    if file.exists():
        return
    if not create:
        hint = "Record with 'breakeven recommend CASE --record', or name the store with --store"
        raise BadInput([Problem(place, "there are no records here", hint=hint)])
    try:
        if location.own:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What people are asked about is recorded here: nobody else is to read it.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        if not file.parent.is_dir():
            message, hint = f"there is no folder {printable(str(file.parent))}", "Create it first"
        else:
            message = f"the file cannot be made: {(error.strerror or str(error)).lower()}"
            hint = "Choose another folder, or change who may write there"
        raise BadInput([Problem(place, message, hint=hint)]) from None


def _engine(location: Location) -> Engine:
    if location.file is None:
        # A server that runs for long outlives the connections to its database.
        engine = create_engine(
            location.url,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            # Whatever the database's or the user's own is: with SQL_ASCII the driver would not even give text.
            connect_args={"client_encoding": "utf8"},
        )
    else:
        engine = create_engine(location.url, **_ways(location.file))
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _ways(file: Path) -> dict[str, Any]:
    """How a file of SQLite is opened."""
    if not _is_fixed(file):
        return {"connect_args": {"timeout": PATIENCE_S}}
    # Otherwise even a reader makes a file for the log written ahead.
    uri = f"file:{quote(os.fsencode(file.absolute()))}?mode=ro&immutable=1"
    return {"creator": lambda: sqlite3.connect(uri, uri=True, check_same_thread=False)}


def _is_fixed(file: Path) -> bool:
    """True of a file that may only be read, and of which nobody has written anything elsewhere."""
    if not os.access(file, os.R_OK) or _has_log(file):
        return False
    return not (os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK))


def _set_up_sqlite(connection: Any, _: object) -> None:
    # Transactions begin where this module says so, not where the driver thinks.
    connection.isolation_level = None
    # Text that was tampered with need not be UTF-8; it is still to be read, to be found wrong.
    connection.text_factory = _decoded
    # What is erased is overwritten, and a commit is on the disk before it is acknowledged.
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _begin_sqlite(connection: Connection) -> None:
    if begin := connection.get_execution_options().get(_BEGIN, "BEGIN"):
        connection.exec_driver_sql(begin)


# Versions of the tables


def _bring_up_to_date(database: Database, *, create: bool) -> None:
    with database.reading() as connection:
        version = _version(connection, database)
        if version == VERSIONS[-1]:
            return
        if version is None:
            _refuse_lost_version(connection, database)
            if not create:
                database.refuse("there are no records here", "Record with 'breakeven recommend CASE --record'")
            _require_room(connection, database)
    if database.is_sqlite:
        _write_ahead(database)
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CREATION_LOCK})
        # Another process may have come first.
        version = _version(connection, database)
        if version is None:
            _require_room(connection, database)
        if version != VERSIONS[-1]:
            _migrate(connection)


def _write_ahead(database: Database) -> None:
    """Let readers and one writer of SQLite not wait for each other, for good.

    SQLite does not wait by itself where several processes open a new database at once.
    """
    patience = time.monotonic() + PATIENCE_S
    with database.translated(_NOTHING), database.alone() as connection:
        while True:
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            except OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > patience:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return


def _version(connection: Connection, database: Database) -> str | None:
    """The version of the tables; None where there are none.

    Raises:
        BadInput: this program does not know that version; DamagedRecords where the table is not as it was written.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT * FROM {VERSION_TABLE}"))  # noqa: S608 - our own name
    is_ours, rows = [*found.keys()] == ["version_num"], found.all()
    version = rows[0][0] if is_ours and len(rows) == 1 else None
    if isinstance(version, str) and _is_newer(version):
        message = f"the records are of version {version}, and this program knows {VERSIONS[-1]} at most"
        database.refuse(message, "Install the newer version of Breakeven that wrote them")
    if version not in VERSIONS:
        database.refuse(f"{_VERSION_SAYS} not as it was written", _BROKEN[1], damaged=True)
    return str(version)


_VERSION_SAYS = f"the table {VERSION_TABLE}, which says how the others are to be read, is"


def _is_newer(version: str) -> bool:
    return len(version) == len(VERSIONS[-1]) and version.isascii() and version.isdigit() and version > VERSIONS[-1]


def _refuse_lost_version(connection: Connection, database: Database) -> None:
    """Refuse records of which all is there but what says how to read them."""
    if METADATA.tables.keys() <= set(inspect(connection).get_table_names()):
        database.refuse(f"{_VERSION_SAYS} missing", _BROKEN[1], damaged=True)


def _require_room(connection: Connection, database: Database) -> None:
    """Refuse a database of somebody else: any other in SQLite, one with tables of the same names in PostgreSQL."""
    found = set(inspect(connection).get_table_names())
    foreign = found if database.is_sqlite else found & METADATA.tables.keys()
    if foreign and database.location.file is not None and _has_mark(database.location.file):
        # They are records of which not all tables are left.
        database.refuse(*_BROKEN)
    if foreign:
        hint = "Name another file" if database.is_sqlite else "Name another database or schema"
        named = printable(", ".join(sorted(foreign)[:3]))
        database.refuse(f"the database has tables that are not Breakeven's, such as {named}", hint)
    if not database.is_sqlite and (encoding := connection.execute(text("SHOW server_encoding")).scalar()) != "UTF8":
        database.refuse(f"the database's encoding is {encoding}", "Make it with encoding UTF8: createdb -E UTF8 NAME")


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    scripts = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", scripts.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
