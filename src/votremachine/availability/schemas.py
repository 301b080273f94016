"""What travels over the wire about a machine's calendar."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from votremachine.availability.bookable import Reason
from votremachine.fleet.terms import DatedHours, HandOver
from votremachine.infra.wire import SpanView


class HandOverView(msgspec.Struct, frozen=True):
    """Hours on the machine's own clock at which a booking may begin and end; `weekly` is null where any hour will do.

    `exceptions` are those that meet the window: dates whose hours stand in for the weekly ones, closed without any.
    """

    weekly: Sequence[HandOver] | None
    exceptions: Sequence[DatedHours]


class UnbookableView(SpanView, frozen=True, gc=False):
    """Time that cannot be booked, `[start, end)`, and why: see docs/calendars.md."""

    reason: Reason


class Availability(msgspec.Struct, frozen=True):
    """A window cut into what can be booked and what cannot; nobody is told who or what takes the busy time.

    `hand_over` is null where any hour will do.
    """

    machine_id: UUID
    zone: str
    free: list[SpanView]
    busy: list[SpanView]
    hand_over: HandOverView | None
    unbookable: list[UnbookableView]
