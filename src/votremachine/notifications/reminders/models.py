"""The table of reminders: what is due to whom, and when, because this table says so."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

_INSTANT = sa.DateTime(timezone=True)

reminders = sa.Table(
    "reminders",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Uuid, nullable=False, comment="the booking, party or person it is about"),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("due_at", _INSTANT, nullable=False, comment="as planned; later after each try that failed"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", _INSTANT, comment="until then a worker is at it"),
    sa.Column("dedupe_key", sa.Text, nullable=False, unique=True),
    sa.Column("last_error", sa.Text),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("changed_at", _INSTANT, nullable=False),
    # What the sweep asks, answered by the index alone.
    sa.Index("reminders_due_idx", "due_at", "lease_until", postgresql_where=sa.text("state = 'planned'")),
    sa.Index("reminders_dead_idx", "id", postgresql_where=sa.text("state = 'dead'")),
    sa.Index(None, "subject"),
    sa.Index(None, "person_id"),
    sa.CheckConstraint("state IN ('planned', 'told', 'dropped', 'dead')", name="state"),
)
