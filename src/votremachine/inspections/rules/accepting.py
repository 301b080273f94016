"""Whether a condition report is taken in, and why not. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from votremachine.fleet.rules import Meter
from votremachine.fleet.terms import Ask
from votremachine.inspections.rules.report import TAKING, Content, Driver, Occasion
from votremachine.kernel.errors import DomainError, Kind

MOST_REPORTS = 20  # of one booking, drafts included
# How wrong a phone's clock may be that does not say what it shows, and one that does.
CLOCK_ERROR = timedelta(minutes=5)
MOST_CLOCK_ERROR = timedelta(days=1)
# A phone whose battery was dead thinks that it is 1970; what is further off is no clock, and no integer of the table.
MOST_AHEAD = timedelta(days=365 * 68)


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


class PhoneClockOdd(DomainError):
    code = "phone_clock_odd"
    en = "The clock of this phone is decades off: set it, and send the condition report again."
    fr = "L'horloge de ce téléphone se trompe de plusieurs dizaines d'années : réglez-la, puis renvoyez."


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
    *(RelayNeedsTwo, DriverNeeded, PhoneClockOdd),
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


def clock_ahead(phone_clock: datetime | None, now: datetime) -> int | None:
    """By how many seconds a phone's clock differs from ours, if it says what it shows. Raises `PhoneClockOdd`."""
    if phone_clock is None:
        return None
    if abs(phone_clock - now) > MOST_AHEAD:
        raise PhoneClockOdd(pointer="/phone_clock")
    return round((phone_clock - now).total_seconds())


def check_made_at(made_at: datetime, booked_at: datetime, now: datetime, ahead: int | None) -> None:
    """Whether a phone whose clock is so many seconds ahead can have made a report then. Raises `MadeAtOddTime`."""
    known = timedelta(seconds=abs(ahead or 0))
    error = min(CLOCK_ERROR + known, MOST_CLOCK_ERROR)
    if not booked_at - error <= made_at <= now + error:
        raise MadeAtOddTime(pointer="/made_at")


def _check_driver(driver: Driver | None, asks: Collection[Ask]) -> None:
    if Ask.LICENCE in asks and not (driver and driver.licence.strip()):
        raise DriverNeeded(pointer="/driver/licence", asks=sorted(asks))
    if Ask.AGE in asks and not (driver and driver.of_age):
        raise DriverNeeded(pointer="/driver/of_age", asks=sorted(asks))


def _check_once(pointer: str, named: Sequence[object]) -> None:
    seen = set[object]()
    for number, one in enumerate(named):
        if one in seen:
            raise Twice(pointer=f"{pointer}/{number}")
        seen.add(one)
