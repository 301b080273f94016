"""Who says how much was used, who agrees, and until when. Pure."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.accounts.rules import Relation, Sides
from votremachine.bookings.rules import Booking, State
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money
from votremachine.pricing.rules.settling import Quantities, measured_units


class UsageState(StrEnum):
    PROPOSED = "proposed"
    COUNTERED = "countered"  # somebody said something else since
    AGREED = "agreed"


class Usage(msgspec.Struct, frozen=True):
    """What one side says was used, and what the booking costs by that; only the last word can be agreed to."""

    id: UUID
    booking_id: UUID
    side: Relation
    used: Quantities
    total: Money
    note: str
    state: UsageState
    by: UUID
    created_at: datetime


class NotMetered(DomainError):
    kind = Kind.CONFLICT
    code = "not_metered"
    en = "Nothing of this booking is settled by what was used, or it is settled already."
    fr = "Rien dans cette réservation ne se règle selon l'usage, ou c'est déjà réglé."


class NotBackYet(DomainError):
    kind = Kind.CONFLICT
    code = "not_back_yet"
    en = "What was used is settled once the machine is back, until the booking is completed."
    fr = "L'usage se règle une fois le matériel rentré, et jusqu'à la clôture de la réservation."


class UnknownUsage(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_usage"
    en = "Nobody has said this of the booking."
    fr = "Personne n'a déclaré cela pour cette réservation."


class UsageCountered(DomainError):
    kind = Kind.CONFLICT
    code = "usage_countered"
    en = "Something else was said since. Read it, then agree to that or say what you think."
    fr = "Une autre quantité a été déclarée depuis. Lisez-la, puis acceptez-la ou proposez la vôtre."


class OwnWord(DomainError):
    kind = Kind.CONFLICT
    code = "own_word"
    en = "The other side agrees to what you said, not you."
    fr = "C'est à l'autre partie d'accepter ce que vous avez déclaré."


def awaits_usage(booking: Booking) -> bool:
    """Whether what was used may be told now, and the price waits for it."""
    return booking.state is State.RETURNED and bool(measured_units(booking.price))


def check_open(booking: Booking) -> None:
    """Raises `NotMetered`, or `NotBackYet`: usage is settled between the return and the end of the claim window."""
    if not measured_units(booking.price):
        raise NotMetered
    if booking.state is not State.RETURNED:
        raise NotBackYet


def side_of(sides: Sides) -> Relation:
    """The side for which somebody speaks; who stands on both speaks for the owner."""
    return Relation.OWNER if Relation.OWNER in sides else Relation.RENTER


def check_agreeable(usage: Usage, sides: Sides) -> None:
    """Raises `UsageCountered` if it is not the last word, `OwnWord` if it is that of the person's own side."""
    if usage.state is not UsageState.PROPOSED:
        raise UsageCountered
    if not sides.keys() - {usage.side, Relation.PLATFORM}:
        raise OwnWord
