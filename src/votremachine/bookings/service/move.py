"""Changing the time of a booking that stands: reschedule and extend. The old time is kept if the new one is taken.

First it is weighed, which writes nothing: whether it may be, and what it costs. Who pays what is not decided here
(bookings/paying/moving.py).
"""

from datetime import datetime
from typing import NamedTuple

from votremachine.accounts.rules import Actor, Verb
from votremachine.availability.rules import SpanTaken, Taker
from votremachine.availability.service import claims, look
from votremachine.bookings import securing
from votremachine.bookings.events import BookingMoved
from votremachine.bookings.refusals import NotLater, NotMovable
from votremachine.bookings.rules import (
    EXTENDABLE,
    MOVABLE,
    Booking,
    State,
    Wish,
    WishKind,
    cancels_freely,
    check_movable,
    check_notice,
    check_standing,
    hold_expiry,
)
from votremachine.bookings.service import store
from votremachine.bookings.service.book import wishes, with_alternatives
from votremachine.fleet import service as fleet
from votremachine.fleet.bookable import check_bookable, check_hand_over, check_horizon, check_length
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.infra.replies import Stale
from votremachine.kernel.span import Span
from votremachine.pricing.rules.lines import Price
from votremachine.pricing.rules.price import price
from votremachine.pricing.service import hires as pricing


class Move(NamedTuple):
    """A booking, another time for it, what it costs then, and whether it is the weather that moves it."""

    booking: Booking
    machines: list[Machine]
    span: Span
    price: Price
    weather: bool = False


async def weigh(tx: Tx, who: Actor, booking: Booking, wish: Wish) -> Move:
    """Whether a booking, which must be locked, may have another time, and its price then by its own rate cards.

    Raises `UnknownBooking`, `NotAllowed`, `Stale`, `HoldExpired`, `NotMovable`, `OwnerDecides`, and what
    `check_notice` and `check_bookable` do; to extend it, `NotLater` too.
    """
    store.authorise(Verb.RESCHEDULE, who, booking)
    if booking.version != wish.version:
        raise Stale
    check_standing(booking, tx.now)
    if booking.state not in (EXTENDABLE if wish.kind is WishKind.EXTEND else MOVABLE):
        raise NotMovable(state=booking.state.value)
    check_movable(booking)
    check_notice(booking, wish, tx.now)
    found = await fleet.machines_by_id(tx, booking.machine_ids)
    machines = [found[machine_id] for machine_id in sorted(found)]
    span = wish.span(booking)
    _check(machines, booking, wish, span, tx.now)
    hires = await pricing.booked(tx, await _agreed(tx, booking, machines), booking.card_ids, booking.extras)
    new_price = price(span, hires)
    weather = wish.weather and booking.state is State.CONFIRMED
    if (weather or wish.kind is WishKind.EXTEND) and new_price.total.minor < booking.price.total.minor:
        # The weather costs the renter nothing, and the owner neither; and more time never costs less than was paid.
        new_price = booking.price
    return Move(booking, machines, span, new_price, weather)


async def check_free(tx: Tx, move: Move) -> None:
    """Raises `SpanTaken`, with alternatives, if the time cannot be had at this moment; it is not taken."""
    busy = await look.busy(tx, move.machines, move.span, but=move.booking.id)
    if any(one.overlaps(move.span) for one in busy):
        raise await with_alternatives(tx, move.booking.id, move.machines, move.span)


async def carry_out(tx: Tx, who: Actor, move: Move) -> Booking:
    """Move a booking as it was weighed. Raises `SpanTaken` with alternatives (roll back then), `BookingChanged`."""
    booking, machines, span, new_price, weather = move
    expires_at = min(booking.expires_at, span.start) if booking.expires_at else None
    if expires_at is not None and booking.state is State.HELD:
        # What was held longer was that very time, for who had waited for it.
        expires_at = min(expires_at, hold_expiry(tx.now))
    try:
        await claims.move(tx, Taker.BOOKING, booking.id, wishes(machines, span), expires_at=expires_at)
    except SpanTaken:
        raise await with_alternatives(tx, booking.id, machines, span) from None
    changed = await store.change(
        tx,
        booking,
        BookingMoved,
        by=who,
        why=f"{'weather: ' if weather else ''}{booking.during.start.isoformat()}/{booking.during.end.isoformat()}",
        changes={
            "starts": span.start,
            "ends": span.end,
            "expires_at": expires_at,
            # Another time, another risk: the sweep weighs it anew.
            "at_risk": False,
            "price": new_price,
            "noticed_from": _noticed_from(move, tx.now),
        },
    )
    if booking.state is not State.HELD:
        await securing.follow(tx, booking, span)
    return changed


def _noticed_from(move: Move, now: datetime) -> datetime | None:
    booking = move.booking
    return booking.notice_start if move.weather and not cancels_freely(booking, now) else booking.noticed_from


def _check(machines: list[Machine], booking: Booking, wish: Wish, span: Span, now: datetime) -> None:
    if wish.kind is WishKind.RESCHEDULE:
        for machine in machines:
            check_bookable(machine, span, now)
        return
    if span.end <= booking.during.end:
        raise NotLater(pointer="/end")
    for machine in machines:
        check_length(machine, span)
        check_horizon(machine, span, now)
        check_hand_over(machine, span.end, "/end")


async def _agreed(tx: Tx, booking: Booking, machines: list[Machine]) -> list[Machine]:
    """The machines that a booking was agreed for: whatever stands in for them now is charged as they were."""
    if not booking.stands_for:
        return machines
    found = await fleet.machines_by_id(tx, booking.agreed_ids)
    return [found[machine_id] for machine_id in booking.agreed_ids]
