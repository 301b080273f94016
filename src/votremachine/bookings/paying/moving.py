"""Another time for a booking, and who pays the difference: its card, or the one that is named.

What costs more is done like a confirmation. The difference is set aside first, by an order that stands in the database
with what is wished for; once the gateway has said yes, the booking is moved, with all checks, and what was set aside is
taken; or it cannot be moved any more, and it is let go. So nobody pays for a time that they do not have, whatever
happens in between. What costs less, or nothing more, is moved at once, and the worker gives back what is too much.
"""

from uuid import UUID

import structlog
from msgspec.structs import asdict

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import absent
from votremachine.bookings.events import BookingMoved, PaymentMissing
from votremachine.bookings.paying import books, wishes
from votremachine.bookings.paying.charges import PURPOSES, Charge, charges_of, promised, rests_on
from votremachine.bookings.paying.rules import DUE, may_owe
from votremachine.bookings.paying.service import give_back, heard, pay_back
from votremachine.bookings.refusals import BookingChanged
from votremachine.bookings.rules import Booking, State, Wish
from votremachine.bookings.schemas import BookingView, Proof
from votremachine.bookings.service import move, reading, store
from votremachine.bookings.service.move import Move
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import UnknownInstrument, check_ready
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import (
    LEASE,
    Outcome,
    PaymentOrder,
    PaymentUnderWay,
    Purpose,
    What,
    check_same,
)
from votremachine.payments.orders.rules import State as OrderState

log = structlog.get_logger()


async def begin(
    tx: Tx, who: Actor, booking_id: UUID, wish: Wish, instrument_id: UUID | None
) -> BookingView | PaymentOrder:
    """Move a booking, if that costs nothing more; else the order that sets the difference aside, new or under way.

    Raises what `move.weigh` does, `SpanTaken`, and for the card `UnknownInstrument`, `InstrumentNotReady`,
    `PaymentUnderWay`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.RESCHEDULE, who, booking)
    charges: list[Charge] = []
    by_card = booking.state is not State.HELD and not booking.on_account
    if by_card:
        known = await orders.of_booking(tx, booking.id)
        charges = charges_of(known, booking.id)
        last = await wishes.latest(tx, booking.id)
        if last is not None and last.state is wishes.State.MOVED and last.is_of(wish):
            # Sent again, and done meanwhile.
            return await _view(tx, booking)
        if last is not None and last.state is wishes.State.WAITING:
            order = next(one for one in known if one.id == last.order_id)
            if order.state not in (OrderState.DECLINED, OrderState.REFUSED) and not order.given_up:
                return _same(order, last.is_of(wish), instrument_id)
    weighed = await move.weigh(tx, who, booking, wish)
    missing = weighed.price.total.minor - promised(charges)
    if not by_card or missing <= 0:
        moved = await _move(tx, who, weighed)
        if moved.state is State.HELD and moved.price.total != booking.price.total:
            # Nobody is to prove that they pay what it does not cost any more.
            await orders.give_up_all(tx, booking.id, PURPOSES)
        return await _view(tx, moved)
    await move.check_free(tx, weighed)
    order = await _difference(tx, who, weighed, charges, missing, instrument_id)
    await orders.place(tx, order)
    await wishes.add(tx, order.id, wish, weighed)
    return order


async def end(tx: Tx, who: Actor, order: PaymentOrder, outcome: Outcome) -> BookingView | Proof | DomainError:
    """What the gateway's answer makes of the wish, for the renter who waits; or why the booking stays as it was."""
    done = await heard(tx, order, outcome)
    if not isinstance(done, PaymentOrder):
        return done
    followed = await follow(tx, done, who)
    return followed if isinstance(followed, DomainError) else await _view(tx, followed)


async def on_settled(tx: Tx, fact: OrderSettled) -> None:
    """The difference was set aside with nobody waiting any more: the booking is moved, or the money let go."""
    order = await orders.load_locked(tx, fact.order_id)
    if order is None or order.purpose is not Purpose.DIFFERENCE or order.state is not OrderState.DONE:
        return
    if order.what is What.HOLD and order.asked_by is not None:
        await follow(tx, order, await absent.person(tx, order.asked_by))


async def follow(tx: Tx, order: PaymentOrder, who: Actor | None) -> Booking | DomainError:
    """Let a booking have the time for which this order, which is done, set the difference aside: once; or why not, the
    money let go.
    """
    booking = await reading.load_locked(tx, order.booking_id)
    wished = await wishes.of_order(tx, order.id)
    if wished is None or wished.state is wishes.State.DROPPED:
        return BookingChanged()
    if wished.state is wishes.State.MOVED:
        return booking
    try:
        async with tx.savepoint():
            changed = await _have(tx, booking, wished, who)
    except DomainError as refusal:
        await wishes.end(tx, order.id, wishes.State.DROPPED)
        await give_back(tx, order)
        return refusal
    await wishes.end(tx, order.id, wishes.State.MOVED)
    if changed.state in DUE:
        await orders.place(tx, orders.ending(tx, order, What.CAPTURE, order.amount))
    return changed


async def on_moved(tx: Tx, fact: BookingMoved) -> None:
    """A booking that costs less than its cards paid: the rest goes back."""
    booking = await reading.load_locked(tx, fact.booking_id)
    if booking.state in DUE and not booking.on_account:
        charges = charges_of(await orders.of_booking(tx, booking.id), booking.id)
        await pay_back(tx, charges, booking.price.total)


async def on_difference_refused(tx: Tx, fact: OrderSettled) -> None:
    """A difference that was set aside is not to be had any more: a booking that was moved stays so, and it is owed."""
    order = await orders.load_locked(tx, fact.order_id)
    if order is None or order.what is not What.CAPTURE or order.state is not OrderState.REFUSED:
        return
    if order.purpose is not Purpose.DIFFERENCE:
        return
    booking = await reading.load_locked(tx, order.booking_id)
    log.error("payments.difference_unpaid", booking_id=str(booking.id), order_id=str(order.id))
    held = next(one for one in await orders.of_booking(tx, booking.id) if one.id == order.earlier_id)
    await give_back(tx, held)
    if may_owe(booking) and (await books.charged(tx, booking)).minor:
        tx.publish(store.fact(PaymentMissing, booking, None, **asdict(order.amount)))


async def _have(tx: Tx, booking: Booking, wished: wishes.Wished, who: Actor | None) -> Booking:
    if who is None:
        raise BookingChanged
    weighed = await move.weigh(tx, who, booking, wished.wish)
    if weighed.price.total.minor != wished.total_minor:
        raise BookingChanged
    return await _move(tx, who, weighed)


async def _move(tx: Tx, who: Actor, weighed: Move) -> Booking:
    changed = await move.carry_out(tx, who, weighed)
    if changed.state in DUE:
        await books.changed(tx, weighed.booking, changed, tx.new_id())
    return changed


async def _difference(
    tx: Tx, who: Actor, weighed: Move, charges: list[Charge], missing: int, instrument_id: UUID | None
) -> PaymentOrder:
    booking, paid = weighed.booking, rests_on(charges)
    wanted = instrument_id or (None if paid is None else paid.instrument_id)
    if wanted is None:
        raise UnknownInstrument(pointer="/instrument_id")
    card = check_ready(await instruments.of_party(tx, booking.renter_party_id, wanted))
    return PaymentOrder(
        id=tx.new_id(),
        what=What.HOLD,
        purpose=Purpose.DIFFERENCE,
        subject_id=booking.id,
        booking_id=booking.id,
        payer_party_id=booking.renter_party_id,
        payee_party_id=booking.owner_party_id,
        amount=Money(missing, weighed.price.total.currency),
        instrument_id=card.id,
        instrument=card.reference,
        customer=card.customer,
        description=", ".join(machine.title for machine in weighed.machines)[:200],
        asked_by=who.person_id,
        created_at=tx.now,
        next_at=tx.now + LEASE,
    )


def _same(order: PaymentOrder, is_same: bool, instrument_id: UUID | None) -> PaymentOrder:
    """The order that is under way, if this is what it pays for. Raises `PaymentUnderWay`."""
    if not is_same:
        raise PaymentUnderWay
    if instrument_id is not None:
        check_same(order, instrument_id)
    return order


async def _view(tx: Tx, booking: Booking) -> BookingView:
    return (await reading.views(tx, [booking]))[0]
