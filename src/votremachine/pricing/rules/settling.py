"""The price of a booking once it is known how much was really used: its estimated lines, measured. Pure.

The rates are those of the lines themselves, and the minimum that of the cards they were made by: those of the day of
booking. What was not estimated stays as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import total
from votremachine.pricing.rules.card import RateCard, Unit
from votremachine.pricing.rules.lines import WHOLE, Line, LineKind, Price, line_of
from votremachine.pricing.rules.price import NotCharged

# Thousandths of a unit, by the id of the machine.
Quantities = Mapping[UUID, Mapping[Unit, int]]
_USED = frozenset({LineKind.TIME, LineKind.METERED})


class QuantityMissing(DomainError):
    code = "quantity_missing"
    en = "Say for this machine how much was used of each unit: {units}."
    fr = "Indiquez pour ce matériel la quantité utilisée de chaque unité : {units}."


class MachineNotSettled(DomainError):
    code = "machine_not_settled"
    en = "Nothing of this machine is settled by what was used in this booking."
    fr = "Rien de ce matériel ne se règle selon l'usage dans cette réservation."


def measured_units(price: Price) -> Mapping[UUID, frozenset[Unit]]:
    """What of each machine is settled after use; a machine of which nothing is, is left out."""
    units: dict[UUID, set[Unit]] = {}
    for line in price.lines:
        if line.estimated and line.kind is not LineKind.MINIMUM:
            units.setdefault(line.machine_id, set()).add(line.unit)
    return {machine_id: frozenset(found) for machine_id, found in units.items()}


def check_measured(price: Price, used: Quantities) -> None:
    """Raises `QuantityMissing`, `NotCharged` or `MachineNotSettled` unless these are just the quantities that the price
    is settled by.
    """
    wanted = measured_units(price)
    for machine_id, quantities in used.items():
        if machine_id not in wanted:
            raise MachineNotSettled(pointer="/used", machine_id=str(machine_id))
        if unknown := sorted(quantities.keys() - wanted[machine_id]):
            raise NotCharged(pointer="/used", machine_id=str(machine_id), unit=unknown[0].value)
    for machine_id, units in wanted.items():
        if units - used.get(machine_id, {}).keys():
            raise QuantityMissing(pointer="/used", machine_id=str(machine_id), units=", ".join(sorted(units)))


def settled(price: Price, used: Quantities, cards: Mapping[UUID, RateCard]) -> Price:
    """The price by what was really used, each line rounded by itself as when it was estimated.

    `cards` are those of the booking, by machine. Raises what `check_measured` does.
    """
    check_measured(price, used)
    machine_ids = list(dict.fromkeys(line.machine_id for line in price.lines))
    lines = tuple(
        line
        for machine_id in machine_ids
        for line in _lines(
            [one for one in price.lines if one.machine_id == machine_id], used.get(machine_id, {}), cards[machine_id]
        )
    )
    currency = price.total.currency
    net, vat = total((line.net for line in lines), currency), total((line.vat_amount for line in lines), currency)
    return Price(lines, net, vat, net + vat)


def _lines(lines: Sequence[Line], used: Mapping[Unit, int], card: RateCard) -> Iterator[Line]:
    measured = [_measured(line, used, card) for line in lines if line.kind is not LineKind.MINIMUM]
    of_use = [line for line in measured if line.kind in _USED]
    yield from of_use
    missing = card.conditions.minimum_minor - sum(line.net.minor for line in of_use)
    if missing > 0:
        yield line_of(card, LineKind.MINIMUM, Unit.LUMP, WHOLE, missing)
    yield from (line for line in measured if line.kind not in _USED)


def _measured(line: Line, used: Mapping[Unit, int], card: RateCard) -> Line:
    if not line.estimated:
        return line
    return line_of(card, line.kind, line.unit, used[line.unit], line.unit_price.minor)
