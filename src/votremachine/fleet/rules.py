"""What a machine is to other slices, and when it may be booked, before anybody looks at its calendar. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.accounts.rules import Actor, Seat
from votremachine.fleet.attributes import Attributes
from votremachine.fleet.opening import is_open
from votremachine.fleet.terms import BookingMode, Terms
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span


class State(StrEnum):
    DRAFT = "draft"
    LISTED = "listed"
    PAUSED = "paused"
    RETIRED = "retired"


LIFE: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.LISTED, State.RETIRED}),
    State.LISTED: frozenset({State.PAUSED, State.RETIRED}),
    State.PAUSED: frozenset({State.LISTED, State.RETIRED}),
    State.RETIRED: frozenset(),
}
# Nobody's business but the owner's.
HIDDEN = frozenset({State.DRAFT, State.RETIRED})


class Visibility(StrEnum):
    """Who sees a machine beside its owner's own people."""

    PUBLIC = "public"
    COOPERATIVE = "cooperative"  # approved members of the cooperative that owns it
    NAMED = "named"  # the parties that the owner names


class Cancellation(StrEnum):
    """What cancelling costs; pricing says it in words."""

    FLEXIBLE = "flexible"
    MODERATE = "moderate"
    STRICT = "strict"
    COOPERATIVE = "cooperative"


class Cleaning(StrEnum):
    """How clean a machine must come back."""

    AS_FOUND = "as_found"
    SWEPT = "swept"
    WASHED = "washed"
    DISINFECTED = "disinfected"


class Meter(StrEnum):
    """What a machine counts by itself."""

    ENGINE_HOUR = "engine_hour"
    HECTARE = "hectare"
    BALE = "bale"
    M3 = "m3"
    KM = "km"
    TONNE = "tonne"


class Texts(msgspec.Struct, frozen=True):
    """One text in French, in English, or in both."""

    fr: str = ""
    en: str = ""

    def read_in(self, language: str) -> str:
        """In the reader's language ("fr" or "en"); in the other one where there is only that."""
        return (self.en or self.fr) if language == "en" else (self.fr or self.en)


class Machine(msgspec.Struct, frozen=True):
    """One serialised machine, as other slices see it. `latitude` and `longitude` are exact: for its own two sides only.

    `invited` are the parties that may see it where its visibility is `named`.
    """

    id: UUID
    party_id: UUID
    category: str
    titles: Texts
    state: State
    zone: ZoneInfo
    terms: Terms
    deposit: Money
    version: int
    visibility: Visibility = Visibility.PUBLIC
    invited: frozenset[UUID] = frozenset()
    cancellation: Cancellation = Cancellation.FLEXIBLE
    latitude: float = 0.0
    longitude: float = 0.0
    stored_attributes: str = "{}"

    @property
    def title(self) -> str:
        return self.titles.read_in("fr")

    @property
    def instant(self) -> bool:
        return self.terms.booking_mode is BookingMode.INSTANT

    @property
    def attributes(self) -> Attributes:
        """Decoded when somebody asks: a booking does not."""
        return msgspec.json.decode(self.stored_attributes, type=Attributes)


class UnknownMachine(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_machine"
    en = "There is no such machine."
    fr = "Ce matériel n'existe pas."


class SeveralOwners(DomainError):
    code = "several_owners"
    en = "The machines of one booking belong to one owner."
    fr = "Les matériels d'une même réservation appartiennent à un seul propriétaire."


class NotForThisParty(DomainError):
    kind = Kind.CONFLICT
    code = "not_for_this_party"
    en = "The owner lends this machine to certain parties, and the one you act for is not among them."
    fr = "Le propriétaire loue ce matériel à certains seulement, et celui pour qui vous agissez n'en est pas."


class NotBookable(DomainError):
    kind = Kind.CONFLICT
    code = "machine_not_bookable"
    en = "The owner does not take bookings of this machine just now."
    fr = "Le propriétaire ne prend pas de réservation de ce matériel pour l'instant."


class MachineRetired(DomainError):
    kind = Kind.CONFLICT
    code = "machine_retired"
    en = "This machine is retired: nothing is planned for it any more."
    fr = "Ce matériel est retiré : on ne prévoit plus rien pour lui."


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


def check_in_service(machine: Machine) -> Machine:
    """The machine, if anything may still be planned for it. Raises `MachineRetired`."""
    if machine.state is State.RETIRED:
        raise MachineRetired
    return machine


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


def sees(machine: Machine, who: Actor) -> bool:
    """Whether a person may know of a machine: it is their own, one of their parties may see it, or they are staff."""
    return (
        machine.party_id in who.seats
        or who.staff is not None
        or any(open_to(machine, seat) for seat in who.seats.values())
        or (machine.visibility is Visibility.PUBLIC and machine.state not in HIDDEN)
    )


def check_open(machine: Machine, seat: Seat) -> None:
    """Raises `NotForThisParty` where the owner does not let this party book; another of the person's may see it."""
    if machine.state is State.LISTED and not open_to(machine, seat):
        raise NotForThisParty(machine_id=str(machine.id))


def open_to(machine: Machine, seat: Seat) -> bool:
    """Whether a party that does not own the machine may see and book it."""
    if machine.state in HIDDEN:
        return False
    match machine.visibility:
        case Visibility.COOPERATIVE:
            return machine.party_id in seat.cooperatives
        case Visibility.NAMED:
            return seat.party_id in machine.invited
    return True
