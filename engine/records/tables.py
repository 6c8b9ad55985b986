"""The tables of the records, as queries see them, and the triggers that keep them from being changed.

The migrations make the tables; a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()
#: The table with the version of the others; a name of its own, since other programs use alembic too.
VERSION_TABLE = "records_version"
#: The versions of the tables that this program knows, oldest first.
VERSIONS = ("0001",)

#: SQLite gives a number of its own only to a column that is called INTEGER.
_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")
_HASH = String(64)
_ID = String(36)

#: One row: what this store is called.
STORE = Table("store", METADATA, Column("id", _ID, primary_key=True), sqlite_with_rowid=False)

#: One row: the number and the hash of the newest entry.
HEAD = Table(
    "head",
    METADATA,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("sequence", _SEQUENCE, nullable=False),
    Column("hash", _HASH, nullable=False),
)

KNOWLEDGE_BASES = Table(
    "knowledge_bases",
    METADATA,
    Column("sha256", _HASH, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("content_hash", _HASH, nullable=False),
    sqlite_with_rowid=False,
)

ENTRIES = Table(
    "entries",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
    Column("id", _ID, nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("time", String(27), nullable=False, index=True),
    Column("approach", Text, index=True),
    Column("knowledge_base", _HASH, ForeignKey("knowledge_bases.sha256"), index=True),
    Column("body", Text, nullable=False),
    Column("hash", _HASH, nullable=False, unique=True),
)

#: The only table whose rows may go: without its key, what an entry sealed is lost for good.
ENTRY_KEYS = Table(
    "entry_keys",
    METADATA,
    Column("sequence", _SEQUENCE, ForeignKey("entries.sequence"), primary_key=True, autoincrement=False),
    Column("id", _ID, nullable=False, unique=True),
    Column("key", LargeBinary, nullable=False),
)

_ADDED_ONLY = "records are only ever added"
_NEXT = "SELECT sequence + 1 FROM head"
_SAME_ENTRY = "SELECT 1 FROM entries WHERE sequence = NEW.sequence OR id = NEW.id OR hash = NEW.hash"
_OR_NO_SUCH_ENTRY = "OR NOT EXISTS (SELECT 1 FROM entries WHERE sequence = NEW.sequence AND hash = NEW.hash)"

#: For each trigger of SQLite what it does, as its migration creates it.
SQLITE_TRIGGERS = {
    name: f"CREATE TRIGGER {name} BEFORE {event} BEGIN SELECT RAISE(ABORT, '{_ADDED_ONLY}: {message}'); END"
    for name, event, message in (
        ("entries_stay_as_they_are", "UPDATE ON entries", "an entry cannot be changed"),
        ("entries_stay", "DELETE ON entries", "an entry cannot be removed"),
        (
            # INSERT OR REPLACE would remove an entry without asking the trigger above.
            "entries_follow_the_head",
            f"INSERT ON entries WHEN NEW.sequence IS NOT ({_NEXT}) OR EXISTS ({_SAME_ENTRY})",
            "an entry follows the newest one",
        ),
        ("knowledge_stays_as_it_is", "UPDATE ON knowledge_bases", "a knowledge base cannot be changed"),
        ("knowledge_stays", "DELETE ON knowledge_bases", "a knowledge base cannot be removed"),
        (
            "knowledge_is_kept_once",
            "INSERT ON knowledge_bases WHEN EXISTS (SELECT 1 FROM knowledge_bases WHERE sha256 = NEW.sha256)",
            "a knowledge base cannot be replaced",
        ),
        ("keys_stay_as_they_are", "UPDATE ON entry_keys", "a key cannot be changed"),
        (
            "keys_are_kept_once",
            "INSERT ON entry_keys WHEN EXISTS (SELECT 1 FROM entry_keys WHERE sequence = NEW.sequence OR id = NEW.id)",
            "a key cannot be replaced",
        ),
        (
            "head_moves_to_the_next_entry",
            f"UPDATE ON head WHEN NEW.only IS NOT OLD.only OR NEW.sequence IS NOT OLD.sequence + 1 {_OR_NO_SUCH_ENTRY}",
            "the head moves to the next entry",
        ),
        ("head_stays", "DELETE ON head", "the head cannot be removed"),
        ("head_is_one", "INSERT ON head", "there is one head"),
        ("store_keeps_its_name", "UPDATE ON store", "a store keeps its name"),
        ("store_stays", "DELETE ON store", "a store keeps its name"),
        ("store_is_one", "INSERT ON store", "a store has one name"),
    )
}

_REFUSING = {
    "entries": "UPDATE OR DELETE OR TRUNCATE",
    "knowledge_bases": "UPDATE OR DELETE OR TRUNCATE",
    "entry_keys": "UPDATE OR TRUNCATE",
    "head": "INSERT OR DELETE OR TRUNCATE",
    "store": "INSERT OR UPDATE OR DELETE OR TRUNCATE",
}

#: For each function that a trigger of PostgreSQL calls its body, as its migration creates it.
POSTGRESQL_FUNCTIONS = {
    "records_refuse": f"BEGIN RAISE EXCEPTION '{_ADDED_ONLY}: % of % is refused', TG_OP, TG_TABLE_NAME; END",
    "records_entry_follows_the_head": (
        f"BEGIN IF NEW.sequence IS DISTINCT FROM ({_NEXT}) THEN"
        f" RAISE EXCEPTION '{_ADDED_ONLY}: an entry follows the newest one'; END IF; RETURN NEW; END"
    ),
    "records_head_moves": (
        "BEGIN IF NEW.only IS DISTINCT FROM OLD.only OR NEW.sequence IS DISTINCT FROM OLD.sequence + 1"
        f" {_OR_NO_SUCH_ENTRY} THEN"
        f" RAISE EXCEPTION '{_ADDED_ONLY}: the head moves to the next entry'; END IF; RETURN NEW; END"
    ),
}

#: For each trigger of PostgreSQL what it does, as its migration creates it.
POSTGRESQL_TRIGGERS = {
    **{
        f"{table}_refuse": f"CREATE TRIGGER {table}_refuse BEFORE {events} ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION records_refuse()"
        for table, events in _REFUSING.items()
    },
    "entries_follow_the_head": "CREATE TRIGGER entries_follow_the_head BEFORE INSERT ON entries"
    " FOR EACH ROW EXECUTE FUNCTION records_entry_follows_the_head()",
    "head_moves_to_the_next_entry": "CREATE TRIGGER head_moves_to_the_next_entry BEFORE UPDATE ON head"
    " FOR EACH ROW EXECUTE FUNCTION records_head_moves()",
}
