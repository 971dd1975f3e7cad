"""Systems of the inventory beside those that were inspected; what was taken is taken from the archive again."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from alembic import op

from inspector.store.schema import StoredText

revision = "0002"
down_revision = "0001"

_SUMS = [
    "level",
    "organisation",
    "group",
    "is_inspected",
    "is_listed",
    "is_retired",
    "open_must",
    "open",
    "open_severe",
]


def upgrade() -> None:
    """Make the change."""
    # SQLite adds no column without a default to a table, not even to an empty one.
    recreate: Literal["always", "never"] = "always" if op.get_context().dialect.name == "sqlite" else "never"
    for emptied in ("event", "finding", "inspection", "system", "not_counted"):
        op.execute(sa.delete(sa.table(emptied)))
    op.create_table(
        "inventory",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", StoredText(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inventory")),
    )
    with op.batch_alter_table("inspection") as table:
        table.drop_index("ix_inspection_sums")
        table.drop_index("ix_inspection_list")
    with op.batch_alter_table("inspection", recreate=recreate) as table:
        table.drop_column("organisation")
        for name in ("declared", "name", "owner"):
            table.add_column(sa.Column(name, StoredText(), nullable=False))
    with op.batch_alter_table("inspection") as table:
        table.create_index("ix_inspection_declared", ["declared"])
    with op.batch_alter_table("system", recreate=recreate) as table:
        table.add_column(sa.Column("group", StoredText(), nullable=False))
        for name in ("is_inspected", "is_listed", "is_retired"):
            table.add_column(sa.Column(name, sa.Boolean(), nullable=False))
        for name in ("open", "open_must", "open_severe"):
            table.add_column(sa.Column(name, sa.Integer(), nullable=False))
        for name in ("level", "listed_level"):
            table.add_column(sa.Column(name, sa.Integer(), nullable=True))
        table.add_column(sa.Column("unlisted_since", sa.Date(), nullable=True))
    with op.batch_alter_table("system") as table:
        table.create_index("ix_system_sums", _SUMS)
        table.create_index("ix_system_list", ["is_inspected", "open_must", "open", "id"])
