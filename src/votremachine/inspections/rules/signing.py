"""Who signs a condition report, in which order, and what a signature that was drawn by hand must be. Pure.

The owner signs last, and that is the act by which the machine changes hands: then the report is sealed.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from votremachine.bookings import rules as bookings
from votremachine.inspections.rules.report import Content, Occasion, State
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.states import AboutState

MOST_STROKES = 60
MOST_POINTS = 3_000
# The pad is a square of so many units a side, whatever the phone's pixels.
PAD = 1_000
# Shorter than this on both sides is a dot, not a name.
SHORTEST = 30

Coordinate = Annotated[int, msgspec.Meta(ge=0, le=PAD)]
Stroke = Annotated[tuple[tuple[Coordinate, Coordinate], ...], msgspec.Meta(min_length=1, max_length=MOST_POINTS)]
Drawing = Annotated[tuple[Stroke, ...], msgspec.Meta(min_length=1, max_length=MOST_STROKES)]


class Side(StrEnum):
    OWNER = "owner"
    RENTER = "renter"
    NEXT_RENTER = "next_renter"  # who takes over in a relay


# How people call who signs before the owner does.
_SIGNERS: Mapping[str, Mapping[Side, str]] = {
    "fr": {Side.RENTER: "le locataire", Side.NEXT_RENTER: "le locataire suivant"},
    "en": {Side.RENTER: "the renter", Side.NEXT_RENTER: "the next renter"},
}


class Method(StrEnum):
    """How a side signed."""

    SESSION = "session"  # confirmed by a person in their own session
    DRAWN = "drawn"  # by hand on the owner's phone, with the code that was sent to the person
    ABSENT = "absent"  # not at all: the owner says why


class NotTheirSide(DomainError):
    kind = Kind.FORBIDDEN
    code = "not_their_side"
    en = "You do not sign for this side."
    fr = "Vous ne signez pas pour ce côté."


class InspectionIncomplete(DomainError):
    kind = Kind.CONFLICT
    code = "inspection_incomplete"
    en = "Photos of this condition report are still on their way: {missing}."
    fr = "Des photos de cet état des lieux sont encore attendues : {missing}."


class OwnerSignsLast(DomainError):
    kind = Kind.CONFLICT
    code = "owner_signs_last"
    en = "The owner signs when the others have: {missing}."
    fr = "Le propriétaire signe quand les autres l'ont fait : {missing}."

    def sentence(self, language: str) -> str:
        """Sides in the reader's words; `missing` of the facts goes on carrying their codes."""
        sides = _SIGNERS["fr" if language == "fr" else "en"]
        missing = ", ".join(sides[Side(one)] for one in self.facts["missing"].split(", "))
        return (self.fr if language == "fr" else self.en).format(missing=missing)


class ContentDiffers(DomainError):
    kind = Kind.CONFLICT
    code = "content_differs"
    en = "This condition report is not the one that you looked at. Read it again, then sign it."
    fr = "Cet état des lieux n'est pas celui que vous avez lu. Relisez-le, puis signez-le."


class AlreadyInspected(DomainError):
    kind = Kind.CONFLICT
    code = "already_inspected"
    en = "A condition report for this was signed before. What it does not say is added by an amendment."
    fr = "Un état des lieux a déjà été signé pour cela. Ce qu'il ne dit pas s'ajoute par un avenant."


class NotNow(AboutState):
    kind = Kind.CONFLICT
    code = "inspection_not_now"
    en = "The booking is {state}: such a condition report is not made now."
    fr = "L'état de la réservation est « {state} » : pas d'état des lieux de ce genre maintenant."


class NotSignedYet(DomainError):
    kind = Kind.CONFLICT
    code = "not_signed_yet"
    en = "This condition report is not signed by all its sides yet."
    fr = "Cet état des lieux n'est pas encore signé de tous."


class AbsenceNotHere(DomainError):
    code = "absence_not_here"
    en = "Only a check-in is signed without the renter, and the owner says why."
    fr = "Seul un retour se signe sans le locataire, et le propriétaire dit pourquoi."


class DrawingAndCode(DomainError):
    code = "drawing_and_code"
    en = "A signature drawn on the owner's phone comes with the code that was sent to the other side, and only then."
    fr = "Une signature tracée sur le téléphone du propriétaire va avec le code envoyé à l'autre, et seulement alors."


class NoSignature(DomainError):
    code = "no_signature"
    en = "This drawing is no signature."
    fr = "Ce tracé n'est pas une signature."


class CodeFailed(DomainError):
    kind = Kind.FORBIDDEN
    code = "code_failed"
    en = "This code is wrong, used, or too old. Have another sent."
    fr = "Ce code est faux, déjà utilisé ou trop ancien. Faites-en envoyer un autre."


class NobodyToSign(DomainError):
    kind = Kind.CONFLICT
    code = "nobody_to_sign"
    en = "Nobody of that side can be sent a code."
    fr = "Personne de ce côté ne peut recevoir de code."


class TooManyCodes(DomainError):
    kind = Kind.TOO_MANY
    code = "too_many_codes"
    en = "{most} codes were sent for this booking within the hour. Try again in {retry_after} seconds."
    fr = "{most} codes ont été envoyés pour cette réservation en une heure. Réessayez dans {retry_after} secondes."


B = bookings.State
# In which states of the booking, and of the next one in a relay, a report may be made.
_MADE_IN: Mapping[Occasion, frozenset[B]] = {
    Occasion.CHECK_OUT: frozenset({B.CONFIRMED, B.IN_USE, B.RETURNED}),
    # Of a phone that was offline the check-in may arrive before the check-out.
    Occasion.CHECK_IN: frozenset({B.CONFIRMED, B.IN_USE, B.RETURNED}),
    Occasion.RELAY: frozenset({B.IN_USE, B.RETURNED}),
    Occasion.AMENDMENT: frozenset({B.IN_USE, B.RETURNED}),
}


def check_moment(kind: Occasion, booking: bookings.Booking, now: datetime) -> None:
    """Raises `NotNow`, and `TooEarly` for a check-out of a machine that may not leave yet."""
    if booking.state not in _MADE_IN[kind]:
        raise NotNow(state=booking.state)
    if kind is Occasion.CHECK_OUT:
        bookings.check_not_early(booking, now)


def signers(said: Content) -> tuple[Side, ...]:
    """The sides that sign a report, the owner last."""
    others = (Side.RENTER, Side.NEXT_RENTER) if said.next_booking_id else (Side.RENTER,)
    return (*others, Side.OWNER)


def check_turn(said: Content, state: State, side: Side, signed: Collection[Side], missing_photos: int) -> None:
    """Whether it is this side's turn. Raises `NotTheirSide`, `InspectionIncomplete`, `OwnerSignsLast`."""
    if side not in signers(said):
        raise NotTheirSide(pointer="/side")
    if state is State.DRAFT:
        raise InspectionIncomplete(missing=missing_photos)
    missing = [one for one in signers(said) if one is not Side.OWNER and one not in signed]
    if side is Side.OWNER and missing:
        raise OwnerSignsLast(missing=", ".join(missing))


def check_absence(said: Content, why: str) -> None:
    """Whether a report may be signed without its renter, for this reason. Raises `AbsenceNotHere`."""
    if said.kind is not Occasion.CHECK_IN or not why.strip():
        raise AbsenceNotHere(pointer="/absent")


def check_drawing(drawing: Drawing) -> Drawing:
    """The strokes, if somebody can have written their name with them. Raises `NoSignature`."""
    points = [point for stroke in drawing for point in stroke]
    if len(points) > MOST_POINTS:
        raise NoSignature(pointer="/drawing")
    for axis in (0, 1):
        along = [point[axis] for point in points]
        if max(along) - min(along) >= SHORTEST:
            return drawing
    raise NoSignature(pointer="/drawing")
