"""Whether the database still refuses what its tables and triggers are there to refuse, alone and in their own name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection
from sqlalchemy import text as sql

from engine.records.tables import METADATA, POSTGRESQL_FUNCTIONS, POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS, VERSION_TABLE
from engine.source import shorten

_TRIGGERS_OF_SQLITE = "SELECT lower(tbl_name), name, sql FROM sqlite_master WHERE type = 'trigger'"
_VIEWS_OF_SQLITE = "SELECT lower(name), 'view' FROM sqlite_master WHERE type = 'view'"
_COLUMNS_OF_SQLITE = (
    'SELECT lower(one.name), found.name, found."notnull", found.pk'
    " FROM sqlite_master AS one, pragma_table_info(one.name) AS found WHERE one.type = 'table'"
)
_UNIQUE_IN_SQLITE = (
    "SELECT lower(one.name), min(part.name)"
    " FROM sqlite_master AS one, pragma_index_list(one.name) AS found, pragma_index_info(found.name) AS part"
    " WHERE one.type = 'table' AND found.\"unique\" AND NOT found.partial GROUP BY found.name HAVING count(*) = 1"
)
_TRIGGERS_OF_POSTGRESQL = (
    "SELECT relname, tgname, pg_get_triggerdef(pg_trigger.oid, true), tgenabled::text, pronamespace = relnamespace"
    " FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid"
    " WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace"
)
_RULES_OF_POSTGRESQL = (
    "SELECT relname, rulename FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class"
    " WHERE rulename <> '_RETURN' AND relnamespace = current_schema()::regnamespace"
)
_VIEWS_OF_POSTGRESQL = (
    "SELECT relname, CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'"
    " WHEN 'f' THEN 'foreign table' ELSE 'partitioned table' END"
    " FROM pg_class WHERE relkind IN ('v', 'm', 'f', 'p') AND relnamespace = current_schema()::regnamespace"
)
#: Of each function whether it is of the kind that the migration creates.
_FUNCTIONS_OF_POSTGRESQL = (
    "SELECT proname, pg_get_function_identity_arguments(pg_proc.oid), prosrc,"
    " lanname = 'plpgsql' AND prorettype = 'trigger'::regtype AND proconfig IS NULL AND NOT prosecdef"
    " FROM pg_proc JOIN pg_language ON pg_language.oid = prolang"
    " WHERE pronamespace = current_schema()::regnamespace ORDER BY pg_proc.oid"
)
#: Tables that have rows in common, each pair in both orders.
_HEIRS_IN_POSTGRESQL = (
    "SELECT one.relname, other.relname FROM pg_inherits JOIN pg_class AS one ON one.oid IN (inhparent, inhrelid)"
    " JOIN pg_class AS other ON other.oid IN (inhparent, inhrelid) AND other.oid <> one.oid"
    " WHERE one.relnamespace = current_schema()::regnamespace ORDER BY one.relname, other.relname"
)
_REQUIRED_IN_POSTGRESQL = (
    "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " WHERE attnotnull AND NOT attisdropped AND relnamespace = current_schema()::regnamespace"
)
_UNIQUE_IN_POSTGRESQL = (
    "SELECT relname, attname FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
    " JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
    " WHERE indisunique AND indisvalid AND indpred IS NULL AND indnkeyatts = 1"
    " AND relnamespace = current_schema()::regnamespace"
)

_OUR_TABLES = METADATA.tables.keys() | {VERSION_TABLE}
_Column = tuple[str, str]
#: The columns, each after its table, that have a value in every row, and those whose values differ in each.
_REQUIRED = [(table.name, one.name) for table in METADATA.sorted_tables for one in table.c if not one.nullable]
_UNIQUE = [
    (table.name, one.name) for table in METADATA.sorted_tables for one in table.c if one.primary_key or one.unique
]


def weaknesses(connection: Connection) -> Iterator[str]:
    """Why the database does not refuse every change any more, or not alone: messages without their final period."""
    yield from _in_sqlite(connection) if connection.dialect.name == "sqlite" else _in_postgresql(connection)


def _in_sqlite(connection: Connection) -> Iterator[str]:
    rows = connection.execute(sql(_TRIGGERS_OF_SQLITE)).all()
    defined = {name: definition for _, name, definition in rows}
    for name, definition in SQLITE_TRIGGERS.items():
        yield from _of_trigger(name, there=name in defined, same=defined.get(name) == definition)
    yield from _foreign("trigger", ((table, name) for table, name, _ in rows if name not in SQLITE_TRIGGERS))
    yield from _of_views(_pairs(connection, _VIEWS_OF_SQLITE))
    columns = connection.execute(sql(_COLUMNS_OF_SQLITE)).all()
    required = {(table, name) for table, name, is_required, _ in columns if is_required}
    keys = [(table, name) for table, name, _, place in columns if place]
    # A key of several columns is no key of each.
    alone = {(table, name) for table, name in keys if sum(other == table for other, _ in keys) == 1}
    yield from _of_columns(required, alone.union(_pairs(connection, _UNIQUE_IN_SQLITE)))


def _in_postgresql(connection: Connection) -> Iterator[str]:
    found = {(row[0], row[1]): row[2:] for row in connection.execute(sql(_TRIGGERS_OF_POSTGRESQL))}
    expected = {(_table_of(definition), name): definition for name, definition in POSTGRESQL_TRIGGERS.items()}
    for key, definition in expected.items():
        there, enabled, is_ours = found.get(key, ("", "", False))
        # O and A: it fires in an ordinary session. The server names events in an order of its own.
        same = is_ours and enabled in {"O", "A"} and sorted(there.split()) == sorted(definition.split())
        yield from _of_trigger(key[1], there=key in found, same=same)
    yield from _foreign("trigger", (key for key in found if key not in expected))
    yield from _foreign("rule", _pairs(connection, _RULES_OF_POSTGRESQL))
    yield from _of_views(_pairs(connection, _VIEWS_OF_POSTGRESQL))
    yield from _of_functions(connection)
    for table, other in _pairs(connection, _HEIRS_IN_POSTGRESQL):
        # The triggers of a table do not hold for what is done by way of another.
        if table in _OUR_TABLES:
            yield f"the table {table} has rows in common with another table: {_shown(other)}"
    required, unique = _pairs(connection, _REQUIRED_IN_POSTGRESQL), _pairs(connection, _UNIQUE_IN_POSTGRESQL)
    yield from _of_columns(set(required), set(unique))


def _of_functions(connection: Connection) -> Iterator[str]:
    rows = connection.execute(sql(_FUNCTIONS_OF_POSTGRESQL)).all()
    # A trigger calls the one without arguments, whatever others there are of its name.
    called = {name: (body, is_ours) for name, arguments, body, is_ours in rows if not arguments}
    for name, body in POSTGRESQL_FUNCTIONS.items():
        yield from _of_trigger(name, there=name in called, same=called.get(name) == (body, True))
    for name, arguments, *_ in rows:
        if arguments and name in POSTGRESQL_FUNCTIONS:
            yield f"the database has another function of the name {name}: {_shown(f'{name}({arguments})')}"


def _of_trigger(name: str, *, there: bool, same: bool) -> Iterator[str]:
    if not same:
        wrong = "was changed or turned off" if there else "is missing"
        yield f"the database no longer refuses every change: its trigger {name} {wrong}"


def _foreign(sort: str, found: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Of triggers or rules, each with its table, those that this program did not make."""
    for table, name in sorted(found):
        if table in _OUR_TABLES:
            yield f"the database has a {sort} that is not of the records, on the table {table}: {_shown(name)}"


def _of_views(found: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, sort in found:
        if name in _OUR_TABLES:
            yield f"where the table {name} was, the database has a {sort}"


def _of_columns(required: set[_Column], unique: set[_Column]) -> Iterator[str]:
    for table, column in _UNIQUE:
        if (table, column) not in unique:
            yield f"the table {table} no longer refuses a second row with the same {column}"
    for table, column in _REQUIRED:
        if (table, column) not in required:
            yield f"the table {table} no longer refuses a row without {column}"


def _table_of(trigger: str) -> str:
    """The table of a trigger, by the statement that creates it."""
    return trigger.partition(" ON ")[2].split()[0]


def _pairs(connection: Connection, query: str) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in connection.execute(sql(query))]


def _shown(value: str) -> str:
    return f"'{shorten(value)}'"
