"""What travels over the wire about deposits."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.deposits.rules import State, Way
from votremachine.infra.wire import Input
from votremachine.kernel.money import Money


class Listed(StrEnum):
    """What an owner asks for: `lapsing` is what is live and ends within 48 hours unless it is renewed."""

    LIVE = "live"
    LAPSING = "lapsing"
    LAPSED = "lapsed"
    FAILED = "failed"
    REQUIRED = "required"
    SAVED = "saved"
    CAPTURED = "captured"
    RELEASED = "released"
    WAIVED = "waived"


class GiveCard(Input):
    """A card that the renter keeps, for the deposit of a booking."""

    instrument_id: UUID


class Waive(Input):
    """Why the owner does without the deposit: kept, with who said so and when."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=r"^(?=[\s\S]*\S)[^\x00]*\Z")]


class CardView(msgspec.Struct, frozen=True):
    """What people know a card by."""

    brand: str
    last4: str


class WaiverView(msgspec.Struct, frozen=True):
    """The owner did without the deposit, in writing."""

    by: UUID
    at: datetime
    reason: str


class DepositView(msgspec.Struct, frozen=True):
    """A deposit as the two sides of its booking see it; `card` is for the renter's people alone.

    `live`: the machine may leave, as far as the money goes. `capture_before`: when the present hold ends unless it is
    renewed, absent for a real payment. `failure`: why the card last refused.
    """

    id: UUID
    booking_id: UUID
    state: State
    way: Way
    amount: Money
    live: bool
    starts: datetime
    keep_until: datetime
    capture_before: datetime | None
    failure: str
    captured: Money
    released: Money
    card: CardView | None
    waiver: WaiverView | None
    version: int


class DepositStepView(msgspec.Struct, frozen=True):
    """One step in the life of a deposit, a renewal among them; `by` is null when the clock took it."""

    from_state: State | None
    to_state: State
    at: datetime
    by: UUID | None
    why: str


class DepositHistory(msgspec.Struct, frozen=True):
    """How a deposit stands, in short, and how it came to that, oldest first."""

    state: State
    way: Way
    amount: Money
    live: bool
    captured: Money
    released: Money
    steps: list[DepositStepView]


class OwnersDepositView(msgspec.Struct, frozen=True):
    """A deposit in the list of an owner."""

    id: UUID
    booking_id: UUID
    renter_party_id: UUID
    renter: str
    state: State
    way: Way
    amount: Money
    live: bool
    starts: datetime
    keep_until: datetime
    capture_before: datetime | None
    failure: str
    under_claim: bool


class DepositProof(msgspec.Struct, frozen=True):
    """The bank wants the cardholder to prove who they are: with this secret, in the gateway's own form.

    Give the same card again once that is done; for a quarter of an hour the order waits for it.
    """

    booking_id: UUID
    client_secret: str
    requires_action: bool = True
