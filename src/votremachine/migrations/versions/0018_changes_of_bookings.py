"""The terms that a booking was made under, other times that are paid for, and what was used of metered work.

Revision 0018, after 0017.
"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("ALTER TABLE machines ADD COLUMN weather_hours INTEGER")
    op.execute("ALTER TABLE machines ADD CONSTRAINT machines_weather_hours_check CHECK (weather_hours > 0)")
    op.execute("COMMENT ON COLUMN machines.weather_hours IS 'so long before the start the weather moves a booking'")
    op.execute("ALTER TABLE bookings ADD COLUMN noticed_from TIMESTAMP WITH TIME ZONE")
    op.execute("COMMENT ON COLUMN bookings.noticed_from IS 'the start that cancelling counts from, if an earlier one'")
    op.execute("ALTER TABLE bookings ADD COLUMN terms JSONB DEFAULT '{}' NOT NULL")
    op.execute(
        "COMMENT ON COLUMN bookings.terms IS 'what the owner had agreed to when it was booked, by the machine''s id'"
    )
    # Nobody kept what it was at the time: what it is now.
    op.execute(
        """
        UPDATE bookings SET terms = found.terms FROM (
            SELECT taken.booking_id, jsonb_object_agg(m.id, jsonb_build_object('cancellation', m.cancellation)) AS terms
            FROM (
                SELECT bm.booking_id,
                    coalesce((b.stands_for ->> bm.machine_id::text)::uuid, bm.machine_id) AS machine_id
                FROM booking_machines bm JOIN bookings b ON b.id = bm.booking_id
            ) AS taken
            JOIN machines m ON m.id = taken.machine_id
            GROUP BY taken.booking_id
        ) AS found
        WHERE found.booking_id = bookings.id
        """
    )
    op.execute(
        """
        CREATE TABLE booking_wishes (
            order_id UUID NOT NULL,
            booking_id UUID NOT NULL,
            kind TEXT NOT NULL,
            starts TIMESTAMP WITH TIME ZONE NOT NULL,
            ends TIMESTAMP WITH TIME ZONE NOT NULL,
            version INTEGER NOT NULL,
            total_minor BIGINT NOT NULL,
            weather BOOLEAN NOT NULL,
            state TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT booking_wishes_pkey PRIMARY KEY (order_id),
            CONSTRAINT booking_wishes_kind_check CHECK (kind IN ('reschedule', 'extend')),
            CONSTRAINT booking_wishes_state_check CHECK (state IN ('waiting', 'moved', 'dropped')),
            CONSTRAINT booking_wishes_span_check CHECK (starts < ends)
        )
        """
    )
    op.execute("CREATE INDEX booking_wishes_booking_id_order_id_idx ON booking_wishes (booking_id, order_id)")
    op.execute("COMMENT ON COLUMN booking_wishes.version IS 'of the booking that is to be moved'")
    op.execute("COMMENT ON COLUMN booking_wishes.total_minor IS 'what it costs then, as it was agreed'")
    op.execute(
        """
        CREATE TABLE booking_usages (
            id UUID NOT NULL,
            booking_id UUID NOT NULL,
            side TEXT NOT NULL,
            used JSONB NOT NULL,
            total_minor BIGINT NOT NULL,
            currency TEXT NOT NULL,
            note TEXT NOT NULL,
            state TEXT NOT NULL,
            by UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT booking_usages_pkey PRIMARY KEY (id),
            CONSTRAINT booking_usages_side_check CHECK (side IN ('owner', 'renter')),
            CONSTRAINT booking_usages_state_check CHECK (state IN ('proposed', 'countered', 'agreed'))
        )
        """
    )
    op.execute("CREATE INDEX booking_usages_booking_id_id_idx ON booking_usages (booking_id, id)")
    op.execute(
        "CREATE UNIQUE INDEX booking_usages_last_idx ON booking_usages (booking_id) "
        "WHERE state IN ('proposed', 'agreed')"
    )
    op.execute("COMMENT ON COLUMN booking_usages.used IS 'thousandths by unit, by the machine''s id'")
    op.execute("COMMENT ON COLUMN booking_usages.total_minor IS 'what the booking costs by that'")


def downgrade() -> None:
    # Messages that have no words there.
    op.execute("DELETE FROM messages WHERE kind IN ('PaymentMissing', 'UsageProposed', 'UsageSettled')")
    op.execute("DROP TABLE booking_usages")
    op.execute("DROP TABLE booking_wishes")
    op.execute("ALTER TABLE bookings DROP COLUMN terms")
    op.execute("ALTER TABLE bookings DROP COLUMN noticed_from")
    op.execute("ALTER TABLE machines DROP COLUMN weather_hours")
