"""The first answer to a charge or a hold: what is known is read, and what the bank decides is kept; two statements.

Each is sent by itself. The second keeps an order and what is told of it only for who is the first with its key; whoever
comes at the same moment finds what was kept.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Database
from votremachine.infra.statements import Prepared
from votremachine.payments.gateway import KeyReused, Standing
from votremachine.payments.simulated.models import instruments, operations, orders, webhooks
from votremachine.payments.simulated.rules import Instrument, Kind, SimulatedOrder

_INSTRUMENT = [instruments.c[name] for name in Instrument.__struct_fields__]
_asked_with = sa.bindparam("instrument", type_=sa.Text)
_agreed = sa.and_(orders.c.standing != Standing.DECLINED, orders.c.standing != Standing.REQUIRES_ACTION)
_nothing = sa.select(sa.true().label("nothing")).subquery("nothing")
_KNOWN = Prepared(
    sa.select(
        operations.c.content,
        operations.c.carried_out,
        sa.exists().where(orders.c.instrument == _asked_with, orders.c.kind == Kind.HOLD, _agreed).label("held_before"),
        *_INSTRUMENT,
    )
    .select_from(_nothing)
    .outerjoin(operations, operations.c.key == sa.bindparam("asked", type_=sa.Uuid))
    .outerjoin(instruments, instruments.c.instrument == _asked_with)
)


def _bound(table: sa.Table) -> dict[str, sa.BindParameter[Any]]:
    return {column.name: sa.bindparam(f"{table.name}_{column.name}", type_=column.type) for column in table.c}


_first = insert(operations).values(_bound(operations))
_claim = _first.on_conflict_do_update(
    index_elements=["key"],
    set_={"carried_out": _first.excluded.carried_out},
    # Once without an answer and now carried out: the only way in which a key is good twice.
    where=sa.and_(~operations.c.carried_out, _first.excluded.carried_out),
).returning(operations.c.key)
_CLAIM, _claimed = Prepared(_claim), _claim.cte("claimed")
_letters = (
    sa.func.unnest(*(sa.bindparam(f"letter_{column.name}", type_=sa.ARRAY(column.type)) for column in webhooks.c))
    .table_valued(*(sa.column(column.name) for column in webhooks.c), name="letters")
    .render_derived()
)
_told = (
    insert(webhooks)
    .from_select(list(webhooks.c.keys()), sa.select(*_letters.c).where(sa.exists(sa.select(_claimed.c.key))))
    .cte("told")
)
_KEEP = Prepared(
    insert(orders)
    .from_select(list(orders.c.keys()), sa.select(*_bound(orders).values()).select_from(_claimed))
    .add_cte(_told)
    .returning(orders.c.key)
)


class Known(NamedTuple):
    """What is known before the bank decides. `first`: nobody came with this key before."""

    first: bool
    carried_out: bool
    held_before: bool
    card: Instrument | None


async def known(database: Database, key: UUID, content: bytes, instrument: str) -> Known:
    """Raises `KeyReused` when the key was given with other content."""
    (row,) = await database.alone(_KNOWN, {"asked": key, "instrument": instrument})
    if row.content not in (None, content):
        raise KeyReused(f"the key {key} was given before with another order")
    card = None if row.instrument is None else msgspec.convert(row._asdict(), Instrument)
    return Known(row.content is None, bool(row.carried_out), row.held_before, card)


async def note(database: Database, key: UUID, content: bytes, now: datetime) -> None:
    """Only that a key was seen: nothing was carried out."""
    await database.alone(_CLAIM, _operation(key, content, now, carried_out=False))


async def keep(
    database: Database,
    order: SimulatedOrder,
    content: bytes,
    now: datetime,
    letters: Sequence[Mapping[str, Any]],
    **more: str,
) -> bool:
    """Keep an order that the bank decided on, and post `letters`; False when somebody else was first with its key."""
    columns = {**msgspec.structs.asdict(order), **more, "created_at": now}
    values = {
        **_operation(order.key, content, now, carried_out=True),
        **{f"{orders.name}_{name}": value for name, value in columns.items()},
        **{f"letter_{column.name}": [letter[column.name] for letter in letters] for column in webhooks.c},
    }
    return bool(await database.alone(_KEEP, values))


def _operation(key: UUID, content: bytes, now: datetime, *, carried_out: bool) -> dict[str, Any]:
    row = {"key": key, "content": content, "carried_out": carried_out, "asked_at": now}
    return {f"{operations.name}_{name}": value for name, value in row.items()}
