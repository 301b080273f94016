"""Taking in the photos of condition reports, before or after the reports themselves, and giving them back."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.infra.database import Tx
from votremachine.infra.documents import Found, Stored
from votremachine.infra.storage import ledger
from votremachine.inspections.models import inspection_photos, inspections, waiting_photos
from votremachine.inspections.rules.accepting import PhotoNotAnnounced
from votremachine.inspections.rules.photos import (
    WAITS_FOR,
    UnknownInspectionPhoto,
    check_waiting,
    file_name,
)
from votremachine.inspections.rules.report import State
from votremachine.inspections.schemas import PhotoReceived
from votremachine.inspections.service import reading
from votremachine.inspections.service.sending import lock_key, tell_complete

SWEEP_BATCH = 100
_LOCK = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("key", type_=sa.BigInteger)))
_REPORT = sa.select(inspections).where(inspections.c.id == sa.bindparam("id"))
_PHOTO = sa.select(inspection_photos).where(
    inspection_photos.c.inspection_id == sa.bindparam("id"), inspection_photos.c.sha256 == sa.bindparam("sha256")
)
_MISSING = sa.exists().where(
    inspection_photos.c.inspection_id == inspections.c.id, inspection_photos.c.file_id.is_(None)
)


async def may_send(tx: Tx, who: Actor, inspection_id: UUID, sha256: bytes) -> bool:
    """Whether this photo is still wanted, before anything large is read; False when it is kept already.

    Raises `UnknownInspection` to who has nothing to do with the report, `NotAllowed`, `PhotoNotAnnounced`, and
    `TooManyWaiting` while the report has not arrived.
    """
    report = await tx.row(_REPORT, {"id": inspection_id})
    if report is None:
        mine = waiting_photos.c.sent_by == who.person_id
        rows = await tx.rows(sa.select(waiting_photos.c.inspection_id, waiting_photos.c.sha256).where(mine))
        if (inspection_id, sha256) in {(row.inspection_id, row.sha256) for row in rows}:
            return False
        check_waiting(len(rows))
        return True
    await reading.load(tx, Verb.INSPECT, who, inspection_id)
    return bool((await _announced(tx, inspection_id, sha256)).file_id is None)


async def announce(tx: Tx) -> tuple[UUID, str]:
    """The id of a file that is to come, and the name under which it may be put, for an hour."""
    file_id = tx.new_id()
    name = file_name(file_id)
    await ledger.announce(tx, [name])
    return file_id, name


async def receive(tx: Tx, who: Actor, inspection_id: UUID, file_id: UUID, found: Found) -> PhotoReceived:
    """Keep a photo whose file was put; the report is complete with the last of them. Raises as `may_send`."""
    await tx.execute(_LOCK, {"key": lock_key(inspection_id)})
    values = {
        "file_id": file_id,
        "media_type": found.media_type,
        "bytes": found.bytes,
        "sent_by": who.person_id,
        "received_at": tx.now,
    }
    report = await tx.row(_REPORT, {"id": inspection_id})
    if report is None:
        kept = await _wait(tx, inspection_id, found.sha256, values)
    else:
        kept = await _attach(tx, who, report, found.sha256, values)
    if kept:
        await ledger.keep(tx, [file_name(file_id)])
        await audit.note(tx, who, "send_photo", "inspection", inspection_id)
    else:
        await ledger.doom(tx, [file_name(file_id)])
    return PhotoReceived(inspection_id, found.sha256.hex())


async def stored(tx: Tx, file_id: UUID) -> Stored:
    """Where a photo of a report is kept; the signed address was the permission. Raises `UnknownInspectionPhoto`."""
    row = await tx.row(sa.select(inspection_photos).where(inspection_photos.c.file_id == file_id))
    if row is None:
        raise UnknownInspectionPhoto
    return Stored(file_name(file_id), row.media_type)


async def sweep_waiting(tx: Tx) -> int:
    """Let a batch of the photos go whose reports never came; how many."""
    old = (
        sa.select(waiting_photos.c.file_id)
        .where(waiting_photos.c.received_at <= tx.now - WAITS_FOR)
        .order_by(waiting_photos.c.received_at)
        .limit(SWEEP_BATCH)
        .with_for_update(skip_locked=True)
    )
    gone = await tx.rows(
        waiting_photos.delete().where(waiting_photos.c.file_id.in_(old)).returning(waiting_photos.c.file_id)
    )
    if gone:
        await ledger.doom(tx, [file_name(row.file_id) for row in gone])
    return len(gone)


async def _wait(tx: Tx, inspection_id: UUID, sha256: bytes, values: dict[str, Any]) -> bool:
    row = {"inspection_id": inspection_id, "sha256": sha256, **values}
    return (await tx.execute(insert(waiting_photos).values(row).on_conflict_do_nothing())).rowcount == 1


async def _attach(tx: Tx, who: Actor, report: sa.Row[Any], sha256: bytes, values: dict[str, Any]) -> bool:
    loaded = await reading.load(tx, Verb.INSPECT, who, report.id)
    photo = await _announced(tx, report.id, sha256)
    if photo.file_id is not None:
        return False
    mine = inspection_photos.c.inspection_id == report.id, inspection_photos.c.sha256 == sha256
    await tx.execute(inspection_photos.update().where(*mine).values(values))
    whole = inspections.update().where(inspections.c.id == report.id, inspections.c.state == State.DRAFT, ~_MISSING)
    completed = await tx.row(whole.values(state=State.COMPLETE).returning(inspections))
    if completed is not None:
        tell_complete(tx, who, completed, loaded.bookings)
    return True


async def _announced(tx: Tx, inspection_id: UUID, sha256: bytes) -> sa.Row[Any]:
    row = await tx.row(_PHOTO, {"id": inspection_id, "sha256": sha256})
    if row is None:
        raise PhotoNotAnnounced
    return row
