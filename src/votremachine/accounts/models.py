"""Tables of people, parties, seats, cooperative memberships, sessions, challenges, invitations and the audit log."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.tables import metadata


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", sa.Text, unique=True, comment="lower case"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text),
    _moment("created_at"),
    sa.Column("phone", sa.Text, unique=True, comment="E.164"),
    sa.Column("staff", sa.Text),
    _moment("closed_at", nullable=True),
    _one_of("language", "fr", "en"),
    _one_of("staff", "support", "mediator", "operator"),
    sa.CheckConstraint("email IS NOT NULL OR phone IS NOT NULL OR closed_at IS NOT NULL", name="address"),
)

parties = sa.Table(
    "parties",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("commune", sa.Text, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    _moment("created_at"),
    sa.Column("legal_name", sa.Text, nullable=False, server_default=""),
    sa.Column("siren", sa.Text, comment="9 digits"),
    sa.Column("siret", sa.Text, comment="14 digits, the first 9 the SIREN"),
    sa.Column("vat_number", sa.Text, comment="with its country's prefix"),
    sa.Column("street", sa.Text, nullable=False, server_default=""),
    sa.Column("postcode", sa.Text, nullable=False, server_default=""),
    sa.Column("language", sa.Text, nullable=False, server_default="fr"),
    sa.Column("iban_sealed", sa.LargeBinary, comment="encrypted with the service's secret"),
    sa.Column("iban_masked", sa.Text),
    _moment("closed_at", nullable=True),
    sa.Column(
        "members_give_deposits",
        sa.Boolean,
        nullable=False,
        server_default="false",
        comment="whether who books on account gives a deposit all the same",
    ),
    sa.Column(
        "payment_days",
        sa.SmallInteger,
        nullable=False,
        server_default="30",
        comment="after which its invoices are due",
    ),
    _one_of("kind", "farm", "cooperative", "contractor"),
    _one_of("language", "fr", "en"),
    sa.CheckConstraint("payment_days BETWEEN 0 AND 60", name="payment_days"),
    sa.CheckConstraint("siret IS NULL OR left(siret, 9) = siren", name="siret"),
)

seats = sa.Table(
    "seats",
    metadata,
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("party_id", sa.ForeignKey("parties.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Index(None, "party_id"),
    _one_of("role", "admin", "manager", "treasurer", "member", "viewer"),
)

# A farm asks to join a cooperative; it books on account once `approved_at` is set.
adhesions = sa.Table(
    "adhesions",
    metadata,
    sa.Column("party_id", sa.ForeignKey("parties.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("cooperative_id", sa.ForeignKey("parties.id", ondelete="CASCADE"), primary_key=True),
    _moment("asked_at"),
    _moment("approved_at", nullable=True),
    sa.Index(None, "cooperative_id"),
)

# One for each device, or for a member of staff who acts as the person: then without a refresh token.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("refresh_hash", sa.LargeBinary, unique=True),
    _moment("created_at"),
    _moment("expires_at"),
    sa.Column("device", sa.Text, nullable=False, server_default=""),
    sa.Column("by_code", sa.Boolean, nullable=False, server_default="false"),
    _moment("used_at"),
    sa.Column("impersonator_id", sa.ForeignKey("people.id", ondelete="CASCADE")),
    sa.Column("reason", sa.Text),
    sa.Index(None, "person_id"),
    sa.Index(None, "expires_at"),
    sa.CheckConstraint("(impersonator_id IS NULL) = (reason IS NULL)", name="reason"),
)

# Something to be proved with what was sent to an address. `send_at` is null once nothing is to be sent any more.
challenges = sa.Table(
    "challenges",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), comment="who proves an address of theirs"),
    sa.Column("registration", JSONB),
    sa.Column("code_hash", sa.LargeBinary),
    sa.Column("token_hash", sa.LargeBinary),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("used_at", nullable=True),
    _moment("send_at", nullable=True),
    sa.Column("sendings", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Index("challenges_send_at_idx", "send_at", postgresql_where=sa.text("send_at IS NOT NULL")),
    sa.Index(None, "expires_at"),
    sa.Index(None, "person_id"),
    _one_of("purpose", "register", "sign_in", "reset", "address", "sign"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("party_id", sa.ForeignKey("parties.id", ondelete="CASCADE"), nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("invited_by", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
    sa.Index(None, "party_id"),
    sa.Index(None, "expires_at"),
    _one_of("role", "admin", "manager", "treasurer", "member", "viewer"),
)

# Only ever added to: a trigger refuses anything else. No foreign keys: it outlives what it speaks of.
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    _moment("at"),
    sa.Column("person_id", sa.Uuid, nullable=False, comment="in whose name"),
    sa.Column("impersonator_id", sa.Uuid, comment="the member of staff who acted in it"),
    sa.Column("session_id", sa.Uuid),
    sa.Column("party_id", sa.Uuid, comment="for which party"),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("object_kind", sa.Text, nullable=False),
    sa.Column("object_id", sa.Uuid, nullable=False),
    sa.Column("facts", JSONB, nullable=False),
    sa.Index(None, "person_id", "id"),
    sa.Index(None, "object_id", "id"),
)
