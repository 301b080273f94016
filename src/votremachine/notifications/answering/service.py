"""Codes that are sent by SMS, and what is done with them when they come back."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.challenges import Proofs
from votremachine.accounts.service import absent, people
from votremachine.bookings.service import decide
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.states import IllegalTransition
from votremachine.notifications.answering.rules import DIGITS, MOST_ATTEMPTS, Answer, read_answer
from votremachine.notifications.delivering.models import sms_codes
from votremachine.notifications.words.catalogues import word


async def new_code(tx: Tx, proofs: Proofs, person_id: UUID, booking_id: UUID, expires_at: datetime) -> str:
    """A code that answers for one request, once, from that person's number."""
    code_id, code = tx.new_id(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    values = {"id": code_id, "person_id": person_id, "booking_id": booking_id, "expires_at": expires_at}
    await tx.execute(sms_codes.insert(), {**values, "code_hash": proofs.code_hash(code_id, code)})
    return code


async def answer(tx: Tx, proofs: Proofs, sender: str, text: str) -> str:
    """Do what an SMS says; what to write back, in its person's language. Nothing is written to who is not known."""
    person_id = await people.person_at(tx, sender)
    who = None if person_id is None else await absent.person(tx, person_id)
    if who is None:
        return ""
    given = read_answer(text)
    if given is None:
        return word("sms.unread", who.language)
    found = _right(proofs, await _open(tx, who.person_id), given)
    if found is None:
        return word("sms.wrong", who.language)
    await tx.execute(sms_codes.update().where(sms_codes.c.id == found.id).values(used_at=tx.now))
    try:
        async with tx.savepoint():
            if given.yes:
                await decide.accept(tx, who, found.booking_id)
            else:
                await decide.decline(tx, who, found.booking_id, "")
    except IllegalTransition:
        # Somebody else answered, or it was called off: states have names that are nobody's in an SMS.
        return word("sms.settled", who.language)
    except DomainError as refused:
        return refused.sentence(who.language)
    return word("sms.accepted" if given.yes else "sms.declined", who.language)


async def purge(tx: Tx) -> int:
    """Forget the codes that ran out; how many there were."""
    return (await tx.execute(sms_codes.delete().where(sms_codes.c.expires_at <= tx.now))).rowcount


async def _open(tx: Tx, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """The codes that a person may still answer with, each with one try fewer."""
    standing = sa.and_(
        sms_codes.c.person_id == person_id,
        sms_codes.c.used_at.is_(None),
        sms_codes.c.expires_at > tx.now,
        sms_codes.c.attempts < MOST_ATTEMPTS,
    )
    tried = sms_codes.update().where(standing).values(attempts=sms_codes.c.attempts + 1)
    return await tx.rows(tried.returning(sms_codes))


def _right(proofs: Proofs, codes: Sequence[sa.Row[Any]], given: Answer) -> sa.Row[Any] | None:
    return next((row for row in codes if proofs.right_code(row.id, row.code_hash, given.code)), None)
