"""What changed between the report with which a machine left and the one with which it came back. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from votremachine.fleet.rules import Meter
from votremachine.inspections.rules.report import Cleanliness, Content, Damage, Finding, Grade, Occasion, Tyre


class MeterGrowth(msgspec.Struct, frozen=True):
    """What a meter showed at both ends; `used` is the difference, negative where it ran backwards."""

    meter: Meter
    out: Decimal | None
    back: Decimal | None
    used: Decimal | None


class FindingChange(msgspec.Struct, frozen=True):
    """An item of the checklist that was found otherwise; `worse` when it lost."""

    item: str
    out: Finding | None
    back: Finding | None
    worse: bool


class TyreChange(msgspec.Struct, frozen=True):
    """A tyre that was found otherwise; `worn_percent` is the tread that went, where both reports say it."""

    where: str
    out: Tyre | None
    back: Tyre | None
    worn_percent: int | None


class Difference(msgspec.Struct, frozen=True):
    """What changed on one machine between two signed reports. `new_damage` was not there when it left; of
    `changed_damage` each has what was said then and now; `gone_damage` was repaired, or overlooked.
    """

    machine_id: UUID
    check_out: UUID
    check_in: UUID
    meters: tuple[MeterGrowth, ...]
    fuel_eighths: int | None
    cleanliness: tuple[Cleanliness, Cleanliness]
    dirtier: bool
    checklist: tuple[FindingChange, ...]
    tyres: tuple[TyreChange, ...]
    new_damage: tuple[Damage, ...]
    changed_damage: tuple[tuple[Damage, Damage], ...]
    gone_damage: tuple[Damage, ...]


_GRADES = list(Grade)
_CLEAN = list(Cleanliness)


def compare(out: Content, back: Content) -> Difference:
    """What changed on a machine from its check-out to its check-in; fuel is what came back less what left."""
    before, after = {one.id: one for one in out.damage}, {one.id: one for one in back.damage}
    burnt = None if out.fuel_eighths is None or back.fuel_eighths is None else back.fuel_eighths - out.fuel_eighths
    return Difference(
        machine_id=back.machine_id,
        check_out=out.id,
        check_in=back.id,
        meters=_meters(out, back),
        fuel_eighths=burnt,
        cleanliness=(out.cleanliness, back.cleanliness),
        dirtier=_CLEAN.index(back.cleanliness) > _CLEAN.index(out.cleanliness),
        checklist=_findings(out, back),
        tyres=_tyres(out, back),
        new_damage=tuple(one for one in back.damage if one.id not in before),
        changed_damage=tuple(
            (before[one.id], one) for one in back.damage if one.id in before and _differs(before[one.id], one)
        ),
        gone_damage=tuple(one for one in out.damage if one.id not in after),
    )


def _differs(before: Damage, after: Damage) -> bool:
    # The photos of a return are others by nature.
    return (before.where, before.what, before.severity) != (after.where, after.what, after.severity)


def _meters(out: Content, back: Content) -> tuple[MeterGrowth, ...]:
    before = {one.meter: one.value for one in out.meters}
    after = {one.meter: one.value for one in back.meters}
    return tuple(_growth(meter, before, after) for meter in sorted(before.keys() | after.keys()))


def _growth(meter: Meter, before: Mapping[Meter, Decimal], after: Mapping[Meter, Decimal]) -> MeterGrowth:
    used = after[meter] - before[meter] if meter in before and meter in after else None
    return MeterGrowth(meter, before.get(meter), after.get(meter), used)


def _findings(out: Content, back: Content) -> tuple[FindingChange, ...]:
    before, after = {one.item: one for one in out.checklist}, {one.item: one for one in back.checklist}
    found = []
    for item in sorted(before.keys() | after.keys()):
        was, now = before.get(item), after.get(item)
        if (was and was.grade) != (now and now.grade):
            worse = was is not None and now is not None and _GRADES.index(now.grade) > _GRADES.index(was.grade)
            found.append(FindingChange(item, was, now, worse))
    return tuple(found)


def _tyres(out: Content, back: Content) -> tuple[TyreChange, ...]:
    before, after = {one.where: one for one in out.tyres}, {one.where: one for one in back.tyres}
    found = []
    for where in sorted(before.keys() | after.keys()):
        was, now = before.get(where), after.get(where)
        if was != now:
            known = was and now and was.tread_percent is not None and now.tread_percent is not None
            worn = was.tread_percent - now.tread_percent if known else None  # type: ignore[union-attr, operator]
            found.append(TyreChange(where, was, now, worn))
    return tuple(found)


class Pair(msgspec.Struct, frozen=True):
    """The reports that say how a machine left and came back: the last amendment of each where there is one."""

    check_out: Content | None = None
    check_in: Content | None = None


def pairs(signed: Sequence[Content], booking_id: UUID) -> Mapping[UUID, Pair]:
    """The pair of each machine of a booking, from its signed reports in the order in which they were signed."""
    by_id = {one.id: one for one in signed}
    found: dict[UUID, Pair] = {}
    for said in signed:
        root = said
        while root.amends is not None and root.amends in by_id:
            root = by_id[root.amends]
        leaves = root.kind is Occasion.CHECK_OUT or (root.kind is Occasion.RELAY and root.next_booking_id == booking_id)
        part = {"check_out": said} if leaves else {"check_in": said}
        found[said.machine_id] = msgspec.structs.replace(found.get(said.machine_id, Pair()), **part)
    return found
