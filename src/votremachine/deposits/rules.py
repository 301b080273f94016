"""The life of a deposit: when it is held, renewed and given back, and what it takes to be live. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money
from votremachine.kernel.states import AboutState, Life, named
from votremachine.payments.gateway import Refusal
from votremachine.payments.orders import rules as orders
from votremachine.payments.orders.rules import What


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

# How long before the start the card is asked: late enough for a hold of some days, early enough to find another card.
AHEAD = timedelta(hours=24)
# "Lapsing" on an owner's list: what is live, and ends this soon unless it is renewed.
LAPSING = timedelta(hours=48)
# More holds than this one after the other, and the money is taken for real instead.
MOST_RENEWALS = 4
# A hold ends by itself this long after the machine's last hour, at the latest: the sweep that completes bookings has
# been by. What is left of its life must be at least LEAST_REST then, or it is renewed early.
OVER_BY, LEAST_REST = timedelta(hours=2), timedelta(hours=2)
# How long a cardholder who was asked for proof keeps others from trying.
PROOF_TIME = timedelta(minutes=15)
FIRST_RETRY, LAST_RETRY = timedelta(hours=1), timedelta(hours=12)
MOST_ATTEMPTS = 12
# Asking these cards again without their holder is vain.
INCURABLE = frozenset({Refusal.NEEDS_AUTHENTICATION.value, Refusal.EXPIRED_CARD.value, "refused", "card_removed"})
# Of a hold whose gateway does not say: shorter than any network's.
ASSUMED_LIFE = timedelta(days=4)
# A hold is renewed by this share of its life before its end, or by the operator's margin if that is less.
_SHARE_OF_LIFE = 4


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


def ask_at(starts: datetime, now: datetime) -> datetime:
    """When the card is asked for a deposit that is only saved."""
    return max(now, starts - AHEAD)


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


def margin_of(life: timedelta, margin: timedelta) -> timedelta:
    """How long before its end a hold of this life is renewed."""
    return min(margin, life / _SHARE_OF_LIFE)


def renew_at(held_at: datetime, capture_before: datetime, keep_until: datetime, margin: timedelta) -> datetime:
    """When a hold is renewed: a margin before its end; later, where it will have been given back by then."""
    usual = capture_before - margin_of(capture_before - held_at, margin)
    over = keep_until + OVER_BY
    if usual < over <= capture_before - LEAST_REST:
        return over
    return usual


def way_for(needed: timedelta, life: timedelta, margin: timedelta) -> Way:
    """How a deposit that is needed for so long is kept, where a hold lives for so long."""
    useful = life - margin_of(life, margin)
    renewals = -(-needed // useful) - 1
    return Way.PAYMENT if renewals > MOST_RENEWALS else Way.HOLD


def way_of(deposit: Deposit, longest_hold: timedelta, margin: timedelta, now: datetime) -> Way:
    """How to ask for it now: by what its last hold lived for, or else by what the gateway promises."""
    life = longest_hold
    if deposit.held_at is not None and deposit.capture_before is not None:
        life = deposit.capture_before - deposit.held_at
    return way_for(deposit.keep_until - now, life, margin)


class Look(StrEnum):
    """What the sweep does about a deposit that it looks at."""

    REST = "rest"  # nothing: look again at the hour given
    REMIND = "remind"  # tell the renter that a card is wanted
    ASK = "ask"  # place a hold or a payment
    FOLLOW = "follow"  # the outcome of its order is known
    GIVE_UP = "give_up"  # the cardholder never proved who they are
    LAPSE = "lapse"


class Plan(msgspec.Struct, frozen=True):
    """What to do now, and when to look again; None: not by itself."""

    look: Look
    next_at: datetime | None = None


def plan(deposit: Deposit, asked: orders.State | None, margin: timedelta, now: datetime) -> Plan:
    """What is to be done about a deposit at this moment; `asked` is how the order stands whose outcome is awaited."""
    if deposit.ended:
        return Plan(Look.REST)
    if asked is not None and asked not in orders.OPEN:
        return Plan(Look.FOLLOW)
    if deposit.state is State.AUTHORISED and not is_live(deposit, now) and deposit.captured_for is None:
        return Plan(Look.LAPSE)
    if asked is orders.State.REQUIRES_ACTION:
        return Plan(Look.GIVE_UP)
    if asked is orders.State.PENDING:
        return Plan(Look.REST, next_look(deposit, now))
    return _unasked(deposit, margin, now)


def _unasked(deposit: Deposit, margin: timedelta, now: datetime) -> Plan:
    """What is to be done about a deposit for which nothing is under way."""
    ask_from = deposit.starts - AHEAD
    match deposit.state:
        case State.REQUIRED:
            return Plan(Look.REMIND, ask_from if now < ask_from else None)
        case State.SAVED | State.FAILED if now < ask_from:
            return Plan(Look.REST, ask_from)
        case State.AUTHORISED:
            due = _renewal_due(deposit, margin)
            return Plan(Look.REST, due) if due is None or now < due else Plan(Look.ASK)
    return Plan(Look.ASK)


def next_look(deposit: Deposit, now: datetime) -> datetime:
    """When to see what became of an order that is under way; what is live never lapses unseen meanwhile."""
    later = now + PROOF_TIME
    if deposit.state is State.AUTHORISED and deposit.capture_before is not None:
        return min(later, deposit.capture_before)
    return later


def _renewal_due(deposit: Deposit, margin: timedelta) -> datetime | None:
    """When what is live is to be renewed; None for a real payment."""
    if deposit.capture_before is None or deposit.held_at is None:
        return None
    return renew_at(deposit.held_at, deposit.capture_before, deposit.keep_until, margin)


def retry_at(deposit: Deposit, failure: str, now: datetime) -> datetime | None:
    """When a card that refused is asked again by itself; None when only a person can help.

    A live deposit is looked at again before it lapses in any case.
    """
    ends = deposit.capture_before if deposit.state is State.AUTHORISED else None
    if failure in INCURABLE or deposit.attempts >= MOST_ATTEMPTS:
        return ends
    first = FIRST_RETRY
    if ends is not None and deposit.held_at is not None:
        first = min(first, (ends - deposit.held_at) / 16)
    longer: int = 2 ** min(deposit.attempts, 10)
    again = now + min(first * longer, LAST_RETRY)
    return again if ends is None else min(again, ends)


def ends_at(what: What, capture_before: datetime | None, now: datetime) -> datetime | None:
    """When what was just held ends by itself; None for a real payment."""
    if what is What.CHARGE:
        return None
    return capture_before or now + ASSUMED_LIFE


def what_of(way: Way) -> What:
    """The order by which a deposit is kept in this way."""
    return What.HOLD if way is Way.HOLD else What.CHARGE


def check_capture(deposit: Deposit, minor: int, now: datetime) -> None:
    """Raises `DepositNotLive`, or `MoreThanHeld` unless this much, and something, can be captured."""
    if not is_live(deposit, now):
        raise DepositNotLive(state=deposit.state.value)
    if not 1 <= minor <= deposit.held:
        raise MoreThanHeld(held=deposit.held)


def only_saved(deposit: Deposit, now: datetime) -> bool:
    """Whether a card that is given now is only kept, to be asked a day before the start."""
    return deposit.state in {State.REQUIRED, State.SAVED, State.FAILED} and now < deposit.starts - AHEAD


def stands_on(deposit: Deposit, instrument_id: UUID, now: datetime) -> bool:
    """Whether it is live on just this card, and nothing is amiss: giving the card again asks for nothing."""
    return is_live(deposit, now) and deposit.instrument_id == instrument_id and not deposit.failure


def check_open(deposit: Deposit) -> None:
    """Raises `DepositOver` once it has ended."""
    if deposit.ended:
        raise DepositOver(state=deposit.state.value)
