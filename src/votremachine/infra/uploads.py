"""A body that is a file: received to disk piece by piece, so that a slow phone holds no memory."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Any, BinaryIO, NamedTuple

from litestar import Request
from litestar.exceptions import InternalServerException

from votremachine.kernel.errors import DomainError, Kind

DIGEST_BYTES = 32


class BodyCut(DomainError):
    kind = Kind.MALFORMED
    code = "body_cut"
    en = "The connection broke off before the whole file had arrived. Send it again."
    fr = "La connexion s'est interrompue avant la fin du fichier. Envoyez-le de nouveau."


class Upload(NamedTuple):
    """A file without a name, gone when it is closed, and the BLAKE2b of what is in it."""

    file: BinaryIO
    digest: bytes


@asynccontextmanager
async def received(request: Request[Any, Any, Any]) -> AsyncIterator[Upload]:
    """The body, as a file. Raises `BodyCut`, and 413 as soon as it is larger than the route accepts."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    with tempfile.TemporaryFile() as file:
        try:
            async for piece in request.stream():
                digest.update(piece)
                await asyncio.to_thread(file.write, piece)
        except InternalServerException as error:  # what Litestar says when the caller hangs up
            raise BodyCut from error
        await asyncio.to_thread(file.flush)
        yield Upload(file, digest.digest())
