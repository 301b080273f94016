"""What calendars say, in French and in English. Pure."""

from uuid import UUID

from votremachine.availability.rules import Taker
from votremachine.bookings.rules import State
from votremachine.calendars.rules import Status

_BOOKED = {
    Status.TENTATIVE: ("Réservé, à confirmer", "Booked, to be confirmed"),
    Status.CONFIRMED: ("Réservé", "Booked"),
    Status.CANCELLED: ("Annulé", "Cancelled"),
}
_TAKEN = {
    Taker.BLOCK: ("Bloqué", "Blocked"),
    Taker.MAINTENANCE: ("Entretien", "Maintenance"),
    Taker.EXTERNAL: ("Occupé (autre agenda)", "Busy (another calendar)"),
}
_STATES = {
    State.HELD: ("Tenue, en attente du paiement", "Held, waiting for the payment"),
    State.REQUESTED: ("Demandée, en attente du propriétaire", "Requested, waiting for the owner"),
    State.CONFIRMED: ("Confirmée", "Confirmed"),
    State.IN_USE: ("En cours, matériel sorti", "Under way, the machine is out"),
    State.RETURNED: ("Matériel rentré", "The machine is back"),
    State.COMPLETED: ("Terminée", "Completed"),
    State.DECLINED: ("Refusée", "Declined"),
    State.EXPIRED: ("Expirée", "Expired"),
    State.CANCELLED: ("Annulée", "Cancelled"),
    State.NO_SHOW: ("Personne n'est venu", "Nobody came"),
}
_BEFORE = {
    Status.TENTATIVE: ("À confirmer : ", "To be confirmed: "),
    Status.CONFIRMED: ("", ""),
    Status.CANCELLED: ("Annulé : ", "Cancelled: "),
}
_LENT = ("{machines} – loué à {renter}", "{machines} – rented to {renter}")
_RENTED = ("{machines} – loué auprès de {owner}", "{machines} – rented from {owner}")
_BOOKING = ("Réservation", "Booking")
_OWN = ("Mes réservations", "My bookings")


def booked(status: Status, language: str) -> str:
    """That a machine is booked, and nothing of by whom."""
    return _in(language, _BOOKED[status])


def taken(taker: Taker, language: str) -> str:
    """What takes a machine's time, and nothing of why."""
    return _in(language, _TAKEN[taker])


def sort_of_booking(language: str) -> str:
    """The category of bookings."""
    return _in(language, _BOOKING)


def booking(language: str, booking_id: UUID) -> str:
    """Which booking it is, to those who may look it up."""
    return f"{_in(language, _BOOKING)} {booking_id}"


def state(is_: State, language: str) -> str:
    """How a booking stands."""
    return _in(language, _STATES[is_])


def between(status: Status, language: str, *, lent: bool, machines: str, owner: str, renter: str) -> str:
    """A booking to one of its sides: to the owner's if it is `lent`, otherwise to the renter's."""
    said = _in(language, _LENT if lent else _RENTED).format(machines=machines, owner=owner, renter=renter)
    return _in(language, _BEFORE[status]) + said


def own_calendar(language: str) -> str:
    """The name of a person's own calendar."""
    return _in(language, _OWN)


def _in(language: str, said: tuple[str, str]) -> str:
    french, english = said
    return french if language == "fr" else english
