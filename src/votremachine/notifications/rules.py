"""Which fact is told to which side, and in what words. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from votremachine.bookings import events
from votremachine.bookings.events import MachineOverdue
from votremachine.bookings.overdue.rules import AFTER, Step
from votremachine.bookings.waiting.events import WaitingLapsed, WaitingOffered
from votremachine.inspections.events import InspectionSigned, InspectionToSign
from votremachine.kernel.events import Event


class Side(StrEnum):
    OWNER = "owner"
    RENTER = "renter"


# Whom each fact concerns. The person who did it is not told what they just did.
TOLD: dict[type[events.BookingEvent], tuple[Side, ...]] = {
    events.BookingRequested: (Side.OWNER,),
    events.BookingConfirmed: (Side.OWNER, Side.RENTER),
    events.BookingDeclined: (Side.RENTER,),
    events.BookingExpired: (Side.RENTER,),
    events.BookingCancelled: (Side.OWNER, Side.RENTER),
    events.BookingMoved: (Side.OWNER, Side.RENTER),
    events.MachineReplaced: (Side.OWNER, Side.RENTER),
    events.MachineReturned: (Side.RENTER,),
    events.RenterAbsent: (Side.RENTER,),
    events.BookingAtRisk: (Side.OWNER, Side.RENTER),
    events.BookingOutOfRisk: (Side.OWNER, Side.RENTER),
    InspectionToSign: (Side.OWNER, Side.RENTER),
    InspectionSigned: (Side.OWNER, Side.RENTER),
    WaitingOffered: (Side.RENTER,),
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


Facts = Mapping[str, str]
_HOURS = {"fr": "%d/%m/%Y à %H:%M", "en": "%d/%m/%Y at %H:%M"}


def facts_of(event: Event) -> Facts:
    """What the words of a fact name, to be kept with its message: by language, where the words differ."""
    match event:
        case WaitingOffered():
            return {f"until_{language}": _hour(event.expires_at, language) for language in _HOURS}
        case MachineOverdue():
            hours = str(AFTER[Step(event.step)] // timedelta(hours=1))
            return {f"hours_{language}": hours for language in _HOURS}
        case InspectionSigned():
            return {f"hash_{language}": event.hash for language in _HOURS}
        case WaitingLapsed():
            return {"why_fr": event.fr, "why_en": event.en}
    return {}


def say(kind: str, language: str, facts: Facts) -> str:
    """The sentence for a kind of message in French ("fr") or English ("en")."""
    french, english = WORDS[kind]
    spoken, words = ("fr", french) if language == "fr" else ("en", english)
    mark = f"_{spoken}"
    return words.format(**{name.removesuffix(mark): said for name, said in facts.items() if name.endswith(mark)})


def _hour(instant: datetime, language: str) -> str:
    return instant.strftime(_HOURS[language])
