"""HTTP of messages: the inbox."""

from uuid import UUID

from litestar import Response, Router, get
from litestar.di import NamedDependency

from votremachine.accounts.rules import NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.languages import language_of
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.notifications import service
from votremachine.notifications.schemas import MessageView


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


router = Router(path="/v1", tags=["inbox"], route_handlers=[inbox])
