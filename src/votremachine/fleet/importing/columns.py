"""The columns of a fleet's spreadsheet: their names in both languages, and how a cell is read."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, NamedTuple, get_args

import msgspec

from votremachine.fleet.attributes import Attributes
from votremachine.fleet.categories import categories
from votremachine.fleet.communes import fold
from votremachine.fleet.rules import Cancellation, Cleaning, Meter, Visibility
from votremachine.fleet.schemas import Buffer, Deposit, Horizon, Latitude, Lead, Length, Longitude, OptionalTitle, Zone
from votremachine.fleet.terms import BookingMode
from votremachine.infra.wire import Line, OptionalLine, Paragraph

# What separates the values of one cell.
_BETWEEN = re.compile(r"[|/+]")
_SPACES = re.compile(r"[\s\u00a0\u202f]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


class Column(NamedTuple):
    """`code` is its name in the API and in English, `fr` in French; `kind` is what msgspec holds its value to."""

    code: str
    fr: str
    kind: Any
    read: Callable[[str], Any]


def text(cell: str) -> str:
    return cell


def number(cell: str) -> Any:
    """A number with a decimal comma or point and spaces between thousands; anything else as it stands."""
    bare = _SPACES.sub("", cell)
    if "," in bare and "." in bare:
        # The last of the two is the decimal one: 1.234,5 and 1,234.5.
        thousands = "." if bare.rindex(",") > bare.rindex(".") else ","
        bare = bare.replace(thousands, "")
    bare = bare.replace(",", ".")
    if not _NUMBER.fullmatch(bare):
        return cell
    value = float(bare)
    return int(value) if value.is_integer() else value


def euros(cell: str) -> Any:
    """An amount in euros as cents; anything else, tenths of a cent included, as it stands."""
    bare = _SPACES.sub("", cell).removesuffix("€").replace(",", ".")
    try:
        cents = Decimal(bare) * 100
    except InvalidOperation:
        return cell
    return int(cents) if cents.is_finite() and cents == cents.to_integral_value() else cell


def one_of(names: Mapping[str, str]) -> Callable[[str], str]:
    """Reads a code or one of its names."""
    known = {fold(name): code for name, code in names.items()}
    return lambda cell: known.get(fold(cell), cell)


def several(read: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Reads values between `|`, `/` or `+`; a dash alone is a known nothing."""
    return lambda cell: [] if cell in {"-", "–"} else [read(one.strip()) for one in _BETWEEN.split(cell)]


def _category(cell: str) -> str:
    return one_of({name: one.code for one in categories().values() for name in (one.code, one.fr, one.en)})(cell)


_METERS = {
    **{meter.value: meter.value for meter in Meter},
    "heure moteur": "engine_hour",
    "heures moteur": "engine_hour",
    "balle": "bale",
    "m³": "m3",
    "tonnes": "tonne",
}
_MODES = {**{mode.value: mode.value for mode in BookingMode}, "immédiat": "instant", "sur demande": "on_request"}
_SEEN = {
    **{one.value: one.value for one in Visibility},
    "publique": "public",
    "tous": "public",
    "cuma": "cooperative",
    "coopérative": "cooperative",
}
_CANCELLED = {
    **{one.value: one.value for one in Cancellation},
    "souple": "flexible",
    "modérée": "moderate",
    "stricte": "strict",
    "coopérative": "cooperative",
}
_CLEANED = {
    **{one.value: one.value for one in Cleaning},
    "tel quel": "as_found",
    "balayé": "swept",
    "lavé": "washed",
    "désinfecté": "disinfected",
}

_SAID = (
    Column("category", "catégorie", Line, _category),
    Column("title_fr", "titre", OptionalTitle, text),
    Column("title_en", "titre anglais", OptionalTitle, text),
    Column("description_fr", "description", Paragraph, text),
    Column("description_en", "description anglaise", Paragraph, text),
    Column("make", "marque", OptionalLine, text),
    Column("model", "modèle", OptionalLine, text),
    Column("serial", "numéro de série", OptionalLine, text),
    Column("commune", "commune", Line, text),
    Column("latitude", "latitude", Latitude, number),
    Column("longitude", "longitude", Longitude, number),
    Column("zone", "fuseau horaire", Zone, text),
    Column("deposit", "caution en euros", Deposit, euros),
    Column("meters", "compteurs", tuple[Meter, ...], several(one_of(_METERS))),
    Column("visibility", "visibilité", Visibility, one_of(_SEEN)),
    Column("cancellation", "annulation", Cancellation, one_of(_CANCELLED)),
    Column("cleaning", "nettoyage", Cleaning, one_of(_CLEANED)),
)
_TERMS = (
    Column("booking_mode", "mode de réservation", BookingMode, one_of(_MODES)),
    Column("buffer_before_minutes", "marge avant en minutes", Buffer, number),
    Column("buffer_after_minutes", "marge après en minutes", Buffer, number),
    Column("min_minutes", "durée minimale en minutes", Length, number),
    Column("max_minutes", "durée maximale en minutes", Length, number),
    Column("lead_minutes", "préavis en minutes", Lead, number),
    Column("horizon_days", "horizon en jours", Horizon, number),
)
_FRENCH_ATTRIBUTES = {
    "power_hp": "puissance ch",
    "required_power_hp": "puissance requise ch",
    "pto_types": "profils prise de force",
    "pto_speeds": "régimes prise de force",
    "hitch": "attelage trois points",
    "towing": "attelage traîné",
    "hydraulic_outlets": "distributeurs",
    "hydraulic_flow_lpm": "débit hydraulique l/min",
    "couplers": "branchements",
    "working_width_m": "largeur de travail m",
    "reach_m": "portée m",
    "capacity_l": "capacité l",
    "capacity_m3": "capacité m3",
    "capacity_t": "capacité t",
    "surface_m2": "surface m2",
    "tyre_width_mm": "largeur pneus mm",
    "track_width_mm": "voie mm",
    "year": "année",
    "engine_hours": "heures moteur",
    "licences": "permis",
    "road_width_m": "largeur route m",
    "road_length_m": "longueur route m",
    "road_weight_kg": "poids route kg",
    "road_speed_kmh": "vitesse route km/h",
}
# The part of the API that each column fills in.
TERMS = frozenset(column.code for column in _TERMS)
ATTRIBUTES = frozenset(_FRENCH_ATTRIBUTES)


def _attributes() -> Iterable[Column]:
    for field in msgspec.structs.fields(Attributes):
        kind = next(one for one in get_args(field.type) if one is not type(None))
        listed = msgspec.inspect.type_info(kind)
        is_list = isinstance(listed, msgspec.inspect.VarTupleType)
        numbers = not is_list or field.name == "pto_types"
        read = number if numbers else str.lower
        yield Column(field.name, _FRENCH_ATTRIBUTES[field.name], kind, several(read) if is_list else read)


@cache
def columns() -> tuple[Column, ...]:
    """Every column, in the order of the template."""
    return (*_SAID, *_TERMS, *_attributes())


@cache
def by_name() -> Mapping[str, Column]:
    """Every column by both of its names, folded."""
    return {fold(name): column for column in columns() for name in (column.code, column.fr)}


def template(language: str) -> str:
    """The first line of an empty spreadsheet, for a spreadsheet that is set to French or English."""
    separator = ";" if language == "fr" else ","
    return separator.join(column.fr if language == "fr" else column.code for column in columns()) + "\r\n"
