"""Calendars of other programs that take a machine's time.

Revision 0010.
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE calendar_feeds (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            name TEXT NOT NULL,
            url_sealed BYTEA NOT NULL,
            url_shown TEXT NOT NULL,
            created_by UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            state TEXT NOT NULL,
            etag TEXT,
            last_modified TEXT,
            read_at TIMESTAMP WITH TIME ZONE,
            last_success_at TIMESTAMP WITH TIME ZONE,
            last_error TEXT,
            last_error_facts JSONB NOT NULL,
            failures INTEGER NOT NULL,
            events INTEGER NOT NULL,
            ignored JSONB NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            asked_at TIMESTAMP WITH TIME ZONE,
            lease UUID,
            leased_until TIMESTAMP WITH TIME ZONE,
            CONSTRAINT calendar_feeds_pkey PRIMARY KEY (id),
            CONSTRAINT calendar_feeds_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
            CONSTRAINT calendar_feeds_created_by_fkey FOREIGN KEY(created_by) REFERENCES people (id),
            CONSTRAINT calendar_feeds_state_check CHECK (state IN ('new', 'ok', 'failing', 'gone'))
        )
        """
    )
    op.execute("CREATE INDEX calendar_feeds_machine_id_id_idx ON calendar_feeds (machine_id, id)")
    op.execute("CREATE INDEX calendar_feeds_due_at_idx ON calendar_feeds (due_at)")
    op.execute(
        """
        CREATE TABLE feed_events (
            id UUID NOT NULL,
            feed_id UUID NOT NULL,
            during TSTZRANGE NOT NULL,
            CONSTRAINT feed_events_pkey PRIMARY KEY (id),
            CONSTRAINT feed_events_feed_id_fkey FOREIGN KEY(feed_id) REFERENCES calendar_feeds (id) ON DELETE CASCADE,
            CONSTRAINT feed_events_during_check CHECK (
                NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during))
        )
        """
    )
    op.execute("CREATE INDEX feed_events_feed_id_idx ON feed_events (feed_id)")
    op.execute(
        """
        CREATE TABLE feed_clashes (
            feed_id UUID NOT NULL,
            booking_id UUID NOT NULL,
            during TSTZRANGE NOT NULL,
            found_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT feed_clashes_pkey PRIMARY KEY (feed_id, booking_id),
            CONSTRAINT feed_clashes_feed_id_fkey FOREIGN KEY(feed_id) REFERENCES calendar_feeds (id) ON DELETE CASCADE
        )
        """
    )


def downgrade() -> None:
    # What feeds took is given back: nothing would ever look after it again.
    op.execute("DELETE FROM occupancies o USING feed_events e WHERE o.ref_id = e.id")
    for table in ("feed_clashes", "feed_events", "calendar_feeds"):
        op.drop_table(table)
