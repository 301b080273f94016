"""HTTP of getting in and out: registering, signing in with a password or a code, renewing, resetting a password."""

from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.addresses import NotAPhoneNumber, OneAddress
from votremachine.accounts.challenges import Purpose
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.limits import LETTERS_FROM, LETTERS_TO, PROOFS_FROM, SIGN_IN_FROM, SIGN_IN_TO
from votremachine.accounts.refusals import NotSignedIn, PasswordNeeded, ProofFailed, SignInFailed
from votremachine.accounts.routes.reading import Turnstile, device_of
from votremachine.accounts.schemas import Addressed, Asked, Redeem, Refresh, Register, SignIn, TokenPair
from votremachine.accounts.service import challenges, credentials, sessions
from votremachine.accounts.tokens import ACCESS_TOKEN_LIFE, Claims
from votremachine.infra.database import Database
from votremachine.infra.idempotency import BadKey, given_key
from votremachine.infra.limits import TooManyRequests
from votremachine.infra.openapi import PUBLIC, Repeatable
from votremachine.infra.problems import INPUT, UnknownPath, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest

_ADDRESSED = (*INPUT, OneAddress, NotAPhoneNumber, TooManyRequests)


@post("/auth/register", status_code=202, security=PUBLIC, responses=responses(*_ADDRESSED))
async def register(
    request: HttpRequest,
    data: JSONBody[Register],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
    turnstile: NamedDependency[Turnstile],
) -> Response[Asked]:
    """Register: a code is sent to the address, and redeeming it makes the account. The same answer if it has one."""
    await _letter_allowed(turnstile, request, data.address())
    return reply(request, await credentials.register(database, known_by.passwords, data), status=202)


@post("/auth/codes", status_code=202, security=PUBLIC, responses=responses(*_ADDRESSED))
async def ask_code(
    request: HttpRequest,
    data: JSONBody[Addressed],
    database: NamedDependency[Database],
    turnstile: NamedDependency[Turnstile],
) -> Response[Asked]:
    """Ask for six digits to sign in with, by e-mail or SMS. The same answer whether or not there is an account."""
    return await _ask(request, data, database, turnstile, Purpose.SIGN_IN)


@post("/auth/resets", status_code=202, security=PUBLIC, responses=responses(*_ADDRESSED))
async def ask_reset(
    request: HttpRequest,
    data: JSONBody[Addressed],
    database: NamedDependency[Database],
    turnstile: NamedDependency[Turnstile],
) -> Response[Asked]:
    """Ask for a link with which to set a new password. The same answer whether or not there is an account."""
    return await _ask(request, data, database, turnstile, Purpose.RESET)


@post(
    "/auth/challenges/{challenge_id:uuid}/redeem",
    status_code=200,
    security=PUBLIC,
    responses=responses(*INPUT, UnknownPath, ProofFailed, PasswordNeeded, TooManyRequests),
)
async def redeem(
    request: HttpRequest,
    challenge_id: FromPath[UUID],
    data: JSONBody[Redeem],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
    turnstile: NamedDependency[Turnstile],
) -> Response[TokenPair]:
    """Sign in with the code, or the token of the link, of a registration, a sign-in or a reset."""
    await turnstile.take(request, PROOFS_FROM)
    opened = await credentials.redeem(database, known_by, challenge_id, data, device_of(request))
    return reply(request, _pair(opened, known_by, database))


@post("/auth/login", status_code=200, security=PUBLIC, responses=responses(*_ADDRESSED, SignInFailed))
async def login(
    request: HttpRequest,
    data: JSONBody[SignIn],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
    turnstile: NamedDependency[Turnstile],
) -> Response[TokenPair]:
    """Sign in with a password."""
    await turnstile.take(request, SIGN_IN_FROM)
    await turnstile.take(request, SIGN_IN_TO, data.address())
    opened = await sessions.sign_in(database, known_by.passwords, known_by.refreshing, data, device_of(request))
    return reply(request, _pair(opened, known_by, database))


@post(
    "/auth/refresh",
    status_code=200,
    security=PUBLIC,
    operation_class=Repeatable,
    responses=responses(*INPUT, BadKey, NotSignedIn),
)
async def refresh(
    request: HttpRequest,
    data: JSONBody[Refresh],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
) -> Response[TokenPair]:
    """The next pair of tokens; the refresh token that was sent is spent, and using it again ends the session.

    With an `Idempotency-Key` a phone that lost the answer may ask again with the same one.
    """
    key = given_key(request)
    async with database.begin() as tx:
        opened = await sessions.refresh(tx, known_by.refreshing, data.refresh_token, key)
    # Only now: that a copy was used must be remembered.
    if opened is None:
        raise NotSignedIn
    return reply(request, _pair(opened, known_by, database))


@post("/auth/logout", status_code=204, responses=responses(NotSignedIn))
async def logout(claims: NamedDependency[Claims], database: NamedDependency[Database]) -> None:
    """End this session; its tokens are worth nothing from now on."""
    async with database.begin() as tx:
        await sessions.sign_out(tx, claims)


async def _ask(
    request: HttpRequest, data: Addressed, database: Database, turnstile: Turnstile, purpose: Purpose
) -> Response[Asked]:
    address = data.address()
    await _letter_allowed(turnstile, request, address)
    async with database.begin() as tx:
        asked = await challenges.ask(tx, purpose, address)
    return reply(request, asked, status=202)


async def _letter_allowed(turnstile: Turnstile, request: HttpRequest, address: str) -> None:
    await turnstile.take(request, LETTERS_FROM)
    await turnstile.take(request, LETTERS_TO, address)


def _pair(opened: sessions.Opened, known_by: Credentials, database: Database) -> TokenPair:
    seconds = int(ACCESS_TOKEN_LIFE.total_seconds())
    return TokenPair(known_by.tokens.sign(opened.claims, database.clock()), opened.refresh_token, seconds)


HANDLERS = [register, ask_code, ask_reset, redeem, login, refresh, logout]
