"""Reading what was paid for one booking: its orders to the gateway, its deposit, and its owner's part."""

from collections.abc import Mapping
from uuid import UUID

from votremachine.accounts.rules import Actor, Relation, Sides, Verb
from votremachine.bookings.paying.charges import sums
from votremachine.bookings.paying.schemas import OwnersPart, PaymentsView, PaymentView
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading, store
from votremachine.deposits.schemas import CardView
from votremachine.deposits.service import reading as deposits
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import Instrument
from votremachine.payments.ledger.rules.chart import Code
from votremachine.payments.ledger.service import balances
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.rules import PaymentOrder, State
from votremachine.payments.payouts import look as payouts


async def payments(tx: Tx, who: Actor, booking_id: UUID) -> PaymentsView:
    """What was paid, refunded and is held for a booking, to its two sides and to staff; eight statements at most.

    Raises `UnknownBooking`.
    """
    booking = await reading.load(tx, booking_id)
    sides = store.authorise(Verb.READ_PAYMENTS, who, booking)
    found = await orders.of_booking(tx, booking_id)
    cards = await _cards(tx, found) if Relation.RENTER in sides else {}
    stands = await balances.of_booking(tx, booking_id)
    currency, moved = booking.price.total.currency, sums(found)
    return PaymentsView(
        booking_id=booking.id,
        on_account=booking.on_account,
        price=booking.price.total,
        paid=Money(moved.paid, currency),
        refunded=Money(moved.refunded, currency),
        set_aside=Money(moved.set_aside, currency),
        paid_directly=Money(await balances.paid_directly(tx, booking_id), currency),
        owed=Money(_owed(stands), currency),
        owed_back=Money(max(0, -stands.get(Code.ACCOUNT_OWED, 0)), currency),
        payments=[_payment(one, cards) for one in found if _concerns(one, sides)],
        deposit=await deposits.history(tx, booking_id),
        owners_part=await _owners_part(tx, booking, stands) if sides.keys() - {Relation.RENTER} else None,
    )


def _owed(stands: Mapping[Code, int]) -> int:
    # What was paid and is not due yet, for a moment, is no debt of ours to be told.
    return sum(max(0, stands.get(code, 0)) for code in (Code.RENTER, Code.ACCOUNT_OWED))


def _concerns(order: PaymentOrder, sides: Sides) -> bool:
    """The renter knows of every try with their cards, staff as well; an owner of what came about."""
    return order.state is State.DONE or bool(sides.keys() & {Relation.RENTER, Relation.PLATFORM})


async def _cards(tx: Tx, found: list[PaymentOrder]) -> Mapping[UUID, Instrument]:
    return await instruments.by_ids(tx, {one.instrument_id for one in found if one.instrument_id is not None})


def _payment(order: PaymentOrder, cards: Mapping[UUID, Instrument]) -> PaymentView:
    card = None if order.instrument_id is None else cards.get(order.instrument_id)
    return PaymentView(
        id=order.id,
        what=order.what,
        purpose=order.purpose,
        amount=order.amount,
        let_go=Money(order.gives_back, order.amount.currency),
        state=order.state,
        at=order.settled_at or order.created_at,
        about=order.earlier_id,
        reason=order.refusal,
        card=None if card is None else CardView(card.brand, card.last4),
    )


async def _owners_part(tx: Tx, booking: Booking, stands: Mapping[Code, int]) -> OwnersPart:
    currency = booking.price.total.currency

    def credit(code: Code) -> Money:
        return Money(-stands.get(code, 0), currency)

    return OwnersPart(
        waiting=credit(Code.OWNER_PENDING) + credit(Code.ACCOUNT_DUE),
        payable=credit(Code.OWNER_PAYABLE),
        fee=credit(Code.FEES),
        fee_vat=credit(Code.VAT_COLLECTED),
        lines=await payouts.of_booking(tx, booking.id),
    )
