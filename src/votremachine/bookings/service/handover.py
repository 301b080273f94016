"""When the machine itself moves: check-out, check-in, nobody came; and what the clock makes of it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Verb
from votremachine.availability.rules import Taker
from votremachine.availability.service import claims, look
from votremachine.bookings import securing
from votremachine.bookings.events import (
    BookingAtRisk,
    BookingCompleted,
    BookingEvent,
    BookingOutOfRisk,
    MachineOut,
    MachineReturned,
    RenterAbsent,
)
from votremachine.bookings.models import bookings
from votremachine.bookings.rules import (
    AT_RISK_AHEAD,
    CLAIM_WINDOW,
    EARLIEST_CHECK_OUT,
    Booking,
    ImpossibleReturn,
    ReportNeeded,
    State,
    StillOut,
    TooEarly,
    threatened,
)
from votremachine.bookings.schemas import BookingView
from votremachine.bookings.service import reading, store
from votremachine.bookings.service.book import wishes
from votremachine.fleet import service as fleet
from votremachine.fleet.terms import Ask
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

SWEEP_BATCH = 200
FIRST = UUID(int=0)  # sorts before every id
# An occupancy is never empty: whoever brings a machine back at once had it for a minute.
SHORTEST_USE = timedelta(minutes=1)


async def check_out(tx: Tx, who: Actor, booking_id: UUID) -> BookingView:
    """The machine leaves, at most two hours early; it is taken from this moment on.

    Raises `UnknownBooking`, `NotAllowed`, `TooEarly`, `IllegalTransition`, `StillOut`, and `SpanTaken` when somebody
    else has the time until the booking begins, `DepositMissing`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.HAND_OVER, who, booking)
    if tx.now < booking.during.start - EARLIEST_CHECK_OUT:
        raise TooEarly
    changed = await store.step(tx, booking, State.IN_USE, MachineOut, by=who, changes={"out_at": tx.now})
    if await reading.any_out(tx, booking.machine_ids, but=booking.id):
        raise StillOut
    await securing.check_secured(tx, booking)
    if tx.now < booking.during.start:
        found = await fleet.machines_by_id(tx, booking.machine_ids)
        early = wishes(list(found.values()), Span(tx.now, booking.during.end))
        await claims.move(tx, Taker.BOOKING, booking.id, early, expires_at=None)
    return (await reading.views(tx, [changed]))[0]


async def check_in(tx: Tx, who: Actor, booking_id: UUID, at: datetime | None) -> BookingView:
    """The machine is back, now or at an hour since the check-out. An early return frees the rest of its time; a late
    one is recorded, and the next booking is warned or reassured.

    Raises `UnknownBooking`, `NotAllowed`, `IllegalTransition`, `ImpossibleReturn`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.HAND_OVER, who, booking)
    returned_at = at or tx.now
    if booking.out_at is not None and not booking.out_at <= returned_at <= tx.now:
        raise ImpossibleReturn(pointer="/at")
    late = max(timedelta(0), returned_at - booking.during.end)
    changed = await store.step(
        tx,
        booking,
        State.RETURNED,
        MachineReturned,
        by=who,
        changes={"returned_at": returned_at},
        facts={"late_minutes": late // timedelta(minutes=1)},
    )
    out_at = booking.out_at or returned_at
    back_at = max(returned_at, out_at + SHORTEST_USE)
    await securing.follow(tx, booking, Span(out_at, back_at))
    await claims.cut(tx, booking.id, back_at)
    await _weigh_risk(tx, changed, returned_at)
    return (await reading.views(tx, [changed]))[0]


async def check_bare(tx: Tx, booking_id: UUID) -> None:
    """Whether the machines of a booking may change hands without a condition report. Raises `UnknownBooking`,
    `ReportNeeded` where one of them asks for one.
    """
    booking = await reading.load(tx, booking_id)
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    if any(Ask.REPORT in one.terms.asks for one in machines.values()):
        raise ReportNeeded


async def no_show(tx: Tx, who: Actor, booking_id: UUID, why: str) -> BookingView:
    """Nobody came: the time is free again. Raises `UnknownBooking`, `NotAllowed`, `IllegalTransition`, `TooEarly`."""
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.HAND_OVER, who, booking)
    if tx.now < booking.during.start:
        raise TooEarly
    changed = await store.step(tx, booking, State.NO_SHOW, RenterAbsent, by=who, why=why)
    return (await reading.views(tx, [changed]))[0]


async def complete(tx: Tx) -> int:
    """Complete a batch of the bookings whose claim window has closed; how many."""
    over = sa.and_(reading.in_state(State.RETURNED), bookings.c.returned_at <= tx.now - CLAIM_WINDOW)
    batch = reading.SELECT.where(over).order_by(bookings.c.id).limit(SWEEP_BATCH)
    found = await tx.rows(batch.with_for_update(of=bookings, skip_locked=True))
    for row in found:
        await store.step(tx, reading.from_row(row), State.COMPLETED, BookingCompleted, by=None)
    return len(found)


async def warn_overdue(tx: Tx, after: UUID = FIRST) -> UUID | None:
    """Flag the bookings that a batch of overdue machines may spoil; the id to go on after, None when all were seen."""
    late = sa.and_(reading.in_state(State.IN_USE), bookings.c.ends < tx.now, bookings.c.id > after)
    rows = await tx.rows(reading.SELECT.where(late).order_by(bookings.c.id).limit(SWEEP_BATCH))
    for row in rows:
        await _weigh_risk(tx, reading.from_row(row), tx.now + AT_RISK_AHEAD)
    return rows[-1].id if len(rows) == SWEEP_BATCH else None


async def _weigh_risk(tx: Tx, booking: Booking, free_at: datetime) -> None:
    """Warn or reassure whoever comes next on these machines, given when they are free; each change is told once."""
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    for machine_id in sorted(machines):
        free_from = free_at + machines[machine_id].terms.buffers[1]
        horizon = Span(booking.during.end, max(free_from, booking.during.end) + AT_RISK_AHEAD)
        following = [
            one
            for one in await look.taken(tx, [machine_id], horizon)
            if one.kind is Taker.BOOKING and one.ref_id != booking.id and one.during.start >= booking.during.end
        ]
        warned = {one.ref_id for one in following if threatened(one.blocked.start, free_from)}
        safe = {one.ref_id for one in following} - warned
        await _set_risk(tx, warned, BookingAtRisk, at_risk=True)
        await _set_risk(tx, safe, BookingOutOfRisk, at_risk=False)


async def _set_risk(tx: Tx, ids: Iterable[UUID], event: type[BookingEvent], *, at_risk: bool) -> None:
    changed = await tx.rows(
        bookings.update()
        .where(bookings.c.id.in_(list(ids)), bookings.c.at_risk.is_not(at_risk))
        .values(at_risk=at_risk, version=bookings.c.version + 1)
        .returning(bookings, reading.MACHINE_IDS)
    )
    for row in changed:
        tx.publish(store.fact(event, reading.from_row(row), None))
