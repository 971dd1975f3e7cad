"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inspector.store.schema import StoredText

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "archive",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", StoredText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive")),
    )
    op.create_table(
        "follow_up",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("file", StoredText(), nullable=False),
        sa.Column("digest", StoredText(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", StoredText(), nullable=False),
        sa.Column("system", StoredText(), nullable=False),
        sa.Column("author", StoredText(), nullable=False),
        sa.Column("due", StoredText(), nullable=True),
        sa.Column("responsible", StoredText(), nullable=True),
        sa.Column("email", StoredText(), nullable=True),
        sa.Column("document", StoredText(), nullable=True),
        sa.Column("note", StoredText(), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_follow_up")),
    )
    op.create_table(
        "not_counted",
        sa.Column("folder", StoredText(), nullable=False),
        sa.Column("cause", StoredText(), nullable=False),
        sa.Column("detail", StoredText(), nullable=False),
        sa.PrimaryKeyConstraint("folder", name=op.f("pk_not_counted")),
    )
    op.create_table(
        "system",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", StoredText(), nullable=False),
        sa.Column("organisation", StoredText(), nullable=False),
        sa.Column("name", StoredText(), nullable=False),
        sa.Column("owner", StoredText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
        sa.UniqueConstraint("key", name=op.f("uq_system_key")),
    )
    op.create_table(
        "finding",
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("id", StoredText(), nullable=False),
        sa.Column("requirement", StoredText(), nullable=False),
        sa.Column("check", StoredText(), nullable=False),
        sa.Column("subject", StoredText(), nullable=False),
        sa.Column("endpoint", StoredText(), nullable=True),
        sa.Column("severity", StoredText(), nullable=False),
        sa.Column("obligation", StoredText(), nullable=False),
        sa.Column("force", StoredText(), nullable=False),
        sa.Column("not_yet_due", sa.Boolean(), nullable=False),
        sa.Column("excused", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("state", StoredText(), nullable=False),
        sa.Column("reason", StoredText(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capture", StoredText(), nullable=False),
        sa.Column("rules", StoredText(), nullable=False),
        sa.Column("failing", sa.JSON(), nullable=False),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.Column("rests_on", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_finding_system_id")),
        sa.PrimaryKeyConstraint("system_id", "id", name=op.f("pk_finding")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index("ix_finding_state", ["state", "system_id"], unique=False)

    op.create_table(
        "inspection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("organisation", StoredText(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("is_newest", sa.Boolean(), nullable=False),
        sa.Column("run", StoredText(), nullable=False),
        sa.Column("inspection", StoredText(), nullable=False),
        sa.Column("folder", StoredText(), nullable=False),
        sa.Column("capture", StoredText(), nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assessment", StoredText(), nullable=False),
        sa.Column("assessment_digest", StoredText(), nullable=False),
        sa.Column("assessments", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("regime", StoredText(), nullable=False),
        sa.Column("regime_version", StoredText(), nullable=False),
        sa.Column("rules", StoredText(), nullable=False),
        sa.Column("is_partial", sa.Boolean(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("failed_must", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.Column("inconclusive", sa.Integer(), nullable=False),
        sa.Column("not_observable", sa.Integer(), nullable=False),
        sa.Column("error", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("still", sa.Integer(), nullable=False),
        sa.Column("returned", sa.Integer(), nullable=False),
        sa.Column("fixed", sa.Integer(), nullable=False),
        sa.Column("by_the_rules", sa.Integer(), nullable=False),
        sa.Column("not_seen_again", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("open_must", sa.Integer(), nullable=False),
        sa.Column("open_severe", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_inspection_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
        sa.UniqueConstraint("capture", name=op.f("uq_inspection_capture")),
        sa.UniqueConstraint("folder", name=op.f("uq_inspection_folder")),
    )
    with op.batch_alter_table("inspection", schema=None) as batch_op:
        batch_op.create_index("ix_inspection_history", ["system_id", "begun"], unique=False)
        batch_op.create_index("ix_inspection_list", ["is_newest", "open_must", "open", "system_id"], unique=False)
        batch_op.create_index(
            "ix_inspection_sums",
            ["is_newest", "level", "organisation", "open_must", "open", "open_severe"],
            unique=False,
        )

    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("inspection_id", sa.Integer(), nullable=False),
        sa.Column("finding", StoredText(), nullable=False),
        sa.Column("state", StoredText(), nullable=False),
        sa.Column("reason", StoredText(), nullable=True),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name=op.f("fk_event_inspection_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_event_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_system", ["system_id", "inspection_id"], unique=False)


def downgrade() -> None:
    """Undo the change."""
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_system")

    op.drop_table("event")
    with op.batch_alter_table("inspection", schema=None) as batch_op:
        batch_op.drop_index("ix_inspection_sums")
        batch_op.drop_index("ix_inspection_list")
        batch_op.drop_index("ix_inspection_history")

    op.drop_table("inspection")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index("ix_finding_state")

    op.drop_table("finding")
    op.drop_table("system")
    op.drop_table("not_counted")
    op.drop_table("archive")
