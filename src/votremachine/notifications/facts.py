"""What the words of a fact name besides its booking, kept with its message. Pure.

Instants and amounts are kept as they are, to be said in the reader's way; what has words of its own, in both languages.
"""

from typing import Any

from votremachine.bookings import events
from votremachine.bookings.waiting.events import WaitingLapsed, WaitingOffered
from votremachine.damages import events as damages
from votremachine.deposits import events as deposits
from votremachine.inspections.events import InspectionSigned
from votremachine.kernel.events import Event
from votremachine.notifications.rules import Facts
from votremachine.payments.ledger.events import LedgerDiffers

# Whether a deposit was really taken; why a card refused it: (French, English).
_HELD = {
    False: (
        "Le montant est bloqué sur la carte, rien n'est débité.",
        "It is set aside on the card; nothing is charged.",
    ),
    True: (
        "La location est trop longue pour un blocage : le montant est débité, et remboursé à la fin.",
        "The rental is too long for a hold: it was charged, and is paid back at the end.",
    ),
}
_RELEASED = {
    False: (
        "Votre carte ne sera pas sollicitée pour la caution de cette réservation.",
        "Your card will not be asked for the deposit of this booking.",
    ),
    True: ("Votre caution est rendue.", "Your deposit has been given back."),
}
_FAILURES = {
    "declined": ("refus de la banque", "declined by the bank"),
    "insufficient_funds": ("provision insuffisante", "insufficient funds"),
    "expired_card": ("carte expirée", "expired card"),
    "needs_authentication": ("le titulaire doit s'identifier", "its holder must prove who they are"),
    "card_removed": ("carte retirée", "the card was removed"),
}


def facts_of(event: Event) -> Facts:
    """What the words of this fact name."""
    match event:
        case WaitingOffered():
            return {"expires_at": event.expires_at.isoformat()}
        case WaitingLapsed():
            return {"why_fr": event.fr, "why_en": event.en}
        case events.PaymentMissing():
            return {"amount": amount(event.minor, event.currency)}
        case deposits.DepositEvent():
            return _of_deposit(event)
        case damages.ClaimEvent():
            return _of_claim(event)
    return _as_they_are(event)


def _as_they_are(event: Event) -> Facts:
    match event:
        case LedgerDiffers():
            return {"found": event.found, "proof": str(event.proof_id)}
        case InspectionSigned():
            return {"hash": event.hash}
    return {}


def _of_deposit(event: deposits.DepositEvent) -> Facts:
    match event:
        case deposits.DepositHeld():
            return _both("what", _HELD[event.taken])
        case deposits.DepositReleased():
            return _both("what", _RELEASED[event.given_back])
        case deposits.DepositFailed():
            return why(event.failure)
        case deposits.DepositLapsing():
            return {**why(event.failure), "until": event.capture_before.isoformat()}
        case deposits.DepositCaptured():
            taken, back = (amount(minor, event.currency) for minor in (event.captured, event.released))
            return {"captured": taken, "released": back}
    return {}


def _of_claim(event: damages.ClaimEvent) -> Facts:
    return {"claim": str(event.claim_id), **_amounts_of(event)}


def _amounts_of(event: damages.ClaimEvent) -> Facts:
    match event:
        case damages.ClaimStalled():
            return {"amount": amount(event.minor, event.currency), "until": event.until.isoformat()}
        case damages.ClaimSettled():
            parts = {"from_deposit": event.from_deposit, "from_renter": event.from_renter, "owed": event.owed}
            return {name: amount(minor, event.currency) for name, minor in parts.items()}
    return {"amount": amount(event.minor, event.currency)}


def why(failure: str) -> Facts:
    """Why a card refused, as the gateway has it, in both languages."""
    return _both("why", _FAILURES.get(failure, _FAILURES["declined"]))


def _both(name: str, words: tuple[str, str]) -> Facts:
    french, english = words
    return {f"{name}_fr": french, f"{name}_en": english}


def amount(minor: int, currency: str) -> dict[str, Any]:
    """An amount, to be said in the reader's way."""
    return {"minor": minor, "currency": currency}
