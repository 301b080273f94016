"""Time that was given back reaches the feeds that want it: facts mark its machine, and a sweep lets the feeds take it.

Marking is an insert, which waits for nobody: the facts of everybody are handed on in one line. Between the two anybody
may book the time, which is then a clash like any other.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa

from votremachine.availability.events import CalendarChanged
from votremachine.availability.feeds.models import calendar_feeds, feed_refills
from votremachine.availability.feeds.service import filling
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx

BATCH = 100
PUT_OFF = timedelta(minutes=1)

_UUIDS, _INSTANT = sa.ARRAY(sa.Uuid), sa.DateTime(timezone=True)
_NOW = sa.bindparam("now", type_=_INSTANT)
_given = (
    sa.func.unnest(sa.bindparam("ids", type_=_UUIDS), sa.bindparam("machines", type_=_UUIDS))
    .table_valued(sa.column("id", sa.Uuid), sa.column("machine_id", sa.Uuid), name="given")
    .render_derived()
)
_MARK = feed_refills.insert().from_select(
    ["id", "machine_id", "due_at"],
    sa.select(_given.c.id, _given.c.machine_id, _NOW).where(
        sa.exists().where(calendar_feeds.c.machine_id == _given.c.machine_id)
    ),
)
_DUE = (
    sa.select(feed_refills.c.machine_id)
    .where(feed_refills.c.machine_id > sa.bindparam("after", type_=sa.Uuid), feed_refills.c.due_at <= _NOW)
    .distinct()
    .order_by(feed_refills.c.machine_id)
    .limit(BATCH)
)
_of_machine = feed_refills.c.machine_id == sa.bindparam("machine", type_=sa.Uuid)
_TAKE = feed_refills.delete().where(_of_machine)
_PUT_OFF = feed_refills.update().where(_of_machine).values(due_at=sa.bindparam("later", type_=_INSTANT))


class OfMachines(Protocol):
    """A fact that says which machines it is about."""

    @property
    def machine_ids(self) -> Sequence[UUID]: ...


async def on_given_back(tx: Tx, fact: OfMachines) -> None:
    """Somebody has less of these machines' time than before."""
    await _mark(tx, fact.machine_ids)


async def on_calendar_changed(tx: Tx, fact: CalendarChanged) -> None:
    """Somebody changed what blocks a machine; what the clock does only takes, or has let feeds take already."""
    if fact.by is not None:
        await _mark(tx, [fact.machine_id])


async def due(tx: Tx, after: UUID) -> Sequence[UUID]:
    """The next machines, by id, whose feeds may take what was given back; at most `BATCH`."""
    return [row.machine_id for row in await tx.rows(_DUE, {"after": after, "now": tx.now})]


async def refill(tx: Tx, machine_id: UUID) -> None:
    """Let the feeds of a machine take what they want and nobody has. Raises `RunAgain`."""
    await fleet.lock(tx, machine_id)
    # First: who gives time back from here on marks the machine anew.
    if (await tx.execute(_TAKE, {"machine": machine_id})).rowcount:
        await filling.fill(tx, await fleet.machine(tx, machine_id))


async def put_off(tx: Tx, machine_id: UUID) -> None:
    """Try a machine again in a minute."""
    await tx.execute(_PUT_OFF, {"machine": machine_id, "later": tx.now + PUT_OFF})


async def _mark(tx: Tx, machine_ids: Sequence[UUID]) -> None:
    if machine_ids:
        values = {"ids": [tx.new_id() for _ in machine_ids], "machines": list(machine_ids), "now": tx.now}
        await tx.execute(_MARK, values)
