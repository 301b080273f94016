"""Confirming a booking by card: written down, carried out at the gateway, and only then confirmed.

Two transactions with the call between them. Whatever happens in between, a crash or a hold that runs out, the order
stands in the database: the worker finds out what became of it, and a renter whose booking does not stand has the money
back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import absent
from votremachine.bookings.paying.charges import Charge, charge_of, charges_of, in_hand, rests_on, spread
from votremachine.bookings.paying.rules import becomes, payable, waits_for
from votremachine.bookings.refusals import BookingChanged, HoldExpired
from votremachine.bookings.rules import (
    LIFE,
    Booking,
    State,
    after_payment,
    check_standing,
    lapsed,
    request_expiry,
    stands_free,
)
from votremachine.bookings.schemas import BookingView, Proof
from votremachine.bookings.securing import secure
from votremachine.bookings.service import decide, reading, store
from votremachine.bookings.service.book import FACTS
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.infra.outbox import NotYet
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money
from votremachine.kernel.states import advance
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import check_ready
from votremachine.payments.orders import service as orders
from votremachine.payments.orders import settling
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import (
    LEASE,
    Answer,
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


class StillUnderWay(NotYet):
    """An order about this money is at the gateway just now: the fact is handed on again a little later."""


class Begun(NamedTuple):
    """What the gateway is asked for a booking, and its machines."""

    order: PaymentOrder
    machines: Mapping[UUID, Machine]


async def begin(tx: Tx, who: Actor, booking_id: UUID, instrument_id: UUID) -> Begun | BookingView:
    """The renter pays for a hold: the order to the gateway, or the one that is under way or done already.

    What costs nothing is confirmed, or requested, without it: no gateway moves nothing. The card is for the deposit.

    An instant machine is charged for at once; for one on request the money is set aside until the owner decides.
    Raises `UnknownBooking`, `NotAllowed`, `HoldExpired`, `IllegalTransition`, `UnknownInstrument`,
    `InstrumentNotReady`, `PaymentUnderWay`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.CONFIRM, who, booking)
    machines = await fleet.machines_by_id(tx, booking.machine_ids)
    if not booking.price.total.minor:
        return await _for_free(tx, who, booking, machines, instrument_id)
    wanted = _payment(tx, who, booking, list(machines.values()), instrument_id)
    first = await orders.place_first(tx, wanted) if payable(booking, wanted, tx.now) else None
    return Begun(first or await _go_on(tx, booking, wanted, instrument_id), machines)


async def _for_free(
    tx: Tx, who: Actor, booking: Booking, machines: Mapping[UUID, Machine], instrument_id: UUID
) -> BookingView:
    """Once: a repeat finds it done."""
    if stands_free(booking):
        return (await reading.views_of(tx, [booking], machines))[0]
    card = check_ready(await instruments.of_party(tx, booking.renter_party_id, instrument_id))
    return await decide.commit(tx, who, booking, machines, on_account=False, card=card.id)


def _payment(tx: Tx, who: Actor, booking: Booking, machines: Sequence[Machine], instrument_id: UUID) -> PaymentOrder:
    return PaymentOrder(
        id=tx.new_id(),
        what=What.HOLD if after_payment(machines) is State.REQUESTED else What.CHARGE,
        purpose=Purpose.RENTAL,
        subject_id=booking.id,
        booking_id=booking.id,
        payer_party_id=booking.renter_party_id,
        payee_party_id=booking.owner_party_id,
        amount=booking.price.total,
        instrument_id=instrument_id,
        description=", ".join(machine.title for machine in machines)[:200],
        asked_by=who.person_id,
        created_at=tx.now,
        next_at=tx.now + LEASE,
    )


async def _go_on(tx: Tx, booking: Booking, wanted: PaymentOrder, instrument_id: UUID) -> PaymentOrder:
    """The order that is under way or done already; else `wanted`, or why it cannot be."""
    known = await orders.of_booking(tx, booking.id)
    if (under_way := orders.under_way(known, booking.id, Purpose.RENTAL)) is not None:
        check_same(under_way, instrument_id)
        return under_way
    paid = rests_on(charges_of(known, booking.id))
    if paid is not None and booking.state is becomes(paid):
        return paid
    check_standing(booking, tx.now)
    advance(LIFE, booking.state, becomes(wanted))
    if not payable(booking, wanted, tx.now):
        raise HoldExpired
    card = check_ready(await instruments.of_party(tx, wanted.payer_party_id, instrument_id))
    order = replace(wanted, instrument=card.reference, customer=card.customer)
    await orders.place(tx, order)
    return order


async def end(tx: Tx, who: Actor, begun: Begun, outcome: Outcome) -> BookingView | Proof | DomainError:
    """What the gateway's answer makes of the booking, for the renter who waits for it; or why it stays a hold.

    A refusal is an answer, not raised: that the card was declined is kept.
    """
    order = begun.order
    if isinstance(outcome, Silence):
        return GatewaySilent()
    # Whoever changes a booking locks it before its orders: nobody waits for each other then.
    booking = await reading.load_locked(tx, order.booking_id)
    changed = await settling.keep(tx, order, outcome)
    if changed is not None:
        if changed.state is not OrderState.DONE:
            return await _unpaid(tx, booking, changed, outcome)
        booking = await follow(tx, booking, changed, who)
        await settling.enter(tx, changed)
    if booking.state is not becomes(order):
        # Without a change, the worker was quicker, or a repeat of this request.
        return GatewaySilent() if changed is None else _why_not(booking, tx.now)
    if begun.machines.keys() >= set(booking.machine_ids):
        return (await reading.views_of(tx, [booking], begun.machines))[0]
    return (await reading.views(tx, [booking]))[0]


async def _unpaid(tx: Tx, booking: Booking, order: PaymentOrder, answer: Answer) -> Proof | DomainError:
    """What a payer hears whose card has not paid so far."""
    if order.state is not OrderState.REQUIRES_ACTION:
        return declined(order)
    if waits_for(booking, order, tx.now):
        return Proof(booking.id, answer.client_secret)
    # It was called off, or costs something else, while the gateway was being asked.
    await orders.give_up(tx, order.id)
    return _why_not(booking, tx.now)


def _why_not(booking: Booking, now: datetime) -> DomainError:
    """Why a booking does not follow its payment."""
    over = booking.state is State.EXPIRED or lapsed(booking.state, booking.expires_at, now)
    return HoldExpired() if over else BookingChanged()


async def heard(tx: Tx, order: PaymentOrder, outcome: Outcome) -> PaymentOrder | Proof | DomainError:
    """Keep what the gateway said, if nobody did yet: the order once it is done, or what its payer is to hear."""
    if isinstance(outcome, Silence):
        return GatewaySilent()
    changed = await settling.settle(tx, order, outcome) or await orders.load_locked(tx, order.id)
    if changed is None or changed.state is OrderState.PENDING:
        return GatewaySilent()
    if changed.state is OrderState.REQUIRES_ACTION:
        return Proof(order.booking_id, outcome.client_secret)
    return changed if changed.state is OrderState.DONE else declined(changed)


async def on_settled(tx: Tx, fact: OrderSettled) -> None:
    """The outcome of an order became known with nobody waiting: the booking follows, or the money goes back."""
    # An outcome is for good: the order needs no lock.
    order = (await orders.by_ids(tx, [fact.order_id])).get(fact.order_id)
    if order is None or order.purpose is not Purpose.RENTAL or order.state is not OrderState.DONE:
        return
    if order.what in (What.CHARGE, What.HOLD):
        by = None if order.asked_by is None else await absent.person(tx, order.asked_by)
        await follow(tx, await reading.load_locked(tx, order.booking_id), order, by)


async def follow(tx: Tx, booking: Booking, order: PaymentOrder, by: Actor | None) -> Booking:
    """Let a locked booking follow the money that arrived for it; one that does not stand any more has it given back.

    Once for each order: by whoever kept its outcome.
    """
    to = becomes(order)
    expires_at = request_expiry(tx.now, booking.during.start) if to is State.REQUESTED else None
    too_late = expires_at is not None and expires_at <= tx.now
    changed = None
    if waits_for(booking, order, tx.now) and not too_late:
        changed = await store.stand(tx, booking, to, FACTS[to], by=by, expires_at=expires_at)
    if changed is None:
        await give_back(tx, order)
        return booking
    await secure(tx, changed, by, card=order.instrument_id)
    return changed


async def give_back(tx: Tx, order: PaymentOrder) -> None:
    """Order that all that was taken or set aside goes back, unless that was ordered; the worker carries it out."""
    charge = charge_of(await orders.of_booking(tx, order.booking_id), order)
    if charge.stands:
        what, minor = (What.RELEASE, order.amount.minor) if charge.set_aside else (What.REFUND, charge.left)
        await orders.place(tx, orders.ending(tx, charge.order, what, Money(minor, order.amount.currency)))


async def pay_back(tx: Tx, charges: Sequence[Charge], due: Money) -> None:
    """Order that what the cards paid beyond what is due goes back, the latest payment first. Raises `StillUnderWay`."""
    for charge, minor in spread(charges, in_hand(charges) - due.minor):
        if charge.under_way:
            raise StillUnderWay
        await orders.place(tx, orders.ending(tx, charge.order, What.REFUND, Money(minor, due.currency)))
