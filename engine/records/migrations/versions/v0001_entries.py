"""The chain of entries, its head, the keys, the knowledge bases, and the triggers that keep them."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

from engine.records.tables import POSTGRESQL_FUNCTIONS, POSTGRESQL_TRIGGERS, SQLITE_TRIGGERS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_HASH = sa.String(64)
_ID = sa.String(36)


def upgrade() -> None:
    """Make the tables, the one row of two of them, and then the triggers."""
    store = op.create_table("store", sa.Column("id", _ID, primary_key=True), sqlite_with_rowid=False)
    head = op.create_table(
        "head",
        sa.Column("only", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sequence", _SEQUENCE, nullable=False),
        sa.Column("hash", _HASH, nullable=False),
    )
    op.create_table(
        "knowledge_bases",
        sa.Column("sha256", _HASH, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", _HASH, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entries",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("id", _ID, nullable=False, unique=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("time", sa.String(27), nullable=False),
        sa.Column("approach", sa.Text()),
        sa.Column("knowledge_base", _HASH, sa.ForeignKey("knowledge_bases.sha256")),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", _HASH, nullable=False, unique=True),
    )
    for column in ("time", "approach", "knowledge_base"):
        op.create_index(f"ix_entries_{column}", "entries", [column])
    op.create_table(
        "entry_keys",
        sa.Column("sequence", _SEQUENCE, sa.ForeignKey("entries.sequence"), primary_key=True, autoincrement=False),
        sa.Column("id", _ID, nullable=False, unique=True),
        sa.Column("key", sa.LargeBinary(), nullable=False),
    )
    op.bulk_insert(store, [{"id": str(uuid.uuid4())}])
    op.bulk_insert(head, [{"only": 1, "sequence": 0, "hash": "0" * 64}])
    _protect(op.get_bind().dialect.name)


def _protect(dialect: str) -> None:
    if dialect == "sqlite":
        statements = list(SQLITE_TRIGGERS.values())
    else:
        statements = [
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
            for name, body in POSTGRESQL_FUNCTIONS.items()
        ]
        statements += POSTGRESQL_TRIGGERS.values()
    for statement in statements:
        op.execute(statement)
