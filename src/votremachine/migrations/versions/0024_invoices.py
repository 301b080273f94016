"""Invoices: numbered without a gap, unchanged for good; their payments; an owner's terms of payment.

Revision 0024, after 0023.
"""

from alembic import op

revision = "0024"
down_revision = "0023"

TABLES = (
    """
    CREATE TABLE invoice_series (
        issuer_party_id UUID NOT NULL,
        series TEXT NOT NULL,
        last INTEGER NOT NULL,
        last_on DATE NOT NULL,
        CONSTRAINT invoice_series_pkey PRIMARY KEY (issuer_party_id, series),
        CONSTRAINT invoice_series_last_check CHECK (last > 0)
    )
    """,
    """
    CREATE TABLE invoices (
        id UUID NOT NULL,
        kind TEXT NOT NULL,
        series TEXT NOT NULL,
        position INTEGER NOT NULL,
        issuer_party_id UUID NOT NULL,
        customer_party_id UUID NOT NULL,
        issuer JSONB NOT NULL,
        customer JSONB NOT NULL,
        cause TEXT NOT NULL,
        cause_id UUID NOT NULL,
        booking_id UUID,
        credits_id UUID,
        issued_on DATE NOT NULL,
        due_on DATE NOT NULL,
        supplied_from DATE,
        supplied_until DATE,
        currency TEXT NOT NULL,
        net BIGINT NOT NULL,
        vat BIGINT NOT NULL,
        gross BIGINT NOT NULL,
        rounding BIGINT NOT NULL,
        payable BIGINT NOT NULL,
        lines SMALLINT NOT NULL,
        reason TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        state TEXT NOT NULL,
        paid BIGINT NOT NULL,
        credited BIGINT NOT NULL,
        version INTEGER NOT NULL,
        CONSTRAINT invoices_pkey PRIMARY KEY (id),
        CONSTRAINT invoices_issuer_party_id_series_position_key UNIQUE (issuer_party_id, series, position),
        CONSTRAINT invoices_cause_id_cause_key UNIQUE (cause_id, cause),
        CONSTRAINT invoices_credits_id_fkey FOREIGN KEY (credits_id) REFERENCES invoices (id),
        CONSTRAINT invoices_kind_check CHECK (kind IN ('invoice', 'credit_note')),
        CONSTRAINT invoices_cause_check CHECK (cause IN ('rental', 'card_rental', 'claim', 'credit')),
        CONSTRAINT invoices_state_check CHECK (state IN ('issued', 'paid', 'credited')),
        CONSTRAINT invoices_counted_check CHECK (position > 0 AND lines > 0),
        CONSTRAINT invoices_sides_check CHECK (issuer_party_id <> customer_party_id),
        CONSTRAINT invoices_due_on_check CHECK (due_on >= issued_on),
        CONSTRAINT invoices_sums_check CHECK (net >= 0 AND vat >= 0 AND gross = net + vat
            AND payable = gross + rounding AND payable > 0),
        CONSTRAINT invoices_credits_check CHECK ((kind = 'credit_note') = (credits_id IS NOT NULL)),
        CONSTRAINT invoices_amounts_check CHECK (paid BETWEEN 0 AND payable AND credited BETWEEN 0 AND payable),
        CONSTRAINT invoices_standing_check CHECK (state = CASE WHEN credited >= payable THEN 'credited'
            WHEN paid + credited >= payable THEN 'paid' ELSE 'issued' END),
        CONSTRAINT invoices_credit_note_check CHECK (kind = 'invoice' OR (paid = 0 AND credited = 0))
    )
    """,
    "CREATE INDEX invoices_issuer_party_id_id_idx ON invoices (issuer_party_id, id)",
    "CREATE INDEX invoices_customer_party_id_id_idx ON invoices (customer_party_id, id)",
    "CREATE INDEX invoices_credits_id_idx ON invoices (credits_id) WHERE credits_id IS NOT NULL",
    """
    CREATE TABLE invoice_lines (
        invoice_id UUID NOT NULL,
        place SMALLINT NOT NULL,
        text_fr TEXT NOT NULL,
        text_en TEXT NOT NULL,
        thousandths BIGINT NOT NULL,
        unit TEXT NOT NULL,
        unit_minor BIGINT NOT NULL,
        net BIGINT NOT NULL,
        vat INTEGER NOT NULL,
        category TEXT NOT NULL,
        CONSTRAINT invoice_lines_pkey PRIMARY KEY (invoice_id, place),
        CONSTRAINT invoice_lines_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices (id),
        CONSTRAINT invoice_lines_category_check CHECK (category IN ('S', 'E', 'O')),
        CONSTRAINT invoice_lines_place_check CHECK (place > 0),
        CONSTRAINT invoice_lines_amounts_check CHECK (thousandths >= 0 AND unit_minor >= 0 AND net >= 0),
        CONSTRAINT invoice_lines_vat_check CHECK (vat BETWEEN 0 AND 10000 AND (vat > 0) = (category = 'S'))
    )
    """,
    """
    CREATE TABLE invoice_payments (
        id UUID NOT NULL,
        invoice_id UUID NOT NULL,
        minor BIGINT NOT NULL,
        means TEXT NOT NULL,
        received_on DATE NOT NULL,
        reference TEXT NOT NULL,
        by UUID,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT invoice_payments_pkey PRIMARY KEY (id),
        CONSTRAINT invoice_payments_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices (id),
        CONSTRAINT invoice_payments_same_key UNIQUE (invoice_id, minor, means, received_on, reference),
        CONSTRAINT invoice_payments_means_check CHECK (means IN ('card', 'transfer', 'cheque', 'cash', 'direct_debit')),
        CONSTRAINT invoice_payments_minor_check CHECK (minor > 0)
    )
    """,
    "ALTER TABLE parties ADD COLUMN payment_days SMALLINT DEFAULT '30' NOT NULL",
    "ALTER TABLE parties ADD CONSTRAINT parties_payment_days_check CHECK (payment_days BETWEEN 0 AND 60)",
)

COMMENTS = {
    "invoice_series.last_on": "no later number is dated before it",
    "invoices.issuer": "the party as it was",
    "invoices.credits_id": "the invoice that a credit note takes back",
    "invoices.rounding": "EN 16931, BT-114",
    "invoice_lines.thousandths": "of a unit",
    "invoice_lines.vat": "basis points",
    "invoice_payments.id": "a card's order, or the record of who was paid",
    "invoice_payments.by": "null for cards",
    "parties.payment_days": "after which its invoices are due",
}

GUARDS = (
    # What was issued stands; what came in of it, and what was taken back, only grows.
    """
    CREATE FUNCTION invoices_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE lives CONSTANT TEXT[] := ARRAY['state', 'paid', 'credited', 'version'];
    BEGIN
        IF TG_TABLE_NAME = 'invoices' AND TG_OP = 'UPDATE' THEN
            IF to_jsonb(NEW) - lives = to_jsonb(OLD) - lives
                AND NEW.paid >= OLD.paid AND NEW.credited >= OLD.credited THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'what was issued stands in % for good', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'invoices_immutable';
    END $$
    """,
    # The next number of its series, and no earlier a date.
    """
    CREATE FUNCTION invoices_check_next() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE before RECORD;
    BEGIN
        SELECT position, issued_on INTO before FROM invoices
        WHERE issuer_party_id = NEW.issuer_party_id AND series = NEW.series ORDER BY position DESC LIMIT 1;
        IF NEW.position <> coalesce(before.position, 0) + 1 OR NEW.issued_on < before.issued_on THEN
            RAISE EXCEPTION 'invoice % of series % is not the next', NEW.position, NEW.series
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'invoices_no_gap';
        END IF;
        RETURN NEW;
    END $$
    """,
    # At commit: all its lines are there and come to its sums (EN 16931: VAT once for each rate), and so does what was paid.
    """
    CREATE FUNCTION invoices_check_whole() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        one invoices%ROWTYPE;
        found RECORD;
        came BIGINT;
        back BIGINT;
    BEGIN
        IF TG_TABLE_NAME = 'invoices' THEN
            SELECT * INTO one FROM invoices WHERE id = NEW.id;
        ELSE
            SELECT * INTO one FROM invoices WHERE id = NEW.invoice_id;
        END IF;
        SELECT coalesce(sum(n), 0) AS lines, coalesce(sum(net), 0) AS net, coalesce(sum(tax), 0) AS vat INTO found
        FROM (SELECT count(*) AS n, sum(net) AS net, round(sum(net) * vat / 10000.0) AS tax
              FROM invoice_lines WHERE invoice_id = one.id GROUP BY category, vat) AS by_rate;
        SELECT coalesce(sum(minor), 0) INTO came FROM invoice_payments WHERE invoice_id = one.id;
        SELECT coalesce(sum(payable), 0) INTO back FROM invoices WHERE credits_id = one.id;
        IF (found.lines, found.net, found.vat, came, back)
            IS DISTINCT FROM (one.lines::numeric, one.net::numeric, one.vat::numeric, one.paid, one.credited) THEN
            RAISE EXCEPTION 'invoice % is not what its lines, payments and credit notes come to', one.id
                USING ERRCODE = 'check_violation', TABLE = 'invoices', CONSTRAINT = 'invoices_whole';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER invoices_no_gap BEFORE INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION invoices_check_next()
    """,
)
PARTS = ("invoices", "invoice_lines", "invoice_payments")


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    for column, said in COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN {column} IS '{said.replace(chr(39), chr(39) * 2)}'")
    for statement in GUARDS:
        op.execute(statement)
    for table in PARTS:
        op.execute(
            f"CREATE TRIGGER invoices_immutable BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION invoices_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER invoices_kept BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse()"
        )
        when = "INSERT OR UPDATE" if table == "invoices" else "INSERT"
        op.execute(
            f"CREATE CONSTRAINT TRIGGER invoices_whole AFTER {when} ON {table} DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION invoices_check_whole()"
        )


def downgrade() -> None:
    for table in ("invoice_payments", "invoice_lines", "invoices", "invoice_series"):
        op.drop_table(table)
    for function in ("refuse", "check_next", "check_whole"):
        op.execute(f"DROP FUNCTION invoices_{function}")
    op.execute("ALTER TABLE parties DROP COLUMN payment_days")
