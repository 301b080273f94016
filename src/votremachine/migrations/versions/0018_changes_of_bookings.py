"""The terms that a booking was made under.

Revision 0018, after 0015.
"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
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


def downgrade() -> None:
    op.execute("ALTER TABLE bookings DROP COLUMN terms")
