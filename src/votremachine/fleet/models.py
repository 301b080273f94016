"""The table of machines."""

import sqlalchemy as sa

from votremachine.infra.database import metadata

machines = sa.Table(
    "machines",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("party_id", sa.ForeignKey("parties.id"), nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("make", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Column("latitude", sa.Float, nullable=False),
    sa.Column("longitude", sa.Float, nullable=False),
    sa.Column("zone", sa.Text, nullable=False, comment="IANA name"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("booking_mode", sa.Text, nullable=False),
    sa.Column("buffer_before_minutes", sa.Integer, nullable=False),
    sa.Column("buffer_after_minutes", sa.Integer, nullable=False),
    sa.Column("min_minutes", sa.Integer, nullable=False),
    sa.Column("max_minutes", sa.Integer, nullable=False),
    sa.Column("lead_minutes", sa.Integer, nullable=False),
    sa.Column("horizon_days", sa.Integer, nullable=False),
    sa.Column("deposit_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "party_id"),
    sa.Index(None, "category", "id"),
    sa.CheckConstraint("state IN ('draft', 'listed', 'paused', 'retired')", name="state"),
    sa.CheckConstraint("booking_mode IN ('instant', 'on_request')", name="booking_mode"),
    sa.CheckConstraint("0 < min_minutes AND min_minutes <= max_minutes", name="minutes"),
    sa.CheckConstraint("buffer_before_minutes >= 0 AND buffer_after_minutes >= 0", name="buffers"),
)
