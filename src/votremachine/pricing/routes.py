"""HTTP of prices: rate cards and quotes."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotSignedIn, UnknownParty
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.fleet.bookable import BOOKABLE_ERRORS
from votremachine.fleet.rules import SeveralOwners, UnknownMachine
from votremachine.infra.database import Database, Tx
from votremachine.infra.languages import language_of
from votremachine.infra.pages import BadCursor, Cursors, Page
from votremachine.infra.problems import INPUT, InvalidInput, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import Cursor, HttpRequest, Limit
from votremachine.kernel.span import EndsBeforeStart, NaiveTime, OutOfTime
from votremachine.pricing.offers import Offers
from votremachine.pricing.rules.card import CARD_ERRORS, NoPrice
from votremachine.pricing.rules.delivery import BeyondRadius, NoDelivery
from votremachine.pricing.rules.price import EXTRA_ERRORS
from votremachine.pricing.schemas import AskQuote, Quote, RateCardView, SetRates
from votremachine.pricing.service import cards, quotes


class Asking(NamedTuple):
    """What a quote takes: whom the token speaks for, and what the process has."""

    claims: Claims
    database: Database
    offers: Offers


def asking_reader(
    read_claims: Callable[[HttpRequest], Claims], database: Database, offers: Offers
) -> Callable[[HttpRequest], Asking]:
    """One dependency that gives all three: Litestar opens a task group for several, a tenth of the time of a quote."""

    def read(request: HttpRequest) -> Asking:
        return Asking(read_claims(request), database, offers)

    return read


@post(
    "/machines/{machine_id:uuid}/rates",
    responses=responses(*INPUT, NotSignedIn, NotAllowed, UnknownMachine, *CARD_ERRORS),
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
        return await cards.set_rates(tx, await sessions.actor(tx, claims), machine_id, data)

    return reply(request, await database.run(verb), status=201)


@get(
    "/machines/{machine_id:uuid}/rates",
    responses=responses(InvalidInput, NotSignedIn, UnknownParty, UnknownMachine, NoPrice),
)
async def show_rates(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    party_id: FromQuery[UUID | None] = None,
) -> Response[RateCardView]:
    """The rate card in force, as this party of the caller's would be charged by it: the members' card to a member."""
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        return reply(request, await cards.show_rates(tx, who, machine_id, party_id))


@get(
    "/machines/{machine_id:uuid}/rates/history",
    responses=responses(InvalidInput, BadCursor, NotSignedIn, NotAllowed, UnknownMachine),
)
async def history(
    request: HttpRequest,
    machine_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    cursors: NamedDependency[Cursors],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[RateCardView]]:
    """Every rate card that the machine has or had, newest first, for its owner."""
    scope = f"rates {machine_id}"
    before = cursors.read(scope, cursor, UUID) if cursor else None
    async with database.read() as tx:
        who = await sessions.actor(tx, claims)
        rows = await cards.history(tx, who, machine_id, before=before, limit=limit)
    return reply(request, cursors.page(scope, rows, limit, lambda view: view.id))


@post(
    "/quotes",
    status_code=200,
    responses=responses(
        *INPUT,
        NaiveTime,
        OutOfTime,
        EndsBeforeStart,
        NotSignedIn,
        UnknownParty,
        UnknownMachine,
        SeveralOwners,
        NoPrice,
        NoDelivery,
        BeyondRadius,
        *EXTRA_ERRORS,
        *BOOKABLE_ERRORS,
    ),
)
async def quote(
    request: HttpRequest,
    data: JSONBody[AskQuote],
    asking: NamedDependency[Asking],
) -> Response[Quote]:
    """The full price of a period, line by line, and a token by which it is booked at that price for 30 minutes."""
    identify = sessions.identify(asking.claims)
    view = await quotes.quote(asking.database, identify, data, asking.offers, language_of(request))
    return reply(request, view)


router = Router(path="/v1", tags=["pricing"], route_handlers=[set_rates, show_rates, history, quote])
