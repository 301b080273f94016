"""Blocks that recur, and the occurrences that bookings keep out; single blocks know their span themselves.

Revision 0008.
"""

from alembic import op

revision = "0008"
down_revision = "0006"


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


def downgrade() -> None:
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
