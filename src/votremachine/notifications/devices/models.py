"""The tables of devices that take push and of the one pair of keys that signs for them all."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata

devices = sa.Table(
    "devices",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("endpoint_hash", sa.LargeBinary, nullable=False, unique=True, comment="of an app, its token's"),
    sa.Column("subscription_sealed", sa.LargeBinary, nullable=False, comment="encrypted: who has it may push there"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "person_id"),
    sa.CheckConstraint("kind IN ('browser', 'app')", name="kind"),
)

push_keys = sa.Table(
    "push_keys",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("private_sealed", sa.LargeBinary, nullable=False),
    sa.Column("public", sa.Text, nullable=False, comment="uncompressed point, base64url"),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("id = 1", name="id"),
)
