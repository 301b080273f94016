"""Invoices that are due, and overdue: planned when one is issued, dropped once nothing of it is due any more."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Role
from votremachine.accounts.service.parties import seats_of
from votremachine.infra.database import Tx
from votremachine.invoicing.events import InvoiceEvent
from votremachine.invoicing.rules.invoice import Invoice
from votremachine.invoicing.rules.numbering import day_of
from votremachine.invoicing.service import store
from votremachine.notifications.delivering.posting import Notice
from votremachine.notifications.invoices import TREASURERS, facts_of_invoice
from votremachine.notifications.reminders.rules import Moments, dedupe_key
from votremachine.notifications.reminders.service.planning import Wanted, add, drop_others, lock
from votremachine.notifications.reminders.wants import owing
from votremachine.notifications.rules import Side

Seats = Mapping[UUID, Mapping[UUID, Role]]
DUE, OVERDUE = "invoice_due", "invoice_overdue"
KINDS = (DUE, OVERDUE)


async def plan_invoice(tx: Tx, event: InvoiceEvent, *, moments: Moments) -> None:
    """Let the reminders of an invoice be those that it wants as it stands now, whatever the fact said of it."""
    await lock(tx, event.invoice_id)
    invoice = await store.load(tx, event.invoice_id)
    seats = await seats_of(tx, (invoice.issuer_party_id, invoice.customer_party_id))
    wants = owing(invoice.due_on, moments) if invoice.due else frozenset()
    wanted = {}
    for one in wants:
        for person_id in _people(invoice, one.side, seats):
            key = dedupe_key(one.kind, invoice.id, person_id, one.due_at)
            wanted[key] = Wanted(one.kind, person_id, one.due_at, key)
    await drop_others(tx, invoice.id, wanted)
    await add(tx, invoice.id, wanted.values())


async def invoices(tx: Tx, rows: Sequence[sa.Row[Any]], _: Moments) -> Mapping[UUID, Notice]:
    """Those of an invoice of which something is due still, by its day or after it, of people who still see to money."""
    found = await store.by_ids(tx, {row.subject for row in rows})
    seats = await seats_of(
        tx, {party for one in found.values() for party in (one.issuer_party_id, one.customer_party_id)}
    )
    notices = {}
    for row in rows:
        invoice = found[row.subject]
        side = next((one for one in (Side.RENTER, Side.OWNER) if row.person_id in _people(invoice, one, seats)), None)
        if side and _holds(row.kind, invoice, day_of(tx.now)):
            said = {**facts_of_invoice(invoice), "side": side}
            notices[row.id] = Notice(row.person_id, row.kind, said, invoice.booking_id)
    return notices


def _holds(kind: str, invoice: Invoice, today: date) -> bool:
    return invoice.due > 0 and (today > invoice.due_on) == (kind == OVERDUE)


def _people(invoice: Invoice, side: Side, seats: Seats) -> list[UUID]:
    """Those who see to money on a side of an invoice."""
    party = invoice.issuer_party_id if side is Side.OWNER else invoice.customer_party_id
    return [person_id for person_id, role in seats[party].items() if role in TREASURERS]
