"""The price of machines for a span, line by line. Pure.

Sums are exact: the net and the VAT of each line are rounded by themselves, half up, and everything after that is
addition.
"""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import total
from votremachine.kernel.span import Span
from votremachine.pricing.rules.calendar import Calendar
from votremachine.pricing.rules.card import METERED, FuelPolicy, NoPrice, Rate, RateCard, Unit
from votremachine.pricing.rules.cover import cheapest_cover
from votremachine.pricing.rules.delivery import Road, check_delivery
from votremachine.pricing.rules.lines import WHOLE, Line, LineKind, Price, line_of


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


class NotAmongThem(DomainError):
    code = "not_among_them"
    en = "What is wished for besides a machine goes with one of `machine_ids`, and once."
    fr = "Ce qui est souhaité en plus d'un matériel va avec l'un de `machine_ids`, et une seule fois."


class TooFine(DomainError):
    code = "too_fine"
    en = "A quantity has three decimals at most."
    fr = "Une quantité a trois décimales au plus."


EXTRA_ERRORS = (NotAmongThem, NoOperator, EstimateNeeded, NotCharged, TooFine)


def thousandths(quantity: float, pointer: str = "/wishes") -> int:
    """A quantity in thousandths, as it is reckoned with; raises `TooFine` rather than to round what was said."""
    whole = round(quantity * WHOLE)
    # A float of three decimals is nearer to its thousandth than to anything else of up to a million.
    if abs(quantity * WHOLE - whole) > 1e-4:
        raise TooFine(pointer=pointer)
    return whole


def price(span: Span, hires: Sequence[Hire]) -> Price:
    """The price of these machines for one span, each over its own local dates.

    Raises `NoPrice`, `NoOperator`, `NoDelivery`, `BeyondRadius`, `EstimateNeeded`, `NotCharged`.
    """
    lines = tuple(line for hire in hires for line in _lines(span, hire))
    currency = hires[0].card.currency
    net, vat = total((line.net for line in lines), currency), total((line.vat_amount for line in lines), currency)
    return Price(lines, net, vat, net + vat)


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
        yield line_of(card, LineKind.FUEL, Unit.LITRE, litres, conditions.fuel.litre_minor, estimated=True)
    if extras.road is not None:
        asked = check_delivery(conditions.delivery, extras.road)
        if asked.lump_minor:
            yield line_of(card, LineKind.DELIVERY, Unit.LUMP, WHOLE, asked.lump_minor)
        yield line_of(card, LineKind.DELIVERY, Unit.KILOMETRE, extras.road.road_m, asked.km_minor, road=extras.road)


def _of_time(span: Span, hire: Hire) -> Iterator[Line]:
    if rates := hire.card.time_rates:
        for one in cheapest_cover(Calendar(span, hire.zone, hire.card.conditions.seasons), rates):
            yield line_of(hire.card, LineKind.TIME, one.unit, one.quantity * WHOLE, one.minor)


def _measured(card: RateCard, kind: LineKind, rates: Sequence[Rate], use: Mapping[Unit, int]) -> Iterator[Line]:
    for rate in rates:
        if rate.unit in METERED:
            yield line_of(card, kind, rate.unit, use.get(rate.unit, 0), rate.minor, estimated=True)


def _up_to_minimum(card: RateCard, used: Sequence[Line]) -> Iterator[Line]:
    """What is missing to the least that the owner lets the machine go for; it moves with what is settled after use."""
    missing = card.conditions.minimum_minor - sum(line.net.minor for line in used)
    if missing > 0:
        settled = any(line.estimated for line in used)
        yield line_of(card, LineKind.MINIMUM, Unit.LUMP, WHOLE, missing, estimated=settled)


def _operator(span: Span, hire: Hire) -> Iterator[Line]:
    """The operator at their own rates, in and out of season, by the same cover as the machine."""
    card, operator = hire.card, hire.card.conditions.operator
    if operator is None:
        if hire.extras.operator:
            raise NoOperator(pointer="/operator", machine_id=str(card.machine_id))
        return
    if operator.always or hire.extras.operator:
        for one in cheapest_cover(Calendar(span, hire.zone), operator.rates):
            yield line_of(card, LineKind.OPERATOR, one.unit, one.quantity * WHOLE, one.minor)
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
