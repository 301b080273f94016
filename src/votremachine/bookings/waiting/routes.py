"""HTTP of the waiting list: wait, look, withdraw."""

from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty, WhichParty
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.bookings.refusals import OwnMachine
from votremachine.bookings.waiting.rules import AlreadyWaiting, FreeNow, TooManyWaiting, UnknownWaiting
from votremachine.bookings.waiting.schemas import QueuedView, Wait, WaitingView
from votremachine.bookings.waiting.service import reading, verbs
from votremachine.fleet.bookable import BOOKABLE_ERRORS
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Committing
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime
from votremachine.kernel.states import IllegalTransition
from votremachine.pricing.rules.card import NoPrice
from votremachine.pricing.rules.price import EstimateNeeded


@post(
    "/machines/{machine_id:uuid}/waiting",
    operation_class=Committing,
    responses=responses(
        *INPUT,
        *idempotency.ERRORS,
        *(NaiveTime, OutOfTime, EndsBeforeStart),
        *BOOKABLE_ERRORS,
        NotSignedIn,
        NotAllowed,
        UnknownParty,
        WhichParty,
        UnknownMachine,
        OwnMachine,
        NoPrice,
        EstimateNeeded,
        FreeNow,
        AlreadyWaiting,
        TooManyWaiting,
    ),
)
async def wait(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[Wait],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[WaitingView]:
    """Wait for a period that is taken: when it comes free, it is held for who waited longest. Needs an
    `Idempotency-Key`.
    """

    async def verb(tx: Tx, who: Actor) -> Response[WaitingView]:
        return reply(request, await verbs.wait(tx, who, machine_id, data), status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


@get(
    "/machines/{machine_id:uuid}/waiting",
    responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed, UnknownMachine),
)
async def queue(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[QueuedView]]:
    """Who waits for which periods of one's machine, the first in line first."""
    listed = f"waiting {machine_id}"
    after = cursors.read(listed, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await reading.queue(tx, who, machine_id, after=after, limit=limit)
    return reply(request, cursors.page(listed, rows, limit, lambda view: view.id))


@get("/waiting", responses=responses(InvalidInput, BadCursor, NotSignedIn, UnknownParty))
async def browse(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    party_id: FromQuery[UUID | None] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[WaitingView]]:
    """What the caller's parties wait for or waited for, newest first."""
    before = cursors.read("waiting", cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await reading.browse(tx, who, party_id=party_id, before=before, limit=limit)
    return reply(request, cursors.page("waiting", rows, limit, lambda view: view.id))


@delete(
    "/waiting/{entry_id:uuid}",
    responses=responses(NotSignedIn, NotAllowed, UnknownWaiting, IllegalTransition),
)
async def withdraw(
    entry_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Wait no more. If it is offered just now, the hold is cancelled and the next in line is asked."""

    async def verb(tx: Tx) -> None:
        await verbs.withdraw(tx, await sessions.actor(tx, claims), entry_id)

    await database.run(verb)


router = Router(path="/v1", tags=["waiting"], route_handlers=[wait, queue, browse, withdraw])
