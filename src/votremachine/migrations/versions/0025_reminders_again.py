"""What a message is about besides a booking; apps among the devices; claims are swept when an answer is too late.

Revision 0025.
"""

from alembic import op

revision = "0025"
down_revision = "0024"

# Who was reminded of a claim a day before an answer was due, and mediators, by the words that there were for both.
REMINDED = """
    UPDATE messages SET kind = CASE WHEN facts->>'what_fr' LIKE 'Les deux%' THEN 'claim_undecided'
        ELSE 'claim_answer_due' END, facts = facts || CASE WHEN facts->>'what_fr' LIKE 'Les deux%'
        THEN '{"side": "mediator"}'::jsonb ELSE jsonb_build_object('until', created_at + interval '24 hours') END
    WHERE kind = 'ClaimWaits'
"""
CHOSEN = """
    UPDATE preferences SET kinds = kinds - 'ClaimWaits'
        || jsonb_build_object('claim_answer_due', kinds->'ClaimWaits', 'claim_undecided', kinds->'ClaimWaits')
    WHERE kinds ? 'ClaimWaits'
"""
# Of kinds that are new there is no word before this revision.
NEW = """ARRAY['claim_window_ending', 'claim_answer_due', 'claim_undecided', 'deposit_failed',
    'deposit_lapsing', 'deposit_lapsed']"""
FORGET = (
    f"DELETE FROM messages WHERE kind = ANY ({NEW})",  # noqa: S608 -- the list above
    f"DELETE FROM reminders WHERE kind = ANY ({NEW})",  # noqa: S608
    f"UPDATE preferences SET kinds = kinds - {NEW}",  # noqa: S608
)


def upgrade() -> None:
    op.execute("ALTER TABLE messages ADD COLUMN subject UUID")
    op.execute("COMMENT ON COLUMN messages.subject IS 'what else it is about, as its reminder had it'")
    op.execute("ALTER TABLE devices ADD COLUMN kind TEXT DEFAULT 'browser' NOT NULL")
    op.execute("ALTER TABLE devices ALTER COLUMN kind DROP DEFAULT")
    op.execute("ALTER TABLE devices ADD CONSTRAINT devices_kind_check CHECK (kind IN ('browser', 'app'))")
    op.execute("COMMENT ON COLUMN devices.endpoint_hash IS 'of an app, its token''s'")
    op.execute(REMINDED)
    op.execute(CHOSEN)
    op.execute("DROP INDEX claims_due_idx")
    op.execute("ALTER TABLE claims DROP COLUMN next_at")
    op.execute("CREATE INDEX claims_due_idx ON claims (due_at) WHERE due_at IS NOT NULL")


def downgrade() -> None:
    op.execute("ALTER TABLE claims ADD COLUMN next_at TIMESTAMP WITH TIME ZONE")
    op.execute("COMMENT ON COLUMN claims.next_at IS 'when the sweep looks at it'")
    op.execute(
        """
        UPDATE claims SET next_at = CASE state WHEN 'mediation' THEN now() ELSE due_at - interval '24 hours' END
        WHERE state IN ('open', 'contested', 'mediation')
        """
    )
    op.execute("DROP INDEX claims_due_idx")
    op.execute("CREATE INDEX claims_due_idx ON claims (next_at) WHERE next_at IS NOT NULL")
    for statement in FORGET:
        op.execute(statement)
    op.execute("DELETE FROM devices WHERE kind = 'app'")
    op.execute("ALTER TABLE devices DROP COLUMN kind")
    op.execute("ALTER TABLE messages DROP COLUMN subject")
