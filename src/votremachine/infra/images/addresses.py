"""The addresses of a file that was sent: of its copies for who may see it, of the file itself for who needs proof."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from votremachine.infra.documents import PDF
from votremachine.infra.images import sizes
from votremachine.infra.links import Links


class CopyView(msgspec.Struct, frozen=True):
    """A copy that is at most so many pixels wide, WebP without metadata; its address needs no token, for a while."""

    width: int
    url: str


class Addresses(NamedTuple):
    """Where a file is looked at, by whom it may be; `original` is None for who is not to have it as it was sent."""

    url: str
    copies: Sequence[CopyView]
    original: str | None


def addresses(links: Links, path: str, media_type: str, now: datetime, *, originals: bool) -> Addresses:
    """The addresses of the file at `path`. A PDF has no copies: it is saved as it is by whoever may see it."""
    original = links.sign(path, now)
    if media_type == PDF:
        return Addresses(original, (), original)
    copies = [CopyView(width, links.sign(copy_path(path, width), now)) for width in sizes.WIDTHS]
    return Addresses(copies[-1].url, copies, original if originals else None)


def copy_path(path: str, width: int) -> str:
    """The path of a copy of the file at `path`."""
    return f"{path}/{width}.webp"
