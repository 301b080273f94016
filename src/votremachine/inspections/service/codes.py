"""The codes with which somebody signs on the other side's phone: sent beforehand, so that they work without a network.

The digits are a challenge of accounts: few tries, one use. What a code was used for is kept beside it, so that a phone
which lost the answer repeats the same signature, and no other.
"""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.challenges import Proofs, Purpose
from votremachine.accounts.rules import WORKERS, Actor, Verb
from votremachine.accounts.schemas import Redeem
from votremachine.accounts.service import audit, challenges, colleagues, parties
from votremachine.accounts.service.colleagues import Reachable
from votremachine.bookings.refusals import UnknownBooking
from votremachine.bookings.rules import MEETING, Booking
from votremachine.bookings.service import reading as bookings
from votremachine.infra.database import Tx
from votremachine.inspections.models import inspection_codes
from votremachine.inspections.rules.chain import canonical
from votremachine.inspections.rules.signing import (
    CodeFailed,
    Drawing,
    DrawingAndCode,
    NobodyToSign,
    NotNow,
    Side,
    TooManyCodes,
    check_drawing,
)
from votremachine.inspections.schemas import AskCode, CodeSent, SignInspection
from votremachine.inspections.service import reading
from votremachine.inspections.service.reading import Report

MOST_CODES = 5
CODES_WITHIN = timedelta(hours=1)


async def ask(tx: Tx, who: Actor, booking_id: UUID, asked: AskCode) -> CodeSent:
    """Have a code sent to the renter of a booking, for one signature; either side may.

    Raises `UnknownBooking`, `NotAllowed`, `NotNow`, `NobodyToSign`, `TooManyCodes`.
    """
    booking = await bookings.load_locked(tx, booking_id)
    reading.authorise(Verb.INSPECT, who, [booking], UnknownBooking())
    if booking.state not in MEETING:
        raise NotNow(state=booking.state)
    await _check_count(tx, booking_id)
    signer = await _signer(tx, booking, asked.person_id)
    made = await challenges.ask(tx, Purpose.SIGN, signer.address, person_id=signer.person_id)
    values = {"challenge_id": made.id, "booking_id": booking_id, "person_id": signer.person_id, "name": signer.name}
    await tx.execute(inspection_codes.insert(), values | {"asked_by": who.person_id, "created_at": tx.now})
    await audit.note(tx, who, "ask_code", "booking", booking_id, booking.owner_party_id, code_id=str(made.id))
    return CodeSent(made.id, signer.name, made.expires_at)


async def prove(tx: Tx, proofs: Proofs, who: Actor, inspection_id: UUID, asked: SignInspection) -> bool:
    """Use a code up for just this signature; False when it is wrong: commit that, one try is gone.

    Raises `UnknownInspection`, `NotAllowed`, `ContentDiffers`, `CodeFailed` for a code of another booking, and what
    `check_drawn` does: then no try is gone.
    """
    report = await reading.load(tx, Verb.SIGN_INSPECTION, who, inspection_id)
    reading.check_same(report, asked)
    check_drawn(who, report, asked)
    row = await _code(tx, report, asked)
    wanted = digest(inspection_id, asked)
    if row.proved is not None:
        return bool(row.proved == wanted)
    if row.person_id not in await parties.people_of(tx, report.party(asked.side), WORKERS):
        return False
    right = await challenges.prove(
        tx, proofs, row.challenge_id, Redeem(code=asked.code), person_id=row.person_id, to_sign=True
    )
    if right is None:
        return False
    mine = inspection_codes.c.challenge_id == row.challenge_id
    await tx.execute(inspection_codes.update().where(mine).values(proved=wanted))
    await audit.note(tx, who, "use_code", "inspection", inspection_id, code_id=str(row.challenge_id))
    return True


def check_drawn(who: Actor, report: Report, asked: SignInspection) -> Drawing:
    """The drawing, if it is the other side's on the owner's phone. Raises `DrawingAndCode`, `NotTheirSide`,
    `NoSignature`.
    """
    if asked.drawing is None or asked.side is Side.OWNER:
        raise DrawingAndCode(pointer="/drawing")
    reading.check_side(who, report, Side.OWNER)
    return check_drawing(asked.drawing)


async def proved_by(tx: Tx, report: Report, asked: SignInspection) -> tuple[UUID, str]:
    """Id and name of the person whose code was used up for this signature. Raises `CodeFailed`."""
    row = await _code(tx, report, asked)
    if row.proved != digest(report.row.id, asked):
        raise CodeFailed(pointer="/code")
    return row.person_id, row.name


def digest(inspection_id: UUID, asked: SignInspection) -> bytes:
    """What a code was used for: this drawing, under this content, for this side."""
    return sha256(canonical([inspection_id, asked.side, asked.content_hash, asked.drawing])).digest()


async def _code(tx: Tx, report: Report, asked: SignInspection) -> sa.Row[tuple[UUID, UUID, str, bytes | None]]:
    of_side = report.next_booking if asked.side is Side.NEXT_RENTER else report.booking
    if of_side is None or asked.code_id is None:
        raise CodeFailed(pointer="/code")
    columns = (inspection_codes.c[name] for name in ("challenge_id", "person_id", "name", "proved"))
    row = await tx.row(
        sa.select(*columns)
        .where(inspection_codes.c.challenge_id == asked.code_id, inspection_codes.c.booking_id == of_side.id)
        .with_for_update()
    )
    if row is None:
        raise CodeFailed(pointer="/code")
    return row


async def _check_count(tx: Tx, booking_id: UUID) -> None:
    recent = inspection_codes.c.booking_id == booking_id, inspection_codes.c.created_at > tx.now - CODES_WITHIN
    there = len(await tx.rows(sa.select(inspection_codes.c.challenge_id).where(*recent).limit(MOST_CODES)))
    if there >= MOST_CODES:
        raise TooManyCodes(most=MOST_CODES, retry_after=int(CODES_WITHIN.total_seconds()))


async def _signer(tx: Tx, booking: Booking, wanted: UUID | None) -> Reachable:
    """Who of the renter's is sent a code: who is named, else who booked, else who has been there longest."""
    people = await colleagues.reachable(tx, booking.renter_party_id, WORKERS)
    if wanted is None:
        first, *_ = await bookings.steps(tx, booking.id)
        return next((one for one in people if one.person_id == first.by), None) or _first(people)
    return _first([one for one in people if one.person_id == wanted])


def _first(people: list[Reachable]) -> Reachable:
    if not people:
        raise NobodyToSign(pointer="/person_id")
    return people[0]
