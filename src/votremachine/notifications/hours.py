"""Hours that clocks show: whether it is one of them, and when they end. Pure."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def in_hours(instant: datetime, zone: ZoneInfo, begins: time, ends: time) -> bool:
    """Whether clocks show a time in `[begins, ends)`, which may span midnight."""
    wall = instant.astimezone(zone).time()
    return begins <= wall < ends if begins <= ends else wall >= begins or wall < ends


def end_of_hours(instant: datetime, zone: ZoneInfo, ends: time) -> datetime:
    """The next time that clocks show `ends`. One that they skip is as long after the change as it would have been."""
    day = instant.astimezone(zone).date()
    following = (datetime.combine(day + timedelta(days=ahead), ends, zone).astimezone(UTC) for ahead in range(3))
    return next(moment for moment in following if moment > instant)
