"""What comes in of an invoice: by card, which facts tell, and by other means, which its issuer records."""

from collections.abc import Sequence
from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.bookings.events import DifferencePaid
from votremachine.bookings.service import reading as bookings
from votremachine.damages.events import ClaimPaid
from votremachine.damages.service import store as claims
from votremachine.infra.database import Tx
from votremachine.invoicing.events import InvoicePaid
from votremachine.invoicing.rules.invoice import Cause, Invoice, Means, Payment, check_payment
from votremachine.invoicing.rules.numbering import day_of
from votremachine.invoicing.schemas import RecordPayment
from votremachine.invoicing.service import debts, store
from votremachine.invoicing.service.cards import card_payments
from votremachine.invoicing.service.store import authorise


async def on_difference_paid(tx: Tx, fact: DifferencePaid) -> None:
    """A card paid for a booking: for its invoice, if it has one already. Issuing looks for itself."""
    await bookings.load_locked(tx, fact.booking_id)
    if (invoice := await store.issued_for_locked(tx, Cause.CARD_RENTAL, fact.booking_id)) is not None:
        await _follow_cards(tx, invoice)


async def on_claim_paid(tx: Tx, fact: ClaimPaid) -> None:
    """What a claim awarded beyond the deposit came in, or part of it."""
    await claims.load_locked(tx, fact.claim_id)
    if (invoice := await store.issued_for_locked(tx, Cause.CLAIM, fact.claim_id)) is not None:
        await _follow_cards(tx, invoice)


async def record(tx: Tx, who: Actor, invoice_id: UUID, asked: RecordPayment) -> Invoice:
    """The issuer was paid by other means than a card, all of an invoice or part of it.

    Raises `UnknownInvoice`, `NotAllowed`, `NotInTheirPlace`, what `check_payment` does, and `PaymentUnderWay` while a
    card is paying.
    """
    found = await store.load(tx, invoice_id)
    authorise(Verb.RECORD_PAYMENT, who, found)
    debt = await debts.hold(tx, found)
    invoice = await _follow_cards(tx, await store.load_locked(tx, invoice_id))
    known = {one.same: one for one in await store.payments_of(tx, invoice.id)}
    means = Means(asked.means)
    payment = Payment(tx.new_id(), asked.minor, means, asked.received_on, asked.reference, who.person_id, tx.now)
    check_payment(invoice, payment, known, day_of(tx.now))
    changed = await _pay(tx, invoice, [payment], by=who.person_id)
    await debts.settle(tx, debt, invoice, payment.minor, payment.id, who)
    facts = {"minor": payment.minor, "means": payment.means}
    await audit.note(tx, who, "record_payment", "invoice", invoice.id, invoice.issuer_party_id, **facts)
    return changed


async def _follow_cards(tx: Tx, invoice: Invoice) -> Invoice:
    """Let a locked invoice know what cards have paid by now."""
    known = {one.id for one in await store.payments_of(tx, invoice.id)}
    return await _pay(tx, invoice, await card_payments(tx, invoice, known), by=None)


async def _pay(tx: Tx, invoice: Invoice, payments: Sequence[Payment], *, by: UUID | None) -> Invoice:
    if not payments:
        return invoice
    changed = await store.pay(tx, invoice, payments)
    minor = sum(one.minor for one in payments)
    tx.publish(store.fact(InvoicePaid, changed, by, minor=minor, left=changed.due))
    return changed
