"""What travels over the wire about the payments of a booking."""

from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.deposits.schemas import CardView, DepositHistory
from votremachine.kernel.money import Money
from votremachine.payments.gateway import Refusal
from votremachine.payments.orders.rules import Purpose, State, What
from votremachine.payments.payouts.schemas import PayableView


class PaymentView(msgspec.Struct, frozen=True):
    """One order to the gateway: a charge or a hold, or what was done about an earlier one (`about`).

    `at`: when its outcome became known, or else when it was ordered. `let_go`: what a capture gave back of the hold.
    """

    id: UUID
    what: What
    purpose: Purpose
    amount: Money
    let_go: Money
    state: State
    at: datetime
    about: UUID | None
    reason: Refusal | None
    card: CardView | None


class OwnersPart(msgspec.Struct, frozen=True):
    """What of a booking is its owner's, for the owner's people and staff, as the ledger has it now.

    `waiting` for the claim window, or for the renter to pay; `payable`: to be paid out, or awarded and not come in yet;
    `lines` say what was, and will be, paid out. `fee` and `fee_vat` are the platform's.
    """

    waiting: Money
    payable: Money
    fee: Money
    fee_vat: Money
    lines: list[PayableView]


class PaymentsView(msgspec.Struct, frozen=True):
    """What was paid for a booking, what went back, and what is still held.

    `price` is what it costs now. `paid`: by card, for damage too; what was captured for damage stands with the
    `deposit`. `paid_directly`: to its owner past the platform, as they recorded it with an invoice. `owed`: what the
    renter has still to pay of what is due, on account or by card, awarded damage among it; `owed_back`: what the owner
    has to give back of what they were paid directly. A side that is not the renter sees what came about, and no card.
    """

    booking_id: UUID
    on_account: bool
    price: Money
    paid: Money
    refunded: Money
    set_aside: Money
    paid_directly: Money
    owed: Money
    owed_back: Money
    payments: list[PaymentView]
    deposit: DepositHistory | None
    owners_part: OwnersPart | None
