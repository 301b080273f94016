"""The lines of a price, rounded one by one, and their sums. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.money import Money, share, total
from votremachine.pricing.rules.card import RateCard, Unit
from votremachine.pricing.rules.delivery import Road

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


def line_of(
    card: RateCard,
    kind: LineKind,
    unit: Unit,
    thousandths: int,
    minor: int,
    *,
    estimated: bool = False,
    road: Road | None = None,
) -> Line:
    """A line of so many thousandths of a unit at `minor` each; its net and its VAT rounded half up, each by itself."""
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
