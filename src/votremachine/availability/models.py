"""The one table that owns time."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE

from votremachine.infra.tables import metadata

# No foreign key: each costs a query and a lock on a shared row for every claim (ADR 4). Machines are never deleted.
occupancies = sa.Table(
    "occupancies",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("ref_id", sa.Uuid, nullable=False, comment="the booking, block or feed event it stands for"),
    sa.Column("during", TSTZRANGE, nullable=False, comment="what people see"),
    sa.Column("blocked", TSTZRANGE, nullable=False, comment="during, plus the buffers kept free around it"),
    sa.Column("expires_at", sa.DateTime(timezone=True), comment="a hold or request blocks no longer than this"),
    sa.Index(None, "ref_id"),
    sa.Index("occupancies_expires_at_idx", "expires_at", postgresql_where=sa.text("expires_at IS NOT NULL")),
    sa.CheckConstraint("kind IN ('booking', 'block', 'maintenance', 'external')", name="kind"),
    sa.CheckConstraint(
        "NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during) AND NOT upper_inf(during)"
        " AND isfinite(lower(during)) AND isfinite(upper(during))",
        name="during",
    ),
    sa.CheckConstraint(
        "during <@ blocked AND lower_inc(blocked) AND NOT upper_inc(blocked) AND NOT upper_inf(blocked)"
        " AND isfinite(lower(blocked)) AND isfinite(upper(blocked))",
        name="blocked",
    ),
    # The exclusion constraint itself needs the type uuid_range, so it is written in the migration:
    #   EXCLUDE USING gist (uuid_range(machine_id, machine_id, '[]') WITH &&, blocked WITH &&)
)
