"""What was said of the use of a booking, in the database."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Relation
from votremachine.bookings.metering.rules import Usage, UsageState
from votremachine.bookings.models import booking_usages
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.pricing.rules.card import Unit

_OF_BOOKING = (
    sa.select(booking_usages)
    .where(booking_usages.c.booking_id == sa.bindparam("booking", type_=sa.Uuid))
    .order_by(booking_usages.c.id)
)

_TOLD = (
    sa.select(booking_usages.c.booking_id)
    .where(booking_usages.c.booking_id == sa.any_(sa.bindparam("bookings", type_=sa.ARRAY(sa.Uuid))))
    .distinct()
)


async def of_booking(tx: Tx, booking_id: UUID) -> list[Usage]:
    """Everything that was said of it, oldest first."""
    return [_usage(row) for row in await tx.rows(_OF_BOOKING, {"booking": booking_id})]


async def told_of(tx: Tx, booking_ids: Collection[UUID]) -> set[UUID]:
    """Those of these bookings of which anybody has said how much was used; one statement."""
    return {row.booking_id for row in await tx.rows(_TOLD, {"bookings": list(booking_ids)})}


async def add(tx: Tx, usage: Usage) -> None:
    """Keep the newest word: what was said before it cannot be agreed to any more."""
    before = (booking_usages.c.booking_id == usage.booking_id, booking_usages.c.state == UsageState.PROPOSED)
    await tx.execute(booking_usages.update().where(*before).values(state=UsageState.COUNTERED))
    values = msgspec.structs.asdict(usage)
    total = values.pop("total")
    await tx.execute(booking_usages.insert(), {**values, "total_minor": total.minor, "currency": total.currency})


async def agree(tx: Tx, usage_id: UUID) -> None:
    """Keep that both sides say so."""
    await tx.execute(booking_usages.update().where(booking_usages.c.id == usage_id).values(state=UsageState.AGREED))


def _usage(row: sa.Row[Any]) -> Usage:
    return Usage(
        row.id,
        row.booking_id,
        Relation(row.side),
        msgspec.convert(row.used, dict[UUID, dict[Unit, int]]),
        Money(row.total_minor, row.currency),
        row.note,
        UsageState(row.state),
        row.by,
        row.created_at,
    )
