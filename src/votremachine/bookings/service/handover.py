"""When the machine itself moves: check-out, check-in, nobody came; and what the clock makes of it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from votremachine.accounts.rules import Actor, Verb
from votremachine.availability.rules import Taker
from votremachine.availability.service import claims, look
from votremachine.bookings import moments, securing
from votremachine.bookings.events import (
    BookingAtRisk,
    BookingCompleted,
    BookingEvent,
    BookingOutOfRisk,
    MachineOut,
    MachineReturned,
    RentalSettled,
    RenterAbsent,
)
from votremachine.bookings.models import bookings
from votremachine.bookings.refusals import ImpossibleReturn, NotFreeYet, ReportNeeded, StillOut, TooEarly
from votremachine.bookings.rules import (
    AT_RISK_AHEAD,
    CLAIM_WINDOW,
    Booking,
    State,
    check_not_early,
    threatened,
    whole_minute,
)
from votremachine.bookings.schemas import BookingView
from votremachine.bookings.service import reading, store
from votremachine.bookings.service.book import wishes
from votremachine.fleet import service as fleet
from votremachine.fleet.terms import CLAIM_HOURS, Ask
from votremachine.infra.database import Tx
from votremachine.kernel.span import Span

SWEEP_BATCH = 200
FIRST = UUID(int=0)  # sorts before every id
# An occupancy is never empty: whoever brings a machine back at once had it for a minute.
SHORTEST_USE = timedelta(minutes=1)
# As `Booking.claim_window`.
_agreed = sa.func.jsonb_each(bookings.c.terms).table_valued("key", sa.column("value", JSONB), name="agreed")
_longest = sa.select(sa.func.max(_agreed.c.value["claim_hours"].as_integer())).scalar_subquery()
_WINDOW = sa.func.make_interval(0, 0, 0, 0, sa.func.coalesce(_longest, CLAIM_HOURS))


async def check_out(
    tx: Tx, who: Actor, booking_id: UUID, *, said: datetime | None = None, handed_on: bool = False
) -> BookingView:
    """The machine leaves, at most two hours early; it is taken from this moment on.

    It left when a report said, as far as `moments.left_at` believes it. What was `handed_on` by the renter before it
    needs no buffer. Raises `UnknownBooking`, `NotAllowed`, `TooEarly`, `IllegalTransition`, `StillOut`, and
    `NotFreeYet` when somebody else has the time until the booking begins, `DepositMissing`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.HAND_OVER, who, booking)
    check_not_early(booking, tx.now)
    out_at = tx.now
    if said is not None:
        back_before = await reading.last_return(tx, booking.machine_ids, but=booking.id)
        out_at = moments.left_at(said, booking.during.start, back_before, tx.now)
    changed = await store.step(tx, booking, State.IN_USE, MachineOut, by=who, changes={"out_at": out_at})
    if await reading.any_out(tx, booking.machine_ids, but=booking.id):
        raise StillOut
    await securing.check_secured(tx, booking)
    if tx.now < booking.during.start:
        await _begin_now(tx, booking, handed_on=handed_on)
    return (await reading.views(tx, [changed]))[0]


async def _begin_now(tx: Tx, booking: Booking, *, handed_on: bool) -> None:
    """Take the time until the booking begins, too. Raises `NotFreeYet`, which says when nobody else has it any more."""
    found = await fleet.machines_by_id(tx, booking.machine_ids)
    early = wishes(list(found.values()), Span(tx.now, booking.during.end))
    if handed_on:
        early = [msgspec.structs.replace(one, buffers=(timedelta(0), one.buffers[1])) for one in early]
    wanted = {one.machine_id: one.blocked for one in early}
    ahead = Span(min(one.start for one in wanted.values()), booking.during.start)
    there = [one for one in await look.taken(tx, booking.machine_ids, ahead) if one.ref_id != booking.id]
    if others := [one for one in there if one.blocked.overlaps(wanted[one.machine_id])]:
        free_from = min(max(one.blocked.end for one in others), booking.during.start)
        raise NotFreeYet(machine_id=str(others[0].machine_id), possible_from=whole_minute(free_from).isoformat())
    await claims.move(tx, Taker.BOOKING, booking.id, early, expires_at=None)


async def check_in(
    tx: Tx,
    who: Actor,
    booking_id: UUID,
    at: datetime | None,
    *,
    readable_at: datetime | None = None,
    handed_to: UUID | None = None,
) -> BookingView:
    """The machine is back, now or at an hour since the check-out. An early return frees the rest of its time; a late
    one is recorded, and the next booking is warned or reassured.

    `readable_at` is since when the owner could read of it, if that is not now; `handed_to` the booking whose renter
    took it over in the field, which needs no buffer. Raises `UnknownBooking`, `NotAllowed`, `IllegalTransition`,
    `ImpossibleReturn`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.HAND_OVER, who, booking)
    returned_at = at or tx.now
    if booking.out_at is not None and not booking.out_at <= returned_at <= tx.now:
        raise ImpossibleReturn(pointer="/at")
    claims_from = moments.claimable_from(returned_at, readable_at) if readable_at else None
    late = max(timedelta(0), returned_at - booking.during.end)
    changed = await store.step(
        tx,
        booking,
        State.RETURNED,
        MachineReturned,
        by=who,
        changes={"returned_at": returned_at, "claims_from": claims_from},
        facts={"late_minutes": late // timedelta(minutes=1)},
    )
    out_at = booking.out_at or returned_at
    back_at = max(returned_at, out_at + SHORTEST_USE)
    await securing.follow(tx, booking, Span(out_at, max(back_at, claims_from or back_at)))
    await claims.cut(tx, booking.id, back_at, handed_on=handed_to is not None)
    await _weigh_risk(tx, changed, returned_at, taken_over_by=handed_to)
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
    # No window is shorter than the usual one, which the index finds; a longer one by its terms is looked at then.
    over = sa.and_(
        reading.in_state(State.RETURNED),
        bookings.c.returned_at <= tx.now - CLAIM_WINDOW,
        sa.func.coalesce(bookings.c.claims_from, bookings.c.returned_at) + _WINDOW <= tx.now,
    )
    batch = reading.SELECT.where(over).order_by(bookings.c.id).limit(SWEEP_BATCH)
    found = await tx.rows(batch.with_for_update(of=bookings, skip_locked=True))
    for row in found:
        changed = await store.step(tx, reading.from_row(row), State.COMPLETED, BookingCompleted, by=None)
        # A fact of its own: whoever invoices neither holds the deposit up, nor waits for it.
        tx.publish(store.fact(RentalSettled, changed, None))
    return len(found)


async def warn_overdue(tx: Tx, after: UUID = FIRST) -> UUID | None:
    """Flag the bookings that a batch of overdue machines may spoil; the id to go on after, None when all were seen."""
    late = sa.and_(reading.in_state(State.IN_USE), bookings.c.ends < tx.now, bookings.c.id > after)
    rows = await tx.rows(reading.SELECT.where(late).order_by(bookings.c.id).limit(SWEEP_BATCH))
    for row in rows:
        await _weigh_risk(tx, reading.from_row(row), tx.now + AT_RISK_AHEAD)
    return rows[-1].id if len(rows) == SWEEP_BATCH else None


async def _weigh_risk(tx: Tx, booking: Booking, free_at: datetime, *, taken_over_by: UUID | None = None) -> None:
    """Warn or reassure whoever comes next on these machines, given when they are free; each change is told once. Who
    took one over in the field has it.
    """
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    for machine_id in sorted(machines):
        free_from = free_at + machines[machine_id].terms.buffers[1]
        horizon = Span(booking.during.end, max(free_from, booking.during.end) + AT_RISK_AHEAD)
        following = [
            one
            for one in await look.taken(tx, [machine_id], horizon)
            if one.kind is Taker.BOOKING and one.ref_id != booking.id and one.during.start >= booking.during.end
        ]
        warned = {one.ref_id for one in following if threatened(one.blocked.start, free_from)} - {taken_over_by}
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
    for row in sorted(changed, key=lambda row: row.id):
        tx.publish(store.fact(event, reading.from_row(row), None))
