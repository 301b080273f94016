"""What follows for the money when a booking stands or falls through: facts of the outbox, each handed on once."""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from msgspec.structs import replace

from votremachine.bookings.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    MachineReturned,
    RenterAbsent,
)
from votremachine.bookings.models import booking_transitions
from votremachine.bookings.paying import books, rules
from votremachine.bookings.paying.charges import Charge, charges_of, in_hand, takings
from votremachine.bookings.paying.service import ending, pay_back
from votremachine.bookings.rules import CLAIM_WINDOW, Booking, State
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
    if not any(charge.stands for charge in charges):
        # On account; or it was called off before this fact came through.
        return
    await books.due(tx, booking)
    for charge, minor in takings(charges, booking.price.total.minor):
        await orders.place(tx, _taking(tx, charge, minor))


async def on_fallen_through(tx: Tx, fact: FellThrough) -> None:
    """Nothing comes of a booking: what was set aside is released, what was taken goes back as was agreed."""
    booking, charges = await _paid(tx, fact.booking_id)
    for charge in charges:
        if charge.set_aside:
            await orders.place(tx, ending(tx, charge.order, What.RELEASE, charge.order.amount))
    if not in_hand(charges) and not await books.is_due(tx, booking):
        # It never stood; a payment that came too late for it went back at once.
        return
    back = await _back(tx, booking, fact)
    await books.given_back(tx, booking, back)
    await pay_back(tx, charges, booking.price.total - back.to_renter)
    if back.kept.owner.minor:
        await _owe(tx, booking, tx.now, timedelta(0))


async def on_returned(tx: Tx, fact: MachineReturned) -> None:
    """The machine is back: its owner is paid what is due of it once nobody can claim damage any more."""
    booking, charges = await _paid(tx, fact.booking_id)
    if charges and booking.returned_at is not None:
        await _owe(tx, booking, booking.returned_at, CLAIM_WINDOW)


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
        return
    await store.step(tx, booking, State.CANCELLED, BookingCancelled, by=None, why="payment_failed")


async def _paid(tx: Tx, booking_id: UUID) -> tuple[Booking, list[Charge]]:
    """A booking, ours until this transaction ends, and what its cards paid for it."""
    booking = await reading.load_locked(tx, booking_id)
    return booking, charges_of(await orders.of_booking(tx, booking_id), booking_id)


def _taking(tx: Tx, charge: Charge, minor: int) -> PaymentOrder:
    """The order that takes so much of what was set aside, and lets the rest go."""
    held = charge.order.amount
    if not minor:
        return ending(tx, charge.order, What.RELEASE, held)
    capture = ending(tx, charge.order, What.CAPTURE, Money(minor, held.currency))
    return replace(capture, gives_back=held.minor - minor)


async def _owe(tx: Tx, booking: Booking, since: datetime, window: timedelta) -> None:
    await payouts.owe(tx, booking.id, booking.owner_party_id, booking.price.total.currency, since, window)


async def _back(tx: Tx, booking: Booking, fact: FellThrough) -> Refund:
    """What goes back, at the moment of calling it off."""
    if isinstance(fact, RenterAbsent):
        return rules.missed(booking.price)
    by = CalledOffBy.PLATFORM
    if isinstance(fact, BookingCancelled) and fact.by is not None:
        by = CalledOffBy.OWNER if fact.by_owner else CalledOffBy.RENTER
    return rules.back(booking, await _fell_through_at(tx, booking.id), by)


async def _fell_through_at(tx: Tx, booking_id: UUID) -> datetime:
    last = sa.select(sa.func.max(booking_transitions.c.at)).where(booking_transitions.c.booking_id == booking_id)
    found: datetime = (await tx.execute(last)).scalar_one()
    return found
