"""The owner's view: what takes the time of a machine or of a fleet, and who is late. Three questions at most."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, NotAllowed, UnknownParty, Verb, require
from votremachine.accounts.service.parties import party_names
from votremachine.availability.rules import Taker
from votremachine.availability.service.agenda import TAKEN
from votremachine.bookings.models import booking_machines, bookings
from votremachine.bookings.rules import State
from votremachine.bookings.schemas import AgendaEntry, MachineAgenda, Named
from votremachine.bookings.service.reading import in_state
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Database
from votremachine.infra.idempotency import Identify
from votremachine.infra.questions import ask
from votremachine.infra.wire import SpanView
from votremachine.kernel.span import Span

FIRST = UUID(int=0)
_INSTANT = sa.DateTime(timezone=True)
_now = sa.bindparam("now", type_=_INSTANT)
_taken = TAKEN.subquery("taken")
_BOOKED = tuple(bookings.c[name] for name in ("renter_party_id", "state", "at_risk"))
# A machine that is out beyond its booking holds no time of the calendar, but it is not there either.
_late = (
    sa.select(
        bookings.c.id,
        booking_machines.c.machine_id,
        sa.literal(Taker.BOOKING.value).label("kind"),
        bookings.c.id.label("ref_id"),
        bookings.c.starts,
        bookings.c.ends,
        bookings.c.starts.label("blocked_from"),
        bookings.c.ends.label("blocked_to"),
        bookings.c.expires_at,
        sa.null().label("note"),
        sa.false().label("recurs"),
        *_BOOKED,
    )
    .join(booking_machines, booking_machines.c.booking_id == bookings.c.id)
    .where(
        in_state(State.IN_USE),
        bookings.c.ends <= sa.bindparam("blocked_from", type_=_INSTANT),
        sa.bindparam("blocked_from", type_=_INSTANT) < _now,
        booking_machines.c.machine_id == sa.any_(sa.bindparam("machines", type_=sa.ARRAY(sa.Uuid))),
    )
)
_found = sa.union_all(
    sa.select(*_taken.c, *_BOOKED).select_from(_taken.outerjoin(bookings, bookings.c.id == _taken.c.ref_id)), _late
).subquery("found")
_ENTRIES = sa.select(_found).order_by(_found.c.machine_id, _found.c.starts, _found.c.id)


async def fleet_agenda(
    database: Database, identify: Identify[Actor], party_id: UUID, window: Span, *, after: UUID | None, limit: int
) -> Sequence[MachineAgenda]:
    """The calendars of a page of a party's machines, in the order of their ids; `limit + 1` of them.

    Raises `UnknownParty`, `NotAllowed`.
    """
    now = database.clock()
    values = {"party": party_id, "after": after or FIRST, "most": limit + 1}
    who, rows = await ask(database, identify, now, fleet.PAGE_OF_PARTY, values)
    require(Verb.READ_CALENDAR, who, owner=party_id, stranger=UnknownParty())
    return await _agendas(database, [fleet.from_row(row) for row in rows], window)


async def machine_agenda(
    database: Database, identify: Identify[Actor], machine_id: UUID, window: Span
) -> MachineAgenda:
    """The calendar of one machine. Raises `UnknownMachine`, `NotAllowed`."""
    now = database.clock()
    who, rows = await ask(database, identify, now, fleet.BY_IDS, {"ids": [machine_id]})
    known = fleet.check_found({row.id: fleet.from_row(row) for row in rows}, [machine_id])
    (machine,) = fleet.check_visible(who, known)
    require(Verb.READ_CALENDAR, who, owner=machine.party_id, stranger=NotAllowed())
    return (await _agendas(database, [machine], window))[0]


async def _agendas(database: Database, machines: Sequence[Machine], window: Span) -> list[MachineAgenda]:
    async with database.read() as tx:
        ids = [machine.id for machine in machines]
        values = {"machines": ids, "now": tx.now, "blocked_from": window.start, "blocked_to": window.end}
        rows = await tx.rows(_ENTRIES, values) if ids else ()
        names = await party_names(tx, {row.renter_party_id for row in rows if row.renter_party_id is not None})
        by_machine: defaultdict[UUID, list[sa.Row[Any]]] = defaultdict(list)
        for row in rows:
            by_machine[row.machine_id].append(row)
        return [
            MachineAgenda(
                Named(machine.id, machine.title),
                machine.zone.key,
                [_entry(row, machine, names, late=_is_late(row, tx.now)) for row in by_machine[machine.id]],
            )
            for machine in machines
        ]


def _is_late(row: sa.Row[Any], now: datetime) -> bool:
    return bool(row.state == State.IN_USE and row.ends < now)


def _entry(row: sa.Row[Any], machine: Machine, names: Mapping[UUID, str], *, late: bool) -> AgendaEntry:
    renter = None if row.renter_party_id is None else Named(row.renter_party_id, names[row.renter_party_id])
    return AgendaEntry(
        kind=Taker(row.kind),
        ref_id=row.ref_id,
        during=SpanView.of(Span(row.starts, row.ends), machine.zone),
        blocked=SpanView.of(Span(row.blocked_from, row.blocked_to), machine.zone),
        state=None if row.state is None else State(row.state),
        renter=renter,
        expires_at=row.expires_at,
        at_risk=bool(row.at_risk),
        late=late,
        note=row.note or "",
        recurs=bool(row.recurs),
    )
