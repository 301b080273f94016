"""Times and lengths as a file writes them: on the clocks of a zone, as whole days, or elapsed. Pure."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from votremachine.availability.feeds.lines import Component, Property
from votremachine.availability.feeds.refusals import Ignored, Reason
from votremachine.availability.feeds.zones import Zones, instant

DAY = timedelta(days=1)
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
# As far as a series is looked back for what still lasts.
LONGEST = timedelta(days=150_000)
_OLDEST_YEAR = 1600
_DATE_TIME = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d):?(\d\d)?)?(?:\.\d+)?(Z?)", re.IGNORECASE)
_DURATION = re.compile(r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?")


class Moment(NamedTuple):
    """A written time: on the clocks of a zone, or a whole day."""

    local: datetime
    zone: tzinfo
    whole_day: bool

    @property
    def instant(self) -> datetime:
        return instant(self.local, self.zone)


class Clocks:
    """What the written times of one file mean: whole days are those of `home`, `zones` knows the other zones."""

    def __init__(self, home: ZoneInfo, zones: Zones) -> None:
        self.home, self.zones = home, zones

    def moment(self, value: str, zone: str | None) -> Moment:
        """A DATE or DATE-TIME. Raises `Ignored`."""
        found = _DATE_TIME.fullmatch(value.strip())
        if found is None:
            raise Ignored(Reason.BAD_TIME)
        # Programs write 9999-12-31 for an end that never comes; a year earlier it can still be counted with.
        year, month, day = min(int(found[1]), 9998), int(found[2]), int(found[3])
        try:
            local = datetime(year, month, day)  # noqa: DTZ001 -- a wall clock
            if found[4] is not None:
                # 24:00:00 is written for the end of a day.
                local += timedelta(hours=int(found[4]), minutes=int(found[5]), seconds=int(found[6] or 0))
        except (ValueError, OverflowError) as error:
            raise Ignored(Reason.BAD_TIME) from error
        if not _OLDEST_YEAR <= local.year <= 9998:
            raise Ignored(Reason.BAD_TIME)
        if found[4] is None:
            return Moment(local, self.home, whole_day=True)
        if found[7]:
            return Moment(local, UTC, whole_day=False)
        place = self.zones.zone(zone)
        if place is None:
            raise Ignored(Reason.UNKNOWN_TIME_ZONE)
        return Moment(local, place, whole_day=False)

    def of(self, written: Property) -> Moment:
        """What a property says. Raises `Ignored`."""
        return self.moment(written.value, written.zone)


class Length(NamedTuple):
    """How long an event is: so much on the clocks, and so much more in elapsed time (RFC 5545, 3.3.6)."""

    clocks: timedelta
    elapsed: timedelta

    @property
    def longest(self) -> timedelta:
        return min(self.clocks + self.elapsed + timedelta(hours=3), LONGEST)

    def end(self, local: datetime, begins: datetime, zone: tzinfo) -> datetime:
        try:
            ends = (instant(local + self.clocks, zone) if self.clocks else begins) + self.elapsed
        except OverflowError:
            return FOR_EVER
        # What a change of clocks leaves nothing of lasts as long as on other days.
        return ends if ends > begins else begins + self.clocks + self.elapsed


def lasting(clocks: Clocks, component: Component, start: Moment) -> Length:
    """How long an event is that begins then. Raises `Ignored`."""
    ends = component.one("DTEND")
    if ends is not None:
        end = clocks.of(ends)
        if start.whole_day and end.local.date() <= start.local.date() and end.whole_day:
            if end.local < start.local:
                raise Ignored(Reason.ENDS_BEFORE_START)
            return Length(DAY, timedelta(0))  # one day, written with the same date twice
        if end.zone is start.zone or str(end.zone) == str(start.zone):
            return _checked(end.local - start.local, timedelta(0), end.instant - start.instant)
        return _checked(timedelta(0), end.instant - start.instant)
    if (written := component.one("DURATION")) is not None:
        return _checked(*duration(written.value))
    if start.whole_day:
        return Length(DAY, timedelta(0))
    raise Ignored(Reason.NO_LENGTH)


def duration(text: str) -> tuple[timedelta, timedelta]:
    """Days and weeks on the clocks, and the rest as elapsed time. Raises `Ignored`."""
    found = _DURATION.fullmatch(text.strip().upper())
    if found is None:
        raise Ignored(Reason.BAD_TIME)
    weeks, days, hours, minutes, seconds = (int(one or 0) for one in found.groups()[1:])
    sign = -1 if found[1] == "-" else 1
    return sign * timedelta(weeks=weeks, days=days), sign * timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _checked(clocks: timedelta, elapsed: timedelta, real: timedelta | None = None) -> Length:
    total = clocks + elapsed if real is None else real
    if total < timedelta(0) or clocks + elapsed < timedelta(0):
        raise Ignored(Reason.ENDS_BEFORE_START)
    if not total:
        raise Ignored(Reason.NO_LENGTH)
    return Length(clocks, elapsed)
