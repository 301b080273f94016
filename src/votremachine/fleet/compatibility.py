"""Which tractor can pull and drive an implement, and why: power, power take-off, hitch, hydraulics. Pure.

A fact that nobody gave is unknown, and so is the answer that rests on it: never silently yes. What does not apply to
the implement's category is not asked.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from votremachine.fleet.attributes import Attributes, Coupler, PtoSpeed, Towing
from votremachine.fleet.categories import Category
from votremachine.kernel.errors import DomainError


class Verdict(StrEnum):
    YES = "yes"
    UNKNOWN = "unknown"
    NO = "no"


class Aspect(StrEnum):
    """What is compared, in the order in which a farmer would ask."""

    POWER = "power"
    PTO_TYPE = "pto_type"
    PTO_SPEED = "pto_speed"
    HITCH = "hitch"
    OUTLETS = "hydraulic_outlets"
    FLOW = "hydraulic_flow"
    COUPLERS = "couplers"


class Reason(msgspec.Struct, frozen=True):
    """One aspect: what the implement needs, what the tractor has, each null where nobody said."""

    aspect: Aspect
    verdict: Verdict
    needs: Any
    has: Any

    def sentence(self, language: str) -> str:
        """The reason in the reader's language ("fr" or "en")."""
        words = _WORDS[language]
        name = words[self.aspect].capitalize()
        if self.verdict is Verdict.UNKNOWN:
            unsaid = "needs_unsaid" if self.needs is None else "has_unsaid"
            return words[unsaid].format(name=name)
        return words[self.verdict].format(name=name, needs=_say(self.needs, language), has=_say(self.has, language))


class Fit(msgspec.Struct, frozen=True):
    """The whole answer: no if one aspect says no, else unknown if one is, else yes."""

    verdict: Verdict
    reasons: tuple[Reason, ...]


class NeedsNoTractor(DomainError):
    code = "needs_no_tractor"
    en = "A machine of this category is not pulled by a tractor."
    fr = "Un matériel de cette catégorie ne s'attelle pas à un tracteur."


def check_pulled(category: Category) -> None:
    """Raises `NeedsNoTractor` when nothing of this category is pulled."""
    if "required_power_hp" not in category.attributes:
        raise NeedsNoTractor


def fit(tractor: Attributes, implement: Attributes, category: Category) -> Fit:
    """Whether a tractor can pull an implement of that category."""
    given = [compare(tractor, implement) for needed, compare in _COMPARED if needed & category.attributes]
    reasons = tuple(reason for reason in given if reason)
    return Fit(worst(reason.verdict for reason in reasons), reasons)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """No before unknown before yes."""
    return max(verdicts, key=list(Verdict).index, default=Verdict.YES)


def _power(tractor: Attributes, implement: Attributes) -> Reason:
    return _enough(Aspect.POWER, implement.required_power_hp, tractor.power_hp)


def _outlets(tractor: Attributes, implement: Attributes) -> Reason:
    return _enough(Aspect.OUTLETS, implement.hydraulic_outlets, tractor.hydraulic_outlets)


def _flow(tractor: Attributes, implement: Attributes) -> Reason | None:
    # Few implements ask for a flow: one that is silent about it needs none in particular, once its outlets are known.
    if implement.hydraulic_flow_lpm is None and implement.hydraulic_outlets is not None:
        return None
    return _enough(Aspect.FLOW, implement.hydraulic_flow_lpm, tractor.hydraulic_flow_lpm)


def _pto_type(tractor: Attributes, implement: Attributes) -> Reason:
    needs = () if _undriven(implement) else implement.pto_types
    return _any_of(Aspect.PTO_TYPE, needs, tractor.pto_types)


def _pto_speed(tractor: Attributes, implement: Attributes) -> Reason:
    needs = () if _undriven(implement) else implement.pto_speeds
    return _any_of(Aspect.PTO_SPEED, _rpm(needs), _rpm(tractor.pto_speeds))


def _undriven(implement: Attributes) -> bool:
    """An implement that says that it takes no shaft, or no speed, is not driven at all."""
    return implement.pto_types == () or implement.pto_speeds == ()


def _rpm(speeds: Collection[PtoSpeed] | None) -> tuple[int, ...] | None:
    return None if speeds is None else tuple(sorted({speed.rpm for speed in speeds}))


def _hitch(tractor: Attributes, implement: Attributes) -> Reason:
    """Mounted or trailed: an implement that says one way needs no other; one way that fits is enough."""
    ways = [
        (needs, has)
        for needs, has in ((implement.hitch, tractor.hitch), (implement.towing, tractor.towing))
        if needs is not None
    ]
    if not ways:
        return Reason(Aspect.HITCH, Verdict.UNKNOWN, None, _together(tractor.hitch, tractor.towing))
    asked = [(needs, has) for needs, has in ways if needs]
    verdicts = [_any_of(Aspect.HITCH, needs, has).verdict for needs, has in asked]
    best = min(verdicts, key=list(Verdict).index, default=Verdict.YES)
    said = [has for _, has in asked if has is not None]
    return Reason(
        Aspect.HITCH, best, _together(*(needs for needs, _ in asked)) or (), _together(*said) if said else None
    )


def _together(*sets: Collection[StrEnum] | None) -> tuple[StrEnum, ...] | None:
    known = [one for one in sets if one is not None]
    return tuple(value for one in known for value in one) if known else None


def _couplers(tractor: Attributes, implement: Attributes) -> Reason:
    needs, has = implement.couplers, tractor.couplers
    if needs == ():
        return Reason(Aspect.COUPLERS, Verdict.YES, needs, has)
    if needs is None or has is None:
        return Reason(Aspect.COUPLERS, Verdict.UNKNOWN, needs, has)
    return Reason(Aspect.COUPLERS, Verdict.YES if set(needs) <= set(has) else Verdict.NO, needs, has)


def _enough(aspect: Aspect, needs: int | None, has: int | None) -> Reason:
    if needs == 0:
        return Reason(aspect, Verdict.YES, needs, has)
    if needs is None or has is None:
        return Reason(aspect, Verdict.UNKNOWN, needs, has)
    return Reason(aspect, Verdict.YES if has >= needs else Verdict.NO, needs, has)


def _any_of(aspect: Aspect, needs: Collection[Any] | None, has: Collection[Any] | None) -> Reason:
    if needs is not None and not needs:
        return Reason(aspect, Verdict.YES, needs, has)
    if needs is None or has is None:
        return Reason(aspect, Verdict.UNKNOWN, needs, has)
    return Reason(aspect, Verdict.YES if set(needs) & set(has) else Verdict.NO, needs, has)


# An aspect is compared if any of these attributes applies to the implement's category.
_COMPARED: tuple[tuple[frozenset[str], Callable[[Attributes, Attributes], Reason | None]], ...] = (
    (frozenset({"required_power_hp"}), _power),
    (frozenset({"pto_types"}), _pto_type),
    (frozenset({"pto_speeds"}), _pto_speed),
    (frozenset({"hitch", "towing"}), _hitch),
    (frozenset({"hydraulic_outlets"}), _outlets),
    (frozenset({"hydraulic_flow_lpm"}), _flow),
    (frozenset({"couplers"}), _couplers),
)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "fr": {
        Aspect.POWER: "puissance (ch)",
        Aspect.PTO_TYPE: "profil de prise de force",
        Aspect.PTO_SPEED: "régime de prise de force (tr/min)",
        Aspect.HITCH: "attelage",
        Aspect.OUTLETS: "distributeurs hydrauliques",
        Aspect.FLOW: "débit hydraulique (l/min)",
        Aspect.COUPLERS: "branchements",
        Verdict.YES: "{name} : convient. Il faut {needs} ; le tracteur a {has}.",
        Verdict.NO: "{name} : ne convient pas. Il faut {needs} ; le tracteur a {has}.",
        "needs_unsaid": "{name} : l'annonce du matériel ne dit pas ce qu'il faut.",
        "has_unsaid": "{name} : l'annonce du tracteur ne le dit pas.",
    },
    "en": {
        Aspect.POWER: "power (hp)",
        Aspect.PTO_TYPE: "power take-off profile",
        Aspect.PTO_SPEED: "power take-off speed (rpm)",
        Aspect.HITCH: "hitch",
        Aspect.OUTLETS: "hydraulic outlets",
        Aspect.FLOW: "hydraulic flow (l/min)",
        Aspect.COUPLERS: "couplers",
        Verdict.YES: "{name}: fits. It needs {needs}; the tractor has {has}.",
        Verdict.NO: "{name}: does not fit. It needs {needs}; the tractor has {has}.",
        "needs_unsaid": "{name}: the implement's listing does not say what it needs.",
        "has_unsaid": "{name}: the tractor's listing does not say.",
    },
}
_CALLED: Mapping[str, Mapping[Any, str]] = {
    "fr": {
        Towing.DRAWBAR: "barre à trous",
        Towing.HOOK: "crochet",
        Towing.CLEVIS: "chape",
        Towing.PITON: "piton fixe",
        Towing.BALL_80: "boule K80",
        Towing.BALL_50: "boule de 50",
        Coupler.FREE_RETURN: "retour libre",
        Coupler.LOAD_SENSING: "load sensing",
        Coupler.POWER_BEYOND: "power beyond",
        Coupler.HYDRAULIC_BRAKE: "freinage hydraulique",
        Coupler.AIR_BRAKE: "freinage pneumatique",
        Coupler.ISOBUS: "ISOBUS",
        None: "on ne sait quoi",
        (): "rien",
    },
    "en": {
        Towing.BALL_80: "K80 ball",
        Towing.BALL_50: "50 mm ball",
        Coupler.ISOBUS: "ISOBUS",
        None: "one does not know what",
        (): "nothing",
    },
}


def _say(value: Any, language: str) -> str:
    called = _CALLED[language]
    if value is None or value == ():
        return called[value]
    if isinstance(value, tuple):
        return ", ".join(called.get(one, str(one).replace("_", " ")) for one in value)
    return str(value)
