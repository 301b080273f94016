"""What a search may ask. Pure."""

import re
from datetime import datetime

from votremachine.fleet.positions import Position
from votremachine.kernel.errors import DomainError
from votremachine.kernel.span import Span

# Farms rent within 35 km of home.
USUAL_RADIUS_KM, LARGEST_RADIUS_KM = 35, 150
_PAIR = re.compile(r"(-?\d{1,2}(?:\.\d{1,15})?),(-?\d{1,3}(?:\.\d{1,15})?)", re.ASCII)


class NotAPlace(DomainError):
    code = "not_a_place"
    en = "A place is `latitude,longitude` in degrees, as in 43.8911,-0.5009."
    fr = "Un lieu s'écrit `latitude,longitude` en degrés, comme 43.8911,-0.5009."


class HalfAPeriod(DomainError):
    code = "half_a_period"
    en = "A period has a start and an end."
    fr = "Une période a un début et une fin."


def read_place(text: str) -> Position:
    """The position that `lat,lon` says; raises `NotAPlace`."""
    pair = _PAIR.fullmatch(text)
    if pair is None or abs(float(pair[1])) > 90 or abs(float(pair[2])) > 180:
        raise NotAPlace(pointer="near")
    return Position(float(pair[1]), float(pair[2]))


def read_period(start: datetime | None, end: datetime | None) -> Span | None:
    """The span asked for, None without one; raises `HalfAPeriod` and what `Span` does."""
    if start is None or end is None:
        if start is not end:
            raise HalfAPeriod(pointer="start" if start is None else "end")
        return None
    return Span(start, end)
