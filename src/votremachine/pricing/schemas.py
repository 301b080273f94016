"""What travels over the wire about prices."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.infra.wire import Input, SpanView
from votremachine.kernel.money import Money
from votremachine.pricing.rules import Price, Rate, Unit


class RateInput(Input):
    """The price of one unit, ex-VAT, in cents."""

    unit: Unit
    minor: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]

    def rate(self) -> Rate:
        return Rate(self.unit, self.minor)


class SetRates(Input):
    """A new rate card; it replaces the one in force for what is booked from now on."""

    rates: Annotated[list[RateInput], msgspec.Meta(min_length=1, max_length=10)]


class RateCardView(msgspec.Struct, frozen=True):
    id: UUID
    machine_id: UUID
    rates: list[Rate]
    vat: int
    currency: str


class AskQuote(Input):
    """The machines (of one owner) and the time that a price is asked for."""

    machine_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=10)]
    start: datetime
    end: datetime


class Quote(msgspec.Struct, frozen=True):
    """The whole price before anybody commits; `bookable` says whether the time is free right now."""

    machine_ids: list[UUID]
    during: SpanView
    price: Price
    deposit: Money
    bookable: bool
