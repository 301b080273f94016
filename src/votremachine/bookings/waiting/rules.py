"""The life of a wish that waits, until when an offer stands, and what became of it. Pure."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.bookings import rules as bookings
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import Span
from votremachine.kernel.states import Life


class State(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    PASSED = "passed"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


_END: frozenset[State] = frozenset()
LIFE: Life[State] = {
    State.WAITING: frozenset({State.OFFERED, State.WITHDRAWN, State.LAPSED}),
    State.OFFERED: frozenset({State.TAKEN, State.PASSED}),
    State.TAKEN: _END,
    State.PASSED: _END,
    State.WITHDRAWN: _END,
    State.LAPSED: _END,
}
# What makes an offer of a hold, as long as it is one; anything else is what the renter, or the clock, made of it.
OFFER_STANDS = bookings.State.HELD
# The renter did not want the offer, or the owner did not want the renter. Whatever follows a hold else was taken.
PASSED_BY = frozenset({bookings.State.EXPIRED, bookings.State.CANCELLED, bookings.State.DECLINED})

MOST_OPEN = 20
OFFER_LIFE = timedelta(hours=2)
# Nobody reads messages then: what is offered at night, or would end then, stands until the morning.
NIGHT_BEGINS, NIGHT_ENDS, MORNING = time(22), time(7), time(9)


class Entry(msgspec.Struct, frozen=True):
    """A party that waits for a machine's period; `booking_id` is the hold that was offered, `why` the code of what
    ended it.
    """

    id: UUID
    machine_id: UUID
    owner_party_id: UUID
    renter_party_id: UUID
    person_id: UUID
    during: Span
    note: str
    state: State
    booking_id: UUID | None
    why: str
    created_at: datetime


class UnknownWaiting(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_waiting"
    en = "There is no such entry of a waiting list."
    fr = "Cette inscription sur liste d'attente n'existe pas."


class FreeNow(DomainError):
    kind = Kind.CONFLICT
    code = "free_now"
    en = "This time is free: book it."
    fr = "Cette période est libre : réservez-la."


class AlreadyWaiting(DomainError):
    kind = Kind.CONFLICT
    code = "already_waiting"
    en = "You wait for this already, or it is offered to you just now."
    fr = "Vous attendez déjà cette période, ou elle vous est proposée en ce moment."


class TooManyWaiting(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_waiting"
    en = "You wait for {most} periods already. Withdraw one first."
    fr = "Vous attendez déjà {most} périodes. Retirez-en une d'abord."


class NeverFree(DomainError):
    """Why an entry ended; nobody is answered with it."""

    code = "never_free"
    en = "It never came free in time."
    fr = "Elle ne s'est pas libérée à temps."


class PersonGone(DomainError):
    """Why an entry ended; nobody is answered with it."""

    code = "person_gone"
    en = "The person who waited has left."
    fr = "La personne qui attendait est partie."


def outcome(booking: bookings.State) -> State:
    """What an offer has become, by the state of its booking."""
    if booking is OFFER_STANDS:
        return State.OFFERED
    return State.PASSED if booking in PASSED_BY else State.TAKEN


def offer_expiry(now: datetime, start: datetime, zone: ZoneInfo) -> datetime:
    """Until when a period that begins at `start` is offered: for two hours; where now or their end lies between 22:00
    and 07:00 on the machine's clocks, until the next 09:00 after them; never past the start.
    """
    expires = now + OFFER_LIFE
    if _at_night(now, zone) or _at_night(expires, zone):
        expires = _next_morning(expires, zone)
    return min(expires, start)


def _at_night(instant: datetime, zone: ZoneInfo) -> bool:
    wall = instant.astimezone(zone).time()
    return wall >= NIGHT_BEGINS or wall < NIGHT_ENDS


def _next_morning(instant: datetime, zone: ZoneInfo) -> datetime:
    day = instant.astimezone(zone).date()
    mornings = (datetime.combine(day + timedelta(days=ahead), MORNING, zone).astimezone(UTC) for ahead in range(3))
    return next(morning for morning in mornings if morning >= instant)
