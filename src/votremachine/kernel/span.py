"""Spans of time: half-open `[start, end)` between two aware instants, and the algebra of sets of them.

A set of spans is a list; every function answers sorted spans that neither overlap nor touch.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import force_setattr

from votremachine.kernel.errors import DomainError


class NaiveTime(DomainError):
    code = "naive_time"
    en = "A time must carry its offset from UTC, as in 2026-04-01T08:00:00+02:00."
    fr = "Une heure doit porter son décalage avec UTC, comme 2026-04-01T08:00:00+02:00."


class EndsBeforeStart(DomainError):
    code = "ends_before_start"
    en = "The end must come after the start."
    fr = "La fin doit venir après le début."


class OutOfTime(DomainError):
    code = "out_of_time"
    en = "This lies outside of the years that we keep a calendar for."
    fr = "Ceci sort des années pour lesquelles nous tenons un calendrier."


# Far enough from the ends of the calendar for any offset, buffer or margin.
FIRST_YEAR, LAST_YEAR = 1970, 2200


class Span(msgspec.Struct, frozen=True, order=True):
    """`[start, end)`, never empty, kept in UTC. Raises `NaiveTime`, `OutOfTime` and `EndsBeforeStart`.

    UTC because Python compares and subtracts two times of one zone on the wall clock, wrong across a clock change.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        # What the database gives is in UTC already, and there is much of it.
        utc = self.start.tzinfo is UTC and self.end.tzinfo is UTC
        if utc and FIRST_YEAR <= self.start.year <= self.end.year <= LAST_YEAR and self.start < self.end:
            return
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise NaiveTime(pointer="/start" if self.start.tzinfo is None else "/end")
        for pointer, edge in (("/start", self.start), ("/end", self.end)):
            if not FIRST_YEAR <= edge.year <= LAST_YEAR:
                raise OutOfTime(pointer=pointer)
        force_setattr(self, "start", self.start.astimezone(UTC))
        force_setattr(self, "end", self.end.astimezone(UTC))
        if self.end <= self.start:
            raise EndsBeforeStart(pointer="/end")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: "Span") -> bool:
        return self.start <= other.start and other.end <= self.end

    def widened(self, before: timedelta, after: timedelta) -> "Span":
        """The span with a margin of elapsed time on both sides."""
        return Span(self.start - before, self.end + after)


def merge(spans: Iterable[Span]) -> list[Span]:
    """The union of all the spans; those that touch become one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What is left of `spans` once every instant of `holes` is taken away."""
    left: list[Span] = []
    cuts = merge(holes)
    for span in merge(spans):
        start = span.start
        for cut in cuts:
            if cut.end <= start or cut.start >= span.end:
                continue
            if start < cut.start:
                left.append(Span(start, cut.start))
            start = cut.end
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def clip(spans: Iterable[Span], window: Span) -> list[Span]:
    """The part of `spans` that lies inside `window`."""
    inside = (span for span in spans if span.overlaps(window))
    return merge(
        span if window.contains(span) else Span(max(span.start, window.start), min(span.end, window.end))
        for span in inside
    )


def gaps(window: Span, busy: Sequence[Span]) -> list[Span]:
    """The free time of `window`: everything that `busy` leaves."""
    return subtract([window], busy)
