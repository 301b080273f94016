"""Which fact is told to which side, and in what words. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from votremachine.bookings import events
from votremachine.bookings.events import MachineOverdue
from votremachine.bookings.overdue.rules import AFTER, Step
from votremachine.bookings.waiting.events import WaitingLapsed, WaitingOffered
from votremachine.damages import events as damages
from votremachine.deposits import events as deposits
from votremachine.inspections.events import InspectionSigned, InspectionToSign
from votremachine.kernel.events import Event
from votremachine.kernel.money import Money
from votremachine.payments.ledger.events import LedgerDiffers


class Side(StrEnum):
    OWNER = "owner"
    RENTER = "renter"


# Whom each fact concerns. The person who did it is not told what they just did.
TOLD: dict[type[events.BookingEvent] | type[deposits.DepositEvent] | type[damages.ClaimEvent], tuple[Side, ...]] = {
    events.BookingRequested: (Side.OWNER,),
    events.BookingConfirmed: (Side.OWNER, Side.RENTER),
    events.BookingDeclined: (Side.RENTER,),
    events.BookingExpired: (Side.RENTER,),
    events.BookingCancelled: (Side.OWNER, Side.RENTER),
    events.BookingMoved: (Side.OWNER, Side.RENTER),
    events.PaymentMissing: (Side.OWNER, Side.RENTER),
    events.UsageProposed: (Side.OWNER, Side.RENTER),
    events.UsageSettled: (Side.OWNER, Side.RENTER),
    events.MachineReplaced: (Side.OWNER, Side.RENTER),
    events.MachineReturned: (Side.RENTER,),
    events.RenterAbsent: (Side.RENTER,),
    events.BookingAtRisk: (Side.OWNER, Side.RENTER),
    events.BookingOutOfRisk: (Side.OWNER, Side.RENTER),
    InspectionToSign: (Side.OWNER, Side.RENTER),
    InspectionSigned: (Side.OWNER, Side.RENTER),
    WaitingOffered: (Side.RENTER,),
    deposits.DepositRequired: (Side.RENTER,),
    deposits.DepositHeld: (Side.OWNER, Side.RENTER),
    deposits.DepositFailed: (Side.OWNER, Side.RENTER),
    deposits.DepositLapsing: (Side.OWNER, Side.RENTER),
    deposits.DepositLapsed: (Side.OWNER, Side.RENTER),
    deposits.DepositReleased: (Side.RENTER,),
    deposits.DepositWaived: (Side.OWNER, Side.RENTER),
    deposits.DepositCaptured: (Side.OWNER, Side.RENTER),
    damages.ClaimOpened: (Side.RENTER,),
    damages.ClaimAccepted: (Side.OWNER, Side.RENTER),
    damages.ClaimContested: (Side.OWNER,),
    damages.OfferMade: (Side.OWNER, Side.RENTER),
    damages.ClaimAgreed: (Side.OWNER, Side.RENTER),
    damages.ClaimWithdrawn: (Side.RENTER,),
    damages.ClaimEscalated: (Side.OWNER, Side.RENTER),
    damages.ClaimDecided: (Side.OWNER, Side.RENTER),
    damages.ClaimSettled: (Side.OWNER, Side.RENTER),
    damages.ClaimPaid: (Side.OWNER, Side.RENTER),
}

# kind -> (French, English); in braces what `facts_of` has
WORDS: dict[str, tuple[str, str]] = {
    "BookingRequested": (
        "Une demande de réservation attend votre réponse.",
        "A booking request is waiting for your answer.",
    ),
    "BookingConfirmed": ("La réservation est confirmée.", "The booking is confirmed."),
    "BookingDeclined": ("Le propriétaire a refusé la demande.", "The owner declined the request."),
    "BookingExpired": ("La réservation a expiré sans confirmation.", "The booking expired before it was confirmed."),
    "BookingCancelled": ("La réservation est annulée.", "The booking is cancelled."),
    "BookingMoved": ("La réservation a changé de période.", "The booking was moved to another time."),
    "UsageProposed": (
        "Une quantité utilisée a été déclarée : acceptez-la, ou proposez la vôtre avant la clôture.",
        "A quantity that was used has been declared: agree to it, or say yours before the booking is completed.",
    ),
    "UsageSettled": (
        "L'usage est convenu : le prix suit, la différence est débitée ou rendue.",
        "What was used is agreed: the price follows, and the difference is charged or given back.",
    ),
    "PaymentMissing": (
        "La carte n'a pas payé la différence de {amount} pour cette réservation : elle reste due.",
        "The card did not pay the difference of {amount} for this booking: it remains due.",
    ),
    "MachineReplaced": (
        "Le propriétaire a remplacé un matériel de cette réservation par un autre ; le prix convenu reste."
        " Le locataire peut annuler si le remplaçant ne lui convient pas.",
        "The owner replaced a machine of this booking by another; the agreed price stays."
        " The renter may cancel if the other one does not suit.",
    ),
    "MachineReturned": ("Le retour du matériel est enregistré.", "The return of the machine is recorded."),
    "MachineOverdue": (
        "Le matériel n'est pas rentré : il devait l'être depuis plus de {hours} h. Enregistrez son retour, prolongez la"
        " réservation, ou appelez-vous.",
        "The machine is not back: it should have been more than {hours} h ago. Record its return, extend the booking,"
        " or call each other.",
    ),
    "InspectionToSign": (
        "Un état des lieux attend les signatures des deux côtés.",
        "A condition report is waiting for both sides to sign it.",
    ),
    "InspectionSigned": (
        "Un état des lieux est signé. Gardez son empreinte : {hash}",
        "A condition report is signed. Keep its hash: {hash}",
    ),
    "RenterAbsent": (
        "Le propriétaire signale que personne n'est venu chercher le matériel.",
        "The owner reports that nobody came for the machine.",
    ),
    "BookingAtRisk": (
        "Attention : le matériel risque de ne pas être rentré à temps pour cette réservation.",
        "Careful: the machine may not be back in time for this booking.",
    ),
    "BookingOutOfRisk": (
        "Le matériel est rentré : cette réservation n'est plus menacée.",
        "The machine is back: this booking is no longer at risk.",
    ),
    "WaitingOffered": (
        "Le matériel que vous attendiez s'est libéré : il est à vous jusqu'au {until}. Confirmez la réservation d'ici"
        " là, sinon il est proposé au suivant.",
        "The machine that you waited for is free: it is held for you until {until}. Confirm the booking before then, or"
        " it is offered to the next in line.",
    ),
    "WaitingLapsed": (
        "Une période que vous attendiez ne peut plus vous être proposée. {why}",
        "A period that you waited for cannot be offered to you any more. {why}",
    ),
    "DepositRequired": (
        "Une caution est demandée pour cette réservation : donnez une carte, sans quoi le matériel ne partira pas.",
        "A deposit is asked for this booking: give a card, or the machine will not leave.",
    ),
    "DepositHeld": (
        "La caution est en place. {what}",
        "The deposit is in place. {what}",
    ),
    "DepositFailed": (
        "La carte a refusé la caution ({why}) : sans une autre carte, ou une renonciation écrite du propriétaire,"
        " le matériel ne peut pas partir.",
        "The card refused the deposit ({why}): without another card, or the owner's written waiver, the machine"
        " cannot leave.",
    ),
    "DepositLapsing": (
        "La caution n'a pas pu être renouvelée ({why}) et expire le {until} : le locataire doit donner une carte d'ici"
        " là.",
        "The deposit could not be renewed ({why}) and lapses on {until}: the renter must give a card before then.",
    ),
    "DepositLapsed": (
        "La caution a expiré sans être renouvelée : plus rien n'est retenu. Le locataire doit redonner une carte.",
        "The deposit lapsed and was not renewed: nothing is held any more. The renter must give a card again.",
    ),
    "DepositReleased": ("{what}", "{what}"),
    "DepositWaived": (
        "Le propriétaire a renoncé par écrit à la caution de cette réservation.",
        "The owner waived the deposit of this booking in writing.",
    ),
    "DepositCaptured": (
        "{captured} ont été prélevés sur la caution pour un dommage ; {released} sont rendus.",
        "{captured} of the deposit were taken for damage; {released} are given back.",
    ),
    "ClaimOpened": (
        "Le propriétaire déclare un dommage et demande {amount} : acceptez, ou contestez sous 72 heures. Sans réponse,"
        " un médiateur tranche.",
        "The owner claims damage and asks {amount}: accept, or contest it within 72 hours. Without an answer a mediator"
        " decides.",
    ),
    "ClaimAccepted": (
        "Le locataire accepte de payer le dommage : {amount}.",
        "The renter accepts to pay for the damage: {amount}.",
    ),
    "ClaimContested": (
        "Le locataire conteste votre déclaration de dommage : répondez par une offre sous 72 heures, sans quoi un"
        " médiateur tranche.",
        "The renter contests your claim: answer with an offer within 72 hours, or a mediator decides.",
    ),
    "OfferMade": (
        "Une offre de {amount} est faite pour régler le dommage : acceptez-la ou répondez sous 72 heures.",
        "{amount} is offered to settle the damage: agree to it or answer within 72 hours.",
    ),
    "ClaimAgreed": (
        "Vous êtes d'accord sur le dommage : {amount}.",
        "You have agreed about the damage: {amount}.",
    ),
    "ClaimWithdrawn": (
        "Le propriétaire a retiré sa déclaration de dommage.",
        "The owner withdrew the claim of damage.",
    ),
    "ClaimEscalated": (
        "La déclaration de dommage est confiée à un médiateur. Ajoutez vos pièces : il tranche sur ce qu'il voit.",
        "A mediator is to decide about the claim of damage. Add your evidence: they decide on what they see.",
    ),
    "ClaimWaits": (
        "Une déclaration de dommage attend votre réponse. {what}",
        "A claim of damage is waiting for your answer. {what}",
    ),
    "ClaimDecided": (
        "Le médiateur a tranché : {amount} sont dus pour le dommage. Ses motifs figurent dans la déclaration.",
        "The mediator has decided: {amount} are due for the damage. The reasons stand in the claim.",
    ),
    "ClaimSettled": (
        "Le dommage est réglé : {from_deposit} pris sur la caution, {from_renter} à la charge du locataire. {what}",
        "The damage is settled: {from_deposit} taken of the deposit, {from_renter} paid by the renter. {what}",
    ),
    "ClaimPaid": (
        "Ce qui restait dû pour le dommage est payé : {amount}.",
        "What was still due for the damage has been paid: {amount}.",
    ),
    "OccurrencesLost": (
        "Une réservation occupe une partie d'un de vos blocages récurrents : elle reste, le blocage la contourne.",
        "A booking stands in part of one of your recurring blocks: it stays, and the block goes around it.",
    ),
    "MaintenanceDue": (
        "Un matériel approche de son entretien : une période vous est proposée.",
        "A machine will soon need its maintenance: a time for it is proposed to you.",
    ),
    "FeedClashed": (
        "Un événement d'un de vos calendriers suivis tombe sur une réservation : elle reste. À vous de trancher.",
        "An event of a calendar that you follow falls into a booking, which stays. It is for you to settle.",
    ),
    "FeedFails": (
        "Un de vos calendriers suivis ne peut plus être lu ; ses périodes connues restent bloquées.",
        "A calendar that you follow cannot be read any more; its known times stay blocked.",
    ),
    "LedgerDiffers": (
        "Le contrôle du grand livre a trouvé des écarts ({found}) : voyez /v1/ledger/proofs/{proof}.",
        "The proof of the ledger found differences ({found}): see /v1/ledger/proofs/{proof}.",
    ),
    "RefreshTokenReused": (
        "Quelqu'un a utilisé une copie de votre connexion sur un appareil : cet appareil a été déconnecté."
        " Si ce n'était pas vous, changez votre mot de passe.",
        "Somebody used a copy of your sign-in on one device: that device was signed out."
        " If it was not you, change your password.",
    ),
    "PasswordChanged": ("Votre mot de passe a été changé.", "Your password was changed."),
    "AddressChanged": ("Une adresse de votre compte a été changée.", "An address of your account was changed."),
    "Impersonated": (
        "L'assistance agit à votre place ; le motif et tout ce qu'elle fait figurent dans votre journal.",
        "Support acts in your place; the reason and all that is done stand in your log.",
    ),
    "RoleChanged": (
        "Votre rôle dans une exploitation, CUMA ou ETA a été changé.",
        "Your role in a farm, cooperative or contractor was changed.",
    ),
}


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
_WAITS = {
    False: (
        "Il vous reste moins de 24 heures ; ensuite, un médiateur tranche.",
        "You have less than 24 hours; after that a mediator decides.",
    ),
    True: ("Les deux parties attendent votre décision.", "Both sides are waiting for your decision."),
}
_OWED = (
    "Il reste {owed} à payer : le locataire peut payer avec une autre carte.",
    "{owed} are still due: the renter may pay with another card.",
)
_FAILURES = {
    "declined": ("refus de la banque", "declined by the bank"),
    "insufficient_funds": ("provision insuffisante", "insufficient funds"),
    "expired_card": ("carte expirée", "expired card"),
    "needs_authentication": ("le titulaire doit s'identifier", "its holder must prove who they are"),
    "card_removed": ("carte retirée", "the card was removed"),
}
Facts = Mapping[str, str]
_HOURS = {"fr": "%d/%m/%Y à %H:%M", "en": "%d/%m/%Y at %H:%M"}


def facts_of(event: Event) -> Facts:
    """What the words of a fact name, to be kept with its message: by language, where the words differ."""
    match event:
        case WaitingOffered():
            return {f"until_{language}": _hour(event.expires_at, language) for language in _HOURS}
        case WaitingLapsed():
            return {"why_fr": event.fr, "why_en": event.en}
        case events.PaymentMissing():
            return {f"amount_{language}": _amount(Money(event.minor, event.currency), language) for language in _HOURS}
    alike = {f"{name}_{language}": said for language in _HOURS for name, said in _of_any_language(event).items()}
    return alike | {f"{name}_{language}": said for language in _HOURS for name, said in _named(event, language)}


def _of_any_language(event: Event) -> Mapping[str, str]:
    """What the words of a fact name alike in every language."""
    match event:
        case MachineOverdue():
            return {"hours": str(AFTER[Step(event.step)] // timedelta(hours=1))}
        case InspectionSigned():
            return {"hash": event.hash}
        case LedgerDiffers():
            return {"found": str(event.found), "proof": str(event.proof_id)}
    return {}


def say(kind: str, language: str, facts: Facts) -> str:
    """The sentence for a kind of message in French ("fr") or English ("en")."""
    french, english = WORDS[kind]
    spoken, words = ("fr", french) if language == "fr" else ("en", english)
    mark = f"_{spoken}"
    return words.format(**{name.removesuffix(mark): said for name, said in facts.items() if name.endswith(mark)})


def _named(event: Event, language: str) -> list[tuple[str, str]]:
    """What the words of a fact about a deposit or a claim name, in one language."""
    match event:
        case deposits.DepositEvent():
            return _of_deposit(event, language)
        case damages.ClaimEvent():
            return _of_claim(event, language)
    return []


def _of_deposit(event: deposits.DepositEvent, language: str) -> list[tuple[str, str]]:
    """What the words of a fact about a deposit name, in one language."""
    match event:
        case deposits.DepositHeld():
            return [("what", _either(_HELD[event.taken], language))]
        case deposits.DepositReleased():
            return [("what", _either(_RELEASED[event.given_back], language))]
        case deposits.DepositFailed():
            return [("why", _why(event.failure, language))]
        case deposits.DepositLapsing():
            return [("why", _why(event.failure, language)), ("until", _hour(event.capture_before, language))]
        case deposits.DepositCaptured():
            taken, back = Money(event.captured, event.currency), Money(event.released, event.currency)
            return [("captured", _amount(taken, language)), ("released", _amount(back, language))]
    return []


def _of_claim(event: damages.ClaimEvent, language: str) -> list[tuple[str, str]]:
    """What the words of a fact about a claim name, in one language."""

    def amount(minor: int) -> str:
        return _amount(Money(minor, event.currency), language)

    match event:
        case damages.ClaimWaits():
            return [("what", _either(_WAITS[not event.turn], language))]
        case damages.ClaimSettled():
            owed = _either(_OWED, language).format(owed=amount(event.owed)) if event.owed else ""
            parts = [("from_deposit", amount(event.from_deposit)), ("from_renter", amount(event.from_renter))]
            return [*parts, ("what", owed)]
    return [("amount", amount(event.minor))]


def _why(failure: str, language: str) -> str:
    return _either(_FAILURES.get(failure, _FAILURES["declined"]), language)


def _either(words: tuple[str, str], language: str) -> str:
    return words[0] if language == "fr" else words[1]


def _amount(money: Money, language: str) -> str:
    whole, cents = divmod(money.minor, 100)
    return f"{whole}{',' if language == 'fr' else '.'}{cents:02} {money.currency}"


def _hour(instant: datetime, language: str) -> str:
    return instant.strftime(_HOURS[language])
