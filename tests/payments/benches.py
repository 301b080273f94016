"""What the contract needs of each gateway besides the port: names of its test cards, and its cardholder."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from votremachine.infra.database import utc_now
from votremachine.kernel.ids import uuid7
from votremachine.kernel.money import Money
from votremachine.payments.gateway import Gateway, Order, SavedInstrument, Standing

_made = 0


def new_key(now: datetime | None = None) -> UUID:
    """A key like those of orders: version 7, of now."""
    global _made  # noqa: PLW0603 -- ids must differ, and nothing else is asked of them
    _made += 1
    return uuid7(now or utc_now(), _made.to_bytes(10))


@dataclass
class Hands:
    """A clock that a test moves."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Bench:
    """A gateway to be tried: `cards` are its tokens by our names for them."""

    gateway: Gateway
    cards: dict[str, str]
    authenticate: Callable[[str, bool], Awaitable[None]]

    async def card(self, name: str = "plain") -> SavedInstrument:
        """A card that was saved by a customer of its own."""
        saved = await self.gateway.save(new_key(), self.cards[name], "")
        if saved.standing is Standing.REQUIRES_ACTION:
            await self.authenticate(saved.client_secret, True)
            shown = await self.gateway.look_up_saved(saved.reference)
            assert shown is not None
            saved = shown
        assert saved.standing is Standing.SUCCEEDED
        return saved


def order(card: SavedInstrument, minor: int = 10_000, *, key: UUID | None = None, off_session: bool = False) -> Order:
    """To be charged to a card, or held on it."""
    return Order(
        key=key or new_key(),
        amount=Money(minor),
        instrument=card.instrument,
        customer=card.customer,
        description="Valtra N134, 3 days",
        off_session=off_session,
    )
