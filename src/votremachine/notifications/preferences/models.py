"""The table of what people prefer; who has no row prefers what everybody does."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.tables import metadata

preferences = sa.Table(
    "preferences",
    metadata,
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("quiet_from", sa.Time),
    sa.Column("quiet_until", sa.Time),
    sa.Column("digest_at", sa.Time, comment="set: what is not urgent comes once a day at this hour"),
    sa.Column("kinds", JSONB, nullable=False, comment="the channels of each kind that was chosen"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name="quiet"),
)
