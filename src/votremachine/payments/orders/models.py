"""Table of orders to the gateway."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata
from votremachine.payments.orders.rules import Purpose, State, What


def _one_of(column: str, names: type[What] | type[Purpose] | type[State]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{name.value}'" for name in names)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


# No foreign keys: like bookings, it is on the path of every confirmation (ADR 4).
payment_orders = sa.Table(
    "payment_orders",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="its key at the gateway"),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Uuid, nullable=False),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("payer_party_id", sa.Uuid, nullable=False),
    sa.Column("payee_party_id", sa.Uuid, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("instrument_id", sa.Uuid),
    sa.Column("instrument", sa.Text, nullable=False, comment="the gateway's name of the card"),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("earlier_id", sa.Uuid, comment="the charge or hold that is captured, released or refunded"),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("off_session", sa.Boolean, nullable=False),
    sa.Column("gives_back", sa.BigInteger, nullable=False, comment="what a capture lets go of the rest"),
    sa.Column("asked_by", sa.Uuid, comment="null when the clock asked"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("refusal", sa.Text),
    sa.Column("capture_before", sa.DateTime(timezone=True)),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.DateTime(timezone=True), comment="when it is taken up by itself"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("settled_at", sa.DateTime(timezone=True)),
    sa.Column(
        "given_up", sa.Boolean, nullable=False, server_default="false", comment="nobody waits for its cardholder"
    ),
    sa.Index(None, "booking_id", "id"),
    sa.Index(None, "earlier_id"),
    sa.Index("payment_orders_due_idx", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
    # Two that begin to move money for one thing are never under way together.
    sa.Index(
        "payment_orders_under_way_idx",
        "subject_id",
        "purpose",
        unique=True,
        postgresql_where=sa.text(
            "state IN ('pending', 'requires_action') AND what IN ('charge', 'hold') AND NOT given_up"
        ),
    ),
    # What was taken or set aside is given back whole, or captured, by one order at a time.
    sa.Index(
        "payment_orders_ending_idx",
        "earlier_id",
        unique=True,
        postgresql_where=sa.text("state = 'pending' AND earlier_id IS NOT NULL"),
    ),
    _one_of("what", What),
    _one_of("purpose", Purpose),
    _one_of("state", State),
    sa.CheckConstraint("minor > 0", name="minor"),
    sa.CheckConstraint("(what IN ('charge', 'hold')) = (earlier_id IS NULL)", name="earlier"),
    sa.CheckConstraint("(what IN ('charge', 'hold')) = (instrument_id IS NOT NULL)", name="instrument"),
    sa.CheckConstraint("(state IN ('pending', 'requires_action')) = (settled_at IS NULL)", name="settled_at"),
)
