"""What became of orders: taking up those whose outcome is open, and keeping it, in the ledger as well."""

import sqlalchemy as sa
from msgspec.structs import replace

from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared
from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause, Posting
from votremachine.payments.ledger.service.posting import post
from votremachine.payments.notices.events import GatewayNoticed
from votremachine.payments.orders.models import payment_orders
from votremachine.payments.orders.rules import (
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
from votremachine.payments.orders.table import from_row

BATCH = 20

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
