"""What condition reports have to say when a person asks for their data or leaves: reports are evidence and are kept."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.infra.database import Tx
from votremachine.infra.storage import ledger
from votremachine.inspections.models import inspection_codes, inspection_signatures, inspections, waiting_photos
from votremachine.inspections.rules.photos import file_name

_MADE = (
    sa.select(*(inspections.c[name] for name in ("id", "booking_id", "kind", "state", "sent_at")))
    .where(inspections.c.sent_by == sa.bindparam("person"))
    .order_by(inspections.c.id)
)
_SIGNED = (
    sa.select(*(inspection_signatures.c[name] for name in ("inspection_id", "side", "name", "method", "signed_at")))
    .where(inspection_signatures.c.person_id == sa.bindparam("person"))
    .order_by(inspection_signatures.c.signed_at, inspection_signatures.c.inspection_id)
)


async def _export(tx: Tx, who: Actor) -> dict[str, Any]:
    """The reports that the person sent, and their signatures."""
    asked = {"person": who.person_id}
    made, signed = await tx.rows(_MADE, asked), await tx.rows(_SIGNED, asked)
    return {"made": [dict(row._mapping) for row in made], "signed": [dict(row._mapping) for row in signed]}


async def _forget(tx: Tx, person_id: UUID) -> None:
    """Codes, and photos that belong to no report."""
    await tx.execute(inspection_codes.delete().where(inspection_codes.c.person_id == person_id))
    mine = waiting_photos.delete().where(waiting_photos.c.sent_by == person_id)
    gone = await tx.rows(mine.returning(waiting_photos.c.file_id))
    if gone:
        await ledger.doom(tx, [file_name(row.file_id) for row in gone])


INSPECTIONS = PersonalData("inspections", _export, _forget)
