"""What travels over the wire of payouts."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.infra.wire import Input
from votremachine.kernel.money import Money
from votremachine.payments.payouts.rules import State


class PayoutView(msgspec.Struct, frozen=True):
    """What is paid out to an owner together; `reason` says why it waits or failed."""

    id: UUID
    party_id: UUID
    amount: Money
    state: State
    reason: str
    made_at: datetime
    changed_at: datetime


class PayoutLineView(msgspec.Struct, frozen=True):
    """What is paid of one booking; below zero, the owner owes it."""

    id: UUID
    booking_id: UUID
    amount: Money


class PayableView(msgspec.Struct, frozen=True):
    """What is due to an owner of a booking; `state` is that of its payout, null before there is one.

    `amount` is null until `due_at`, when nobody can claim damage any more.
    """

    id: UUID
    due_at: datetime
    amount: Money | None
    payout_id: UUID | None
    state: State | None


class PayoutDetails(msgspec.Struct, frozen=True):
    """A payout and all its lines: they come to its amount."""

    payout: PayoutView
    lines: list[PayoutLineView]


class Failed(Input):
    """Why the owner's bank did not take it."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*\Z")]
