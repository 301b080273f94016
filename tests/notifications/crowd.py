"""A farm with very many people, all of whom are due a reminder of one booking."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from tests.cast import plant
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import reading
from votremachine.bookings.service.book import book
from votremachine.infra.database import Database
from votremachine.notifications.about import machines_of, zone_of
from votremachine.notifications.reminders.rules import Moments, dedupe_key
from votremachine.notifications.reminders.wants import planned

NONE = timedelta(0)
_PEOPLE = """
    INSERT INTO people (id, email, name, language, created_at)
    SELECT uuidv7(), 'p' || n || '@crowd.example', 'P' || n, 'fr', now() FROM generate_series(1, :count) n RETURNING id
"""
_SEATS = """
    INSERT INTO seats SELECT id, :party, 'member' FROM people WHERE email LIKE '%@crowd.example' ON CONFLICT DO NOTHING
"""
# Whatever the hour, nothing waits for the morning.
_NO_QUIET = """
    INSERT INTO preferences (person_id, zone, kinds, version) SELECT id, 'Europe/Paris', '{}', 1 FROM people
"""
_REMINDERS = sa.text(
    """
    INSERT INTO reminders (id, kind, subject, person_id, due_at, state, dedupe_key, created_at, changed_at)
    SELECT uuidv7(), 'hand_over_soon', :booking, :person, :due, 'planned', :key, now(), now()
    """
)


async def gather(database: Database, count: int) -> UUID:
    """A booking that begins in an hour and a half, and as many people, each with a reminder that is due; its id."""
    async with database.begin() as tx:
        cast = await plant(tx, buffers=[(NONE, NONE)])
        start = tx.now + timedelta(minutes=90)
        asked = Book(machine_ids=cast.machines, start=start, end=start + timedelta(days=1), payment="on_account")
        made = await book(tx, cast.renter, asked)
    party = next(iter(cast.renter.seats))
    async with database.begin() as tx:
        people = [row.id for row in await tx.rows(sa.text(_PEOPLE), {"count": count})]
        await tx.execute(sa.text(_SEATS), {"party": party})
        await tx.execute(sa.text(_NO_QUIET))
        booking = await reading.load(tx, made.id)
        zone = zone_of(booking, await machines_of(tx, [booking]))
        (due,) = {one.due_at for one in planned(booking, zone, Moments()) if one.kind == "hand_over_soon"}
        rows = [
            {"booking": made.id, "person": one, "due": due, "key": dedupe_key("hand_over_soon", made.id, one, due)}
            for one in people
        ]
        await tx.execute(_REMINDERS, rows)
        # Its facts would plan the same once more, and tell of the booking: here only what is due counts.
        await tx.execute(sa.text("DELETE FROM outbox"))
    return made.id
