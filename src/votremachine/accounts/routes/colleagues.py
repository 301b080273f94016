"""HTTP of the people of a party: who they are, their roles, and inviting others by link."""

from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.limits import PROOFS_FROM
from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn, UnknownParty
from votremachine.accounts.routes.reading import Turnstile
from votremachine.accounts.schemas import (
    AcceptInvitation,
    ChangeRole,
    ColleagueView,
    InvitationView,
    Invite,
    NewInvitation,
    SeatView,
)
from votremachine.accounts.seating import InvitationGone, LastAdmin, RoleTooHigh, UnknownColleague
from votremachine.accounts.service import colleagues, sessions
from votremachine.accounts.tokens import Claims
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.limits import TooManyRequests
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest

_PARTY = (NotSignedIn, NotAllowed, UnknownParty)


@get("/parties/{party_id:uuid}/people", responses=responses(*_PARTY))
async def list_people(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[list[ColleagueView]]:
    """Everybody who acts for a party."""
    async with database.read() as tx:
        return reply(request, list(await colleagues.colleagues(tx, await sessions.actor(tx, claims), party_id)))


@patch(
    "/parties/{party_id:uuid}/people/{person_id:uuid}",
    status_code=204,
    responses=responses(*INPUT, *_PARTY, UnknownColleague, LastAdmin),
)
async def change_role(
    party_id: FromPath[UUID],
    person_id: FromPath[UUID],
    data: JSONBody[ChangeRole],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> None:
    """Give somebody another role."""
    async with database.begin() as tx:
        await colleagues.change_role(tx, await sessions.actor(tx, claims), party_id, person_id, data.role)


@delete(
    "/parties/{party_id:uuid}/people/{person_id:uuid}",
    status_code=204,
    responses=responses(*_PARTY, UnknownColleague, LastAdmin, NotInTheirPlace),
)
async def remove(
    party_id: FromPath[UUID],
    person_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> None:
    """Take somebody's seat away, or leave one's own; the last admin stays."""
    async with database.begin() as tx:
        await colleagues.remove(tx, await sessions.actor(tx, claims), party_id, person_id)


@post("/parties/{party_id:uuid}/invitations", responses=responses(*INPUT, *_PARTY, RoleTooHigh))
async def invite(
    request: HttpRequest,
    party_id: FromPath[UUID],
    data: JSONBody[Invite],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[NewInvitation]:
    """A link for one person to take a seat within 7 days; told this once, to be passed on."""
    async with database.begin() as tx:
        made = await colleagues.invite(tx, await sessions.actor(tx, claims), party_id, data, settings.link_base)
    return reply(request, made, status=201, headers={"Cache-Control": "no-store"})


@get("/parties/{party_id:uuid}/invitations", responses=responses(*_PARTY))
async def list_invitations(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[list[InvitationView]]:
    """The invitations that nobody has taken yet."""
    async with database.read() as tx:
        return reply(request, list(await colleagues.open_invitations(tx, await sessions.actor(tx, claims), party_id)))


@delete(
    "/parties/{party_id:uuid}/invitations/{invitation_id:uuid}",
    status_code=204,
    responses=responses(*_PARTY, InvitationGone),
)
async def take_back(
    party_id: FromPath[UUID],
    invitation_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> None:
    """Make an invitation worthless."""
    async with database.begin() as tx:
        await colleagues.take_back(tx, await sessions.actor(tx, claims), party_id, invitation_id)


@post(
    "/invitations/accept",
    status_code=200,
    responses=responses(*INPUT, NotSignedIn, InvitationGone, NotInTheirPlace, TooManyRequests),
)
async def accept(
    request: HttpRequest,
    data: JSONBody[AcceptInvitation],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    turnstile: NamedDependency[Turnstile],
) -> Response[SeatView]:
    """Take the seat that one was invited to."""
    await turnstile.take(request, PROOFS_FROM)
    async with database.begin() as tx:
        seat = await colleagues.accept(tx, await sessions.actor(tx, claims), data.token)
    return reply(request, seat)


HANDLERS = [list_people, change_role, remove, invite, list_invitations, take_back, accept]
