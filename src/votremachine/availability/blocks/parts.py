"""Which occurrence of a series a part of it belongs to, where a booking, a block or a feed has the rest. Pure."""

from votremachine.availability.blocks import recurrence
from votremachine.availability.blocks.recurrence import Series
from votremachine.kernel.span import Span


def occurrence_of(series: Series, part: Span) -> Span | None:
    """All of the occurrence that has this time; None for what is left from before the series was changed.

    Where occurrences meet, the earlier one has the time. Only what was cut is searched for: that walks through the
    whole series.
    """
    start = recurrence.wall(part.start, series.zone)
    on_time = start.time() == series.start.time() or start in series.rdates
    if on_time and start not in series.exdates and recurrence.placed(series, start) == part:
        return part
    found = (span for _, span in recurrence.occurrences(series, part))
    return next((span for span in found if span.contains(part)), None)
