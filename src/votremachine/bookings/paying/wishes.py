"""Other times that are paid for, in the database: kept with the order that sets the difference aside."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.bookings.models import booking_wishes
from votremachine.bookings.rules import Wish, WishKind
from votremachine.bookings.service.move import Move
from votremachine.infra.database import Tx


class State(StrEnum):
    WAITING = "waiting"  # for the money
    MOVED = "moved"
    DROPPED = "dropped"  # the booking could not be moved any more, and the money went back


class Wished(msgspec.Struct, frozen=True):
    """A wish, and the order that pays for it; `total_minor` is what the booking costs then, as it was agreed."""

    order_id: UUID
    wish: Wish
    total_minor: int
    state: State

    def is_of(self, wish: Wish) -> bool:
        """Whether this is what is asked for again."""
        asked = wish if wish.start is not None else msgspec.structs.replace(wish, start=self.wish.start)
        return asked == self.wish


_OF_ORDER = sa.select(booking_wishes).where(booking_wishes.c.order_id == sa.bindparam("order", type_=sa.Uuid))
_LATEST = (
    sa.select(booking_wishes)
    .where(booking_wishes.c.booking_id == sa.bindparam("booking", type_=sa.Uuid))
    .order_by(booking_wishes.c.order_id.desc())
    .limit(1)
)


async def add(tx: Tx, order_id: UUID, wish: Wish, move: Move) -> None:
    """Keep a wish until it is paid for."""
    values = {
        "order_id": order_id,
        "booking_id": move.booking.id,
        "kind": wish.kind,
        "starts": move.span.start,
        "ends": move.span.end,
        "version": wish.version,
        "weather": wish.weather,
        "total_minor": move.price.total.minor,
        "state": State.WAITING,
        "created_at": tx.now,
    }
    await tx.execute(booking_wishes.insert(), values)


async def of_order(tx: Tx, order_id: UUID) -> Wished | None:
    """What an order pays for, if it is another time of a booking."""
    return _wished(await tx.row(_OF_ORDER, {"order": order_id}))


async def latest(tx: Tx, booking_id: UUID) -> Wished | None:
    """The last that was paid for, or was to be."""
    return _wished(await tx.row(_LATEST, {"booking": booking_id}))


async def end(tx: Tx, order_id: UUID, state: State) -> None:
    """Keep what became of a wish."""
    mine = booking_wishes.c.order_id == order_id
    await tx.execute(booking_wishes.update().where(mine).values(state=state))


def _wished(row: sa.Row[Any] | None) -> Wished | None:
    if row is None:
        return None
    wish = Wish(WishKind(row.kind), row.version, row.ends, row.starts, row.weather)
    return Wished(row.order_id, wish, row.total_minor, State(row.state))
