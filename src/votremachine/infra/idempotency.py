"""`Idempotency-Key`: a request that is sent again has one effect and gets the same answer.

The answer is stored by the transaction of its effect, for 7 days. A key belongs to the person who sent it; the same
key with another method, path or body is refused. An error leaves nothing behind, so a retry after it is a new try.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from litestar import Request, Response

from votremachine.infra import answers
from votremachine.infra.answers import Keyed, KeyReused, StillRunning, keyed
from votremachine.infra.database import Database, RunAgain, Tx
from votremachine.infra.identify import Identify
from votremachine.kernel.errors import DomainError, Kind

Body = TypeVar("Body")
Who = TypeVar("Who")
Step = TypeVar("Step")
Outcome = TypeVar("Outcome")
LONGEST_KEY = 255


class KeyRequired(DomainError):
    kind = Kind.MALFORMED
    code = "idempotency_key_required"
    en = "Send an Idempotency-Key with this request, so that it can be repeated safely."
    fr = "Envoyez une Idempotency-Key avec cette requête, pour pouvoir la répéter sans risque."


class BadKey(DomainError):
    kind = Kind.MALFORMED
    code = "idempotency_key_invalid"
    en = "An Idempotency-Key is 1 to 255 printable ASCII characters."
    fr = "Une Idempotency-Key compte de 1 à 255 caractères ASCII imprimables."


ERRORS = (KeyRequired, BadKey, KeyReused, StillRunning)


class Ended(NamedTuple, Generic[Body]):
    """How a verb in two transactions ended: its answer; or why not, once what it wrote is committed.

    An answer that says only how far it has come is not `final`: a repeat goes on from there.
    """

    response: Response[Body] | None = None
    refusal: DomainError | None = None
    final: bool = True


async def once(
    request: Request[Any, Any, Any],
    database: Database,
    person: UUID,
    identify: Identify[Who],
    verb: Callable[[Tx, Who], Awaitable[Response[Body]]],
    *,
    required: bool = True,
) -> Response[Body]:
    """Run `verb` in one transaction, once for its `Idempotency-Key`; a repeat gets the first answer, byte for byte.

    `identify` says who asks, and raises when they may not: before an answer is replayed, too.
    Raises `KeyRequired`, `BadKey`, `KeyReused`, `StillRunning`, and whatever `verb` raises.
    """
    asked = await _keyed(request, person, required=required)

    async def whole(tx: Tx) -> Response[Body]:
        who, replay = await _find(tx, identify, asked)
        if replay is not None:
            return replay
        response = await verb(tx, who)
        if not await _keep(tx, asked, Ended(response)):
            # The first request ended between our look and our lock: undo, look again, and find its answer.
            raise RunAgain
        return response

    return await database.run(whole)


async def in_two(
    request: Request[Any, Any, Any],
    database: Database,
    person: UUID,
    identify: Identify[Who],
    first: Callable[[Tx, Who], Awaitable[Step | Ended[Body]]],
    between: Callable[[Step], Awaitable[Outcome]],
    second: Callable[[Tx, Who, Step, Outcome], Awaitable[Ended[Body]]],
    *,
    required: bool = True,
) -> Response[Body]:
    """A verb that must ask somebody outside: `first` in one transaction, `between` outside of any, `second` in another.
    Where nobody need be asked, `first` ends it.

    A repeat may come while the first request is between its two: `first` then finds what is under way and goes on with
    it, and `second` finds it done. Raises as `once` does, and what either gives as its refusal.
    """
    asked = await _keyed(request, person, required=required)

    async def begin(tx: Tx) -> Response[Body] | tuple[Who, Step]:
        who, replay = await _find(tx, identify, asked)
        if replay is not None:
            return replay
        step = await first(tx, who)
        if not isinstance(step, Ended):
            return who, step
        if not await _keep(tx, asked, step):
            raise RunAgain
        return _response(step)

    begun = await database.run(begin)
    if isinstance(begun, Response):
        return begun
    who, step = begun
    outcome = await between(step)

    async def end(tx: Tx) -> Ended[Body]:
        ended = await second(tx, who, step, outcome)
        await _keep(tx, asked, ended)
        return ended

    return _response(await database.run(end))


def given_key(request: Request[Any, Any, Any]) -> str | None:
    """The request's `Idempotency-Key`, if it has one; raises `BadKey`."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadKey
    return key


async def _keyed(request: Request[Any, Any, Any], person: UUID, *, required: bool) -> Keyed | None:
    key = given_key(request)
    if key is not None:
        return keyed(person, key, request.method, request.scope["path"], await request.body())
    if required:
        raise KeyRequired
    return None


async def _find(tx: Tx, identify: Identify[Who], asked: Keyed | None) -> tuple[Who, Response[Any] | None]:
    if asked is not None:
        return await answers.find(tx, identify, asked)
    return identify.read(await tx.rows(identify.question, identify.values(tx.now))), None


async def _keep(tx: Tx, asked: Keyed | None, ended: Ended[Any]) -> bool:
    """Keep the answer of a verb that has one for good; False when the first request kept its own meanwhile."""
    if asked is None or ended.response is None or not ended.final:
        return True
    return await answers.keep(tx, asked, ended.response)


def _response(ended: Ended[Body]) -> Response[Body]:
    if ended.response is None:
        raise ended.refusal or StillRunning
    return ended.response
