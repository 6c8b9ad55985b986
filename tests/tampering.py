"""Stores to test with, and hands that change what is recorded behind the program's back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from engine.knowledge import digest
from engine.records.store import Draft, KnowledgeContent, Store, open_store


def base(name: str, version: str, files: Mapping[str, str]) -> KnowledgeContent:
    """A knowledge base with these files."""
    return KnowledgeContent(digest(files), name, version, files)


BASE = base("household", "1.2", {"facts.yaml": "facts: {}\n", "costs.yaml": "# none\n"})
OTHER_BASE = base("office", "7", {"facts.yaml": "facts: {desks: 3}\n"})


def decision(approach: str = "lora", *, base: KnowledgeContent = BASE, who: str = "Ada Lovelace") -> Draft:
    """A decision to record."""
    public = {"approach": approach, "knowledge_base": {"sha256": base.sha256, "name": base.name}, "strength": 0.75}
    return Draft("decision", public, {"who": who, "case": {"requests": 50_000, "price": 1e-7}}, base)


def outcome(of: str) -> Draft:
    """What really happened, to record."""
    return Draft("outcome", {"decision": of, "saving": 1_200.5})


def store_in(folder: Path) -> Store:
    """A store in a folder of its own."""
    return open_store(f"sqlite:///{folder / 'records.db'}")


def fill(store: Store) -> list[str]:
    """The ids of ten entries of every kind, two of them erased: the third and the fifth."""
    ids = [store.append(decision()).id for _ in range(3)]
    ids.append(store.append(outcome(ids[0])).id)
    ids += [store.append(decision("prompting", base=OTHER_BASE, who=f"person {n}")).id for n in range(2)]
    ids.append(store.erase(ids[2], "asked to").id)
    ids.append(store.erase(ids[4], "asked to").id)
    ids += [store.append(decision("hybrid")).id for _ in range(2)]
    return ids


@contextmanager
def unprotected(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that no trigger refuses anything; the triggers are put back at the end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # In one piece, and without waiting for the disk.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")


def without_its_keys(connection: sqlite3.Connection, table: str, order: str = "rowid") -> None:
    """Make a table once more, without what keeps its rows apart, and with its rows in another order."""
    connection.execute(f"CREATE TABLE made_again AS SELECT * FROM {table} ORDER BY {order}")  # noqa: S608
    connection.execute(f"DROP TABLE {table}")
    connection.execute(f"ALTER TABLE made_again RENAME TO {table}")
