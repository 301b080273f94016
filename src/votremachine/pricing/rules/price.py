"""The price of machines for a span, line by line. Pure.

Sums are exact: the net and the VAT of each line are rounded by themselves, half up, and everything after that is
addition.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money, share, total
from votremachine.kernel.span import Span
from votremachine.pricing.rules.calendar import Calendar
from votremachine.pricing.rules.card import METERED, FuelPolicy, NoPrice, Rate, RateCard, Unit
from votremachine.pricing.rules.cover import cheapest_cover
from votremachine.pricing.rules.delivery import Road, check_delivery

# Quantities have three decimals, and are counted in thousandths.
WHOLE = 1000


class LineKind(StrEnum):
    """What a line pays for."""

    TIME = "time"
    METERED = "metered"
    MINIMUM = "minimum"
    OPERATOR = "operator"
    FUEL = "fuel"
    DELIVERY = "delivery"


class Line(msgspec.Struct, frozen=True):
    """One line of a price: `quantity` units of `unit_price`, and their net.

    An estimated line is settled by what was really used. `road` says how the kilometres of a delivery came about.
    """

    machine_id: UUID
    unit: Unit
    quantity: int | float
    unit_price: Money
    net: Money
    vat: int
    vat_amount: Money
    kind: LineKind = LineKind.TIME
    estimated: bool = False
    road: Road | None = None


class Price(msgspec.Struct, frozen=True):
    """Every line, and their sums: `total = net + vat`."""

    lines: tuple[Line, ...]
    net: Money
    vat: Money
    total: Money


class VatAtRate(msgspec.Struct, frozen=True):
    """What the lines of one VAT rate come to; the rate in basis points."""

    rate: int
    net: Money
    vat: Money


class Extras(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked for besides a machine: its operator, its delivery, and how much it is expected to be used.

    `use` counts thousandths of a unit.
    """

    operator: bool = False
    road: Road | None = None
    use: Mapping[Unit, int] = {}


class Hire(msgspec.Struct, frozen=True):
    """One machine of a quote or a booking: the card it is charged by, its time zone, and what comes with it."""

    card: RateCard
    zone: ZoneInfo
    extras: Extras = Extras()


class NoOperator(DomainError):
    code = "no_operator"
    en = "This machine comes without an operator."
    fr = "Ce matériel se loue sans chauffeur."


class EstimateNeeded(DomainError):
    code = "estimate_needed"
    en = "This machine is charged by what it does: ask for a quote and say how much you expect to use it ({units})."
    fr = "Ce matériel se paie à l'usage : demandez un devis en indiquant l'usage que vous prévoyez ({units})."


class NotCharged(DomainError):
    code = "not_charged"
    en = "This machine is not charged by “{unit}”."
    fr = "Ce matériel ne se facture pas en « {unit} »."


EXTRA_ERRORS = (NoOperator, EstimateNeeded, NotCharged)


def price(span: Span, hires: Sequence[Hire]) -> Price:
    """The price of these machines for one span, each over its own local dates.

    Raises `NoPrice`, `NoOperator`, `NoDelivery`, `BeyondRadius`, `EstimateNeeded`, `NotCharged`.
    """
    lines = tuple(line for hire in hires for line in _lines(span, hire))
    currency = hires[0].card.currency
    net, vat = total((line.net for line in lines), currency), total((line.vat_amount for line in lines), currency)
    return Price(lines, net, vat, net + vat)


def vat_by_rate(lines: Iterable[Line]) -> list[VatAtRate]:
    """The sums of the lines of each VAT rate, the lowest rate first."""
    by_rate: dict[int, list[Line]] = {}
    for line in lines:
        by_rate.setdefault(line.vat, []).append(line)
    return [
        VatAtRate(
            rate,
            total((line.net for line in group), group[0].net.currency),
            total((line.vat_amount for line in group), group[0].net.currency),
        )
        for rate, group in sorted(by_rate.items())
    ]


def _lines(span: Span, hire: Hire) -> Iterator[Line]:
    card, extras, conditions = hire.card, hire.extras, hire.card.conditions
    if not card.rates:
        raise NoPrice(machine_id=str(card.machine_id))
    _check_use(card, extras)
    used = [*_of_time(span, hire), *_measured(card, LineKind.METERED, card.rates, extras.use)]
    yield from used
    yield from _up_to_minimum(card, used)
    yield from _operator(span, hire)
    if conditions.fuel.policy is FuelPolicy.PER_LITRE:
        litres = extras.use.get(Unit.LITRE, 0)
        yield _line(card, LineKind.FUEL, Unit.LITRE, litres, conditions.fuel.litre_minor, estimated=True)
    if extras.road is not None:
        asked = check_delivery(conditions.delivery, extras.road)
        if asked.lump_minor:
            yield _line(card, LineKind.DELIVERY, Unit.LUMP, WHOLE, asked.lump_minor)
        yield _line(card, LineKind.DELIVERY, Unit.KILOMETRE, extras.road.road_m, asked.km_minor, road=extras.road)


def _of_time(span: Span, hire: Hire) -> Iterator[Line]:
    if rates := hire.card.time_rates:
        for one in cheapest_cover(Calendar(span, hire.zone, hire.card.conditions.seasons), rates):
            yield _line(hire.card, LineKind.TIME, one.unit, one.quantity * WHOLE, one.minor)


def _measured(card: RateCard, kind: LineKind, rates: Sequence[Rate], use: Mapping[Unit, int]) -> Iterator[Line]:
    for rate in rates:
        if rate.unit in METERED:
            yield _line(card, kind, rate.unit, use.get(rate.unit, 0), rate.minor, estimated=True)


def _up_to_minimum(card: RateCard, used: Sequence[Line]) -> Iterator[Line]:
    """What is missing to the least that the owner lets the machine go for; it moves with what is settled after use."""
    missing = card.conditions.minimum_minor - sum(line.net.minor for line in used)
    if missing > 0:
        settled = any(line.estimated for line in used)
        yield _line(card, LineKind.MINIMUM, Unit.LUMP, WHOLE, missing, estimated=settled)


def _operator(span: Span, hire: Hire) -> Iterator[Line]:
    """The operator at their own rates, in and out of season, by the same cover as the machine."""
    card, operator = hire.card, hire.card.conditions.operator
    if operator is None:
        if hire.extras.operator:
            raise NoOperator(pointer="/operator", machine_id=str(card.machine_id))
        return
    if operator.always or hire.extras.operator:
        for one in cheapest_cover(Calendar(span, hire.zone), operator.rates):
            yield _line(card, LineKind.OPERATOR, one.unit, one.quantity * WHOLE, one.minor)
        yield from _measured(card, LineKind.OPERATOR, operator.rates, hire.extras.use)


def _check_use(card: RateCard, extras: Extras) -> None:
    charged = {rate.unit for rate in card.metered_rates}
    if not card.time_rates and not any(extras.use.get(unit) for unit in charged):
        units = ", ".join(sorted(charged))
        raise EstimateNeeded(pointer="/use", machine_id=str(card.machine_id), units=units)
    conditions = card.conditions
    operator = conditions.operator.rates if conditions.operator else ()
    known = {*charged, *(rate.unit for rate in operator)}
    if conditions.fuel.policy is FuelPolicy.PER_LITRE:
        known.add(Unit.LITRE)
    if unknown := [unit for unit in extras.use if unit not in known]:
        raise NotCharged(pointer="/use", machine_id=str(card.machine_id), unit=unknown[0].value)


def _line(
    card: RateCard,
    kind: LineKind,
    unit: Unit,
    thousandths: int,
    minor: int,
    *,
    estimated: bool = False,
    road: Road | None = None,
) -> Line:
    net = (2 * minor * thousandths + WHOLE) // (2 * WHOLE)
    whole, part = divmod(thousandths, WHOLE)
    return Line(
        machine_id=card.machine_id,
        unit=unit,
        quantity=thousandths / WHOLE if part else whole,
        unit_price=Money(minor, card.currency),
        net=Money(net, card.currency),
        vat=card.vat,
        vat_amount=Money(share(net, card.vat), card.currency),
        kind=kind,
        estimated=estimated,
        road=road,
    )
