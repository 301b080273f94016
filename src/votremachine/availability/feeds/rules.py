"""What becomes of a feed with each fetch: when it is read again, what its owner is told. Pure."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from votremachine.availability.blocks.rules import left_of
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import Span

INTERVAL = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(hours=24)
# The owner is told once, when it is no passing trouble.
TOLD_AFTER = 3
# The window moves on though the feed stays the same: all of it is read again after this long.
READ_ANEW_AFTER = timedelta(days=1)
BEHIND, AHEAD = timedelta(days=1), timedelta(days=761)
MOST_FEEDS = 10
ASKED_AT_MOST_EVERY = timedelta(minutes=1)
# What was over so long ago interests nobody any more.
KEPT = timedelta(days=90)
# Longer than any fetch and what follows it.
LEASE = timedelta(minutes=5)


class State(StrEnum):
    NEW = "new"
    OK = "ok"
    FAILING = "failing"
    GONE = "gone"


class UnknownFeed(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_feed"
    en = "There is no such calendar feed."
    fr = "Ce calendrier suivi n'existe pas."


class TooManyFeeds(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_feeds"
    en = "A machine follows at most {most} calendars."
    fr = "Un matériel suit au plus {most} calendriers."


class AskedJustNow(DomainError):
    kind = Kind.CONFLICT
    code = "asked_just_now"
    en = "This calendar was asked for less than a minute ago."
    fr = "Ce calendrier a été demandé il y a moins d'une minute."


class InternalError(DomainError):
    kind = Kind.FAULT
    code = "internal_error"
    en = "An error of ours, not of the calendar: we are told of it, and it is tried again."
    fr = "Une erreur de notre part, et non du calendrier : nous en sommes avertis, et un nouvel essai suivra."


class Feed(msgspec.Struct, frozen=True):
    """A subscription and how it fares; `failures` are those since the last success."""

    id: UUID
    machine_id: UUID
    name: str
    url_sealed: bytes
    url_shown: str
    created_at: datetime
    due_at: datetime
    state: State = State.NEW
    etag: str | None = None
    last_modified: str | None = None
    read_at: datetime | None = None
    last_success_at: datetime | None = None
    last_error: str | None = None
    last_error_facts: Mapping[str, Any] = {}
    failures: int = 0
    events: int = 0
    ignored: Mapping[str, int] = {}
    asked_at: datetime | None = None
    lease: UUID | None = None


class Clash(msgspec.Struct, frozen=True):
    """A feed and a booking want the same time; the booking has it."""

    booking_id: UUID
    during: Span


def window_at(now: datetime) -> Span:
    """What of a feed is wanted at this hour; whole days, so that the hour changes nothing."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Span(midnight - BEHIND, midnight + AHEAD)


def wants_all(feed: Feed, now: datetime) -> bool:
    """Whether the whole feed is wanted even if it has not changed."""
    return feed.read_at is None or now - feed.read_at >= READ_ANEW_AFTER


def succeeded(feed: Feed, now: datetime, jitter: float) -> Feed:
    """What follows a fetch that went well, whether or not anything changed; `jitter` is between 0 and 1."""
    return replace(
        feed,
        state=State.OK,
        last_success_at=now,
        last_error=None,
        last_error_facts={},
        failures=0,
        due_at=now + _jittered(INTERVAL, jitter),
    )


def failed(
    feed: Feed, error: DomainError, now: datetime, jitter: float, *, gone: bool, retry_after: timedelta | None
) -> Feed:
    """After one that did not: the next is put off twice as long each time, or as long as the server asks.

    The validators go, so that the next answer is a whole one.
    """
    pause = LONGEST_PAUSE if gone else min(INTERVAL * 2 ** min(feed.failures, 10), LONGEST_PAUSE)
    wait = max(_jittered(pause, jitter), min(retry_after or timedelta(0), LONGEST_PAUSE))
    return replace(
        feed,
        state=State.GONE if gone else State.FAILING,
        etag=None,
        last_modified=None,
        last_error=error.code,
        last_error_facts=error.facts,
        failures=feed.failures + 1,
        due_at=now + wait,
    )


def is_told(before: Feed, after: Feed) -> bool:
    """Whether the owner is to be told that a feed fails: once, until it works again."""
    gone = after.state is State.GONE and before.state is not State.GONE and before.failures < TOLD_AFTER
    return gone or (after.failures == TOLD_AFTER and before.state is not State.GONE)


def changed(known: Mapping[UUID, Span], wanted: Sequence[Span], since: datetime) -> tuple[list[UUID], list[Span]]:
    """Which known times are gone from a feed, and which it has anew; what is over since then is left as it was."""
    still = set(wanted)
    gone = [one for one, span in known.items() if span.end > since and span not in still]
    return gone, sorted(still - set(known.values()))


def left_of_each(times: Mapping[UUID, Span], taken: Sequence[Span]) -> list[tuple[UUID, Span]]:
    """What nobody has of each of a feed's times, which are apart from each other; what is taken is read once."""
    in_order = sorted(times.items(), key=lambda one: one[1])
    starts = [span.start for _, span in in_order]
    parts = left_of((span for _, span in in_order), taken)
    return [(in_order[bisect_right(starts, part.start) - 1][0], part) for part in parts]


def clashes(wanted: Sequence[Span], booked: Sequence[tuple[UUID, Span]], now: datetime) -> list[Clash]:
    """Where bookings that are not over stand in the time that a feed takes; the first of each booking."""
    found: list[Clash] = []
    ends = [span.end for span in wanted]
    for booking_id, span in booked:
        place = bisect_right(ends, span.start)
        if span.end > now and place < len(wanted) and wanted[place].overlaps(span):
            meeting = Span(max(wanted[place].start, span.start), min(wanted[place].end, span.end))
            found.append(Clash(booking_id, meeting))
    return found


def _jittered(pause: timedelta, jitter: float) -> timedelta:
    """A tenth more or less: feeds of one server are not all asked for at once."""
    return pause * (0.9 + 0.2 * jitter)
