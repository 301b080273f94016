"""Machines of which time was given back that a followed calendar may want.

Revision 0021.
"""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE feed_refills (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT feed_refills_pkey PRIMARY KEY (id)
        )
        """
    )
    op.execute("CREATE INDEX feed_refills_machine_id_idx ON feed_refills (machine_id)")


def downgrade() -> None:
    op.drop_table("feed_refills")
