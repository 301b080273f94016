"""HTTP of calendars for other programs: links to them, and the files that are read by these."""

from collections.abc import AsyncIterator
from uuid import UUID

from litestar import HttpMethod, Response, Router, delete, get, post, route
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn, UnknownParty
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.calendars.rules import Feed, OneCalendar, UnknownCalendar, UnknownCalendarLink
from votremachine.calendars.schemas import LinkCalendar, LinkView, NewLink
from votremachine.calendars.service import feeds, links
from votremachine.calendars.writing import tag, written
from votremachine.config import Settings
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import names, reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit

# What follows in a path is the permission itself: for the log to leave out.
PRIVATE_BELOW = "/calendars/"
_SUFFIX = ".ics"
_KIND = "text/calendar; charset=utf-8"
_HEADERS = {
    # Asked for again each time, which costs little: mostly it did not change.
    "Cache-Control": "private, no-cache",
    # Saved under this name, not under the secret one.
    "Content-Disposition": 'inline; filename="votremachine.ics"',
    "X-Robots-Tag": "noindex",
}


@post(
    "/calendar-links",
    responses=responses(*INPUT, NotSignedIn, NotInTheirPlace, NotAllowed, UnknownMachine, UnknownParty, OneCalendar),
)
async def link(
    request: HttpRequest,
    data: JSONBody[LinkCalendar],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[NewLink]:
    """A private address at which a calendar program reads when machines are taken; told this once."""
    async with database.begin() as tx:
        made = await links.link(tx, await sessions.actor(tx, claims), data, settings.link_base)
    return reply(request, made, status=201, headers={"Cache-Control": "no-store"})


@get("/calendar-links", responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed, UnknownParty))
async def browse(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    party_id: FromQuery[UUID | None] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[LinkView]]:
    """One's own links; with `party_id`, everybody's to the calendars of a party that one runs."""
    after = cursors.read("calendar-links", cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await links.browse(tx, who, party_id=party_id, after=after, limit=limit)
    return reply(request, cursors.page("calendar-links", rows, limit, lambda view: view.id))


@delete("/calendar-links/{link_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownCalendarLink))
async def revoke(link_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]) -> None:
    """Make a link worthless, at once."""
    async with database.begin() as tx:
        await links.revoke(tx, await sessions.actor(tx, claims), link_id)


@route(
    "/calendars/{file:str}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    media_type="text/calendar",
    security=PUBLIC,
    responses=responses(UnknownCalendar),
)
async def show(
    request: HttpRequest,
    file: FromPath[str],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Stream:
    """A calendar as iCalendar (RFC 5545), by the address that its link gave: who has it needs nothing else."""
    if not file.endswith(_SUFFIX):
        raise UnknownCalendar

    async def verb(tx: Tx) -> Feed:
        return await feeds.feed(tx, file.removesuffix(_SUFFIX), settings.link_base)

    feed = await database.run(verb)
    headers = {"ETag": tag(feed), **_HEADERS}
    if names(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)  # type: ignore[return-value]
    if request.method == HttpMethod.HEAD:
        return Response(b"", headers=headers, media_type=_KIND)  # type: ignore[return-value]
    return Stream(_parts(feed), headers=headers, media_type=_KIND)


async def _parts(feed: Feed) -> AsyncIterator[bytes]:
    for part in written(feed):
        yield part


router = Router(path="/v1", tags=["calendar"], route_handlers=[link, browse, revoke, show])
