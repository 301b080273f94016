"""What travels over the wire of the ledger."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from votremachine.kernel.money import Money
from votremachine.payments.ledger.rules.posting import PostingKind
from votremachine.payments.ledger.rules.proving import Difference

# The accounts that a party has; the platform's are nobody else's business.
PartyAccount = Literal[
    "renter", "owner_pending", "owner_payable", "deposits", "holds_owed", "account_owed", "account_due"
]


class BalanceView(msgspec.Struct, frozen=True):
    """What stands on one account: above zero the party owes it, below zero it is owed to the party."""

    account: PartyAccount
    amount: Money


class BalancesView(msgspec.Struct, frozen=True):
    """What stood on a party's accounts just before `at`; accounts that were never used are absent."""

    at: datetime
    balances: list[BalanceView]


class StatementLineView(msgspec.Struct, frozen=True):
    """One entry: above zero the party owes more by it, below zero less. `text` says in words what happened."""

    transaction_id: UUID
    line_no: int
    posted_at: datetime
    occurred_at: datetime
    kind: PostingKind
    text: str
    booking_id: UUID | None
    description: str
    amount: Money


class ProofView(msgspec.Struct, frozen=True):
    """One proof: how much was held against what from `since` to `until`, and how often it differed."""

    id: UUID
    since: datetime
    until: datetime
    entries: int
    orders: int
    checkpoints: int
    found: int
    made_at: datetime


class ProofDetails(msgspec.Struct, frozen=True):
    """A proof and the first of its differences."""

    proof: ProofView
    differences: list[Difference]
