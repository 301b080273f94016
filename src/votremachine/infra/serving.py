"""Sending a stored file to whoever has a signed address of it: piece by piece, with what keeps it from being run."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from votremachine.infra.database import Database, Tx
from votremachine.infra.documents import Stored, copy_headers, headers
from votremachine.infra.images.addresses import copy_path
from votremachine.infra.images.copies import Copies, NoCopy
from votremachine.infra.images.errors import ImagesBusy
from votremachine.infra.images.sizes import WIDTH_OF
from votremachine.infra.links import LinkExpired, Links
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.storage.files import Files, NoSuchFile, StorageAway
from votremachine.kernel.errors import DomainError


def by_address(
    path: str, stored: Callable[[Tx, UUID], Awaitable[Stored]], unknown: type[DomainError]
) -> list[HTTPRouteHandler]:
    """The routes of files that are kept as they were sent: the file itself, to be saved, and its copies.

    `path` has a place for the file's id, and is what is signed; `stored` finds the file, or raises `unknown`. The
    address is the permission: nobody has to be signed in.
    """
    route = path.removeprefix("/v1").format("{file_id:uuid}")

    @get(
        route,
        media_type="application/octet-stream",
        security=PUBLIC,
        opt={"compressed": True},
        responses=responses(InvalidInput, LinkExpired, unknown, NoSuchFile, StorageAway),
    )
    async def show(
        file_id: FromPath[UUID],
        expires: FromQuery[int],
        signature: FromQuery[str],
        database: NamedDependency[Database],
        files: NamedDependency[Files],
        links: NamedDependency[Links],
    ) -> Stream:
        """A file just as it was sent, to be saved, by an address that is good for a while."""
        links.check(path.format(file_id), expires, signature, database.clock())
        async with database.read() as tx:
            kept = await stored(tx, file_id)
        size, chunks = await files.get(kept.name)
        return Stream(chunks, headers=headers(kept.media_type, file_id) | {"Content-Length": str(size)})

    @get(
        f"{route}/{{file:str}}",
        media_type="image/webp",
        security=PUBLIC,
        opt={"compressed": True},
        responses=responses(InvalidInput, LinkExpired, unknown, NoCopy, NoSuchFile, ImagesBusy, StorageAway),
    )
    async def show_copy(
        file_id: FromPath[UUID],
        file: FromPath[str],
        expires: FromQuery[int],
        signature: FromQuery[str],
        database: NamedDependency[Database],
        copies: NamedDependency[Copies],
        links: NamedDependency[Links],
    ) -> Stream:
        """A copy of an image, `320.webp`, `800.webp` or `1600.webp`: made small, without place or other metadata."""
        width = WIDTH_OF.get(file, 0)
        links.check(copy_path(path.format(file_id), width), expires, signature, database.clock())
        async with database.read() as tx:
            kept = await stored(tx, file_id)
        size, chunks = await copies.get(kept.name, width)
        return Stream(chunks, headers=copy_headers(file_id) | {"Content-Length": str(size)})

    return [show, show_copy]
