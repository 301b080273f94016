"""The port to whoever moves card money, and the words in which it is spoken to.

Every order carries a key of ours; the same key again is the same order, whatever happened to the first answer, and
`look_up` tells what became of it. An adapter is called outside of any transaction. What the card's bank decides is an
answer (`Standing.DECLINED`); only not knowing is an error (`OutcomeUnknown`), and then the same order is given again.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

import msgspec

from votremachine.kernel.money import Money


class Standing(StrEnum):
    """How an order stands at the gateway."""

    REQUIRES_ACTION = "requires_action"  # the cardholder must prove who they are (3-D Secure)
    DECLINED = "declined"
    SUCCEEDED = "succeeded"  # charged; or captured, in part or whole
    HELD = "held"  # set aside on the card, until `capture_before`
    RELEASED = "released"  # given back without having been taken, by us or by the clock


class Refusal(StrEnum):
    """Why a card was declined, as far as people can do something about it."""

    DECLINED = "declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    NEEDS_AUTHENTICATION = "needs_authentication"  # asked off-session; the cardholder must be there


class Capabilities(msgspec.Struct, frozen=True):
    """What a gateway can do. `longest_hold` is a promise for no card: each hold says its own `capture_before`."""

    longest_hold: timedelta
    partial_capture: bool
    multi_capture: bool


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Charge, or hold, this much on a saved instrument.

    `key` is our id of the order. `off_session` when the cardholder is not there to prove who they are. `destination`
    is the gateway's account of the owner, where the operator has connected them.
    """

    key: UUID
    amount: Money
    instrument: str
    customer: str
    description: str
    off_session: bool = False
    destination: str = ""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway knows of one order: its own `reference`, and amounts in minor units of the order's currency.

    `amount = captured + released + still held`, and `refunded <= captured`. `client_secret` is what the cardholder's
    phone needs to prove who they are.
    """

    key: UUID
    reference: str
    standing: Standing
    amount: Money
    captured: int = 0
    refunded: int = 0
    capture_before: datetime | None = None
    refusal: Refusal | None = None
    client_secret: str = ""


class SavedInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """A card kept at the gateway. Of the card itself only what people know it by: never its number."""

    key: UUID
    reference: str
    standing: Standing
    instrument: str
    customer: str
    brand: str = ""
    last4: str = ""
    expires: str = ""  # YYYY-MM
    refusal: Refusal | None = None
    client_secret: str = ""


class OutcomeUnknown(Exception):
    """The gateway did not answer, or not sensibly: the order may have been carried out. Give it again or look it up."""


class NotAtGateway(Exception):
    """The gateway refuses the order itself (no such hold, more than was held, released): asking again is vain."""


class KeyReused(NotAtGateway):
    """The gateway knows this key as that of another order."""


class CardNumberSent(NotAtGateway):
    """A text of the order looks like the number of a card, which no order carries. It is not repeated here."""


@runtime_checkable
class Gateway(Protocol):
    """Each raises `OutcomeUnknown`; those that give an order raise `NotAtGateway` besides."""

    name: str
    capabilities: Capabilities

    async def charge(self, order: Order) -> Movement:
        """Take the money now."""

    async def hold(self, order: Order) -> Movement:
        """Set the money aside; it is taken by `capture`, or given back by `release` or the clock."""

    async def save(self, key: UUID, token: str, customer: str) -> SavedInstrument:
        """Keep a card, that the client's page made a one-time `token` of, for orders without the cardholder.

        `customer` is the gateway's own name of the payer, empty the first time. Raises `NotAtGateway` for a token
        that it does not know.
        """

    async def look_up_saved(self, reference: str) -> SavedInstrument | None:
        """How a card that was to be kept stands, after its holder proved who they are; None for an unknown one."""

    async def capture(self, reference: str, minor: int, key: UUID, *, final: bool) -> Movement:
        """Take part or all of a hold; `final` gives the rest back. At most what is still held.

        Without `multi_capture`, every capture is final.
        """

    async def release(self, reference: str, key: UUID) -> Movement:
        """Give back what is still held, or close an order that waits for its cardholder; nothing to do is no error."""

    async def refund(self, reference: str, minor: int, key: UUID) -> Movement:
        """Give back part or all of what was taken."""

    async def look_up(self, key: UUID) -> Movement | None:
        """What became of the order with this key; None when the gateway never saw it."""

    def movements(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        """Every order that was made in this time, as it stands: the gateway's own books, for the proof of ours."""


@runtime_checkable
class PaysOwners(Protocol):
    """A gateway that also has accounts of owners, and pays into them."""

    name: str

    async def pay_out(self, account: str, amount: Money, key: UUID) -> str:
        """Pay this much into an owner's account, once for each key, however often and how late it is asked; the
        gateway's name of it. Raises `OutcomeUnknown`; `NotAtGateway` for an account that cannot be paid.
        """
