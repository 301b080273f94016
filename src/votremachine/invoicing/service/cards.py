"""What cards have paid of an invoice: the orders to the gateway say it, and nobody else."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from votremachine.bookings.paying.charges import charges_of
from votremachine.infra.database import Tx
from votremachine.invoicing.rules.invoice import Cause, Invoice, Means, Payment
from votremachine.invoicing.rules.numbering import day_of
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.rules import PaymentOrder, Purpose, State, What

_BY_CARD = frozenset({Cause.CARD_RENTAL, Cause.CLAIM})


async def card_payments(tx: Tx, invoice: Invoice, known: Collection[UUID]) -> list[Payment]:
    """What cards have paid of an invoice besides these known payments; never more than is due of it."""
    if invoice.booking_id is None or invoice.cause not in _BY_CARD:
        return []
    found = await orders.of_booking(tx, invoice.booking_id)
    payments, due = [], invoice.due
    for order, minor in _came_in(invoice, found):
        part = min(minor, due)
        if part and order.id not in known:
            payments.append(_payment(order, part, tx.now))
            due -= part
    return payments


async def under_way(tx: Tx, booking_id: UUID) -> bool:
    """Whether something about the payments of a booking is at the gateway just now."""
    charges = charges_of(await orders.of_booking(tx, booking_id), booking_id)
    return any(charge.under_way for charge in charges)


def _came_in(invoice: Invoice, found: Iterable[PaymentOrder]) -> list[tuple[PaymentOrder, int]]:
    """The orders that paid for what an invoice is about, oldest first, and what each has left of it."""
    if invoice.cause is Cause.CARD_RENTAL:
        return [(charge.order, charge.left) for charge in charges_of(list(found), invoice.cause_id)]
    return [(one, one.amount.minor) for one in found if _pays_claim(one, invoice.cause_id)]


def _pays_claim(order: PaymentOrder, claim_id: UUID) -> bool:
    charged = (order.what, order.state) == (What.CHARGE, State.DONE)
    return charged and order.purpose is Purpose.DAMAGE and order.subject_id == claim_id


def _payment(order: PaymentOrder, minor: int, now: datetime) -> Payment:
    received_on = day_of(order.settled_at or now)
    return Payment(order.id, minor, Means.CARD, received_on, str(order.id), None, now)
