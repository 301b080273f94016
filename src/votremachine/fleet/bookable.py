"""When a machine may be booked, before anybody looks at its calendar. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from votremachine.fleet.opening import is_open
from votremachine.fleet.rules import Machine, NotForThisParty, State
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import Span


class NotBookable(DomainError):
    kind = Kind.CONFLICT
    code = "machine_not_bookable"
    en = "The owner does not take bookings of this machine just now."
    fr = "Le propriétaire ne prend pas de réservation de ce matériel pour l'instant."


class InThePast(DomainError):
    code = "in_the_past"
    en = "This time has already begun."
    fr = "Cette période a déjà commencé."


class TooSoon(DomainError):
    code = "too_soon"
    en = "This machine must be booked at least {minutes} minutes ahead."
    fr = "Ce matériel se réserve au moins {minutes} minutes à l'avance."


class BeyondHorizon(DomainError):
    code = "beyond_horizon"
    en = "This machine can be booked up to {days} days ahead."
    fr = "Ce matériel se réserve au plus {days} jours à l'avance."


class TooShort(DomainError):
    code = "too_short"
    en = "This machine is rented for at least {minutes} minutes."
    fr = "Ce matériel se loue au moins {minutes} minutes."


class TooLong(DomainError):
    code = "too_long"
    en = "This machine is rented for at most {minutes} minutes."
    fr = "Ce matériel se loue au plus {minutes} minutes."


class NobodyThere(DomainError):
    code = "nobody_there"
    en = "Nobody hands this machine over at that hour. `hand_over` has the week's hours, `exceptions` the date's own."
    fr = "Personne n'est là pour ce matériel à cette heure. `hand_over` donne les heures, `exceptions` celles du jour."


class PairingMissing(DomainError):
    code = "pairing_missing"
    en = "This machine is rented only together with another one of the same owner: {categories}."
    fr = "Ce matériel se loue seulement avec un autre du même propriétaire : {categories}."


BOOKABLE_ERRORS = (
    NotForThisParty,
    NotBookable,
    InThePast,
    TooSoon,
    BeyondHorizon,
    TooShort,
    TooLong,
    NobodyThere,
    PairingMissing,
)


def check_bookable(machine: Machine, span: Span, now: datetime) -> None:
    """Raises the first reason why nobody may book this machine for this span at this hour.

    `NotBookable`, `InThePast`, `TooSoon`, `BeyondHorizon`, `TooShort`, `TooLong`, `NobodyThere`.
    """
    terms = machine.terms
    if machine.state is not State.LISTED:
        raise NotBookable(machine_id=str(machine.id))
    if span.start < now:
        raise InThePast(pointer="/start")
    if span.start < now + timedelta(minutes=terms.lead_minutes):
        raise TooSoon(pointer="/start", minutes=terms.lead_minutes)
    check_length(machine, span)
    check_horizon(machine, span, now)
    check_hand_over(machine, span.start, "/start")
    check_hand_over(machine, span.end, "/end")


def check_horizon(machine: Machine, span: Span, now: datetime) -> None:
    """Raises `BeyondHorizon` when the span ends later than the owner plans ahead."""
    if span.end > now + timedelta(days=machine.terms.horizon_days):
        raise BeyondHorizon(pointer="/end", days=machine.terms.horizon_days)


def check_length(machine: Machine, span: Span) -> None:
    """Raises `TooShort` or `TooLong`."""
    if span.length < timedelta(minutes=machine.terms.min_minutes):
        raise TooShort(pointer="/end", minutes=machine.terms.min_minutes)
    if span.length > timedelta(minutes=machine.terms.max_minutes):
        raise TooLong(pointer="/end", minutes=machine.terms.max_minutes)


def check_hand_over(machine: Machine, instant: datetime, pointer: str) -> None:
    """Raises `NobodyThere` when the instant is in none of the machine's hand-over hours."""
    if not _is_open(machine, instant):
        day = instant.astimezone(machine.zone).date()
        exceptions = [one for one in machine.terms.exceptions if one.first <= day <= one.last]
        raise NobodyThere(pointer=pointer, hand_over=list(machine.terms.hand_over), exceptions=exceptions)


def somebody_there(machines: Sequence[Machine], span: Span) -> bool:
    """Whether all these machines can be handed over at both ends of the span."""
    return all(_is_open(machine, edge) for machine in machines for edge in (span.start, span.end))


def _is_open(machine: Machine, instant: datetime) -> bool:
    return is_open(machine.terms, machine.zone, instant)


def check_pairing(machines: Sequence[Machine], cooperatives: Collection[UUID]) -> None:
    """Raises `PairingMissing` when one of the machines of a booking wants another beside it that is not there.

    `cooperatives` are those in which the renter is an approved member.
    """
    for machine in machines:
        pairing = machine.terms.pairing
        if pairing is None or (pairing.members_exempt and machine.party_id in cooperatives):
            continue
        if not any(other.category in pairing.categories for other in machines if other.id != machine.id):
            raise PairingMissing(
                pointer="/machine_ids", machine_id=str(machine.id), categories=", ".join(pairing.categories)
            )
