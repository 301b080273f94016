"""HTTP of dead letters, for staff."""

from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import InvalidInput, UnknownPath, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.notifications.dead_letters import service
from votremachine.notifications.dead_letters.schemas import DeadLetter
from votremachine.notifications.dead_letters.service import UnknownLetter


@get("/staff/dead-letters", responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed))
async def browse(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[DeadLetter]]:
    """Reminders that could not be told and deliveries that nobody took, newest first."""
    before = cursors.read("dead-letters", cursor, UUID) if cursor else None
    async with database.read() as tx:
        rows = await service.browse(tx, await sessions.actor(tx, claims), before=before, limit=limit)
    return reply(request, cursors.page("dead-letters", rows, limit, lambda one: one.id))


@post(
    "/staff/dead-letters/{letter_id:uuid}/retry",
    status_code=204,
    responses=responses(UnknownPath, NotSignedIn, NotAllowed, UnknownLetter),
)
async def retry(
    letter_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Try one again; the worker sees it within seconds."""
    async with database.begin() as tx:
        await service.retry(tx, await sessions.actor(tx, claims), letter_id)


router = Router(path="/v1", tags=["staff"], route_handlers=[browse, retry])
