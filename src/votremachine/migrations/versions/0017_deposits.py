"""Deposits and the steps of their lives; whether members give them; orders whose cardholder is not waited for.

Revision 0017, after 0016.
"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("ALTER TABLE parties ADD COLUMN members_give_deposits BOOLEAN DEFAULT 'false' NOT NULL")
    op.execute(
        "COMMENT ON COLUMN parties.members_give_deposits IS 'whether who books on account gives a deposit all the same'"
    )
    op.execute("ALTER TABLE payment_orders ADD COLUMN given_up BOOLEAN DEFAULT 'false' NOT NULL")
    op.execute("COMMENT ON COLUMN payment_orders.given_up IS 'nobody waits for its cardholder'")
    op.execute("DROP INDEX payment_orders_under_way_idx")
    op.execute(
        "CREATE UNIQUE INDEX payment_orders_under_way_idx ON payment_orders (subject_id, purpose) "
        "WHERE state IN ('pending', 'requires_action') AND what IN ('charge', 'hold') AND NOT given_up"
    )
    op.execute(
        """
        CREATE TABLE deposits (
            id UUID NOT NULL,
            booking_id UUID NOT NULL,
            owner_party_id UUID NOT NULL,
            renter_party_id UUID NOT NULL,
            minor BIGINT NOT NULL,
            currency TEXT NOT NULL,
            state TEXT NOT NULL,
            way TEXT NOT NULL,
            instrument_id UUID,
            order_id UUID,
            reference TEXT NOT NULL,
            asked_id UUID,
            starts TIMESTAMP WITH TIME ZONE NOT NULL,
            keep_until TIMESTAMP WITH TIME ZONE NOT NULL,
            over_at TIMESTAMP WITH TIME ZONE,
            claims UUID[] NOT NULL,
            held_at TIMESTAMP WITH TIME ZONE,
            capture_before TIMESTAMP WITH TIME ZONE,
            next_at TIMESTAMP WITH TIME ZONE,
            attempts INTEGER NOT NULL,
            failure TEXT NOT NULL,
            waived_by UUID,
            waived_why TEXT NOT NULL,
            waived_at TIMESTAMP WITH TIME ZONE,
            held BIGINT NOT NULL,
            captured BIGINT NOT NULL,
            released BIGINT NOT NULL,
            captured_for UUID,
            version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT deposits_pkey PRIMARY KEY (id),
            CONSTRAINT deposits_booking_id_key UNIQUE (booking_id),
            CONSTRAINT deposits_state_check CHECK (state IN ('authorised', 'captured', 'failed', 'lapsed',
                'partially_captured', 'released', 'required', 'saved', 'waived')),
            CONSTRAINT deposits_way_check CHECK (way IN ('hold', 'payment')),
            CONSTRAINT deposits_minor_check CHECK (minor > 0),
            CONSTRAINT deposits_live_check CHECK (state <> 'authorised' OR (order_id IS NOT NULL AND held = minor)),
            CONSTRAINT deposits_amounts_check CHECK (captured >= 0 AND released >= 0 AND held IN (0, minor)),
            CONSTRAINT deposits_conserved_check CHECK (captured + released =
                CASE WHEN state IN ('captured', 'partially_captured', 'released', 'waived') THEN held ELSE 0 END),
            CONSTRAINT deposits_captured_for_check CHECK (captured = 0 OR captured_for IS NOT NULL),
            CONSTRAINT deposits_captured_check CHECK ((state IN ('captured', 'partially_captured')) = (captured > 0)),
            CONSTRAINT deposits_waived_check CHECK ((state = 'waived') =
                (waived_at IS NOT NULL AND waived_by IS NOT NULL AND waived_why <> ''))
        )
        """
    )
    op.execute("CREATE INDEX deposits_owner_party_id_id_idx ON deposits (owner_party_id, id)")
    op.execute("CREATE INDEX deposits_due_idx ON deposits (next_at) WHERE next_at IS NOT NULL")
    op.execute("COMMENT ON COLUMN deposits.order_id IS 'the hold or charge that is live'")
    op.execute("COMMENT ON COLUMN deposits.reference IS 'the gateway''s name of it'")
    op.execute("COMMENT ON COLUMN deposits.asked_id IS 'the order whose outcome is awaited'")
    op.execute("COMMENT ON COLUMN deposits.over_at IS 'since when only claims keep it'")
    op.execute("COMMENT ON COLUMN deposits.claims IS 'those that are open'")
    op.execute("COMMENT ON COLUMN deposits.next_at IS 'when the sweep looks at it'")
    op.execute("COMMENT ON COLUMN deposits.held IS 'minor units that are live, or were at its end'")
    op.execute("COMMENT ON COLUMN deposits.captured_for IS 'the claim'")
    op.execute(
        """
        CREATE TABLE deposit_transitions (
            id UUID NOT NULL,
            deposit_id UUID NOT NULL,
            from_state TEXT,
            to_state TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            by UUID,
            why TEXT NOT NULL,
            CONSTRAINT deposit_transitions_pkey PRIMARY KEY (id)
        )
        """
    )
    op.execute("CREATE INDEX deposit_transitions_deposit_id_id_idx ON deposit_transitions (deposit_id, id)")
    op.execute("COMMENT ON COLUMN deposit_transitions.by IS 'null when the clock did it'")
    # What was paid by card before there were deposits, and has not left yet: a card is wanted for it.
    op.execute(
        """
        WITH made AS (
            INSERT INTO deposits (id, booking_id, owner_party_id, renter_party_id, minor, currency, state, way, reference,
                starts, keep_until, claims, next_at, attempts, failure, waived_why, held, captured, released, version,
                created_at)
            SELECT gen_random_uuid(), id, owner_party_id, renter_party_id, deposit_minor, currency, 'required', 'hold', '',
                starts, ends + interval '48 hours', '{}', now(), 0, '', '', 0, 0, 0, 1, now()
            FROM bookings WHERE state IN ('requested', 'confirmed') AND NOT on_account AND deposit_minor > 0
            RETURNING id, created_at
        )
        INSERT INTO deposit_transitions (id, deposit_id, to_state, at, why)
        SELECT gen_random_uuid(), id, 'required', created_at, 'there were no deposits before' FROM made
        """
    )


def downgrade() -> None:
    op.drop_table("deposit_transitions")
    op.drop_table("deposits")
    op.execute("DROP INDEX payment_orders_under_way_idx")
    op.execute(
        "UPDATE payment_orders SET state = 'refused', settled_at = now(), next_at = NULL"
        " WHERE given_up AND settled_at IS NULL"
    )
    op.execute(
        "CREATE UNIQUE INDEX payment_orders_under_way_idx ON payment_orders (subject_id, purpose) "
        "WHERE state IN ('pending', 'requires_action') AND what IN ('charge', 'hold')"
    )
    op.execute("ALTER TABLE payment_orders DROP COLUMN given_up")
    op.execute("ALTER TABLE parties DROP COLUMN members_give_deposits")
