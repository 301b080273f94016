"""What the claims about bookings wait for, for the slices above."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from votremachine.damages.models import claim_offers, claim_transitions, claims
from votremachine.damages.rules.claim import ENDED, Claim
from votremachine.damages.service import store
from votremachine.infra.database import Tx

_moved, _offered = (
    sa.select(sa.func.max(table.c.at)).where(table.c.claim_id == claims.c.id).scalar_subquery()
    for table in (claim_transitions, claim_offers)
)
_since = sa.func.greatest(_moved, _offered).label("since")
_LAST = (
    sa.select(claims, _since)
    .where(claims.c.booking_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .ext(distinct_on(claims.c.booking_id))
    # Phones choose ids: the hour says which came last.
    .order_by(claims.c.booking_id, claims.c.created_at.desc(), claims.c.id.desc())
)


_UNFINISHED = (
    sa.select(claims.c.booking_id)
    .where(claims.c.state.not_in([sa.literal_column(f"'{one.value}'") for one in sorted(ENDED)]))
    .order_by(claims.c.booking_id)
)


class Last(NamedTuple):
    """The last claim about a booking, and since when it waits for whom it waits: its last step, or the last offer."""

    claim: Claim
    since: datetime


async def last_about(tx: Tx, booking_ids: Collection[UUID]) -> Mapping[UUID, Last]:
    """The last claim about each of these bookings that has one, by the booking's id; one statement."""
    rows = await tx.rows(_LAST, {"ids": list(booking_ids)})
    return {row.booking_id: Last(store.from_row(row), row.since) for row in rows}


async def disputed(tx: Tx, *, after: UUID, limit: int) -> list[UUID]:
    """The next bookings, in order of id, about which a claim is unfinished; one statement, answered by an index."""
    found = _UNFINISHED.where(claims.c.booking_id > after).limit(limit)
    return [row.booking_id for row in await tx.rows(found)]
