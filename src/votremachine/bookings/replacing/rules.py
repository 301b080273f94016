"""Which machine may take over which booking of another, and a plan for all of them. Pure.

The owner decides, so what protects the owner alone does not count: how long before, how far ahead and for how long a
machine is rented, and whether bookings of it are just now accepted. What counts is what would fail in the yard: the
machine is taken, nobody is there, a machine that must go with another one would go alone.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.bookings.rules import Booking, State, lapsed
from votremachine.fleet.bookable import somebody_there
from votremachine.fleet.rules import HIDDEN, Machine
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import Span

MOST_BOOKINGS = 100
MOST_CANDIDATES = 10
# What was promised for good or waits for the owner; a hold may still come to nothing, and expires in minutes.
REPLACEABLE = frozenset({State.REQUESTED, State.CONFIRMED})

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


class Obstacle(StrEnum):
    """Why a machine cannot take over a booking."""

    TAKEN = "taken"
    NOBODY_THERE = "nobody_there"
    PAIRING_MISSING = "pairing_missing"
    HIDDEN = "hidden"  # a draft, or retired


class Staleness(StrEnum):
    """Why a move that was planned cannot be made any more."""

    CHANGED = "changed"  # it is another version, has begun, has gone, or is not of this machine
    LEFT_OUT = "left_out"  # it is of this machine, and no move says where it goes
    TAKEN = "taken"
    NOBODY_THERE = "nobody_there"
    PAIRING_MISSING = "pairing_missing"
    HIDDEN = "hidden"


class PlanStale(DomainError):
    kind = Kind.CONFLICT
    code = "plan_stale"
    en = "Nothing was moved: the calendars are not as planned any more. `bookings` has those concerned. Plan again."
    fr = "Rien n'a été déplacé : les calendriers ont changé depuis. `bookings` dit lesquelles. Refaites le plan."


class NotASubstitute(DomainError):
    code = "not_a_substitute"
    en = "Only another machine of the same owner and category takes over a booking."
    fr = "Seul un autre matériel du même propriétaire et de la même catégorie reprend une réservation."


class MovedTwice(DomainError):
    code = "moved_twice"
    en = "Each booking is moved to one machine."
    fr = "Chaque réservation est déplacée vers un seul matériel."


class TooManyToMove(DomainError):
    code = "too_many_to_move"
    en = "This machine has more than {most} bookings in this time: take a shorter one."
    fr = "Ce matériel a plus de {most} réservations sur cette période : prenez-en une plus courte."


class Wish(msgspec.Struct, frozen=True):
    """A booking, and on each machine that could take it what it would block there."""

    booking_id: UUID
    places: Mapping[UUID, Span]


def replaceable(booking: Booking, now: datetime) -> bool:
    """Whether its machine can still be another one: promised or asked for, not gone out, not over."""
    standing = booking.state in REPLACEABLE and not lapsed(booking.state, booking.expires_at, now)
    return standing and now < booking.during.end


def check_candidates(machine: Machine, candidates: Collection[Machine]) -> None:
    """Raises `NotASubstitute` for the first that is of another owner or category, or the machine itself."""
    for one in candidates:
        if one.id == machine.id or (one.party_id, one.category) != (machine.party_id, machine.category):
            raise NotASubstitute(machine_id=str(one.id))


def obstacle(booking: Booking, machine: Machine, other: Machine, known: Mapping[UUID, Machine]) -> Obstacle | None:
    """What but its calendar keeps `other` from taking the place of `machine` in a booking; `known` has its machines."""
    if other.id in booking.machine_ids:
        return Obstacle.TAKEN
    if other.state in HIDDEN:
        return Obstacle.HIDDEN
    if not somebody_there([other], booking.during):
        return Obstacle.NOBODY_THERE
    beside = [known[one] for one in booking.machine_ids if one != machine.id]
    before, after = _alone([*beside, machine]), _alone([*beside, other])
    # Whoever was let have the one alone, as members may be, has the other alone, too.
    excused = before | {other.id} if machine.id in before else before
    return Obstacle.PAIRING_MISSING if after - excused else None


def _alone(machines: Sequence[Machine]) -> set[UUID]:
    """Those that want another one beside them which is not there."""
    return {
        one.id
        for one in machines
        if one.terms.pairing
        and not any(other.category in one.terms.pairing.categories for other in machines if other.id != one.id)
    }


def plan(wishes: Sequence[Wish], order: Sequence[UUID]) -> dict[UUID, UUID]:
    """Which machine takes which booking: none takes two that meet, and if one alone can take them all, it does.

    Tries each machine in the order of preference as the first to be filled, then all side by side, and keeps what
    moves most, to the fewest machines. To move the most of all is a hard problem where machines differ
    (interval scheduling with eligibility is NP-hard); for machines that are alike this does.
    """
    tries = [_one_by_one(wishes, [first, *(one for one in order if one != first)]) for first in order]
    return max([*tries, _side_by_side(wishes, order)], key=lambda placed: (len(placed), -len({*placed.values()})))


def standing_in(stands_for: Mapping[UUID, UUID], machine_id: UUID, other_id: UUID) -> dict[UUID, UUID]:
    """`Booking.stands_for` once `other_id` has the place of `machine_id`; back where it was, nothing is noted."""
    agreed = stands_for.get(machine_id, machine_id)
    kept = {now: before for now, before in stands_for.items() if now != machine_id}
    return kept if agreed == other_id else {**kept, other_id: agreed}


def _one_by_one(wishes: Sequence[Wish], order: Sequence[UUID]) -> dict[UUID, UUID]:
    """Each machine takes as many as it can of what those before it left: whatever ends first comes first."""
    placed: dict[UUID, UUID] = {}
    for machine_id in order:
        free_from = _BEFORE_ALL
        left = [(wish.places[machine_id], wish.booking_id) for wish in wishes if machine_id in wish.places]
        for place, booking_id in sorted(left, key=lambda one: (one[0].end, one)):
            if booking_id not in placed and place.start >= free_from:
                placed[booking_id], free_from = machine_id, place.end
    return placed


def _side_by_side(wishes: Sequence[Wish], order: Sequence[UUID]) -> dict[UUID, UUID]:
    """Whatever ends first goes to the machine that was in use last: the most that can be had of machines alike."""
    placed: dict[UUID, UUID] = {}
    taken: dict[UUID, list[Span]] = {machine_id: [] for machine_id in order}
    last_end = dict.fromkeys(order, _BEFORE_ALL)
    for wish in sorted(wishes, key=_first_end):
        free = [one for one in order if one in wish.places and not _meets(wish.places[one], taken[one])]
        if not free:
            continue
        chosen = max(free, key=last_end.__getitem__)
        placed[wish.booking_id] = chosen
        taken[chosen].append(wish.places[chosen])
        last_end[chosen] = max(last_end[chosen], wish.places[chosen].end)
    return placed


def _first_end(wish: Wish) -> tuple[datetime, UUID]:
    return min((place.end for place in wish.places.values()), default=_BEFORE_ALL), wish.booking_id


def _meets(place: Span, taken: Sequence[Span]) -> bool:
    return any(place.overlaps(one) for one in taken)
