"""HTTP of calendars: free and busy for anybody, the whole calendar for its owner, blocks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.rules import Actor, NotAllowed, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import SpanTaken, UnknownBlock, WindowTooLong, check_window
from votremachine.availability.schemas import Availability, BlockTime, BlockView, Calendar
from votremachine.availability.service import blocks, look
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Repeatable
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime, Span

From = Annotated[datetime, QueryParameter(name="from", description="Start of the window, with its offset.")]
To = Annotated[datetime, QueryParameter(name="to", description="End of the window, 366 days later at most.")]
_WINDOW_ERRORS = (InvalidInput, NaiveTime, OutOfTime, EndsBeforeStart, WindowTooLong)


@get("/machines/{machine_id:uuid}/availability", responses=responses(*_WINDOW_ERRORS, NotSignedIn, UnknownMachine))
async def show_availability(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    start: From,
    end: To,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Availability]:
    """When a machine can be booked, and when not."""
    window = check_window(Span(start, end))
    return reply(request, await look.availability(database, sessions.identify(claims), machine_id, window))


@get(
    "/machines/{machine_id:uuid}/calendar",
    responses=responses(*_WINDOW_ERRORS, NotSignedIn, NotAllowed, UnknownMachine),
)
async def show_calendar(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    start: From,
    end: To,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Calendar]:
    """Everything that takes a machine's time, for its owner."""
    window = check_window(Span(start, end))
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        return reply(request, await look.calendar(tx, who, machine_id, window))


@post(
    "/machines/{machine_id:uuid}/blocks",
    operation_class=Repeatable,
    responses=responses(
        *INPUT,
        *idempotency.ERRORS,
        NaiveTime,
        OutOfTime,
        EndsBeforeStart,
        NotSignedIn,
        NotAllowed,
        UnknownMachine,
        SpanTaken,
    ),
)
async def block(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[BlockTime],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BlockView]:
    """Keep a machine for oneself or for the workshop."""

    async def verb(tx: Tx, who: Actor) -> Response[BlockView]:
        made = await blocks.block(tx, who, machine_id, data)
        return reply(request, made, status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@delete("/blocks/{block_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownBlock))
async def unblock(
    block_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Open a blocked span again."""
    async with database.begin() as tx:
        await blocks.unblock(tx, await sessions.actor(tx, claims), block_id)


router = Router(path="/v1", tags=["calendar"], route_handlers=[show_availability, show_calendar, block, unblock])
