"""Taking an invoice back: by a credit note, for an invoice is never changed."""

from uuid import UUID

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.infra.database import Tx
from votremachine.invoicing.events import InvoiceCredited
from votremachine.invoicing.rules.drafts import of_credit
from votremachine.invoicing.rules.invoice import Invoice, check_creditable
from votremachine.invoicing.service import debts, store
from votremachine.invoicing.service.issuing import issue


async def credit(tx: Tx, who: Actor, invoice_id: UUID, reason: str) -> Invoice:
    """Take a whole invoice back; the credit note. What was paid of it, its issuer owes its customer.

    Raises `UnknownInvoice`, `NotAllowed`, `NotInTheirPlace`, `NotCreditable`, `CreditedAlready`.
    """
    found = await store.load(tx, invoice_id)
    store.authorise(Verb.CREDIT_INVOICE, who, found)
    check_creditable(found)
    debt = await debts.hold(tx, found)
    invoice = await store.load_locked(tx, invoice_id)
    check_creditable(invoice)
    note = await issue(tx, of_credit(invoice, await store.lines_of(tx, invoice.id), reason))
    changed = await store.credit(tx, invoice, note.payable)
    await debts.take_back(tx, debt, note)
    facts = {"minor": note.payable, "credit_note_id": note.id, "credit_note": note.number}
    tx.publish(store.fact(InvoiceCredited, changed, who.person_id, **facts))
    await audit.note(tx, who, "credit", "invoice", invoice.id, invoice.issuer_party_id, credit_note=note.number)
    return note
