"""Private links to calendars, for people's own calendar programs.

Revision 0006, after 0005.
"""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE calendar_links (
            id UUID NOT NULL,
            person_id UUID NOT NULL,
            party_id UUID,
            machine_id UUID,
            name TEXT NOT NULL,
            token_hash BYTEA NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT calendar_links_pkey PRIMARY KEY (id),
            CONSTRAINT calendar_links_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE,
            CONSTRAINT calendar_links_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id),
            CONSTRAINT calendar_links_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
            CONSTRAINT calendar_links_token_hash_key UNIQUE (token_hash),
            CONSTRAINT calendar_links_subject_check CHECK (machine_id IS NULL OR party_id IS NOT NULL)
        )
        """
    )
    op.execute("CREATE INDEX calendar_links_person_id_id_idx ON calendar_links (person_id, id)")
    op.execute("CREATE INDEX calendar_links_party_id_id_idx ON calendar_links (party_id, id)")


def downgrade() -> None:
    op.drop_table("calendar_links")
