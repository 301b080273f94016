"""What renters have not paid of their rentals: nobody is paid out what never came in."""

from collections.abc import Collection, Mapping
from uuid import UUID

import sqlalchemy as sa

from votremachine.infra.database import Tx
from votremachine.payments.ledger.rules.posting import PostingKind
from votremachine.payments.ledger.service.balances import of_renters
from votremachine.payments.orders.models import payment_orders
from votremachine.payments.orders.rules import Purpose, State, What

# What a rental costs, and what cards paid. Damage that was awarded is paid out by itself, once it came in.
_OF_RENTALS = (
    PostingKind.RENTAL_DUE,
    PostingKind.RENTAL_CHANGED,
    PostingKind.RENTAL_REFUNDED,
    PostingKind.CHARGED,
    PostingKind.HOLD_CAPTURED,
    PostingKind.REFUND_PAID,
)
_signed = sa.case((payment_orders.c.what == What.REFUND, -payment_orders.c.minor), else_=payment_orders.c.minor)
# Posted as what cards paid, too, but for damage: charged for it, or captured of a deposit.
_FOR_DAMAGE = (
    sa.select(payment_orders.c.booking_id, sa.cast(sa.func.sum(_signed), sa.BigInteger).label("minor"))
    .where(
        payment_orders.c.booking_id == sa.any_(sa.bindparam("booking_ids", type_=sa.ARRAY(sa.Uuid))),
        payment_orders.c.state == State.DONE,
        sa.or_(
            sa.and_(payment_orders.c.purpose == Purpose.DAMAGE, payment_orders.c.what.in_([What.CHARGE, What.REFUND])),
            sa.and_(payment_orders.c.purpose == Purpose.DEPOSIT, payment_orders.c.what == What.CAPTURE),
        ),
    )
    .group_by(payment_orders.c.booking_id)
)


async def missing(tx: Tx, booking_ids: Collection[UUID], currency: str) -> Mapping[UUID, int]:
    """What the renters of these bookings still owe of the rental itself, in minor units; without those who owe
    nothing. Two statements.
    """
    owed = await of_renters(tx, booking_ids, currency, _OF_RENTALS)
    rows = await tx.rows(_FOR_DAMAGE, {"booking_ids": list(booking_ids)})
    for_damage = {row.booking_id: row.minor for row in rows}
    return {one: left for one, minor in owed.items() if (left := minor + for_damage.get(one, 0)) > 0}
