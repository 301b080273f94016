"""Orders in the database: placing them, giving them up, and reading them as they stand."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared, Write
from votremachine.kernel.money import Money
from votremachine.payments.instruments.models import instruments
from votremachine.payments.instruments.rules import State as InstrumentState
from votremachine.payments.orders.models import payment_orders
from votremachine.payments.orders.rules import BEGINNING, OPEN, PaymentOrder, Purpose, State, What
from votremachine.payments.orders.table import BOUND, from_row, values_of


def _literals(names: Iterable[State | What]) -> list[sa.ColumnElement[str]]:
    return [sa.literal_column(f"'{name.value}'") for name in names]


_PLACE = Write("payment_order", payment_orders.insert().values(BOUND))
_by_card = BOUND | {"instrument": instruments.c.reference, "customer": instruments.c.customer}
_before = payment_orders.alias("before")
_PLACE_FIRST = Prepared(
    payment_orders.insert()
    .from_select(
        list(_by_card),
        sa.select(*_by_card.values()).where(
            instruments.c.id == _by_card["instrument_id"],
            instruments.c.party_id == _by_card["payer_party_id"],
            instruments.c.state == InstrumentState.READY,
            ~sa.exists().where(
                _before.c.booking_id == _by_card["booking_id"],
                _before.c.state.not_in(_literals([State.DECLINED, State.REFUSED])),
            ),
        ),
    )
    .returning(payment_orders)
)
_ONE_LOCKED = Prepared(sa.select(payment_orders).where(payment_orders.c.id == sa.bindparam("id")).with_for_update())
_BY_IDS = Prepared(
    sa.select(payment_orders).where(payment_orders.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
)
# As the index says that allows one of them.
_OPEN_OF = sa.select(payment_orders).where(
    payment_orders.c.subject_id == sa.any_(sa.bindparam("subjects", type_=sa.ARRAY(sa.Uuid))),
    payment_orders.c.state.in_(_literals(sorted(OPEN))),
    payment_orders.c.what.in_(_literals(sorted(BEGINNING))),
    sa.not_(payment_orders.c.given_up),
)
_OF_BOOKING = Prepared(
    sa.select(payment_orders)
    .where(payment_orders.c.booking_id == sa.bindparam("booking", type_=sa.Uuid))
    .order_by(payment_orders.c.id)
)


async def place(tx: Tx, order: PaymentOrder) -> None:
    """Write an order down; deferred. Whoever places it carries it out after the commit, or the worker does."""
    await tx.defer(_PLACE, values_of(order))


async def place_first(tx: Tx, order: PaymentOrder) -> PaymentOrder | None:
    """Write down the first order for a booking that is of any account, by a card of the payer's that may pay: it is
    looked up by the same statement. None, and nothing written, if there is no such card or it is not the first.
    """
    row = await tx.row(_PLACE_FIRST, values_of(order))
    return None if row is None else from_row(row)


def ending(tx: Tx, order: PaymentOrder, what: What, amount: Money, *, gives_back: int = 0) -> PaymentOrder:
    """An order about the money of an earlier one, for the worker to carry out at once."""
    return PaymentOrder(
        id=tx.new_id(),
        what=what,
        purpose=order.purpose,
        subject_id=order.subject_id,
        booking_id=order.booking_id,
        payer_party_id=order.payer_party_id,
        payee_party_id=order.payee_party_id,
        amount=amount,
        earlier_id=order.id,
        reference=order.reference,
        gives_back=gives_back,
        created_at=tx.now,
        next_at=tx.now,
    )


async def give_back(tx: Tx, order: PaymentOrder) -> None:
    """Order that all that was taken or set aside goes back; the worker carries it out."""
    what = What.REFUND if order.what is What.CHARGE else What.RELEASE
    await place(tx, ending(tx, order, what, order.amount))


async def give_up(tx: Tx, order_id: UUID) -> None:
    """Wait for this cardholder no more: the worker closes the order at the gateway, whatever it finds there."""
    waiting = (payment_orders.c.id == order_id, payment_orders.c.state == State.REQUIRES_ACTION)
    await tx.execute(payment_orders.update().where(*waiting).values(given_up=True, next_at=tx.now))


async def give_up_all(tx: Tx, booking_id: UUID, purposes: Collection[Purpose]) -> None:
    """Wait for nobody any more who was to pay this for a booking. What the gateway is being asked just now is closed,
    too, should it turn out to wait for its cardholder; but not before its asker must have had an answer.
    """
    orders = payment_orders.c
    ours = (
        orders.booking_id == booking_id,
        orders.purpose.in_(purposes),
        orders.what.in_(BEGINNING),
        orders.state.in_(OPEN),
    )
    next_at = sa.case((orders.state == State.REQUIRES_ACTION, tx.now), else_=orders.next_at)
    await tx.execute(payment_orders.update().where(*ours).values(given_up=True, next_at=next_at))


async def load_locked(tx: Tx, order_id: UUID) -> PaymentOrder | None:
    """An order that nobody else settles until this transaction ends."""
    row = await tx.row(_ONE_LOCKED, {"id": order_id})
    return None if row is None else from_row(row)


async def by_ids(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, PaymentOrder]:
    """These orders as they stand, in one statement; none without ids."""
    if not ids:
        return {}
    return {row.id: from_row(row) for row in await tx.rows(_BY_IDS, {"ids": list(ids)})}


async def open_of(tx: Tx, subject_ids: Collection[UUID]) -> Mapping[UUID, PaymentOrder]:
    """The order that begins to move money for each of these things, where its outcome is open; by the thing's id."""
    if not subject_ids:
        return {}
    return {row.subject_id: from_row(row) for row in await tx.rows(_OPEN_OF, {"subjects": list(subject_ids)})}


async def of_booking(tx: Tx, booking_id: UUID) -> list[PaymentOrder]:
    """Every order for a booking and its deposit, oldest first."""
    return [from_row(row) for row in await tx.rows(_OF_BOOKING, {"booking": booking_id})]


def under_way(orders: Sequence[PaymentOrder], subject_id: UUID, purpose: Purpose) -> PaymentOrder | None:
    """The order that begins to move money for this, and whose outcome is waited for; there is one at most."""
    ours = (one for one in orders if one.subject_id == subject_id and one.purpose is purpose)
    return next((one for one in ours if _begins(one) and one.state in OPEN and not one.given_up), None)


def _begins(order: PaymentOrder) -> bool:
    return order.what in BEGINNING
