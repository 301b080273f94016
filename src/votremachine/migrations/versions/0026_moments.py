"""When the time to claim counts from, and how far the clock of the phone was off that sent a condition report.

Revision 0026.
"""

from alembic import op

revision = "0026"
down_revision = "0025"

# As in 0019, with one more column that never changes.
_SAID = """
    CREATE OR REPLACE FUNCTION inspection_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.id, OLD.booking_id, OLD.next_booking_id, OLD.machine_id, OLD.kind, OLD.amends, OLD.content,
                OLD.content_hash, OLD.sent_by, OLD.sent_at{old}) IS DISTINCT FROM
                (NEW.id, NEW.booking_id, NEW.next_booking_id, NEW.machine_id, NEW.kind, NEW.amends, NEW.content,
                NEW.content_hash, NEW.sent_by, NEW.sent_at{new}) THEN
            RAISE EXCEPTION 'what condition report % says is not changed', OLD.id
                USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'inspection_immutable';
        END IF;
        RETURN NEW;
    END $$
"""


def upgrade() -> None:
    op.execute("ALTER TABLE bookings ADD COLUMN claims_from TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE inspections ADD COLUMN clock_ahead INTEGER")
    op.execute(_SAID.format(old=", OLD.clock_ahead", new=", NEW.clock_ahead"))


def downgrade() -> None:
    op.execute(_SAID.format(old="", new=""))
    # Seals that cover it do not verify without it.
    op.drop_column("inspections", "clock_ahead")
    op.drop_column("bookings", "claims_from")
