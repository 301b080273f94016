"""A calendar as a file of RFC 5545, written a handful of entries at a time with `icalendar`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from zoneinfo import ZoneInfo

import icalendar
import msgspec
from icalendar import prop

import votremachine
from votremachine.calendars.rules import Feed, Happening, Status, whole_seconds
from votremachine.calendars.zones import timezone
from votremachine.kernel.span import Span

# Programs ask again after this long; many ask less often whatever they are told.
REFRESH = timedelta(hours=1)
# A few milliseconds of work, between which others are served.
HANDFUL = 20
_END = b"END:VCALENDAR\r\n"


def tag(feed: Feed) -> str:
    """The strong ETag of a calendar as it would be written, told without writing it."""
    digest = blake2b(digest_size=12)
    frame = (votremachine.__version__, icalendar.__version__, feed.name, feed.language, feed.zone, feed.years)
    digest.update(msgspec.json.encode(frame))
    for one in feed.happenings:
        digest.update(msgspec.json.encode(one))
    return f'"{digest.hexdigest()}"'


def written(feed: Feed) -> Iterator[bytes]:
    """The file, part by part."""
    yield _head(feed).removesuffix(_END)
    # Never none: a calendar without any component is not one (RFC 5545, 3.6).
    for zone in sorted({feed.zone, *(one.zone for one in feed.happenings)}):
        yield timezone(zone, *feed.years).to_ical()
    every = iter(feed.happenings)
    while handful := list(islice(every, HANDFUL)):
        yield b"".join(_event(one, feed.years).to_ical() for one in handful)
    yield _END


def _head(feed: Feed) -> bytes:
    calendar = icalendar.Calendar()
    calendar["PRODID"] = prop.vText(
        f"-//Votremachine//Votremachine {votremachine.__version__}//{feed.language.upper()}"
    )
    calendar["VERSION"] = prop.vText("2.0")
    calendar["CALSCALE"] = prop.vText("GREGORIAN")
    # RFC 7986, and what Apple, Google and Outlook called these before it.
    calendar["NAME"] = calendar["X-WR-CALNAME"] = prop.vText(feed.name)
    calendar["REFRESH-INTERVAL"] = prop.vDuration(REFRESH, params={"VALUE": "DURATION"})
    calendar["X-PUBLISHED-TTL"] = prop.vDuration(REFRESH)
    head: bytes = calendar.to_ical()
    return head


def _event(one: Happening, years: tuple[int, int]) -> icalendar.Event:
    # Values are put in place, not added: `add` would guess the kind of each anew, at twice the time.
    event = icalendar.Event()
    changed = prop.vDatetime(one.changed_at.astimezone(UTC))
    event["UID"] = prop.vText(one.uid)
    # Without METHOD the two mean the same (RFC 5545, 3.8.7.2).
    event["DTSTAMP"] = event["LAST-MODIFIED"] = changed
    event["SEQUENCE"] = prop.vInt(one.sequence)
    event["STATUS"] = prop.vText(one.status)
    event["DTSTART"], event["DTEND"] = _edges(whole_seconds(one.during), one.zone, years)
    event["SUMMARY"] = prop.vText(one.summary)
    event["DESCRIPTION"] = prop.vText(one.description)
    event["CATEGORIES"] = prop.vCategory([one.category])
    event["TRANSP"] = prop.vText("TRANSPARENT" if one.status is Status.CANCELLED else "OPAQUE")
    if one.url:
        event["URL"] = prop.vUri(one.url)
    return event


def _edges(span: Span, name: str, years: tuple[int, int]) -> tuple[prop.vDatetime, prop.vDatetime]:
    """Both ends on the clocks of the zone, or both in UTC where those do not say it: the second of two equal hours
    has no way to be told (RFC 5545, 3.3.5), and the VTIMEZONE knows its own years only.
    """
    zone = ZoneInfo(name)
    local = [instant.astimezone(zone) for instant in (span.start, span.end)]
    if all(_told(one, years) for one in local):
        start, end = (prop.vDatetime(one, params={"TZID": name}) for one in local)
    else:
        start, end = prop.vDatetime(span.start), prop.vDatetime(span.end)
    return start, end


def _told(local: datetime, years: tuple[int, int]) -> bool:
    return not local.fold and years[0] <= local.astimezone(UTC).year <= years[1]
