"""Where gateways post their notices: the raw body counts, because that is what is signed."""

from collections.abc import Mapping

import structlog
from litestar import Router, post
from litestar.di import NamedDependency

from votremachine.infra.database import Database
from votremachine.infra.openapi import PUBLIC
from votremachine.infra.problems import INPUT, responses
from votremachine.infra.wire import HttpRequest
from votremachine.kernel.errors import DomainError
from votremachine.payments.notices import service
from votremachine.payments.notices.rules import NoticeReader, TooOld, Unreadable, WrongSignature

# An event with everything in it that Stripe expands has a tenth of this.
LARGEST_BODY_BYTES = 256 * 1024
NoticeReaders = Mapping[str, NoticeReader]

log = structlog.get_logger()


@post(
    "/webhooks/stripe",
    status_code=204,
    request_max_body_size=LARGEST_BODY_BYTES,
    responses=responses(*INPUT, WrongSignature, TooOld, Unreadable),
    security=PUBLIC,
)
async def from_stripe(
    request: HttpRequest, database: NamedDependency[Database], notice_readers: NamedDependency[NoticeReaders]
) -> None:
    """For Stripe alone: signed events. Each counts once, and is only a reason to ask Stripe what became of an order."""
    await _receive(request, database, notice_readers["stripe"])


@post(
    "/webhooks/simulated",
    status_code=204,
    request_max_body_size=LARGEST_BODY_BYTES,
    responses=responses(*INPUT, WrongSignature, TooOld, Unreadable),
    security=PUBLIC,
)
async def from_simulated(
    request: HttpRequest, database: NamedDependency[Database], notice_readers: NamedDependency[NoticeReaders]
) -> None:
    """For the simulated gateway alone, in the same manner."""
    await _receive(request, database, notice_readers["simulated"])


async def _receive(request: HttpRequest, database: Database, read: NoticeReader) -> None:
    body = await request.body()
    try:
        notice = read(request.headers, body, database.clock())
    except DomainError as refused:
        log.warning("gateway.notice_refused", code=refused.code, path=request.scope["path"], bytes=len(body))
        raise
    outcome = await database.run(lambda tx: service.receive(tx, notice))
    log.info(
        "gateway.noticed",
        gateway=notice.gateway,
        notice_id=notice.id,
        kind=notice.kind,
        reference=notice.reference,
        outcome=outcome.value,
    )


router = Router(path="/v1", tags=["payments"], route_handlers=[from_stripe, from_simulated])
