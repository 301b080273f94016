"""What the lines of an invoice come to, rounded as EN 16931 says. Pure; amounts are minor units of one currency.

Each line's net to the cent, half up; VAT once for each rate, on the sum of its lines; sums exact (BR-CO-10 to 17).
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from votremachine.fleet.rules import Texts
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.money import share
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.rules.lines import WHOLE


class Category(StrEnum):
    """Why there is VAT on a line, or none (UNTDID 5305)."""

    STANDARD = "S"
    EXEMPT = "E"  # its seller is not liable to it
    OUTSIDE = "O"  # compensation is no price for anything


class SumsDiffer(DomainError):
    kind = Kind.FAULT
    code = "sums_differ"
    en = "The lines come to {found}, and {charged} was charged: that is no rounding."
    fr = "Les lignes font {found}, et {charged} a été demandé : ce n'est pas un arrondi."


class Line(msgspec.Struct, frozen=True):
    """So many thousandths of a unit at `unit_minor` each, and their net; `vat` in basis points."""

    text: Texts
    thousandths: int
    unit: Unit
    unit_minor: int
    net: int
    vat: int
    category: Category


class VatGroup(msgspec.Struct, frozen=True):
    """What the lines of one category and rate come to."""

    category: Category
    rate: int
    net: int
    vat: int


class Totals(msgspec.Struct, frozen=True):
    """`gross = net + vat`, and `payable = gross + rounding` (BT-114): what was agreed, to the cent."""

    net: int
    vat: int
    rounding: int = 0

    @property
    def gross(self) -> int:
        return self.net + self.vat

    @property
    def payable(self) -> int:
        return self.gross + self.rounding


def net_of(unit_minor: int, thousandths: int) -> int:
    """The net of a line, to the cent, half up; neither is below zero."""
    return (2 * unit_minor * thousandths + WHOLE) // (2 * WHOLE)


def vat_groups(lines: Iterable[Line]) -> list[VatGroup]:
    """The sums of each category and rate, in that order."""
    nets: dict[tuple[Category, int], int] = {}
    for line in lines:
        key = line.category, line.vat
        nets[key] = nets.get(key, 0) + line.net
    return [VatGroup(category, rate, net, share(net, rate)) for (category, rate), net in sorted(nets.items())]


def totals(lines: Sequence[Line], charged: int | None = None, *, rounded: int | None = None) -> Totals:
    """What lines come to. `charged` is what was agreed where VAT was told line by line, as quotes do: the few cents
    between both are its rounding. Raises `SumsDiffer` when they are more than rounding makes; `rounded` is how many
    amounts were rounded on the way to what was agreed, if not one for each line.
    """
    groups = vat_groups(lines)
    found = Totals(sum(group.net for group in groups), sum(group.vat for group in groups))
    if charged is None:
        return found
    rounding = charged - found.gross
    # Each of them was off by half a cent at most, and so is each rate's VAT.
    if 2 * abs(rounding) > (len(lines) if rounded is None else rounded) + len(groups):
        raise SumsDiffer(found=found.gross, charged=charged)
    return Totals(found.net, found.vat, rounding)
