"""Which characters the fonts that come with typst can show. PDF/A refuses a page with one that they cannot."""

import re
from functools import cache
from importlib.resources import files

# In place of what no font has, an emoji or Chinese; and of what is not seen but turns round the order of what is.
BOX = "□"
# What every font has, in any company: letters of the west, and the signs that go with them.
_COMMON = "\x20-\x7e\xa0-\u017f\u2010-\u2015\u2018-\u201e\u2020-\u2022\u2026\u202f\u20ac\u25a1"
_UNCOMMON = re.compile(f"[^{_COMMON}]")
# A pair of a backslash and what it escapes. msgspec writes `\u` for control characters alone.
_ESCAPED = re.compile(r"\\(u[0-9a-f]{4}|.)")


def printable(data: bytes) -> bytes:
    """JSON whose texts hold nothing that cannot be shown, a box for each character that could not."""
    shown = _unprintable().sub(BOX, data.decode())
    return _ESCAPED.sub(lambda found: BOX if found[1].startswith("u") else found[0], shown).encode()


def common(data: bytes) -> bytes:
    """`printable` JSON with the characters alone that are shown whatever stands beside them."""
    return _UNCOMMON.sub(BOX, data.decode()).encode()


@cache
def _unprintable() -> re.Pattern[str]:
    return re.compile("[^" + "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in ranges()) + "]")


def ranges() -> list[tuple[int, int]]:
    """First and last code point of each range that can be shown, in order; a test proves it."""
    text = (files("votremachine") / "infra" / "typesetting" / "characters.txt").read_text("ascii")
    lines = [line.partition("-") for line in text.split()]
    return [(int(first, 16), int(last or first, 16)) for first, _, last in lines]
