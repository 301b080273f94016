"""Which fact is told to which side, and in what words. Pure."""

from enum import StrEnum

from votremachine.bookings import events


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
    events.MachineReturned: (Side.RENTER,),
    events.RenterAbsent: (Side.RENTER,),
    events.BookingAtRisk: (Side.OWNER, Side.RENTER),
    events.BookingOutOfRisk: (Side.OWNER, Side.RENTER),
}

# kind -> (French, English)
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
    "MachineReturned": ("Le retour du matériel est enregistré.", "The return of the machine is recorded."),
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


def say(kind: str, language: str) -> str:
    """The sentence for a kind of message in French ("fr") or English ("en")."""
    french, english = WORDS[kind]
    return french if language == "fr" else english
