"""The price of a period: the cheapest cover of its local dates by the card's time rates. Pure.

A period touches local calendar dates, whatever their length (23, 24 or 25 hours). A unit that reaches past the last
date is allowed, so five days may be had for the price of a week. Sums are exact: each line is rounded by itself, half
up (EN 16931-1), and everything after that is addition.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import Money, share, total
from votremachine.kernel.span import Span

# French standard rate, in basis points (CGI art. 278).
STANDARD_VAT = 2000


class Unit(StrEnum):
    """A time unit of a rate card, counted in local dates."""

    DAY = "day"
    WEEK = "week"


DATES_OF = {Unit.DAY: 1, Unit.WEEK: 7}


class Rate(msgspec.Struct, frozen=True):
    """The price of one unit, ex-VAT, in minor units of the card's currency."""

    unit: Unit
    minor: int


class RateCard(msgspec.Struct, frozen=True):
    """The prices of one machine; a new card replaces the old one, which is kept for what was booked by it."""

    id: UUID
    machine_id: UUID
    rates: tuple[Rate, ...]
    vat: int = STANDARD_VAT
    currency: str = "EUR"


class Line(msgspec.Struct, frozen=True):
    """One line of a price: `quantity` units of `unit_price`, and their net."""

    machine_id: UUID
    unit: Unit
    quantity: int
    unit_price: Money
    net: Money
    vat: int
    vat_amount: Money


class Price(msgspec.Struct, frozen=True):
    """Every line, and their sums: `total = net + vat`."""

    lines: tuple[Line, ...]
    net: Money
    vat: Money
    total: Money


class NoPrice(DomainError):
    kind = Kind.CONFLICT
    code = "no_price"
    en = "The owner has not set a price for this machine yet."
    fr = "Le propriétaire n'a pas encore fixé de prix pour ce matériel."


class SameUnitTwice(DomainError):
    code = "same_unit_twice"
    en = "A rate card has one price for each unit."
    fr = "Une grille tarifaire a un seul prix par unité."


def dates_touched(span: Span, zone: ZoneInfo) -> int:
    """How many local calendar dates a span touches; one that ends at midnight does not touch the next."""
    first = span.start.astimezone(zone).date()
    last = (span.end - timedelta(microseconds=1)).astimezone(zone).date()
    return (last - first).days + 1


def cheapest_cover(dates: int, rates: Sequence[Rate]) -> dict[Unit, int]:
    """How many of each unit cover `dates` dates for the least money; raises `NoPrice` for an empty card.

    Dynamic programming over the number of dates covered: `best(n) = min over units u of best(n - u) + price(u)`, with
    `best(n <= 0) = 0`. It never falls as `n` grows, since a cover of more dates covers fewer ones too.
    """
    if not rates:
        raise NoPrice
    best: list[tuple[int, Rate | None]] = [(0, None)]
    for covered in range(1, dates + 1):
        options = ((best[max(0, covered - DATES_OF[rate.unit])][0] + rate.minor, rate) for rate in rates)
        best.append(min(options, key=lambda option: (option[0], -DATES_OF[option[1].unit])))
    counts: dict[Unit, int] = {}
    left = dates
    while left > 0:
        rate = best[left][1]
        if rate is None:
            raise AssertionError("only zero dates need no rate")
        counts[rate.unit] = counts.get(rate.unit, 0) + 1
        left -= DATES_OF[rate.unit]
    return counts


def price(span: Span, cards: Sequence[tuple[RateCard, ZoneInfo]]) -> Price:
    """The price of these machines for one span, each over its own local dates. Raises `NoPrice`."""
    lines = tuple(line for card, zone in cards for line in _lines(card, dates_touched(span, zone)))
    net = total((line.net for line in lines), cards[0][0].currency)
    vat = total((line.vat_amount for line in lines), cards[0][0].currency)
    return Price(lines, net, vat, net + vat)


def _lines(card: RateCard, dates: int) -> list[Line]:
    prices = {rate.unit: Money(rate.minor, card.currency) for rate in card.rates}
    counts = cheapest_cover(dates, card.rates)
    return [_line(card, unit, counts[unit], prices[unit]) for unit in Unit if unit in counts]


def _line(card: RateCard, unit: Unit, quantity: int, unit_price: Money) -> Line:
    net = unit_price * quantity
    vat_amount = Money(share(net.minor, card.vat), card.currency)
    return Line(card.machine_id, unit, quantity, unit_price, net, card.vat, vat_amount)


def check_rates(rates: Sequence[Rate]) -> tuple[Rate, ...]:
    """The rates, one per unit; raises `SameUnitTwice`."""
    if len({rate.unit for rate in rates}) < len(rates):
        raise SameUnitTwice(pointer="/rates")
    return tuple(rates)
