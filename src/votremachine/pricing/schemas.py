"""What travels over the wire about prices."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.fleet.schemas import Latitude, Longitude
from votremachine.infra.wire import Input, Line, SpanView
from votremachine.kernel.money import Money
from votremachine.pricing.rules.card import (
    SEASONS_AT_MOST,
    Conditions,
    Fuel,
    FuelPolicy,
    Rate,
    Unit,
)
from votremachine.pricing.rules.delivery import Point
from votremachine.pricing.rules.lines import Price, VatAtRate
from votremachine.pricing.rules.price import thousandths

Minor = Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
# From nothing to ten times the price, in basis points.
Factor = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Quantity = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class RateInput(Input):
    """The price of one unit, ex-VAT, in cents."""

    unit: Unit
    minor: Minor

    def rate(self) -> Rate:
        return Rate(self.unit, self.minor)


Rates = Annotated[list[RateInput], msgspec.Meta(min_length=1, max_length=12)]


class SeasonInput(Input):
    """Dates, both included, on which time costs `factor` basis points of its price: 12 000 is a fifth more."""

    name: Line
    first: date
    last: date
    factor: Factor


class OperatorInput(Input):
    """The driver who comes along, at rates of their own; `always` when the machine never goes without."""

    rates: Rates
    always: bool = False


class FuelInput(Input):
    policy: FuelPolicy
    litre_minor: Minor = 0


class DeliveryInput(Input):
    """A lump sum, so much for each kilometre by road of one way, and how far as the crow flies."""

    radius_km: Annotated[int, msgspec.Meta(ge=1, le=500)]
    lump_minor: Minor = 0
    km_minor: Minor = 0


class SetRates(Input):
    """A new rate card; it replaces the one in force, for what is booked from now on.

    With `cooperative_id` it is for the members of that cooperative: the owner itself, or one it is a member of.
    """

    rates: Rates
    cooperative_id: UUID | None = None
    seasons: Annotated[list[SeasonInput], msgspec.Meta(max_length=SEASONS_AT_MOST)] = msgspec.field(
        default_factory=list
    )
    minimum_minor: Minor = 0
    operator: OperatorInput | None = None
    fuel: FuelInput = msgspec.field(default_factory=lambda: FuelInput(policy=Fuel().policy))
    delivery: DeliveryInput | None = None

    def conditions(self) -> Conditions:
        return msgspec.convert(
            {name: getattr(self, name) for name in Conditions.__struct_fields__}, Conditions, from_attributes=True
        )


class RateCardView(msgspec.Struct, frozen=True):
    """A card; `replaced_at` is null while it is in force."""

    id: UUID
    machine_id: UUID
    rates: list[Rate]
    vat: int
    currency: str
    cooperative_id: UUID | None
    conditions: Conditions
    created_at: datetime
    replaced_at: datetime | None


class PlaceInput(Input):
    """WGS 84 degrees."""

    latitude: Latitude
    longitude: Longitude

    def point(self) -> Point:
        return Point(self.latitude, self.longitude)


class MachineWish(Input):
    """What is asked for besides one of the machines. `use` is what it is expected to do, by unit of its card."""

    machine_id: UUID
    operator: bool = False
    use: dict[Unit, Quantity] = msgspec.field(default_factory=dict)

    def thousandths(self) -> Mapping[Unit, int]:
        return {unit: thousandths(quantity) for unit, quantity in self.use.items()}


class AskQuote(Input):
    """The machines (of one owner) and the time that a price is asked for, for one of the caller's parties.

    `deliver_to` has every machine brought there.
    """

    machine_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=10)]
    start: datetime
    end: datetime
    renter_party_id: UUID | None = None
    wishes: Annotated[list[MachineWish], msgspec.Meta(max_length=10)] = msgspec.field(default_factory=list)
    deliver_to: PlaceInput | None = None


class Terms(msgspec.Struct, frozen=True):
    """What goes with one machine of a quote, for programs (`cancellation`, `fuel`, `weather_hours`, for a
    cooperative's cancellation `short_notice_hours`) and in words.
    """

    machine_id: UUID
    card_id: UUID
    cooperative_id: UUID | None
    cancellation: str
    fuel: FuelPolicy
    words: list[str]
    weather_hours: int | None
    short_notice_hours: int | None


class Quote(msgspec.Struct, frozen=True):
    """The whole price before anybody commits; `bookable` says whether the time is free right now.

    `estimated` is the part of the net that is settled after use. With `token` the booking is accepted at this price
    until `stands_until`; both are null for who asks for no party.
    """

    machine_ids: list[UUID]
    during: SpanView
    price: Price
    vat_by_rate: list[VatAtRate]
    estimated: Money
    deposit: Money
    bookable: bool
    terms: list[Terms]
    token: str | None
    stands_until: datetime | None
