"""The simulated gateway's own tables, and what gateways told us.

Revision 0013.
"""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE gateway_notices (
            gateway TEXT NOT NULL,
            id TEXT NOT NULL,
            received_at TIMESTAMP WITH TIME ZONE NOT NULL,
            kind TEXT NOT NULL,
            reference TEXT NOT NULL,
            key UUID,
            outcome TEXT NOT NULL,
            CONSTRAINT gateway_notices_pkey PRIMARY KEY (gateway, id),
            CONSTRAINT gateway_notices_outcome_check CHECK (outcome IN ('passed_on', 'ignored')),
            CONSTRAINT gateway_notices_key_check CHECK (outcome = 'ignored' OR key IS NOT NULL)
        )
        """
    )
    op.execute("CREATE INDEX gateway_notices_received_at_idx ON gateway_notices (received_at)")
    op.execute(
        """
        CREATE TABLE simulated_instruments (
            key UUID NOT NULL,
            reference TEXT NOT NULL,
            instrument TEXT NOT NULL,
            customer TEXT NOT NULL,
            token TEXT NOT NULL,
            standing TEXT NOT NULL,
            refusal TEXT,
            client_secret TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT simulated_instruments_pkey PRIMARY KEY (key),
            CONSTRAINT simulated_instruments_reference_key UNIQUE (reference),
            CONSTRAINT simulated_instruments_instrument_key UNIQUE (instrument),
            CONSTRAINT simulated_instruments_client_secret_key UNIQUE (client_secret),
            CONSTRAINT simulated_instruments_standing_check
                CHECK (standing IN ('requires_action', 'declined', 'succeeded', 'held', 'released'))
        )
        """
    )
    op.execute("CREATE INDEX simulated_instruments_customer_idx ON simulated_instruments (customer)")
    op.execute(
        """
        CREATE TABLE simulated_orders (
            key UUID NOT NULL,
            reference TEXT NOT NULL,
            kind TEXT NOT NULL,
            instrument TEXT NOT NULL,
            token TEXT NOT NULL,
            minor BIGINT NOT NULL,
            currency TEXT NOT NULL,
            destination TEXT NOT NULL,
            description TEXT NOT NULL,
            standing TEXT NOT NULL,
            captured BIGINT NOT NULL,
            released BIGINT NOT NULL,
            refunded BIGINT NOT NULL,
            capture_before TIMESTAMP WITH TIME ZONE,
            refusal TEXT,
            client_secret TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT simulated_orders_pkey PRIMARY KEY (key),
            CONSTRAINT simulated_orders_reference_key UNIQUE (reference),
            CONSTRAINT simulated_orders_client_secret_key UNIQUE (client_secret),
            CONSTRAINT simulated_orders_kind_check CHECK (kind IN ('charge', 'hold')),
            CONSTRAINT simulated_orders_standing_check
                CHECK (standing IN ('requires_action', 'declined', 'succeeded', 'held', 'released')),
            CONSTRAINT simulated_orders_minor_check CHECK (minor > 0),
            CONSTRAINT simulated_orders_parts_check
                CHECK (captured >= 0 AND released >= 0 AND refunded BETWEEN 0 AND captured),
            CONSTRAINT simulated_orders_whole_check CHECK (
                captured + released = CASE WHEN standing IN ('succeeded', 'released') THEN minor ELSE 0 END),
            CONSTRAINT simulated_orders_capture_before_check CHECK ((standing = 'held') = (capture_before IS NOT NULL)),
            CONSTRAINT simulated_orders_refusal_check CHECK ((standing = 'declined') = (refusal IS NOT NULL))
        )
        """
    )
    op.execute("CREATE INDEX simulated_orders_created_at_key_idx ON simulated_orders (created_at, key)")
    op.execute("CREATE INDEX simulated_orders_instrument_idx ON simulated_orders (instrument)")
    op.execute(
        "CREATE INDEX simulated_orders_held_idx ON simulated_orders (capture_before) WHERE capture_before IS NOT NULL"
    )
    op.execute(
        """
        CREATE TABLE simulated_operations (
            key UUID NOT NULL,
            content BYTEA NOT NULL,
            carried_out BOOLEAN NOT NULL,
            asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT simulated_operations_pkey PRIMARY KEY (key)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE simulated_webhooks (
            id UUID NOT NULL,
            event_id TEXT NOT NULL,
            body TEXT NOT NULL,
            made_at TIMESTAMP WITH TIME ZONE NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE,
            attempts INTEGER NOT NULL,
            CONSTRAINT simulated_webhooks_pkey PRIMARY KEY (id)
        )
        """
    )
    op.execute("CREATE INDEX simulated_webhooks_due_idx ON simulated_webhooks (due_at) WHERE due_at IS NOT NULL")


def downgrade() -> None:
    for table in (
        "simulated_webhooks",
        "simulated_operations",
        "simulated_orders",
        "simulated_instruments",
        "gateway_notices",
    ):
        op.drop_table(table)
