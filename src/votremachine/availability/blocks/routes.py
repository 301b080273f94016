"""HTTP of blocks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.blocks.recurrence import (
    BadRule,
    EndsBeforeStartOnClock,
    OccurrenceTooLong,
    RuleMissesStart,
)
from votremachine.availability.blocks.rules import (
    BlockMeetsBookings,
    FractionOfSecond,
    NeverTakesPlace,
    NothingToLeaveOut,
    OccurrenceNeeded,
    RuleNamesDays,
    Scope,
    ScopeNeeded,
    StartsTooLongAgo,
    TooManyDates,
    TooManySeries,
    UnknownOccurrence,
)
from votremachine.availability.blocks.schemas import BlockTime, BlockView, EditBlock
from votremachine.availability.blocks.service import verbs
from votremachine.availability.rules import UnknownBlock
from votremachine.fleet.rules import MachineRetired, UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Editing, Repeatable
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import MatchRequired, Stale, expected_version, reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime

Of = Annotated[Scope, QueryParameter(name="scope", description="Of a series: one, one and those after it, or all.")]
Occurrence = Annotated[
    datetime | None, QueryParameter(name="occurrence", description="Start of the occurrence that is meant.")
]
_TIMES = (
    *(NaiveTime, OutOfTime, EndsBeforeStart, FractionOfSecond, BadRule, RuleMissesStart, RuleNamesDays),
    *(OccurrenceTooLong, EndsBeforeStartOnClock, TooManyDates, NothingToLeaveOut),
)
_PARTS = (OccurrenceNeeded, ScopeNeeded, UnknownOccurrence)


@post(
    "/machines/{machine_id:uuid}/blocks",
    operation_class=Repeatable,
    responses=responses(
        *INPUT,
        *idempotency.ERRORS,
        *_TIMES,
        NotSignedIn,
        NotAllowed,
        UnknownMachine,
        MachineRetired,
        BlockMeetsBookings,
        NeverTakesPlace,
        StartsTooLongAgo,
        TooManySeries,
    ),
)
async def block(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[BlockTime],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[BlockView]:
    """Keep a machine for oneself or for the workshop: once, or again by a rule of recurrence."""

    async def verb(tx: Tx, who: Actor) -> Response[BlockView]:
        made = await verbs.block(tx, who, machine_id, data)
        return reply(request, made, version=made.version, status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get(
    "/machines/{machine_id:uuid}/blocks",
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
) -> Response[Page[BlockView]]:
    """The blocks of a machine, for its owner's people."""
    listed = f"blocks {machine_id}"
    after = cursors.read(listed, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await verbs.browse(tx, who, machine_id, after=after, limit=limit)
    return reply(request, cursors.page(listed, rows, limit, lambda view: view.id))


@get("/blocks/{block_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownBlock))
async def show(
    request: HttpRequest, block_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[BlockView]:
    """One block, or a whole series."""
    async with database.read() as tx:
        found = await verbs.show(tx, await sessions.actor(tx, claims), block_id)
    return reply(request, found, version=found.version)


@patch(
    "/blocks/{block_id:uuid}",
    operation_class=Editing,
    responses=responses(
        *INPUT,
        *_TIMES,
        *_PARTS,
        NotSignedIn,
        NotAllowed,
        UnknownBlock,
        Stale,
        MatchRequired,
        MachineRetired,
        BlockMeetsBookings,
        TooManySeries,
    ),
)
async def edit(
    request: HttpRequest,
    block_id: FromPath[UUID],
    data: JSONBody[EditBlock],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    extent: Of = Scope.ALL,
    occurrence: Occurrence = None,
) -> Response[BlockView]:
    """Change a block, one occurrence of a series, or one and those after it, which then have an id of their own.

    Needs `If-Match`. What bookings stand in the way of is refused with the list of them.
    """
    version = expected_version(request)

    async def verb(tx: Tx) -> BlockView:
        who = await sessions.actor(tx, claims)
        return await verbs.edit(tx, who, block_id, version, data, extent, occurrence)

    changed = await database.run(verb)
    return reply(request, changed, version=changed.version)


@delete(
    "/blocks/{block_id:uuid}",
    responses=responses(InvalidInput, *_PARTS, TooManyDates, NotSignedIn, NotAllowed, UnknownBlock),
)
async def unblock(
    block_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    extent: Of = Scope.ALL,
    occurrence: Occurrence = None,
) -> None:
    """Open blocked time again: a block, one occurrence of a series, or one and those after it."""

    async def verb(tx: Tx) -> None:
        await verbs.unblock(tx, await sessions.actor(tx, claims), block_id, extent, occurrence)

    await database.run(verb)


router = Router(path="/v1", tags=["calendar"], route_handlers=[block, browse, show, edit, unblock])
