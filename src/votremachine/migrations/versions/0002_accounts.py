"""Sign-in by e-mail, phone and code; parties as the law knows them; invitations, staff, the audit log.

Sessions that stand go on. Down again, people without an e-mail address keep a made-up one of `.invalid` (RFC 2606).
"""

from alembic import op

revision = "0002"
down_revision = "0001"

ROLES = "'admin', 'manager', 'treasurer', 'member', 'viewer'"

UP = (
    "ALTER TABLE people ALTER COLUMN email DROP NOT NULL",
    "ALTER TABLE people ALTER COLUMN password_hash DROP NOT NULL",
    "ALTER TABLE people ADD COLUMN phone TEXT CONSTRAINT people_phone_key UNIQUE",
    "ALTER TABLE people ADD COLUMN staff TEXT"
    " CONSTRAINT people_staff_check CHECK (staff IN ('support', 'mediator', 'operator'))",
    "ALTER TABLE people ADD COLUMN closed_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE people ADD CONSTRAINT people_address_check"
    " CHECK (email IS NOT NULL OR phone IS NOT NULL OR closed_at IS NOT NULL)",
    """
    ALTER TABLE parties
        ADD COLUMN legal_name TEXT DEFAULT '' NOT NULL,
        ADD COLUMN siren TEXT,
        ADD COLUMN siret TEXT,
        ADD COLUMN vat_number TEXT,
        ADD COLUMN street TEXT DEFAULT '' NOT NULL,
        ADD COLUMN postcode TEXT DEFAULT '' NOT NULL,
        ADD COLUMN language TEXT DEFAULT 'fr' NOT NULL,
        ADD COLUMN iban_sealed BYTEA,
        ADD COLUMN iban_masked TEXT,
        ADD COLUMN closed_at TIMESTAMP WITH TIME ZONE,
        ADD CONSTRAINT parties_language_check CHECK (language IN ('fr', 'en')),
        ADD CONSTRAINT parties_siret_check CHECK (siret IS NULL OR left(siret, 9) = siren)
    """,
    """
    ALTER TABLE sessions
        ALTER COLUMN refresh_hash DROP NOT NULL,
        ADD COLUMN device TEXT DEFAULT '' NOT NULL,
        ADD COLUMN by_code BOOLEAN DEFAULT 'false' NOT NULL,
        ADD COLUMN used_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN impersonator_id UUID,
        ADD COLUMN reason TEXT,
        ADD CONSTRAINT sessions_impersonator_id_fkey
            FOREIGN KEY(impersonator_id) REFERENCES people (id) ON DELETE CASCADE,
        ADD CONSTRAINT sessions_reason_check CHECK ((impersonator_id IS NULL) = (reason IS NULL))
    """,
    "UPDATE sessions SET used_at = created_at",
    "ALTER TABLE sessions ALTER COLUMN used_at SET NOT NULL",
    "CREATE INDEX sessions_expires_at_idx ON sessions (expires_at)",
    """
    CREATE TABLE challenges (
        id UUID NOT NULL,
        purpose TEXT NOT NULL,
        address TEXT NOT NULL,
        person_id UUID,
        registration JSONB,
        code_hash BYTEA,
        token_hash BYTEA,
        attempts SMALLINT DEFAULT '0' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        used_at TIMESTAMP WITH TIME ZONE,
        send_at TIMESTAMP WITH TIME ZONE,
        sendings SMALLINT DEFAULT '0' NOT NULL,
        CONSTRAINT challenges_pkey PRIMARY KEY (id),
        CONSTRAINT challenges_purpose_check CHECK (purpose IN ('register', 'sign_in', 'reset', 'address')),
        CONSTRAINT challenges_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX challenges_send_at_idx ON challenges (send_at) WHERE send_at IS NOT NULL",
    "CREATE INDEX challenges_expires_at_idx ON challenges (expires_at)",
    "CREATE INDEX challenges_person_id_idx ON challenges (person_id)",
    f"""
    CREATE TABLE invitations (
        id UUID NOT NULL,
        party_id UUID NOT NULL,
        role TEXT NOT NULL,
        token_hash BYTEA NOT NULL,
        invited_by UUID NOT NULL,
        note TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT invitations_pkey PRIMARY KEY (id),
        CONSTRAINT invitations_role_check CHECK (role IN ({ROLES})),
        CONSTRAINT invitations_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id) ON DELETE CASCADE,
        CONSTRAINT invitations_token_hash_key UNIQUE (token_hash),
        CONSTRAINT invitations_invited_by_fkey FOREIGN KEY(invited_by) REFERENCES people (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX invitations_party_id_idx ON invitations (party_id)",
    "CREATE INDEX invitations_expires_at_idx ON invitations (expires_at)",
    """
    CREATE TABLE audit_log (
        id UUID NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        person_id UUID NOT NULL,
        impersonator_id UUID,
        session_id UUID,
        party_id UUID,
        verb TEXT NOT NULL,
        object_kind TEXT NOT NULL,
        object_id UUID NOT NULL,
        facts JSONB NOT NULL,
        CONSTRAINT audit_log_pkey PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX audit_log_person_id_id_idx ON audit_log (person_id, id)",
    "CREATE INDEX audit_log_object_id_id_idx ON audit_log (object_id, id)",
    """
    CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
    """,
    "CREATE TRIGGER added_only BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION forbid_change()",
    # Not every message is about a booking any more.
    "ALTER TABLE messages ALTER COLUMN booking_id DROP NOT NULL",
)

DOWN = (
    "DELETE FROM messages WHERE booking_id IS NULL",
    "ALTER TABLE messages ALTER COLUMN booking_id SET NOT NULL",
    "DROP TABLE audit_log",
    "DROP FUNCTION forbid_change",
    "DROP TABLE invitations",
    "DROP TABLE challenges",
    "DELETE FROM sessions WHERE refresh_hash IS NULL",
    "DROP INDEX sessions_expires_at_idx",
    """
    ALTER TABLE sessions
        ALTER COLUMN refresh_hash SET NOT NULL,
        DROP COLUMN device,
        DROP COLUMN by_code,
        DROP COLUMN used_at,
        DROP COLUMN impersonator_id,
        DROP COLUMN reason
    """,
    """
    ALTER TABLE parties
        DROP COLUMN legal_name,
        DROP COLUMN siren,
        DROP COLUMN siret,
        DROP COLUMN vat_number,
        DROP COLUMN street,
        DROP COLUMN postcode,
        DROP COLUMN language,
        DROP COLUMN iban_sealed,
        DROP COLUMN iban_masked,
        DROP COLUMN closed_at
    """,
    "ALTER TABLE people DROP CONSTRAINT people_address_check",
    "UPDATE people SET email = id || '@votremachine.invalid' WHERE email IS NULL",
    "UPDATE people SET password_hash = '' WHERE password_hash IS NULL",
    "ALTER TABLE people ALTER COLUMN email SET NOT NULL, ALTER COLUMN password_hash SET NOT NULL",
    "ALTER TABLE people DROP COLUMN phone, DROP COLUMN staff, DROP COLUMN closed_at",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)
