"""HTTP of the fleet: categories, listing a machine, changing and publishing it, and what can pull it."""

from uuid import UUID

from litestar import Response, Router, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotACooperative, NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.fleet import editing, matching
from votremachine.fleet.attributes import AttributeDoesNotApply, NotMadeYet
from votremachine.fleet.categories import UnknownCategory, categories
from votremachine.fleet.compatibility import NeedsNoTractor
from votremachine.fleet.listing import (
    DatesDisagree,
    DatesOverlap,
    HoursDisagree,
    NobodyNamed,
    NotComplete,
    TermsDisagree,
    UnknownZone,
    Untitled,
)
from votremachine.fleet.rules import State, UnknownMachine
from votremachine.fleet.schemas import EditMachine, ListMachine
from votremachine.fleet.views import CategoryView, MachineView, Tractors
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import PUBLIC, Editing, Repeatable
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import MatchRequired, Stale, expected_version, reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.span import OutOfTime
from votremachine.kernel.states import IllegalTransition

_CHANGE_ERRORS = (*INPUT, NotSignedIn, NotAllowed, UnknownMachine)
_WRONG = (
    *(UnknownParty, NotACooperative, UnknownCategory, UnknownZone, TermsDisagree, HoursDisagree, DatesDisagree),
    *(DatesOverlap, OutOfTime, Untitled, NobodyNamed, AttributeDoesNotApply, NotMadeYet),
)


@get("/categories", security=PUBLIC)
async def list_categories(request: HttpRequest) -> Response[list[CategoryView]]:
    """Every category of machine, named in the caller's language."""
    language = language_of(request)
    views = [
        CategoryView(one.code, one.name(language), one.typical_units, sorted(one.attributes), sorted(one.needed))
        for one in categories().values()
    ]
    return reply(request, views)


@post(
    "/machines",
    operation_class=Repeatable,
    responses=responses(*INPUT, *idempotency.ERRORS, NotSignedIn, NotAllowed, *_WRONG),
)
async def list_machine(
    request: HttpRequest,
    data: JSONBody[ListMachine],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[MachineView]:
    """List a machine; it is a draft until it is published."""

    async def verb(tx: Tx, who: Actor) -> Response[MachineView]:
        view = await editing.list_machine(tx, who, data, language_of(request))
        location = {"Location": f"/v1/machines/{view.id}"}
        return reply(request, view, version=view.version, status=201, headers=location)

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get("/machines/{machine_id:uuid}", responses=responses(NotSignedIn, UnknownMachine))
async def show(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[MachineView]:
    """One machine."""
    async with database.read() as tx:
        view = await editing.show(tx, await sessions.actor(tx, claims), machine_id, language_of(request))
    return reply(request, view, version=view.version)


@patch(
    "/machines/{machine_id:uuid}",
    operation_class=Editing,
    responses=responses(*_CHANGE_ERRORS, Stale, MatchRequired, NotComplete, *_WRONG),
)
async def edit(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[EditMachine],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[MachineView]:
    """Change a machine; needs `If-Match`."""
    version = expected_version(request)
    async with database.begin() as tx:
        who = await sessions.actor(tx, claims)
        view = await editing.edit_machine(tx, who, machine_id, version, data, language_of(request))
    return reply(request, view, version=view.version)


@post(
    "/machines/{machine_id:uuid}/publish",
    status_code=200,
    responses=responses(*_CHANGE_ERRORS, IllegalTransition, NotComplete),
)
async def publish(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[MachineView]:
    """Open a machine to bookings; says everything that it still lacks at once."""
    return await _set_state(request, machine_id, claims, database, State.LISTED)


@post("/machines/{machine_id:uuid}/pause", status_code=200, responses=responses(*_CHANGE_ERRORS, IllegalTransition))
async def pause(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[MachineView]:
    """Take no new bookings of a machine; those that stand are kept."""
    return await _set_state(request, machine_id, claims, database, State.PAUSED)


@post("/machines/{machine_id:uuid}/retire", status_code=200, responses=responses(*_CHANGE_ERRORS, IllegalTransition))
async def retire(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[MachineView]:
    """Take a machine off for good: sold, scrapped; bookings that stand are kept."""
    return await _set_state(request, machine_id, claims, database, State.RETIRED)


@get("/machines/{machine_id:uuid}/tractors", responses=responses(NotSignedIn, UnknownMachine, NeedsNoTractor))
async def tractors(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Tractors]:
    """Which tractors of one's own and of one's cooperatives can pull this implement, and why."""
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        return reply(request, await matching.tractors(tx, who, machine_id, language_of(request)))


async def _set_state(
    request: HttpRequest, machine_id: UUID, claims: Claims, database: Database, state: State
) -> Response[MachineView]:
    async with database.begin() as tx:
        view = await editing.set_state(tx, await sessions.actor(tx, claims), machine_id, state, language_of(request))
    return reply(request, view, version=view.version)


router = Router(
    path="/v1",
    tags=["fleet"],
    route_handlers=[list_categories, list_machine, show, edit, publish, pause, retire, tractors],
)
