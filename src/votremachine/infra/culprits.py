"""Under which keys of maps the fault of a body lies: msgspec says `[...]` for a key, whatever it is."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


def steps(path: str) -> list[str]:
    """The steps of a path as msgspec says it, `$.used[...][0]`."""
    return [found[1] or found[2] for found in _STEP.finditer(path)]


def culprits(complaint: str, body: bytes, decode: Callable[[bytes], Any]) -> list[str]:
    """The keys that a complaint about a body stands for, outermost first; fewer where they cannot be told.

    A map is cut down to the fewest of its first keys with which `decode` still complains of the same: the last of these
    it was. That takes as many decodings as its length has binary digits.
    """
    _, _, where = complaint.partition(" - at ")
    wanted = steps(where.rpartition("`$")[2].rstrip("`"))
    # A key that is wrong itself: "at `key` in `$.used`".
    wanted += ["..."] if where.startswith("`key`") else []
    if "..." not in wanted:
        return []
    try:
        whole = inside = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return []
    found: list[str] = []
    for step in wanted:
        if isinstance(inside, dict):
            key = step if step != "..." else _first(inside, lambda: _complaint(whole, decode) == complaint)
            if key is None or key not in inside:
                return found
            found += [key] if step == "..." else []
            inside = inside[key]
        elif isinstance(inside, list) and step.isdecimal():
            inside = inside[int(step)]
        else:
            return found
    return found


def _first(of: dict[str, Any], complains: Callable[[], bool]) -> str | None:
    """The first key with which somebody complains. What follows on it is taken out of the map: it may be as wrong."""
    everything = list(of.items())

    def with_first(many: int) -> bool:
        of.clear()
        of.update(everything[:many])
        return complains()

    low, high = 0, len(everything)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if with_first(middle) else (middle + 1, high)
    return everything[low - 1][0] if low and with_first(low) else None


def _complaint(value: Any, decode: Callable[[bytes], Any]) -> str:
    try:
        decode(msgspec.json.encode(value))
    except msgspec.ValidationError as error:
        return str(error)
    return ""
