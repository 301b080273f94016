"""Telling people of invoices: those who pay and are paid for a party, treasurers first of all."""

from typing import Any
from uuid import UUID

from votremachine.accounts.rules import BANKERS, RUNNERS
from votremachine.accounts.service import parties
from votremachine.bookings.service import reading
from votremachine.infra.database import Tx
from votremachine.invoicing.events import InvoiceEvent, InvoiceIssued
from votremachine.invoicing.rules.invoice import Invoice, money
from votremachine.invoicing.service import store
from votremachine.notifications.about import facts_about, machines_of
from votremachine.notifications.delivering.posting import Notice, post
from votremachine.notifications.rules import Side

TREASURERS = BANKERS | RUNNERS


async def tell_invoice(tx: Tx, event: InvoiceEvent) -> None:
    """Tell a fact about an invoice to those of both sides who see to money, but not to who did it."""
    invoice = await store.load(tx, event.invoice_id)
    about = await _about(tx, invoice)
    said = {**about, **facts_of_invoice(invoice), "amount": _amount(event.minor, event.currency)}
    seats = await parties.seats_of(tx, (invoice.issuer_party_id, invoice.customer_party_id))
    told: dict[UUID, Notice] = {}
    for side, party in ((Side.OWNER, invoice.issuer_party_id), (Side.RENTER, invoice.customer_party_id)):
        facts = {**said, "side": side}
        for person_id, role in sorted(seats[party].items()):
            if role in TREASURERS and person_id != event.by:
                told.setdefault(person_id, Notice(person_id, _kind(event), facts, invoice.booking_id, invoice.id))
    await post(tx, list(told.values()))


def facts_of_invoice(invoice: Invoice) -> dict[str, Any]:
    """What is said of an invoice: its number, its two sides as it names them, what is left to pay, and until when."""
    left = money(invoice, invoice.due)
    return {
        "invoice": str(invoice.id),
        "number": invoice.number,
        "seller": invoice.issuer.called,
        "buyer": invoice.customer.called,
        "left": _amount(left.minor, left.currency),
        "last_day": invoice.due_on.isoformat(),
    }


def _kind(event: InvoiceEvent) -> str:
    paid = isinstance(event, InvoiceIssued) and not event.due
    return "InvoiceIssuedPaid" if paid else type(event).__name__


async def _about(tx: Tx, invoice: Invoice) -> dict[str, Any]:
    if invoice.booking_id is None:
        return {}
    booking = await reading.load(tx, invoice.booking_id)
    return (await facts_about(tx, [booking], await machines_of(tx, [booking])))[booking.id]


def _amount(minor: int, currency: str) -> dict[str, Any]:
    return {"minor": minor, "currency": currency}
