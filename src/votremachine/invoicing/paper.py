"""An invoice on paper: what `invoice.typ` shows, put into words in French or English. Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from votremachine.accounts.identity import Identity
from votremachine.fleet.rules import Texts
from votremachine.invoicing.rules.invoice import Invoice, Means, Payment, Whole
from votremachine.invoicing.rules.numbering import Kind
from votremachine.invoicing.rules.sums import Category, Line, VatGroup, vat_groups
from votremachine.invoicing.rules.wording import UNITS, mentions
from votremachine.pricing.rules.lines import WHOLE

_KINDS: Mapping[Kind, Texts] = {
    Kind.INVOICE: Texts("Facture", "Invoice"),
    Kind.CREDIT_NOTE: Texts("Avoir", "Credit note"),
}
_MEANS: Mapping[Means, Texts] = {
    Means.CARD: Texts("par carte", "by card"),
    Means.TRANSFER: Texts("par virement", "by bank transfer"),
    Means.CHEQUE: Texts("par chèque", "by cheque"),
    Means.CASH: Texts("en espèces", "in cash"),
    Means.DIRECT_DEBIT: Texts("par prélèvement", "by direct debit"),
}
_SELLER, _BUYER = Texts("Émetteur", "Seller"), Texts("Client", "Customer")
_ISSUED = Texts("Date", "Date")
_DUE_ON, _SUPPLIED = Texts("À payer au plus tard le", "To be paid by"), Texts("Prestation", "Supplied")
_FROM_TO = Texts("du {first} au {last}", "{first} to {last}")
_REASON = Texts("Motif :", "Reason:")
_COLUMNS = (
    Texts("Désignation", "Description"),
    Texts("Quantité", "Quantity"),
    Texts("Unité", "Unit"),
    Texts("Prix unitaire HT", "Unit price"),
    Texts("TVA", "VAT"),
    Texts("Montant HT", "Net"),
)
_VAT = (Texts("TVA", "VAT"), Texts("Base HT", "Net"), Texts("Montant de TVA", "VAT amount"))
_NET, _VAT_SUM, _GROSS = Texts("Total HT", "Total net"), Texts("Total TVA", "Total VAT"), Texts("Total TTC", "Total")
_ROUNDING = Texts("Arrondi", "Rounding")
_PAYABLE: Mapping[Kind, Texts] = {
    Kind.INVOICE: Texts("Net à payer", "Amount due"),
    Kind.CREDIT_NOTE: Texts("Net à déduire", "Amount credited"),
}
_PAID, _LEFT = Texts("Payé {means} le {day}", "Paid {means} on {day}"), Texts("Reste à payer", "Still due")
_TAKEN_BACK = Texts("Annulée par un avoir", "Taken back by a credit note")


def laid_out(found: Whole, language: str) -> dict[str, Any]:
    """What the template shows of an invoice, every text and figure as it is read."""
    invoice, groups = found.invoice, vat_groups(found.lines)
    kind = _KINDS[invoice.kind].read_in(language)
    return {
        "language": language,
        "kind": kind,
        "number": invoice.number,
        "title": f"{kind} {invoice.number}",
        "seller": _party(invoice.issuer, language),
        "buyer": _party(invoice.customer, language),
        "facts": _facts(invoice, language),
        "reason": invoice.reason,
        "lines": [_line(invoice, line, language) for line in found.lines],
        "vat": [_group(invoice, group, language) for group in groups],
        "sums": _sums(invoice, language),
        "payable": (_PAYABLE[invoice.kind].read_in(language), _money(invoice, invoice.payable, language)),
        "payments": [_paid(invoice, payment, language) for payment in found.payments],
        "left": _left(invoice, language),
        "mentions": [text.read_in(language) for text in mentions(invoice, groups, found.taken_back)],
        "words": {
            "seller": _SELLER.read_in(language),
            "buyer": _BUYER.read_in(language),
            "reason": _REASON.read_in(language),
            "columns": [text.read_in(language) for text in _COLUMNS],
            "vat": [text.read_in(language) for text in _VAT],
        },
    }


def _party(one: Identity, language: str) -> list[str]:
    """What the law wants to know of a party, line by line; what it has not told is left out."""
    numbers = {"SIREN": one.siren, "SIRET": one.siret, Texts("N° TVA", "VAT no.").read_in(language): one.vat_number}
    return [
        one.called,
        *([one.name] if one.name != one.called else []),
        *([one.street] if one.street else []),
        f"{one.postcode} {one.commune}".strip(),
        *(f"{name} {number}" for name, number in numbers.items() if number),
    ]


def _facts(invoice: Invoice, language: str) -> list[tuple[str, str]]:
    told = [(_ISSUED, _day(invoice.issued_on, language))]
    if invoice.supplied_from and invoice.supplied_until:
        first, last = _day(invoice.supplied_from, language), _day(invoice.supplied_until, language)
        span = _FROM_TO.read_in(language).format(first=first, last=last)
        told.append((_SUPPLIED, first if first == last else span))
    if invoice.kind is Kind.INVOICE:
        told.append((_DUE_ON, _day(invoice.due_on, language)))
    return [(text.read_in(language), value) for text, value in told]


def _line(invoice: Invoice, line: Line, language: str) -> list[str]:
    return [
        line.text.read_in(language),
        format_decimal(Decimal(line.thousandths) / WHOLE, locale=_locale(language)),
        UNITS[line.unit].read_in(language),
        _money(invoice, line.unit_minor, language),
        _rate(line.category, line.vat, language),
        _money(invoice, line.net, language),
    ]


def _group(invoice: Invoice, group: VatGroup, language: str) -> list[str]:
    rate, net = _rate(group.category, group.rate, language), _money(invoice, group.net, language)
    return [rate, net, _money(invoice, group.vat, language)]


def _sums(invoice: Invoice, language: str) -> list[tuple[str, str]]:
    told = [(_NET, invoice.net), (_VAT_SUM, invoice.vat), (_GROSS, invoice.gross)]
    if invoice.rounding:
        told.append((_ROUNDING, invoice.rounding))
    return [(text.read_in(language), _money(invoice, minor, language)) for text, minor in told]


def _paid(invoice: Invoice, payment: Payment, language: str) -> tuple[str, str]:
    how, day = _MEANS[payment.means].read_in(language), _day(payment.received_on, language)
    return _PAID.read_in(language).format(means=how, day=day), _money(invoice, -payment.minor, language)


def _left(invoice: Invoice, language: str) -> list[str]:
    """What is left to pay, where anything came in or it was taken back."""
    if invoice.credited:
        return [_TAKEN_BACK.read_in(language), _money(invoice, invoice.due, language)]
    return [_LEFT.read_in(language), _money(invoice, invoice.due, language)] if invoice.paid else []


def _money(invoice: Invoice, minor: int, language: str) -> str:
    return format_currency(Decimal(minor) / 100, invoice.currency, locale=_locale(language))


def _rate(category: Category, basis_points: int, language: str) -> str:
    if category is not Category.STANDARD:
        # A mention says why.
        return "–"
    percent = format_decimal(Decimal(basis_points) / 100, locale=_locale(language))
    return f"{percent} %" if language == "fr" else f"{percent}%"


def _day(day: date, language: str) -> str:
    return format_date(day, "d MMMM y", locale=_locale(language))


def _locale(language: str) -> str:
    return "fr" if language == "fr" else "en_GB"
