"""What invoices tell the slices above."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from votremachine.kernel.events import Event


class InvoiceEvent(Event, frozen=True, kw_only=True):
    """What every fact about an invoice carries; `by` is the person who did it, None when it followed by itself."""

    invoice_id: UUID
    number: str
    issuer_party_id: UUID
    customer_party_id: UUID
    booking_id: UUID | None
    minor: int
    currency: str
    by: UUID | None = None

    @property
    def audience(self) -> Sequence[UUID]:
        return (self.issuer_party_id, self.customer_party_id)

    @property
    def shown(self) -> Mapping[str, UUID | Sequence[UUID]]:
        return {"invoice_id": self.invoice_id}


class InvoiceIssued(InvoiceEvent, frozen=True, kw_only=True):
    """An invoice over so much stands, `due` of which is still to be paid until this day."""

    due: int
    due_on: date


class InvoicePaid(InvoiceEvent, frozen=True, kw_only=True):
    """So much of an invoice has been paid; `left` is still due of it."""

    left: int


class InvoiceCredited(InvoiceEvent, frozen=True, kw_only=True):
    """A credit note takes an invoice back."""

    credit_note_id: UUID
    credit_note: str
