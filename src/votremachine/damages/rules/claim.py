"""The life of a claim: whose turn it is, for how long, and what follows from silence. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

import msgspec

from votremachine.config import Settings
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money, in_words
from votremachine.kernel.states import AboutState, Life


class State(StrEnum):
    OPEN = "open"
    CONTESTED = "contested"
    MEDIATION = "mediation"
    ACCEPTED = "accepted"
    AGREED = "agreed"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    UNRESOLVED = "unresolved"
    SETTLED = "settled"


class Side(StrEnum):
    OWNER = "owner"
    RENTER = "renter"

    @property
    def other(self) -> "Side":
        return Side.RENTER if self is Side.OWNER else Side.OWNER


_END: frozenset[State] = frozenset()
LIFE: Life[State] = {
    State.OPEN: frozenset({State.ACCEPTED, State.CONTESTED, State.WITHDRAWN, State.MEDIATION}),
    State.CONTESTED: frozenset({State.AGREED, State.WITHDRAWN, State.MEDIATION}),
    State.MEDIATION: frozenset({State.DECIDED, State.UNRESOLVED}),
    State.ACCEPTED: frozenset({State.SETTLED}),
    State.AGREED: frozenset({State.SETTLED}),
    State.DECIDED: frozenset({State.SETTLED}),
    State.WITHDRAWN: _END,
    State.UNRESOLVED: _END,
    State.SETTLED: _END,
}
ENDED = frozenset(state for state, following in LIFE.items() if not following)
# While in one of these, one side is to answer within a time.
BARGAINING = frozenset({State.OPEN, State.CONTESTED})
# What is to be paid is known; the money is on its way.
AWARDED = frozenset({State.ACCEPTED, State.AGREED, State.DECIDED})

MOST_OFFERS = 20


class Patience(msgspec.Struct, frozen=True):
    """How long a side has to answer; mediators to decide, before the platform's staff is told that none of them has;
    and staff after that, before the claim ends without an award: nobody's money is held for ever because nobody looks.
    """

    answer: timedelta = timedelta(hours=72)
    decision: timedelta = timedelta(days=7)
    staff: timedelta = timedelta(days=21)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the operator set it. What is due already stays due when it was."""
        return cls(
            timedelta(hours=settings.claim_answer_hours),
            timedelta(days=settings.claim_decision_days),
            timedelta(days=settings.claim_staff_days),
        )


STANDARD_PATIENCE = Patience()


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One claim about one booking; amounts are minor units of `currency`.

    `total` is what its lines come to, `asked` no more than the `cap`. `turn` is the side that is to answer until
    `due_at`; in mediation that is when the clock takes it on, and `stalled_at` when staff was told. `awarded` is what
    is to be paid, `from_deposit` what was taken of the deposit and `released` what went back of it, `from_renter` the
    rest, and `paid` how much of that has come in.
    """

    id: UUID
    booking_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    machine_ids: tuple[UUID, ...]
    state: State
    reason: str
    currency: str
    total: int
    cap: int | None
    asked: int
    turn: Side | None
    due_at: datetime | None
    stalled_at: datetime | None = None
    awarded: int | None = None
    from_deposit: int | None = None
    released: int | None = None
    from_renter: int | None = None
    paid: int = 0
    version: int = 1
    created_at: datetime

    @property
    def owed(self) -> int:
        """What the renter has still to pay besides the deposit."""
        return (self.from_renter or 0) - self.paid

    def party(self, side: Side) -> UUID:
        """The party on this side."""
        return self.owner_party_id if side is Side.OWNER else self.renter_party_id


class UnknownClaim(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_claim"
    en = "There is no such claim."
    fr = "Cette déclaration de dommage n'existe pas."


class ClaimChanged(DomainError):
    kind = Kind.STALE
    code = "claim_changed"
    en = "This claim has changed since you read it. Read it again, then answer."
    fr = "Cette déclaration a changé depuis votre lecture. Relisez-la, puis répondez."


class NotReturned(AboutState):
    kind = Kind.CONFLICT
    code = "not_returned"
    en = "Damage is claimed once the machine is back: this booking is {state}."
    fr = "Un dommage se déclare au retour du matériel : cette réservation est « {state} »."


class ClaimWindowClosed(DomainError):
    kind = Kind.CONFLICT
    code = "claim_window_closed"
    en = "Damage could be claimed until {until}."
    fr = "Un dommage pouvait être déclaré jusqu'au {until}."


class ClaimOpenAlready(DomainError):
    kind = Kind.CONFLICT
    code = "claim_open_already"
    en = "A claim about this booking is open: end it first, its lines may be about any of the machines."
    fr = "Une déclaration est déjà ouverte pour cette réservation : terminez-la d'abord."


class NotOfThisBooking(DomainError):
    code = "not_of_this_booking"
    en = "This is not of the booking that the claim is about, or not of this machine."
    fr = "Ceci ne fait pas partie de la réservation concernée, ou pas de ce matériel."


class ReportNotSigned(DomainError):
    code = "report_not_signed"
    en = "This condition report is not signed by both sides: it shows nothing yet."
    fr = "Cet état des lieux n'est pas signé des deux côtés : il ne montre encore rien."


class ReportAmended(DomainError):
    code = "report_amended"
    en = "This condition report was amended by another one: name that one."
    fr = "Cet état des lieux a été corrigé par un autre : indiquez celui-là."


class FuelNotMissing(DomainError):
    code = "fuel_not_missing"
    en = "The signed condition reports show {missing} eighths of fuel less than when it left."
    fr = "Les états des lieux signés montrent {missing} huitièmes de carburant en moins qu'au départ."


class MoreThanAsked(DomainError):
    code = "more_than_asked"
    en = "At most {asked} is asked by this claim."
    fr = "Cette déclaration demande au plus {asked}."

    def sentence(self, language: str) -> str:
        return (self.fr if language == "fr" else self.en).format(
            asked=in_words(Money(self.facts["asked"], self.facts["currency"]), language)
        )


class TooManyOffers(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_offers"
    en = "{most} offers were made: agree to the last one, or let a mediator decide."
    fr = "{most} offres ont été faites : acceptez la dernière, ou laissez un médiateur décider."


class NotImpartial(DomainError):
    kind = Kind.FORBIDDEN
    code = "not_impartial"
    en = "Who acts for one of the sides does not decide between them."
    fr = "Qui agit pour l'une des parties ne tranche pas entre elles."


class NothingOwed(DomainError):
    kind = Kind.CONFLICT
    code = "nothing_owed"
    en = "Nothing is owed for this claim."
    fr = "Rien n'est dû pour cette déclaration."


def check_window(claimable_from: datetime | None, state: str, window: timedelta, now: datetime) -> None:
    """Whether damage may be claimed now. Raises `NotReturned`, `ClaimWindowClosed`."""
    if claimable_from is None:
        raise NotReturned(state=state)
    if now >= claimable_from + window:
        raise ClaimWindowClosed(until=(claimable_from + window).isoformat(timespec="seconds"))


def check_amount(claim: Claim, minor: int, pointer: str) -> None:
    """Raises `MoreThanAsked`: nobody offers, or decides, more than the claim asks."""
    if minor > claim.asked:
        raise MoreThanAsked(pointer=pointer, asked=claim.asked, currency=claim.currency)


def state_at(claim: Claim, now: datetime) -> State:
    """As people are told it: what nobody answered in time is in mediation."""
    late = claim.state in BARGAINING and claim.due_at is not None and claim.due_at <= now
    return State.MEDIATION if late else claim.state


class Due(StrEnum):
    """What the clock does to a claim whose time is over."""

    ESCALATE = "escalate"
    STALL = "stall"
    GIVE_UP = "give_up"


def due(claim: Claim) -> Due:
    """What follows from silence, never a yes: of one side mediation, of mediators that staff is told, and in the end
    that nothing is awarded.
    """
    if claim.state in BARGAINING:
        return Due.ESCALATE
    return Due.STALL if claim.stalled_at is None else Due.GIVE_UP
