"""Sending a stored file, whoever may see it: piece by piece, with what keeps it from being run."""

from uuid import UUID

from litestar.response import Stream

from votremachine.infra.documents import copy_headers, headers
from votremachine.infra.images.copies import Copies
from votremachine.infra.storage.files import Files


async def serve(files: Files, name: str, media_type: str, file_id: UUID) -> Stream:
    """The file that is kept under this name, just as it was sent. Raises `NoSuchFile`, `StorageAway`."""
    size, chunks = await files.get(name)
    return Stream(chunks, headers=headers(media_type, file_id) | {"Content-Length": str(size)})


async def serve_copy(copies: Copies, name: str, width: int, file_id: UUID) -> Stream:
    """A copy of the image that is kept under this name. Raises as `Copies.get`."""
    size, chunks = await copies.get(name, width)
    return Stream(chunks, headers=copy_headers(file_id) | {"Content-Length": str(size)})
