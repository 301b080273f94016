"""HTTP of prices: rate cards and quotes."""

from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.rules import NotAllowed, NotSignedIn
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.fleet.rules import BOOKABLE_ERRORS, SeveralOwners, UnknownMachine
from votremachine.infra.database import Database, Tx
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime
from votremachine.pricing import service
from votremachine.pricing.rules import NoPrice, SameUnitTwice
from votremachine.pricing.schemas import AskQuote, Quote, RateCardView, SetRates


@post(
    "/machines/{machine_id:uuid}/rates",
    responses=responses(*INPUT, NotSignedIn, NotAllowed, UnknownMachine, SameUnitTwice),
)
async def set_rates(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    data: JSONBody[SetRates],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[RateCardView]:
    """Put a new rate card in force; what is booked keeps the card it was booked by."""

    async def verb(tx: Tx) -> RateCardView:
        return await service.set_rates(tx, await sessions.actor(tx, claims), machine_id, data)

    return reply(request, await database.run(verb), status=201)


@get("/machines/{machine_id:uuid}/rates", responses=responses(NotSignedIn, UnknownMachine, NoPrice))
async def show_rates(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[RateCardView]:
    """The rate card in force."""
    async with database.read() as tx:
        return reply(request, await service.show_rates(tx, await sessions.actor(tx, claims), machine_id))


@post(
    "/quotes",
    status_code=200,
    responses=responses(
        *INPUT,
        NaiveTime,
        OutOfTime,
        EndsBeforeStart,
        NotSignedIn,
        UnknownMachine,
        SeveralOwners,
        NoPrice,
        *BOOKABLE_ERRORS,
    ),
)
async def quote(
    request: HttpRequest,
    data: JSONBody[AskQuote],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
) -> Response[Quote]:
    """The full price of a period, line by line."""
    async with database.read() as tx:
        return reply(request, await service.quote(tx, await sessions.actor(tx, claims), data))


router = Router(path="/v1", tags=["pricing"], route_handlers=[set_rates, show_rates, quote])
