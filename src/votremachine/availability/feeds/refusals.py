"""What of a feed takes no time, and what is refused as a whole. Pure."""

from enum import StrEnum

from votremachine.availability.feeds.recurrence import TooMuchWork
from votremachine.kernel.errors import DomainError


class NotACalendar(DomainError):
    code = "not_a_calendar"
    en = "What stands at this address is not a calendar (iCalendar, .ics)."
    fr = "Ce qui se trouve à cette adresse n'est pas un calendrier (iCalendar, .ics)."


class CalendarCutShort(DomainError):
    code = "calendar_cut_short"
    en = "The calendar breaks off before its end."
    fr = "Le calendrier s'interrompt avant la fin."


class TooManyEvents(DomainError):
    code = "too_many_events"
    en = "The calendar has more than {most} events."
    fr = "Le calendrier compte plus de {most} événements."


class TooManyTimes(DomainError):
    code = "too_many_times"
    en = "The calendar takes more than {most} separate times."
    fr = "Le calendrier occupe plus de {most} périodes distinctes."


REFUSALS: tuple[type[DomainError], ...] = (NotACalendar, CalendarCutShort, TooManyEvents, TooManyTimes, TooMuchWork)


class Reason(StrEnum):
    """Why an event, or all of a series, takes no time."""

    FREE = "free"  # TRANSPARENT: its owner says that it takes none
    CANCELLED = "cancelled"
    OURS = "ours"  # our own calendar came back to us
    NO_LENGTH = "no_length"
    ENDS_BEFORE_START = "ends_before_start"
    BAD_TIME = "bad_time"
    BAD_RULE = "bad_rule"
    UNKNOWN_TIME_ZONE = "unknown_time_zone"


class Ignored(Exception):
    """One event takes no time, for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
