"""The simulated gateway's rows: orders, cards, the keys that were seen."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Tx
from votremachine.payments.gateway import KeyReused, NotAtGateway
from votremachine.payments.simulated.models import instruments, operations, orders
from votremachine.payments.simulated.rules import Instrument, SimulatedOrder, as_of

_CLAIM = insert(operations).on_conflict_do_nothing().returning(operations.c.key)
_CLAIMED = sa.select(operations).where(operations.c.key == sa.bindparam("key")).with_for_update()
_ORDER = [orders.c[name] for name in SimulatedOrder.__struct_fields__]
_INSTRUMENT = [instruments.c[name] for name in Instrument.__struct_fields__]


def digest(*content: object) -> bytes:
    """What tells one order from another."""
    return blake2b(msgspec.json.encode(content), digest_size=16).digest()


async def claim(tx: Tx, key: UUID, now: datetime, *content: object) -> tuple[bool, bool]:
    """Whether this key is seen for the first time, and whether its order was carried out.

    Whoever else comes with the same key waits until this transaction ends. Raises `KeyReused`.
    """
    asked = digest(*content)
    row = {"key": key, "content": asked, "carried_out": False, "asked_at": now}
    if await tx.row(_CLAIM, row) is not None:
        return True, False
    seen = (await tx.execute(_CLAIMED, {"key": key})).one()
    if seen.content != asked:
        raise KeyReused(f"the key {key} was given before with another order")
    return False, bool(seen.carried_out)


async def carried_out(tx: Tx, key: UUID) -> None:
    await tx.execute(operations.update().where(operations.c.key == key).values(carried_out=True))


async def keep_order(tx: Tx, order: SimulatedOrder) -> None:
    await tx.execute(orders.update().where(orders.c.key == order.key).values(msgspec.structs.asdict(order)))


async def order_of(tx: Tx, now: datetime, condition: sa.ColumnElement[bool]) -> SimulatedOrder | None:
    """The order as it stands now, nobody else's until this transaction ends."""
    row = await tx.row(sa.select(*_ORDER).where(condition).with_for_update())
    return None if row is None else as_of(_to_order(row), now)


async def order_by_reference(tx: Tx, now: datetime, reference: str) -> SimulatedOrder:
    """Raises `NotAtGateway`."""
    order = await order_of(tx, now, orders.c.reference == reference)
    if order is None:
        raise NotAtGateway("there is no such order")
    return order


async def orders_since(
    tx: Tx, now: datetime, after: tuple[datetime, UUID], until: datetime, limit: int
) -> Sequence[tuple[datetime, SimulatedOrder]]:
    """A page of the orders that were made before `until`, in the order in which they were."""
    place = sa.tuple_(orders.c.created_at, orders.c.key)
    rows = await tx.rows(
        sa.select(orders.c.created_at, *_ORDER)
        .where(place > after, orders.c.created_at < until)
        .order_by(orders.c.created_at, orders.c.key)
        .limit(limit)
    )
    return [(row.created_at, as_of(_to_order(row), now)) for row in rows]


async def lapsed(tx: Tx, now: datetime) -> Sequence[SimulatedOrder]:
    """Holds whose time is over and that nobody has looked at since, as they stand now."""
    over = sa.select(*_ORDER).where(orders.c.capture_before <= now).with_for_update(skip_locked=True).limit(100)
    return [as_of(_to_order(row), now) for row in await tx.rows(over)]


async def add_instrument(tx: Tx, instrument: Instrument, now: datetime) -> None:
    await tx.execute(instruments.insert(), {**msgspec.structs.asdict(instrument), "created_at": now})


async def keep_instrument(tx: Tx, instrument: Instrument) -> None:
    changed = msgspec.structs.asdict(instrument)
    await tx.execute(instruments.update().where(instruments.c.key == instrument.key).values(changed))


async def instrument_of(tx: Tx, condition: sa.ColumnElement[bool]) -> Instrument | None:
    row = await tx.row(sa.select(*_INSTRUMENT).where(condition).with_for_update())
    return None if row is None else msgspec.convert(row._mapping, Instrument)


async def knows_customer(tx: Tx, customer: str) -> bool:
    known = sa.exists().where(instruments.c.customer == customer)
    return bool((await tx.execute(sa.select(known))).scalar_one())


def _to_order(row: sa.Row[Any]) -> SimulatedOrder:
    return msgspec.convert(row._mapping, SimulatedOrder)
