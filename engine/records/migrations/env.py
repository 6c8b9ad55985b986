"""What alembic runs: the migrations on the connection that it is handed, in the transaction that is open there."""

from __future__ import annotations

from alembic import context

from engine.records.tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
