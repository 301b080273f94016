"""Who may do what: one table from verb to relation to roles. Pure; every route asks `require`."""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, UnknownParty, WhichParty
from votremachine.kernel.errors import DomainError


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


class StaffRole(StrEnum):
    """What a person is to the platform itself."""

    SUPPORT = "support"
    MEDIATOR = "mediator"
    OPERATOR = "operator"


class Relation(StrEnum):
    """How a person stands to an object: through the party they act for, or as staff."""

    OWNER = "owner"  # of the machine, or the party itself
    RENTER = "renter"  # of the booking
    COOPERATIVE = "cooperative"  # that both of its sides belong to
    PLATFORM = "platform"  # of everything


class Verb(StrEnum):
    READ_PARTY = "read_party"
    EDIT_PARTY = "edit_party"
    EDIT_BANKING = "edit_banking"
    SET_DEPOSIT_RULE = "set_deposit_rule"
    CHANGE_ROLE = "change_role"
    INVITE = "invite"
    ADMIT_MEMBER = "admit_member"
    JOIN_COOPERATIVE = "join_cooperative"
    EDIT_MACHINE = "edit_machine"
    READ_PRICES = "read_prices"
    READ_CALENDAR = "read_calendar"
    EDIT_CALENDAR = "edit_calendar"
    READ_BY_LINK = "read_by_link"
    READ_BOOKING = "read_booking"
    BOOK = "book"
    CONFIRM = "confirm"
    ACCEPT = "accept"
    DECLINE = "decline"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    REPLACE_MACHINE = "replace_machine"
    HAND_OVER = "hand_over"
    INSPECT = "inspect"
    SIGN_INSPECTION = "sign_inspection"
    READ_INSPECTION = "read_inspection"
    VERIFY_INSPECTIONS = "verify_inspections"
    ADD_INSURANCE = "add_insurance"
    SETTLE_USAGE = "settle_usage"
    KEEP_CARD = "keep_card"
    READ_CARDS = "read_cards"
    READ_LEDGER = "read_ledger"
    READ_BOOKS = "read_books"
    KEEP_BOOKS = "keep_books"
    READ_PAYMENTS = "read_payments"
    READ_DEPOSIT = "read_deposit"
    GIVE_DEPOSIT = "give_deposit"
    WAIVE_DEPOSIT = "waive_deposit"
    READ_CLAIM = "read_claim"
    EXPORT_CLAIM = "export_claim"
    CLAIM_DAMAGE = "claim_damage"
    CONTEST_CLAIM = "contest_claim"
    ACCEPT_CLAIM = "accept_claim"
    BARGAIN = "bargain"
    ADD_EVIDENCE = "add_evidence"
    PAY_CLAIM = "pay_claim"
    DECIDE_CLAIM = "decide_claim"
    READ_INVOICE = "read_invoice"
    RECORD_PAYMENT = "record_payment"
    CREDIT_INVOICE = "credit_invoice"
    FIND_PERSON = "find_person"
    IMPERSONATE = "impersonate"
    MIND_LETTERS = "mind_letters"


_EVERYONE = frozenset(Role)
WORKERS = _EVERYONE - {Role.VIEWER}
RUNNERS = frozenset({Role.ADMIN, Role.MANAGER})
_ADMIN = frozenset({Role.ADMIN})
BANKERS = frozenset({Role.ADMIN, Role.TREASURER})
_STAFF = frozenset(StaffRole)
_SUPPORT = frozenset({StaffRole.SUPPORT})
_MINDERS = frozenset({StaffRole.SUPPORT, StaffRole.OPERATOR})

# Who reads a claim: its sides, and those who may be asked to decide it.
_HEARD: Mapping[Relation, frozenset[Role] | frozenset[StaffRole]] = {
    Relation.OWNER: _EVERYONE,
    Relation.RENTER: _EVERYONE,
    Relation.COOPERATIVE: _ADMIN,
    Relation.PLATFORM: _STAFF,
}

# Staff read; whoever must act for a person does so in that person's name, with a reason that they are shown.
PERMISSIONS: Mapping[Verb, Mapping[Relation, frozenset[Role] | frozenset[StaffRole]]] = {
    Verb.READ_PARTY: {Relation.OWNER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.EDIT_PARTY: {Relation.OWNER: RUNNERS},
    Verb.EDIT_BANKING: {Relation.OWNER: BANKERS},
    Verb.SET_DEPOSIT_RULE: {Relation.OWNER: _ADMIN},
    Verb.CHANGE_ROLE: {Relation.OWNER: _ADMIN},
    Verb.INVITE: {Relation.OWNER: RUNNERS},
    Verb.ADMIT_MEMBER: {Relation.OWNER: RUNNERS},
    Verb.JOIN_COOPERATIVE: {Relation.OWNER: RUNNERS},
    Verb.EDIT_MACHINE: {Relation.OWNER: RUNNERS},
    Verb.READ_PRICES: {Relation.OWNER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.READ_CALENDAR: {Relation.OWNER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.EDIT_CALENDAR: {Relation.OWNER: RUNNERS},
    Verb.READ_BY_LINK: {Relation.OWNER: _EVERYONE},
    Verb.READ_BOOKING: {Relation.OWNER: _EVERYONE, Relation.RENTER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.BOOK: {Relation.RENTER: WORKERS},
    Verb.CONFIRM: {Relation.RENTER: WORKERS},
    Verb.ACCEPT: {Relation.OWNER: RUNNERS},
    Verb.DECLINE: {Relation.OWNER: RUNNERS},
    Verb.CANCEL: {Relation.OWNER: RUNNERS, Relation.RENTER: WORKERS},
    Verb.RESCHEDULE: {Relation.RENTER: WORKERS},
    Verb.REPLACE_MACHINE: {Relation.OWNER: RUNNERS},
    Verb.HAND_OVER: {Relation.OWNER: WORKERS},
    Verb.INSPECT: {Relation.OWNER: WORKERS, Relation.RENTER: WORKERS},
    Verb.SIGN_INSPECTION: {Relation.OWNER: WORKERS, Relation.RENTER: WORKERS},
    Verb.READ_INSPECTION: {Relation.OWNER: _EVERYONE, Relation.RENTER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.VERIFY_INSPECTIONS: {Relation.OWNER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.ADD_INSURANCE: {Relation.OWNER: WORKERS},
    Verb.SETTLE_USAGE: {Relation.OWNER: WORKERS, Relation.RENTER: WORKERS},
    Verb.KEEP_CARD: {Relation.OWNER: BANKERS | RUNNERS},
    Verb.READ_CARDS: {Relation.OWNER: WORKERS, Relation.PLATFORM: _STAFF},
    Verb.READ_LEDGER: {Relation.OWNER: BANKERS, Relation.PLATFORM: _STAFF},
    Verb.READ_BOOKS: {Relation.PLATFORM: _STAFF},
    Verb.KEEP_BOOKS: {Relation.PLATFORM: frozenset({StaffRole.OPERATOR})},
    Verb.READ_PAYMENTS: {Relation.OWNER: _EVERYONE, Relation.RENTER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.READ_DEPOSIT: {Relation.OWNER: _EVERYONE, Relation.RENTER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.GIVE_DEPOSIT: {Relation.RENTER: WORKERS},
    Verb.WAIVE_DEPOSIT: {Relation.OWNER: RUNNERS},
    Verb.READ_CLAIM: _HEARD,
    Verb.EXPORT_CLAIM: _HEARD,
    Verb.CLAIM_DAMAGE: {Relation.OWNER: RUNNERS},
    Verb.CONTEST_CLAIM: {Relation.RENTER: WORKERS},
    Verb.ACCEPT_CLAIM: {Relation.RENTER: RUNNERS},
    Verb.BARGAIN: {Relation.OWNER: RUNNERS, Relation.RENTER: RUNNERS},
    Verb.ADD_EVIDENCE: {Relation.OWNER: WORKERS, Relation.RENTER: WORKERS},
    Verb.PAY_CLAIM: {Relation.RENTER: WORKERS},
    Verb.DECIDE_CLAIM: {Relation.COOPERATIVE: _ADMIN, Relation.PLATFORM: frozenset({StaffRole.MEDIATOR})},
    # Its issuer is the owner, its customer the renter.
    Verb.READ_INVOICE: {Relation.OWNER: _EVERYONE, Relation.RENTER: _EVERYONE, Relation.PLATFORM: _STAFF},
    Verb.RECORD_PAYMENT: {Relation.OWNER: BANKERS},
    Verb.CREDIT_INVOICE: {Relation.OWNER: BANKERS},
    Verb.FIND_PERSON: {Relation.PLATFORM: _SUPPORT},
    Verb.IMPERSONATE: {Relation.PLATFORM: _SUPPORT},
    Verb.MIND_LETTERS: {Relation.PLATFORM: _MINDERS},
}


# What staff do not do in a person's place: it would outlast the half hour, or move money.
_NOT_IN_THEIR_PLACE = frozenset(
    {
        Verb.EDIT_PARTY,
        Verb.EDIT_BANKING,
        Verb.KEEP_CARD,
        Verb.WAIVE_DEPOSIT,
        Verb.ACCEPT_CLAIM,
        Verb.BARGAIN,
        Verb.DECIDE_CLAIM,
        Verb.RECORD_PAYMENT,
        Verb.CREDIT_INVOICE,
        Verb.CHANGE_ROLE,
        Verb.INVITE,
        Verb.ADMIT_MEMBER,
        Verb.JOIN_COOPERATIVE,
        Verb.READ_BY_LINK,
        Verb.SIGN_INSPECTION,
    }
)


class Seat(msgspec.Struct, frozen=True):
    """A person's place in a party, with the cooperatives which that party is an approved member of."""

    party_id: UUID
    party_name: str
    role: Role
    demo: bool
    cooperatives: frozenset[UUID] = frozenset()


class Actor(msgspec.Struct, frozen=True):
    """The person behind a request and every seat they hold; `impersonator_id` is the member of staff in their place."""

    person_id: UUID
    name: str
    language: str
    seats: Mapping[UUID, Seat]
    staff: StaffRole | None = None
    session_id: UUID | None = None
    impersonator_id: UUID | None = None


Sides = dict[Relation, Role | StaffRole]


def relations(actor: Actor, parties: Mapping[Relation, UUID]) -> Sides:
    """The actor's role on each side of an object, for the sides they stand on; staff stand on their own everywhere."""
    sides: Sides = {side: actor.seats[party].role for side, party in parties.items() if party in actor.seats}
    if actor.staff is not None:
        sides[Relation.PLATFORM] = actor.staff
    return sides


def permits(verb: Verb, sides: Mapping[Relation, Role | StaffRole]) -> bool:
    """Whether any of the sides a person stands on lets them do `verb`."""
    allowed = PERMISSIONS[verb]
    return any(role in allowed.get(side, ()) for side, role in sides.items())


def require(
    verb: Verb,
    actor: Actor,
    *,
    owner: UUID | None = None,
    renter: UUID | None = None,
    cooperative: UUID | None = None,
    stranger: DomainError,
) -> Sides:
    """The actor's sides, if they permit `verb`; raises `NotAllowed` to who lacks the role, `NotInTheirPlace` to staff
    in the place of who has it.

    Who stands on no side gets `stranger`, the error of an object that does not exist: nobody learns that it does.
    """
    given = {Relation.OWNER: owner, Relation.RENTER: renter, Relation.COOPERATIVE: cooperative}
    sides = relations(actor, {side: party for side, party in given.items() if party is not None})
    if not sides:
        raise stranger
    if not permits(verb, sides):
        raise NotAllowed
    if verb in _NOT_IN_THEIR_PLACE:
        require_self(actor)
    return sides


def require_self(actor: Actor) -> None:
    """What a person alone does: passwords, addresses, sessions, leaving. Raises `NotInTheirPlace` to staff in it."""
    if actor.impersonator_id is not None:
        raise NotInTheirPlace


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
