"""On which day anybody of a party last looked at its calendar.

Revision 0022.
"""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE calendar_looks (
            party_id UUID NOT NULL,
            seen_on DATE NOT NULL,
            CONSTRAINT calendar_looks_pkey PRIMARY KEY (party_id)
        )
        """
    )


def downgrade() -> None:
    op.drop_table("calendar_looks")
