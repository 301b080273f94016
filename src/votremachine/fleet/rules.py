"""What a machine is to other slices, and who may see and book it. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.accounts.rules import Actor, Seat
from votremachine.fleet.attributes import Attributes
from votremachine.fleet.terms import BookingMode, Terms
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money


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


class MachineRetired(DomainError):
    kind = Kind.CONFLICT
    code = "machine_retired"
    en = "This machine is retired: nothing is planned for it any more."
    fr = "Ce matériel est retiré : on ne prévoit plus rien pour lui."


def check_in_service(machine: Machine) -> Machine:
    """The machine, if anything may still be planned for it. Raises `MachineRetired`."""
    if machine.state is State.RETIRED:
        raise MachineRetired
    return machine


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
