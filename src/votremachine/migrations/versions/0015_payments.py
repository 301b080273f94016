"""Cards that parties keep, and what was asked of the gateway.

Revision 0015, after 0014.
"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE instruments (
            id UUID NOT NULL,
            party_id UUID NOT NULL,
            person_id UUID NOT NULL,
            gateway TEXT NOT NULL,
            state TEXT NOT NULL,
            saving TEXT NOT NULL,
            reference TEXT NOT NULL,
            customer TEXT NOT NULL,
            brand TEXT NOT NULL,
            last4 TEXT NOT NULL,
            expires TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT instruments_pkey PRIMARY KEY (id),
            CONSTRAINT instruments_state_check CHECK (state IN ('requires_action', 'ready', 'declined', 'removed')),
            CONSTRAINT instruments_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id),
            CONSTRAINT instruments_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id)
        )
        """
    )
    op.execute("CREATE INDEX instruments_party_id_idx ON instruments (party_id)")
    op.execute("COMMENT ON COLUMN instruments.id IS 'the key under which it was saved at the gateway'")
    op.execute("COMMENT ON COLUMN instruments.saving IS 'the gateway''s name of its being saved'")
    op.execute("COMMENT ON COLUMN instruments.expires IS 'YYYY-MM'")
    op.execute(
        """
        CREATE TABLE payment_orders (
            id UUID NOT NULL,
            what TEXT NOT NULL,
            purpose TEXT NOT NULL,
            subject_id UUID NOT NULL,
            booking_id UUID NOT NULL,
            payer_party_id UUID NOT NULL,
            payee_party_id UUID NOT NULL,
            minor BIGINT NOT NULL,
            currency TEXT NOT NULL,
            instrument_id UUID,
            instrument TEXT NOT NULL,
            customer TEXT NOT NULL,
            earlier_id UUID,
            reference TEXT NOT NULL,
            description TEXT NOT NULL,
            off_session BOOLEAN NOT NULL,
            gives_back BIGINT NOT NULL,
            asked_by UUID,
            state TEXT NOT NULL,
            refusal TEXT,
            capture_before TIMESTAMP WITH TIME ZONE,
            attempts INTEGER NOT NULL,
            next_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            settled_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT payment_orders_pkey PRIMARY KEY (id),
            CONSTRAINT payment_orders_what_check CHECK (what IN ('charge', 'hold', 'capture', 'release', 'refund')),
            CONSTRAINT payment_orders_purpose_check CHECK (purpose IN ('rental', 'difference', 'deposit', 'damage')),
            CONSTRAINT payment_orders_state_check
                CHECK (state IN ('pending', 'requires_action', 'done', 'declined', 'refused')),
            CONSTRAINT payment_orders_minor_check CHECK (minor > 0),
            CONSTRAINT payment_orders_earlier_check CHECK ((what IN ('charge', 'hold')) = (earlier_id IS NULL)),
            CONSTRAINT payment_orders_instrument_check CHECK ((what IN ('charge', 'hold')) = (instrument_id IS NOT NULL)),
            CONSTRAINT payment_orders_settled_at_check CHECK ((state IN ('pending', 'requires_action')) = (settled_at IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX payment_orders_booking_id_id_idx ON payment_orders (booking_id, id)")
    op.execute("CREATE INDEX payment_orders_due_idx ON payment_orders (next_at) WHERE next_at IS NOT NULL")
    op.execute("CREATE INDEX payment_orders_earlier_id_idx ON payment_orders (earlier_id)")
    op.execute(
        "CREATE UNIQUE INDEX payment_orders_ending_idx ON payment_orders (earlier_id) "
        "WHERE state = 'pending' AND earlier_id IS NOT NULL"
    )
    op.execute(
        "CREATE UNIQUE INDEX payment_orders_under_way_idx ON payment_orders (subject_id, purpose) "
        "WHERE state IN ('pending', 'requires_action') AND what IN ('charge', 'hold')"
    )
    op.execute("COMMENT ON COLUMN payment_orders.id IS 'its key at the gateway'")
    op.execute("COMMENT ON COLUMN payment_orders.instrument IS 'the gateway''s name of the card'")
    op.execute(
        "COMMENT ON COLUMN payment_orders.earlier_id IS 'the charge or hold that is captured, released or refunded'"
    )
    op.execute("COMMENT ON COLUMN payment_orders.gives_back IS 'what a capture lets go of the rest'")
    op.execute("COMMENT ON COLUMN payment_orders.asked_by IS 'null when the clock asked'")
    op.execute("COMMENT ON COLUMN payment_orders.next_at IS 'when it is taken up by itself'")


def downgrade() -> None:
    op.drop_table("payment_orders")
    op.drop_table("instruments")
