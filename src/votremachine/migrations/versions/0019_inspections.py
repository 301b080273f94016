"""Condition reports, sealed and chained; proofs of insurance; what an owner asks for; machines that are not back.

Revision 0019, after 0018.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

TABLES = (
    """
    CREATE TABLE inspections (
        id UUID NOT NULL,
        booking_id UUID NOT NULL,
        next_booking_id UUID,
        machine_id UUID NOT NULL,
        kind TEXT NOT NULL,
        amends UUID,
        state TEXT NOT NULL,
        content BYTEA NOT NULL,
        content_hash BYTEA NOT NULL,
        sent_by UUID NOT NULL,
        sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
        sequence INTEGER,
        previous BYTEA,
        hash BYTEA,
        signed_at TIMESTAMP WITH TIME ZONE,
        insurance TEXT,
        CONSTRAINT inspections_pkey PRIMARY KEY (id),
        CONSTRAINT inspections_amends_fkey FOREIGN KEY(amends) REFERENCES inspections (id),
        CONSTRAINT inspections_machine_id_sequence_key UNIQUE (machine_id, sequence),
        CONSTRAINT inspections_kind_check CHECK (kind IN ('check_out', 'check_in', 'relay', 'amendment')),
        CONSTRAINT inspections_state_check CHECK (state IN ('draft', 'complete', 'signed')),
        CONSTRAINT inspections_amends_check CHECK ((kind = 'amendment') = (amends IS NOT NULL)),
        CONSTRAINT inspections_relay_check CHECK (kind <> 'relay' OR next_booking_id IS NOT NULL),
        CONSTRAINT inspections_seal_check CHECK (
            CASE WHEN state = 'signed' THEN num_nonnulls(sequence, previous, hash, signed_at, insurance) = 5
            ELSE num_nonnulls(sequence, previous, hash, signed_at, insurance) = 0 END)
    )
    """,
    "CREATE INDEX inspections_booking_id_id_idx ON inspections (booking_id, id)",
    "CREATE INDEX inspections_next_booking_id_idx ON inspections (next_booking_id) WHERE next_booking_id IS NOT NULL",
    """
    CREATE TABLE inspection_chains (
        machine_id UUID NOT NULL,
        length INTEGER NOT NULL,
        hash BYTEA NOT NULL,
        CONSTRAINT inspection_chains_pkey PRIMARY KEY (machine_id)
    )
    """,
    """
    CREATE TABLE inspection_photos (
        inspection_id UUID NOT NULL,
        sha256 BYTEA NOT NULL,
        place SMALLINT NOT NULL,
        file_id UUID,
        media_type TEXT,
        bytes INTEGER,
        sent_by UUID,
        received_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT inspection_photos_pkey PRIMARY KEY (inspection_id, sha256),
        CONSTRAINT inspection_photos_file_id_key UNIQUE (file_id),
        CONSTRAINT inspection_photos_inspection_id_fkey FOREIGN KEY(inspection_id) REFERENCES inspections (id),
        CONSTRAINT inspection_photos_received_check
            CHECK (num_nonnulls(file_id, media_type, bytes, sent_by, received_at) IN (0, 5))
    )
    """,
    """
    CREATE TABLE waiting_photos (
        file_id UUID NOT NULL,
        inspection_id UUID NOT NULL,
        sha256 BYTEA NOT NULL,
        media_type TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        sent_by UUID NOT NULL,
        received_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT waiting_photos_pkey PRIMARY KEY (file_id),
        CONSTRAINT waiting_photos_inspection_id_sha256_sent_by_key UNIQUE (inspection_id, sha256, sent_by)
    )
    """,
    "CREATE INDEX waiting_photos_sent_by_idx ON waiting_photos (sent_by)",
    "CREATE INDEX waiting_photos_received_at_idx ON waiting_photos (received_at)",
    """
    CREATE TABLE inspection_signatures (
        inspection_id UUID NOT NULL,
        side TEXT NOT NULL,
        person_id UUID NOT NULL,
        name TEXT NOT NULL,
        method TEXT NOT NULL,
        drawing TEXT NOT NULL,
        why TEXT NOT NULL,
        content_hash BYTEA NOT NULL,
        taken_by UUID NOT NULL,
        signed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT inspection_signatures_pkey PRIMARY KEY (inspection_id, side),
        CONSTRAINT inspection_signatures_inspection_id_fkey FOREIGN KEY(inspection_id) REFERENCES inspections (id),
        CONSTRAINT inspection_signatures_side_check CHECK (side IN ('owner', 'renter', 'next_renter')),
        CONSTRAINT inspection_signatures_method_check CHECK (method IN ('session', 'drawn', 'absent')),
        CONSTRAINT inspection_signatures_drawing_check CHECK ((method = 'drawn') = (drawing <> '')),
        CONSTRAINT inspection_signatures_why_check CHECK ((method = 'absent') = (why <> ''))
    )
    """,
    """
    CREATE TABLE inspection_codes (
        challenge_id UUID NOT NULL,
        booking_id UUID NOT NULL,
        person_id UUID NOT NULL,
        name TEXT NOT NULL,
        asked_by UUID NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        proved BYTEA,
        CONSTRAINT inspection_codes_pkey PRIMARY KEY (challenge_id),
        CONSTRAINT inspection_codes_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX inspection_codes_booking_id_challenge_id_idx ON inspection_codes (booking_id, challenge_id)",
    "CREATE INDEX inspection_codes_person_id_idx ON inspection_codes (person_id)",
    """
    CREATE TABLE insurance_proofs (
        id UUID NOT NULL,
        party_id UUID NOT NULL,
        insurer TEXT NOT NULL,
        policy_number TEXT NOT NULL,
        valid_from DATE NOT NULL,
        valid_until DATE NOT NULL,
        file_id UUID,
        sha256 BYTEA,
        media_type TEXT,
        bytes INTEGER,
        added_by UUID NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT insurance_proofs_pkey PRIMARY KEY (id),
        CONSTRAINT insurance_proofs_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id),
        CONSTRAINT insurance_proofs_file_id_key UNIQUE (file_id),
        CONSTRAINT insurance_proofs_validity_check CHECK (valid_from <= valid_until),
        CONSTRAINT insurance_proofs_document_check CHECK (num_nonnulls(file_id, sha256, media_type, bytes) IN (0, 4))
    )
    """,
    "CREATE INDEX insurance_proofs_party_id_id_idx ON insurance_proofs (party_id, id)",
    """
    CREATE TABLE insurance_rules (
        party_id UUID NOT NULL,
        required BOOLEAN NOT NULL,
        CONSTRAINT insurance_rules_pkey PRIMARY KEY (party_id),
        CONSTRAINT insurance_rules_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id)
    )
    """,
    """
    CREATE TABLE overdue_steps (
        booking_id UUID NOT NULL,
        ends TIMESTAMP WITH TIME ZONE NOT NULL,
        step TEXT NOT NULL,
        told_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT overdue_steps_pkey PRIMARY KEY (booking_id, ends, step),
        CONSTRAINT overdue_steps_step_check CHECK (step IN ('cooperative', 'staff'))
    )
    """,
)

GUARDS = (
    """
    CREATE FUNCTION inspection_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'what was signed in % is neither changed nor deleted', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'inspection_immutable';
    END $$
    """,
    # Until it is signed, a report only comes to be complete, and is sealed: what it says never changes.
    """
    CREATE FUNCTION inspection_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.id, OLD.booking_id, OLD.next_booking_id, OLD.machine_id, OLD.kind, OLD.amends, OLD.content,
                OLD.content_hash, OLD.sent_by, OLD.sent_at) IS DISTINCT FROM
                (NEW.id, NEW.booking_id, NEW.next_booking_id, NEW.machine_id, NEW.kind, NEW.amends, NEW.content,
                NEW.content_hash, NEW.sent_by, NEW.sent_at) THEN
            RAISE EXCEPTION 'what condition report % says is not changed', OLD.id
                USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'inspection_immutable';
        END IF;
        RETURN NEW;
    END $$
    """,
    # What belongs to a report is written before it is sealed, or not at all.
    """
    CREATE FUNCTION inspection_check_open() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM inspections WHERE id = NEW.inspection_id AND state = 'signed') THEN
            RAISE EXCEPTION 'condition report % is signed', NEW.inspection_id
                USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'inspection_immutable';
        END IF;
        RETURN NEW;
    END $$
    """,
    # A chain only grows, one report at a time.
    """
    CREATE FUNCTION inspection_check_growth() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.machine_id <> OLD.machine_id OR NOT (NEW.length = OLD.length + 1
                OR (NEW.length = OLD.length AND NEW.hash = OLD.hash)) THEN
            RAISE EXCEPTION 'the chain of machine % only grows', OLD.machine_id
                USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'inspection_immutable';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER inspection_signed BEFORE UPDATE OR DELETE ON inspections
    FOR EACH ROW WHEN (OLD.state = 'signed') EXECUTE FUNCTION inspection_refuse()
    """,
    """
    CREATE TRIGGER inspection_said BEFORE UPDATE ON inspections
    FOR EACH ROW WHEN (OLD.state <> 'signed') EXECUTE FUNCTION inspection_check_change()
    """,
    """
    CREATE TRIGGER inspection_signed BEFORE UPDATE OR DELETE ON inspection_signatures
    FOR EACH ROW EXECUTE FUNCTION inspection_refuse()
    """,
    """
    CREATE TRIGGER inspection_open BEFORE INSERT ON inspection_signatures
    FOR EACH ROW EXECUTE FUNCTION inspection_check_open()
    """,
    """
    CREATE TRIGGER inspection_open BEFORE INSERT ON inspection_photos
    FOR EACH ROW EXECUTE FUNCTION inspection_check_open()
    """,
    # A photo that arrived stays as it arrived.
    """
    CREATE TRIGGER inspection_signed BEFORE UPDATE OR DELETE ON inspection_photos
    FOR EACH ROW WHEN (OLD.file_id IS NOT NULL) EXECUTE FUNCTION inspection_refuse()
    """,
    """
    CREATE TRIGGER inspection_signed BEFORE DELETE ON inspection_chains
    FOR EACH ROW EXECUTE FUNCTION inspection_refuse()
    """,
    """
    CREATE TRIGGER inspection_growth BEFORE UPDATE ON inspection_chains
    FOR EACH ROW EXECUTE FUNCTION inspection_check_growth()
    """,
)
KEPT = ("inspections", "inspection_chains", "inspection_photos", "inspection_signatures")
FUNCTIONS = ("refuse", "check_change", "check_open", "check_growth")


def upgrade() -> None:
    op.execute("ALTER TABLE machines ADD COLUMN asks TEXT[] NOT NULL DEFAULT '{}'")
    op.execute(
        "ALTER TABLE machines ADD CONSTRAINT machines_asks_check "
        "CHECK (asks <@ ARRAY['report', 'licence', 'age', 'insurance'])"
    )
    op.execute("ALTER TABLE challenges DROP CONSTRAINT challenges_purpose_check")
    op.execute(
        "ALTER TABLE challenges ADD CONSTRAINT challenges_purpose_check "
        "CHECK (purpose IN ('register', 'sign_in', 'reset', 'address', 'sign'))"
    )
    for statement in TABLES + GUARDS:
        op.execute(statement)
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER inspection_kept BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION inspection_refuse()"
        )


def downgrade() -> None:
    for table in ("overdue_steps", "insurance_rules", "insurance_proofs", "inspection_codes", "waiting_photos"):
        op.drop_table(table)
    for table in ("inspection_signatures", "inspection_photos", "inspection_chains", "inspections"):
        op.drop_table(table)
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION inspection_{function}")
    op.execute("DELETE FROM challenges WHERE purpose = 'sign'")
    op.execute("ALTER TABLE challenges DROP CONSTRAINT challenges_purpose_check")
    op.execute(
        "ALTER TABLE challenges ADD CONSTRAINT challenges_purpose_check "
        "CHECK (purpose IN ('register', 'sign_in', 'reset', 'address'))"
    )
    op.drop_column("machines", "asks")
