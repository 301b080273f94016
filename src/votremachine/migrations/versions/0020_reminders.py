"""Reminders, deliveries by each channel, preferences, devices for push; messages that were read.

Revision 0020, after 0019.
"""

from alembic import op

revision = "0020"
down_revision = "0019"


# The hour of an offer, as it was put into words by earlier versions.
RENAME = """
    UPDATE messages SET facts = facts - ARRAY['{before}_fr', '{before}_en']
        || jsonb_build_object('{after}_fr', facts->'{before}_fr', '{after}_en', facts->'{before}_en')
    WHERE kind = 'WaitingOffered' AND facts ? '{before}_fr'
"""
FORGET = """
    DELETE FROM messages WHERE (kind IN ('WaitingOffered', 'DepositLapsing') AND NOT facts ? 'until_fr')
        OR (kind = 'PaymentMissing' AND NOT facts ? 'amount_fr') OR (kind = 'LedgerDiffers' AND NOT facts ? 'found_fr')
        OR (kind = 'DepositCaptured' AND NOT facts ? 'captured_fr') OR kind IN (
        'booking_tomorrow', 'hand_over_soon', 'return_due', 'overdue', 'overdue_escalated', 'request_waiting',
        'request_expiring', 'hold_expiring', 'digest')
"""


def upgrade() -> None:
    op.execute("ALTER TABLE messages ADD COLUMN read_at TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE messages ADD COLUMN in_digest BOOLEAN NOT NULL DEFAULT false")
    op.execute(RENAME.format(before="until", after="expires_at"))
    op.execute("CREATE INDEX messages_digest_idx ON messages (person_id, id) WHERE in_digest")
    op.execute(
        """
        CREATE TABLE reminders (
            id UUID NOT NULL,
            kind TEXT NOT NULL,
            subject UUID NOT NULL,
            person_id UUID NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            state TEXT NOT NULL,
            attempts SMALLINT DEFAULT '0' NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            dedupe_key TEXT NOT NULL,
            last_error TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT reminders_pkey PRIMARY KEY (id),
            CONSTRAINT reminders_state_check CHECK (state IN ('planned', 'told', 'dropped', 'dead')),
            CONSTRAINT reminders_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE,
            CONSTRAINT reminders_dedupe_key_key UNIQUE (dedupe_key)
        )
        """
    )
    op.execute("CREATE INDEX reminders_dead_idx ON reminders (id) WHERE state = 'dead'")
    op.execute("CREATE INDEX reminders_due_idx ON reminders (due_at, lease_until) WHERE state = 'planned'")
    op.execute("CREATE INDEX reminders_person_id_idx ON reminders (person_id)")
    op.execute("CREATE INDEX reminders_subject_idx ON reminders (subject)")
    op.execute("COMMENT ON COLUMN reminders.subject IS 'the booking, party or person it is about'")
    op.execute("COMMENT ON COLUMN reminders.due_at IS 'as planned; later after each try that failed'")
    op.execute("COMMENT ON COLUMN reminders.lease_until IS 'until then a worker is at it'")
    op.execute(
        """
        CREATE TABLE deliveries (
            id UUID NOT NULL,
            message_id UUID NOT NULL,
            channel TEXT NOT NULL,
            state TEXT NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            attempts SMALLINT DEFAULT '0' NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            follow_at TIMESTAMP WITH TIME ZONE,
            provider_id TEXT DEFAULT '' NOT NULL,
            last_error TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT deliveries_pkey PRIMARY KEY (id),
            CONSTRAINT deliveries_message_id_channel_key UNIQUE (message_id, channel),
            CONSTRAINT deliveries_channel_check CHECK (channel IN ('push', 'email', 'sms')),
            CONSTRAINT deliveries_state_check CHECK (state IN ('waiting', 'sent', 'dropped', 'dead')),
            CONSTRAINT deliveries_message_id_fkey FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX deliveries_dead_idx ON deliveries (id) WHERE state = 'dead'")
    op.execute("CREATE INDEX deliveries_due_idx ON deliveries (due_at, lease_until) WHERE state = 'waiting'")
    op.execute("CREATE INDEX deliveries_follow_idx ON deliveries (follow_at) WHERE follow_at IS NOT NULL")
    op.execute("COMMENT ON COLUMN deliveries.id IS 'by which providers may know a repetition'")
    op.execute("COMMENT ON COLUMN deliveries.due_at IS 'later after each try that failed'")
    op.execute("COMMENT ON COLUMN deliveries.lease_until IS 'until then a worker is at it'")
    op.execute(
        "COMMENT ON COLUMN deliveries.follow_at IS 'when the next channel is tried, if it has not been read by then'"
    )
    op.execute(
        """
        CREATE TABLE delivery_counts (
            channel TEXT NOT NULL,
            outcome TEXT NOT NULL,
            total BIGINT NOT NULL,
            CONSTRAINT delivery_counts_pkey PRIMARY KEY (channel, outcome)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE sms_codes (
            id UUID NOT NULL,
            person_id UUID NOT NULL,
            booking_id UUID NOT NULL,
            code_hash BYTEA NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            attempts SMALLINT DEFAULT '0' NOT NULL,
            CONSTRAINT sms_codes_pkey PRIMARY KEY (id),
            CONSTRAINT sms_codes_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX sms_codes_expires_at_idx ON sms_codes (expires_at)")
    op.execute("CREATE INDEX sms_codes_person_id_idx ON sms_codes (person_id)")
    op.execute(
        """
        CREATE TABLE preferences (
            person_id UUID NOT NULL,
            zone TEXT NOT NULL,
            quiet_from TIME WITHOUT TIME ZONE,
            quiet_until TIME WITHOUT TIME ZONE,
            digest_at TIME WITHOUT TIME ZONE,
            kinds JSONB NOT NULL,
            version INTEGER NOT NULL,
            CONSTRAINT preferences_pkey PRIMARY KEY (person_id),
            CONSTRAINT preferences_quiet_check CHECK ((quiet_from IS NULL) = (quiet_until IS NULL)),
            CONSTRAINT preferences_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
        )
        """
    )
    op.execute("COMMENT ON COLUMN preferences.digest_at IS 'set: what is not urgent comes once a day at this hour'")
    op.execute("COMMENT ON COLUMN preferences.kinds IS 'the channels of each kind that was chosen'")
    op.execute(
        """
        CREATE TABLE devices (
            id UUID NOT NULL,
            person_id UUID NOT NULL,
            endpoint_hash BYTEA NOT NULL,
            subscription_sealed BYTEA NOT NULL,
            name TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT devices_pkey PRIMARY KEY (id),
            CONSTRAINT devices_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE,
            CONSTRAINT devices_endpoint_hash_key UNIQUE (endpoint_hash)
        )
        """
    )
    op.execute("CREATE INDEX devices_person_id_idx ON devices (person_id)")
    op.execute("COMMENT ON COLUMN devices.subscription_sealed IS 'encrypted: who has it may push there'")
    op.execute(
        """
        CREATE TABLE push_keys (
            id SMALLINT NOT NULL,
            private_sealed BYTEA NOT NULL,
            public TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT push_keys_pkey PRIMARY KEY (id),
            CONSTRAINT push_keys_id_check CHECK (id = 1)
        )
        """
    )
    op.execute("COMMENT ON COLUMN push_keys.public IS 'uncompressed point, base64url'")


def downgrade() -> None:
    for table in ("push_keys", "devices", "preferences", "sms_codes", "delivery_counts", "deliveries", "reminders"):
        op.drop_table(table)
    op.execute("DROP INDEX messages_digest_idx")
    op.execute("ALTER TABLE messages DROP COLUMN in_digest")
    op.execute("ALTER TABLE messages DROP COLUMN read_at")
    op.execute(RENAME.format(before="expires_at", after="until"))
    # Of kinds that are new there is no word before this revision, nor of an hour that is not put into words.
    op.execute(FORGET)
