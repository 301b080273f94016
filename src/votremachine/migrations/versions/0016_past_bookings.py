"""What happened in a week that is over: bookings that came to their end, by owner and time.

Revision 0016, after 0015.
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # As uuid_range of an owner and itself, so that GiST needs no extension. From both sides: what began long ago and
    # came back long ago is not read, however many years there are.
    op.execute(
        "CREATE INDEX bookings_past_idx ON bookings USING gist ("
        " uuid_range(owner_party_id, owner_party_id, '[]'),"
        " tstzrange(LEAST(starts, out_at), GREATEST(ends, returned_at))"
        ") WHERE state IN ('returned', 'completed')"
    )


def downgrade() -> None:
    op.execute("DROP INDEX bookings_past_idx")
