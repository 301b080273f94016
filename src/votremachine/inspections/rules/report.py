"""What a condition report says, in the words of the trade, and when it makes sense. Pure.

`Content` is what both sides sign: everything that was seen at the machine, made by a phone that may have been offline.
It is never changed; whoever saw something else makes an amendment.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.fleet.rules import Meter
from votremachine.fleet.terms import Ask
from votremachine.kernel.errors import DomainError, Kind

MOST_PHOTOS = 30
MOST_DAMAGE = 50
MOST_TYRES = 12
MOST_REPORTS = 20  # of one booking, drafts included
FULL = 8  # eighths of a tank
# How wrong a phone's clock may be that does not say what it shows, and one that does.
CLOCK_ERROR = timedelta(minutes=5)
MOST_CLOCK_ERROR = timedelta(days=1)

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


class UnknownInspection(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_inspection"
    en = "There is no such condition report."
    fr = "Cet état des lieux n'existe pas."


class NotInBooking(DomainError):
    code = "not_in_booking"
    en = "This machine is not in this booking."
    fr = "Ce matériel n'est pas dans cette réservation."


class InspectionDiffers(DomainError):
    kind = Kind.CONFLICT
    code = "inspection_differs"
    en = "A condition report with this id was sent before and says something else. Make a new one, with another id."
    fr = "Un état des lieux portant cet identifiant a déjà été envoyé et dit autre chose. Faites-en un nouveau."


class TooManyInspections(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_inspections"
    en = "A booking has at most {most} condition reports."
    fr = "Une réservation a au plus {most} états des lieux."


class NoIdOfThePhones(DomainError):
    code = "not_uuid7"
    en = "The id that a phone chooses is a UUID of version 7."
    fr = "L'identifiant choisi par le téléphone est un UUID de version 7."


class MadeAtOddTime(DomainError):
    code = "made_at_odd_time"
    en = "A condition report is made after its booking and before now."
    fr = "Un état des lieux se fait après la réservation et avant maintenant."


class ItemsDiffer(DomainError):
    code = "items_differ"
    en = "Say of each item of the checklist of this category what you found, once: {items}."
    fr = "Indiquez pour chaque point de la liste de cette catégorie ce que vous constatez, une fois : {items}."


class MeterMissing(DomainError):
    code = "meter_missing"
    en = "Say what each meter of this machine shows, once: {meters}."
    fr = "Indiquez ce qu'affiche chaque compteur de ce matériel, une fois : {meters}."


class Twice(DomainError):
    code = "named_twice"
    en = "This is named twice."
    fr = "Ceci est nommé deux fois."


class PhotoNotAnnounced(DomainError):
    code = "photo_not_announced"
    en = "This photo is not among those of the condition report."
    fr = "Cette photo ne fait pas partie de celles de l'état des lieux."


class WhyNeeded(DomainError):
    code = "why_needed"
    en = "An amendment says why it is made; nothing else does."
    fr = "Un avenant dit pourquoi il est fait ; les autres états des lieux non."


class NotToBeAmended(DomainError):
    kind = Kind.CONFLICT
    code = "not_to_be_amended"
    en = "Only a signed condition report of this machine and booking is amended."
    fr = "Seul un état des lieux signé de ce matériel et de cette réservation peut recevoir un avenant."


class RelayNeedsTwo(DomainError):
    code = "relay_needs_two"
    en = "A relay names the next booking, of the same owner and with this machine; nothing else does."
    fr = "Un relais nomme la réservation suivante, du même propriétaire et avec ce matériel ; rien d'autre ne la nomme."


class DriverNeeded(DomainError):
    kind = Kind.CONFLICT
    code = "driver_needed"
    en = "The owner asks who will drive this machine: their licence, or that they are of age, as `asks` says."
    fr = "Le propriétaire demande qui conduira ce matériel : permis ou âge requis, selon `asks`."


CONTENT_ERRORS = (
    *(NoIdOfThePhones, MadeAtOddTime, ItemsDiffer, MeterMissing, Twice, PhotoNotAnnounced, WhyNeeded),
    *(RelayNeedsTwo, DriverNeeded),
)


def check_content(said: Content, items: Sequence[str], meters: Collection[Meter], asks: Collection[Ask]) -> None:
    """Whether a report says all that it should about a machine with this checklist, these meters and terms.

    Raises one of `CONTENT_ERRORS`.
    """
    if said.id.version != 7:
        raise NoIdOfThePhones(pointer="/id")
    amends = said.kind is Occasion.AMENDMENT
    if amends != bool(said.why.strip()) or amends != (said.amends is not None):
        raise WhyNeeded(pointer="/why")
    if sorted(one.item for one in said.checklist) != sorted(items):
        raise ItemsDiffer(pointer="/checklist", items=", ".join(items))
    if sorted(one.meter for one in said.meters) != sorted(meters):
        raise MeterMissing(pointer="/meters", meters=", ".join(sorted(meters)))
    _check_once("/photos", [one.sha256 for one in said.photos])
    _check_once("/damage", [one.id for one in said.damage])
    announced = {one.sha256 for one in said.photos}
    for number, damage in enumerate(said.damage):
        if not announced.issuperset(damage.photos):
            raise PhotoNotAnnounced(pointer=f"/damage/{number}/photos")
    if said.kind in TAKING:
        _check_driver(said.driver, asks)


# A renter takes the machine away.
TAKING = frozenset({Occasion.CHECK_OUT, Occasion.RELAY})


def clock_ahead(phone_clock: datetime | None, now: datetime) -> int | None:
    """By how many seconds a phone's clock differs from ours, if it says what it shows."""
    return None if phone_clock is None else round((phone_clock - now).total_seconds())


def check_made_at(made_at: datetime, booked_at: datetime, now: datetime, ahead: int | None) -> None:
    """Whether a phone whose clock is so many seconds ahead can have made a report then. Raises `MadeAtOddTime`."""
    known = timedelta(seconds=abs(ahead or 0))
    error = min(CLOCK_ERROR + known, MOST_CLOCK_ERROR)
    if not booked_at - error <= made_at <= now + error:
        raise MadeAtOddTime(pointer="/made_at")


def check_room(there: int) -> None:
    """Raises `TooManyInspections` where a booking with this many takes no more."""
    if there >= MOST_REPORTS:
        raise TooManyInspections(most=MOST_REPORTS)


def _check_driver(driver: Driver | None, asks: Collection[Ask]) -> None:
    if Ask.LICENCE in asks and not (driver and driver.licence.strip()):
        raise DriverNeeded(pointer="/driver/licence", asks=sorted(asks))
    if Ask.AGE in asks and not (driver and driver.of_age):
        raise DriverNeeded(pointer="/driver/of_age", asks=sorted(asks))


def _check_once(pointer: str, named: Sequence[object]) -> None:
    for number, one in enumerate(named):
        if Counter(named)[one] > 1:
            raise Twice(pointer=f"{pointer}/{number}")
