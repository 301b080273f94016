"""HTTP of the photos of condition reports: send one, whenever; and its file, by an address that is good for a while."""

from uuid import UUID

from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database, Tx
from votremachine.infra.documents import EmptyFile, WrongHash, look_at_image
from votremachine.infra.images.addresses import copy_path
from votremachine.infra.images.apart import Images
from votremachine.infra.images.copies import Copies, NoCopy
from votremachine.infra.images.errors import REFUSALS, ImagesBusy
from votremachine.infra.images.sizes import WIDTH_OF
from votremachine.infra.links import LinkExpired, Links
from votremachine.infra.openapi import PUBLIC, SendingImage
from votremachine.infra.problems import INPUT, BodyTooLarge, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.serving import serve, serve_copy
from votremachine.infra.storage.files import Files, NoSuchFile, StorageAway
from votremachine.infra.uploads import BodyCut, received
from votremachine.infra.wire import HttpRequest
from votremachine.inspections.rules.accepting import PhotoNotAnnounced, UnknownInspection
from votremachine.inspections.rules.photos import (
    LARGEST_BYTES,
    NotASha256,
    TooManyWaiting,
    UnknownInspectionPhoto,
    digest,
)
from votremachine.inspections.schemas import PhotoReceived
from votremachine.inspections.service import photos
from votremachine.inspections.service.reading import PHOTO_PATH


@put(
    "/inspections/{inspection_id:uuid}/photos/{sha256:str}",
    operation_class=SendingImage,
    status_code=200,
    request_max_body_size=LARGEST_BYTES,
    responses=responses(
        *(*INPUT, *REFUSALS, BodyTooLarge, BodyCut, EmptyFile, WrongHash, NotASha256, PhotoNotAnnounced),
        *(NotSignedIn, NotAllowed, UnknownInspection, TooManyWaiting, ImagesBusy, StorageAway),
    ),
)
async def send(
    request: HttpRequest,
    inspection_id: FromPath[UUID],
    sha256: FromPath[str],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    files: NamedDependency[Files],
    images: NamedDependency[Images],
) -> Response[PhotoReceived]:
    """Send one photo of a report; the body is the file itself: JPEG, PNG, WebP or HEIC, with this SHA-256.

    Before the report or after it, once or often: the answer is the same.
    """
    expected = digest(sha256)
    async with database.read() as tx:
        wanted = await photos.may_send(tx, await sessions.actor(tx, claims), inspection_id, expected)
    if not wanted:
        return reply(request, PhotoReceived(inspection_id, sha256))
    async with received(request) as upload:
        found = await look_at_image(upload.file, images, expected=expected)
        async with database.begin() as tx:
            file_id, name = await photos.announce(tx)
        await files.put(name, upload.file)

    async def verb(tx: Tx) -> PhotoReceived:
        return await photos.receive(tx, await sessions.actor(tx, claims), inspection_id, file_id, found)

    return reply(request, await database.run(verb))


@get(
    "/inspection-photos/{file_id:uuid}",
    media_type="application/octet-stream",
    security=PUBLIC,
    opt={"compressed": True},
    responses=responses(InvalidInput, LinkExpired, UnknownInspectionPhoto, NoSuchFile, StorageAway),
)
async def show(
    file_id: FromPath[UUID],
    expires: FromQuery[int],
    signature: FromQuery[str],
    database: NamedDependency[Database],
    files: NamedDependency[Files],
    links: NamedDependency[Links],
) -> Stream:
    """A photo just as it was sent, to be saved, by the address that the sides of its report are given for a while."""
    links.check(PHOTO_PATH.format(file_id), expires, signature, database.clock())
    async with database.read() as tx:
        stored = await photos.stored(tx, file_id)
    return await serve(files, stored.name, stored.media_type, file_id)


@get(
    "/inspection-photos/{file_id:uuid}/{file:str}",
    media_type="image/webp",
    security=PUBLIC,
    opt={"compressed": True},
    responses=responses(
        *(InvalidInput, LinkExpired, UnknownInspectionPhoto, NoCopy, NoSuchFile, ImagesBusy, StorageAway)
    ),
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
    """A copy of a photo, `320.webp`, `800.webp` or `1600.webp`: made small, without place or other metadata."""
    width = WIDTH_OF.get(file, 0)
    links.check(copy_path(PHOTO_PATH.format(file_id), width), expires, signature, database.clock())
    async with database.read() as tx:
        stored = await photos.stored(tx, file_id)
    return await serve_copy(copies, stored.name, width, file_id)
