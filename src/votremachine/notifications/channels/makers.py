"""What the services that the makers of browsers and phones run say of a message for one device."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

import httpx

PATIENCE_SECONDS = 10
# How long a service keeps what it cannot hand over: a phone that was off for longer has the inbox.
KEPT_FOR = timedelta(hours=12)
# However long a service wants to be left alone.
LONGEST_PAUSE = timedelta(hours=1)
NO_PAUSE = timedelta(0)


class Answer(StrEnum):
    TAKEN = "taken"
    GONE = "gone"  # the device takes nothing any more
    REFUSED = "refused"  # this message, for good
    LATER = "later"


class Tried(NamedTuple):
    """What became of one message for one device: its name at the service, or why not; and how long to wait."""

    answer: Answer
    said: str
    after: timedelta = NO_PAUSE


def pause_in(answer: httpx.Response) -> timedelta:
    """What `Retry-After` (RFC 9110, 10.2.3) asks, in seconds or as a date; nothing that cannot be read."""
    said = answer.headers.get("retry-after", "").strip()
    try:
        if said.isascii() and said.isdigit():
            asked = timedelta(seconds=min(int(said), LONGEST_PAUSE.total_seconds()))
        else:
            asked = parsedate_to_datetime(said).astimezone(UTC) - datetime.now(UTC)
    except ValueError:
        return NO_PAUSE
    return max(NO_PAUSE, min(asked, LONGEST_PAUSE))
