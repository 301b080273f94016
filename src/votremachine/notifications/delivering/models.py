"""Deliveries: one message to one person by one channel, with what became of it; and how many there were of each."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

_INSTANT = sa.DateTime(timezone=True)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="by which providers may know a repetition"),
    sa.Column("message_id", sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", _INSTANT, nullable=False, comment="later after each try that failed"),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", _INSTANT, comment="until then a worker is at it"),
    sa.Column("follow_at", _INSTANT, comment="when the next channel is tried, if it has not been read by then"),
    sa.Column("provider_id", sa.Text, nullable=False, server_default=""),
    sa.Column("last_error", sa.Text),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("changed_at", _INSTANT, nullable=False),
    sa.UniqueConstraint("message_id", "channel"),
    sa.Index("deliveries_due_idx", "due_at", "lease_until", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("deliveries_follow_idx", "follow_at", postgresql_where=sa.text("follow_at IS NOT NULL")),
    sa.Index("deliveries_dead_idx", "id", postgresql_where=sa.text("state = 'dead'")),
    sa.CheckConstraint("channel IN ('push', 'email', 'sms')", name="channel"),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'dropped', 'dead')", name="state"),
)

# For metrics: counted as it happens, so that nobody ever counts the table.
delivery_counts = sa.Table(
    "delivery_counts",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("total", sa.BigInteger, nullable=False),
)

# A code that an SMS asked to be answered with. It stands nowhere in clear.
sms_codes = sa.Table(
    "sms_codes",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("code_hash", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("used_at", _INSTANT),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Index(None, "person_id"),
    sa.Index(None, "expires_at"),
)
