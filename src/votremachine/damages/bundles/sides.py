"""How each machine left and came back, side by side, and what is another."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from votremachine.damages.bundles.dossier import Comparison, Dossier
from votremachine.damages.bundles.words import Tongue
from votremachine.inspections.checklists import checklist
from votremachine.inspections.rules.report import Cleanliness, Content, Damage, Finding, Grade, Tyre

_GRADES, _CLEAN = list(Grade), list(Cleanliness)
NOTHING = "–"


def comparisons(dossier: Dossier, say: Tongue) -> list[dict[str, Any]]:
    """Of each machine the damage, and rows of a table: label, check-out, check-in, change, whether it is worse."""
    known = {one.machine_id: one for one in dossier.comparisons}
    return [{"machine": machine.title, **_sides(known.get(machine.id), dossier, say)} for machine in dossier.machines]


def _sides(one: Comparison | None, dossier: Dossier, say: Tongue) -> dict[str, Any]:
    if one is None or (one.out is None and one.back is None):
        return {"rows": [], "damage": [], "notes": []}
    return {
        "rows": [
            [say("made_at"), *(_made(side, dossier, say) for side in (one.out, one.back)), "", False],
            *_meters(one, say),
            *_fuel(one, say),
            *_cleanliness(one, say),
            *_tyres(one, say),
            *_checklist(one, say),
        ],
        "damage": list(_damage(one, say)),
        "notes": [
            [say(name), side.notes] for name, side in (("out", one.out), ("back", one.back)) if side and side.notes
        ],
    }


def _made(side: Content | None, dossier: Dossier, say: Tongue) -> str:
    return say.moment(side.made_at, dossier.clock) if side else NOTHING


def _meters(one: Comparison, say: Tongue) -> Iterator[list[Any]]:
    out, back = ({read.meter: read.value for read in side.meters} if side else {} for side in (one.out, one.back))
    for meter in sorted(out.keys() | back.keys()):
        both = meter in out and meter in back
        change = _signed(back[meter] - out[meter], say) if both else ""
        shown = [say.number(side[meter]) if meter in side else NOTHING for side in (out, back)]
        yield [say(f"meter.{meter}"), *shown, change, False]


def _fuel(one: Comparison, say: Tongue) -> Iterator[list[Any]]:
    eighths = [side.fuel_eighths if side else None for side in (one.out, one.back)]
    out, back = eighths
    if out is None and back is None:
        return
    change = "" if out is None or back is None else say("eighths", n=_plus(back - out)) if back != out else say("same")
    shown = [NOTHING if n is None else say("eighths", n=n) for n in eighths]
    yield [say("fuel"), *shown, change, out is not None and back is not None and back < out]


def _cleanliness(one: Comparison, say: Tongue) -> Iterator[list[Any]]:
    found = [side.cleanliness if side else None for side in (one.out, one.back)]
    out, back = found
    shown = [say(f"clean.{value}") if value else NOTHING for value in found]
    if out is None or back is None:
        yield [say("cleanliness"), *shown, "", False]
        return
    lost = _CLEAN.index(back) - _CLEAN.index(out)
    yield [say("cleanliness"), *shown, say("dirtier" if lost > 0 else "cleaner" if lost < 0 else "same"), lost > 0]


def _tyres(one: Comparison, say: Tongue) -> Iterator[list[Any]]:
    out, back = ({tyre.where: tyre for tyre in side.tyres} if side else {} for side in (one.out, one.back))
    for where in sorted(out.keys() | back.keys()):
        was, now = out.get(where), back.get(where)
        worse = was is not None and now is not None and _GRADES.index(now.grade) > _GRADES.index(was.grade)
        change = "" if was is None or now is None else say("same") if was == now else _worn(was, now, say)
        yield [say("tyre", where=where), _tyre(was, say), _tyre(now, say), change, worse]


def _tyre(tyre: Tyre | None, say: Tongue) -> str:
    if tyre is None:
        return NOTHING
    grade = say(f"grade.{tyre.grade}")
    return grade if tyre.tread_percent is None else say("tread", grade=grade, n=tyre.tread_percent)


def _worn(was: Tyre, now: Tyre, say: Tongue) -> str:
    if was.tread_percent is not None and now.tread_percent is not None and was.tread_percent != now.tread_percent:
        return f"{_plus(now.tread_percent - was.tread_percent)} %"
    return say("other")


def _checklist(one: Comparison, say: Tongue) -> Iterator[list[Any]]:
    """What was found otherwise, or not good on either side; the rest is counted."""
    category = next(side.category for side in (one.out, one.back) if side)
    names = {item.code: item.name(say.language) for item in checklist(category)}
    out, back = ({found.item: found for found in side.checklist} if side else {} for side in (one.out, one.back))
    good = 0
    for item in sorted(out.keys() | back.keys(), key=lambda code: list(names).index(code) if code in names else 99):
        was, now = out.get(item), back.get(item)
        if {found.grade for found in (was, now) if found} == {Grade.GOOD} and not _notes(was, now):
            good += 1
            continue
        worse = was is not None and now is not None and _GRADES.index(now.grade) > _GRADES.index(was.grade)
        yield [names.get(item, item), _found(was, say), _found(now, say), _graded(was, now, say), worse]
    if good:
        yield [say("others_same", n=good), "", "", "", False]


def _notes(*found: Finding | None) -> bool:
    return any(one.note for one in found if one)


def _found(found: Finding | None, say: Tongue) -> str:
    if found is None:
        return NOTHING
    return f"{say(f'grade.{found.grade}')} ({found.note})" if found.note else say(f"grade.{found.grade}")


def _graded(was: Finding | None, now: Finding | None, say: Tongue) -> str:
    if was is None or now is None:
        return ""
    lost = _GRADES.index(now.grade) - _GRADES.index(was.grade)
    return say("worse" if lost > 0 else "better" if lost < 0 else "same")


def _damage(one: Comparison, say: Tongue) -> Iterator[list[str]]:
    """New damage first, then what changed, what is gone, and what was there before."""
    told = one.difference
    if told is None:
        for name, side in (("out", one.out), ("back", one.back)):
            yield from (_told(say(name), damage, side, say) for damage in (side.damage if side else ()))
        return
    changed = [now for _, now in told.changed_damage]
    named = {damage.id for damage in (*told.new_damage, *changed)}
    old = [damage for damage in (one.back.damage if one.back else ()) if damage.id not in named]
    for name, found, side in (
        ("new_damage", told.new_damage, one.back),
        ("changed_damage", changed, one.back),
        ("gone_damage", told.gone_damage, one.out),
        ("old_damage", old, one.back),
    ):
        yield from (_told(say(name), damage, side, say) for damage in found)


def _told(when: str, damage: Damage, side: Content | None, say: Tongue) -> list[str]:
    """When it was found, where, what it is, on which photos of that report, and how bad."""
    places = [str(place) for place, shot in enumerate(side.photos if side else (), 1) if shot.sha256 in damage.photos]
    on = "on_photo" if len(places) == 1 else "on_photos"
    shown = f"{damage.what} ({say(on, n=', '.join(places))})" if places else damage.what
    return [when, damage.where, shown, say(f"severity.{damage.severity}")]


def _signed(change: Decimal, say: Tongue) -> str:
    return ("+" if change > 0 else "") + say.number(change).replace("-", "−") if change else say("same")


def _plus(change: int) -> str:
    return f"+{change}" if change > 0 else f"−{-change}"
