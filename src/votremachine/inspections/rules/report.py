"""What a condition report says, in the words of the trade. Pure.

`Content` is what both sides sign: everything that was seen at the machine, made by a phone that may have been offline.
It is never changed; whoever saw something else makes an amendment.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.fleet.rules import Meter

MOST_PHOTOS = 30
MOST_DAMAGE = 50
MOST_TYRES = 12
FULL = 8  # eighths of a tank

_NO_NUL = r"^[^\x00]*\Z"
Place = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=_NO_NUL)]
Remark = Annotated[str, msgspec.Meta(max_length=500, pattern=_NO_NUL)]
Notes = Annotated[str, msgspec.Meta(max_length=4000, pattern=_NO_NUL)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Degrees = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class Occasion(StrEnum):
    """What a report was made for."""

    CHECK_OUT = "check_out"
    CHECK_IN = "check_in"
    RELAY = "relay"  # from one renter to the next: the check-in of the first booking, the check-out of the second
    AMENDMENT = "amendment"


# A renter takes the machine away.
TAKING = frozenset({Occasion.CHECK_OUT, Occasion.RELAY})


class State(StrEnum):
    DRAFT = "draft"  # photos are on their way
    COMPLETE = "complete"  # to be signed
    SIGNED = "signed"


class Cleanliness(StrEnum):
    CLEAN = "clean"
    DUSTY = "dusty"
    DIRTY = "dirty"
    SOILED = "soiled"


class Grade(StrEnum):
    """What somebody found who looked."""

    GOOD = "good"
    WORN = "worn"
    DEFECT = "defect"
    ABSENT = "absent"  # it belongs there and is not


class Severity(StrEnum):
    COSMETIC = "cosmetic"
    FUNCTIONAL = "functional"
    UNSAFE = "unsafe"


class MeterRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a meter showed; `why` says why it runs backwards or jumps, if it does."""

    meter: Meter
    value: Decimal
    why: Remark = ""


class Tyre(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tyre or track: where, and how much of its tread is left, in percent."""

    where: Place
    grade: Grade
    tread_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found of one item of the category's checklist."""

    item: Annotated[str, msgspec.Meta(max_length=40, pattern=_NO_NUL)]
    grade: Grade
    note: Remark = ""


class Damage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One damage: its id is the phone's choice and is kept in the next report, so that old damage is known as old."""

    id: UUID
    where: Place
    what: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=_NO_NUL)]
    severity: Severity = Severity.COSMETIC
    photos: Annotated[tuple[Sha256, ...], msgspec.Meta(max_length=MOST_PHOTOS)] = ()


class Shot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A photo that is announced: the SHA-256 of its file, when it was taken, and, if the phone says so, where."""

    sha256: Sha256
    taken_at: datetime
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Degrees | None = None
    caption: Remark = ""


class Driver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who drives it away, as they state it: their licence, and that they are old enough for the machine."""

    name: Place
    licence: Annotated[str, msgspec.Meta(max_length=60, pattern=_NO_NUL)] = ""
    of_age: bool = False


class Content(msgspec.Struct, frozen=True):
    """What is signed. `next_booking_id` is that of the renter who takes over in a relay; times are UTC."""

    id: UUID
    kind: Occasion
    booking_id: UUID
    next_booking_id: UUID | None
    machine_id: UUID
    category: str
    amends: UUID | None
    why: str
    made_at: datetime
    meters: tuple[MeterRead, ...]
    fuel_eighths: int | None
    cleanliness: Cleanliness
    tyres: tuple[Tyre, ...]
    checklist: tuple[Finding, ...]
    damage: tuple[Damage, ...]
    photos: tuple[Shot, ...]
    notes: str
    driver: Driver | None
    version: int = 1
