"""`Idempotency-Key`: a request that is sent again has one effect and gets the same answer.

The answer is stored by the transaction of its effect, for 7 days. A key belongs to the person who sent it; the same
key with another method, path or body is refused. An error leaves nothing behind, so a retry after it is a new try.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy as sa
from litestar import Request, Response
from sqlalchemy.dialects.postgresql import JSONB, insert

from votremachine.infra.database import Database, RunAgain, Tx
from votremachine.infra.statements import Prepared, Write
from votremachine.infra.tables import metadata
from votremachine.kernel.errors import DomainError, Kind

Body = TypeVar("Body")
Who = TypeVar("Who")
Step = TypeVar("Step")
Outcome = TypeVar("Outcome")
KEPT_FOR = timedelta(days=7)
LONGEST_KEY = 255
REPLAYED_HEADERS = ("ETag", "Location")


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


class KeyReused(DomainError):
    kind = Kind.INVALID
    code = "idempotency_key_reused"
    en = "This Idempotency-Key was used for another request."
    fr = "Cette Idempotency-Key a déjà servi pour une autre requête."


class StillRunning(DomainError):
    kind = Kind.CONFLICT
    code = "still_running"
    en = "The first request with this Idempotency-Key is still running. Try again in a moment."
    fr = "La première requête avec cette Idempotency-Key est encore en cours. Réessayez dans un moment."


ERRORS = (KeyRequired, BadKey, KeyReused, StillRunning)

answers = sa.Table(
    "idempotent_answers",
    metadata,
    sa.Column("person_id", sa.Uuid, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "answered_at"),
)

# The lock is tried, never waited for: a request that finds it taken is a repeat of one that still runs. It is the
# left side of the join so that it is taken exactly once whether or not an answer stands.
_LOOK = sa.text(
    """
    SELECT l.free, a.fingerprint, a.status, a.headers, a.body
    FROM (SELECT pg_try_advisory_xact_lock(:look_lock) AS free OFFSET 0) AS l
    LEFT JOIN idempotent_answers a
    ON a.person_id = :look_person AND a.key = :look_key AND a.answered_at > :look_oldest
    """
).columns(free=sa.Boolean, fingerprint=sa.LargeBinary, status=sa.SmallInteger, headers=JSONB, body=sa.LargeBinary)
# An answer past its week gives way; one that is not was written since we looked.
_given = insert(answers).values(
    {column.name: sa.bindparam(f"answer_{column.name}", type_=column.type) for column in answers.c}
)
_KEEP = Write(
    "answer",
    _given.on_conflict_do_update(
        index_elements=["person_id", "key"],
        set_={
            column: _given.excluded[column] for column in ("fingerprint", "status", "headers", "body", "answered_at")
        },
        where=answers.c.answered_at <= _given.excluded.answered_at - KEPT_FOR,
    ).returning(answers.c.key),
)
_FORGET = answers.delete()


class Identify(NamedTuple, Generic[Who]):
    """Who asks: a question, its values, and how its rows are read; reading raises when they may not ask."""

    question: sa.Select[Any]
    values: Callable[[datetime], Mapping[str, Any]]
    read: Callable[[Sequence[sa.Row[Any]]], Who]


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
    key = given_key(request)
    if key is None:
        if required:
            raise KeyRequired

        async def plain(tx: Tx) -> Response[Body]:
            return await verb(tx, identify.read(await tx.rows(identify.question, identify.values(tx.now))))

        return await database.run(plain)
    fingerprint = _digest(request.method.encode(), request.scope["path"].encode(), await request.body())

    async def guarded(tx: Tx) -> Response[Body]:
        who, look = await _who_and_look(tx, identify, person, key)
        if (replay := _kept_answer(look, fingerprint)) is not None:
            return replay
        response = await verb(tx, who)
        kept = await tx.flush((_KEEP, _stored(tx, person, key, fingerprint, response)))
        if not kept:
            # The first request ended between our look and our lock: undo, look again, and find its answer.
            raise RunAgain
        return response

    return await database.run(guarded)


class Ended(NamedTuple, Generic[Body]):
    """How a verb in two transactions ended: its answer; or why not, once what it wrote is committed.

    An answer that says only how far it has come is not `final`: a repeat goes on from there.
    """

    response: Response[Body] | None = None
    refusal: DomainError | None = None
    final: bool = True


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
    key = given_key(request)
    if key is None and required:
        raise KeyRequired
    fingerprint = _digest(request.method.encode(), request.scope["path"].encode(), await request.body())

    async def begin(tx: Tx) -> Response[Body] | tuple[Who, Step]:
        who, replay = await _who_and_replay(tx, identify, person, key, fingerprint)
        if replay is not None:
            return replay
        step = await first(tx, who)
        if not isinstance(step, Ended):
            return who, step
        if not await _keep(tx, person, key, fingerprint, step):
            raise RunAgain
        return _response(step)

    begun = await database.run(begin)
    if isinstance(begun, Response):
        return begun
    who, step = begun
    outcome = await between(step)

    async def end(tx: Tx) -> Ended[Body]:
        ended = await second(tx, who, step, outcome)
        await _keep(tx, person, key, fingerprint, ended)
        return ended

    return _response(await database.run(end))


def _response(ended: Ended[Body]) -> Response[Body]:
    if ended.response is None:
        raise ended.refusal or StillRunning
    return ended.response


async def _who_and_replay(
    tx: Tx, identify: Identify[Who], person: UUID, key: str | None, fingerprint: bytes
) -> tuple[Who, Response[Any] | None]:
    if key is None:
        return identify.read(await tx.rows(identify.question, identify.values(tx.now))), None
    who, look = await _who_and_look(tx, identify, person, key)
    return who, _kept_answer(look, fingerprint)


async def _keep(tx: Tx, person: UUID, key: str | None, fingerprint: bytes, ended: Ended[Any]) -> bool:
    """Keep the answer of a verb that has one for good; False when the first request kept its own meanwhile."""
    if key is None or ended.response is None or not ended.final:
        return True
    return bool(await tx.flush((_KEEP, _stored(tx, person, key, fingerprint, ended.response))))


def given_key(request: Request[Any, Any, Any]) -> str | None:
    """The request's `Idempotency-Key`, if it has one; raises `BadKey`."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadKey
    return key


async def purge(tx: Tx) -> int:
    """Forget the answers older than 7 days; how many there were."""
    return (await tx.execute(_FORGET.where(answers.c.answered_at <= tx.now - KEPT_FOR))).rowcount


async def _who_and_look(tx: Tx, identify: Identify[Who], person: UUID, key: str) -> tuple[Who, sa.Row[Any]]:
    """Who asks, and what was answered to this key before, in one round trip."""
    lock = int.from_bytes(_digest(person.bytes, key.encode())[:8], signed=True)
    look = {"look_lock": lock, "look_person": person, "look_key": key, "look_oldest": tx.now - KEPT_FOR}
    rows = await tx.rows(_together(identify.question), {**identify.values(tx.now), **look})
    # Nobody's seat is a row of nothing beside the look: then there is nobody.
    return identify.read([row for row in rows if row.person_id is not None]), rows[0]


@lru_cache(maxsize=8)
def _together(question: sa.Select[Any]) -> Prepared:
    look, who = _LOOK.subquery("look"), question.subquery("who")
    return Prepared(sa.select(look, who).select_from(look.outerjoin(who, sa.true())))


def _kept_answer(found: sa.Row[Any], fingerprint: bytes) -> Response[Any] | None:
    if found.fingerprint is None:
        if not found.free:
            raise StillRunning
        return None
    if found.fingerprint != fingerprint:
        raise KeyReused
    return Response(
        found.body,
        status_code=found.status,
        headers={**found.headers, "Idempotency-Replayed": "true"},
        media_type="application/json",
    )


def _stored(tx: Tx, person: UUID, key: str, fingerprint: bytes, response: Response[Any]) -> dict[str, Any]:
    return {
        "answer_person_id": person,
        "answer_key": key,
        "answer_fingerprint": fingerprint,
        "answer_status": response.status_code,
        "answer_headers": {name: response.headers[name] for name in REPLAYED_HEADERS if name in response.headers},
        "answer_body": response.content or b"",
        "answer_answered_at": tx.now,
    }


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()
