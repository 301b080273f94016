"""A mediation ends, too: by a decision, or unresolved once nobody has decided for long; lines ask for overuse.

Revision 0028, after 0027.
"""

from alembic import op

revision = "0028"
down_revision = "0027"

_STATES = ("accepted", "agreed", "contested", "decided", "mediation", "open", "settled")
_KINDS = ("cleaning", "fuel", "late_return", "missing", "part", "repair")
_UNFINISHED = "CREATE UNIQUE INDEX claims_unfinished_idx ON claims (booking_id) WHERE state NOT IN ({})"


def upgrade() -> None:
    op.execute("ALTER TABLE claims ADD COLUMN stalled_at TIMESTAMP WITH TIME ZONE")
    op.execute("COMMENT ON COLUMN claims.stalled_at IS 'when staff was told that nobody decides'")
    op.execute("COMMENT ON COLUMN claims.due_at IS 'until when, or when the clock takes it on'")
    _one_of("claims", "state", *_STATES, "unresolved", "withdrawn")
    _one_of("claim_lines", "kind", *_KINDS, "overuse")
    _ended("settled", "unresolved", "withdrawn")
    # As if they had been sent to mediation now.
    op.execute("UPDATE claims SET due_at = now() + interval '7 days' WHERE state = 'mediation'")
    op.execute(
        "ALTER TABLE claims ADD CONSTRAINT claims_waits_check"
        " CHECK ((state IN ('open', 'contested', 'mediation')) = (due_at IS NOT NULL))"
    )


def downgrade() -> None:
    op.execute("DELETE FROM messages WHERE kind IN ('ClaimStalled', 'ClaimUnresolved')")
    op.execute("UPDATE preferences SET kinds = kinds - ARRAY['ClaimStalled', 'ClaimUnresolved']")
    op.execute("ALTER TABLE claims DROP CONSTRAINT claims_waits_check")
    op.execute("UPDATE claims SET due_at = NULL WHERE state = 'mediation'")
    # Nothing was awarded, and the deposit was let go: as if its owner had withdrawn it.
    op.execute("UPDATE claims SET state = 'withdrawn' WHERE state = 'unresolved'")
    op.execute("UPDATE claim_transitions SET to_state = 'withdrawn' WHERE to_state = 'unresolved'")
    _ended("settled", "withdrawn")
    _one_of("claims", "state", *_STATES, "withdrawn")
    op.execute("UPDATE claim_lines SET kind = 'late_return' WHERE kind = 'overuse'")
    _one_of("claim_lines", "kind", *_KINDS)
    op.execute("COMMENT ON COLUMN claims.due_at IS 'until when'")
    op.execute("ALTER TABLE claims DROP COLUMN stalled_at")


def _one_of(table: str, column: str, *names: str) -> None:
    check = f"{table}_{column}_check"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IN ({_listed(names)}))")


def _ended(*names: str) -> None:
    op.execute("DROP INDEX claims_unfinished_idx")
    op.execute(_UNFINISHED.format(_listed(names)))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
