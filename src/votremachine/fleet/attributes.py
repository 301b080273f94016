"""What a machine can do and needs, as one struct of typed facts; its category says which of them apply. Pure.

A fact that is absent is unknown. An empty list is known: a tractor without a three-point hitch has `hitch: []`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Any, NamedTuple

import msgspec

from votremachine.fleet.categories import Category
from votremachine.kernel.errors import DomainError

LARGEST_YEAR_AHEAD = 1


class PtoType(IntEnum):
    """The profile of the shaft: ISO 500-1, types 1 to 4 (6 splines of 35 mm, 21 of 35, 20 of 45, 22 of 57)."""

    ONE = 1
    TWO = 2
    THREE = 3
    FOUR = 4


class PtoSpeed(StrEnum):
    """Revolutions a minute at the shaft; the economy speeds turn the shaft as fast, the engine slower."""

    R540 = "540"
    R540_ECO = "540e"
    R1000 = "1000"
    R1000_ECO = "1000e"

    @property
    def rpm(self) -> int:
        return int(self.removesuffix("e"))


class Hitch(StrEnum):
    """Categories of the three-point hitch: ISO 730; N is the narrow one."""

    CATEGORY_0 = "0"
    CATEGORY_1N = "1n"
    CATEGORY_1 = "1"
    CATEGORY_2N = "2n"
    CATEGORY_2 = "2"
    CATEGORY_3N = "3n"
    CATEGORY_3 = "3"
    CATEGORY_4N = "4n"
    CATEGORY_4 = "4"


class Towing(StrEnum):
    """How something trailed hangs on."""

    DRAWBAR = "drawbar"
    HOOK = "hook"
    CLEVIS = "clevis"
    PITON = "piton"
    BALL_80 = "ball_80"
    BALL_50 = "ball_50"


class Coupler(StrEnum):
    """Connections beside the plain hydraulic outlets."""

    FREE_RETURN = "free_return"
    LOAD_SENSING = "load_sensing"
    POWER_BEYOND = "power_beyond"
    HYDRAULIC_BRAKE = "hydraulic_brake"
    AIR_BRAKE = "air_brake"
    ISOBUS = "isobus"


class Licence(StrEnum):
    """What whoever drives or uses the machine must hold."""

    B = "b"
    BE = "be"
    C = "c"
    CE = "ce"
    CACES = "caces"
    CERTIPHYTO = "certiphyto"


_Power = Annotated[int, msgspec.Meta(ge=1, le=2000)]
_Metres = Annotated[float, msgspec.Meta(gt=0, le=1000)]
_Quantity = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
_Millimetres = Annotated[int, msgspec.Meta(ge=50, le=10_000)]
_Few = msgspec.Meta(max_length=12)


class Attributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Facts with their unit in their name. Of a tractor they say what it offers, of an implement what it needs:
    any of its shafts, speeds, hitches and towings, all of its couplers, at least its power, outlets and flow.
    """

    power_hp: _Power | None = None
    required_power_hp: _Power | None = None
    pto_types: Annotated[tuple[PtoType, ...], _Few] | None = None
    pto_speeds: Annotated[tuple[PtoSpeed, ...], _Few] | None = None
    hitch: Annotated[tuple[Hitch, ...], _Few] | None = None
    towing: Annotated[tuple[Towing, ...], _Few] | None = None
    hydraulic_outlets: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    hydraulic_flow_lpm: Annotated[int, msgspec.Meta(ge=0, le=1000)] | None = None
    couplers: Annotated[tuple[Coupler, ...], _Few] | None = None
    working_width_m: _Metres | None = None
    reach_m: _Metres | None = None
    capacity_l: _Quantity | None = None
    capacity_m3: _Quantity | None = None
    capacity_t: _Quantity | None = None
    surface_m2: _Quantity | None = None
    tyre_width_mm: _Millimetres | None = None
    track_width_mm: _Millimetres | None = None
    year: Annotated[int, msgspec.Meta(ge=1900, le=2200)] | None = None
    engine_hours: Annotated[int, msgspec.Meta(ge=0, le=200_000)] | None = None
    licences: Annotated[tuple[Licence, ...], _Few] | None = None
    road_width_m: _Metres | None = None
    road_length_m: _Metres | None = None
    road_weight_kg: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    road_speed_kmh: Annotated[int, msgspec.Meta(ge=1, le=130)] | None = None

    def known(self) -> dict[str, Any]:
        """The facts that are there, by name."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class Named(NamedTuple):
    """What people call a fact."""

    fr: str
    en: str


NAMES: Mapping[str, Named] = {
    "power_hp": Named("la puissance en ch", "the power in hp"),
    "required_power_hp": Named("la puissance de tracteur requise en ch", "the tractor power it needs, in hp"),
    "pto_types": Named("le profil de prise de force", "the profile of the power take-off"),
    "pto_speeds": Named("le régime de prise de force", "the speed of the power take-off"),
    "hitch": Named("la catégorie d'attelage trois points", "the category of the three-point hitch"),
    "towing": Named("le type d'attelage traîné", "how it is towed"),
    "hydraulic_outlets": Named("le nombre de distributeurs hydrauliques", "the number of hydraulic outlets"),
    "hydraulic_flow_lpm": Named("le débit hydraulique en l/min", "the hydraulic flow in l/min"),
    "couplers": Named("les branchements", "the couplers"),
    "working_width_m": Named("la largeur de travail en m", "the working width in m"),
    "reach_m": Named("la portée en m", "the reach in m"),
    "capacity_l": Named("la capacité en litres", "the capacity in litres"),
    "capacity_m3": Named("la capacité en m³", "the capacity in m³"),
    "capacity_t": Named("la capacité en tonnes", "the capacity in tonnes"),
    "surface_m2": Named("la surface en m²", "the floor area in m²"),
    "tyre_width_mm": Named("la largeur des pneus en mm", "the width of the tyres in mm"),
    "track_width_mm": Named("la voie en mm", "the track width in mm"),
    "year": Named("l'année", "the year"),
    "engine_hours": Named("les heures moteur", "the engine hours"),
    "licences": Named("les permis et certificats requis", "the licences it takes"),
    "road_width_m": Named("la largeur sur route en m", "the width on the road in m"),
    "road_length_m": Named("la longueur sur route en m", "the length on the road in m"),
    "road_weight_kg": Named("le poids sur route en kg", "the weight on the road in kg"),
    "road_speed_kmh": Named("la vitesse sur route en km/h", "the speed on the road in km/h"),
}


class AttributeDoesNotApply(DomainError):
    code = "attribute_does_not_apply"
    en = "`{attribute}` does not apply to machines of category “{category}”."
    fr = "`{attribute}` ne s'applique pas aux matériels de la catégorie « {category} »."


class NotMadeYet(DomainError):
    code = "not_made_yet"
    en = "The year of a machine is next year at the latest."
    fr = "L'année d'un matériel est au plus tard l'an prochain."


def wrong_attributes(attributes: Attributes, category: Category, now: datetime) -> list[DomainError]:
    """Everything that is wrong with these attributes for a machine of that category."""
    wrong: list[DomainError] = [
        AttributeDoesNotApply(pointer=f"/attributes/{name}", attribute=name, category=category.code)
        for name in attributes.known()
        if name not in category.attributes
    ]
    if attributes.year is not None and attributes.year > now.year + LARGEST_YEAR_AHEAD:
        wrong.append(NotMadeYet(pointer="/attributes/year"))
    return wrong
