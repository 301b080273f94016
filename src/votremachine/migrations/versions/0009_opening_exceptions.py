"""Dates on which a machine has hand-over hours of its own, or none; and what an owner's calendar shows of the past."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE machines ADD COLUMN exceptions JSONB DEFAULT '[]' NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE machines DROP COLUMN exceptions")
