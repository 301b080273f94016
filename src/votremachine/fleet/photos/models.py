"""The table of photos. Their files stand in storage, under the names that `rules` gives them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.tables import metadata

photos = sa.Table(
    "photos",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False, comment="in the order in which they are shown"),
    sa.Column("digest", sa.LargeBinary, nullable=False, comment="BLAKE2b of what was sent"),
    sa.Column("width", sa.Integer, nullable=False, comment="pixels of what was sent, upright"),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="when a worker may take it"),
    sa.Column("making", sa.Uuid, comment="the making of copies under way, or that of the copies that are shown"),
    sa.Column("copies", JSONB(none_as_null=True), comment="width of the box, width, height"),
    sa.Column("problem", sa.Text, comment="code of the error for which it failed"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    # The same photo sent twice is one photo.
    sa.UniqueConstraint("machine_id", "digest"),
    sa.Index("photos_pending_idx", "due_at", postgresql_where=sa.text("state = 'pending'")),
    sa.CheckConstraint("state IN ('pending', 'ready', 'failed')", name="state"),
    sa.CheckConstraint("(state = 'ready') = (copies IS NOT NULL)", name="copies"),
    sa.CheckConstraint("(state = 'failed') = (problem IS NOT NULL)", name="problem"),
)
