"""What a cooperative charges at short notice, the platform's fee as it was on the day of booking, payouts by booking.

Revision 0027, after 0026.
"""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.execute("ALTER TABLE machines ADD COLUMN short_notice_hours INTEGER DEFAULT '24' NOT NULL")
    op.execute(
        "COMMENT ON COLUMN machines.short_notice_hours IS 'before the start, where a cooperative charges its minimum'"
    )
    op.execute(
        "ALTER TABLE machines ADD CONSTRAINT machines_short_notice_hours_check"
        " CHECK (short_notice_hours BETWEEN 0 AND 336)"
    )
    # What stands keeps the fee that it was booked at, and a member the terms: free until the start.
    op.execute("ALTER TABLE bookings ADD COLUMN fee_bp INTEGER DEFAULT '800' NOT NULL")
    op.execute("COMMENT ON COLUMN bookings.fee_bp IS 'the platform''s, on that day'")
    op.execute("ALTER TABLE bookings ADD COLUMN fee_vat_bp INTEGER DEFAULT '2000' NOT NULL")
    op.execute("CREATE INDEX payables_booking_id_idx ON payables (booking_id)")


def downgrade() -> None:
    op.execute("DROP INDEX payables_booking_id_idx")
    op.execute("ALTER TABLE bookings DROP COLUMN fee_vat_bp")
    op.execute("ALTER TABLE bookings DROP COLUMN fee_bp")
    op.execute("ALTER TABLE machines DROP COLUMN short_notice_hours")
