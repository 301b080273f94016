"""Noting that somebody looked at their party's calendar, once a day; and whose nobody has looked at for long."""

from collections.abc import Collection
from datetime import date
from functools import partial
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.rules import Actor
from votremachine.bookings.models import calendar_looks
from votremachine.infra.database import Database, Tx

MOST_KNOWN = 10_000
# The day that this process has noted for a party: another look on it writes nothing.
_noted: dict[UUID, date] = {}
_put = insert(calendar_looks)
_NOTE = _put.on_conflict_do_update(
    index_elements=["party_id"],
    set_={"seen_on": _put.excluded.seen_on},
    where=calendar_looks.c.seen_on < _put.excluded.seen_on,
)


async def note(database: Database, who: Actor, party_id: UUID) -> None:
    """Somebody looked at a party's calendar; if they are of it, and the first today, that is written down."""
    today = database.clock().date()
    if party_id not in who.seats or _noted.get(party_id) == today:
        return
    if len(_noted) >= MOST_KNOWN:
        _noted.clear()
    await database.run(partial(_write, party_id=party_id, today=today))
    _noted[party_id] = today


async def unseen(tx: Tx, party_ids: Collection[UUID], since: date) -> set[UUID]:
    """Those of these parties whose calendar nobody of theirs has looked at since that day. For a party that is asked
    about for the first time, it counts from today.
    """
    first = [{"party_id": one, "seen_on": tx.now.date()} for one in sorted(party_ids)]
    if not first:
        return set()
    await tx.execute(insert(calendar_looks).on_conflict_do_nothing(), first)
    wanted = sa.select(calendar_looks.c.party_id).where(
        calendar_looks.c.party_id.in_(list(party_ids)), calendar_looks.c.seen_on < since
    )
    return {row.party_id for row in await tx.rows(wanted)}


async def _write(tx: Tx, party_id: UUID, today: date) -> None:
    await tx.execute(_NOTE, {"party_id": party_id, "seen_on": today})
