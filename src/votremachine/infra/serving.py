"""Sending a stored file, whoever may see it: piece by piece, with what keeps it from being run."""

from uuid import UUID

from litestar.response import Stream

from votremachine.infra.documents import headers
from votremachine.infra.storage.files import Files


async def serve(files: Files, name: str, media_type: str, file_id: UUID) -> Stream:
    """The file that is kept under this name. Raises `NoSuchFile`, `StorageAway`."""
    size, chunks = await files.get(name)
    return Stream(chunks, headers=headers(media_type, file_id) | {"Content-Length": str(size)})
