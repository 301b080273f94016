"""What of a window can be booked of a machine, and why not the rest. Pure.

It must say what `check_bookable` and the calendar decide for every single booking. Every instant of a window is either
free or unbookable for the first of these reasons that holds: the machine is not listed; a booking would begin too soon;
it would end beyond the horizon; the time is busy; between two busy times there is less than the shortest booking; or
nobody is there to hand the machine over in time. Dates on which nobody is there are told as `closed` where they are
free as well: a booking passes over them, but neither begins nor ends inside.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from votremachine.fleet.opening import any_hour, closed, first_open, last_open
from votremachine.fleet.rules import Machine, State
from votremachine.fleet.terms import Terms
from votremachine.kernel.span import Span

# From, until, in whole microseconds since 1970: thousands of them are cut here for one answer, and numbers are cut in a
# tenth of the time that instants take.
Stretch = tuple[int, int]
_EPOCH, _INSTANT = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_MINUTE = 60_000_000


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


def micros(instant: datetime) -> int:
    """An instant as a number."""
    return (instant - _EPOCH) // _INSTANT


def stretch(span: Span) -> Stretch:
    """A span as numbers."""
    return micros(span.start), micros(span.end)


def outlook(machine: Machine, blocked: Iterable[Stretch], window: Span, now: datetime) -> Outlook:
    """`blocked` are the machine's occupancies that a newcomer meets within `min_minutes` of the window."""
    terms, edges = machine.terms, stretch(window)
    taken = _busy(blocked, terms)
    busy = _within(taken, *edges)
    if machine.state is not State.LISTED:
        return Outlook([], busy, [(edges, Reason.NOT_LISTED)])
    earliest = micros(now) + terms.lead_minutes * _MINUTE
    latest = micros(now) + terms.horizon_days * 24 * 60 * _MINUTE
    start, end = max(edges[0], earliest), min(edges[1], latest)
    refused = [
        *((one, Reason.TOO_SOON) for one in _within([(edges[0], earliest)], *edges)),
        *((one, Reason.BEYOND_HORIZON) for one in _within([(max(earliest, latest), edges[1])], *edges)),
    ]
    if start >= end:
        return Outlook([], busy, sorted(refused))
    shortest = terms.min_minutes * _MINUTE
    known = edges[0] - shortest, edges[1] + shortest
    gaps = _between(taken, max(known[0], earliest), min(known[1], latest))
    long_enough = [gap for gap in gaps if gap[1] - gap[0] >= shortest]
    too_short = [gap for gap in gaps if gap[1] - gap[0] < shortest] if len(long_enough) < len(gaps) else []
    refused += [(one, Reason.BUSY) for one in _within(busy, start, end)]
    refused += [(one, Reason.TOO_SHORT) for one in _within(too_short, start, end)]
    if any_hour(terms):
        return Outlook(_within(long_enough, start, end), busy, sorted(refused))
    near = [gap for gap in long_enough if gap[0] < end and start < gap[1]]
    free, unattended = _attended(near, terms, machine.zone, known)
    shut = [stretch(span) for span in closed(terms, machine.zone, _span(start, end))]
    refused += [(one, Reason.CLOSED) for one in _within(_merged([*unattended, *shut]), start, end)]
    return Outlook(_within(free, start, end), busy, sorted(refused))


def _attended(
    gaps: Sequence[Stretch], terms: Terms, zone: ZoneInfo, known: Stretch
) -> tuple[list[Stretch], list[Stretch]]:
    """The gaps cut down to what bookings can cover, from their first hand-over to their last, and what that leaves.

    A gap that reaches to the edges of what is known goes on from there: nothing is cut on that side.
    """
    free: list[Stretch] = []
    left: list[Stretch] = []
    for start, end in gaps:
        gap = _span(start, end)
        first = gap.start if start == known[0] else first_open(terms, zone, gap)
        last = gap.end if end == known[1] else last_open(terms, zone, gap)
        if first is None or last is None or last - first < timedelta(minutes=terms.min_minutes):
            left.append((start, end))
            continue
        # Open until the last instant of a date: the next one begins there.
        last = min(gap.end, last + _INSTANT) if last.microsecond else last
        free.append((micros(first), micros(last)))
        left += [one for one in ((start, micros(first)), (micros(last), end)) if one[0] < one[1]]
    return free, left


def _span(start: int, end: int) -> Span:
    return Span(_EPOCH + start * _INSTANT, _EPOCH + end * _INSTANT)


def _busy(blocked: Iterable[Stretch], terms: Terms) -> list[Stretch]:
    """What a newcomer must keep out of; the same as `busy_for`."""
    before, after = terms.buffer_before_minutes * _MINUTE, terms.buffer_after_minutes * _MINUTE
    return _merged([(start - after, end + before) for start, end in blocked])


def _merged(stretches: list[Stretch]) -> list[Stretch]:
    """Their union, in order."""
    stretches.sort()
    found: list[Stretch] = []
    until = None
    for one in stretches:
        if until is None or one[0] > until:
            found.append(one)
            until = one[1]
        elif one[1] > until:
            until = one[1]
            found[-1] = found[-1][0], until
    return found


def _within(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """The part of these ordered stretches from `start` to `end`: only the first and the last may have to be cut."""
    inside = [one for one in stretches if one[0] < end and start < one[1]]
    if inside:
        inside[0] = max(inside[0][0], start), inside[0][1]
        inside[-1] = inside[-1][0], min(inside[-1][1], end)
    return inside


def _between(taken: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """What these ordered stretches leave of the time from `start` to `end`."""
    left, since = [], start
    for one in taken:
        if since < one[0]:
            left.append((since, one[0]))
        since = one[1]
    return _within([*left, (since, end)], start, end)
