"""Tables of the simulated gateway. It plays an outside world: nothing of ours refers to them, and no foreign keys."""

from enum import StrEnum

import sqlalchemy as sa

from votremachine.infra.tables import metadata
from votremachine.payments.gateway import Standing
from votremachine.payments.simulated.rules import Kind


def _one_of(column: str, names: type[StrEnum]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{name.value}'" for name in names)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


instruments = sa.Table(
    "simulated_instruments",
    metadata,
    sa.Column("key", sa.Uuid, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False, unique=True),
    sa.Column("instrument", sa.Text, nullable=False, unique=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False, comment="which test card; they have no numbers"),
    sa.Column("standing", sa.Text, nullable=False),
    sa.Column("refusal", sa.Text),
    sa.Column("client_secret", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "customer"),
    _one_of("standing", Standing),
)

orders = sa.Table(
    "simulated_orders",
    metadata,
    sa.Column("key", sa.Uuid, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("instrument", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("standing", sa.Text, nullable=False),
    sa.Column("captured", sa.BigInteger, nullable=False),
    sa.Column("released", sa.BigInteger, nullable=False),
    sa.Column("refunded", sa.BigInteger, nullable=False),
    sa.Column("capture_before", sa.DateTime(timezone=True)),
    sa.Column("refusal", sa.Text),
    sa.Column("client_secret", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "created_at", "key"),
    sa.Index(None, "instrument"),
    sa.Index("simulated_orders_held_idx", "capture_before", postgresql_where=sa.text("capture_before IS NOT NULL")),
    _one_of("kind", Kind),
    _one_of("standing", Standing),
    sa.CheckConstraint("minor > 0", name="minor"),
    sa.CheckConstraint("captured >= 0 AND released >= 0 AND refunded BETWEEN 0 AND captured", name="parts"),
    # What the bank agreed to is taken, given back or held, to the last cent.
    sa.CheckConstraint(
        "captured + released = CASE WHEN standing IN ('succeeded', 'released') THEN minor ELSE 0 END", name="whole"
    ),
    sa.CheckConstraint("(standing = 'held') = (capture_before IS NOT NULL)", name="capture_before"),
    sa.CheckConstraint("(standing = 'declined') = (refusal IS NOT NULL)", name="refusal"),
)

operations = sa.Table(
    "simulated_operations",
    metadata,
    sa.Column("key", sa.Uuid, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="digest of what was asked with this key"),
    sa.Column("carried_out", sa.Boolean, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
)

webhooks = sa.Table(
    "simulated_webhooks",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), comment="null once delivered, or given up"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Index("simulated_webhooks_due_idx", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
)
