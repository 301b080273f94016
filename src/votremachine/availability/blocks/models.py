"""The tables of blocks: single ones by their span, series by their rule, and the occurrences that bookings keep out."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE

from votremachine.infra.tables import metadata

_LOCAL = sa.DateTime(timezone=False)

blocks = sa.Table(
    "blocks",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("created_by", sa.ForeignKey("people.id"), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("series_id", sa.Uuid, nullable=False, comment="shared by what was split off one series"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("during", TSTZRANGE, comment="of a single block"),
    sa.Column("zone", sa.Text, comment="of a series, as are all that follow; IANA name"),
    sa.Column("wall_start", _LOCAL, comment="what clocks show in the zone at the first start"),
    sa.Column("wall_end", _LOCAL),
    sa.Column("rrule", sa.Text, nullable=False, server_default=""),
    sa.Column("rdates", ARRAY(_LOCAL), nullable=False, server_default="{}"),
    sa.Column("exdates", ARRAY(_LOCAL), nullable=False, server_default="{}"),
    sa.Column("expanded_to", sa.DateTime(timezone=True), comment="occurrences that start earlier are claimed"),
    sa.Index(None, "machine_id", "id"),
    sa.CheckConstraint("kind IN ('block', 'maintenance')", name="kind"),
    sa.CheckConstraint(
        "CASE WHEN during IS NOT NULL THEN NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)"
        " AND num_nonnulls(zone, wall_start, wall_end, expanded_to) = 0"
        " ELSE num_nonnulls(zone, wall_start, wall_end, expanded_to) = 4 AND wall_start < wall_end END",
        name="time",
    ),
)

# What stands here has been told; the sweep takes it away when the booking is gone.
lost_occurrences = sa.Table(
    "lost_occurrences",
    metadata,
    sa.Column("block_id", sa.ForeignKey("blocks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("starts", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("booking_id", sa.Uuid, nullable=False),
)
