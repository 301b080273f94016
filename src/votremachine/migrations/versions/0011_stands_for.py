"""Machines that stand in for others in bookings.

Revision 0011, after 0010.
"""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("ALTER TABLE bookings ADD COLUMN stands_for JSONB DEFAULT '{}' NOT NULL")
    op.execute(
        "COMMENT ON COLUMN bookings.stands_for IS 'the machine that was agreed on, by the id of the one in its place'"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE bookings DROP COLUMN stands_for")
