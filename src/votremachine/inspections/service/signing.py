"""Signing a condition report, one side after the other. The owner's signature is the last: it seals the report."""

from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.infra.database import Tx
from votremachine.infra.links import Links
from votremachine.inspections.models import inspection_signatures
from votremachine.inspections.rules.signing import (
    DrawingAndCode,
    Method,
    Side,
    check_absence,
    check_turn,
)
from votremachine.inspections.schemas import InspectionView, SignInspection
from votremachine.inspections.service import codes, reading, sealing
from votremachine.inspections.service.reading import Report


class _Signature(NamedTuple):
    """Who signed, and how; or, with `absent`, who says that somebody did not."""

    person_id: UUID
    name: str
    method: Method
    drawing: str = ""
    why: str = ""


async def sign(tx: Tx, who: Actor, links: Links, inspection_id: UUID, asked: SignInspection) -> InspectionView:
    """One side signs; sent again, nothing more happens. With the owner's signature the machine changes hands.

    Raises `UnknownInspection`, `NotAllowed`, `NotInTheirPlace`, `ContentDiffers`, `DrawingAndCode`, `NoSignature`,
    `CodeFailed`, `AbsenceNotHere`, and what `check_turn` and `sealing.seal` do.
    """
    report = await reading.load(tx, Verb.SIGN_INSPECTION, who, inspection_id, locked=True)
    reading.check_same(report, asked)
    signed = {Side(one.side) for one in (await reading.signatures_of(tx, [inspection_id]))[inspection_id]}
    photos = (await reading.photos_of(tx, [inspection_id]))[inspection_id]
    missing = sum(one.file_id is None for one in photos)
    check_turn(report.said, report.state, asked.side, signed, missing)
    signature = await _signature(tx, who, report, asked)
    if asked.side not in signed:
        await _write(tx, who, report, asked, signature)
        if asked.side is Side.OWNER:
            await sealing.seal(tx, who, report)
    row = await tx.row(reading.ONE_LOCKED, {"id": inspection_id})
    assert row is not None  # noqa: S101 -- it is locked
    return (await reading.views(tx, who, links, [row], report.bookings))[0]


async def _signature(tx: Tx, who: Actor, report: Report, asked: SignInspection) -> _Signature:
    on_owners_phone = (asked.drawing is not None, asked.code is not None, asked.code_id is not None)
    if asked.absent:
        if any(on_owners_phone) or asked.side is not Side.RENTER:
            raise DrawingAndCode(pointer="/absent")
        reading.check_side(who, report, Side.OWNER)
        check_absence(report.said, asked.absent)
        return _Signature(who.person_id, "", Method.ABSENT, why=asked.absent)
    if not any(on_owners_phone):
        reading.check_side(who, report, asked.side)
        return _Signature(who.person_id, who.name, Method.SESSION)
    if not all(on_owners_phone):
        raise DrawingAndCode(pointer="/drawing")
    drawing = msgspec.json.encode(codes.check_drawn(who, report, asked)).decode()
    person_id, name = await codes.proved_by(tx, report, asked)
    return _Signature(person_id, name, Method.DRAWN, drawing)


async def _write(tx: Tx, who: Actor, report: Report, asked: SignInspection, signature: _Signature) -> None:
    values: dict[str, Any] = {
        "inspection_id": report.row.id,
        "side": asked.side,
        **signature._asdict(),
        "content_hash": report.row.content_hash,
        "taken_by": who.person_id,
        "signed_at": tx.now,
    }
    await tx.execute(insert(inspection_signatures).values(values))
    party = report.party(asked.side)
    await audit.note(tx, who, "sign", "inspection", report.row.id, party, side=asked.side, method=signature.method)
