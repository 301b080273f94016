"""Lines that an owner might ask after a return, reckoned from what is known of it. Pure.

They are suggestions: nothing is asked before the owner asks it. Amounts are minor units without VAT, rates basis
points, quantities thousandths of a unit.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.damages.rules.costs import Kind
from votremachine.fleet.rules import Meter
from votremachine.inspections.rules.comparison import Difference
from votremachine.kernel.span import Span
from votremachine.pricing.rules.calendar import Calendar
from votremachine.pricing.rules.card import FuelPolicy, Unit
from votremachine.pricing.rules.cover import Covered, cheapest_cover
from votremachine.pricing.rules.lines import WHOLE, LineKind, Price
from votremachine.pricing.rules.price import Hire


class Reckoned(msgspec.Struct, frozen=True):
    """So much of a unit at `minor` each; what was paid for already counts below zero."""

    unit: Unit
    thousandths: int
    minor: int

    @property
    def net(self) -> int:
        """What that comes to, rounded half up."""
        return (2 * self.minor * self.thousandths + WHOLE) // (2 * WHOLE)


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A line that could be asked, and what it was reckoned from. Of fuel only the eighths are known: neither the tank
    nor the price of a litre is.
    """

    machine_id: UUID
    kind: Kind
    vat_rate: int = 0
    net: int | None = None
    eighths: int | None = None
    reckoned: tuple[Reckoned, ...] = ()
    inspection_ids: tuple[UUID, ...] = ()


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """How one machine came back: the time that was booked and when it was back, how it is charged, what the booking
    costs by now, and what its two signed reports show, if there are two. The price names the machine by `agreed_id`.
    """

    machine_id: UUID
    agreed_id: UUID
    booked: Span
    returned_at: datetime
    hire: Hire
    price: Price
    shown: Difference | None


def suggested(back: Return) -> list[Suggestion]:
    """What an owner might ask besides damage: late return, missing fuel, engine hours that nobody paid."""
    return [one for one in (late(back), fuel(back), overuse(back)) if one is not None]


def late(back: Return) -> Suggestion | None:
    """What the longer time would have cost by the card of the day of booking, less what the booked time does.

    Hours and days count once they have begun, as in any price; a day that was paid is not asked again.
    """
    card = back.hire.card
    if back.returned_at <= back.booked.end or not card.time_rates:
        return None
    asked = [
        Reckoned(one.unit, sign * one.quantity * WHOLE, one.minor)
        for sign, until in ((1, back.returned_at), (-1, back.booked.end))
        for one in _cover(back.hire, Span(back.booked.start, until))
    ]
    net = sum(one.net for one in asked)
    if net <= 0:
        return None
    return Suggestion(
        machine_id=back.machine_id, kind=Kind.LATE, vat_rate=card.vat, net=net, reckoned=tuple(_merged(asked))
    )


def fuel(back: Return) -> Suggestion | None:
    """The eighths that are missing, where the machine was to come back as full as it left."""
    burnt = None if back.shown is None else back.shown.fuel_eighths
    if burnt is None or burnt >= 0 or back.hire.card.conditions.fuel.policy is not FuelPolicy.RETURNED_FULL:
        return None
    return Suggestion(machine_id=back.machine_id, kind=Kind.FUEL, eighths=-burnt, inspection_ids=_reports(back.shown))


def overuse(back: Return) -> Suggestion | None:
    """The engine hours that the meter shows beyond those that the booking charges.

    None while what was used is still to be agreed on: that is where they belong.
    """
    lines = [
        line
        for line in back.price.lines
        if line.machine_id == back.agreed_id and line.kind is LineKind.METERED and line.unit is Unit.ENGINE_HOUR
    ]
    shown = [] if back.shown is None else [one.used for one in back.shown.meters if one.meter is Meter.ENGINE_HOUR]
    used = shown[0] if shown else None
    if used is None or len(lines) != 1 or lines[0].estimated:
        return None
    (line,) = lines
    beyond = Reckoned(Unit.ENGINE_HOUR, int(used * WHOLE) - round(line.quantity * WHOLE), line.unit_price.minor)
    if beyond.net <= 0:
        return None
    return Suggestion(
        machine_id=back.machine_id,
        kind=Kind.OVERUSE,
        vat_rate=line.vat,
        net=beyond.net,
        reckoned=(beyond,),
        inspection_ids=_reports(back.shown),
    )


def _cover(hire: Hire, span: Span) -> tuple[Covered, ...]:
    return cheapest_cover(Calendar(span, hire.zone, hire.card.conditions.seasons), hire.card.time_rates)


def _merged(parts: list[Reckoned]) -> Iterator[Reckoned]:
    """Each unit at each price once; what was paid and what is asked of the same one cancel out."""
    sums: dict[tuple[Unit, int], int] = {}
    for one in parts:
        key = (one.unit, one.minor)
        sums[key] = sums.get(key, 0) + one.thousandths
    for (unit, minor), thousandths in sums.items():
        if thousandths:
            yield Reckoned(unit, thousandths, minor)


def _reports(shown: Difference | None) -> tuple[UUID, ...]:
    return () if shown is None else (shown.check_out, shown.check_in)
