"""What the worker does for photos: make the copies of those that wait, one after the other."""

import tempfile
import time
from functools import partial
from typing import Any, BinaryIO

import structlog

from votremachine.fleet.photos import making, rules
from votremachine.fleet.photos.making import Taken
from votremachine.infra.database import Database
from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import DamagedImage
from votremachine.infra.storage.files import Files
from votremachine.kernel.errors import DomainError, Kind

# Then the rest is left to the next run, so that a worker that is asked to stop can.
LONGEST_RUN_SECONDS = 5

log = structlog.get_logger()


async def make_copies(ctx: dict[str, Any]) -> int:
    """Make the copies of the photos that wait, unless this worker is at it; how many it took."""
    if ctx["making_copies"].locked():
        return 0
    async with ctx["making_copies"]:
        database: Database = ctx["database"]
        began, taken = time.monotonic(), 0
        while time.monotonic() - began < LONGEST_RUN_SECONDS and (photo := await database.run(making.take)):
            await database.run(await _made(ctx["files"], ctx["images"], photo))
            taken += 1
        return taken


async def _made(files: Files, images: Images, photo: Taken) -> partial[Any]:
    """Makes the copies of one photo, outside of any transaction; what is to be recorded about it."""
    try:
        if photo.attempts > rules.MOST_ATTEMPTS:
            raise DamagedImage
        return partial(making.finish, taken=photo, sizes=await _stored(files, images, photo))
    except DomainError as error:
        log.warning("photo.not_made", photo_id=str(photo.id), attempt=photo.attempts, code=error.code)
        if error.kind is Kind.UNAVAILABLE:
            return partial(making.give_back, taken=photo)
        return partial(making.fail, taken=photo, problem=error.code)


async def _stored(files: Files, images: Images, photo: Taken) -> list[tuple[int, int]]:
    """The sizes of the copies, which were made and put."""
    with tempfile.TemporaryFile() as original:
        await _fetch(files, rules.original_file(photo.id), original)
        copies = await images.shrink(original, [rules.box(width) for width in photo.widths])
    for width, (_, webp) in zip(photo.widths, copies, strict=True):
        await files.put(rules.copy_file(photo.id, photo.making, width), webp)
    return [size for size, _ in copies]


async def _fetch(files: Files, name: str, into: BinaryIO) -> None:
    _, chunks = await files.get(name)
    async for chunk in chunks:
        into.write(chunk)
    into.flush()
