"""VTIMEZONEs, read to the letter by dateutil, which knows nothing of the IANA database then."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from dateutil import tz

from votremachine.calendars.zones import timezone

HALF_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("Europe/Paris", 2),
        ("Indian/Reunion", 0),
        ("America/Cayenne", 0),
        ("America/New_York", 2),
        ("Pacific/Auckland", 2),
        ("Africa/Casablanca", 0),  # by the moon: told date by date
    ],
)
def test_clocks_are_as_the_zone_has_them(name: str, rules: int) -> None:
    told = timezone(name, 2024, 2029).to_ical().decode()
    assert told.count("RRULE:") == rules
    read = tz.tzical(StringIO(told.replace("\r\n ", ""))).get(name)
    zone, hour = ZoneInfo(name), datetime(2024, 1, 1, tzinfo=UTC)
    wrong = []
    while hour < datetime(2030, 1, 1, tzinfo=UTC):
        local = hour.astimezone(zone)
        # What stands twice on the clock, iCalendar cannot tell; dateutil reads such an hour as it likes.
        if not local.fold and local.astimezone(zone).replace(fold=1).utcoffset() == local.utcoffset():
            naive = local.replace(tzinfo=None)
            if naive.replace(tzinfo=read).utcoffset() != local.utcoffset():
                wrong.append(hour)
        hour += HALF_HOUR
    assert not wrong


def test_paris_changes_at_two_and_at_three() -> None:
    told = timezone("Europe/Paris", 2025, 2029).to_ical().decode().split("\r\n")
    onsets = [line for line in told if line.startswith(("DTSTART", "RRULE"))]
    assert onsets == [
        "DTSTART:20240331T020000",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        "DTSTART:20241027T030000",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
    ]
