"""Tables of claims: their lines, offers, evidence, and every step of their lives."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from votremachine.damages.rules.claim import ENDED, Side, State
from votremachine.damages.rules.costs import Kind
from votremachine.infra.tables import metadata


def _listed(names: type[State] | type[Side] | type[Kind] | frozenset[State]) -> str:
    return ", ".join(f"'{name.value}'" for name in sorted(names))


claims = sa.Table(
    "claims",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="its owner's phone may choose it"),
    # Bookings and machines are never deleted, which the database sees to (ADR 4).
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("owner_party_id", sa.Uuid, nullable=False),
    sa.Column("renter_party_id", sa.Uuid, nullable=False),
    sa.Column("machine_ids", ARRAY(sa.Uuid), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, comment="what happened, as the owner has it"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False, comment="minor units, what its lines come to"),
    sa.Column("cap", sa.BigInteger, comment="the most that may be asked"),
    sa.Column("asked", sa.BigInteger, nullable=False),
    sa.Column("turn", sa.Text, comment="the side that is to answer"),
    sa.Column("due_at", sa.DateTime(timezone=True), comment="until when, or when the clock takes it on"),
    sa.Column("stalled_at", sa.DateTime(timezone=True), comment="when staff was told that nobody decides"),
    sa.Column("awarded", sa.BigInteger),
    sa.Column("from_deposit", sa.BigInteger, comment="what was taken of it, once that is known"),
    sa.Column("released", sa.BigInteger, comment="what went back of it then"),
    sa.Column("from_renter", sa.BigInteger, comment="what the renter pays besides"),
    sa.Column("paid", sa.BigInteger, nullable=False, comment="what came in of that"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    # Newest first, of both sides at once.
    sa.Index(None, "owner_party_id", "id"),
    sa.Index(None, "renter_party_id", "id"),
    sa.Index(None, "booking_id", "id"),
    sa.Index("claims_due_idx", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
    # One deposit is not promised to two claims.
    sa.Index(
        "claims_unfinished_idx",
        "booking_id",
        unique=True,
        postgresql_where=sa.text(f"state NOT IN ({_listed(ENDED)})"),
    ),
    sa.CheckConstraint(f"state IN ({_listed(State)})", name="state"),
    sa.CheckConstraint(f"turn IN ({_listed(Side)})", name="turn"),
    sa.CheckConstraint("asked > 0 AND asked = least(total, cap)", name="asked"),
    sa.CheckConstraint("(state IN ('open', 'contested')) = (num_nonnulls(turn, due_at) = 2)", name="due"),
    sa.CheckConstraint("(state IN ('open', 'contested', 'mediation')) = (due_at IS NOT NULL)", name="waits"),
    sa.CheckConstraint("awarded BETWEEN 0 AND asked", name="awarded"),
    sa.CheckConstraint(
        "(state IN ('accepted', 'agreed', 'decided', 'settled')) = (awarded IS NOT NULL)", name="awarded_state"
    ),
    # Both are known together, and make what was awarded.
    sa.CheckConstraint("num_nonnulls(from_deposit, released, from_renter) IN (0, 3)", name="settlement"),
    sa.CheckConstraint("from_deposit + from_renter = awarded", name="conserved"),
    sa.CheckConstraint("from_deposit >= 0 AND released >= 0 AND from_renter >= 0", name="amounts"),
    sa.CheckConstraint("paid BETWEEN 0 AND coalesce(from_renter, 0)", name="paid"),
    sa.CheckConstraint("state <> 'settled' OR from_deposit IS NOT NULL", name="settled"),
)

claim_lines = sa.Table(
    "claim_lines",
    metadata,
    sa.Column("claim_id", sa.ForeignKey("claims.id"), primary_key=True),
    sa.Column("place", sa.SmallInteger, primary_key=True),
    sa.Column("machine_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False, comment="of the parts that wear out, if it is one"),
    sa.Column("net", sa.BigInteger, nullable=False),
    sa.Column("vat", sa.BigInteger, nullable=False),
    sa.Column("kept", sa.Integer, nullable=False, comment="basis points that are left after wear and age"),
    sa.Column("asked", sa.BigInteger, nullable=False),
    sa.Column("age_months", sa.Integer),
    sa.Column("age_hours", sa.Integer),
    sa.Column("inspection_ids", ARRAY(sa.Uuid), nullable=False, comment="the condition reports that show it"),
    sa.CheckConstraint(f"kind IN ({_listed(Kind)})", name="kind"),
    sa.CheckConstraint("net > 0 AND vat >= 0 AND asked BETWEEN 1 AND net + vat", name="amounts"),
    sa.CheckConstraint("kept BETWEEN 1 AND 10000", name="kept"),
)

claim_offers = sa.Table(
    "claim_offers",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("claim_id", sa.ForeignKey("claims.id"), nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("by", sa.Uuid, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "claim_id", "id"),
    sa.CheckConstraint(f"side IN ({_listed(Side)})", name="side"),
    sa.CheckConstraint("minor > 0", name="minor"),
)

# The file is `claims/<id>`; the same one sent twice by a side is one.
claim_evidence = sa.Table(
    "claim_evidence",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("claim_id", sa.ForeignKey("claims.id"), nullable=False),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("by", sa.Uuid, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("claim_id", "sha256", "side"),
    sa.CheckConstraint(f"side IN ({_listed(Side)})", name="side"),
)

# Who took it from which state to which, when and why.
claim_transitions = sa.Table(
    "claim_transitions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("claim_id", sa.ForeignKey("claims.id"), nullable=False),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by", sa.Uuid, comment="null when the clock did it"),
    sa.Column("why", sa.Text, nullable=False),
    sa.Index(None, "claim_id", "id"),
)
