"""What a message is about besides a booking.

Revision 0026.
"""

from alembic import op

revision = "0026"
down_revision = "0024"


def upgrade() -> None:
    op.execute("ALTER TABLE messages ADD COLUMN subject UUID")
    op.execute("COMMENT ON COLUMN messages.subject IS 'what else it is about, as its reminder had it'")


def downgrade() -> None:
    op.execute("ALTER TABLE messages DROP COLUMN subject")
