"""Where the SMS gateway hands in what people answered."""

import hmac
from typing import Annotated

import msgspec
from litestar import Response, Router, post
from litestar.di import NamedDependency

from votremachine.accounts.addresses import NotAPhoneNumber, e164
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.routes.reading import Turnstile
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.limits import Limit, TooManyRequests
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.wire import HttpRequest
from votremachine.notifications.answering import service
from votremachine.notifications.answering.rules import DAY_SECONDS, MOST_A_DAY, NotTheGateway, UnreadAnswer

OFTEN_ENOUGH = Limit("sms-answers", MOST_A_DAY, DAY_SECONDS)
Number = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Words = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*\Z")]


# Not an `Input`: gateways send more than this.
class Answered(msgspec.Struct, rename={"sender": "from"}):
    """An SMS that came."""

    sender: Number
    text: Words


class Reply(msgspec.Struct, frozen=True):
    """What to write back; nothing when it is empty."""

    text: str


def read(body: bytes) -> Answered:
    """What came; raises `UnreadAnswer`."""
    try:
        return msgspec.json.decode(body, type=Answered)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise UnreadAnswer from error


@post(
    "/webhooks/sms",
    status_code=200,
    security=PUBLIC,
    responses=responses(*INPUT, NotTheGateway, UnreadAnswer, NotAPhoneNumber),
)
async def from_gateway(
    request: HttpRequest,
    database: NamedDependency[Database],
    known_by: NamedDependency[Credentials],
    settings: NamedDependency[Settings],
    turnstile: NamedDependency[Turnstile],
) -> Response[Reply]:
    """For the SMS gateway alone, which shows its token: an answer to a request, with the code that came with it.

    A number that writes more often than people do is answered nothing, and what it says is not read.
    """
    expected, shown = settings.sms_inbound_token, request.headers.get("authorization", "")
    if not expected or not hmac.compare_digest(shown.encode(), f"Bearer {expected}".encode()):
        raise NotTheGateway
    came = read(await request.body())
    sender = e164(came.sender)
    try:
        await turnstile.take(request, OFTEN_ENOUGH, sender)
    except TooManyRequests:
        return Response(Reply(""))
    text = await database.run(lambda tx: service.answer(tx, known_by.proofs, sender, came.text))
    return Response(Reply(text))


router = Router(path="/v1", tags=["messages"], route_handlers=[from_gateway])
