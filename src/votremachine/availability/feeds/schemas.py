"""What travels over the wire about feeds. The address itself never does: who has it reads the calendar."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.availability.feeds import refusals
from votremachine.availability.feeds.rules import Clash, Feed, InternalError, State
from votremachine.infra.fetching import failures
from votremachine.infra.fetching.addresses import LONGEST_URL
from votremachine.infra.wire import Input, Line, SpanView
from votremachine.kernel.errors import DomainError

Url = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=LONGEST_URL,
        pattern=r"^[^\x00-\x20\x7f]*\Z",
        description="Of a calendar as iCalendar: https, http or webcal.",
    ),
]
_TROUBLES: tuple[type[DomainError], ...] = (*failures.FAILURES, *refusals.REFUSALS, InternalError)
_BY_CODE = {error.code: error for error in _TROUBLES}


class FollowCalendar(Input):
    """An outside calendar whose events take a machine's time."""

    name: Line
    url: Url


class ClashView(msgspec.Struct, frozen=True):
    """A booking that stands in the feed's time, and keeps it."""

    booking_id: UUID
    during: SpanView


class Trouble(msgspec.Struct, frozen=True):
    """Why the last fetch failed."""

    code: str
    detail: str


class FeedView(msgspec.Struct, frozen=True):
    """A calendar that is followed. `failures` counts those since the last success, `ignored` events by reason."""

    id: UUID
    machine_id: UUID
    name: str
    address: str
    state: State
    created_at: datetime
    last_success_at: datetime | None
    next_fetch_at: datetime
    last_error: Trouble | None
    failures: int
    events: int
    ignored: Mapping[str, int]
    clashes: Sequence[ClashView]


def view(feed: Feed, clashes: Sequence[Clash], zone: ZoneInfo, language: str) -> FeedView:
    """A feed as its machine's owner sees it; `zone` is the machine's."""
    return FeedView(
        id=feed.id,
        machine_id=feed.machine_id,
        name=feed.name,
        address=feed.url_shown,
        state=feed.state,
        created_at=feed.created_at.astimezone(zone),
        last_success_at=feed.last_success_at and feed.last_success_at.astimezone(zone),
        next_fetch_at=feed.due_at.astimezone(zone),
        last_error=_trouble(feed, language),
        failures=feed.failures,
        events=feed.events,
        ignored=feed.ignored,
        clashes=[ClashView(one.booking_id, SpanView.of(one.during, zone)) for one in clashes],
    )


def _trouble(feed: Feed, language: str) -> Trouble | None:
    if feed.last_error is None:
        return None
    error = _BY_CODE.get(feed.last_error, failures.FetchFailed)
    return Trouble(feed.last_error, error(**feed.last_error_facts).sentence(language))
