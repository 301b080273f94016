"""When a machine may be booked at all, before anybody looks at its calendar. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span


class State(StrEnum):
    DRAFT = "draft"
    LISTED = "listed"
    PAUSED = "paused"
    RETIRED = "retired"


class BookingMode(StrEnum):
    INSTANT = "instant"
    ON_REQUEST = "on_request"


class Terms(msgspec.Struct, frozen=True):
    """An owner's rules: whole minutes, except the horizon in days."""

    booking_mode: BookingMode = BookingMode.INSTANT
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    min_minutes: int = 60
    max_minutes: int = 28 * 24 * 60
    lead_minutes: int = 0
    horizon_days: int = 365

    @property
    def buffers(self) -> tuple[timedelta, timedelta]:
        """The time kept free before and after each use."""
        return timedelta(minutes=self.buffer_before_minutes), timedelta(minutes=self.buffer_after_minutes)


class Machine(msgspec.Struct, frozen=True):
    """One serialised machine, as other slices see it."""

    id: UUID
    party_id: UUID
    category: str
    title: str
    state: State
    zone: ZoneInfo
    terms: Terms
    deposit: Money
    version: int

    @property
    def instant(self) -> bool:
        return self.terms.booking_mode is BookingMode.INSTANT


class UnknownMachine(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_machine"
    en = "There is no such machine."
    fr = "Ce matériel n'existe pas."


class UnknownCategory(DomainError):
    code = "unknown_category"
    en = "There is no category “{category}”."
    fr = "La catégorie « {category} » n'existe pas."


class UnknownZone(DomainError):
    code = "unknown_zone"
    en = "“{zone}” is not a time zone of the IANA database."
    fr = "« {zone} » n'est pas un fuseau horaire de la base IANA."


class TermsDisagree(DomainError):
    code = "terms_disagree"
    en = "The longest booking must not be shorter than the shortest one."
    fr = "La durée maximale ne peut pas être inférieure à la durée minimale."


class SeveralOwners(DomainError):
    code = "several_owners"
    en = "The machines of one booking belong to one owner."
    fr = "Les matériels d'une même réservation appartiennent à un seul propriétaire."


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


BOOKABLE_ERRORS = (NotBookable, InThePast, TooSoon, BeyondHorizon, TooShort, TooLong)


def check_bookable(machine: Machine, span: Span, now: datetime) -> None:
    """Raises the first reason why nobody may book this machine for this span at this hour.

    `NotBookable`, `InThePast`, `TooSoon`, `BeyondHorizon`, `TooShort`, `TooLong`.
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


def check_terms(terms: Terms) -> Terms:
    """The terms, if they make sense together; raises `TermsDisagree`."""
    if terms.max_minutes < terms.min_minutes:
        raise TermsDisagree(pointer="/terms/max_minutes")
    return terms


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone of that name; raises `UnknownZone`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnknownZone(pointer="/zone", zone=name) from error
