"""The tables of the ledger. What is written there stays: triggers of migration 0014 refuse every change and deletion,
and at commit every transaction whose lines are not all there or do not come to zero.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.infra.tables import metadata

ledger_accounts = sa.Table(
    "ledger_accounts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="follows from the other three"),
    sa.Column("party_id", sa.Uuid, comment="null is the platform"),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.UniqueConstraint("party_id", "code", "currency", postgresql_nulls_not_distinct=True),
    sa.UniqueConstraint("id", "currency"),
)

# The id is of version 7 and says when it was posted: whatever asks for a time asks for a range of ids.
ledger_transactions = sa.Table(
    "ledger_transactions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("cause_kind", sa.Text, nullable=False),
    sa.Column("cause_id", sa.Uuid, nullable=False),
    sa.Column("booking_id", sa.Uuid),
    sa.Column("reference", sa.Text, nullable=False, comment="the gateway's name of the order; empty without one"),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("lines", sa.SmallInteger, nullable=False, comment="how many entries it has"),
    sa.Column("content", sa.Uuid, nullable=False, comment="fingerprint of its entries"),
    sa.UniqueConstraint("cause_id", "cause_kind", "kind"),
    sa.CheckConstraint("lines >= 2", name="lines"),
    sa.Index("ledger_transactions_booking_id_idx", "booking_id", postgresql_where=sa.text("booking_id IS NOT NULL")),
    sa.Index("ledger_transactions_reference_idx", "reference", postgresql_where=sa.text("reference <> ''")),
)

ledger_entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("transaction_id", sa.ForeignKey("ledger_transactions.id"), primary_key=True),
    sa.Column("line_no", sa.SmallInteger, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False, comment="debits are positive"),
    sa.Column("currency", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["account_id", "currency"], ["ledger_accounts.id", "ledger_accounts.currency"]),
    sa.CheckConstraint("minor <> 0", name="minor"),
    sa.CheckConstraint("line_no >= 1", name="line_no"),
    sa.Index("ledger_entries_account_id_idx", "account_id", "transaction_id", "line_no", postgresql_include=["minor"]),
)

# A cache of sums: of all entries of the account whose transaction's id lies below `before`. A posting that comes to lie
# below one deletes it (trigger), so what stands here is true.
ledger_checkpoints = sa.Table(
    "ledger_checkpoints",
    metadata,
    sa.Column("account_id", sa.ForeignKey("ledger_accounts.id"), primary_key=True),
    sa.Column("before", sa.Uuid, primary_key=True),
    sa.Column("day", sa.Date, nullable=False, comment="the UTC day that ends there"),
    sa.Column("minor", sa.BigInteger, nullable=False),
)

# What the gateway says of its orders, while one proof runs: lost in a crash, as the proof is.
ledger_claims = sa.Table(
    "ledger_claims",
    metadata,
    sa.Column("proof_id", sa.Uuid, primary_key=True),
    sa.Column("reference", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("moved", sa.BigInteger, nullable=False, comment="captured less refunded"),
    sa.Column("held", sa.BigInteger, nullable=False),
    prefixes=["UNLOGGED"],
)

ledger_proofs = sa.Table(
    "ledger_proofs",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.Column("checkpoints", sa.BigInteger, nullable=False),
    sa.Column("found", sa.BigInteger, nullable=False),
    sa.Column("differences", JSONB, nullable=False, comment="the first of them"),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
)
