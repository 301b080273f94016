"""The verbs of challenges: ask for one, send its letter, prove it."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog

from votremachine.accounts.challenges import (
    DIGITS,
    LIFE,
    MOST_ATTEMPTS,
    WITH_LINK,
    Proofs,
    Purpose,
    letter,
    right_token,
    token_hash,
)
from votremachine.accounts.models import challenges, people
from votremachine.accounts.schemas import Asked, Redeem
from votremachine.infra.database import Database, Tx
from votremachine.infra.letters import Letter, NotSent, Post

BATCH = 20
# Longer than a letter takes; a worker that died in between leaves it to the next after that.
LEASE = timedelta(minutes=1)
MOST_SENDINGS = 8

log = structlog.get_logger()


class Outgoing(NamedTuple):
    challenge_id: UUID
    sendings: int
    letter: Letter


async def ask(
    tx: Tx, purpose: Purpose, address: str, *, person_id: UUID | None = None, registration: dict[str, str] | None = None
) -> Asked:
    """A new challenge. One insert whether or not anybody has the address: the worker finds out, and writes to them."""
    asked = Asked(tx.new_id(), tx.now + LIFE[purpose])
    values = {
        "id": asked.id,
        "purpose": purpose,
        "address": address,
        "person_id": person_id,
        "registration": registration,
        "created_at": tx.now,
        "expires_at": asked.expires_at,
        "send_at": tx.now,
    }
    await tx.execute(challenges.insert(), values)
    return asked


async def prove(
    tx: Tx,
    proofs: Proofs,
    challenge_id: UUID,
    asked: Redeem,
    *,
    person_id: UUID | None = None,
    to_sign: bool = False,
) -> sa.Row[Any] | None:
    """The challenge, used up, if the proof is right; None otherwise, and then one try fewer is left: commit it.

    The challenges of a signed-in person are theirs alone to prove; the others are anybody's. A code to sign with is
    good for signing, and for nothing else.
    """
    found = await tx.row(
        challenges.update()
        .where(
            challenges.c.id == challenge_id,
            challenges.c.person_id.is_not_distinct_from(person_id),
            (challenges.c.purpose == Purpose.SIGN) if to_sign else (challenges.c.purpose != Purpose.SIGN),
            challenges.c.used_at.is_(None),
            challenges.c.expires_at > tx.now,
            challenges.c.attempts < MOST_ATTEMPTS,
        )
        .values(attempts=challenges.c.attempts + 1)
        .returning(challenges)
    )
    if found is None or not _right(proofs, found, asked):
        return None
    await tx.execute(
        challenges.update()
        .where(challenges.c.id == challenge_id)
        .values(used_at=tx.now, send_at=None, registration=None)
    )
    return found


async def send_letters(database: Database, post: Post, proofs: Proofs, public_url: str) -> int:
    """Send the letters of the challenges that are due; how many went out.

    A code is made as its letter is: it stands nowhere in clear. A letter that could not be sent, or whose worker died,
    is made anew with another code.
    """
    async with database.begin() as tx:
        due = await _take(tx)
        outgoing = await _write(tx, due, proofs, public_url)
    outcomes = await asyncio.gather(*(_send(post, one) for one in outgoing))
    async with database.begin() as tx:
        for one, sent in zip(outgoing, outcomes, strict=True):
            # After 5, 10, 20 … seconds again.
            again = None if sent or one.sendings >= MOST_SENDINGS else tx.now + timedelta(seconds=5 * 2**one.sendings)
            outcome = challenges.update().where(challenges.c.id == one.challenge_id, challenges.c.used_at.is_(None))
            await tx.execute(outcome.values(send_at=again))
    return sum(outcomes)


async def purge(tx: Tx) -> int:
    """Forget the challenges that ran out a day ago; how many there were."""
    old = challenges.c.expires_at <= tx.now - timedelta(days=1)
    return (await tx.execute(challenges.delete().where(old))).rowcount


async def _take(tx: Tx) -> Sequence[sa.Row[Any]]:
    due = (
        sa.select(challenges.c.id)
        .where(challenges.c.send_at <= tx.now)
        .order_by(challenges.c.send_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    # One that ran out is looked at once more, and let go.
    again = sa.case((challenges.c.expires_at > tx.now, tx.now + LEASE))
    taken = (
        challenges.update()
        .where(challenges.c.id.in_(due))
        .values(send_at=again, sendings=challenges.c.sendings + 1)
        .returning(challenges)
    )
    return [row for row in await tx.rows(taken) if row.expires_at > tx.now]


async def _write(tx: Tx, due: Sequence[sa.Row[Any]], proofs: Proofs, public_url: str) -> list[Outgoing]:
    """The letters of these challenges, their codes' hashes kept; those to nobody are let go."""
    languages = await _languages(tx, {row.address for row in due})
    outgoing = []
    for row in due:
        code, token = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", secrets.token_urlsafe(32)
        purpose, known = Purpose(row.purpose), languages.get(row.address)
        language = known or (row.registration or {}).get("language", "fr")
        link = f"{public_url}/{purpose}#{row.id}.{token}"
        made = letter(purpose, row.address, language, known=known is not None, code=code, link=link)
        kept = {
            "code_hash": proofs.code_hash(row.id, code) if made else None,
            "token_hash": token_hash(token) if made and purpose in WITH_LINK else None,
            "send_at": row.send_at if made else None,
        }
        await tx.execute(challenges.update().where(challenges.c.id == row.id).values(kept))
        if made:
            outgoing.append(Outgoing(row.id, row.sendings, made))
    return outgoing


async def _languages(tx: Tx, addresses: set[str]) -> dict[str, str]:
    """The language of each address that belongs to an account."""
    address = sa.func.unnest(sa.literal(list(addresses), sa.ARRAY(sa.Text))).column_valued("address")
    found = await tx.rows(
        sa.select(address.label("address"), people.c.language).join(
            people, sa.or_(people.c.email == address, people.c.phone == address)
        )
    )
    return {row.address: row.language for row in found}


async def _send(post: Post, one: Outgoing) -> bool:
    try:
        await post.send(one.letter)
    except NotSent as error:
        log.warning("letter.not_sent", challenge=str(one.challenge_id), error=str(error))
        return False
    return True


def _right(proofs: Proofs, found: sa.Row[Any], asked: Redeem) -> bool:
    if asked.token is not None:
        return right_token(found.token_hash, asked.token)
    return proofs.right_code(found.id, found.code_hash, asked.code or "")
