"""Table of the cards that parties pay with."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata
from votremachine.payments.instruments.rules import State

_listed = ", ".join(f"'{state.value}'" for state in State)

# A card's number never comes here: the cardholder's page gives it to the gateway, which gives it a name.
instruments = sa.Table(
    "instruments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="the key under which it was saved at the gateway"),
    sa.Column("party_id", sa.Uuid, sa.ForeignKey("parties.id"), nullable=False, index=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("gateway", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("saving", sa.Text, nullable=False, comment="the gateway's name of its being saved"),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("brand", sa.Text, nullable=False),
    sa.Column("last4", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False, comment="YYYY-MM"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint(f"state IN ({_listed})", name="state"),
)
