"""The ledger: immutable, zero-sum, and proved; and what is paid out to owners.

Revision 0014, after 0013.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

TABLES = (
    """
    CREATE TABLE ledger_accounts (
        id UUID NOT NULL,
        party_id UUID,
        code TEXT NOT NULL,
        currency TEXT NOT NULL,
        CONSTRAINT ledger_accounts_pkey PRIMARY KEY (id),
        CONSTRAINT ledger_accounts_party_id_code_currency_key UNIQUE NULLS NOT DISTINCT (party_id, code, currency),
        CONSTRAINT ledger_accounts_id_currency_key UNIQUE (id, currency)
    )
    """,
    """
    CREATE TABLE ledger_transactions (
        id UUID NOT NULL,
        kind TEXT NOT NULL,
        cause_kind TEXT NOT NULL,
        cause_id UUID NOT NULL,
        booking_id UUID,
        reference TEXT NOT NULL,
        occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
        description TEXT NOT NULL,
        lines SMALLINT NOT NULL,
        content UUID NOT NULL,
        CONSTRAINT ledger_transactions_pkey PRIMARY KEY (id),
        CONSTRAINT ledger_transactions_cause_id_cause_kind_kind_key UNIQUE (cause_id, cause_kind, kind),
        CONSTRAINT ledger_transactions_lines_check CHECK (lines >= 2)
    )
    """,
    "CREATE INDEX ledger_transactions_booking_id_idx ON ledger_transactions (booking_id) WHERE booking_id IS NOT NULL",
    "CREATE INDEX ledger_transactions_reference_idx ON ledger_transactions (reference) WHERE reference <> ''",
    """
    CREATE TABLE ledger_entries (
        transaction_id UUID NOT NULL,
        line_no SMALLINT NOT NULL,
        account_id UUID NOT NULL,
        minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        CONSTRAINT ledger_entries_pkey PRIMARY KEY (transaction_id, line_no),
        CONSTRAINT ledger_entries_transaction_id_fkey FOREIGN KEY(transaction_id) REFERENCES ledger_transactions (id),
        CONSTRAINT ledger_entries_account_id_fkey FOREIGN KEY(account_id, currency)
            REFERENCES ledger_accounts (id, currency),
        CONSTRAINT ledger_entries_minor_check CHECK (minor <> 0),
        CONSTRAINT ledger_entries_line_no_check CHECK (line_no >= 1)
    )
    """,
    "CREATE INDEX ledger_entries_account_id_idx ON ledger_entries (account_id, transaction_id, line_no) INCLUDE (minor)",
    """
    CREATE TABLE ledger_checkpoints (
        account_id UUID NOT NULL,
        before UUID NOT NULL,
        day DATE NOT NULL,
        minor BIGINT NOT NULL,
        CONSTRAINT ledger_checkpoints_pkey PRIMARY KEY (account_id, before),
        CONSTRAINT ledger_checkpoints_account_id_fkey FOREIGN KEY(account_id) REFERENCES ledger_accounts (id)
    )
    """,
    """
    CREATE UNLOGGED TABLE ledger_claims (
        proof_id UUID NOT NULL,
        reference TEXT NOT NULL,
        currency TEXT NOT NULL,
        moved BIGINT NOT NULL,
        held BIGINT NOT NULL,
        CONSTRAINT ledger_claims_pkey PRIMARY KEY (proof_id, reference)
    )
    """,
    """
    CREATE TABLE ledger_proofs (
        id UUID NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        entries BIGINT NOT NULL,
        orders BIGINT NOT NULL,
        checkpoints BIGINT NOT NULL,
        found BIGINT NOT NULL,
        differences JSONB NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT ledger_proofs_pkey PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE payouts (
        id UUID NOT NULL,
        party_id UUID NOT NULL,
        currency TEXT NOT NULL,
        minor BIGINT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT payouts_pkey PRIMARY KEY (id),
        CONSTRAINT payouts_minor_check CHECK (minor > 0),
        CONSTRAINT payouts_state_check CHECK (state IN ('pending', 'payable', 'sent', 'paid', 'failed'))
    )
    """,
    "CREATE INDEX payouts_party_id_id_idx ON payouts (party_id, id)",
    """
    CREATE TABLE payables (
        id UUID NOT NULL,
        booking_id UUID NOT NULL,
        party_id UUID NOT NULL,
        currency TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        minor BIGINT,
        payout_id UUID,
        CONSTRAINT payables_pkey PRIMARY KEY (id),
        CONSTRAINT payables_payout_id_fkey FOREIGN KEY(payout_id) REFERENCES payouts (id),
        CONSTRAINT payables_minor_check CHECK (minor IS NOT NULL OR payout_id IS NULL)
    )
    """,
    "CREATE INDEX payables_waiting_idx ON payables (party_id, due_at) WHERE payout_id IS NULL",
    "CREATE INDEX payables_payout_id_idx ON payables (payout_id)",
)

GUARDS = (
    """
    CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'what stands in % is neither changed nor deleted', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'ledger_immutable';
    END $$
    """,
    # At commit: all lines are there, and come to zero in each currency.
    """
    CREATE FUNCTION ledger_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT coalesce(sum(n), 0) <> NEW.lines OR bool_or(total <> 0) FROM (
                SELECT count(*) AS n, sum(minor) AS total FROM ledger_entries
                WHERE transaction_id = NEW.id GROUP BY currency) AS by_currency) THEN
            RAISE EXCEPTION 'the entries of transaction % are not all there, or do not come to zero', NEW.id
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'ledger_zero_sum';
        END IF;
        RETURN NULL;
    END $$
    """,
    # A transaction that was committed has all its lines, numbered from 1: any further one has a number above.
    """
    CREATE FUNCTION ledger_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM made JOIN ledger_transactions t ON t.id = made.transaction_id
                WHERE made.line_no > t.lines) THEN
            RAISE EXCEPTION 'a transaction has more entries than it says'
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'ledger_closed';
        END IF;
        DELETE FROM ledger_checkpoints c USING made
        WHERE c.account_id = made.account_id AND c.before > made.transaction_id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER ledger_zero_sum AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_transaction()
    """,
    """
    CREATE TRIGGER ledger_closed AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_entries()
    """,
)


def upgrade() -> None:
    for statement in TABLES + GUARDS:
        op.execute(statement)
    for table in ("ledger_accounts", "ledger_transactions", "ledger_entries"):
        op.execute(
            f"""
            CREATE TRIGGER ledger_immutable BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION ledger_refuse()
            """
        )
        op.execute(
            f"CREATE TRIGGER ledger_kept BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
        )


def downgrade() -> None:
    op.drop_table("payables")
    op.drop_table("payouts")
    for table in ("proofs", "claims", "checkpoints", "entries", "transactions", "accounts"):
        op.drop_table(f"ledger_{table}")
    for function in ("refuse", "check_transaction", "check_entries"):
        op.execute(f"DROP FUNCTION ledger_{function}")
