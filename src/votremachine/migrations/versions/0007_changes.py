"""What open calendars are told of.

Revision 0007, after 0006.
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE changes (
            xid BIGINT DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
            id UUID NOT NULL,
            name TEXT NOT NULL,
            parties UUID[] NOT NULL,
            body JSONB NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT changes_pkey PRIMARY KEY (xid, id)
        )
        """
    )


def downgrade() -> None:
    op.drop_table("changes")
