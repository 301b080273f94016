"""What follows for the money when a booking stands or falls through: facts of the outbox, each handed on once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from msgspec.structs import asdict, replace

from votremachine.bookings.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    MachineReturned,
    PaymentMissing,
    RentalSettled,
    RenterAbsent,
)
from votremachine.bookings.models import booking_transitions
from votremachine.bookings.paying import books, rules
from votremachine.bookings.paying.charges import PURPOSES, Charge, charges_of, takings
from votremachine.bookings.paying.service import pay_back
from votremachine.bookings.rules import Booking, State
from votremachine.bookings.service import reading, store
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import PaymentOrder, Purpose, What
from votremachine.payments.orders.rules import State as OrderState
from votremachine.payments.payouts import service as payouts
from votremachine.payments.rules.refunding import CalledOffBy, Refund

log = structlog.get_logger()

FellThrough = BookingDeclined | BookingExpired | BookingCancelled | RenterAbsent


async def on_confirmed(tx: Tx, fact: BookingConfirmed) -> None:
    """A booking stands: what was set aside for it is taken, and the rental is due."""
    booking, charges = await _paid(tx, fact.booking_id)
    if booking.on_account:
        await books.due(tx, booking)
        return
    if not any(charge.stands for charge in charges):
        # Or it was called off before this fact came through.
        return
    await books.due(tx, booking)
    for charge, minor in takings(charges, booking.price.total.minor):
        await orders.place(tx, _taking(tx, charge, minor))


async def on_fallen_through(tx: Tx, fact: FellThrough) -> None:
    """Nothing comes of a booking: the cards pay what the renter owes by the terms, and the rest goes back.

    Nobody is waited for any more who was to prove that they pay for it.
    """
    booking, charges = await _paid(tx, fact.booking_id)
    await orders.give_up_all(tx, booking.id, PURPOSES)
    at, stood = await _fell_through(tx, booking.id)
    if booking.on_account:
        # Whatever a card was tried for before that, the booking never rested on it.
        await _all_back(tx, booking, charges)
        if stood and booking.price.total.minor:
            back = _back(booking, fact, at)
            await books.given_back(tx, booking, back)
            _tell_kept(tx, booking, back)
        return
    if not any(charge.stands for charge in charges) and not await books.is_due(tx, booking):
        # It never stood, and a payment that came too late for it went back at once.
        return
    if not stood:
        # It never rested on this money, whatever the terms.
        await _all_back(tx, booking, charges)
        return
    back = _back(booking, fact, at)
    await books.given_back(tx, booking, back)
    kept = booking.price.total - back.to_renter
    for charge, minor in takings(charges, kept.minor):
        await orders.place(tx, _taking(tx, charge, minor))
    await pay_back(tx, charges, kept)
    if back.kept.owner.minor:
        await _owe(tx, booking, tx.now, timedelta(0))
    _tell_kept(tx, booking, back)


async def on_returned(tx: Tx, fact: MachineReturned) -> None:
    """The machine is back: its owner is paid what is due of it once nobody can claim damage any more."""
    booking = await reading.load_locked(tx, fact.booking_id)
    if not booking.on_account and booking.claimable_from is not None:
        await _owe(tx, booking, booking.claimable_from, booking.claim_window)


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
        # The ledger holds no longer what the gateway does not: the rental is owed instead.
        await _let_go(tx, charges_of(await orders.of_booking(tx, booking.id), booking.id))
        if rules.may_owe(booking) and (await books.charged(tx, booking)).minor:
            tx.publish(store.fact(PaymentMissing, booking, None, **asdict(order.amount)))
        return
    await store.step(tx, booking, State.CANCELLED, BookingCancelled, by=None, why="payment_failed")


async def _all_back(tx: Tx, booking: Booking, charges: Sequence[Charge]) -> None:
    await _let_go(tx, charges)
    await pay_back(tx, charges, Money(0, booking.price.total.currency))


async def _let_go(tx: Tx, charges: Sequence[Charge]) -> None:
    for charge in charges:
        if charge.set_aside:
            await orders.place(tx, orders.ending(tx, charge.order, What.RELEASE, charge.order.amount))


async def _paid(tx: Tx, booking_id: UUID) -> tuple[Booking, list[Charge]]:
    """A booking, ours until this transaction ends, and what its cards paid for it."""
    booking = await reading.load_locked(tx, booking_id)
    return booking, charges_of(await orders.of_booking(tx, booking_id), booking_id)


def _taking(tx: Tx, charge: Charge, minor: int) -> PaymentOrder:
    """The order that takes so much of what was set aside, and lets the rest go."""
    held = charge.order.amount
    if not minor:
        return orders.ending(tx, charge.order, What.RELEASE, held)
    capture = orders.ending(tx, charge.order, What.CAPTURE, Money(minor, held.currency))
    return replace(capture, gives_back=held.minor - minor)


def _tell_kept(tx: Tx, booking: Booking, back: Refund) -> None:
    """A fact of its own: whoever invoices what is kept does not hold up what goes back."""
    if back.kept.total.minor:
        tx.publish(store.fact(RentalSettled, booking, None))


async def _owe(tx: Tx, booking: Booking, since: datetime, window: timedelta) -> None:
    await payouts.owe(tx, booking.id, booking.owner_party_id, booking.price.total.currency, since, window)


def _back(booking: Booking, fact: FellThrough, at: datetime) -> Refund:
    """What goes back, at the moment of calling it off."""
    if isinstance(fact, RenterAbsent):
        return rules.missed(booking)
    by = CalledOffBy.PLATFORM
    if isinstance(fact, BookingCancelled) and fact.by is not None:
        by = CalledOffBy.OWNER if fact.by_owner else CalledOffBy.RENTER
    return rules.back(booking, at, by)


async def _fell_through(tx: Tx, booking_id: UUID) -> tuple[datetime, bool]:
    """When a booking came to its end, and whether it ever stood."""
    steps = booking_transitions.c
    found = sa.select(sa.func.max(steps.at), sa.func.bool_or(steps.to_state == State.CONFIRMED))
    row: Any = await tx.row(found.where(steps.booking_id == booking_id))
    return row[0], row[1]
