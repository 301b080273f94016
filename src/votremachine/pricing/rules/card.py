"""Rate cards: what an owner asks for a machine, for whom, and under which conditions. Pure.

Amounts are ex-VAT, in minor units of the card's currency; factors are basis points, 10 000 being the plain price.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind

# French standard rate, in basis points (CGI art. 278).
STANDARD_VAT = 2000
SEASONS_AT_MOST = 24


class Unit(StrEnum):
    """What a price is asked for: time, what is measured while working, litres of fuel, or a lump sum."""

    HOUR = "hour"
    HALF_DAY = "half_day"
    DAY = "day"
    WEEKEND = "weekend"
    WEEK = "week"
    MONTH = "month"
    ENGINE_HOUR = "engine_hour"
    HECTARE = "hectare"
    BALE = "bale"
    CUBIC_METRE = "m3"
    KILOMETRE = "km"
    TONNE = "tonne"
    LITRE = "litre"
    LUMP = "lump"


TIME = frozenset({Unit.HOUR, Unit.HALF_DAY, Unit.DAY, Unit.WEEKEND, Unit.WEEK, Unit.MONTH})
METERED = frozenset({Unit.ENGINE_HOUR, Unit.HECTARE, Unit.BALE, Unit.CUBIC_METRE, Unit.KILOMETRE, Unit.TONNE})


class Rate(msgspec.Struct, frozen=True):
    """The price of one unit of time or of measured work."""

    unit: Unit
    minor: int


class Season(msgspec.Struct, frozen=True):
    """Dates, both included, on which time costs `factor` basis points of its price."""

    name: str
    first: date
    last: date
    factor: int


class Operator(msgspec.Struct, frozen=True):
    """The driver whom the owner sends along, at rates of their own; `always` when the machine never goes without."""

    rates: tuple[Rate, ...]
    always: bool = False


class FuelPolicy(StrEnum):
    INCLUDED = "included"
    RETURNED_FULL = "returned_full"
    PER_LITRE = "per_litre"


class Fuel(msgspec.Struct, frozen=True):
    """Who pays the fuel; `litre_minor` is the price of a litre under `per_litre`, and 0 otherwise."""

    policy: FuelPolicy = FuelPolicy.RETURNED_FULL
    litre_minor: int = 0


class Delivery(msgspec.Struct, frozen=True):
    """Bringing the machine and fetching it again: a lump sum, and so much for each road kilometre of one way.

    `radius_km` is as the crow flies, a circle that the owner can draw on a map.
    """

    lump_minor: int
    km_minor: int
    radius_km: int


class Conditions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything on a card besides its rates."""

    seasons: tuple[Season, ...] = ()
    minimum_minor: int = 0
    operator: Operator | None = None
    fuel: Fuel = Fuel()
    delivery: Delivery | None = None


class RateCard(msgspec.Struct, frozen=True):
    """The prices of one machine; a new card replaces the old one, which is kept for what was booked by it.

    For everybody, or for the members of one cooperative.
    """

    id: UUID
    machine_id: UUID
    rates: tuple[Rate, ...]
    vat: int = STANDARD_VAT
    currency: str = "EUR"
    cooperative_id: UUID | None = None
    conditions: Conditions = Conditions()

    @property
    def time_rates(self) -> tuple[Rate, ...]:
        return tuple(rate for rate in self.rates if rate.unit in TIME)

    @property
    def metered_rates(self) -> tuple[Rate, ...]:
        return tuple(rate for rate in self.rates if rate.unit in METERED)


class NoPrice(DomainError):
    kind = Kind.CONFLICT
    code = "no_price"
    en = "The owner has not set a price for this machine yet."
    fr = "Le propriétaire n'a pas encore fixé de prix pour ce matériel."


class SameUnitTwice(DomainError):
    code = "same_unit_twice"
    en = "A rate card has one price for each unit."
    fr = "Une grille tarifaire a un seul prix par unité."


class NotARate(DomainError):
    code = "not_a_rate"
    en = "A rate is for a unit of time or of measured work, not for “{unit}”."
    fr = "Un tarif vaut pour une unité de temps ou de travail mesuré, pas pour « {unit} »."


class WeekendAlone(DomainError):
    code = "weekend_alone"
    en = "A weekend price comes beside an hourly, half-daily, daily, weekly or monthly one for the other days."
    fr = "Un forfait week-end s'ajoute à un prix à l'heure, à la demi-journée, au jour, à la semaine ou au mois."


class SeasonEndsFirst(DomainError):
    code = "season_ends_first"
    en = "The season “{name}” ends before it begins."
    fr = "La saison « {name} » finit avant de commencer."


class SeasonsOverlap(DomainError):
    code = "seasons_overlap"
    en = "The seasons “{one}” and “{other}” overlap: a date has one price."
    fr = "Les saisons « {one} » et « {other} » se chevauchent : une date n'a qu'un prix."


class LitreWithoutPrice(DomainError):
    code = "litre_price"
    en = "A price per litre goes with the policy “per_litre”, and only with it."
    fr = "Le prix du litre va avec la règle « per_litre », et seulement avec elle."


class NotTheirCooperative(DomainError):
    code = "not_their_cooperative"
    en = "A members' card is for the owning cooperative, or for one that the owner is a member of."
    fr = "Une grille adhérents vaut pour la CUMA propriétaire, ou pour une CUMA dont le propriétaire est adhérent."


CARD_ERRORS = (
    SameUnitTwice,
    NotARate,
    WeekendAlone,
    SeasonEndsFirst,
    SeasonsOverlap,
    LitreWithoutPrice,
    NotTheirCooperative,
)


def check_card(rates: Sequence[Rate], conditions: Conditions) -> None:
    """Raises the first reason why a card cannot be so: any of `CARD_ERRORS` but the last."""
    _check_rates(rates, "/rates")
    if conditions.operator is not None:
        _check_rates(conditions.operator.rates, "/operator/rates")
    _check_seasons(conditions.seasons)
    fuel = conditions.fuel
    if (fuel.litre_minor > 0) != (fuel.policy is FuelPolicy.PER_LITRE):
        raise LitreWithoutPrice(pointer="/fuel/litre_minor")


def applicable(cards: Iterable[RateCard], cooperatives: Collection[UUID]) -> RateCard | None:
    """The card that a member of these cooperatives is charged by: the members' card when one exists, cheaper or not.

    Members pay what their assembly voted, and a public price that undercut it for a while would unsettle that. Of
    two members' cards the newer one counts.
    """
    mine = [card for card in cards if card.cooperative_id is None or card.cooperative_id in cooperatives]
    return max(mine, key=lambda card: (card.cooperative_id is not None, card.id), default=None)


def _check_rates(rates: Sequence[Rate], pointer: str) -> None:
    units = {rate.unit for rate in rates}
    for index, rate in enumerate(rates):
        if rate.unit not in TIME and rate.unit not in METERED:
            raise NotARate(pointer=f"{pointer}/{index}/unit", unit=rate.unit.value)
    if len(units) < len(rates):
        raise SameUnitTwice(pointer=pointer)
    if units & TIME == {Unit.WEEKEND}:
        raise WeekendAlone(pointer=pointer)


def _check_seasons(seasons: Sequence[Season]) -> None:
    for index, season in enumerate(seasons):
        if season.last < season.first:
            raise SeasonEndsFirst(pointer=f"/seasons/{index}/last", name=season.name)
    in_order = sorted(enumerate(seasons), key=lambda numbered: numbered[1].first)
    for (_, one), (index, other) in pairwise(in_order):
        if other.first <= one.last:
            raise SeasonsOverlap(pointer=f"/seasons/{index}", one=one.name, other=other.name)
