"""HTTP of photos: send one, list them, arrange, delete, and each copy as a file."""

from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.fleet.photos import service
from votremachine.fleet.photos.rules import LARGEST_BYTES, PhotosDiffer, TooManyPhotos, UnknownPhoto
from votremachine.fleet.photos.schemas import ArrangePhotos, PhotoView
from votremachine.fleet.photos.service import Sent
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra.database import Database, Tx
from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import REFUSALS, ImagesBusy
from votremachine.infra.images.sizes import WIDTH_OF
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import SendingImage
from votremachine.infra.problems import INPUT, BodyTooLarge, responses
from votremachine.infra.replies import names, reply
from votremachine.infra.storage.files import Files, NoSuchFile, StorageAway
from votremachine.infra.uploads import BodyCut, received
from votremachine.infra.wire import HttpRequest

# A copy never changes, and its address dies with it. Private: others may not see what this caller may. Without a
# `Vary: Authorization`, which would empty a phone's cache with each new token.
_KEPT_FOR_EVER = "private, max-age=31536000, immutable"


@post(
    "/machines/{machine_id:uuid}/photos",
    operation_class=SendingImage,
    request_max_body_size=LARGEST_BYTES,
    responses=responses(
        *REFUSALS,
        *(BodyTooLarge, BodyCut, NotSignedIn, NotAllowed, UnknownMachine, TooManyPhotos, ImagesBusy, StorageAway),
    ),
)
async def add(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    files: NamedDependency[Files],
    images: NamedDependency[Images],
) -> Response[PhotoView]:
    """Add a photo: the body is the file itself, JPEG, PNG, WebP or HEIC, whatever `Content-Type` says of it.

    201, and its copies are made within seconds; 200 with the same photo when it was sent before.
    """
    async with database.read() as tx:
        await service.may_add(tx, await sessions.actor(tx, claims), machine_id)
    async with received(request) as upload:
        width, height = await images.inspect(upload.file)
        async with database.begin() as tx:
            photo_id, name = await service.announce(tx)
        await files.put(name, upload.file)
    sent = Sent(photo_id, upload.digest, width, height)

    async def verb(tx: Tx) -> tuple[PhotoView, bool]:
        return await service.add(tx, await sessions.actor(tx, claims), machine_id, sent, language_of(request))

    view, fresh = await database.run(verb)
    headers = {"Location": f"/v1/machines/{machine_id}/photos"}
    return reply(request, view, status=201 if fresh else 200, headers=headers)


@get("/machines/{machine_id:uuid}/photos", responses=responses(NotSignedIn, UnknownMachine))
async def show(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[list[PhotoView]]:
    """The photos of a machine, in their order; its owner also sees those that are not ready, and why."""
    async with database.read() as tx:
        shown = await service.show(tx, await sessions.actor(tx, claims), machine_id, language_of(request))
    return reply(request, shown)


@post(
    "/machines/{machine_id:uuid}/photos/arrange",
    status_code=200,
    responses=responses(*INPUT, NotSignedIn, NotAllowed, UnknownMachine, PhotosDiffer),
)
async def arrange(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[ArrangePhotos],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[list[PhotoView]]:
    """Put the photos in another order; the first is the one that lists show."""
    async with database.begin() as tx:
        who = await sessions.actor(tx, claims)
        await service.arrange(tx, who, machine_id, data.photo_ids)
        shown = await service.show(tx, who, machine_id, language_of(request))
    return reply(request, shown)


@delete("/photos/{photo_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownPhoto))
async def remove(
    photo_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Delete a photo and its files."""
    async with database.begin() as tx:
        await service.remove(tx, await sessions.actor(tx, claims), photo_id)


@get(
    "/photos/{photo_id:uuid}/{file:str}",
    media_type="image/webp",
    opt={"compressed": True},
    responses=responses(NotSignedIn, UnknownPhoto, NoSuchFile, StorageAway),
)
async def copy(
    request: HttpRequest,
    photo_id: FromPath[UUID],
    file: FromPath[str],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    files: NamedDependency[Files],
) -> Stream:
    """One copy of a photo, by the address that the list gives: `320.webp`, `800.webp` or `1600.webp`."""
    async with database.read() as tx:
        stored = await service.copy(tx, await sessions.actor(tx, claims), photo_id, WIDTH_OF.get(file, 0))
    headers = {
        "ETag": stored.tag,
        "Cache-Control": _KEPT_FOR_EVER,
        "Content-Disposition": f'inline; filename="{photo_id}-{file}"',
    }
    if names(request.headers.get("if-none-match"), stored.tag):
        return Response(b"", status_code=304, headers=headers)  # type: ignore[return-value]
    size, chunks = await files.get(stored.name)
    return Stream(chunks, headers=headers | {"Content-Length": str(size)}, media_type="image/webp")


router = Router(path="/v1", tags=["photos"], route_handlers=[add, show, arrange, remove, copy])
