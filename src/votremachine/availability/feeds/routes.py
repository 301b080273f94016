"""HTTP of feeds."""

from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.feeds.rules import AskedJustNow, TooManyFeeds, UnknownFeed
from votremachine.availability.feeds.schemas import FeedView, FollowCalendar
from votremachine.availability.feeds.service import verbs
from votremachine.fleet.rules import MachineRetired, UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.fetching.failures import BadAddress
from votremachine.infra.keys import Seal
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import Repeatable
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit


@post(
    "/machines/{machine_id:uuid}/feeds",
    operation_class=Repeatable,
    responses=responses(
        *INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, UnknownMachine, MachineRetired, BadAddress, TooManyFeeds
    ),
)
async def follow(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[FollowCalendar],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    feed_seal: NamedDependency[Seal],
) -> Response[FeedView]:
    """Let the events of an outside calendar take a machine's time. It is read within a minute, then every half hour."""

    async def verb(tx: Tx, who: Actor) -> Response[FeedView]:
        made = await verbs.follow(tx, who, machine_id, data, feed_seal, language_of(request))
        return reply(request, made, status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get(
    "/machines/{machine_id:uuid}/feeds",
    responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed, UnknownMachine),
)
async def browse(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[FeedView]]:
    """The outside calendars that a machine follows, and how they fare."""
    listed = f"feeds {machine_id}"
    after = cursors.read(listed, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await verbs.browse(tx, who, machine_id, language_of(request), after=after, limit=limit)
    return reply(request, cursors.page(listed, rows, limit, lambda view: view.id))


@get("/feeds/{feed_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownFeed))
async def show(
    request: HttpRequest, feed_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[FeedView]:
    """One outside calendar: when it was last read, what is wrong with it, which bookings its events meet."""
    async with database.read() as tx:
        found = await verbs.show(tx, await sessions.actor(tx, claims), feed_id, language_of(request))
    return reply(request, found)


@post(
    "/feeds/{feed_id:uuid}/fetch",
    status_code=202,
    responses=responses(NotSignedIn, NotAllowed, UnknownFeed, AskedJustNow),
)
async def fetch(
    request: HttpRequest, feed_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[FeedView]:
    """Have a calendar read within the minute."""

    async def verb(tx: Tx) -> FeedView:
        return await verbs.fetch(tx, await sessions.actor(tx, claims), feed_id, language_of(request))

    return reply(request, await database.run(verb), status=202)


@delete("/feeds/{feed_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownFeed))
async def unfollow(
    feed_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Follow a calendar no more: the time that its events take is free at once."""

    async def verb(tx: Tx) -> None:
        await verbs.unfollow(tx, await sessions.actor(tx, claims), feed_id)

    await database.run(verb)


router = Router(path="/v1", tags=["calendar"], route_handlers=[follow, browse, show, fetch, unfollow])
