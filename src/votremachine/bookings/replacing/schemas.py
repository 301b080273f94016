"""What travels over the wire about replacing a machine."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.bookings.replacing.rules import MOST_BOOKINGS, MOST_CANDIDATES, Obstacle
from votremachine.bookings.rules import State
from votremachine.bookings.schemas import BookingView, Named, Note
from votremachine.fleet.compatibility import Verdict
from votremachine.fleet.likeness import Difference
from votremachine.infra.wire import Input, SpanView


class PlanReplacement(Input):
    """Which bookings, by the time that they meet (all that are to come, without one), and which machines may take them
    (without any named: all of the owner's that are at least as good, or may be).
    """

    start: datetime | None = None
    end: datetime | None = None
    candidates: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=MOST_CANDIDATES)] | None = None


class Move(Input):
    """A booking as it was read at `version`, and the machine that is to take it."""

    booking_id: UUID
    version: Annotated[int, msgspec.Meta(ge=1, le=2_147_483_647)]
    to_machine_id: UUID


class Replace(Input):
    """Moves that are made all or none. Bookings that meet the time from `start` to `end` and have no move are refused,
    unless they are left where they are on purpose. `why` is for the renters and for the record.
    """

    moves: Annotated[list[Move], msgspec.Meta(min_length=1, max_length=MOST_BOOKINGS)]
    start: datetime | None = None
    end: datetime | None = None
    leave_unassigned: bool = False
    why: Note = ""


class DifferenceView(msgspec.Struct, frozen=True):
    """An attribute by which a machine is worse (`no`), or may be (`unknown`); `name` is what people call it."""

    attribute: str
    name: str
    verdict: Verdict
    wanted: int | float | tuple[str | int, ...]
    has: int | float | tuple[str | int, ...] | None

    @classmethod
    def of(cls, one: Difference, language: str) -> "DifferenceView":
        return cls(one.attribute, one.name(language), one.verdict, one.wanted, one.has)


class Substitute(msgspec.Struct, frozen=True):
    """A machine that is free for the time. `movable` says that bookings can be moved to it: it is the same owner's.

    Another owner's can only be booked, by the renter, or after a call. `as_good` is whether it is at least as good.
    """

    machine: Named
    party_id: UUID
    distance_m: int
    movable: bool
    as_good: Verdict
    differences: list[DifferenceView]


class Substitutes(msgspec.Struct, frozen=True):
    """The owner's own first, then others near by; of each, those that are as good first, then the nearest."""

    machine_id: UUID
    during: SpanView
    substitutes: list[Substitute]


class CandidateView(msgspec.Struct, frozen=True):
    """A machine of the plan, in the order in which they are preferred."""

    machine: Named
    as_good: Verdict
    differences: list[DifferenceView]


class Option(msgspec.Struct, frozen=True):
    """Whether a candidate could take a booking if it were the only one: `obstacle` is null then."""

    machine_id: UUID
    obstacle: Obstacle | None


class PlannedView(msgspec.Struct, frozen=True):
    """A booking, and which candidate takes it, null if none can; the options have the candidates' order.

    Where there is an option without an obstacle and yet no machine, it went to another booking of the plan.
    """

    booking_id: UUID
    version: int
    state: State
    during: SpanView
    renter: Named
    to_machine_id: UUID | None
    options: list[Option]


class StayingView(msgspec.Struct, frozen=True):
    """A booking that no plan can move: it is in use, or only held."""

    booking_id: UUID
    state: State
    during: SpanView
    renter: Named


class PlanView(msgspec.Struct, frozen=True):
    """What could be moved where; nothing has been changed."""

    machine_id: UUID
    candidates: list[CandidateView]
    bookings: list[PlannedView]
    staying: list[StayingView]


class Replaced(msgspec.Struct, frozen=True):
    """The bookings as they are now, and those that were left on the machine."""

    machine_id: UUID
    moved: list[BookingView]
    left: list[UUID]
