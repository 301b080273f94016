"""Confirming a booking by card: written down, carried out at the gateway, and only then confirmed.

Two transactions with the call between them. Whatever happens in between, a crash or a hold that runs out, the order
stands in the database: the worker finds out what became of it, and a renter whose booking does not stand has the money
back.
"""

from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import absent
from votremachine.availability.service import claims
from votremachine.bookings.paying.rules import becomes, payment_of, waits_for
from votremachine.bookings.rules import (
    LIFE,
    Booking,
    HoldExpired,
    State,
    after_payment,
    check_standing,
    request_expiry,
    stands_free,
)
from votremachine.bookings.schemas import BookingView, Proof
from votremachine.bookings.service import reading, store
from votremachine.bookings.service.book import FACTS
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money
from votremachine.kernel.states import advance
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import check_ready
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import (
    LEASE,
    GatewaySilent,
    Outcome,
    PaymentOrder,
    Purpose,
    Silence,
    What,
    check_same,
    declined,
)
from votremachine.payments.orders.rules import State as OrderState


async def begin(tx: Tx, who: Actor, booking_id: UUID, instrument_id: UUID) -> PaymentOrder | None:
    """The renter pays for a hold: the order to the gateway, or the one that is under way or done already.

    None when the hold costs nothing: no gateway moves nothing.

    An instant machine is charged for at once; for one on request the money is set aside until the owner decides.
    Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`, `UnknownInstrument`,
    `InstrumentNotReady`, `PaymentUnderWay`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.CONFIRM, who, booking)
    known = await orders.of_booking(tx, booking.id)
    if (under_way := orders.under_way(known, booking.id)) is not None:
        check_same(under_way, instrument_id)
        return under_way
    paid = payment_of(known, booking.id)
    if paid is not None and booking.state is becomes(paid.order):
        return paid.order
    if stands_free(booking):
        return None
    check_standing(booking, tx.now)
    machines = list((await fleet.machines_by_id(tx, booking.machine_ids)).values())
    to = advance(LIFE, booking.state, after_payment(machines))
    if to is State.REQUESTED and request_expiry(tx.now, booking.during.start) <= tx.now:
        raise HoldExpired
    card = check_ready(await instruments.of_party(tx, booking.renter_party_id, instrument_id))
    if not booking.price.total.minor:
        return None
    order = PaymentOrder(
        id=tx.new_id(),
        what=What.HOLD if to is State.REQUESTED else What.CHARGE,
        purpose=Purpose.RENTAL,
        subject_id=booking.id,
        booking_id=booking.id,
        payer_party_id=booking.renter_party_id,
        payee_party_id=booking.owner_party_id,
        amount=booking.price.total,
        instrument_id=card.id,
        instrument=card.reference,
        customer=card.customer,
        description=", ".join(machine.title for machine in machines)[:200],
        asked_by=who.person_id,
        created_at=tx.now,
        next_at=tx.now + LEASE,
    )
    await orders.place(tx, order)
    return order


async def end(tx: Tx, who: Actor, order: PaymentOrder, outcome: Outcome) -> BookingView | Proof | DomainError:
    """What the gateway's answer makes of the booking, for the renter who waits for it; or why it stays a hold.

    A refusal is an answer, not raised: that the card was declined is kept.
    """
    if isinstance(outcome, Silence):
        return GatewaySilent()
    changed = await orders.settle(tx, order, outcome)
    if changed is None:
        # The worker was quicker, or a repeat of this request.
        booking = await reading.load_locked(tx, order.booking_id)
    elif changed.state is OrderState.REQUIRES_ACTION:
        return Proof(order.booking_id, outcome.client_secret)
    elif changed.state is not OrderState.DONE:
        return declined(changed)
    else:
        booking = await settle(tx, changed, who)
    if booking.state is not becomes(order):
        return GatewaySilent() if changed is None else HoldExpired()
    return (await reading.views(tx, [booking]))[0]


async def on_settled(tx: Tx, fact: OrderSettled) -> None:
    """The outcome of an order became known with nobody waiting: the booking follows, or the money goes back."""
    order = await orders.load_locked(tx, fact.order_id)
    if order is None or order.purpose is not Purpose.RENTAL or order.state is not OrderState.DONE:
        return
    if order.what in (What.CHARGE, What.HOLD):
        await settle(tx, order, None if order.asked_by is None else await absent.person(tx, order.asked_by))


async def settle(tx: Tx, order: PaymentOrder, by: Actor | None) -> Booking:
    """Let a booking follow the money that arrived for it; one that does not stand any more has it given back.

    Once for each order: by whoever kept its outcome.
    """
    booking = await reading.load_locked(tx, order.booking_id)
    to = becomes(order)
    expires_at = request_expiry(tx.now, booking.during.start) if to is State.REQUESTED else None
    too_late = expires_at is not None and expires_at <= tx.now
    if (
        too_late
        or not waits_for(booking, order, tx.now)
        or not await claims.keep(tx, booking.id, expires_at=expires_at, machines=len(booking.machine_ids))
    ):
        await give_back(tx, order)
        return booking
    return await store.step(tx, booking, to, FACTS[to], by=by, changes={"expires_at": expires_at})


async def give_back(tx: Tx, order: PaymentOrder) -> None:
    """Order that all that was taken or set aside goes back; the worker carries it out."""
    what = What.REFUND if order.what is What.CHARGE else What.RELEASE
    await orders.place(tx, ending(tx, order, what, order.amount))


def ending(tx: Tx, order: PaymentOrder, what: What, amount: Money) -> PaymentOrder:
    """An order about the money of an earlier one, for the worker to carry out at once."""
    return PaymentOrder(
        id=tx.new_id(),
        what=what,
        purpose=order.purpose,
        subject_id=order.subject_id,
        booking_id=order.booking_id,
        payer_party_id=order.payer_party_id,
        payee_party_id=order.payee_party_id,
        amount=amount,
        earlier_id=order.id,
        reference=order.reference,
        created_at=tx.now,
        next_at=tx.now,
    )
