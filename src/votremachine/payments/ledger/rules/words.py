"""What a line of a statement says to a treasurer, in French and English. Pure."""

from collections.abc import Mapping

from votremachine.payments.ledger.rules.posting import PostingKind as Kind

# Of the kinds that come to stand on an account of a party.
_WORDS: Mapping[Kind, tuple[str, str]] = {
    Kind.RENTAL_DUE: ("Rental", "Location"),
    Kind.RENTAL_CHANGED: ("Rental: change of price", "Location : changement de prix"),
    Kind.RENTAL_REFUNDED: ("Rental called off: what goes back", "Location annulée : part rendue"),
    Kind.CHARGED: ("Paid by card", "Payé par carte"),
    Kind.REFUND_PAID: ("Refunded to the card", "Remboursé sur la carte"),
    Kind.HOLD_PLACED: ("Set aside on the card (no money moved)", "Empreinte de carte (aucun débit)"),
    Kind.HOLD_CAPTURED: ("Paid by card, of what was set aside", "Payé par carte sur l'empreinte"),
    Kind.HOLD_RELEASED: ("No longer set aside on the card", "Empreinte de carte levée"),
    Kind.DEPOSIT_TAKEN: ("Deposit paid by card", "Caution payée par carte"),
    Kind.DEPOSIT_PAID_BACK: ("Deposit paid back", "Caution rendue"),
    Kind.DEPOSIT_KEPT: ("Kept of the deposit", "Retenu sur la caution"),
    Kind.AWARDED: ("Damage awarded", "Indemnité pour dommage"),
    Kind.PAID_DIRECTLY: ("Damage paid to its owner", "Indemnité payée au propriétaire"),
    Kind.ACCOUNT_SETTLED: ("Paid to the owner", "Réglé au propriétaire"),
    Kind.OWNER_PAYABLE: ("Rental to be paid out", "Location à reverser"),
    Kind.PAYOUT_SENT: ("Payout sent to the bank", "Virement envoyé"),
    Kind.PAYOUT_PAID: ("Payout arrived", "Virement arrivé"),
    Kind.PAYOUT_FAILED: ("Payout came back", "Virement rejeté"),
    Kind.GATEWAY_FEE: ("Fee of the card service", "Frais du service de paiement"),
    Kind.CHARGED_BACK: ("Card payment taken back by the bank", "Paiement par carte repris par la banque"),
    Kind.UNEXPLAINED: ("To be cleared up", "À éclaircir"),
}


def said(kind: Kind, language: str) -> str:
    """What happened, in a few words."""
    english, french = _WORDS[kind]
    return french if language == "fr" else english
