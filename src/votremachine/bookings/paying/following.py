"""What follows for the money when a booking stands or falls through: facts of the outbox, each handed on once."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
import structlog

from votremachine.bookings.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    RenterAbsent,
)
from votremachine.bookings.models import booking_transitions
from votremachine.bookings.paying import rules
from votremachine.bookings.paying.rules import Paid
from votremachine.bookings.paying.service import ending
from votremachine.bookings.rules import Booking, State
from votremachine.bookings.service import reading, store
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause
from votremachine.payments.ledger.service.posting import post
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import Purpose, What
from votremachine.payments.orders.rules import State as OrderState
from votremachine.payments.rules.refunding import CalledOffBy, Refund

log = structlog.get_logger()

FellThrough = BookingDeclined | BookingExpired | BookingCancelled | RenterAbsent


class StillUnderWay(Exception):
    """An order about this money is at the gateway just now: the fact is handed on again a little later."""


async def on_confirmed(tx: Tx, fact: BookingConfirmed) -> None:
    """A booking stands: what was set aside for it is taken, and the rental is due."""
    paid = await _paid(tx, fact.booking_id)
    if paid is None or paid.given_back:
        # It was called off before this fact came through.
        return
    booking = await reading.load(tx, fact.booking_id)
    await _due(tx, booking)
    if paid.set_aside:
        await orders.place(tx, ending(tx, paid.order, What.CAPTURE, paid.order.amount))


async def on_fallen_through(tx: Tx, fact: FellThrough) -> None:
    """Nothing comes of a booking: what was set aside is released, what was taken goes back as was agreed."""
    paid = await _paid(tx, fact.booking_id)
    if paid is None:
        return
    if paid.set_aside:
        await orders.place(tx, ending(tx, paid.order, What.RELEASE, paid.order.amount))
        return
    if paid.given_back:
        # The payment came too late for the booking, and went back at once.
        return
    booking = await reading.load_locked(tx, fact.booking_id)
    back = await _back(tx, booking, fact)
    await _due(tx, booking)
    if not back.to_renter.minor:
        return
    posting = recipes.rental_refunded(booking.renter_party_id, booking.owner_party_id, back)
    await post(tx, Cause("booking", booking.id), posting, booking_id=booking.id)
    await orders.place(tx, ending(tx, paid.order, What.REFUND, back.to_renter))


async def on_capture_refused(tx: Tx, fact: OrderSettled) -> None:
    """The money that was set aside is not to be had any more: a booking that nobody paid for does not stand."""
    order = await orders.load_locked(tx, fact.order_id)
    if order is None or order.what is not What.CAPTURE or order.state is not OrderState.REFUSED:
        return
    if order.purpose is not Purpose.RENTAL:
        return
    booking = await reading.load_locked(tx, order.booking_id)
    if booking.state is not State.CONFIRMED:
        log.error("payments.unpaid", booking_id=str(booking.id), order_id=str(order.id), state=booking.state)
        await _let_go(tx, booking)
        return
    await store.step(tx, booking, State.CANCELLED, BookingCancelled, by=None, why="payment_failed")


async def _let_go(tx: Tx, booking: Booking) -> None:
    """The ledger holds no longer what the gateway does not: the rental is owed instead."""
    paid = await _paid(tx, booking.id)
    if paid is not None and paid.set_aside:
        await orders.place(tx, ending(tx, paid.order, What.RELEASE, paid.order.amount))


async def _paid(tx: Tx, booking_id: UUID) -> Paid | None:
    """The card payment that a booking rests on, if there is one. Raises `StillUnderWay`."""
    paid = rules.payment_of(await orders.of_booking(tx, booking_id), booking_id)
    if paid is not None and paid.under_way:
        raise StillUnderWay
    return paid


async def _due(tx: Tx, booking: Booking) -> None:
    parts = rules.parts(booking.price)
    posting = recipes.rental_due(booking.renter_party_id, booking.owner_party_id, parts)
    await post(tx, Cause("booking", booking.id), posting, booking_id=booking.id)


async def _back(tx: Tx, booking: Booking, fact: FellThrough) -> Refund:
    """What goes back: by the terms of the machine that is kindest to the renter, at the moment of calling it off."""
    if isinstance(fact, RenterAbsent):
        return rules.missed(booking.price)
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    by = CalledOffBy.PLATFORM
    if isinstance(fact, BookingCancelled) and fact.by is not None:
        by = CalledOffBy.OWNER if fact.by_owner else CalledOffBy.RENTER
    at = await _fell_through_at(tx, booking.id)
    found = [rules.back(booking, machine.cancellation, at, by) for machine in machines.values()]
    return max(found, key=lambda one: one.to_renter.minor)


async def _fell_through_at(tx: Tx, booking_id: UUID) -> datetime:
    last = sa.select(sa.func.max(booking_transitions.c.at)).where(booking_transitions.c.booking_id == booking_id)
    found: datetime = (await tx.execute(last)).scalar_one()
    return found
