"""An invoice: what it is about, how it stands, and why a payment or a credit note is refused. Pure."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.accounts.identity import Identity
from votremachine.invoicing.rules.numbering import Kind, number_of
from votremachine.invoicing.rules.sums import Line
from votremachine.kernel import errors
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money, in_words

# A payment may come before its invoice, but not this long before.
EARLIEST_PAYMENT = timedelta(days=366)


class Cause(StrEnum):
    """What it is issued for; once for each."""

    RENTAL = "rental"  # of a booking on account
    CARD_RENTAL = "card_rental"  # of a booking that cards pay for
    CLAIM = "claim"  # what a claim awarded beyond the deposit
    CREDIT = "credit"  # an invoice that is taken back


class State(StrEnum):
    """As it is kept; see `Standing` for what people are told."""

    ISSUED = "issued"
    PAID = "paid"
    CREDITED = "credited"


class Standing(StrEnum):
    """How an invoice stands on a day: one that is issued is overdue after its date, by nothing but that."""

    ISSUED = "issued"
    OVERDUE = "overdue"
    PAID = "paid"
    CREDITED = "credited"


class Means(StrEnum):
    """How it was paid. Cards are charged here; the others are told by who was paid."""

    CARD = "card"
    TRANSFER = "transfer"
    CHEQUE = "cheque"
    CASH = "cash"
    DIRECT_DEBIT = "direct_debit"


class Payment(msgspec.Struct, frozen=True):
    """What came in of an invoice; `by` is who recorded it, None for cards."""

    id: UUID
    minor: int
    means: Means
    received_on: date
    reference: str
    by: UUID | None
    at: datetime

    @property
    def same(self) -> tuple[object, ...]:
        """What two records of one payment have in common."""
        return self.minor, self.means, self.received_on, self.reference


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice or a credit note without its lines; amounts are minor units of `currency`.

    All but `state`, `paid`, `credited` and `version` is as it was issued, for good. `issuer` and `customer` are the
    parties as they were then, and `supplied` the days of what it is about.
    """

    id: UUID
    kind: Kind
    series: str
    position: int
    issuer_party_id: UUID
    customer_party_id: UUID
    issuer: Identity
    customer: Identity
    cause: Cause
    cause_id: UUID
    booking_id: UUID | None
    credits_id: UUID | None
    issued_on: date
    due_on: date
    supplied_from: date | None
    supplied_until: date | None
    currency: str
    net: int
    vat: int
    gross: int
    rounding: int
    payable: int
    lines: int
    reason: str
    created_at: datetime
    state: State
    paid: int = 0
    credited: int = 0
    version: int = 1

    @property
    def number(self) -> str:
        return number_of(self.series, self.position)

    @property
    def due(self) -> int:
        """What is still to be paid; nothing of a credit note."""
        return max(0, self.payable - self.paid - self.credited) if self.kind is Kind.INVOICE else 0


class Whole(msgspec.Struct, frozen=True):
    """An invoice with all that it says, and the one that it takes back, if it is a credit note."""

    invoice: Invoice
    lines: list[Line]
    payments: list[Payment]
    taken_back: Invoice | None


class UnknownInvoice(DomainError):
    kind = errors.Kind.NOT_FOUND
    code = "unknown_invoice"
    en = "There is no such invoice."
    fr = "Cette facture n'existe pas."


class NotPayable(DomainError):
    kind = errors.Kind.CONFLICT
    code = "not_payable"
    en = "A credit note is not paid: it takes an invoice back."
    fr = "Un avoir ne se règle pas : il annule une facture."


class PaidByCard(DomainError):
    kind = errors.Kind.CONFLICT
    code = "paid_by_card"
    en = "This rental is paid by card, and so is what is still due of it: the renter pays it with the booking."
    fr = "Cette location se paie par carte, reste dû compris : le locataire le règle depuis la réservation."


class InvoiceSettled(DomainError):
    kind = errors.Kind.CONFLICT
    code = "invoice_settled"
    en = "Nothing of this invoice is due any more."
    fr = "Plus rien n'est dû sur cette facture."


class MoreThanDue(DomainError):
    code = "more_than_due"
    en = "Only {due} is due of this invoice. Record that, and settle the rest with who paid it."
    fr = "Il ne reste dû que {due} sur cette facture. Enregistrez cette somme, et voyez le reste avec qui l'a payée."

    def sentence(self, language: str) -> str:
        due = in_words(Money(self.facts["due"], self.facts["currency"]), language)
        return (self.fr if language == "fr" else self.en).format(due=due)


class PaymentDateOff(DomainError):
    code = "payment_date_off"
    en = "A payment was received by today, and not more than a year before its invoice."
    fr = "Un paiement a été reçu au plus tard ce jour, et pas plus d'un an avant sa facture."


class PaymentKnown(DomainError):
    kind = errors.Kind.CONFLICT
    code = "payment_known"
    en = "This payment is recorded already. If it is another one, tell them apart by a reference."
    fr = "Ce paiement est déjà enregistré. S'il s'agit d'un autre, distinguez-les par une référence."


class NotCreditable(DomainError):
    kind = errors.Kind.CONFLICT
    code = "not_creditable"
    en = "Only the invoice of a rental on account is taken back so: elsewhere the money has moved, or is due here."
    fr = "Seule la facture d'une location en compte s'annule ainsi : ailleurs, l'argent a bougé ou reste dû ici."


class CreditedAlready(DomainError):
    kind = errors.Kind.CONFLICT
    code = "credited_already"
    en = "A credit note has taken this invoice back already."
    fr = "Un avoir a déjà annulé cette facture."


def state_after(payable: int, paid: int, credited: int) -> State:
    """How an invoice stands once so much was paid and taken back."""
    if credited >= payable:
        return State.CREDITED
    return State.PAID if paid + credited >= payable else State.ISSUED


def standing(invoice: Invoice, today: date) -> Standing:
    """How an invoice stands, for people. A credit note never falls due."""
    late = invoice.kind is Kind.INVOICE and invoice.state is State.ISSUED and invoice.due_on < today
    return Standing.OVERDUE if late else Standing(invoice.state)


def check_payment(invoice: Invoice, payment: Payment, known: Iterable[Payment], today: date) -> None:
    """Raises why what somebody says they received cannot be recorded: `NotPayable`, `PaidByCard`, `PaymentKnown`,
    `InvoiceSettled`, `MoreThanDue`, `PaymentDateOff`.
    """
    if invoice.kind is Kind.CREDIT_NOTE:
        raise NotPayable
    if invoice.cause is Cause.CARD_RENTAL:
        raise PaidByCard
    if any(one.same == payment.same for one in known):
        raise PaymentKnown
    if not invoice.due:
        raise InvoiceSettled
    if payment.minor > invoice.due:
        raise MoreThanDue(pointer="/minor", due=invoice.due, currency=invoice.currency)
    if not invoice.issued_on - EARLIEST_PAYMENT <= payment.received_on <= today:
        raise PaymentDateOff(pointer="/received_on")


def check_creditable(invoice: Invoice) -> None:
    """Raises `NotCreditable`, or `CreditedAlready`."""
    if invoice.cause is not Cause.RENTAL:
        raise NotCreditable
    if invoice.state is State.CREDITED:
        raise CreditedAlready


def money(invoice: Invoice, minor: int) -> Money:
    """An amount of an invoice."""
    return Money(minor, invoice.currency)
