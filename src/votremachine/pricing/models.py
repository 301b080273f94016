"""The table of rate cards; a card is never changed, only replaced."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.database import metadata

rate_cards = sa.Table(
    "rate_cards",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("rates", JSONB, nullable=False),
    sa.Column("vat", sa.Integer, nullable=False, comment="basis points"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("replaced_at", sa.DateTime(timezone=True)),
    # One card in force for each machine.
    sa.Index("rate_cards_in_force_idx", "machine_id", unique=True, postgresql_where=sa.text("replaced_at IS NULL")),
)
