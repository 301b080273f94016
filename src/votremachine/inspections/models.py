"""The tables of condition reports, and of proofs of insurance. Triggers keep what was signed as it is (0019)."""

import sqlalchemy as sa

from votremachine.infra.tables import metadata


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


inspections = sa.Table(
    "inspections",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="the phone's choice"),
    # Bookings and machines are never deleted, which the database sees to (ADR 4).
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("next_booking_id", sa.Uuid, comment="of a relay, or its amendment"),
    sa.Column("machine_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amends", sa.ForeignKey("inspections.id")),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="canonical, as it is hashed"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False, comment="SHA-256, what each side signs"),
    sa.Column("sent_by", sa.Uuid, nullable=False),
    _moment("sent_at"),
    sa.Column("clock_ahead", sa.Integer, comment="seconds by which the phone's clock differed then, if it said"),
    # The seal.
    sa.Column("sequence", sa.Integer, comment="its place in the chain of the machine, from 1"),
    sa.Column("previous", sa.LargeBinary, comment="the seal of the report before it"),
    sa.Column("hash", sa.LargeBinary, comment="the seal, SHA-256"),
    _moment("signed_at", nullable=True),
    sa.Column("insurance", sa.Text, comment="what covered the rental: id of the proof, SHA-256 of its document"),
    sa.Index(None, "booking_id", "id"),
    sa.Index(
        "inspections_next_booking_id_idx",
        "next_booking_id",
        postgresql_where=sa.text("next_booking_id IS NOT NULL"),
    ),
    sa.UniqueConstraint("machine_id", "sequence"),
    sa.CheckConstraint("kind IN ('check_out', 'check_in', 'relay', 'amendment')", name="kind"),
    sa.CheckConstraint("state IN ('draft', 'complete', 'signed')", name="state"),
    sa.CheckConstraint("(kind = 'amendment') = (amends IS NOT NULL)", name="amends"),
    sa.CheckConstraint("kind <> 'relay' OR next_booking_id IS NOT NULL", name="relay"),
    sa.CheckConstraint(
        "CASE WHEN state = 'signed' THEN num_nonnulls(sequence, previous, hash, signed_at, insurance) = 5"
        " ELSE num_nonnulls(sequence, previous, hash, signed_at, insurance) = 0 END",
        name="seal",
    ),
)

# Where the chain of each machine ends: without it nobody would miss the last report.
inspection_chains = sa.Table(
    "inspection_chains",
    metadata,
    sa.Column("machine_id", sa.Uuid, primary_key=True),
    sa.Column("length", sa.Integer, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
)

# The photos that reports announced; what is null has not arrived. The file is `inspections/<file_id>`.
inspection_photos = sa.Table(
    "inspection_photos",
    metadata,
    sa.Column("inspection_id", sa.ForeignKey("inspections.id"), primary_key=True),
    sa.Column("sha256", sa.LargeBinary, primary_key=True),
    sa.Column("place", sa.SmallInteger, nullable=False),
    sa.Column("file_id", sa.Uuid, unique=True),
    sa.Column("media_type", sa.Text),
    sa.Column("bytes", sa.Integer),
    sa.Column("sent_by", sa.Uuid),
    _moment("received_at", nullable=True),
    sa.CheckConstraint("num_nonnulls(file_id, media_type, bytes, sent_by, received_at) IN (0, 5)", name="received"),
)

# Photos that arrived before their reports. Only a report of the same person takes them up.
waiting_photos = sa.Table(
    "waiting_photos",
    metadata,
    sa.Column("file_id", sa.Uuid, primary_key=True),
    sa.Column("inspection_id", sa.Uuid, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("sent_by", sa.Uuid, nullable=False),
    _moment("received_at"),
    sa.UniqueConstraint("inspection_id", "sha256", "sent_by"),
    sa.Index(None, "sent_by"),
    sa.Index(None, "received_at"),
)

inspection_signatures = sa.Table(
    "inspection_signatures",
    metadata,
    sa.Column("inspection_id", sa.ForeignKey("inspections.id"), primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False, comment="as it was then"),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("drawing", sa.Text, nullable=False, comment="strokes of points, as JSON"),
    sa.Column("why", sa.Text, nullable=False, comment="why the side did not sign, if it did not"),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    sa.Column("taken_by", sa.Uuid, nullable=False, comment="in whose session"),
    _moment("signed_at"),
    sa.CheckConstraint("side IN ('owner', 'renter', 'next_renter')", name="side"),
    sa.CheckConstraint("method IN ('session', 'drawn', 'absent')", name="method"),
    sa.CheckConstraint("(method = 'drawn') = (drawing <> '')", name="drawing"),
    sa.CheckConstraint("(method = 'absent') = (why <> '')", name="why"),
)

# The codes that people of one side were sent, to sign on the other side's phone; the digits are the challenge's.
inspection_codes = sa.Table(
    "inspection_codes",
    metadata,
    sa.Column("challenge_id", sa.Uuid, primary_key=True),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("person_id", sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Uuid, nullable=False),
    _moment("created_at"),
    sa.Column("proved", sa.LargeBinary, comment="digest of what it signed"),
    sa.Index(None, "booking_id", "challenge_id"),
    sa.Index(None, "person_id"),
)

insurance_proofs = sa.Table(
    "insurance_proofs",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("party_id", sa.ForeignKey("parties.id"), nullable=False),
    sa.Column("insurer", sa.Text, nullable=False),
    sa.Column("policy_number", sa.Text, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("file_id", sa.Uuid, unique=True),
    sa.Column("sha256", sa.LargeBinary),
    sa.Column("media_type", sa.Text),
    sa.Column("bytes", sa.Integer),
    sa.Column("added_by", sa.Uuid, nullable=False),
    _moment("created_at"),
    sa.Index(None, "party_id", "id"),
    sa.CheckConstraint("valid_from <= valid_until", name="validity"),
    sa.CheckConstraint("num_nonnulls(file_id, sha256, media_type, bytes) IN (0, 4)", name="document"),
)

# The owners, cooperatives above all, that ask for a proof of insurance for whatever they lend.
insurance_rules = sa.Table(
    "insurance_rules",
    metadata,
    sa.Column("party_id", sa.ForeignKey("parties.id"), primary_key=True),
    sa.Column("required", sa.Boolean, nullable=False),
)
