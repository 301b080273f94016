"""The table of rate cards; a card is never changed, only replaced."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.tables import metadata

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
    sa.Column("cooperative_id", sa.ForeignKey("parties.id"), comment="whose members it is for; null is everybody"),
    sa.Column("conditions", JSONB, nullable=False, server_default="{}", comment="everything besides the rates"),
    # One card in force for each machine and each cooperative, one of them for everybody.
    sa.Index(
        "rate_cards_in_force_idx",
        "machine_id",
        "cooperative_id",
        unique=True,
        postgresql_where=sa.text("replaced_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    ),
    # The history of a machine's cards.
    sa.Index(None, "machine_id", "id"),
)
