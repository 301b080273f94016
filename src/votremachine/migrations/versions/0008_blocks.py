"""Blocks that recur, and the occurrences that bookings keep out; single blocks know their span themselves.

Revision 0008: also meters, maintenance plans and what is proposed by them.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # One that holds nothing blocks nothing.
    op.execute("DELETE FROM blocks WHERE NOT EXISTS (SELECT FROM occupancies o WHERE o.ref_id = blocks.id)")
    op.execute(
        """
        ALTER TABLE blocks
            ADD COLUMN series_id UUID,
            ADD COLUMN version INTEGER NOT NULL DEFAULT 1,
            ADD COLUMN during TSTZRANGE,
            ADD COLUMN zone TEXT,
            ADD COLUMN wall_start TIMESTAMP WITHOUT TIME ZONE,
            ADD COLUMN wall_end TIMESTAMP WITHOUT TIME ZONE,
            ADD COLUMN rrule TEXT NOT NULL DEFAULT '',
            ADD COLUMN rdates TIMESTAMP WITHOUT TIME ZONE[] NOT NULL DEFAULT '{}',
            ADD COLUMN exdates TIMESTAMP WITHOUT TIME ZONE[] NOT NULL DEFAULT '{}',
            ADD COLUMN expanded_to TIMESTAMP WITH TIME ZONE
        """
    )
    op.execute(
        """
        UPDATE blocks SET series_id = id,
            during = (SELECT o.during FROM occupancies o WHERE o.ref_id = blocks.id ORDER BY lower(o.during) LIMIT 1)
        """
    )
    op.execute("ALTER TABLE blocks ALTER COLUMN series_id SET NOT NULL, ALTER COLUMN version DROP DEFAULT")
    op.execute(
        """
        ALTER TABLE blocks ADD CONSTRAINT blocks_time_check CHECK (
            CASE WHEN during IS NOT NULL THEN NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)
                AND num_nonnulls(zone, wall_start, wall_end, expanded_to) = 0
            ELSE num_nonnulls(zone, wall_start, wall_end, expanded_to) = 4 AND wall_start < wall_end END
        )
        """
    )
    op.execute("DROP INDEX blocks_machine_id_idx")
    op.execute("CREATE INDEX blocks_machine_id_id_idx ON blocks (machine_id, id)")
    op.execute(
        """
        CREATE TABLE lost_occurrences (
            block_id UUID NOT NULL,
            starts TIMESTAMP WITH TIME ZONE NOT NULL,
            booking_id UUID NOT NULL,
            CONSTRAINT lost_occurrences_pkey PRIMARY KEY (block_id, starts),
            CONSTRAINT lost_occurrences_block_id_fkey FOREIGN KEY(block_id) REFERENCES blocks (id) ON DELETE CASCADE
        )
        """
    )
    op.execute(
        """
        CREATE TABLE meter_readings (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            meter TEXT NOT NULL,
            value NUMERIC(9, 2) NOT NULL,
            read_at TIMESTAMP WITH TIME ZONE NOT NULL,
            by UUID,
            why TEXT NOT NULL,
            CONSTRAINT meter_readings_pkey PRIMARY KEY (id),
            CONSTRAINT meter_readings_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
            CONSTRAINT meter_readings_meter_check CHECK (meter IN ('engine_hour', 'hectare', 'bale', 'm3', 'km', 'tonne')),
            CONSTRAINT meter_readings_value_check CHECK (value >= 0)
        )
        """
    )
    op.execute(
        "CREATE INDEX meter_readings_machine_id_meter_read_at_id_idx ON meter_readings (machine_id, meter, read_at, id)"
    )
    op.execute(
        """
        CREATE TABLE maintenance_plans (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            title TEXT NOT NULL,
            minutes INTEGER NOT NULL,
            every_days INTEGER,
            every_months INTEGER,
            meter TEXT,
            every_units NUMERIC(9, 2),
            last_on DATE,
            last_value NUMERIC(9, 2),
            round INTEGER NOT NULL,
            created_by UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT maintenance_plans_pkey PRIMARY KEY (id),
            CONSTRAINT maintenance_plans_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
            CONSTRAINT maintenance_plans_created_by_fkey FOREIGN KEY(created_by) REFERENCES people (id),
            CONSTRAINT maintenance_plans_every_check CHECK (num_nonnulls(every_days, every_months, every_units) = 1),
            CONSTRAINT maintenance_plans_meter_check CHECK ((meter IS NULL) = (every_units IS NULL)),
            CONSTRAINT maintenance_plans_last_check CHECK (
                CASE WHEN meter IS NULL THEN last_on IS NOT NULL ELSE last_value IS NOT NULL END),
            CONSTRAINT maintenance_plans_minutes_check CHECK (minutes > 0)
        )
        """
    )
    op.execute("CREATE INDEX maintenance_plans_machine_id_id_idx ON maintenance_plans (machine_id, id)")
    op.execute(
        """
        CREATE TABLE maintenance_proposals (
            id UUID NOT NULL,
            plan_id UUID NOT NULL,
            round INTEGER NOT NULL,
            starts TIMESTAMP WITH TIME ZONE NOT NULL,
            ends TIMESTAMP WITH TIME ZONE NOT NULL,
            due_on DATE NOT NULL,
            state TEXT NOT NULL,
            block_id UUID,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT maintenance_proposals_pkey PRIMARY KEY (id),
            CONSTRAINT maintenance_proposals_plan_id_fkey FOREIGN KEY(plan_id)
                REFERENCES maintenance_plans (id) ON DELETE CASCADE,
            CONSTRAINT maintenance_proposals_plan_id_round_key UNIQUE (plan_id, round),
            CONSTRAINT maintenance_proposals_state_check CHECK (state IN ('proposed', 'accepted', 'dismissed')),
            CONSTRAINT maintenance_proposals_span_check CHECK (starts < ends)
        )
        """
    )
    op.execute(
        "CREATE UNIQUE INDEX maintenance_proposals_open_idx ON maintenance_proposals (plan_id) WHERE state = 'proposed'"
    )


def downgrade() -> None:
    for table in ("maintenance_proposals", "maintenance_plans", "meter_readings"):
        op.drop_table(table)
    op.drop_table("lost_occurrences")
    # Each occurrence becomes a block of its own under the id of its occupancy; the first keeps the block.
    op.execute(
        """
        CREATE TEMPORARY TABLE further ON COMMIT DROP AS
        SELECT id, ref_id FROM (
            SELECT o.id, o.ref_id, row_number() OVER (PARTITION BY o.ref_id ORDER BY lower(o.during)) AS nth
            FROM occupancies o JOIN blocks b ON b.id = o.ref_id
        ) numbered WHERE nth > 1
        """
    )
    op.execute("ALTER TABLE blocks DROP CONSTRAINT blocks_time_check")
    op.execute(
        """
        ALTER TABLE blocks
            DROP COLUMN series_id, DROP COLUMN version, DROP COLUMN during, DROP COLUMN zone, DROP COLUMN wall_start,
            DROP COLUMN wall_end, DROP COLUMN rrule, DROP COLUMN rdates, DROP COLUMN exdates, DROP COLUMN expanded_to
        """
    )
    op.execute(
        """
        INSERT INTO blocks (id, machine_id, kind, note, created_by, created_at)
        SELECT f.id, b.machine_id, b.kind, b.note, b.created_by, b.created_at
        FROM further f JOIN blocks b ON b.id = f.ref_id
        """
    )
    op.execute("UPDATE occupancies SET ref_id = f.id FROM further f WHERE f.id = occupancies.id")
    op.execute("DELETE FROM blocks WHERE NOT EXISTS (SELECT FROM occupancies o WHERE o.ref_id = blocks.id)")
    op.execute("DROP INDEX IF EXISTS blocks_machine_id_id_idx")
    op.execute("CREATE INDEX blocks_machine_id_idx ON blocks (machine_id)")
