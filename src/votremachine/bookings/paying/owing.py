"""What a booking costs more than its cards have paid: charged without the renter, or paid by a card that they name.

It is due in the ledger from the moment at which the price changed; here it is only got in. What a bank declines stays
due, both are told, and the renter pays it with another card.
"""

from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.bookings.events import DifferencePaid, PaymentMissing, UsageSettled
from votremachine.bookings.paying import books
from votremachine.bookings.paying.charges import Charge, charges_of, in_hand, rests_on
from votremachine.bookings.paying.rules import DUE, NothingDue, may_owe
from votremachine.bookings.paying.service import heard, pay_back
from votremachine.bookings.rules import Booking
from votremachine.bookings.schemas import BookingView, Proof
from votremachine.bookings.service import reading, store
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import Instrument, InstrumentNotReady, UnknownInstrument, check_ready
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import LEASE, Outcome, PaymentOrder, Purpose, What, check_same
from votremachine.payments.orders.rules import State as OrderState


async def on_usage_settled(tx: Tx, fact: UsageSettled) -> None:
    """A booking costs what was used: the difference is charged to the card that paid, or goes back."""
    booking = await reading.load_locked(tx, fact.booking_id)
    if booking.on_account:
        # Whoever invoices it has the price.
        return
    charges = charges_of(await orders.of_booking(tx, booking.id), booking.id)
    missing = await _missing(tx, booking, charges)
    if missing.minor <= 0:
        await pay_back(tx, charges, booking.price.total)
        return
    card = await _card_that_paid(tx, booking, charges)
    if card is None:
        _tell_missing(tx, booking, missing)
        return
    await orders.place(tx, _charge(tx, booking, missing, card, by=None))


async def on_charge_settled(tx: Tx, fact: OrderSettled) -> None:
    """A charge of what was missing has an outcome that nobody waited for: it came in, or both are told that a bank
    declined it.
    """
    order = await orders.load_locked(tx, fact.order_id)
    if order is None or order.purpose is not Purpose.DIFFERENCE or order.what is not What.CHARGE:
        return
    booking = await reading.load_locked(tx, order.booking_id)
    charges = charges_of(await orders.of_booking(tx, booking.id), booking.id)
    missing = await _missing(tx, booking, charges)
    if order.state is OrderState.DONE:
        tx.publish(store.fact(DifferencePaid, booking, None))
    elif missing.minor > 0:
        _tell_missing(tx, booking, missing)


async def begin(tx: Tx, who: Actor, booking_id: UUID, instrument_id: UUID) -> BookingView | PaymentOrder:
    """The renter pays what is missing: the order to the gateway, new or under way; the booking, if nothing is.

    Raises `UnknownBooking`, `NotAllowed`, `NothingDue`, `UnknownInstrument`, `InstrumentNotReady`, `PaymentUnderWay`.
    """
    booking = await reading.load_locked(tx, booking_id)
    store.authorise(Verb.CONFIRM, who, booking)
    known = await orders.of_booking(tx, booking.id)
    if (under_way := orders.under_way(known, booking.id, Purpose.DIFFERENCE)) is not None:
        check_same(under_way, instrument_id)
        return under_way
    charges = charges_of(known, booking.id)
    if booking.on_account or not may_owe(booking):
        raise NothingDue
    missing = await _missing(tx, booking, charges)
    if booking.state not in DUE and missing.minor <= 0 and not in_hand(charges):
        raise NothingDue
    if missing.minor <= 0:
        return (await reading.views(tx, [booking]))[0]
    card = check_ready(await instruments.of_party(tx, booking.renter_party_id, instrument_id))
    order = _charge(tx, booking, missing, card, by=who)
    await orders.place(tx, order)
    return order


async def end(tx: Tx, order: PaymentOrder, outcome: Outcome) -> BookingView | Proof | DomainError:
    """What the renter hears of their payment; why not is an answer, not raised."""
    done = await heard(tx, order, outcome)
    if not isinstance(done, PaymentOrder):
        return done
    booking = await reading.load(tx, order.booking_id)
    tx.publish(store.fact(DifferencePaid, booking, None))
    return (await reading.views(tx, [booking]))[0]


async def _missing(tx: Tx, booking: Booking, charges: list[Charge]) -> Money:
    """What the cards have not paid of what a booking costs: its price, or what is kept of one that came to nothing."""
    costs = booking.price.total if booking.state in DUE else await books.charged(tx, booking)
    return costs - Money(in_hand(charges), costs.currency)


def _tell_missing(tx: Tx, booking: Booking, missing: Money) -> None:
    tx.publish(store.fact(PaymentMissing, booking, None, minor=missing.minor, currency=missing.currency))


async def _card_that_paid(tx: Tx, booking: Booking, charges: list[Charge]) -> Instrument | None:
    paid = rests_on(charges)
    if paid is None or paid.instrument_id is None:
        return None
    try:
        return check_ready(await instruments.of_party(tx, booking.renter_party_id, paid.instrument_id))
    except (UnknownInstrument, InstrumentNotReady):
        return None


def _charge(tx: Tx, booking: Booking, missing: Money, card: Instrument, *, by: Actor | None) -> PaymentOrder:
    return PaymentOrder(
        id=tx.new_id(),
        what=What.CHARGE,
        purpose=Purpose.DIFFERENCE,
        subject_id=booking.id,
        booking_id=booking.id,
        payer_party_id=booking.renter_party_id,
        payee_party_id=booking.owner_party_id,
        amount=missing,
        instrument_id=card.id,
        instrument=card.reference,
        customer=card.customer,
        off_session=by is None,
        asked_by=None if by is None else by.person_id,
        created_at=tx.now,
        next_at=tx.now if by is None else tx.now + LEASE,
    )
