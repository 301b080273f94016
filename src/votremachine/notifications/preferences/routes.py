"""HTTP of preferences, and of the links by which a letter spares its reader the next."""

from html import escape

from litestar import MediaType, Response, Router, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotInTheirPlace, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.languages import language_of
from votremachine.infra.openapi import PUBLIC, Editing
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import MatchRequired, Stale, expected_version, reply
from votremachine.infra.wire import HttpRequest
from votremachine.notifications.channels.unsubscribing import UnknownLink, Unsubscribing
from votremachine.notifications.preferences import verbs
from votremachine.notifications.preferences.rules import HalfQuiet, UnknownKind, UnknownZone
from votremachine.notifications.preferences.schemas import PreferencesView, SetPreferences
from votremachine.notifications.words.catalogues import word

# What follows in a path is the permission itself: for the log to leave out.
PRIVATE_BELOW = "/unsubscribe/"


@get("/preferences", responses=responses(NotSignedIn))
async def show(
    request: HttpRequest, claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[PreferencesView]:
    """How the caller is told: quiet hours, digest, and the channels of every kind of message."""
    async with database.read() as tx:
        found = await verbs.show(tx, await sessions.actor(tx, claims))
    return reply(request, found, version=found.version)


@put(
    "/preferences",
    operation_class=Editing,
    responses=responses(
        *INPUT, NotSignedIn, NotInTheirPlace, MatchRequired, Stale, UnknownKind, UnknownZone, HalfQuiet
    ),
)
async def change(
    request: HttpRequest,
    data: JSONBody[SetPreferences],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[PreferencesView]:
    """Say anew how one wants to be told."""
    version = expected_version(request)
    async with database.begin() as tx:
        found = await verbs.change(tx, await sessions.actor(tx, claims), version, data)
    return reply(request, found, version=found.version)


@post("/unsubscribe/{token:str}", status_code=204, security=PUBLIC, responses=responses(UnknownLink))
async def leave(
    token: FromPath[str], database: NamedDependency[Database], unsubscribing: NamedDependency[Unsubscribing]
) -> None:
    """No more e-mails of the kind whose letter this link came with (RFC 8058: mail programs post here)."""
    leaving = unsubscribing.read(token)
    await database.run(lambda tx: verbs.leave(tx, leaving))


@get("/unsubscribe/{token:str}", media_type=MediaType.HTML, security=PUBLIC, responses=responses(UnknownLink))
async def ask_to_leave(
    request: HttpRequest, token: FromPath[str], unsubscribing: NamedDependency[Unsubscribing]
) -> Response[str]:
    """A page with one button, which does so: links are followed by machines as well."""
    unsubscribing.read(token)
    language = language_of(request)
    button = escape(word("unsubscribe", language))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Votremachine</title>'
    page = f'<!doctype html><html lang="{language}">{head}<form method="post"><button>{button}</button></form></html>'
    return Response(page, media_type=MediaType.HTML, headers={"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})


router = Router(path="/v1", tags=["messages"], route_handlers=[show, change, leave, ask_to_leave])
