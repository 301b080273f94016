"""HTTP of the cards that a party pays with."""

from collections.abc import Sequence
from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, NotSignedIn, UnknownParty
from votremachine.accounts.service import sessions
from votremachine.accounts.tokens import Claims
from votremachine.infra.database import Database
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.payments.gateway import Gateway, NotAtGateway, OutcomeUnknown
from votremachine.payments.instruments import service
from votremachine.payments.instruments.rules import TooManyInstruments, UnknownInstrument, UnknownToken
from votremachine.payments.instruments.schemas import InstrumentView, KeepCard
from votremachine.payments.orders.rules import GatewaySilent

_WHO = (NotSignedIn, NotInTheirPlace, NotAllowed)


@post(
    "/parties/{party_id:uuid}/instruments",
    responses=responses(*INPUT, *_WHO, UnknownParty, TooManyInstruments, UnknownToken, GatewaySilent),
)
async def keep(
    request: HttpRequest,
    party_id: FromPath[UUID],
    data: JSONBody[KeepCard],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    gateway: NamedDependency[Gateway],
) -> Response[InstrumentView]:
    """Keep a card for a party to pay with. Lost on the way, it is kept at the gateway and pays for nothing."""
    async with database.read() as tx:
        customer = await service.customer(tx, await sessions.actor(tx, claims), party_id)
        key = tx.new_id()
    try:
        saved = await gateway.save(key, data.token, customer)
    except NotAtGateway as error:
        raise UnknownToken(pointer="/token") from error
    except OutcomeUnknown as error:
        raise GatewaySilent from error
    async with database.begin() as tx:
        made = await service.keep(tx, await sessions.actor(tx, claims), party_id, gateway.name, saved)
    return reply(request, made, status=201, headers={"Cache-Control": "no-store"})


@get("/parties/{party_id:uuid}/instruments", responses=responses(*_WHO, UnknownParty))
async def browse(
    request: HttpRequest, party_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> Response[Sequence[InstrumentView]]:
    """The cards that a party pays with."""
    async with database.read() as tx:
        return reply(request, await service.browse(tx, await sessions.actor(tx, claims), party_id))


@post(
    "/instruments/{instrument_id:uuid}/prove",
    status_code=200,
    responses=responses(*_WHO, UnknownInstrument, GatewaySilent),
)
async def prove(
    request: HttpRequest,
    instrument_id: FromPath[UUID],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    gateway: NamedDependency[Gateway],
) -> Response[InstrumentView]:
    """The cardholder has proved who they are in the gateway's form: see whether the card may pay now."""
    async with database.read() as tx:
        reference = await service.saving(tx, await sessions.actor(tx, claims), instrument_id)
    try:
        saved = await gateway.look_up_saved(reference)
    except OutcomeUnknown as error:
        raise GatewaySilent from error
    if saved is None:
        raise UnknownInstrument
    async with database.begin() as tx:
        view = await service.proved(tx, await sessions.actor(tx, claims), instrument_id, saved)
    return reply(request, view)


@delete("/instruments/{instrument_id:uuid}", responses=responses(*_WHO, UnknownInstrument))
async def remove(
    instrument_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Pay with a card no more."""
    async with database.begin() as tx:
        await service.remove(tx, await sessions.actor(tx, claims), instrument_id)


router = Router(path="/v1", tags=["payments"], route_handlers=[keep, browse, prove, remove])
