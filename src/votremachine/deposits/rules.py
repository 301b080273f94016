"""The life of a deposit, and what it takes to be live; when it is held and renewed is in keeping.py. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money
from votremachine.kernel.states import AboutState, Life, named


class State(StrEnum):
    REQUIRED = "required"  # no card is known yet
    SAVED = "saved"  # a card is known; nothing is held yet
    FAILED = "failed"  # the card refused; a person must act
    AUTHORISED = "authorised"  # live
    LAPSED = "lapsed"  # it was live, and its hold ended before another one stood
    CAPTURED = "captured"
    PARTIALLY_CAPTURED = "partially_captured"
    RELEASED = "released"
    WAIVED = "waived"  # by the owner, in writing


class Way(StrEnum):
    """How a deposit is kept: set aside on a card, or taken for real and paid back."""

    HOLD = "hold"
    PAYMENT = "payment"


_END: frozenset[State] = frozenset()
# Calling a booking off ends its deposit from wherever it stands; a booking that is moved far off gives its hold back.
LIFE: Life[State] = {
    State.REQUIRED: frozenset({State.SAVED, State.AUTHORISED, State.FAILED, State.WAIVED, State.RELEASED}),
    State.SAVED: frozenset({State.AUTHORISED, State.FAILED, State.WAIVED, State.RELEASED}),
    State.FAILED: frozenset({State.SAVED, State.AUTHORISED, State.WAIVED, State.RELEASED}),
    State.AUTHORISED: frozenset(
        {
            State.AUTHORISED,
            State.CAPTURED,
            State.PARTIALLY_CAPTURED,
            State.RELEASED,
            State.LAPSED,
            State.WAIVED,
            State.SAVED,
        }
    ),
    State.LAPSED: frozenset({State.AUTHORISED, State.FAILED, State.WAIVED, State.RELEASED}),
    State.CAPTURED: _END,
    State.PARTIALLY_CAPTURED: _END,
    State.RELEASED: _END,
    State.WAIVED: _END,
}
ENDED = frozenset(state for state, following in LIFE.items() if not following)


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """The deposit of one booking.

    `order_id` and `reference` name the order that is live, `asked_id` the one whose outcome is awaited. `held_at` and
    `capture_before` are those of the last hold. `keep_until`: the end of the time in which damage may be claimed, as it
    is known now; `over_at`: when nothing but open `claims` kept it any more. `held`, `captured` and `released` are
    minor units; once it has ended, the latter two make the first.
    """

    id: UUID
    booking_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    amount: Money
    state: State
    way: Way = Way.HOLD
    instrument_id: UUID | None = None
    order_id: UUID | None = None
    reference: str = ""
    asked_id: UUID | None = None
    starts: datetime
    keep_until: datetime
    over_at: datetime | None = None
    claims: tuple[UUID, ...] = ()
    held_at: datetime | None = None
    capture_before: datetime | None = None
    next_at: datetime | None = None
    attempts: int = 0
    failure: str = ""
    waived_by: UUID | None = None
    waived_why: str = ""
    waived_at: datetime | None = None
    held: int = 0
    captured: int = 0
    released: int = 0
    captured_for: UUID | None = None
    version: int = 1
    created_at: datetime

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class UnknownDeposit(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_deposit"
    en = "There is no such deposit: this booking has none, or is not yours."
    fr = "Cette caution n'existe pas : la réservation n'en a pas, ou n'est pas la vôtre."


class DepositMissing(DomainError):
    """No machine leaves without a live deposit. `state` is that of the deposit; the sentence says what to do."""

    kind = Kind.CONFLICT
    code = "deposit_missing"
    en = "The machine cannot leave: its deposit is not live ({state}). {what}"
    fr = "Le matériel ne peut pas partir : la caution n'est pas active ({state}). {what}"

    def sentence(self, language: str) -> str:
        state = self.facts["state"]
        english, french = _WHAT_TO_DO.get(state, _WHAT_TO_DO["none"])
        told = {"state": named(state, language), "what": french if language == "fr" else english}
        return (self.fr if language == "fr" else self.en).format(**told)


class DepositOver(AboutState):
    kind = Kind.CONFLICT
    code = "deposit_over"
    en = "This deposit is {state}: nothing about it can change any more."
    fr = "Cette caution est « {state} » : plus rien ne peut y changer."


class DepositNotLive(AboutState):
    kind = Kind.CONFLICT
    code = "deposit_not_live"
    en = "Nothing is held: this deposit is {state}."
    fr = "Rien n'est retenu : cette caution est « {state} »."


class MoreThanHeld(DomainError):
    code = "more_than_held"
    en = "At most {held} minor units are held."
    fr = "Au plus {held} unités mineures sont retenues."


class DepositUnderClaim(DomainError):
    kind = Kind.CONFLICT
    code = "deposit_under_claim"
    en = "A claim about this deposit is open: settle or withdraw it first."
    fr = "Une déclaration de dommage porte sur cette caution : réglez-la ou retirez-la d'abord."


# What a renter or an owner can do about a deposit that is not live, by its state; the last for none at all.
_WHAT_TO_DO: Mapping[str, tuple[str, str]] = {
    State.REQUIRED: (
        "The renter gives a card for it, or the owner waives it in writing.",
        "Le locataire donne une carte pour elle, ou le propriétaire y renonce par écrit.",
    ),
    State.SAVED: (
        "The card is being asked: try again in a minute, or give the card again.",
        "La carte est interrogée : réessayez dans une minute, ou redonnez la carte.",
    ),
    State.FAILED: (
        "The card refused it: the renter gives another one, or the owner waives it in writing.",
        "La carte l'a refusée : le locataire en donne une autre, ou le propriétaire y renonce par écrit.",
    ),
    State.LAPSED: (
        "It has lapsed: the renter gives a card again, or the owner waives it in writing.",
        "Elle a expiré : le locataire redonne une carte, ou le propriétaire y renonce par écrit.",
    ),
    "none": (
        "None was arranged: ask the platform.",
        "Aucune n'a été prévue : contactez la plateforme.",
    ),
}


def is_live(deposit: Deposit, now: datetime) -> bool:
    """Whether the money is there to be captured at this moment."""
    if deposit.state is not State.AUTHORISED:
        return False
    return deposit.capture_before is None or deposit.capture_before > now


def is_kept(deposit: Deposit) -> bool:
    """Whether a claim keeps it, or is just being paid from it."""
    return bool(deposit.claims) or deposit.captured_for is not None


def check_out(deposit: Deposit | None, now: datetime) -> None:
    """Raises `DepositMissing` unless the deposit is live, or waived. None: one was due, and there is none."""
    if deposit is not None and (deposit.state is State.WAIVED or is_live(deposit, now)):
        return
    raise missing(deposit)


def missing(deposit: Deposit | None) -> DepositMissing:
    """Why a machine cannot leave, and what to do."""
    state = "none" if deposit is None else deposit.state.value
    if state == State.AUTHORISED:
        state = State.LAPSED.value
    return DepositMissing(state=state)


def check_capture(deposit: Deposit, minor: int, now: datetime) -> None:
    """Raises `DepositNotLive`, or `MoreThanHeld` unless this much, and something, can be captured."""
    if not is_live(deposit, now):
        raise DepositNotLive(state=deposit.state.value)
    if not 1 <= minor <= deposit.held:
        raise MoreThanHeld(held=deposit.held)


def stands_on(deposit: Deposit, instrument_id: UUID, now: datetime) -> bool:
    """Whether it is live on just this card, and nothing is amiss: giving the card again asks for nothing."""
    return is_live(deposit, now) and deposit.instrument_id == instrument_id and not deposit.failure


def check_open(deposit: Deposit) -> None:
    """Raises `DepositOver` once it has ended."""
    if deposit.ended:
        raise DepositOver(state=deposit.state.value)
