"""HTTP of accounts: register, sign in and out, me, parties, joining a cooperative."""

from collections.abc import Callable
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.rules import (
    Actor,
    EmailTaken,
    NotACooperative,
    NotAllowed,
    NotSignedIn,
    SignInFailed,
    UnknownParty,
)
from votremachine.accounts.schemas import (
    Adhesion,
    AskToJoin,
    CreateParty,
    Me,
    PartyView,
    Refresh,
    Register,
    SignIn,
    TokenPair,
)
from votremachine.accounts.service import parties, people, sessions
from votremachine.accounts.tokens import ACCESS_TOKEN_LIFE, Claims, Tokens
from votremachine.config import Settings
from votremachine.infra import idempotency
from votremachine.infra.database import Clock, Database, Tx
from votremachine.infra.openapi import PUBLIC, Repeatable
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest


def claims_reader(tokens: Tokens, clock: Clock) -> Callable[[HttpRequest], Claims]:
    """What tells whom a request's bearer token speaks for; whether the session lives, the verbs ask.

    A closure and not a dependency on others: Litestar opens a task group for dependencies that need several.
    """

    def read_claims(request: HttpRequest) -> Claims:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn
        return tokens.read(token.strip(), clock())

    return read_claims


def _pair(opened: tuple[Claims, str], tokens: Tokens, database: Database) -> TokenPair:
    claims, refresh_token = opened
    seconds = int(ACCESS_TOKEN_LIFE.total_seconds())
    return TokenPair(tokens.sign(claims, database.clock()), refresh_token, seconds)


@post("/auth/register", security=PUBLIC, responses=responses(*INPUT, EmailTaken))
async def register(
    request: HttpRequest,
    data: JSONBody[Register],
    database: NamedDependency[Database],
    tokens: NamedDependency[Tokens],
) -> Response[TokenPair]:
    """Register and sign in at once."""
    await people.register(database, data)
    opened = await sessions.sign_in(database, SignIn(email=data.email, password=data.password))
    return reply(request, _pair(opened, tokens, database), status=201)


@post("/auth/login", status_code=200, security=PUBLIC, responses=responses(*INPUT, SignInFailed))
async def login(
    request: HttpRequest,
    data: JSONBody[SignIn],
    database: NamedDependency[Database],
    tokens: NamedDependency[Tokens],
) -> Response[TokenPair]:
    """Sign in."""
    return reply(request, _pair(await sessions.sign_in(database, data), tokens, database))


@post("/auth/refresh", status_code=200, security=PUBLIC, responses=responses(*INPUT, NotSignedIn))
async def refresh(
    request: HttpRequest,
    data: JSONBody[Refresh],
    database: NamedDependency[Database],
    tokens: NamedDependency[Tokens],
) -> Response[TokenPair]:
    """The next pair of tokens; the refresh token that was sent is spent."""
    async with database.begin() as tx:
        opened = await sessions.refresh(tx, data.refresh_token)
    return reply(request, _pair(opened, tokens, database))


@post("/auth/logout", status_code=204, responses=responses(NotSignedIn))
async def logout(claims: NamedDependency[Claims], database: NamedDependency[Database]) -> None:
    """End this session."""
    async with database.begin() as tx:
        await sessions.sign_out(tx, claims)


@get("/me", responses=responses(NotSignedIn))
async def me(
    request: HttpRequest, claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[Me]:
    """Who is signed in, and for which parties they act."""
    async with database.read() as tx:
        return reply(request, await people.me(tx, await sessions.actor(tx, claims)))


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
        asked = await parties.ask_to_join(tx, await sessions.actor(tx, claims), party_id, data.party_id)
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
        approved = await parties.approve(tx, await sessions.actor(tx, claims), party_id, member_id)
    return reply(request, approved)


router = Router(
    path="/v1",
    tags=["accounts"],
    route_handlers=[register, login, refresh, logout, me, create_party, show_party, ask_to_join, approve],
)
