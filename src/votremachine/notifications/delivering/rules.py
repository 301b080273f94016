"""By which channel a message goes to a person, when, and what follows if it does not arrive. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum


class Channel(StrEnum):
    """A way out of the house; the inbox is no channel, every message is in it."""

    PUSH = "push"
    EMAIL = "email"
    SMS = "sms"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    DROPPED = "dropped"
    DEAD = "dead"


# The first of these that a person has, then the next. An SMS costs money: only for what is urgent, unless asked.
USUAL = (Channel.PUSH, Channel.EMAIL)
URGENT = (Channel.PUSH, Channel.EMAIL, Channel.SMS)
# How long something urgent, or not, may lie unread before the next channel is tried.
URGENT_PATIENCE, PATIENCE = timedelta(minutes=15), timedelta(hours=3)

# A worker that died is given up after this long; one that lives never holds anything longer.
LEASE = timedelta(seconds=50)
# The least that must be left of it before something is sent: longer than any channel's patience.
NEEDED = timedelta(seconds=25)
MOST_ATTEMPTS = 10
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
# A provider that so often in a row did not answer is left alone for this long.
AWAY_FOR = timedelta(seconds=30)
MOST_MISSED = 3


def wait_after(attempts: int, jitter: float) -> timedelta:
    """How long until the next try: 15, 30, 60 … seconds, an hour at most, and up to half as long again by `jitter`,
    which is between 0 and 1: those who failed together do not come back together.
    """
    wait: timedelta = min(FIRST_WAIT * 2 ** max(0, attempts - 1), LONGEST_WAIT)
    return wait * (1 + jitter / 2)


def following(channels: Collection[Channel], tried: Collection[Channel]) -> Channel | None:
    """The channel to try after those that were."""
    return next((channel for channel in channels if channel not in tried), None)


def follow_at(now: datetime, urgent: bool) -> datetime:
    """Until when a message that was sent may lie unread before the next channel is tried."""
    return now + (URGENT_PATIENCE if urgent else PATIENCE)
