"""What issues invoices: a booking that is over, be it that it came to nothing, and a claim beyond the deposit.

Facts of the outbox; the same one again finds its invoice issued. What is invoiced is read from the booking or the claim
as it stands, never from the fact. Whoever issues, or hears of a payment, holds the lock of the booking or the claim,
and only then that of the invoice: a payment is seen by the one or the other.
"""

from uuid import UUID

from votremachine.accounts.service.parties import identities, payment_days
from votremachine.bookings.events import RentalSettled
from votremachine.bookings.paying import books
from votremachine.bookings.paying.rules import KEEPS, kept
from votremachine.bookings.paying.service import StillUnderWay
from votremachine.bookings.rules import State
from votremachine.bookings.service import reading
from votremachine.damages.events import ClaimSettled
from votremachine.damages.service import store as claims
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.invoicing.events import InvoiceIssued
from votremachine.invoicing.rules.drafts import Draft, of_claim, of_kept, of_rental
from votremachine.invoicing.rules.invoice import Cause, Invoice
from votremachine.invoicing.rules.invoice import State as InvoiceState
from votremachine.invoicing.rules.numbering import Kind, day_of, due_on, series_of
from votremachine.invoicing.service import store
from votremachine.invoicing.service.cards import card_payments, under_way


async def on_rental_settled(tx: Tx, fact: RentalSettled) -> None:
    """A booking costs what it costs: its rental is invoiced, or what is kept of it. Raises `StillUnderWay`."""
    await invoice_rental(tx, fact.booking_id)


async def invoice_rental(tx: Tx, booking_id: UUID) -> Invoice | None:
    """The invoice of a booking that is over, issued once; None where nothing is to be invoiced, or not yet.

    Raises `SumsDiffer`, and `StillUnderWay` while a card is being asked for what is kept.
    """
    booking = await reading.load_locked(tx, booking_id)
    machines = await fleet.machines_by_id(tx, {*booking.machine_ids, *booking.agreed_ids})
    if booking.state is State.COMPLETED and booking.price.total.minor:
        return await issue(tx, of_rental(booking, machines))
    if booking.state in KEEPS and (charged := (await books.charged(tx, booking)).minor):
        if await under_way(tx, booking_id):
            # What is taken of what was set aside may be refused still: an invoice would call it paid for good.
            raise StillUnderWay
        ended_at = await reading.ended_at(tx, booking_id)
        return await issue(tx, of_kept(booking, kept(booking, ended_at), charged, machines))
    return None


async def invoice_late(tx: Tx, booking_id: UUID) -> bool:
    """Invoice a booking that is over, if nobody did; whether an invoice was issued now. Raises as `invoice_rental`."""
    for cause in (Cause.RENTAL, Cause.CARD_RENTAL):
        if await store.issued_for(tx, cause, booking_id) is not None:
            return False
    return await invoice_rental(tx, booking_id) is not None


async def on_claim_settled(tx: Tx, fact: ClaimSettled) -> None:
    """The money of a claim has moved: what its award took beyond the deposit is invoiced."""
    claim = await claims.load_locked(tx, fact.claim_id)
    if not claim.from_renter:
        return
    booking = await reading.load(tx, claim.booking_id)
    machines = await fleet.machines_by_id(tx, claim.machine_ids)
    await issue(tx, of_claim(claim, booking, machines))


async def issue(tx: Tx, draft: Draft) -> Invoice:
    """Issue what a draft says, once for its cause, with what cards have paid of it by then.

    Whoever issues for the same issuer meanwhile waits until this transaction ends.
    """
    if (known := await store.issued_for(tx, draft.cause, draft.cause_id)) is not None:
        return known
    invoice = await _numbered(tx, draft)
    await store.add(tx, invoice, draft.lines)
    if draft.kind is Kind.INVOICE:
        invoice = await store.pay(tx, invoice, await card_payments(tx, invoice, known=()))
        facts = {"minor": invoice.payable, "due": invoice.due, "due_on": invoice.due_on}
        tx.publish(store.fact(InvoiceIssued, invoice, None, **facts))
    return invoice


async def _numbered(tx: Tx, draft: Draft) -> Invoice:
    """What a draft becomes: its parties as they are, its number, its dates."""
    parties = await identities(tx, (draft.issuer_party_id, draft.customer_party_id))
    days = await payment_days(tx, draft.issuer_party_id) if draft.kind is Kind.INVOICE else 0
    today = day_of(tx.now)
    series = series_of(draft.kind, today)
    place = await store.next_place(tx, draft.issuer_party_id, series, today)
    sums = draft.totals
    return Invoice(
        id=tx.new_id(),
        kind=draft.kind,
        series=series,
        position=place.position,
        issuer_party_id=draft.issuer_party_id,
        customer_party_id=draft.customer_party_id,
        issuer=parties[draft.issuer_party_id],
        customer=parties[draft.customer_party_id],
        cause=draft.cause,
        cause_id=draft.cause_id,
        booking_id=draft.booking_id,
        credits_id=draft.credits_id,
        issued_on=place.day,
        due_on=due_on(place.day, days),
        supplied_from=draft.supplied_from,
        supplied_until=draft.supplied_until,
        currency=draft.currency,
        net=sums.net,
        vat=sums.vat,
        gross=sums.gross,
        rounding=sums.rounding,
        payable=sums.payable,
        lines=len(draft.lines),
        reason=draft.reason,
        created_at=tx.now,
        state=InvoiceState.ISSUED,
    )
