"""The life of an order to the gateway: what may be asked, what follows which answer, when it is asked again. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

import msgspec
from msgspec.structs import replace

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money
from votremachine.kernel.states import Life, advance
from votremachine.payments.gateway import Movement, Refusal, Standing


class What(StrEnum):
    """What is asked. The first two begin a movement of money, the others speak of one that was begun."""

    CHARGE = "charge"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"


class Purpose(StrEnum):
    """What the money is for, in the words of the slice above that asked."""

    RENTAL = "rental"
    DIFFERENCE = "difference"
    DEPOSIT = "deposit"
    DAMAGE = "damage"


class State(StrEnum):
    PENDING = "pending"  # the gateway may or may not have heard of it
    REQUIRES_ACTION = "requires_action"  # the cardholder must prove who they are
    DONE = "done"
    DECLINED = "declined"  # by the card's bank
    REFUSED = "refused"  # by the gateway: there is nothing left to capture, release or refund


_END: frozenset[State] = frozenset()
LIFE: Life[State] = {
    State.PENDING: frozenset({State.REQUIRES_ACTION, State.DONE, State.DECLINED, State.REFUSED}),
    State.REQUIRES_ACTION: frozenset({State.REQUIRES_ACTION, State.DONE, State.DECLINED, State.REFUSED}),
    State.DONE: _END,
    State.DECLINED: _END,
    State.REFUSED: _END,
}
OPEN = frozenset({State.PENDING, State.REQUIRES_ACTION})
BEGINNING = frozenset({What.CHARGE, What.HOLD})

# How long whoever carries an order out has it to themselves; longer than any gateway is waited for.
LEASE = timedelta(seconds=60)
SHORTEST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=15)
# A cardholder who has not proved who they are by then is waited for no longer: another card may be tried.
PATIENCE = timedelta(hours=1)


_WHY_DECLINED = {
    Refusal.DECLINED: {"en": "The bank declined the card.", "fr": "La banque a refusé la carte."},
    Refusal.INSUFFICIENT_FUNDS: {
        "en": "The bank declined the card: there is not enough on the account.",
        "fr": "La banque a refusé la carte : la provision est insuffisante.",
    },
    Refusal.EXPIRED_CARD: {"en": "The card has expired.", "fr": "La carte a expiré."},
    Refusal.NEEDS_AUTHENTICATION: {
        "en": "The bank wants the cardholder to prove who they are, and that was not done.",
        "fr": "La banque demande au titulaire de s'authentifier, et cela n'a pas été fait.",
    },
}


class CardDeclined(DomainError):
    kind = Kind.PAYMENT_REQUIRED
    code = "card_declined"
    en = "{said} Nothing was charged; try another card."
    fr = "{said} Rien n'a été débité ; essayez une autre carte."

    def sentence(self, language: str) -> str:
        said = _WHY_DECLINED[Refusal(self.facts["reason"])]
        return (self.fr if language == "fr" else self.en).format(said=said.get(language, said["en"]))


class PaymentUnderWay(DomainError):
    kind = Kind.CONFLICT
    code = "payment_under_way"
    en = "A payment for this is under way. Wait for its outcome, or finish it with the same card."
    fr = "Un paiement est déjà en cours. Attendez son issue, ou terminez-le avec la même carte."


class GatewaySilent(DomainError):
    kind = Kind.UNAVAILABLE
    code = "gateway_silent"
    en = "The bank has not answered yet. Send this again: nothing is ever charged twice."
    fr = "La banque n'a pas encore répondu. Renvoyez la demande : rien n'est jamais débité deux fois."


class PaymentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order; `id` is its key at the gateway.

    `subject_id` is the booking or deposit that it is for, `earlier_id` the charge or hold that it speaks of and
    `gives_back` what is let go, in minor units, with a capture of less than was held, and
    `reference` how the gateway calls that, or this one once it is known. `next_at`: when it is taken up again by
    itself; None when nothing remains to be done. `given_up`: nobody waits for its cardholder any more, and it is closed
    at the gateway.
    """

    id: UUID
    what: What
    purpose: Purpose
    subject_id: UUID
    booking_id: UUID
    payer_party_id: UUID
    payee_party_id: UUID
    amount: Money
    instrument_id: UUID | None = None
    instrument: str = ""
    customer: str = ""
    earlier_id: UUID | None = None
    reference: str = ""
    description: str = ""
    off_session: bool = False
    gives_back: int = 0
    asked_by: UUID | None = None
    created_at: datetime
    next_at: datetime | None
    attempts: int = 0
    state: State = State.PENDING
    refusal: Refusal | None = None
    capture_before: datetime | None = None
    settled_at: datetime | None = None
    given_up: bool = False


class Answer(msgspec.Struct, frozen=True):
    """What the gateway said of an order; `client_secret` is for the cardholder's phone and kept nowhere."""

    state: State
    reference: str = ""
    refusal: Refusal | None = None
    capture_before: datetime | None = None
    client_secret: str = ""
    why: str = ""


class Silence(msgspec.Struct, frozen=True):
    """The gateway said nothing that can be relied on: the same order is given again."""

    why: str


Outcome: TypeAlias = Answer | Silence

_READ = {
    Standing.REQUIRES_ACTION: State.REQUIRES_ACTION,
    Standing.DECLINED: State.DECLINED,
    Standing.SUCCEEDED: State.DONE,
    Standing.HELD: State.DONE,
    # A hold that was given back before it was looked at was never ours to count on.
    Standing.RELEASED: State.REFUSED,
}


def read(movement: Movement) -> Answer:
    """What became of a charge or a hold."""
    return Answer(
        _READ[movement.standing],
        movement.reference,
        movement.refusal,
        movement.capture_before,
        movement.client_secret,
    )


def answered(order: PaymentOrder, answer: Answer, now: datetime) -> PaymentOrder:
    """The order after an answer. Raises `IllegalTransition` once it is settled."""
    state = advance(LIFE, order.state, answer.state)
    waits = state in OPEN
    return replace(
        order,
        state=state,
        reference=answer.reference or order.reference,
        refusal=answer.refusal,
        capture_before=answer.capture_before,
        next_at=next_look(order, now) if waits else None,
        settled_at=None if waits else now,
    )


def is_abandoned(order: PaymentOrder, answer: Answer, now: datetime) -> bool:
    """Whether an order waits for its cardholder still, and has for long enough."""
    waits = order.state is State.REQUIRES_ACTION and answer.state is State.REQUIRES_ACTION
    return waits and now - order.created_at > PATIENCE


def next_look(order: PaymentOrder, now: datetime) -> datetime:
    """When an order whose outcome is open is taken up again: after ever longer waits."""
    longer: int = 2 ** min(order.attempts, 10)
    return now + min(SHORTEST_WAIT * longer, LONGEST_WAIT)


def check_same(order: PaymentOrder, instrument_id: UUID) -> None:
    """Raises `PaymentUnderWay` when what is under way is with another card."""
    if order.instrument_id != instrument_id:
        raise PaymentUnderWay


def declined(order: PaymentOrder) -> CardDeclined:
    """Why a card did not pay, for its holder."""
    return CardDeclined(reason=(order.refusal or Refusal.DECLINED).value)
