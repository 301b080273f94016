"""Changing the time of a booking that stands: reschedule and extend. The old time is kept if the new one is taken."""

from datetime import datetime
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.availability.rules import SpanTaken, Taker
from votremachine.availability.service import claims
from votremachine.bookings import securing
from votremachine.bookings.events import BookingMoved
from votremachine.bookings.rules import (
    EXTENDABLE,
    MOVABLE,
    Booking,
    NotLater,
    NotMovable,
    State,
    check_movable,
    check_paid,
    check_standing,
    hold_expiry,
)
from votremachine.bookings.schemas import BookingView
from votremachine.bookings.service import reading, store
from votremachine.bookings.service.book import wishes, with_alternatives
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine, check_bookable, check_hand_over, check_horizon, check_length
from votremachine.infra.database import Tx
from votremachine.infra.replies import Stale
from votremachine.kernel.span import Span
from votremachine.pricing.rules.price import price
from votremachine.pricing.service import hires as pricing


async def reschedule(tx: Tx, who: Actor, booking_id: UUID, version: int, span: Span) -> BookingView:
    """Move a booking that has not begun to another time, at the prices it was booked by.

    Raises `UnknownBooking`, `NotAllowed`, `Stale`, `HoldExpired`, `NotMovable`, `OwnerDecides`, `PaidByCard`,
    `SpanTaken` with alternatives, and what `check_bookable` does.
    """
    booking, machines = await _load(tx, who, booking_id, version, MOVABLE)
    for machine in machines:
        check_bookable(machine, span, tx.now)
    return await _move(tx, who, booking, machines, span)


async def extend(tx: Tx, who: Actor, booking_id: UUID, version: int, end: datetime) -> BookingView:
    """Let a booking end later. Raises what `reschedule` does, and `NotLater`."""
    booking, machines = await _load(tx, who, booking_id, version, EXTENDABLE)
    span = Span(booking.during.start, end)
    if span.end <= booking.during.end:
        raise NotLater(pointer="/end")
    for machine in machines:
        check_length(machine, span)
        check_horizon(machine, span, tx.now)
        check_hand_over(machine, span.end, "/end")
    return await _move(tx, who, booking, machines, span)


async def _load(
    tx: Tx, who: Actor, booking_id: UUID, version: int, states: frozenset[State]
) -> tuple[Booking, list[Machine]]:
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.RESCHEDULE, who, booking)
    if booking.version != version:
        raise Stale
    check_standing(booking, tx.now)
    if booking.state not in states:
        raise NotMovable(state=booking.state.value)
    check_movable(booking)
    found = await fleet.machines_by_id(tx, booking.machine_ids)
    return booking, [found[machine_id] for machine_id in sorted(found)]


async def _move(tx: Tx, who: Actor, booking: Booking, machines: list[Machine], span: Span) -> BookingView:
    expires_at = min(booking.expires_at, span.start) if booking.expires_at else None
    if expires_at is not None and booking.state is State.HELD:
        # What was held longer was that very time, for who had waited for it.
        expires_at = min(expires_at, hold_expiry(tx.now))
    try:
        await claims.move(tx, Taker.BOOKING, booking.id, wishes(machines, span), expires_at=expires_at)
    except SpanTaken:
        raise await with_alternatives(tx, booking.id, machines, span) from None
    hires = await pricing.booked(tx, await _agreed(tx, booking, machines), booking.card_ids, booking.extras)
    new_price = price(span, hires)
    check_paid(booking, new_price.total)
    changed = await store.change(
        tx,
        booking,
        BookingMoved,
        by=who,
        why=f"{booking.during.start.isoformat()}/{booking.during.end.isoformat()}",
        changes={
            "starts": span.start,
            "ends": span.end,
            "expires_at": expires_at,
            # Another time, another risk: the sweep weighs it anew.
            "at_risk": False,
            "price": new_price,
        },
    )
    if booking.state is not State.HELD:
        await securing.follow(tx, booking, span)
    return (await reading.views(tx, [changed]))[0]


async def _agreed(tx: Tx, booking: Booking, machines: list[Machine]) -> list[Machine]:
    """The machines that a booking was agreed for: whatever stands in for them now is charged as they were."""
    if not booking.stands_for:
        return machines
    found = await fleet.machines_by_id(tx, booking.agreed_ids)
    return [found[machine_id] for machine_id in booking.agreed_ids]
