"""HTTP of messages: the inbox."""

from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from votremachine.accounts.refusals import NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.languages import language_of
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.notifications import service
from votremachine.notifications.schemas import MessageView, ReadMessages


@get("/inbox", responses=responses(InvalidInput, BadCursor, NotSignedIn))
async def inbox(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[MessageView]]:
    """What the caller was told, newest first."""
    before = cursors.read("inbox", cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await service.inbox(tx, who, language_of(request), before=before, limit=limit)
    return reply(request, cursors.page("inbox", rows, limit, lambda view: view.id))


@post("/inbox/read", status_code=204, responses=responses(*INPUT, NotSignedIn))
async def read(
    data: JSONBody[ReadMessages], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Say that one has read messages: they are not sent by another channel any more, nor gathered for a digest."""
    async with database.begin() as tx:
        await service.mark_read(tx, await sessions.actor(tx, claims), data.ids)


router = Router(path="/v1", tags=["inbox"], route_handlers=[inbox, read])
