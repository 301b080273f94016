"""The table of what was told of machines that are not back."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

# The end is part of the key: who extended a booking begins anew.
overdue_steps = sa.Table(
    "overdue_steps",
    metadata,
    sa.Column("booking_id", sa.Uuid, primary_key=True),
    sa.Column("ends", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("step IN ('cooperative', 'staff')", name="step"),
)
