"""The answers kept for requests that are sent again, each under its key and for 7 days.

They are looked up, under the key's lock, beside the question who asks, and written by the transaction of their effect.
"""

from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import sqlalchemy as sa
from litestar import Response
from sqlalchemy.dialects.postgresql import JSONB, insert

from votremachine.infra.database import Tx
from votremachine.infra.identify import Identify
from votremachine.infra.statements import Prepared, Write
from votremachine.infra.tables import metadata
from votremachine.kernel.errors import DomainError, Kind

Who = TypeVar("Who")
KEPT_FOR = timedelta(days=7)
REPLAYED_HEADERS = ("ETag", "Location")


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


class Keyed(NamedTuple):
    """A person's request as it is known again: by its key, and by a print of what it asks."""

    person: UUID
    key: str
    fingerprint: bytes


def keyed(person: UUID, key: str, method: str, path: str, body: bytes) -> Keyed:
    """A request that may come again under this key."""
    return Keyed(person, key, _digest(method.encode(), path.encode(), body))


async def find(tx: Tx, identify: Identify[Who], request: Keyed) -> tuple[Who, Response[Any] | None]:
    """Who asks, and what was answered to this key before, in one round trip; nobody else answers it meanwhile.

    Raises `KeyReused`, `StillRunning`, and what `identify` raises.
    """
    lock = int.from_bytes(_digest(request.person.bytes, request.key.encode())[:8], signed=True)
    look = {
        "look_lock": lock,
        "look_person": request.person,
        "look_key": request.key,
        "look_oldest": tx.now - KEPT_FOR,
    }
    rows = await tx.rows(_together(identify.question), {**identify.values(tx.now), **look})
    # Nobody's seat is a row of nothing beside the look: then there is nobody.
    who = identify.read([row for row in rows if row.person_id is not None])
    return who, _kept(rows[0], request.fingerprint)


async def keep(tx: Tx, request: Keyed, response: Response[Any]) -> bool:
    """Keep the answer to a request; False when the first one with its key kept its own since we looked."""
    values = {
        "answer_person_id": request.person,
        "answer_key": request.key,
        "answer_fingerprint": request.fingerprint,
        "answer_status": response.status_code,
        "answer_headers": {name: response.headers[name] for name in REPLAYED_HEADERS if name in response.headers},
        "answer_body": response.content or b"",
        "answer_answered_at": tx.now,
    }
    return bool(await tx.flush((_KEEP, values)))


async def purge(tx: Tx) -> int:
    """Forget the answers older than 7 days; how many there were."""
    return (await tx.execute(_FORGET.where(answers.c.answered_at <= tx.now - KEPT_FOR))).rowcount


@lru_cache(maxsize=8)
def _together(question: sa.Select[Any]) -> Prepared:
    look, who = _LOOK.subquery("look"), question.subquery("who")
    return Prepared(sa.select(look, who).select_from(look.outerjoin(who, sa.true())))


def _kept(found: sa.Row[Any], fingerprint: bytes) -> Response[Any] | None:
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


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()
