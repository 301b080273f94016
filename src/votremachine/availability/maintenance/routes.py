"""HTTP of maintenance: meters, plans, proposals."""

from collections.abc import Sequence
from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.availability.blocks.rules import BlockMeetsBookings
from votremachine.availability.maintenance.rules.plans import (
    DoneBefore,
    NoSuchMeter,
    PlanDisagrees,
    ProposalDecided,
    ReadingNeeded,
    TooManyPlans,
    UnknownPlan,
    UnknownProposal,
)
from votremachine.availability.maintenance.rules.readings import (
    MeterJumps,
    MeterRunsBackwards,
    NoReading,
    ReadInFuture,
    ReadTwice,
)
from votremachine.availability.maintenance.schemas import (
    MarkDone,
    PlanMaintenance,
    PlanView,
    ProposalView,
    ReadingView,
    ReadMeter,
)
from votremachine.availability.maintenance.service import plans, proposals, readings
from votremachine.fleet.rules import MachineRetired, UnknownMachine
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Repeatable
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.span import NaiveTime, OutOfTime

_READING = (NaiveTime, OutOfTime, NoSuchMeter, NoReading, ReadInFuture, ReadTwice, MeterRunsBackwards, MeterJumps)
_OF_MACHINE = (NotSignedIn, NotAllowed, UnknownMachine)


@post(
    "/machines/{machine_id:uuid}/readings",
    operation_class=Repeatable,
    responses=responses(*INPUT, *idempotency.ERRORS, *_OF_MACHINE, *_READING),
)
async def read_meter(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[ReadMeter],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[ReadingView]:
    """Enter what a meter shows."""

    async def verb(tx: Tx, who: Actor) -> Response[ReadingView]:
        return reply(request, await readings.read_meter(tx, who, machine_id, data), status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get("/machines/{machine_id:uuid}/readings", responses=responses(InvalidInput, BadCursor, *_OF_MACHINE))
async def list_readings(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ReadingView]]:
    """What the meters of a machine showed, newest first."""
    listed = f"readings {machine_id}"
    before = cursors.read(listed, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await readings.browse(tx, who, machine_id, before=before, limit=limit)
    return reply(request, cursors.page(listed, rows, limit, lambda view: view.id))


@post(
    "/machines/{machine_id:uuid}/maintenance-plans",
    operation_class=Repeatable,
    responses=responses(
        *INPUT,
        *idempotency.ERRORS,
        *_OF_MACHINE,
        MachineRetired,
        PlanDisagrees,
        NoSuchMeter,
        NoReading,
        ReadInFuture,
        OutOfTime,
        TooManyPlans,
    ),
)
async def plan(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[PlanMaintenance],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PlanView]:
    """Plan maintenance by date or by meter."""

    async def verb(tx: Tx, who: Actor) -> Response[PlanView]:
        return reply(request, await plans.plan(tx, who, machine_id, data), status=201)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get("/machines/{machine_id:uuid}/maintenance-plans", responses=responses(*_OF_MACHINE))
async def list_plans(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Sequence[PlanView]]:
    """The maintenance plans of a machine, twenty at most."""
    async with database.read() as tx:
        return reply(request, await plans.browse(tx, await sessions.actor(tx, claims), machine_id))


@delete("/maintenance-plans/{plan_id:uuid}", responses=responses(NotSignedIn, NotAllowed, UnknownPlan))
async def drop(plan_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]) -> None:
    """Plan this no more."""
    async with database.begin() as tx:
        await plans.drop(tx, await sessions.actor(tx, claims), plan_id)


@post(
    "/maintenance-plans/{plan_id:uuid}/done",
    status_code=200,
    operation_class=Repeatable,
    responses=responses(
        *INPUT,
        *idempotency.ERRORS,
        NotSignedIn,
        NotAllowed,
        UnknownPlan,
        ReadingNeeded,
        DoneBefore,
        PlanDisagrees,
        *_READING,
    ),
)
async def mark_done(
    request: HttpRequest,
    plan_id: FromPath[UUID],
    data: JSONBody[MarkDone],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PlanView]:
    """It was done; the next round counts from there."""

    async def verb(tx: Tx, who: Actor) -> Response[PlanView]:
        return reply(request, await plans.mark_done(tx, who, plan_id, data))

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get("/machines/{machine_id:uuid}/maintenance-proposals", responses=responses(InvalidInput, BadCursor, *_OF_MACHINE))
async def list_proposals(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ProposalView]]:
    """When maintenance would fit, newest first."""
    listed = f"proposals {machine_id}"
    before = cursors.read(listed, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await proposals.browse(tx, who, machine_id, before=before, limit=limit)
    return reply(request, cursors.page(listed, rows, limit, lambda view: view.id))


_DECISION = (NotSignedIn, NotAllowed, UnknownProposal, ProposalDecided)


@post(
    "/maintenance-proposals/{proposal_id:uuid}/accept",
    status_code=200,
    responses=responses(*_DECISION, MachineRetired, BlockMeetsBookings),
)
async def accept(
    request: HttpRequest,
    proposal_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[ProposalView]:
    """The proposed time becomes a maintenance block; if it was taken meanwhile, the proposal has another time then."""

    async def verb(tx: Tx) -> ProposalView:
        return await proposals.accept(tx, await sessions.actor(tx, claims), proposal_id)

    async def anew(tx: Tx) -> ProposalView | None:
        return await proposals.propose_anew(tx, await sessions.actor(tx, claims), proposal_id)

    try:
        return reply(request, await database.run(verb))
    except BlockMeetsBookings as taken:
        raise BlockMeetsBookings(**taken.facts, proposal=await database.run(anew)) from None


@post("/maintenance-proposals/{proposal_id:uuid}/dismiss", status_code=200, responses=responses(*_DECISION))
async def dismiss(
    request: HttpRequest,
    proposal_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[ProposalView]:
    """Nothing more is proposed until the maintenance is marked as done."""
    async with database.begin() as tx:
        return reply(request, await proposals.dismiss(tx, await sessions.actor(tx, claims), proposal_id))


router = Router(
    path="/v1",
    tags=["maintenance"],
    route_handlers=[
        read_meter,
        list_readings,
        plan,
        list_plans,
        drop,
        mark_done,
        list_proposals,
        accept,
        dismiss,
    ],
)
