"""Who may do what: one table from verb to relation to roles. Pure; every route asks `require`."""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind


class PartyKind(StrEnum):
    FARM = "farm"
    COOPERATIVE = "cooperative"
    CONTRACTOR = "contractor"


class Role(StrEnum):
    """What a person is in a party."""

    ADMIN = "admin"
    MANAGER = "manager"
    TREASURER = "treasurer"
    MEMBER = "member"
    VIEWER = "viewer"


class Relation(StrEnum):
    """How the party a person acts for stands to the object."""

    OWNER = "owner"  # of the machine, or the party itself
    RENTER = "renter"  # of the booking


class Verb(StrEnum):
    ADMIT_MEMBER = "admit_member"
    JOIN_COOPERATIVE = "join_cooperative"
    EDIT_MACHINE = "edit_machine"
    READ_PRICES = "read_prices"
    READ_CALENDAR = "read_calendar"
    EDIT_CALENDAR = "edit_calendar"
    READ_BOOKING = "read_booking"
    BOOK = "book"
    CONFIRM = "confirm"
    ACCEPT = "accept"
    DECLINE = "decline"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    HAND_OVER = "hand_over"


_EVERYONE = frozenset(Role)
_WORKERS = _EVERYONE - {Role.VIEWER}
_RUNNERS = frozenset({Role.ADMIN, Role.MANAGER})

PERMISSIONS: Mapping[Verb, Mapping[Relation, frozenset[Role]]] = {
    Verb.ADMIT_MEMBER: {Relation.OWNER: _RUNNERS},
    Verb.JOIN_COOPERATIVE: {Relation.OWNER: _RUNNERS},
    Verb.EDIT_MACHINE: {Relation.OWNER: _RUNNERS},
    Verb.READ_PRICES: {Relation.OWNER: _EVERYONE},
    Verb.READ_CALENDAR: {Relation.OWNER: _EVERYONE},
    Verb.EDIT_CALENDAR: {Relation.OWNER: _RUNNERS},
    Verb.READ_BOOKING: {Relation.OWNER: _EVERYONE, Relation.RENTER: _EVERYONE},
    Verb.BOOK: {Relation.RENTER: _WORKERS},
    Verb.CONFIRM: {Relation.RENTER: _WORKERS},
    Verb.ACCEPT: {Relation.OWNER: _RUNNERS},
    Verb.DECLINE: {Relation.OWNER: _RUNNERS},
    Verb.CANCEL: {Relation.OWNER: _RUNNERS, Relation.RENTER: _WORKERS},
    Verb.RESCHEDULE: {Relation.RENTER: _WORKERS},
    Verb.HAND_OVER: {Relation.OWNER: _WORKERS},
}


class Seat(msgspec.Struct, frozen=True):
    """A person's place in a party, with the cooperatives which that party is an approved member of."""

    party_id: UUID
    party_name: str
    role: Role
    demo: bool
    cooperatives: frozenset[UUID] = frozenset()


class Actor(msgspec.Struct, frozen=True):
    """The person behind a request and every seat they hold."""

    person_id: UUID
    name: str
    language: str
    seats: Mapping[UUID, Seat]


class NotSignedIn(DomainError):
    kind = Kind.UNAUTHENTICATED
    code = "not_signed_in"
    en = "Sign in first: this needs a valid access token."
    fr = "Connectez-vous d'abord : il faut un jeton d'accès valable."


class SignInFailed(DomainError):
    kind = Kind.UNAUTHENTICATED
    code = "sign_in_failed"
    en = "This e-mail and password do not go together."
    fr = "Cette adresse et ce mot de passe ne vont pas ensemble."


class EmailTaken(DomainError):
    kind = Kind.CONFLICT
    code = "email_taken"
    en = "Somebody registered with this e-mail already. Sign in instead."
    fr = "Un compte existe déjà avec cette adresse. Connectez-vous."


class NotAllowed(DomainError):
    kind = Kind.FORBIDDEN
    code = "not_allowed"
    en = "Your role does not allow this."
    fr = "Votre rôle ne le permet pas."


class UnknownParty(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_party"
    en = "There is no such farm, cooperative or contractor, or you do not act for it."
    fr = "Il n'existe pas de telle exploitation, CUMA ou ETA, ou vous n'agissez pas pour elle."


class WhichParty(DomainError):
    code = "which_party"
    en = "Say for which of your parties you act."
    fr = "Précisez pour laquelle de vos exploitations vous agissez."


class NotACooperative(DomainError):
    code = "not_a_cooperative"
    en = "Only a cooperative has member parties."
    fr = "Seule une coopérative a des adhérents."


def relations(actor: Actor, parties: Mapping[Relation, UUID]) -> dict[Relation, Role]:
    """The actor's role on each side of an object, for the sides they stand on."""
    return {side: actor.seats[party].role for side, party in parties.items() if party in actor.seats}


def permits(verb: Verb, sides: Mapping[Relation, Role]) -> bool:
    """Whether any of the sides a person stands on lets them do `verb`."""
    allowed = PERMISSIONS[verb]
    return any(role in allowed.get(side, ()) for side, role in sides.items())


def require(
    verb: Verb, actor: Actor, *, owner: UUID | None = None, renter: UUID | None = None, stranger: DomainError
) -> dict[Relation, Role]:
    """The actor's sides, if they permit `verb`; raises `NotAllowed` to who lacks the role.

    Who stands on no side gets `stranger`, the error of an object that does not exist: nobody learns that it does.
    """
    given = {Relation.OWNER: owner, Relation.RENTER: renter}
    sides = relations(actor, {side: party for side, party in given.items() if party is not None})
    if not sides:
        raise stranger
    if not permits(verb, sides):
        raise NotAllowed
    return sides


def acting_seat(actor: Actor, party_id: UUID | None) -> Seat:
    """The seat a person acts from: the one named, or the only one. Raises `UnknownParty`, `WhichParty`."""
    if party_id is not None:
        if party_id not in actor.seats:
            raise UnknownParty
        return actor.seats[party_id]
    if len(actor.seats) != 1:
        raise WhichParty(pointer="/renter_party_id")
    return next(iter(actor.seats.values()))


def on_account(seat: Seat, owner: UUID) -> bool:
    """Whether a party pays later: as an approved member of the owning cooperative, or as a demo party."""
    return seat.demo or owner in seat.cooperatives
