"""The table of messages in people's inboxes: what each person was told, whichever way it also went."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.tables import metadata

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("booking_id", sa.Uuid),
    sa.Column("subject", sa.Uuid, comment="what else it is about, as its reminder had it"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("facts", JSONB, nullable=False, server_default="{}", comment="what its words name"),
    sa.Column("read_at", sa.DateTime(timezone=True)),
    sa.Column("in_digest", sa.Boolean, nullable=False, server_default="false", comment="waits for the daily one"),
    sa.Index(None, "person_id", "id"),
    sa.Index("messages_digest_idx", "person_id", "id", postgresql_where=sa.text("in_digest")),
)
