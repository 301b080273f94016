"""Rate cards for members, with seasons, operators, fuel and delivery; what a booking asked for besides its machines.

Cards and bookings that stand keep their meaning: a card for everybody without conditions, a booking without extras.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

UP = """
    ALTER TABLE rate_cards ADD COLUMN cooperative_id UUID
        CONSTRAINT rate_cards_cooperative_id_fkey REFERENCES parties (id);
    ALTER TABLE rate_cards ADD COLUMN conditions JSONB DEFAULT '{}' NOT NULL;
    DROP INDEX rate_cards_in_force_idx;
    CREATE UNIQUE INDEX rate_cards_in_force_idx ON rate_cards (machine_id, cooperative_id) NULLS NOT DISTINCT
        WHERE replaced_at IS NULL;
    CREATE INDEX rate_cards_machine_id_id_idx ON rate_cards (machine_id, id);
    ALTER TABLE bookings ADD COLUMN extras JSONB DEFAULT '{}' NOT NULL;
"""
# A members' card is in force for nobody in the older schema, and kept for what was booked by it.
DOWN = """
    ALTER TABLE bookings DROP COLUMN extras;
    UPDATE rate_cards SET replaced_at = now() WHERE cooperative_id IS NOT NULL AND replaced_at IS NULL;
    DROP INDEX rate_cards_machine_id_id_idx;
    DROP INDEX rate_cards_in_force_idx;
    ALTER TABLE rate_cards DROP COLUMN cooperative_id;
    ALTER TABLE rate_cards DROP COLUMN conditions;
    CREATE UNIQUE INDEX rate_cards_in_force_idx ON rate_cards (machine_id) WHERE replaced_at IS NULL;
"""


def upgrade() -> None:
    _run(UP)


def downgrade() -> None:
    _run(DOWN)


def _run(statements: str) -> None:
    for statement in filter(str.strip, statements.split(";")):
        op.execute(statement)
