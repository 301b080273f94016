"""The waiting list; and messages that say more than what kind they are.

Revision 0012, after 0011.
"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE waiting_entries (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            owner_party_id UUID NOT NULL,
            renter_party_id UUID NOT NULL,
            person_id UUID NOT NULL,
            starts TIMESTAMP WITH TIME ZONE NOT NULL,
            ends TIMESTAMP WITH TIME ZONE NOT NULL,
            note TEXT NOT NULL,
            state TEXT NOT NULL,
            booking_id UUID,
            why TEXT NOT NULL DEFAULT '',
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT waiting_entries_pkey PRIMARY KEY (id),
            CONSTRAINT waiting_entries_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
            CONSTRAINT waiting_entries_owner_party_id_fkey FOREIGN KEY(owner_party_id) REFERENCES parties (id),
            CONSTRAINT waiting_entries_renter_party_id_fkey FOREIGN KEY(renter_party_id) REFERENCES parties (id),
            CONSTRAINT waiting_entries_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id),
            CONSTRAINT waiting_entries_state_check CHECK (
                state IN ('waiting', 'offered', 'taken', 'passed', 'withdrawn', 'lapsed')),
            CONSTRAINT waiting_entries_span_check CHECK (starts < ends),
            CONSTRAINT waiting_entries_booking_id_check CHECK (
                (state IN ('offered', 'taken', 'passed')) = (booking_id IS NOT NULL)),
            CONSTRAINT waiting_entries_sides_check CHECK (owner_party_id <> renter_party_id)
        )
        """
    )
    for index in (
        "INDEX waiting_entries_line_idx ON waiting_entries (machine_id, id) WHERE state IN ('waiting', 'offered')",
        "INDEX waiting_entries_offered_idx ON waiting_entries (booking_id) WHERE state = 'offered'",
        "UNIQUE INDEX waiting_entries_open_idx ON waiting_entries (renter_party_id, machine_id, starts, ends) "
        "WHERE state IN ('waiting', 'offered')",
        "INDEX waiting_entries_renter_party_id_id_idx ON waiting_entries (renter_party_id, id)",
        "INDEX waiting_entries_person_id_idx ON waiting_entries (person_id)",
    ):
        op.execute(f"CREATE {index}")
    op.execute("ALTER TABLE messages ADD COLUMN facts JSONB NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    # A message of these kinds has no words before this revision.
    op.execute("DELETE FROM messages WHERE kind IN ('WaitingOffered', 'WaitingLapsed')")
    op.execute("ALTER TABLE messages DROP COLUMN facts")
    op.drop_table("waiting_entries")
