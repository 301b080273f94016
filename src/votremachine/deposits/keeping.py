"""When a deposit is asked for, renewed, tried again and given up, and in which way it is kept. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from votremachine.deposits.rules import Deposit, State, Way, is_live
from votremachine.payments.gateway import Refusal
from votremachine.payments.orders import rules as orders
from votremachine.payments.orders.rules import What

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


def ask_at(starts: datetime, now: datetime) -> datetime:
    """When the card is asked for a deposit that is only saved."""
    return max(now, starts - AHEAD)


def only_saved(deposit: Deposit, now: datetime) -> bool:
    """Whether a card that is given now is only kept, to be asked a day before the start."""
    return deposit.state in {State.REQUIRED, State.SAVED, State.FAILED} and now < deposit.starts - AHEAD


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
