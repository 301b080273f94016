"""The tables of maintenance: what meters showed, what is due how often, and what was proposed."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

_METERS = "'engine_hour', 'hectare', 'bale', 'm3', 'km', 'tonne'"
_AMOUNT = sa.Numeric(9, 2)

meter_readings = sa.Table(
    "meter_readings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("meter", sa.Text, nullable=False),
    sa.Column("value", _AMOUNT, nullable=False),
    sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by", sa.Uuid, comment="null when a machine or a report told it"),
    sa.Column("why", sa.Text, nullable=False, comment="why it runs backwards, if it does"),
    sa.Index(None, "machine_id", "meter", "read_at", "id"),
    sa.CheckConstraint(f"meter IN ({_METERS})", name="meter"),
    sa.CheckConstraint("value >= 0", name="value"),
)

maintenance_plans = sa.Table(
    "maintenance_plans",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("every_days", sa.Integer),
    sa.Column("every_months", sa.Integer),
    sa.Column("meter", sa.Text),
    sa.Column("every_units", _AMOUNT),
    sa.Column("last_on", sa.Date),
    sa.Column("last_value", _AMOUNT),
    sa.Column("round", sa.Integer, nullable=False, comment="how often it was done"),
    sa.Column("created_by", sa.ForeignKey("people.id"), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "machine_id", "id"),
    sa.CheckConstraint("num_nonnulls(every_days, every_months, every_units) = 1", name="every"),
    sa.CheckConstraint("(meter IS NULL) = (every_units IS NULL)", name="meter"),
    sa.CheckConstraint("CASE WHEN meter IS NULL THEN last_on IS NOT NULL ELSE last_value IS NOT NULL END", name="last"),
    sa.CheckConstraint("minutes > 0", name="minutes"),
)

maintenance_proposals = sa.Table(
    "maintenance_proposals",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("plan_id", sa.ForeignKey("maintenance_plans.id", ondelete="CASCADE"), nullable=False),
    sa.Column("round", sa.Integer, nullable=False, comment="of the plan: one proposal each"),
    sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("block_id", sa.Uuid, comment="what it became; blocks may be deleted"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("plan_id", "round"),
    sa.Index("maintenance_proposals_open_idx", "plan_id", unique=True, postgresql_where=sa.text("state = 'proposed'")),
    sa.CheckConstraint("state IN ('proposed', 'accepted', 'dismissed')", name="state"),
    sa.CheckConstraint("starts < ends", name="span"),
)
