"""HTTP of condition reports: send one, read it, compare two, the receipt, the checklist, and the chain."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.maintenance.rules.readings import MeterRunsBackwards, NoReading
from votremachine.bookings.refusals import TooEarly, UnknownBooking
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.languages import language_of
from votremachine.infra.links import Links
from votremachine.infra.openapi import PUBLIC, Repeatable
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.storage.files import Files, StorageAway
from votremachine.infra.wire import HttpRequest
from votremachine.inspections.checklists import UnknownChecklist, checklist
from votremachine.inspections.rules.accepting import (
    CONTENT_ERRORS,
    InspectionDiffers,
    NotInBooking,
    NotToBeAmended,
    TooManyInspections,
    UnknownInspection,
)
from votremachine.inspections.rules.meters import MeterJumps
from votremachine.inspections.rules.signing import NotNow, NotSignedYet
from votremachine.inspections.schemas import (
    ChecklistItemView,
    InspectionView,
    MakeInspection,
    ReceiptView,
    SideBySide,
    VerificationView,
)
from votremachine.inspections.service import comparing, reading, receipts, sending, verifying
from votremachine.kernel.span import NaiveTime, OutOfTime

After = Annotated[int, QueryParameter(ge=0, description="`photos_after` of the answer before.")]
Photos = Annotated[bool, QueryParameter(description="Read the files of the photos again, so many at a time.")]


@post(
    "/bookings/{booking_id:uuid}/inspections",
    operation_class=Repeatable,
    responses=responses(
        *(*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownBooking, UnknownMachine, NotInBooking),
        *(*CONTENT_ERRORS, NaiveTime, OutOfTime, NoReading, MeterRunsBackwards, MeterJumps),
        *(TooEarly, NotNow, InspectionDiffers, TooManyInspections, NotToBeAmended),
    ),
)
async def send(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    data: JSONBody[MakeInspection],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[InspectionView]:
    """Send a condition report that a phone made. Its own id keeps it one report, however often it is sent: 201 the
    first time, then 200.
    """

    async def verb(tx: Tx, who: Actor) -> Response[InspectionView]:
        view, fresh = await sending.send(tx, who, links, booking_id, data)
        location = {"Location": f"/v1/inspections/{view.id}"}
        return reply(request, view, status=201 if fresh else 200, headers=location)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get("/bookings/{booking_id:uuid}/inspections", responses=responses(NotSignedIn, NotAllowed, UnknownBooking))
async def browse(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[list[InspectionView]]:
    """The condition reports of a booking, oldest first: to its sides and to staff."""
    async with database.read() as tx:
        found = await reading.of_booking(tx, await sessions.actor(tx, claims), links, booking_id)
    return reply(request, found)


@get("/bookings/{booking_id:uuid}/inspections/comparison", responses=responses(NotSignedIn, NotAllowed, UnknownBooking))
async def compare(
    request: HttpRequest,
    booking_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[list[SideBySide]]:
    """How each machine of a booking left and came back, side by side, and what changed."""
    async with database.read() as tx:
        found = await comparing.side_by_side(tx, await sessions.actor(tx, claims), links, booking_id)
    return reply(request, found)


@get("/inspections/{inspection_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownInspection))
async def show(
    request: HttpRequest,
    inspection_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    links: NamedDependency[Links],
) -> Response[InspectionView]:
    """One condition report: to its sides and to staff."""
    async with database.read() as tx:
        found = await reading.show(tx, await sessions.actor(tx, claims), links, inspection_id)
    return reply(request, found)


@get(
    "/inspections/{inspection_id:uuid}/receipt",
    responses=responses(NotSignedIn, NotAllowed, UnknownInspection, NotSignedYet),
)
async def receipt(
    request: HttpRequest,
    inspection_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[ReceiptView]:
    """What each side keeps of a signed report: its hash, and the same in words."""
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        found = await receipts.receipt(tx, who, inspection_id, language_of(request))
    return reply(request, found)


@get(
    "/machines/{machine_id:uuid}/inspections/verification",
    responses=responses(InvalidInput, NotSignedIn, NotAllowed, UnknownMachine, StorageAway),
)
async def verify(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    files: NamedDependency[Files],
    photos: Photos = False,
    after: After = 0,
) -> Response[VerificationView]:
    """Whether the chain of a machine's signed reports holds, everything hashed anew; the first link that does not."""
    async with database.read() as tx:
        await verifying.may_verify(tx, await sessions.actor(tx, claims), machine_id)
    return reply(request, await verifying.check(database, files, machine_id, photos=photos, after=after))


@get("/checklists/{category:str}", security=PUBLIC, responses=responses(UnknownChecklist))
async def show_checklist(request: HttpRequest, category: FromPath[str]) -> Response[list[ChecklistItemView]]:
    """What is looked at when a machine of this category changes hands, in the caller's language."""
    language, items = language_of(request), checklist(category)
    if not items:
        raise UnknownChecklist
    return reply(request, [ChecklistItemView(one.code, one.name(language)) for one in items])
