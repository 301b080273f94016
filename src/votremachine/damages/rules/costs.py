"""What a line of a claim comes to: its cost, less what use had taken already. Pure.

A part that wears out by its nature is worth what is left of its life; any other part loses value by its age. Amounts
are minor units, rates basis points.
"""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import BASIS_POINTS, share

MOST_LINES = 30
HIGHEST_VAT = 2_500
LARGEST_MINOR = 100_000_000  # a million euros


class Kind(StrEnum):
    """What a line asks to be paid for."""

    REPAIR = "repair"
    PART = "part"  # replaced by a new one
    CLEANING = "cleaning"
    FUEL = "fuel"
    MISSING = "missing"  # it did not come back
    LATE = "late_return"
    OVERUSE = "overuse"  # more than was paid for


class Wear(msgspec.Struct, frozen=True):
    """A part of a category that wears out in use, and how long it lasts; None where that is not how it is counted."""

    item: str
    life_months: int | None = None
    life_hours: int | None = None


class Worth(msgspec.Struct, frozen=True):
    """What use takes from machines of a category, by the tables of one day: the parts that wear out; and from which age
    in months, ascending, any other part is worth how many basis points of a new one.
    """

    wears: tuple[Wear, ...] = ()
    ages: tuple[tuple[int, int], ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A line as its owner asks it. The cost is `net` with a rate of VAT (0 where the owner recovers it), `gross` as it
    was paid, or for fuel: eighths of a tank that are missing, its litres, the price of a litre. `age_months` and
    `age_hours` are those of the part that was replaced, and of what did not come back.
    """

    machine_id: UUID
    kind: Kind
    what: str
    net: int | None = None
    vat_rate: int = 0
    gross: int | None = None
    item: str = ""
    age_months: int | None = None
    age_hours: int | None = None
    eighths: int | None = None
    tank_litres: int | None = None
    litre: int | None = None
    inspection_ids: tuple[UUID, ...] = ()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it stands: `net + vat` is the cost, `asked` what is left of it after wear, by `kept` basis points."""

    machine_id: UUID
    kind: Kind
    what: str
    item: str
    net: int
    vat: int
    kept: int
    asked: int
    age_months: int | None
    age_hours: int | None
    inspection_ids: tuple[UUID, ...]


class CostUnclear(DomainError):
    code = "cost_unclear"
    en = "Give the cost once: net or gross; for fuel the eighths, the litres of the tank and the price of a litre."
    fr = "Donnez le coût une seule fois : HT ou TTC ; pour le carburant, les huitièmes, les litres et le prix du litre."


class AgeNeeded(DomainError):
    code = "age_needed"
    en = "Say how old the part was that is replaced by a new one ({needed})."
    fr = "Indiquez l'âge de la pièce remplacée par une neuve ({needed})."


class WornOut(DomainError):
    code = "worn_out"
    en = "This part had served its time: wear is not damage, and nothing can be asked for it."
    fr = "Cette pièce avait fait son temps : l'usure n'est pas un dommage, rien ne peut être demandé pour elle."


class NoSuchWear(DomainError):
    code = "no_such_wear"
    en = "Machines of this category have no “{item}” that wears out."
    fr = "Les matériels de cette catégorie n'ont pas de pièce d'usure « {item} »."


_AGING = frozenset({Kind.PART, Kind.MISSING})


def line(asked: Asked, worth: Worth) -> Line:
    """What a line comes to, given what use takes from machines of its category.

    Raises `CostUnclear`, `AgeNeeded`, `WornOut`, `NoSuchWear`, each saying where.
    """
    net, vat = _cost(asked)
    kept = _kept(asked, worth)
    rest = share(net + vat, kept)
    if rest <= 0:
        raise WornOut(pointer="/age_months")
    return Line(
        machine_id=asked.machine_id,
        kind=asked.kind,
        what=asked.what,
        item=asked.item,
        net=net,
        vat=vat,
        kept=kept,
        asked=rest,
        age_months=asked.age_months,
        age_hours=asked.age_hours,
        inspection_ids=asked.inspection_ids,
    )


def by_age(months: int, ages: Sequence[tuple[int, int]]) -> int:
    """What is left of the value of a part of this age, in basis points: never more for an older one."""
    return min(kept for since, kept in ages if months >= since)


def by_life(used: int, life: int) -> int:
    """What is left of the value of a part that lasts `life`, after `used` of the same unit, in basis points."""
    return max(0, BASIS_POINTS - (used * BASIS_POINTS) // life)


def fuel(eighths: int, tank_litres: int, litre: int) -> int:
    """What missing fuel costs, rounded half up."""
    return (eighths * tank_litres * litre * 2 + 8) // 16


def _cost(asked: Asked) -> tuple[int, int]:
    """Net and VAT; of what was paid gross, all of it is net."""
    of_fuel = (asked.eighths, asked.tank_litres, asked.litre)
    measured = [one for one in of_fuel if one is not None]
    ways = (asked.net is not None) + (asked.gross is not None) + bool(measured)
    if ways != 1 or (asked.kind is Kind.FUEL) != bool(measured) or (asked.vat_rate and asked.gross is not None):
        raise CostUnclear(pointer="/net")
    if asked.gross is not None:
        return asked.gross, 0
    if measured:
        if len(measured) < len(of_fuel):
            raise CostUnclear(pointer="/eighths")
        net = fuel(*measured)
    else:
        net = asked.net or 0
    return net, share(net, asked.vat_rate)


def _kept(asked: Asked, worth: Worth) -> int:
    if asked.item:
        wear = next((one for one in worth.wears if one.item == asked.item), None)
        if wear is None or asked.kind not in _AGING:
            raise NoSuchWear(pointer="/item", item=asked.item)
        return _left(asked, wear)
    if asked.kind not in _AGING:
        return BASIS_POINTS
    if asked.age_months is None:
        raise AgeNeeded(pointer="/age_months", needed="age_months")
    return by_age(asked.age_months, worth.ages)


def _left(asked: Asked, wear: Wear) -> int:
    """By hours where these are counted and known, by months where those are; the least that either leaves."""
    pairs = ((asked.age_hours, wear.life_hours), (asked.age_months, wear.life_months))
    left = [by_life(used, life) for used, life in pairs if used is not None and life is not None]
    if not left:
        needed = "age_hours" if wear.life_hours is not None else "age_months"
        raise AgeNeeded(pointer=f"/{needed}", needed=needed)
    return min(left)
