"""Tables of invoices: what was issued stands, which PostgreSQL itself sees to (see the migration, and ADR 12)."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.tables import metadata
from votremachine.invoicing.rules.invoice import Cause, Means, State
from votremachine.invoicing.rules.numbering import Kind
from votremachine.invoicing.rules.sums import Category


def _one_of(
    column: str, names: type[Kind] | type[Cause] | type[State] | type[Means] | type[Category]
) -> sa.CheckConstraint:
    listed = ", ".join(f"'{name.value}'" for name in names)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


# One row for each series of an issuer, locked by whoever issues until they commit or roll back: no number is lost.
invoice_series = sa.Table(
    "invoice_series",
    metadata,
    sa.Column("issuer_party_id", sa.Uuid, primary_key=True),
    sa.Column("series", sa.Text, primary_key=True),
    sa.Column("last", sa.Integer, nullable=False),
    sa.Column("last_on", sa.Date, nullable=False, comment="no later number is dated before it"),
    sa.CheckConstraint("last > 0", name="last"),
)

# But for the last four columns, no row is ever changed.
invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    # Parties and bookings are never deleted, which the database sees to (ADR 4).
    sa.Column("issuer_party_id", sa.Uuid, nullable=False),
    sa.Column("customer_party_id", sa.Uuid, nullable=False),
    sa.Column("issuer", JSONB, nullable=False, comment="the party as it was"),
    sa.Column("customer", JSONB, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("cause_id", sa.Uuid, nullable=False),
    sa.Column("booking_id", sa.Uuid),
    sa.Column("credits_id", sa.ForeignKey("invoices.id"), comment="the invoice that a credit note takes back"),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("supplied_from", sa.Date),
    sa.Column("supplied_until", sa.Date),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("net", sa.BigInteger, nullable=False),
    sa.Column("vat", sa.BigInteger, nullable=False),
    sa.Column("gross", sa.BigInteger, nullable=False),
    sa.Column("rounding", sa.BigInteger, nullable=False, comment="EN 16931, BT-114"),
    sa.Column("payable", sa.BigInteger, nullable=False),
    sa.Column("lines", sa.SmallInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("paid", sa.BigInteger, nullable=False),
    sa.Column("credited", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("issuer_party_id", "series", "position"),
    sa.UniqueConstraint("cause_id", "cause"),
    # Newest first, of both sides at once.
    sa.Index(None, "issuer_party_id", "id"),
    sa.Index(None, "customer_party_id", "id"),
    sa.Index("invoices_credits_id_idx", "credits_id", postgresql_where=sa.text("credits_id IS NOT NULL")),
    _one_of("kind", Kind),
    _one_of("cause", Cause),
    _one_of("state", State),
    sa.CheckConstraint("position > 0 AND lines > 0", name="counted"),
    sa.CheckConstraint("issuer_party_id <> customer_party_id", name="sides"),
    sa.CheckConstraint("due_on >= issued_on", name="due_on"),
    sa.CheckConstraint(
        "net >= 0 AND vat >= 0 AND gross = net + vat AND payable = gross + rounding AND payable > 0", name="sums"
    ),
    sa.CheckConstraint("(kind = 'credit_note') = (credits_id IS NOT NULL)", name="credits"),
    sa.CheckConstraint("paid BETWEEN 0 AND payable AND credited BETWEEN 0 AND payable", name="amounts"),
    sa.CheckConstraint(
        "state = CASE WHEN credited >= payable THEN 'credited' WHEN paid + credited >= payable THEN 'paid'"
        " ELSE 'issued' END",
        name="standing",
    ),
    sa.CheckConstraint("kind = 'invoice' OR (paid = 0 AND credited = 0)", name="credit_note"),
)

invoice_lines = sa.Table(
    "invoice_lines",
    metadata,
    sa.Column("invoice_id", sa.ForeignKey("invoices.id"), primary_key=True),
    sa.Column("place", sa.SmallInteger, primary_key=True),
    sa.Column("text_fr", sa.Text, nullable=False),
    sa.Column("text_en", sa.Text, nullable=False),
    sa.Column("thousandths", sa.BigInteger, nullable=False, comment="of a unit"),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("unit_minor", sa.BigInteger, nullable=False),
    sa.Column("net", sa.BigInteger, nullable=False),
    sa.Column("vat", sa.Integer, nullable=False, comment="basis points"),
    sa.Column("category", sa.Text, nullable=False),
    _one_of("category", Category),
    sa.CheckConstraint("place > 0", name="place"),
    sa.CheckConstraint("thousandths >= 0 AND unit_minor >= 0 AND net >= 0", name="amounts"),
    sa.CheckConstraint("vat BETWEEN 0 AND 10000 AND (vat > 0) = (category = 'S')", name="vat"),
)

invoice_payments = sa.Table(
    "invoice_payments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="a card's order, or the record of who was paid"),
    sa.Column("invoice_id", sa.ForeignKey("invoices.id"), nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    sa.Column("means", sa.Text, nullable=False),
    sa.Column("received_on", sa.Date, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("by", sa.Uuid, comment="null for cards"),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("invoice_id", "minor", "means", "received_on", "reference", name="invoice_payments_same_key"),
    _one_of("means", Means),
    sa.CheckConstraint("minor > 0", name="minor"),
)
