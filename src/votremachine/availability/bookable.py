"""What of a window can be booked of a machine, and why not the rest. Pure.

It must say what `check_bookable` and the calendar decide for every single booking. Every instant of a window is either
free or unbookable for the first of these reasons that holds: the machine is not listed; a booking would begin too soon;
it would end beyond the horizon; the time is busy; between two busy times there is less than the shortest booking; or
nobody is there to hand the machine over in time. Dates on which nobody is there are told as `closed` where they are
free as well: a booking passes over them, but neither begins nor ends inside.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from votremachine.availability.rules import Buffers
from votremachine.fleet.opening import any_hour, closed, first_open, last_open
from votremachine.fleet.rules import Machine, State
from votremachine.fleet.terms import Terms
from votremachine.kernel.span import Span

# From, until: thousands of them are cut here for one answer, and `Span` looks at each edge anew.
Stretch = tuple[datetime, datetime]
_INSTANT = timedelta(microseconds=1)


class Reason(StrEnum):
    """Why a booking is refused: when it touches this time, or for `closed` when it begins or ends inside."""

    NOT_LISTED = "not_listed"
    TOO_SOON = "too_soon"
    BEYOND_HORIZON = "beyond_horizon"
    BUSY = "busy"
    TOO_SHORT = "too_short"
    CLOSED = "closed"


class Outlook(NamedTuple):
    """A window: what is free, what is busy whatever else holds, and why what is not free cannot be booked."""

    free: list[Stretch]
    busy: list[Stretch]
    unbookable: list[tuple[Stretch, Reason]]


def outlook(machine: Machine, blocked: Iterable[Stretch], window: Span, now: datetime) -> Outlook:
    """`blocked` are the machine's occupancies, in order, that a newcomer meets within `min_minutes` of the window."""
    terms, edges = machine.terms, (window.start, window.end)
    taken = _busy(blocked, terms.buffers)
    busy = _within(taken, *edges)
    if machine.state is not State.LISTED:
        return Outlook([], busy, [(edges, Reason.NOT_LISTED)])
    earliest = now + timedelta(minutes=terms.lead_minutes)
    latest = now + timedelta(days=terms.horizon_days)
    start, end = max(window.start, earliest), min(window.end, latest)
    refused = [
        *((one, Reason.TOO_SOON) for one in _within([(window.start, earliest)], *edges)),
        *((one, Reason.BEYOND_HORIZON) for one in _within([(max(earliest, latest), window.end)], *edges)),
    ]
    if start >= end:
        return Outlook([], busy, sorted(refused))
    shortest = timedelta(minutes=terms.min_minutes)
    reach = max(window.start - shortest, earliest), min(window.end + shortest, latest)
    gaps = [gap for gap in _between(taken, *reach) if gap[0] < end and start < gap[1]]
    long_enough = [gap for gap in gaps if gap[1] - gap[0] >= shortest]
    too_short = [gap for gap in gaps if gap[1] - gap[0] < shortest]
    refused += ((one, Reason.BUSY) for one in _within(busy, start, end))
    refused += ((one, Reason.TOO_SHORT) for one in _within(too_short, start, end))
    if any_hour(terms):
        return Outlook(_within(long_enough, start, end), busy, sorted(refused))
    beyond = window.start - shortest, window.end + shortest
    free, unattended = _attended(long_enough, terms, machine.zone, beyond)
    shut = [(span.start, span.end) for span in closed(terms, machine.zone, Span(start, end))]
    refused += ((one, Reason.CLOSED) for one in _within(_merged([*unattended, *shut]), start, end))
    return Outlook(_within(free, start, end), busy, sorted(refused))


def _attended(
    gaps: Sequence[Stretch], terms: Terms, zone: ZoneInfo, beyond: Stretch
) -> tuple[list[Stretch], list[Stretch]]:
    """The gaps cut down to what bookings can cover, from their first hand-over to their last, and what that leaves.

    A gap that reaches to the edges of what is known, `beyond`, goes on from there: nothing is cut on that side.
    """
    free: list[Stretch] = []
    left: list[Stretch] = []
    for start, end in gaps:
        gap = Span(start, end)
        first = start if start == beyond[0] else first_open(terms, zone, gap)
        last = end if end == beyond[1] else last_open(terms, zone, gap)
        if first is None or last is None or last - first < timedelta(minutes=terms.min_minutes):
            left.append((start, end))
            continue
        # Open until the last instant of a date: the next one begins there.
        last = min(end, last + _INSTANT) if last.microsecond else last
        free.append((first, last))
        left += ((one, other) for one, other in ((start, first), (last, end)) if one < other)
    return free, left


def _busy(blocked: Iterable[Stretch], buffers: Buffers) -> list[Stretch]:
    """What a newcomer with these buffers must keep out of; the same as `busy_for`."""
    before, after = buffers
    return _merged((start - after, end + before) for start, end in blocked)


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _within(stretches: Iterable[Stretch], start: datetime, end: datetime) -> list[Stretch]:
    return [(max(one, start), min(other, end)) for one, other in stretches if one < end and start < other]


def _between(taken: Iterable[Stretch], start: datetime, end: datetime) -> list[Stretch]:
    """What `taken` leaves of the time from `start` to `end`."""
    left = []
    for one, other in taken:
        if start < one and start < end:
            left.append((start, min(one, end)))
        start = max(start, other)
    return [*left, (start, end)] if start < end else left
