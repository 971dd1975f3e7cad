"""Alembic's environment: migrations run on the connection that ``inspector.store.database`` gives."""

from __future__ import annotations

from alembic import context

from inspector.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
