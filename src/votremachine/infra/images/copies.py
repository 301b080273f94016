"""Smaller copies of images that are kept as they were sent: made when one is first asked for, and kept beside them.

A copy's name follows from its original's, so nothing is written down: two processes that make it at once put the same
file, and one that dies leaves it to be made again. Whoever deletes an original deletes `copy_names` too.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog

from votremachine.infra.images import copying, sizes
from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import REFUSALS
from votremachine.infra.storage.files import Files, NoSuchFile
from votremachine.kernel.errors import DomainError, Kind

log = structlog.get_logger()


class NoCopy(DomainError):
    kind = Kind.NOT_FOUND
    code = "no_copy"
    en = "There is no such copy of this file."
    fr = "Il n'y a pas de telle copie de ce fichier."


def copy_names(original: str) -> dict[int, str]:
    """What the copies of an image are called, by their widths."""
    return {width: f"{original}.{width}.webp" for width in sizes.WIDTHS}


class Copies:
    """Copies of what stands in `files`. Those of one image are made once by this process, however many wait for it."""

    def __init__(self, files: Files, images: Images) -> None:
        self._files = files
        self._images = images
        self._making: dict[str, asyncio.Task[None]] = {}

    async def get(self, original: str, width: int) -> tuple[int, AsyncIterator[bytes]]:
        """Size in bytes and content of the copy of one of `sizes.WIDTHS`, never wider than the image itself.

        Raises `NoCopy`, `NoSuchFile`, `ImagesBusy`, `StorageAway`.
        """
        if width not in sizes.WIDTHS:
            raise NoCopy
        name = copy_names(original)[width]
        try:
            size, chunks = await self._files.get(name)
        except NoSuchFile:
            await self._made(original)
            size, chunks = await self._files.get(name)
        if not size:
            raise NoCopy
        return size, chunks

    async def _made(self, original: str) -> None:
        task = self._making.get(original)
        if task is None:
            task = self._making[original] = asyncio.create_task(self._make(original))
            task.add_done_callback(lambda done: self._end(original, done))
        # Who waits may hang up: the others still want it, and so will they.
        await asyncio.shield(task)

    def _end(self, original: str, done: "asyncio.Task[None]") -> None:
        del self._making[original]
        if not done.cancelled():
            done.exception()  # whoever still waits is told; that nobody does is no news

    async def _make(self, original: str) -> None:
        names = copy_names(original)
        try:
            await copying.make(self._files, self._images, original, names)
        except REFUSALS as refusal:
            log.warning("copies.not_made", original=original, code=refusal.code)
            # Nothing under these names: it is not tried again for everybody who asks.
            for name in names.values():
                await self._files.put(name, b"")
