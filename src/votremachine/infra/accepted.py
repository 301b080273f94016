"""Which of several forms of an answer a caller asks for, by `Accept` (RFC 9110, 12.5.1)."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


class _Range(NamedTuple):
    """A media range: how exactly it says what it wants, and how much."""

    kind: str
    weight: float
    place: int

    @property
    def exactness(self) -> int:
        return 2 - self.kind.count("*")

    def has(self, media_type: str) -> bool:
        main, _, sub = self.kind.partition("/")
        return main in {"*", media_type.partition("/")[0]} and sub in {"*", media_type.partition("/")[2]}


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The one of these media types that is wanted most; the first of them where it is all the same, or none is wanted.

    The most exact range that fits a type says how much it is wanted; of two that are wanted as much, the one that was
    named the more exactly counts, then the one that was named first.
    """
    ranges = [_read(one, place) for place, one in enumerate(accept.split(",")) if one.strip()]

    def wanted(media_type: str) -> tuple[float, int, int]:
        fitting = [one for one in ranges if one.has(media_type)]
        best = max(fitting, key=lambda one: (one.exactness, -one.place), default=None)
        return (best.weight, best.exactness, -best.place) if best and best.weight else (0, 0, 0)

    return max(offered, key=wanted)


def _read(text: str, place: int) -> _Range:
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    weights = [one[2:].strip() for one in parameters if one.startswith("q=")]
    good = [float(one) for one in weights if _WEIGHT.fullmatch(one)]
    return _Range("*/*" if kind == "*" else kind, good[0] if good else 1.0, place)
