"""What the worker does for photos: make the copies of those that wait, one after the other."""

import time
from functools import partial
from typing import Any

import structlog

from votremachine.fleet.photos import making, rules
from votremachine.fleet.photos.making import Taken
from votremachine.infra.database import Database
from votremachine.infra.images import copying
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
        names = {width: rules.copy_file(photo.id, photo.making, width) for width in photo.widths}
        sizes = await copying.make(files, images, rules.original_file(photo.id), names)
        return partial(making.finish, taken=photo, sizes=sizes)
    except DomainError as error:
        log.warning("photo.not_made", photo_id=str(photo.id), attempt=photo.attempts, code=error.code)
        if error.kind is Kind.UNAVAILABLE:
            return partial(making.give_back, taken=photo)
        return partial(making.fail, taken=photo, problem=error.code)
