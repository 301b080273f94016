"""HTTP of the photos of condition reports: send one, whenever; and its file, by an address that is good for a while."""

from uuid import UUID

from litestar import Response, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database, Tx
from votremachine.infra.documents import EmptyFile, WrongHash, look_at_image
from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import REFUSALS, ImagesBusy
from votremachine.infra.openapi import SendingImage
from votremachine.infra.problems import INPUT, BodyTooLarge, responses
from votremachine.infra.replies import reply
from votremachine.infra.serving import by_address
from votremachine.infra.storage.files import Files, StorageAway
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


SHOWN = by_address(PHOTO_PATH, photos.stored, UnknownInspectionPhoto)
