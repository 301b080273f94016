"""What travels over the wire of invoices."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from votremachine.accounts.identity import Identity
from votremachine.infra.wire import Input, Line, OptionalLine
from votremachine.invoicing.rules.invoice import Cause, Means, Standing
from votremachine.invoicing.rules.numbering import Kind
from votremachine.invoicing.rules.sums import Category
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules.posting import LARGEST_MINOR
from votremachine.pricing.rules.card import Unit


class RecordPayment(Input):
    """What the issuer received, and how; `reference` tells it from another of the same day."""

    minor: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_MINOR)]
    means: Literal["transfer", "cheque", "cash", "direct_debit"]
    received_on: date
    reference: OptionalLine = ""


class CreditInvoice(Input):
    """Why an invoice is taken back; its customer reads it."""

    reason: Line


class InvoiceView(msgspec.Struct, frozen=True):
    """An invoice or a credit note in a list; `rounding` is what was agreed less what the lines come to (BT-114)."""

    id: UUID
    kind: Kind
    number: str
    issuer_party_id: UUID
    customer_party_id: UUID
    issuer: str
    customer: str
    cause: Cause
    booking_id: UUID | None
    claim_id: UUID | None
    credits_id: UUID | None
    issued_on: date
    due_on: date
    net: Money
    vat: Money
    gross: Money
    rounding: Money
    payable: Money
    paid: Money
    due: Money
    state: Standing
    version: int
    created_at: datetime


class LineView(msgspec.Struct, frozen=True):
    """One line; `vat` in basis points, `category` as in EN 16931."""

    text: str
    quantity: int | float
    unit: Unit
    unit_price: Money
    net: Money
    vat: int
    category: Category


class VatView(msgspec.Struct, frozen=True):
    """What the lines of one rate come to."""

    category: Category
    rate: int
    net: Money
    vat: Money


class PaymentView(msgspec.Struct, frozen=True):
    """What came in; `by` is the person who recorded it, null for cards."""

    id: UUID
    amount: Money
    means: Means
    received_on: date
    reference: str
    by: UUID | None
    at: datetime


class InvoiceDetails(InvoiceView, frozen=True, kw_only=True):
    """All that an invoice says, its parties as they were when it was issued, and what came in of it."""

    seller: Identity
    buyer: Identity
    supplied_from: date | None
    supplied_until: date | None
    reason: str
    lines: list[LineView]
    vat_by_rate: list[VatView]
    mentions: list[str]
    payments: list[PaymentView]
