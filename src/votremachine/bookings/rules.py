"""The life of a booking: which state follows which, for how long a promise stands, who is at risk. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec.structs import replace

from votremachine.bookings.refusals import HoldExpired, OwnerDecides, TimeFixed, TooEarly, TooLate, WeatherNotOffered
from votremachine.fleet.rules import Cancellation, Machine
from votremachine.fleet.terms import CLAIM_HOURS
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.kernel.states import Life
from votremachine.payments.rules.refunding import Policy, ShortNotice
from votremachine.payments.rules.splitting import STANDARD_FEE, Fee
from votremachine.pricing.rules.card import RateCard
from votremachine.pricing.rules.lines import Price
from votremachine.pricing.rules.price import Extras


class State(StrEnum):
    HELD = "held"
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IN_USE = "in_use"
    RETURNED = "returned"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


_END: frozenset[State] = frozenset()
LIFE: Life[State] = {
    State.HELD: frozenset({State.REQUESTED, State.CONFIRMED, State.EXPIRED, State.CANCELLED}),
    State.REQUESTED: frozenset({State.CONFIRMED, State.DECLINED, State.EXPIRED, State.CANCELLED}),
    State.CONFIRMED: frozenset({State.IN_USE, State.CANCELLED, State.NO_SHOW}),
    State.IN_USE: frozenset({State.RETURNED}),
    State.RETURNED: frozenset({State.COMPLETED}),
    State.COMPLETED: _END,
    State.DECLINED: _END,
    State.EXPIRED: _END,
    State.CANCELLED: _END,
    State.NO_SHOW: _END,
}
# While in one of these a booking has exactly one occupancy per machine; otherwise it has none.
BLOCKING = frozenset({State.HELD, State.REQUESTED, State.CONFIRMED, State.IN_USE, State.RETURNED})
# The time was promised, and nobody came to have it.
FELL_THROUGH = frozenset({State.DECLINED, State.EXPIRED, State.CANCELLED, State.NO_SHOW})
# These stand only until `expires_at`.
PROVISIONAL = frozenset({State.HELD, State.REQUESTED})
MOVABLE = frozenset({State.HELD, State.REQUESTED, State.CONFIRMED})
EXTENDABLE = frozenset({State.CONFIRMED, State.IN_USE})

HOLD_LIFE = timedelta(minutes=15)  # while the renter pays
REQUEST_LIFE = timedelta(hours=24)  # while the owner decides
EARLIEST_CHECK_OUT = timedelta(hours=2)  # ahead of the start: people come by when they can
# After the return the owner may still report damage, for longer where its terms say so; then it is completed.
CLAIM_WINDOW = timedelta(hours=CLAIM_HOURS)
# A machine that is overdue threatens the bookings that begin this soon.
AT_RISK_AHEAD = timedelta(hours=24)


class AgreedTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the owner of one machine had agreed to on the day of booking; what changes later is for later bookings."""

    cancellation: Cancellation
    weather_hours: int | None = None
    claim_hours: int = CLAIM_HOURS
    claim_cap_minor: int | None = None
    # Of a cooperative's policy alone: until when cancelling is free, and the minimum charge of the machine's card.
    short_notice_hours: int | None = None
    minimum_minor: int = 0

    @property
    def policy(self) -> Policy:
        """On what terms it may be called off."""
        if self.short_notice_hours is None:
            return Policy(self.cancellation)
        return Policy(self.cancellation, ShortNotice(timedelta(hours=self.short_notice_hours), self.minimum_minor))


class Booking(msgspec.Struct, frozen=True):
    """One booking of one or several machines of one owner."""

    id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    machine_ids: tuple[UUID, ...]
    card_ids: tuple[UUID, ...]
    state: State
    during: Span
    expires_at: datetime | None
    extras: Mapping[UUID, Extras]
    price: Price
    deposit: Money
    on_account: bool
    on_request: bool
    at_risk: bool
    out_at: datetime | None
    returned_at: datetime | None
    note: str
    version: int
    created_at: datetime
    # The machine that was agreed on, by the id of the one that was put in its place: cards, extras, terms and the lines
    # of the price go on naming the former.
    stands_for: Mapping[UUID, UUID] = {}
    terms: Mapping[UUID, AgreedTerms] = {}
    # The weather moved it when cancelling was not free any more: it does not become so by that.
    noticed_from: datetime | None = None
    # The platform's, as it was on the day of booking.
    fee: Fee = STANDARD_FEE
    # From when the time to claim counts, if not from the return.
    claims_from: datetime | None = None

    @property
    def claimable_from(self) -> datetime | None:
        """From when the owner's time to claim damage counts, once the machine is back."""
        return self.claims_from or self.returned_at

    @property
    def notice_start(self) -> datetime:
        """The start that the notice of who cancels is counted from."""
        return min(self.during.start, self.noticed_from or self.during.start)

    @property
    def claim_window(self) -> timedelta:
        """How long after the return damage may be claimed: the longest that one of its owner's machines allows."""
        return timedelta(hours=max((terms.claim_hours for terms in self.terms.values()), default=CLAIM_HOURS))

    def claim_cap(self, machine_ids: Iterable[UUID]) -> int | None:
        """The most that may be asked for damage to these machines, in minor units; None where one has no limit."""
        agreed = [self.terms.get(self.stands_for.get(machine_id, machine_id)) for machine_id in machine_ids]
        caps = [None if terms is None else terms.claim_cap_minor for terms in agreed]
        known = [cap for cap in caps if cap is not None]
        return sum(known) if len(known) == len(caps) else None

    @property
    def agreed_ids(self) -> tuple[UUID, ...]:
        """The machines that the price was agreed for, in order of id."""
        return tuple(sorted(self.stands_for.get(machine_id, machine_id) for machine_id in self.machine_ids))


class WishKind(StrEnum):
    """How a booking's time is to change."""

    RESCHEDULE = "reschedule"
    EXTEND = "extend"


class Wish(msgspec.Struct, frozen=True):
    """Another time for the booking as it was at this version; to extend it, `start` is left as it is."""

    kind: WishKind
    version: int
    end: datetime
    start: datetime | None = None
    weather: bool = False

    def span(self, booking: Booking) -> Span:
        """The time that is wished for. Raises what `Span` does."""
        return Span(self.start or booking.during.start, self.end)


# While these last, each side knows where the machines stand and whom to call; not before, and not for ever after.
MEETING = frozenset({State.CONFIRMED, State.IN_USE, State.RETURNED})


def agreed_terms(machines: Iterable[Machine], cards: Mapping[UUID, RateCard]) -> Mapping[UUID, AgreedTerms]:
    """The terms that a booking of these machines, by these cards, keeps; by the machines' ids."""
    return {machine.id: _agreed(machine, cards[machine.id]) for machine in machines}


def _agreed(machine: Machine, card: RateCard) -> AgreedTerms:
    terms = machine.terms
    agreed = AgreedTerms(machine.cancellation, terms.weather_hours, terms.claim_hours, terms.claim_cap_minor)
    if machine.cancellation is not Cancellation.COOPERATIVE:
        return agreed
    minimum = card.conditions.minimum_minor
    return replace(agreed, short_notice_hours=terms.short_notice_hours, minimum_minor=minimum)


def hold_expiry(now: datetime) -> datetime:
    """Until when a hold blocks."""
    return now + HOLD_LIFE


def request_expiry(now: datetime, start: datetime) -> datetime:
    """Until when a request blocks: a day, and never past its own start."""
    return min(now + REQUEST_LIFE, start)


def after_payment(machines: Sequence[Machine]) -> State:
    """What a hold becomes once it is paid or goes on account: a request if any of its owners wants to be asked."""
    return State.CONFIRMED if all(machine.instant for machine in machines) else State.REQUESTED


def stands_free(booking: Booking) -> bool:
    """Whether a booking stands, asked for or confirmed, that costs nothing and is on nobody's account."""
    return (
        booking.state in (State.REQUESTED, State.CONFIRMED) and not booking.on_account and not booking.price.total.minor
    )


def lapsed(state: State, expires_at: datetime | None, now: datetime) -> bool:
    """Whether a provisional booking has run out, swept or not."""
    return state in PROVISIONAL and expires_at is not None and expires_at <= now


def state_at(booking: Booking, now: datetime) -> State:
    """The state that people are told: a promise that ran out has expired, whether or not the sweep came by."""
    return State.EXPIRED if lapsed(booking.state, booking.expires_at, now) else booking.state


def check_standing(booking: Booking, now: datetime) -> None:
    """Raises `HoldExpired` when the booking was provisional and has run out."""
    if lapsed(booking.state, booking.expires_at, now):
        raise HoldExpired


def whole_minute(moment: datetime) -> datetime:
    """The first whole minute from then on: who comes back at the hour that they were told is not too early."""
    begun = moment.replace(second=0, microsecond=0)
    return begun if begun == moment else begun + timedelta(minutes=1)


def check_not_early(booking: Booking, now: datetime) -> None:
    """Raises `TooEarly`, with the hour from which its machines may leave."""
    possible_from = booking.during.start - EARLIEST_CHECK_OUT
    if now < possible_from:
        raise TooEarly(possible_from=whole_minute(possible_from).isoformat())


def check_movable(booking: Booking) -> None:
    """Raises `OwnerDecides` once an owner who is asked has approved the time: neither side changes it alone then."""
    if booking.on_request and booking.state in EXTENDABLE:
        raise OwnerDecides


def check_notice(booking: Booking, wish: Wish, now: datetime) -> None:
    """Raises why a booking that is confirmed may not have another time so shortly before its start.

    Moving is free for as long as cancelling is, by the terms of each of its machines: `TimeFixed` after that. The
    weather moves it later too where every owner's terms say so: `WeatherNotOffered`, or `TooEarly` before that time.
    """
    if booking.state is not State.CONFIRMED or wish.kind is not WishKind.RESCHEDULE:
        return
    if not wish.weather:
        if not cancels_freely(booking, now):
            raise TimeFixed
        return
    hours = [terms.weather_hours for terms in booking.terms.values()]
    if not hours or None in hours:
        raise WeatherNotOffered
    if now >= booking.during.start:
        raise TooLate
    if now < booking.during.start - timedelta(hours=min(hour for hour in hours if hour is not None)):
        raise TooEarly


def cancels_freely(booking: Booking, now: datetime) -> bool:
    """Whether a renter who cancels now has everything back."""
    notice = booking.notice_start - now
    return all(notice >= terms.policy.free_until for terms in booking.terms.values())


def check_cancellable(booking: Booking, by_owner: bool, now: datetime) -> None:
    """Raises `TooLate`: once it has begun only the owner calls a booking off, and nobody once it is over."""
    if now >= (booking.during.end if by_owner else booking.during.start):
        raise TooLate


def late_since(state: State, end: datetime, returned_at: datetime | None, now: datetime) -> datetime | None:
    """Since when a machine is or was late, if it is or was."""
    late = now > end if state is State.IN_USE else returned_at is not None and returned_at > end
    return end if late else None


def threatened(next_blocked_from: datetime, free_from: datetime) -> bool:
    """Whether a machine that comes free at `free_from` (buffer included) is late for what is blocked next."""
    return next_blocked_from < free_from
