"""HTTP of parties: founding, reading and changing one, and membership of a cooperative."""

from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.credentials import Credentials
from votremachine.accounts.identity import BadIban, BadSiren, BadSiret, BadVatNumber, OtherSiren
from votremachine.accounts.refusals import NotACooperative, NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.rules import Actor
from votremachine.accounts.schemas import (
    Adhesion,
    AskToJoin,
    CreateParty,
    EditParty,
    PartyDetails,
    PartyView,
    SetIban,
)
from votremachine.accounts.service import adhesions, parties, sessions
from votremachine.accounts.tokens import Claims
from votremachine.config import Settings
from votremachine.infra import idempotency
from votremachine.infra.database import Database, Tx
from votremachine.infra.openapi import Editing, Repeatable
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import MatchRequired, Stale, expected_version, reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit


@post("/parties", operation_class=Repeatable, responses=responses(*INPUT, *idempotency.ERRORS, NotSignedIn))
async def create_party(
    request: HttpRequest,
    data: JSONBody[CreateParty],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[PartyView]:
    """A new farm, cooperative or contractor, with the caller as its admin."""

    async def verb(tx: Tx, who: Actor) -> Response[PartyView]:
        made = await parties.create_party(tx, who, data, demo=settings.demo)
        return reply(request, made, status=201, headers={"Location": f"/v1/parties/{made.id}"})

    return await idempotency.once(request, database, claims.person_id, sessions.identify(claims), verb, required=False)


@get("/parties/{party_id:uuid}", responses=responses(NotSignedIn, UnknownParty))
async def show_party(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PartyView]:
    """The public face of a party."""
    async with database.read() as tx:
        await sessions.actor(tx, claims)
        return reply(request, await parties.party(tx, party_id))


@get("/parties/{party_id:uuid}/details", responses=responses(NotSignedIn, NotAllowed, UnknownParty))
async def show_details(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PartyDetails]:
    """A party as its own people see it: numbers, address, and the two ends of its IBAN."""
    async with database.read() as tx:
        known = await parties.details(tx, await sessions.actor(tx, claims), party_id)
    return reply(request, known, version=known.version)


@patch(
    "/parties/{party_id:uuid}",
    operation_class=Editing,
    responses=responses(
        *INPUT,
        NotSignedIn,
        NotAllowed,
        UnknownParty,
        BadSiren,
        BadSiret,
        BadVatNumber,
        OtherSiren,
        MatchRequired,
        Stale,
    ),
)
async def edit_party(
    request: HttpRequest,
    party_id: FromPath[UUID],
    data: JSONBody[EditParty],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PartyDetails]:
    """Change a party; needs the `If-Match` of its details."""
    version = expected_version(request)
    async with database.begin() as tx:
        changed = await parties.edit_party(tx, await sessions.actor(tx, claims), party_id, version, data)
    return reply(request, changed, version=changed.version)


@put(
    "/parties/{party_id:uuid}/iban",
    responses=responses(*INPUT, NotSignedIn, NotAllowed, UnknownParty, BadIban),
)
async def set_iban(
    request: HttpRequest,
    party_id: FromPath[UUID],
    data: JSONBody[SetIban],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
) -> Response[PartyDetails]:
    """The account that the party is paid on; kept encrypted, shown by its two ends."""
    async with database.begin() as tx:
        who = await sessions.actor(tx, claims)
        changed = await parties.set_iban(tx, who, party_id, data.iban, known_by.ibans)
    return reply(request, changed, version=changed.version)


@get(
    "/parties/{party_id:uuid}/members",
    responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed, UnknownParty),
)
async def list_members(
    request: HttpRequest,
    party_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[Adhesion]]:
    """The members of a cooperative, and the parties that asked to be."""
    after = cursors.read("members", cursor, UUID) if cursor else None
    async with database.read() as tx:
        rows = await adhesions.members(tx, await sessions.actor(tx, claims), party_id, after=after, limit=limit)
    return reply(request, cursors.page("members", rows, limit, lambda row: row.party.id))


@post(
    "/parties/{party_id:uuid}/members",
    responses=responses(*INPUT, NotSignedIn, NotAllowed, UnknownParty, NotACooperative),
)
async def ask_to_join(
    request: HttpRequest,
    party_id: FromPath[UUID],
    data: JSONBody[AskToJoin],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Adhesion]:
    """Ask, for one of your parties, to become a member of this cooperative."""
    async with database.begin() as tx:
        asked = await adhesions.ask_to_join(tx, await sessions.actor(tx, claims), party_id, data.party_id)
    return reply(request, asked, status=201)


@post(
    "/parties/{party_id:uuid}/members/{member_id:uuid}/approve",
    status_code=200,
    responses=responses(NotSignedIn, NotAllowed, UnknownParty),
)
async def approve(
    request: HttpRequest,
    party_id: FromPath[UUID],
    member_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Adhesion]:
    """Let a party that asked into this cooperative."""
    async with database.begin() as tx:
        approved = await adhesions.approve(tx, await sessions.actor(tx, claims), party_id, member_id)
    return reply(request, approved)


@delete(
    "/parties/{party_id:uuid}/members/{member_id:uuid}",
    status_code=204,
    responses=responses(NotSignedIn, NotAllowed, UnknownParty),
)
async def part(
    party_id: FromPath[UUID],
    member_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> None:
    """End a membership, or refuse a request: by the cooperative, or by the member itself."""
    async with database.begin() as tx:
        await adhesions.part(tx, await sessions.actor(tx, claims), party_id, member_id)


HANDLERS = [create_party, show_party, show_details, edit_party, set_iban, list_members, ask_to_join, approve, part]
