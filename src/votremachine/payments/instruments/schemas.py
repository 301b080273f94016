"""What travels over the wire about cards."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.infra.wire import Input
from votremachine.payments.instruments.rules import State

# A name that the gateway gave to a card on the cardholder's own page; never the number of one.
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[A-Za-z][A-Za-z0-9_]*\Z")]


class KeepCard(Input):
    """A card to be kept for a party: the one-time `token` that the gateway's own form made of it."""

    token: Token


class InstrumentView(msgspec.Struct, frozen=True):
    """A card as its party knows it. With `requires_action`, `client_secret` is what the cardholder's phone needs to
    prove who they are; it is told once.
    """

    id: UUID
    party_id: UUID
    state: State
    brand: str
    last4: str
    expires: str
    created_at: datetime
    client_secret: str | None = None
