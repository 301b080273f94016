"""The debt that an invoice is about stands in the ledger already: of a booking on account, or of a claim.

What its issuer has had of it is settled there once, with the invoice. Whoever does so holds the booking or the claim,
and only then the invoice, as whoever issues: nobody waits for each other then.
"""

from uuid import UUID

from votremachine.accounts.rules import Actor
from votremachine.bookings.paying import books
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.damages.rules.claim import Claim
from votremachine.damages.service import paying as claims
from votremachine.infra.database import Tx
from votremachine.invoicing.rules.invoice import Cause, Invoice, money
from votremachine.payments.ledger.rules.posting import Cause as PostingCause

Debt = Booking | Claim | None


async def hold(tx: Tx, invoice: Invoice) -> Debt:
    """What an invoice is about, locked, where its issuer may be paid without us; None where cards alone pay.

    Raises `PaymentUnderWay` while a card is paying a claim.
    """
    match invoice.cause:
        case Cause.RENTAL:
            return await bookings.load_locked(tx, invoice.cause_id)
        case Cause.CLAIM:
            return await claims.load_settled(tx, invoice.cause_id)
    return None


async def settle(tx: Tx, debt: Debt, invoice: Invoice, minor: int, payment_id: UUID, by: Actor) -> None:
    """The issuer of an invoice has so much of this debt from the customer's own hands."""
    cause = PostingCause("invoice_payment", payment_id)
    if isinstance(debt, Claim):
        await claims.paid_directly(tx, debt, minor, cause, by)
    elif debt is not None:
        await books.settled(tx, debt, money(invoice, minor), cause)


async def take_back(tx: Tx, debt: Debt, note: Invoice) -> None:
    """A credit note ends the debt of a booking on account."""
    if isinstance(debt, Booking):
        await books.taken_back(tx, debt, money(note, note.payable), PostingCause("invoice", note.id))
