"""Orders in the database: placing them, taking up those whose outcome is open, and keeping what became of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import replace

from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared, Write
from votremachine.kernel.money import Money
from votremachine.payments.gateway import Refusal
from votremachine.payments.instruments.models import instruments
from votremachine.payments.instruments.rules import State as InstrumentState
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause, Posting
from votremachine.payments.ledger.service.posting import post
from votremachine.payments.notices.events import GatewayNoticed
from votremachine.payments.orders.models import payment_orders
from votremachine.payments.orders.rules import (
    BEGINNING,
    LEASE,
    OPEN,
    Answer,
    PaymentOrder,
    Purpose,
    State,
    What,
    answered,
    next_look,
)

BATCH = 20

_PLACE = Write(
    "payment_order",
    payment_orders.insert().values(
        {column.name: sa.bindparam(f"order_{column.name}", type_=column.type) for column in payment_orders.c}
    ),
)


def _literals(states: Iterable[State]) -> list[sa.ColumnElement[str]]:
    return [sa.literal_column(f"'{state.value}'") for state in states]


_by_card = {column.name: sa.bindparam(f"order_{column.name}", type_=column.type) for column in payment_orders.c} | {
    "instrument": instruments.c.reference,
    "customer": instruments.c.customer,
}
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
    payment_orders.c.state.in_([sa.literal_column(f"'{state.value}'") for state in sorted(OPEN)]),
    payment_orders.c.what.in_([sa.literal_column(f"'{what.value}'") for what in sorted(BEGINNING)]),
    sa.not_(payment_orders.c.given_up),
)
_OF_BOOKING = Prepared(
    sa.select(payment_orders)
    .where(payment_orders.c.booking_id == sa.bindparam("booking", type_=sa.Uuid))
    .order_by(payment_orders.c.id)
)
_due = (
    sa.select(payment_orders.c.id)
    .where(payment_orders.c.next_at <= sa.bindparam("now"))
    .order_by(payment_orders.c.next_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_TAKE_DUE = (
    payment_orders.update()
    .where(payment_orders.c.id.in_(_due))
    .values(attempts=payment_orders.c.attempts + 1, next_at=sa.bindparam("lease"))
    .returning(payment_orders)
)
_SETTLE = Prepared(
    payment_orders.update()
    .where(payment_orders.c.id == sa.bindparam("order"), payment_orders.c.settled_at.is_(None))
    .values(
        state=sa.bindparam("state"),
        reference=sa.bindparam("reference"),
        refusal=sa.bindparam("refusal"),
        capture_before=sa.bindparam("capture_before"),
        next_at=sa.bindparam("next_at"),
        settled_at=sa.bindparam("settled_at"),
    )
    .returning(payment_orders.c.given_up)
)


async def place(tx: Tx, order: PaymentOrder) -> None:
    """Write an order down; deferred. Whoever places it carries it out after the commit, or the worker does."""
    await tx.defer(_PLACE, {f"order_{name}": value for name, value in _columns(order).items()})


async def place_first(tx: Tx, order: PaymentOrder) -> PaymentOrder | None:
    """Write down the first order for a booking that is of any account, by a card of the payer's that may pay: it is
    looked up by the same statement. None, and nothing written, if there is no such card or it is not the first.
    """
    values = {f"order_{name}": value for name, value in _columns(order).items()}
    row = await tx.row(_PLACE_FIRST, values)
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


async def take_due(tx: Tx) -> list[PaymentOrder]:
    """A batch of the orders to be taken up now, for a minute nobody else's."""
    return [from_row(row) for row in await tx.rows(_TAKE_DUE, {"now": tx.now, "lease": tx.now + LEASE})]


async def settle(tx: Tx, order: PaymentOrder, answer: Answer) -> PaymentOrder | None:
    """Keep what the gateway said of an order and enter it into the ledger; None when somebody else did already."""
    changed = await keep(tx, order, answer)
    if changed is not None:
        await enter(tx, changed)
    return changed


async def keep(tx: Tx, order: PaymentOrder, answer: Answer) -> PaymentOrder | None:
    """Keep what the gateway said of an order; None when somebody else did already. Whoever keeps it enters it, too."""
    if order.state not in OPEN:
        return None
    changed = answered(order, answer, tx.now)
    values = {
        "order": order.id,
        "state": changed.state,
        "reference": changed.reference,
        "refusal": changed.refusal,
        "capture_before": changed.capture_before,
        "next_at": changed.next_at,
        "settled_at": changed.settled_at,
    }
    kept = await tx.row(_SETTLE, values)
    # Meanwhile nobody may want it any more.
    return None if kept is None else replace(changed, given_up=kept.given_up)


async def enter(tx: Tx, order: PaymentOrder) -> None:
    """Enter an order into the ledger, if it was carried out; deferred."""
    if order.state is State.DONE:
        await post(tx, Cause("payment_order", order.id), posting_of(order), booking_id=order.booking_id)


def posting_of(order: PaymentOrder) -> Posting:
    """What the ledger says of an order that was carried out."""
    payer, amount, reference = order.payer_party_id, order.amount, order.reference
    for_deposit = order.purpose is Purpose.DEPOSIT
    match order.what:
        case What.CHARGE:
            taken = recipes.deposit_taken if for_deposit else recipes.charged
            return taken(payer, amount, reference)
        case What.HOLD:
            return recipes.hold_placed(payer, amount, reference)
        case What.CAPTURE:
            return recipes.hold_captured(payer, amount, Money(order.gives_back, amount.currency), reference)
        case What.RELEASE:
            return recipes.hold_released(payer, amount, reference)
        case What.REFUND:
            paid_back = recipes.deposit_paid_back if for_deposit else recipes.refund_paid
            return paid_back(payer, amount, reference)


async def put_off(tx: Tx, order: PaymentOrder) -> None:
    """The gateway was silent: take the order up again after a while."""
    mine = (payment_orders.c.id == order.id, payment_orders.c.settled_at.is_(None))
    await tx.execute(payment_orders.update().where(*mine).values(next_at=next_look(order, tx.now)))


async def look_again(tx: Tx, fact: GatewayNoticed) -> None:
    """The gateway has news of an order: it is looked at now. What the news say themselves is not believed."""
    open_ = payment_orders.c.settled_at.is_(None)
    await tx.execute(payment_orders.update().where(payment_orders.c.id == fact.key, open_).values(next_at=tx.now))


def _begins(order: PaymentOrder) -> bool:
    return order.what in BEGINNING


def from_row(row: sa.Row[Any]) -> PaymentOrder:
    """A row as a value."""
    return PaymentOrder(
        id=row.id,
        what=What(row.what),
        purpose=Purpose(row.purpose),
        subject_id=row.subject_id,
        booking_id=row.booking_id,
        payer_party_id=row.payer_party_id,
        payee_party_id=row.payee_party_id,
        amount=Money(row.minor, row.currency),
        instrument_id=row.instrument_id,
        instrument=row.instrument,
        customer=row.customer,
        earlier_id=row.earlier_id,
        reference=row.reference,
        description=row.description,
        off_session=row.off_session,
        gives_back=row.gives_back,
        asked_by=row.asked_by,
        state=State(row.state),
        refusal=Refusal(row.refusal) if row.refusal else None,
        capture_before=row.capture_before,
        attempts=row.attempts,
        next_at=row.next_at,
        created_at=row.created_at,
        settled_at=row.settled_at,
        given_up=row.given_up,
    )


def _columns(order: PaymentOrder) -> dict[str, Any]:
    return {
        "id": order.id,
        "what": order.what,
        "purpose": order.purpose,
        "subject_id": order.subject_id,
        "booking_id": order.booking_id,
        "payer_party_id": order.payer_party_id,
        "payee_party_id": order.payee_party_id,
        "minor": order.amount.minor,
        "currency": order.amount.currency,
        "instrument_id": order.instrument_id,
        "instrument": order.instrument,
        "customer": order.customer,
        "earlier_id": order.earlier_id,
        "reference": order.reference,
        "description": order.description,
        "off_session": order.off_session,
        "gives_back": order.gives_back,
        "asked_by": order.asked_by,
        "state": order.state,
        "refusal": order.refusal,
        "capture_before": order.capture_before,
        "attempts": order.attempts,
        "next_at": order.next_at,
        "created_at": order.created_at,
        "settled_at": order.settled_at,
        "given_up": order.given_up,
    }
