"""What a bank decides, and what may follow: begun, proved, captured, released, refunded, lapsed. Pure."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec.structs import replace

from votremachine.kernel.money import Money
from votremachine.payments.gateway import Movement, NotAtGateway, Refusal, SavedInstrument, Standing
from votremachine.payments.simulated.cards import CARDS, Asks, Card


class Kind(StrEnum):
    CHARGE = "charge"
    HOLD = "hold"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A card that was to be saved, by the `token` that names it."""

    key: UUID
    reference: str
    instrument: str
    customer: str
    token: str
    standing: Standing
    refusal: Refusal | None
    client_secret: str

    @property
    def card(self) -> Card:
        return CARDS[self.token]


class SimulatedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A charge or a hold. `minor` is `captured`, `released` and what is held, once the bank agreed."""

    key: UUID
    reference: str
    kind: Kind
    instrument: str
    token: str
    minor: int
    currency: str
    standing: Standing
    captured: int = 0
    released: int = 0
    refunded: int = 0
    capture_before: datetime | None = None
    refusal: Refusal | None = None
    client_secret: str

    @property
    def held(self) -> int:
        return self.minor if self.standing is Standing.HELD else 0

    @property
    def card(self) -> Card:
        return CARDS[self.token]


def saved(instrument: Instrument) -> Instrument:
    """The bank's first word on a card that is to be saved."""
    card = instrument.card
    if card.cannot_be_saved:
        return replace(instrument, standing=Standing.DECLINED, refusal=card.refusal)
    asks = card.asks is not Asks.NEVER
    return replace(instrument, standing=Standing.REQUIRES_ACTION if asks else Standing.SUCCEEDED)


def begun(order: SimulatedOrder, *, off_session: bool, held_before: bool, now: datetime) -> SimulatedOrder:
    """The bank's first word on a charge or a hold."""
    card = order.card
    if card.refusal is not None:
        return _declined(order, card.refusal)
    if off_session and held_before and not card.renewals:
        return _declined(order, Refusal.DECLINED)
    if card.asks is not Asks.ALWAYS:
        return _agreed(order, now)
    if off_session:
        return _declined(order, Refusal.NEEDS_AUTHENTICATION)
    return replace(order, standing=Standing.REQUIRES_ACTION)


def proved(order: SimulatedOrder, ok: bool, now: datetime) -> SimulatedOrder:
    """The cardholder did what the bank asked for, or failed."""
    return _agreed(order, now) if ok else _declined(order, Refusal.NEEDS_AUTHENTICATION)


def shown(instrument: Instrument, ok: bool) -> Instrument:
    """The holder of a card that is to be saved did what the bank asked for, or failed."""
    if ok:
        return replace(instrument, standing=Standing.SUCCEEDED)
    return replace(instrument, standing=Standing.DECLINED, refusal=Refusal.NEEDS_AUTHENTICATION)


def captured(order: SimulatedOrder, minor: int) -> SimulatedOrder:
    """Part or all of a hold is taken, and the rest given back. Raises `NotAtGateway`."""
    if order.standing is not Standing.HELD:
        raise NotAtGateway(f"{order.reference} is {order.standing}: nothing is held")
    if not 1 <= minor <= order.held:
        raise NotAtGateway(f"{order.reference} holds {order.held}, not {minor}")
    return replace(
        order, standing=Standing.SUCCEEDED, captured=minor, released=order.minor - minor, capture_before=None
    )


def released(order: SimulatedOrder) -> SimulatedOrder:
    """What is held is given back, and what waits for its cardholder is closed; anything else stays as it is."""
    if order.standing not in (Standing.HELD, Standing.REQUIRES_ACTION):
        return order
    return replace(order, standing=Standing.RELEASED, released=order.minor, capture_before=None)


def refunded(order: SimulatedOrder, minor: int) -> SimulatedOrder:
    """Part or all of what was taken goes back. Raises `NotAtGateway`."""
    left = order.captured - order.refunded
    if not 1 <= minor <= left:
        raise NotAtGateway(f"{order.reference} has {left} to give back, not {minor}")
    return replace(order, refunded=order.refunded + minor)


def as_of(order: SimulatedOrder, now: datetime) -> SimulatedOrder:
    """The order as it stands now: a hold lapses by itself."""
    lapsed = order.capture_before is not None and order.capture_before <= now
    return released(order) if lapsed else order


def movement(order: SimulatedOrder) -> Movement:
    """What others are told of an order."""
    return Movement(
        key=order.key,
        reference=order.reference,
        standing=order.standing,
        amount=Money(order.minor, order.currency),
        captured=order.captured,
        refunded=order.refunded,
        capture_before=order.capture_before,
        refusal=order.refusal,
        client_secret=order.client_secret if order.standing is Standing.REQUIRES_ACTION else "",
    )


def told(instrument: Instrument) -> SavedInstrument:
    """What others are told of a card."""
    return SavedInstrument(
        key=instrument.key,
        reference=instrument.reference,
        standing=instrument.standing,
        instrument=instrument.instrument,
        customer=instrument.customer,
        brand=instrument.card.brand,
        last4=instrument.card.last4,
        expires=instrument.card.expires,
        refusal=instrument.refusal,
        client_secret=instrument.client_secret if instrument.standing is Standing.REQUIRES_ACTION else "",
    )


def _agreed(order: SimulatedOrder, now: datetime) -> SimulatedOrder:
    if order.kind is Kind.CHARGE:
        return replace(order, standing=Standing.SUCCEEDED, captured=order.minor)
    return replace(order, standing=Standing.HELD, capture_before=now + order.card.hold_for)


def _declined(order: SimulatedOrder, refusal: Refusal) -> SimulatedOrder:
    return replace(order, standing=Standing.DECLINED, refusal=refusal)
