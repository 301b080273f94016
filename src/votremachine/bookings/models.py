"""Tables of bookings, their machines, and every step of their lives."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from votremachine.infra.tables import metadata

STATES = (
    "held",
    "requested",
    "confirmed",
    "in_use",
    "returned",
    "completed",
    "declined",
    "expired",
    "cancelled",
    "no_show",
)
_listed = ", ".join(f"'{state}'" for state in STATES)

# No foreign keys in these three: each costs a query and a lock on a row that all bookings share (ADR 4). What they
# refer to is never deleted, which the database sees to.
bookings = sa.Table(
    "bookings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("owner_party_id", sa.Uuid, nullable=False),
    sa.Column("renter_party_id", sa.Uuid, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("card_ids", ARRAY(sa.Uuid), nullable=False, comment="the rate cards it was priced by"),
    sa.Column("extras", JSONB, nullable=False, server_default="{}", comment="what comes with each machine, by its id"),
    sa.Column(
        "stands_for",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="the machine that was agreed on, by the id of the one in its place",
    ),
    sa.Column(
        "terms",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="what the owner had agreed to when it was booked, by the machine's id",
    ),
    sa.Column(
        "noticed_from",
        sa.DateTime(timezone=True),
        comment="the start that cancelling counts from, if an earlier one",
    ),
    sa.Column("fee_bp", sa.Integer, nullable=False, server_default="800", comment="the platform's, on that day"),
    sa.Column("fee_vat_bp", sa.Integer, nullable=False, server_default="2000"),
    sa.Column("price", JSONB, nullable=False),
    sa.Column("deposit_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("on_account", sa.Boolean, nullable=False),
    sa.Column("on_request", sa.Boolean, nullable=False, comment="made under the owner's approval"),
    sa.Column("at_risk", sa.Boolean, nullable=False),
    sa.Column("out_at", sa.DateTime(timezone=True)),
    sa.Column("returned_at", sa.DateTime(timezone=True)),
    sa.Column("claims_from", sa.DateTime(timezone=True), comment="if the time to claim does not count from the return"),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "owner_party_id", "id"),
    sa.Index(None, "renter_party_id", "id"),
    # What the sweeps look for; each holds only the few bookings that are in that state.
    sa.Index("bookings_provisional_idx", "expires_at", postgresql_where=sa.text("state IN ('held', 'requested')")),
    sa.Index("bookings_in_use_idx", "ends", postgresql_where=sa.text("state = 'in_use'")),
    sa.Index("bookings_returned_idx", "returned_at", postgresql_where=sa.text("state = 'returned'")),
    # The index of those that are over is an expression, so it is written in the migration:
    #   gist (uuid_range(owner_party_id, owner_party_id, '[]'),
    #         tstzrange(LEAST(starts, out_at), GREATEST(ends, returned_at))) WHERE state IN ('returned', 'completed')
    sa.CheckConstraint(f"state IN ({_listed})", name="state"),
    sa.CheckConstraint("starts < ends", name="span"),
    sa.CheckConstraint("(state IN ('held', 'requested')) = (expires_at IS NOT NULL)", name="expires_at"),
    sa.CheckConstraint("owner_party_id <> renter_party_id", name="sides"),
)

booking_machines = sa.Table(
    "booking_machines",
    metadata,
    sa.Column("booking_id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.Uuid, primary_key=True),
    sa.Index(None, "machine_id"),
)

# Another time that a renter pays the difference for, kept with the order that sets it aside.
booking_wishes = sa.Table(
    "booking_wishes",
    metadata,
    sa.Column("order_id", sa.Uuid, primary_key=True),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, comment="of the booking that is to be moved"),
    sa.Column("total_minor", sa.BigInteger, nullable=False, comment="what it costs then, as it was agreed"),
    sa.Column("weather", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "booking_id", "order_id"),
    sa.CheckConstraint("kind IN ('reschedule', 'extend')", name="kind"),
    sa.CheckConstraint("state IN ('waiting', 'moved', 'dropped')", name="state"),
    sa.CheckConstraint("starts < ends", name="span"),
)

# How much of what is metered was used, as each side says: the last word of a booking may be agreed to.
booking_usages = sa.Table(
    "booking_usages",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("used", JSONB, nullable=False, comment="thousandths by unit, by the machine's id"),
    sa.Column("total_minor", sa.BigInteger, nullable=False, comment="what the booking costs by that"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("by", sa.Uuid, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "booking_id", "id"),
    sa.Index(
        "booking_usages_last_idx",
        "booking_id",
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'agreed')"),
    ),
    sa.CheckConstraint("side IN ('owner', 'renter')", name="side"),
    sa.CheckConstraint("state IN ('proposed', 'countered', 'agreed')", name="state"),
)

# Who took it from which state to which, when and why; a change of time is a step from a state to itself.
booking_transitions = sa.Table(
    "booking_transitions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by", sa.Uuid, comment="null when the clock did it"),
    sa.Column("why", sa.Text, nullable=False),
    sa.Index(None, "booking_id", "id"),
)

# When anybody of a party last looked at its machines' calendar; of one that never did, since when that counts.
calendar_looks = sa.Table(
    "calendar_looks",
    metadata,
    sa.Column("party_id", sa.Uuid, primary_key=True),
    sa.Column("seen_on", sa.Date, nullable=False),
)
