"""What the lines of invoices and their legal mentions say, in French and English. Pure."""

from collections.abc import Mapping, Sequence

from votremachine.bookings.rules import State
from votremachine.fleet.rules import Texts
from votremachine.invoicing.rules.invoice import Cause, Invoice
from votremachine.invoicing.rules.numbering import Kind
from votremachine.invoicing.rules.sums import Category, VatGroup
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.rules.lines import LineKind

_RENTAL: Mapping[LineKind, Texts] = {
    LineKind.TIME: Texts("Location", "Rental"),
    LineKind.METERED: Texts("Travail mesuré", "Measured work"),
    LineKind.MINIMUM: Texts("Complément jusqu'au minimum", "What is missing to the minimum"),
    LineKind.OPERATOR: Texts("Chauffeur", "Operator"),
    LineKind.FUEL: Texts("Carburant", "Fuel"),
    LineKind.DELIVERY: Texts("Livraison et reprise", "Delivery and collection"),
}
UNITS: Mapping[Unit, Texts] = {
    Unit.HOUR: Texts("h", "h"),
    Unit.HALF_DAY: Texts("demi-journée", "half-day"),
    Unit.DAY: Texts("jour", "day"),
    Unit.WEEKEND: Texts("week-end", "weekend"),
    Unit.WEEK: Texts("semaine", "week"),
    Unit.MONTH: Texts("mois", "month"),
    Unit.ENGINE_HOUR: Texts("h moteur", "engine h"),
    Unit.HECTARE: Texts("ha", "ha"),
    Unit.BALE: Texts("botte", "bale"),
    Unit.CUBIC_METRE: Texts("m³", "m³"),
    Unit.KILOMETRE: Texts("km", "km"),
    Unit.TONNE: Texts("t", "t"),
    Unit.LITRE: Texts("l", "l"),
    Unit.LUMP: Texts("forfait", "lump sum"),
}

_KEPT: Mapping[State, Texts] = {
    State.CANCELLED: Texts("Annulation tardive, part du prix retenue", "Late cancellation, part of the price kept"),
    State.NO_SHOW: Texts("Absence au départ, part du prix retenue", "Nobody came, part of the price kept"),
}

_ON_BEHALF = Texts(
    "Émise au nom et pour le compte de {issuer} par Votremachine, son mandataire (CGI, art. 289, I-2).",
    "Issued in the name and on behalf of {issuer} by Votremachine (CGI, art. 289, I-2).",
)
_OUTSIDE = Texts(
    "Indemnité réparant un dommage : hors du champ d'application de la TVA (CGI, art. 256).",
    "Compensation for damage: outside the scope of VAT (CGI, art. 256).",
)
_FRANCHISE = Texts("TVA non applicable, art. 293 B du CGI.", "VAT not applicable (CGI, art. 293 B).")
_SERVICES = Texts("Nature de l'opération : prestation de services.", "Nature of the operation: supply of services.")
_LATE = Texts(
    "Tout retard de paiement entraîne de plein droit des pénalités au taux de refinancement de la Banque centrale"
    " européenne majoré de 10 points, et une indemnité forfaitaire pour frais de recouvrement de 40 €"
    " (C. com., art. L. 441-10 et D. 441-5). Pas d'escompte pour paiement anticipé.",
    "Late payment bears interest at the refinancing rate of the European Central Bank plus 10 points, and a lump sum of"
    " €40 for the cost of recovery (C. com., art. L. 441-10 and D. 441-5). No discount for early payment.",
)
_TAKES_BACK = Texts("Annule la facture {number} du {day}.", "Takes back invoice {number} of {day}.")


def rental_line(kind: LineKind, machine: Texts) -> Texts:
    """What a line of a rental says."""
    return _about(_RENTAL[kind], machine)


def kept_line(end: State, machine: Texts) -> Texts:
    """What the line of a rental says that came to nothing: called off too late, or nobody came."""
    return _about(_KEPT[end], machine)


def claim_line(machine: Texts) -> Texts:
    """What the line of an award says."""
    what = Texts("Indemnité pour dommage, au-delà de la caution", "Compensation for damage, beyond the deposit")
    return _about(what, machine)


def mentions(invoice: Invoice, groups: Sequence[VatGroup], taken_back: Invoice | None = None) -> list[Texts]:
    """What the law wants an invoice to say besides its figures. `taken_back` is the invoice that a credit note ends."""
    said = []
    if taken_back is not None:
        day = f"{taken_back.issued_on:%d/%m/%Y}"
        said.append(_filled(_TAKES_BACK, number=taken_back.number, day=day))
    said.append(_filled(_ON_BEHALF, issuer=invoice.issuer.called))
    categories = {group.category for group in groups}
    if invoice.cause is not Cause.CLAIM:
        said.append(_SERVICES)
    said += [
        text
        for category, text in ((Category.OUTSIDE, _OUTSIDE), (Category.EXEMPT, _FRANCHISE))
        if category in categories
    ]
    if invoice.kind is Kind.INVOICE:
        said.append(_LATE)
    return said


def _about(what: Texts, machine: Texts) -> Texts:
    return Texts(f"{what.fr} : {machine.read_in('fr')}", f"{what.en}: {machine.read_in('en')}")


def _filled(text: Texts, **values: str) -> Texts:
    return Texts(text.fr.format(**values), text.en.format(**values))
