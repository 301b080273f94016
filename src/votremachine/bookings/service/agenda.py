"""The owner's view: all that stands in the calendar of a machine or of a fleet, and who is late. Three questions."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import NotAllowed, UnknownParty
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.availability.rules import Sight
from votremachine.availability.service import agenda as calendars
from votremachine.availability.service.agenda import Standing
from votremachine.bookings.schemas import MachineAgenda, Named
from votremachine.bookings.service import looks
from votremachine.bookings.service.history import Kept, kept, was_out_in_window
from votremachine.bookings.service.sights import Look, entries
from votremachine.bookings.windows import Dates, anywhere, dates_of, on_clock
from votremachine.fleet import service as fleet
from votremachine.fleet.opening import by_date
from votremachine.fleet.rules import Machine, State
from votremachine.infra.database import Database
from votremachine.infra.identify import Identify
from votremachine.infra.questions import ask
from votremachine.infra.wire import SpanView
from votremachine.kernel.span import Span

FIRST = UUID(int=0)
_machine = fleet.OF_PARTY.subquery("machine")
# One that was retired stands in the view of the time in which it still worked.
_PAGE = (
    sa.select(_machine)
    .where(
        sa.or_(
            _machine.c.state != State.RETIRED,
            calendars.stands_in_window(_machine.c.id),
            was_out_in_window(_machine.c.id),
        )
    )
    .order_by(_machine.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


async def fleet_agenda(
    database: Database,
    identify: Identify[Actor],
    party_id: UUID,
    asked: Span | Dates,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[MachineAgenda]:
    """The calendars of a page of a party's machines, in the order of their ids; `limit + 1` of them.

    Raises `UnknownParty`, `NotAllowed`.
    """
    now, window = database.clock(), anywhere(asked)
    values = {"party": party_id, "after": after or FIRST, "most": limit + 1}
    edges = {"wanted_from": window.start, "wanted_to": window.end}
    who, rows = await ask(database, identify, now, _PAGE, values | edges)
    require(Verb.READ_CALENDAR, who, owner=party_id, stranger=UnknownParty())
    await looks.note(database, who, party_id)
    machines = [fleet.from_row(row) for row in sorted(rows, key=lambda row: row.id)]
    return await _agendas(database, party_id, machines, asked)


async def machine_agenda(
    database: Database, identify: Identify[Actor], machine_id: UUID, asked: Span | Dates
) -> MachineAgenda:
    """The calendar of one machine, whatever its state. Raises `UnknownMachine`, `NotAllowed`."""
    now = database.clock()
    who, rows = await ask(database, identify, now, fleet.BY_IDS, {"ids": [machine_id]})
    known = fleet.check_found({row.id: fleet.from_row(row) for row in rows}, [machine_id])
    (machine,) = fleet.check_visible(who, known)
    require(Verb.READ_CALENDAR, who, owner=machine.party_id, stranger=NotAllowed())
    await looks.note(database, who, machine.party_id)
    return (await _agendas(database, machine.party_id, [machine], asked))[0]


async def _agendas(
    database: Database, owner: UUID, machines: Sequence[Machine], asked: Span | Dates
) -> list[MachineAgenda]:
    if not machines:
        return []
    windows = {machine.id: on_clock(asked, machine.zone) for machine in machines}
    rows: defaultdict[UUID, list[Standing]] = defaultdict(list)
    bookings: defaultdict[UUID, dict[UUID, Kept]] = defaultdict(dict)
    async with database.read() as tx:
        found = await calendars.standing(tx, windows)
        booked = {row.ref_id for row in found.standing if row.kind is Sight.BOOKING}
        known = await kept(tx, owner, booked, anywhere(asked))
    for row in found.standing:
        rows[row.machine_id].append(row)
    for one in known:
        bookings[one.machine_id][one.id] = one
    return [
        _agenda(Look(one, windows[one.id], rows[one.id], bookings[one.id], found.clashes, tx.now)) for one in machines
    ]


def _agenda(look: Look) -> MachineAgenda:
    machine = look.machine
    dates = dates_of(look.window, machine.zone)
    return MachineAgenda(
        machine=Named(machine.id, machine.title),
        state=machine.state,
        zone=machine.zone.key,
        window=SpanView.of(look.window, machine.zone),
        hand_over=by_date(machine.terms, dates.first, dates.last),
        entries=entries(look),
    )
