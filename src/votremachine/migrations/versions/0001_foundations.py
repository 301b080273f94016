"""The house and the booking engine: accounts, fleet, time, prices, bookings, inbox, outbox.

Revision 0001, the first.
"""

from alembic import op

revision = "0001"
down_revision = None

# Oldest first: what stands further down refers to what stands above.
TABLES = {
    "outbox": """
        CREATE TABLE outbox (
            id UUID NOT NULL,
            name TEXT NOT NULL,
            body JSONB NOT NULL,
            happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
            attempts INTEGER DEFAULT '0' NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            last_error TEXT,
            CONSTRAINT outbox_pkey PRIMARY KEY (id)
        );
        CREATE INDEX outbox_due_at_idx ON outbox (due_at);
    """,
    "idempotent_answers": """
        CREATE TABLE idempotent_answers (
            person_id UUID NOT NULL,
            key TEXT NOT NULL,
            fingerprint BYTEA NOT NULL,
            status SMALLINT NOT NULL,
            headers JSONB NOT NULL,
            body BYTEA NOT NULL,
            answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT idempotent_answers_pkey PRIMARY KEY (person_id, key)
        );
        CREATE INDEX idempotent_answers_answered_at_idx ON idempotent_answers (answered_at);
    """,
    "people": """
        CREATE TABLE people (
            id UUID NOT NULL,
            email TEXT NOT NULL,
            name TEXT NOT NULL,
            language TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT people_pkey PRIMARY KEY (id),
            CONSTRAINT people_language_check CHECK (language IN ('fr', 'en')),
            CONSTRAINT people_email_key UNIQUE (email)
        );
    """,
    "parties": """
        CREATE TABLE parties (
            id UUID NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            commune TEXT NOT NULL,
            demo BOOLEAN NOT NULL,
            version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT parties_pkey PRIMARY KEY (id),
            CONSTRAINT parties_kind_check CHECK (kind IN ('farm', 'cooperative', 'contractor'))
        );
    """,
    "seats": """
        CREATE TABLE seats (
            person_id UUID NOT NULL,
            party_id UUID NOT NULL,
            role TEXT NOT NULL,
            CONSTRAINT seats_pkey PRIMARY KEY (person_id, party_id),
            CONSTRAINT seats_role_check CHECK (role IN ('admin', 'manager', 'treasurer', 'member', 'viewer')),
            CONSTRAINT seats_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE,
            CONSTRAINT seats_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id) ON DELETE CASCADE
        );
        CREATE INDEX seats_party_id_idx ON seats (party_id);
    """,
    "adhesions": """
        CREATE TABLE adhesions (
            party_id UUID NOT NULL,
            cooperative_id UUID NOT NULL,
            asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
            approved_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT adhesions_pkey PRIMARY KEY (party_id, cooperative_id),
            CONSTRAINT adhesions_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id) ON DELETE CASCADE,
            CONSTRAINT adhesions_cooperative_id_fkey FOREIGN KEY(cooperative_id) REFERENCES parties (id) ON DELETE CASCADE
        );
        CREATE INDEX adhesions_cooperative_id_idx ON adhesions (cooperative_id);
    """,
    "sessions": """
        CREATE TABLE sessions (
            id UUID NOT NULL,
            person_id UUID NOT NULL,
            refresh_hash BYTEA NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT sessions_pkey PRIMARY KEY (id),
            CONSTRAINT sessions_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE,
            CONSTRAINT sessions_refresh_hash_key UNIQUE (refresh_hash)
        );
        CREATE INDEX sessions_person_id_idx ON sessions (person_id);
    """,
    "machines": """
        CREATE TABLE machines (
            id UUID NOT NULL,
            party_id UUID NOT NULL,
            category TEXT NOT NULL,
            title TEXT NOT NULL,
            description TEXT NOT NULL,
            make TEXT NOT NULL,
            model TEXT NOT NULL,
            commune TEXT NOT NULL,
            latitude FLOAT NOT NULL,
            longitude FLOAT NOT NULL,
            zone TEXT NOT NULL,
            state TEXT NOT NULL,
            booking_mode TEXT NOT NULL,
            buffer_before_minutes INTEGER NOT NULL,
            buffer_after_minutes INTEGER NOT NULL,
            min_minutes INTEGER NOT NULL,
            max_minutes INTEGER NOT NULL,
            lead_minutes INTEGER NOT NULL,
            horizon_days INTEGER NOT NULL,
            deposit_minor BIGINT NOT NULL,
            currency TEXT NOT NULL,
            version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT machines_pkey PRIMARY KEY (id),
            CONSTRAINT machines_state_check CHECK (state IN ('draft', 'listed', 'paused', 'retired')),
            CONSTRAINT machines_booking_mode_check CHECK (booking_mode IN ('instant', 'on_request')),
            CONSTRAINT machines_minutes_check CHECK (0 < min_minutes AND min_minutes <= max_minutes),
            CONSTRAINT machines_buffers_check CHECK (buffer_before_minutes >= 0 AND buffer_after_minutes >= 0),
            CONSTRAINT machines_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id)
        );
        CREATE INDEX machines_category_id_idx ON machines (category, id);
        CREATE INDEX machines_party_id_idx ON machines (party_id);
    """,
    "occupancies": """
        CREATE TABLE occupancies (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            kind TEXT NOT NULL,
            ref_id UUID NOT NULL,
            during TSTZRANGE NOT NULL,
            blocked TSTZRANGE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT occupancies_pkey PRIMARY KEY (id),
            CONSTRAINT occupancies_kind_check CHECK (kind IN ('booking', 'block', 'maintenance', 'external')),
            CONSTRAINT occupancies_during_check CHECK (NOT isempty(during)
                AND lower_inc(during)
                AND NOT upper_inc(during)
                AND NOT upper_inf(during)
                AND isfinite(lower(during))
                AND isfinite(upper(during))),
            CONSTRAINT occupancies_blocked_check CHECK (during <@ blocked
                AND lower_inc(blocked)
                AND NOT upper_inc(blocked)
                AND NOT upper_inf(blocked)
                AND isfinite(lower(blocked))
                AND isfinite(upper(blocked)))
        );
        CREATE INDEX occupancies_expires_at_idx ON occupancies (expires_at) WHERE expires_at IS NOT NULL;
        CREATE INDEX occupancies_ref_id_idx ON occupancies (ref_id);
    """,
    "blocks": """
        CREATE TABLE blocks (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            kind TEXT NOT NULL,
            note TEXT NOT NULL,
            created_by UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT blocks_pkey PRIMARY KEY (id),
            CONSTRAINT blocks_kind_check CHECK (kind IN ('block', 'maintenance')),
            CONSTRAINT blocks_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
            CONSTRAINT blocks_created_by_fkey FOREIGN KEY(created_by) REFERENCES people (id)
        );
        CREATE INDEX blocks_machine_id_idx ON blocks (machine_id);
    """,
    "rate_cards": """
        CREATE TABLE rate_cards (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            rates JSONB NOT NULL,
            vat INTEGER NOT NULL,
            currency TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            replaced_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT rate_cards_pkey PRIMARY KEY (id),
            CONSTRAINT rate_cards_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id)
        );
        CREATE UNIQUE INDEX rate_cards_in_force_idx ON rate_cards (machine_id) WHERE replaced_at IS NULL;
    """,
    "bookings": """
        CREATE TABLE bookings (
            id UUID NOT NULL,
            owner_party_id UUID NOT NULL,
            renter_party_id UUID NOT NULL,
            state TEXT NOT NULL,
            starts TIMESTAMP WITH TIME ZONE NOT NULL,
            ends TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE,
            card_ids UUID[] NOT NULL,
            price JSONB NOT NULL,
            deposit_minor BIGINT NOT NULL,
            currency TEXT NOT NULL,
            on_account BOOLEAN NOT NULL,
            on_request BOOLEAN NOT NULL,
            at_risk BOOLEAN NOT NULL,
            out_at TIMESTAMP WITH TIME ZONE,
            returned_at TIMESTAMP WITH TIME ZONE,
            note TEXT NOT NULL,
            version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT bookings_pkey PRIMARY KEY (id),
            CONSTRAINT bookings_state_check CHECK (state IN ('held', 'requested', 'confirmed', 'in_use', 'returned', 'completed', 'declined', 'expired', 'cancelled', 'no_show')),
            CONSTRAINT bookings_span_check CHECK (starts < ends),
            CONSTRAINT bookings_expires_at_check CHECK ((state IN ('held', 'requested')) = (expires_at IS NOT NULL)),
            CONSTRAINT bookings_sides_check CHECK (owner_party_id <> renter_party_id)
        );
        CREATE INDEX bookings_in_use_idx ON bookings (ends) WHERE state = 'in_use';
        CREATE INDEX bookings_owner_party_id_id_idx ON bookings (owner_party_id, id);
        CREATE INDEX bookings_provisional_idx ON bookings (expires_at) WHERE state IN ('held', 'requested');
        CREATE INDEX bookings_renter_party_id_id_idx ON bookings (renter_party_id, id);
        CREATE INDEX bookings_returned_idx ON bookings (returned_at) WHERE state = 'returned';
    """,
    "booking_machines": """
        CREATE TABLE booking_machines (
            booking_id UUID NOT NULL,
            machine_id UUID NOT NULL,
            CONSTRAINT booking_machines_pkey PRIMARY KEY (booking_id, machine_id)
        );
        CREATE INDEX booking_machines_machine_id_idx ON booking_machines (machine_id);
    """,
    "booking_transitions": """
        CREATE TABLE booking_transitions (
            id UUID NOT NULL,
            booking_id UUID NOT NULL,
            from_state TEXT,
            to_state TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            by UUID,
            why TEXT NOT NULL,
            CONSTRAINT booking_transitions_pkey PRIMARY KEY (id)
        );
        CREATE INDEX booking_transitions_booking_id_id_idx ON booking_transitions (booking_id, id);
    """,
    "messages": """
        CREATE TABLE messages (
            id UUID NOT NULL,
            person_id UUID NOT NULL,
            kind TEXT NOT NULL,
            booking_id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT messages_pkey PRIMARY KEY (id),
            CONSTRAINT messages_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
        );
        CREATE INDEX messages_person_id_id_idx ON messages (person_id, id);
    """,
}

# `uuid_range` lets a GiST index hold a machine's id without the extension btree_gist, so that the same schema runs on
# an embedded server, a managed one, and a Citus cluster. It refuses two live occupancies that meet, buffers included.
NO_DOUBLE_BOOKING = """
    ALTER TABLE occupancies ADD CONSTRAINT occupancies_no_double_booking
    EXCLUDE USING gist (uuid_range(machine_id, machine_id, '[]') WITH &&, blocked WITH &&)
"""

# What bookings refer to without a foreign key. Accounting law keeps it for ten years; closing an account anonymises.
KEPT = ("people", "parties", "machines", "bookings")
FORBID = """
    CREATE FUNCTION forbid_deletion() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'rows of % are kept', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$
"""


def upgrade() -> None:
    op.execute("CREATE TYPE uuid_range AS RANGE (subtype = uuid)")
    for definition in TABLES.values():
        for statement in filter(str.strip, definition.split(";")):
            op.execute(statement)
    op.execute(NO_DOUBLE_BOOKING)
    op.execute(FORBID)
    for table in KEPT:
        op.execute(f"CREATE TRIGGER kept BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION forbid_deletion()")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP TYPE uuid_range")
    op.execute("DROP FUNCTION forbid_deletion")
