"""HTTP of proofs of insurance: a party's own, their documents, what a rental needs, and what an owner asks."""

from uuid import UUID

from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.bookings.refusals import UnknownBooking
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.documents import EmptyFile, NotADocument, look_at_document
from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import REFUSALS, ImagesBusy
from votremachine.infra.links import Links
from votremachine.infra.openapi import Repeatable, SendingDocument
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, BodyTooLarge, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.serving import by_address
from votremachine.infra.storage.files import Files, StorageAway
from votremachine.infra.uploads import BodyCut, received
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.inspections.rules.insurance import ProofDiffers, TooManyProofs, UnknownProof, ValidityDisagrees
from votremachine.inspections.rules.photos import LARGEST_BYTES
from votremachine.inspections.schemas import AddInsurance, CoverView, InsuranceRule, InsuranceView
from votremachine.inspections.service import insurance
from votremachine.inspections.service.insurance import DOCUMENT_PATH
from votremachine.kernel.span import OutOfTime


@post(
    "/parties/{party_id:uuid}/insurances",
    operation_class=Repeatable,
    responses=responses(
        *(*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownParty),
        *(OutOfTime, ValidityDisagrees, TooManyProofs),
    ),
)
async def add(
    request: HttpRequest,
    party_id: FromPath[UUID],
    data: JSONBody[AddInsurance],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[InsuranceView]:
    """Add a proof of insurance of one's own party: with its document, it covers every rental within its days."""

    async def verb(tx: Tx, who: Actor) -> Response[InsuranceView]:
        return reply(request, await insurance.add(tx, who, links, party_id, data), status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get(
    "/parties/{party_id:uuid}/insurances",
    responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed, UnknownParty),
)
async def browse(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    links: NamedDependency[Links],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[InsuranceView]]:
    """A party's proofs of insurance, newest first."""
    scope = f"insurances {party_id}"
    before = cursors.read(scope, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await insurance.browse(tx, who, links, party_id, before=before, limit=limit)
    return reply(request, cursors.page(scope, rows, limit, lambda view: view.id))


@put(
    "/insurances/{insurance_id:uuid}/document",
    operation_class=SendingDocument,
    status_code=200,
    request_max_body_size=LARGEST_BYTES,
    responses=responses(
        *(*INPUT, *REFUSALS, BodyTooLarge, BodyCut, EmptyFile, NotADocument, ProofDiffers),
        *(NotSignedIn, NotAllowed, UnknownProof, ImagesBusy, StorageAway),
    ),
)
async def send_document(
    request: HttpRequest,
    insurance_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    files: NamedDependency[Files],
    images: NamedDependency[Images],
    links: NamedDependency[Links],
) -> Response[InsuranceView]:
    """Send the document of a proof; the body is the file itself: PDF, JPEG, PNG, WebP or HEIC."""
    async with database.read() as tx:
        await insurance.may_send(tx, await sessions.actor(tx, claims), insurance_id)
    async with received(request) as upload:
        found = await look_at_document(upload.file, images)
        async with database.begin() as tx:
            file_id, name = await insurance.announce(tx)
        await files.put(name, upload.file)

    async def verb(tx: Tx) -> InsuranceView:
        return await insurance.receive(tx, await sessions.actor(tx, claims), links, insurance_id, file_id, found)

    return reply(request, await database.run(verb))


SHOWN = by_address(DOCUMENT_PATH, insurance.stored, UnknownProof)


@get("/bookings/{booking_id:uuid}/insurance", responses=responses(NotSignedIn, NotAllowed, UnknownBooking))
async def cover(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[CoverView]:
    """Whether a rental needs a proof of insurance, and the renter's that covers it."""
    async with database.read() as tx:
        found = await insurance.cover(tx, await sessions.actor(tx, claims), links, booking_id)
    return reply(request, found)


@get("/parties/{party_id:uuid}/insurance-rule", responses=responses(NotSignedIn, NotAllowed, UnknownParty))
async def show_rule(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[InsuranceRule]:
    """Whether a party asks for a proof of insurance for whatever it lends."""
    async with database.read() as tx:
        found = await insurance.rule(tx, await sessions.actor(tx, claims), party_id)
    return reply(request, found)


@put("/parties/{party_id:uuid}/insurance-rule", responses=responses(*INPUT, NotSignedIn, NotAllowed, UnknownParty))
async def set_rule(
    request: HttpRequest,
    party_id: FromPath[UUID],
    data: JSONBody[InsuranceRule],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[InsuranceRule]:
    """Ask for a proof of insurance for whatever the party lends, or no longer."""

    async def verb(tx: Tx) -> InsuranceRule:
        return await insurance.set_rule(tx, await sessions.actor(tx, claims), party_id, data)

    return reply(request, await database.run(verb))
