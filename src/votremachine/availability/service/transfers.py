"""Handing time on from one machine to others: what a booking holds of the one, it takes of the other."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, insert

from votremachine.availability.models import occupancies
from votremachine.availability.rules import Claim, Taker
from votremachine.availability.service.table import on_machine
from votremachine.infra.database import Tx


class Transfer(msgspec.Struct, frozen=True):
    """What `ref_id` is to hold of another machine instead."""

    ref_id: UUID
    claim: Claim
    expires_at: datetime | None


_UUIDS, _INSTANT = sa.ARRAY(sa.Uuid), sa.DateTime(timezone=True)
_INSTANTS = sa.ARRAY(_INSTANT)
_wishes = (
    sa.func.unnest(
        sa.bindparam("ids", type_=_UUIDS),
        sa.bindparam("machines", type_=_UUIDS),
        sa.bindparam("refs", type_=_UUIDS),
        sa.bindparam("starts", type_=_INSTANTS),
        sa.bindparam("ends", type_=_INSTANTS),
        sa.bindparam("blocked_from", type_=_INSTANTS),
        sa.bindparam("blocked_to", type_=_INSTANTS),
        sa.bindparam("expiries", type_=_INSTANTS),
    )
    .table_valued(
        *(sa.column(name, sa.Uuid) for name in ("id", "machine_id", "ref_id")),
        *(sa.column(name, _INSTANT) for name in ("starts", "ends", "since", "until", "expires_at")),
        name="wishes",
    )
    .render_derived()
)
_blocked = sa.func.tstzrange(_wishes.c.since, _wishes.c.until, type_=TSTZRANGE)
_DROP_LAPSED = occupancies.delete().where(
    on_machine(_wishes.c.machine_id),
    occupancies.c.blocked.op("&&", is_comparison=True)(_blocked),
    occupancies.c.expires_at <= sa.bindparam("now", type_=_INSTANT),
)
_TAKE = (
    insert(occupancies)
    .from_select(
        ["id", "machine_id", "kind", "ref_id", "during", "blocked", "expires_at"],
        sa.select(
            _wishes.c.id,
            _wishes.c.machine_id,
            sa.bindparam("kind", type_=sa.Text),
            _wishes.c.ref_id,
            sa.func.tstzrange(_wishes.c.starts, _wishes.c.ends, type_=TSTZRANGE),
            _blocked,
            _wishes.c.expires_at,
        ).order_by(_wishes.c.machine_id, _wishes.c.since),
    )
    .on_conflict_do_nothing()
    .returning(occupancies.c.ref_id)
)
_GIVE_BACK = (
    occupancies.delete()
    .where(
        occupancies.c.ref_id == sa.any_(sa.bindparam("refs", type_=_UUIDS)),
        occupancies.c.machine_id == sa.bindparam("machine", type_=sa.Uuid),
    )
    .returning(occupancies.c.ref_id)
)


async def transfer(tx: Tx, taker: Taker, machine_id: UUID, wishes: Sequence[Transfer]) -> set[UUID]:
    """Take other machines for what holds this one, then give this one back; those for which it failed: roll back then.

    Three statements, however many there are. The new time is taken while the old one is still held, so whoever wants
    some of both, in whatever order, is refused at once and never waits for us in a circle.
    """
    values = {
        "ids": [tx.new_id() for _ in wishes],
        "machines": [wish.claim.machine_id for wish in wishes],
        "refs": [wish.ref_id for wish in wishes],
        "starts": [wish.claim.during.start for wish in wishes],
        "ends": [wish.claim.during.end for wish in wishes],
        "blocked_from": [wish.claim.blocked.start for wish in wishes],
        "blocked_to": [wish.claim.blocked.end for wish in wishes],
        "expiries": [wish.expires_at for wish in wishes],
    }
    await tx.execute(_DROP_LAPSED, {**values, "now": tx.now})
    taken = {row.ref_id for row in await tx.rows(_TAKE, {**values, "kind": taker})}
    held = await tx.rows(_GIVE_BACK, {"refs": values["refs"], "machine": machine_id})
    return {wish.ref_id for wish in wishes} - (taken & {row.ref_id for row in held})
