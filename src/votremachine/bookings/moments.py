"""When a machine really left and came back, as a condition report says that was made where no signal was. Pure.

What both sides signed for counts, whenever it arrives: nobody is late because their phone was. It counts within what is
possible, for a phone's clock may be wrong, and nothing that only one side says moves it.
"""

from datetime import datetime, timedelta

from votremachine.bookings.rules import EARLIEST_CHECK_OUT

# An owner who reads of the return later than it was keeps at least their time to claim less this.
OLD_NEWS = timedelta(hours=24)


def left_at(said: datetime, start: datetime, back_before: datetime | None, now: datetime) -> datetime:
    """When a machine left for a booking that begins at `start`: not more than two hours before that, not before it came
    back from its last use, not in the future.
    """
    earliest = start - EARLIEST_CHECK_OUT
    return min(max(said, earliest, back_before or earliest), now)


def relayed_at(said: datetime, next_start: datetime) -> datetime:
    """When a machine came back from who handed it on: not before it may leave for the next booking, so that at every
    moment one of the two has it.
    """
    return max(said, next_start - EARLIEST_CHECK_OUT)


def back_at(said: datetime, out_at: datetime | None, now: datetime) -> datetime:
    """When a machine came back: not before it left, not in the future."""
    return min(max(said, out_at or said), now)


def claimable_from(returned_at: datetime, readable_at: datetime) -> datetime:
    """From when the owner's time to claim counts: the return, unless they could read of it only a day after that."""
    return max(returned_at, readable_at - OLD_NEWS)
