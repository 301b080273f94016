"""HTTP of the files of claims: show one, and its content, by an address that is good for a while."""

from typing import Annotated
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.damages.routes.hearing import Hearing
from votremachine.damages.rules.claim import UnknownClaim
from votremachine.damages.rules.evidence import LARGEST_BYTES, ClaimOver, TooMuchEvidence, UnknownEvidence, file_name
from votremachine.damages.schemas import EvidenceView
from votremachine.damages.service import evidence
from votremachine.damages.service.reading import EVIDENCE_PATH
from votremachine.infra.documents import EmptyFile, NotADocument, WrongHash, look_at_document
from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import REFUSALS, ImagesBusy
from votremachine.infra.openapi import SendingDocument
from votremachine.infra.problems import INPUT, BodyTooLarge, responses
from votremachine.infra.replies import reply
from votremachine.infra.serving import by_address
from votremachine.infra.storage.files import Files, StorageAway
from votremachine.infra.uploads import BodyCut, received
from votremachine.inspections.rules.photos import NotASha256, digest

Announced = Annotated[str | None, QueryParameter(name="sha256", description="The file's, in hexadecimal, if known.")]


@post(
    "/claims/{claim_id:uuid}/evidence",
    operation_class=SendingDocument,
    request_max_body_size=LARGEST_BYTES,
    responses=responses(
        *(*INPUT, *REFUSALS, BodyTooLarge, BodyCut, EmptyFile, WrongHash, NotASha256, NotADocument),
        *(NotSignedIn, NotAllowed, UnknownClaim, ClaimOver, TooMuchEvidence, ImagesBusy, StorageAway),
    ),
)
async def add(
    claim_id: FromPath[UUID],
    hearing: NamedDependency[Hearing],
    files: NamedDependency[Files],
    images: NamedDependency[Images],
    announced: Announced = None,
) -> Response[EvidenceView]:
    """Show a quote or a photo; the body is the file itself: PDF, JPEG, PNG, WebP or HEIC.

    201; 200 with the same one when it was sent before: its content is its `Idempotency-Key`.
    """
    expected = None if announced is None else digest(announced)
    await hearing.asked(lambda tx, who: evidence.may_send(tx, who, claim_id))
    async with received(hearing.request) as upload:
        found = await look_at_document(upload.file, images, expected=expected)
        async with hearing.database.begin() as tx:
            evidence_id = await evidence.announce(tx)
        await files.put(file_name(evidence_id), upload.file)
    view, fresh = await hearing.does(
        lambda tx, who: evidence.receive(tx, who, hearing.links, claim_id, evidence_id, found)
    )
    return reply(hearing.request, view, status=201 if fresh else 200)


SHOWN = by_address(EVIDENCE_PATH, evidence.stored, UnknownEvidence)
