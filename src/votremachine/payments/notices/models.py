"""The table of notices: each is acted upon once."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

gateway_notices = sa.Table(
    "gateway_notices",
    metadata,
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True, comment="the gateway's"),
    sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("key", sa.Uuid),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Index(None, "received_at"),
    sa.CheckConstraint("outcome IN ('passed_on', 'ignored')", name="outcome"),
    sa.CheckConstraint("outcome = 'ignored' OR key IS NOT NULL", name="key"),
)
