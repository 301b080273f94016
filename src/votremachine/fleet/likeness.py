"""Whether one machine can do what another of its category does, attribute by attribute. Pure.

Of what the first one says, the other must offer as much; of an implement's needs, it must ask no more of a tractor
(`compatibility` says how a tractor and an implement are compared). What the first one is silent about is not asked.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from votremachine.fleet.attributes import NAMES, Attributes
from votremachine.fleet.categories import Category
from votremachine.fleet.compatibility import Verdict, worst


class Difference(msgspec.Struct, frozen=True):
    """An attribute by which the other machine is worse (no), or may be: it does not say (unknown)."""

    attribute: str
    verdict: Verdict
    wanted: Any
    has: Any

    def name(self, language: str) -> str:
        """What people call it ("fr" or "en")."""
        return getattr(NAMES[self.attribute], language)  # type: ignore[no-any-return]


def differences(wanted: Attributes, offered: Attributes, category: Category) -> tuple[Difference, ...]:
    """Everything by which `offered` is not surely as good as `wanted`, both of one category."""
    pulled = "required_power_hp" in category.attributes
    suits = _OFFERED | (_NEEDED if pulled else _GIVEN)
    has = offered.known()
    return tuple(
        Difference(name, Verdict.NO if name in has else Verdict.UNKNOWN, value, has.get(name))
        for name, value in wanted.known().items()
        if name in suits and not (name in has and suits[name](value, has[name]))
    )


def likeness(found: Sequence[Difference]) -> Verdict:
    """Whether the other one is at least as good."""
    return worst(one.verdict for one in found)


def _as_much(wanted: Any, has: Any) -> bool:
    return bool(has >= wanted)


def _no_more(wanted: Any, has: Any) -> bool:
    return bool(has <= wanted)


def _all_of(wanted: Any, has: Any) -> bool:
    return set(wanted) <= set(has)


def _nothing_else(wanted: Any, has: Any) -> bool:
    return set(has) <= set(wanted)


def _any_way(wanted: Any, has: Any) -> bool:
    """An implement takes any of these; one that takes none at all asks for nothing."""
    return not has or (bool(wanted) and set(wanted) <= set(has))


Suits = dict[str, Callable[[Any, Any], bool]]
_OFFERED: Suits = {
    "power_hp": _as_much,
    "working_width_m": _as_much,
    "reach_m": _as_much,
    "capacity_l": _as_much,
    "capacity_m3": _as_much,
    "capacity_t": _as_much,
    "surface_m2": _as_much,
    "licences": _nothing_else,
}
_GIVEN: Suits = {
    "hydraulic_outlets": _as_much,
    "hydraulic_flow_lpm": _as_much,
    "pto_types": _all_of,
    "pto_speeds": _all_of,
    "hitch": _all_of,
    "towing": _all_of,
    "couplers": _all_of,
}
_NEEDED: Suits = {
    "required_power_hp": _no_more,
    "hydraulic_outlets": _no_more,
    "hydraulic_flow_lpm": _no_more,
    "pto_types": _any_way,
    "pto_speeds": _any_way,
    "hitch": _any_way,
    "towing": _any_way,
    "couplers": _nothing_else,
}
