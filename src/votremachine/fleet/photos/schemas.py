"""What of photos travels over the wire."""

from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.fleet.photos.rules import State
from votremachine.infra.wire import Input


class CopyView(msgspec.Struct, frozen=True):
    """One size of a photo: its pixels, and where it is to be had, with the caller's token."""

    width: int
    height: int
    url: str


class Refusal(msgspec.Struct, frozen=True):
    """Why no copies could be made, as an error's code and sentence."""

    code: str
    detail: str


class PhotoView(msgspec.Struct, frozen=True):
    """A photo and its sizes, smallest first; `width` and `height` are those of what was sent, held upright."""

    id: UUID
    state: State
    width: int
    height: int
    copies: list[CopyView]
    problem: Refusal | None = None


class ArrangePhotos(Input):
    """Every photo of the machine, in the order in which they are to be shown."""

    photo_ids: Annotated[list[UUID], msgspec.Meta(max_length=100)]
