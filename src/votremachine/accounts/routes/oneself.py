"""HTTP of oneself: who I am, my devices, what was done in my name, my data, leaving."""

from uuid import UUID

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.addresses import NotAPhoneNumber, OneAddress
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.limits import EXPORTS, LETTERS_FROM, LETTERS_TO, PROOFS_FROM, SIGN_IN_TO
from votremachine.accounts.privacy import Parts
from votremachine.accounts.refusals import (
    AddressTaken,
    NotInTheirPlace,
    NotSignedIn,
    ProofFailed,
    ProveItIsYou,
    UnknownSession,
)
from votremachine.accounts.routes.reading import Turnstile
from votremachine.accounts.schemas import (
    Addressed,
    Asked,
    AuditView,
    ChangePassword,
    CloseAccount,
    EditMe,
    Me,
    Redeem,
    SessionView,
)
from votremachine.accounts.seating import LastAdmin
from votremachine.accounts.service import audit, credentials, devices, people, privacy, sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.limits import TooManyRequests
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, UnknownPath, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit


@get("/me", responses=responses(NotSignedIn))
async def me(
    request: HttpRequest, claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[Me]:
    """Who is signed in, and for which parties they act."""
    async with database.read() as tx:
        return reply(request, await people.me(tx, await sessions.actor(tx, claims)))


@patch("/me", responses=responses(*INPUT, NotSignedIn))
async def edit_me(
    request: HttpRequest,
    data: JSONBody[EditMe],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Me]:
    """Change one's name or language."""
    async with database.begin() as tx:
        changed = await people.edit_me(tx, await sessions.actor(tx, claims), data)
    return reply(request, changed)


@put(
    "/me/password",
    status_code=204,
    responses=responses(*INPUT, NotSignedIn, ProveItIsYou, NotInTheirPlace, TooManyRequests),
)
async def change_password(
    request: HttpRequest,
    data: JSONBody[ChangePassword],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
    turnstile: NamedDependency[Turnstile],
) -> None:
    """Set a new password; every other device is signed out."""
    await turnstile.take(request, SIGN_IN_TO, str(claims.person_id))
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
    await credentials.change_password(database, known_by.passwords, who, data)


@post(
    "/me/addresses",
    status_code=202,
    responses=responses(*INPUT, NotSignedIn, OneAddress, NotAPhoneNumber, NotInTheirPlace, TooManyRequests),
)
async def ask_address(
    request: HttpRequest,
    data: JSONBody[Addressed],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    turnstile: NamedDependency[Turnstile],
) -> Response[Asked]:
    """Ask to be reached at another address: a code is sent there, and nothing changes until it is redeemed."""
    await turnstile.take(request, LETTERS_FROM)
    await turnstile.take(request, LETTERS_TO, data.address())
    async with database.begin() as tx:
        asked = await credentials.ask_address(tx, await sessions.actor(tx, claims), data)
    return reply(request, asked, status=202)


@post(
    "/me/addresses/{challenge_id:uuid}/redeem",
    status_code=200,
    responses=responses(*INPUT, UnknownPath, NotSignedIn, ProofFailed, AddressTaken, NotInTheirPlace, TooManyRequests),
)
async def prove_address(
    request: HttpRequest,
    challenge_id: FromPath[UUID],
    data: JSONBody[Redeem],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
    turnstile: NamedDependency[Turnstile],
) -> Response[Me]:
    """Put the address whose code this is into one's account."""
    await turnstile.take(request, PROOFS_FROM)
    async with database.begin() as tx:
        who = await sessions.actor(tx, claims)
        proved = await credentials.prove_address(tx, known_by, who, challenge_id, data)
    # Only now: the try that failed must be counted.
    if not proved:
        raise ProofFailed
    async with database.read() as tx:
        return reply(request, await people.me(tx, who))


@get("/me/sessions", responses=responses(NotSignedIn))
async def list_sessions(
    request: HttpRequest, claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[list[SessionView]]:
    """Where one is signed in; staff who act in one's place included, with their reason."""
    async with database.read() as tx:
        return reply(request, await devices.devices(tx, await sessions.actor(tx, claims)))


@delete("/me/sessions", status_code=204, responses=responses(NotSignedIn, NotInTheirPlace))
async def revoke_others(claims: NamedDependency[Claims], database: NamedDependency[Database]) -> None:
    """Sign out everywhere else."""
    async with database.begin() as tx:
        await devices.revoke_others(tx, await sessions.actor(tx, claims))


@delete(
    "/me/sessions/{session_id:uuid}",
    status_code=204,
    responses=responses(NotSignedIn, NotInTheirPlace, UnknownSession),
)
async def revoke(
    session_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Sign out one device."""
    async with database.begin() as tx:
        await devices.revoke(tx, await sessions.actor(tx, claims), session_id)


@get("/me/audit", responses=responses(InvalidInput, BadCursor, NotSignedIn))
async def own_audit(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[AuditView]]:
    """What was done in one's name, newest first."""
    before = cursors.read("audit", cursor, UUID) if cursor else None
    async with database.read() as tx:
        rows = await audit.own(tx, await sessions.actor(tx, claims), before=before, limit=limit)
    return reply(request, cursors.page("audit", rows, limit, lambda view: view.id))


@get("/me/export", media_type="application/zip", responses=responses(NotSignedIn, NotInTheirPlace, TooManyRequests))
async def export(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    parts: NamedDependency[Parts],
    turnstile: NamedDependency[Turnstile],
) -> Response[bytes]:
    """All that is known of oneself: a zip of JSON files."""
    await turnstile.take(request, EXPORTS, str(claims.person_id))
    async with database.begin() as tx:
        archive = await privacy.export(tx, await sessions.actor(tx, claims), parts)
    headers = {"Content-Disposition": 'attachment; filename="votremachine.zip"', "Cache-Control": "no-store"}
    return Response(archive, media_type="application/zip", headers=headers)


@post(
    "/me/close",
    status_code=204,
    responses=responses(*INPUT, NotSignedIn, ProveItIsYou, NotInTheirPlace, LastAdmin, TooManyRequests),
)
async def close(
    request: HttpRequest,
    data: JSONBody[CloseAccount],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
    parts: NamedDependency[Parts],
    turnstile: NamedDependency[Turnstile],
) -> None:
    """Leave for good: one's name and addresses are taken out; what invoices rest on is kept without them."""
    await turnstile.take(request, SIGN_IN_TO, str(claims.person_id))
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
    await credentials.check_it_is_them(database, known_by.passwords, who, data.current)
    async with database.begin() as tx:
        await privacy.close(tx, await sessions.actor(tx, claims), parts)


HANDLERS = [
    me,
    edit_me,
    change_password,
    ask_address,
    prove_address,
    list_sessions,
    revoke_others,
    revoke,
    own_audit,
    export,
    close,
]
