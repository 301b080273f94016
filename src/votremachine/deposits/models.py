"""Tables of deposits and of every step of their lives."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from votremachine.deposits.rules import ENDED, State, Way
from votremachine.infra.tables import metadata


def _listed(names: type[State] | type[Way] | frozenset[State]) -> str:
    return ", ".join(f"'{name.value}'" for name in sorted(names))


_ENDED = f"state IN ({_listed(ENDED)})"

# No foreign keys: like bookings, they are on the path of every confirmation (ADR 4).
deposits = sa.Table(
    "deposits",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("booking_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("owner_party_id", sa.Uuid, nullable=False),
    sa.Column("renter_party_id", sa.Uuid, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("instrument_id", sa.Uuid),
    sa.Column("order_id", sa.Uuid, comment="the hold or charge that is live"),
    sa.Column("reference", sa.Text, nullable=False, comment="the gateway's name of it"),
    sa.Column("asked_id", sa.Uuid, comment="the order whose outcome is awaited"),
    sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
    sa.Column("keep_until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("over_at", sa.DateTime(timezone=True), comment="since when only claims keep it"),
    sa.Column("claims", ARRAY(sa.Uuid), nullable=False, comment="those that are open"),
    sa.Column("held_at", sa.DateTime(timezone=True)),
    sa.Column("capture_before", sa.DateTime(timezone=True)),
    sa.Column("next_at", sa.DateTime(timezone=True), comment="when the sweep looks at it"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("failure", sa.Text, nullable=False),
    sa.Column("waived_by", sa.Uuid),
    sa.Column("waived_why", sa.Text, nullable=False),
    sa.Column("waived_at", sa.DateTime(timezone=True)),
    sa.Column("held", sa.BigInteger, nullable=False, comment="minor units that are live, or were at its end"),
    sa.Column("captured", sa.BigInteger, nullable=False),
    sa.Column("released", sa.BigInteger, nullable=False),
    sa.Column("captured_for", sa.Uuid, comment="the claim"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "owner_party_id", "id"),
    sa.Index("deposits_due_idx", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
    sa.CheckConstraint(f"state IN ({_listed(State)})", name="state"),
    sa.CheckConstraint(f"way IN ({_listed(Way)})", name="way"),
    sa.CheckConstraint("minor > 0", name="minor"),
    sa.CheckConstraint("state <> 'authorised' OR (order_id IS NOT NULL AND held = minor)", name="live"),
    sa.CheckConstraint("captured >= 0 AND released >= 0 AND held IN (0, minor)", name="amounts"),
    sa.CheckConstraint(f"captured + released = CASE WHEN {_ENDED} THEN held ELSE 0 END", name="conserved"),
    sa.CheckConstraint("captured = 0 OR captured_for IS NOT NULL", name="captured_for"),
    sa.CheckConstraint("(state IN ('captured', 'partially_captured')) = (captured > 0)", name="captured"),
    sa.CheckConstraint(
        "(state = 'waived') = (waived_at IS NOT NULL AND waived_by IS NOT NULL AND waived_why <> '')", name="waived"
    ),
)

# Who took it from which state to which, when and why; a renewal is a step from a state to itself.
deposit_transitions = sa.Table(
    "deposit_transitions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("deposit_id", sa.Uuid, nullable=False),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by", sa.Uuid, comment="null when the clock did it"),
    sa.Column("why", sa.Text, nullable=False),
    sa.Index(None, "deposit_id", "id"),
)
