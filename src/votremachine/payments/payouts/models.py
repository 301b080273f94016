"""The tables of payouts: what is due to owners, and what was made of it."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

payouts = sa.Table(
    "payouts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("party_id", sa.Uuid, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, comment="why it waits, or failed"),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "party_id", "id"),
    sa.CheckConstraint("minor > 0", name="minor"),
    sa.CheckConstraint("state IN ('pending', 'payable', 'sent', 'paid', 'failed')", name="state"),
)

# What an owner is owed of a booking; the line of a payout, once it is in one.
payables = sa.Table(
    "payables",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="the booking's for its rental, else that of the cause"),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("party_id", sa.Uuid, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="when nobody can claim damage any more"),
    sa.Column("minor", sa.BigInteger, comment="null before it is due"),
    sa.Column("payout_id", sa.ForeignKey("payouts.id")),
    sa.Index("payables_waiting_idx", "party_id", "due_at", postgresql_where=sa.text("payout_id IS NULL")),
    sa.Index("payables_payout_id_idx", "payout_id"),
    sa.Index("payables_booking_id_idx", "booking_id"),
    sa.CheckConstraint("minor IS NOT NULL OR payout_id IS NULL", name="minor"),
)
