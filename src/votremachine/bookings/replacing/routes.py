"""HTTP of replacing a machine: who could stand in, a plan, and the move."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.rules import WindowTooLong, check_window
from votremachine.bookings.replacing.rules import MovedTwice, NotASubstitute, PlanStale, TooManyToMove
from votremachine.bookings.replacing.schemas import PlanReplacement, PlanView, Replace, Replaced, Substitutes
from votremachine.bookings.replacing.service import moving, planning
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import Committing
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime, Span

From = Annotated[datetime, QueryParameter(name="from", description="From when on it is missing, with its offset.")]
To = Annotated[datetime, QueryParameter(name="to", description="Until when, 366 days later at most.")]
_TIME = (NaiveTime, OutOfTime, EndsBeforeStart)
_WHO = (NotSignedIn, NotAllowed, UnknownMachine)


@get(
    "/machines/{machine_id:uuid}/substitutes",
    responses=responses(InvalidInput, *_TIME, WindowTooLong, *_WHO),
)
async def substitutes(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    start: From,
    end: To,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Substitutes]:
    """Machines that are free for a time and could stand in: of the same owner, and of others near by."""
    span = check_window(Span(start, end))
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        return reply(request, await planning.substitutes(tx, who, machine_id, span, language_of(request)))


@post(
    "/machines/{machine_id:uuid}/replacement-plan",
    status_code=200,
    responses=responses(*INPUT, *_TIME, *_WHO, NotASubstitute, TooManyToMove),
)
async def plan(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[PlanReplacement],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PlanView]:
    """Which of the owner's other machines could take which booking of this one. Changes nothing."""
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        return reply(request, await planning.propose(tx, who, machine_id, data, language_of(request)))


@post(
    "/machines/{machine_id:uuid}/replace",
    operation_class=Committing,
    status_code=200,
    responses=responses(*INPUT, *idempotency.ERRORS, *_TIME, *_WHO, NotASubstitute, MovedTwice, PlanStale),
)
async def replace(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[Replace],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Replaced]:
    """Move bookings of a machine to others of the same owner, all or none. Needs an `Idempotency-Key`."""

    async def verb(tx: Tx, who: Actor) -> Response[Replaced]:
        return reply(request, await moving.replace(tx, who, machine_id, data))

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb)


router = Router(path="/v1", tags=["bookings"], route_handlers=[substitutes, plan, replace])
