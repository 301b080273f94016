"""The table of calendar links. The token itself is kept nowhere."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

calendar_links = sa.Table(
    "calendar_links",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("party_id", sa.ForeignKey("parties.id"), comment="whose machines; null for a person's own calendar"),
    sa.Column("machine_id", sa.ForeignKey("machines.id"), comment="of that party's machines, only this one"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("used_at", sa.DateTime(timezone=True)),
    sa.Index(None, "person_id", "id"),
    sa.Index(None, "party_id", "id"),
    sa.CheckConstraint("machine_id IS NULL OR party_id IS NOT NULL", name="subject"),
)
