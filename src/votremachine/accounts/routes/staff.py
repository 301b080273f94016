"""HTTP of the platform's staff: finding a person, and acting in a person's place."""

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from votremachine.accounts.addresses import NotAPhoneNumber, OneAddress
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownPerson
from votremachine.accounts.schemas import FoundPerson, Impersonate, InTheirPlace
from votremachine.accounts.service import sessions, staff
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest

Address = Annotated[str | None, QueryParameter(max_length=254)]


@get(
    "/staff/people",
    responses=responses(InvalidInput, NotSignedIn, NotAllowed, OneAddress, NotAPhoneNumber, UnknownPerson),
)
async def find_person(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    email: Address = None,
    phone: Address = None,
) -> Response[FoundPerson]:
    """The person with exactly this address; that one looked is noted."""
    async with database.begin() as tx:
        found = await staff.find_person(tx, await sessions.actor(tx, claims), email=email, phone=phone)
    return reply(request, found)


@post("/staff/impersonations", responses=responses(*INPUT, NotSignedIn, NotAllowed, UnknownPerson))
async def impersonate(
    request: HttpRequest,
    data: JSONBody[Impersonate],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
) -> Response[InTheirPlace]:
    """An access token that speaks for a person; they are told, and shown the reason and all that is done."""
    async with database.begin() as tx:
        theirs = await staff.impersonate(tx, await sessions.actor(tx, claims), data)
        now = tx.now
    token = InTheirPlace(known_by.tokens.sign(theirs, now, staff.PLACE_LIFE), now + staff.PLACE_LIFE)
    return reply(request, token, status=201, headers={"Cache-Control": "no-store"})


HANDLERS = [find_person, impersonate]
