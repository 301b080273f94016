"""What travels over the wire about machines."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from votremachine.fleet.attributes import Attributes
from votremachine.fleet.listing import Listing
from votremachine.fleet.positions import Position
from votremachine.fleet.rules import Cancellation, Cleaning, Meter, Texts, Visibility
from votremachine.fleet.terms import (
    CLAIM_HOURS,
    MOST_CLAIM_HOURS,
    SHORT_NOTICE_HOURS,
    Ask,
    BookingMode,
    DatedHours,
    HandOver,
    Pairing,
    Terms,
)
from votremachine.infra.wire import UNSEEN, Input, Line, OptionalLine, Paragraph

Named = TypeVar("Named", Meter, Ask)
WEEK_MINUTES = 7 * 24 * 60
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Buffer = Annotated[int, msgspec.Meta(ge=0, le=WEEK_MINUTES)]
Length = Annotated[int, msgspec.Meta(ge=15, le=52 * WEEK_MINUTES)]
Lead = Annotated[int, msgspec.Meta(ge=0, le=52 * WEEK_MINUTES)]
Horizon = Annotated[int, msgspec.Meta(ge=1, le=730)]
Deposit = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
Zone = Annotated[str, msgspec.Meta(max_length=64)]
Hours = Annotated[tuple[HandOver, ...], msgspec.Meta(max_length=28)]
Exceptions = Annotated[tuple[DatedHours, ...], msgspec.Meta(max_length=200)]
Asks = Annotated[tuple[Ask, ...], msgspec.Meta(max_length=len(Ask))]
WeatherHours = Annotated[int, msgspec.Meta(ge=1, le=14 * 24)]
ShortNotice = Annotated[int, msgspec.Meta(ge=0, le=14 * 24)]
ClaimHours = Annotated[int, msgspec.Meta(ge=CLAIM_HOURS, le=MOST_CLAIM_HOURS)]
ClaimCap = Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]
Meters = Annotated[tuple[Meter, ...], msgspec.Meta(max_length=len(Meter))]
Invited = Annotated[tuple[UUID, ...], msgspec.Meta(max_length=200)]
# A title may be taken away in one language while there is another.
OptionalTitle = Annotated[str, msgspec.Meta(max_length=200, pattern=rf"^[^{UNSEEN}]*$(?!\n)")]


class Titles(Input):
    """A title in French, in English, or in both; an empty one is taken away."""

    fr: OptionalTitle | None = None
    en: OptionalTitle | None = None


class Descriptions(Input):
    """A description in French, in English, or in both; an empty one is taken away."""

    fr: Paragraph | None = None
    en: Paragraph | None = None


class TermsInput(Input):
    """An owner's rules; minutes, except the horizon in days."""

    booking_mode: BookingMode = BookingMode.INSTANT
    buffer_before_minutes: Buffer = 0
    buffer_after_minutes: Buffer = 0
    min_minutes: Length = 60
    max_minutes: Length = 4 * WEEK_MINUTES
    lead_minutes: Lead = 0
    horizon_days: Horizon = 365
    hand_over: Hours = ()
    pairing: Pairing | None = None
    exceptions: Exceptions = ()
    asks: Asks = ()
    weather_hours: WeatherHours | None = None
    claim_hours: ClaimHours = CLAIM_HOURS
    claim_cap_minor: ClaimCap | None = None
    short_notice_hours: ShortNotice = SHORT_NOTICE_HOURS

    def terms(self) -> Terms:
        return Terms(**asdict(self) | {"asks": _once(self.asks)})


class TermsChange(Input):
    """The rules to be changed; what is left out stays, lists are replaced, and a pairing, an offer for bad
    weather or a cap of claims that is null is given up.
    """

    booking_mode: BookingMode | None = None
    buffer_before_minutes: Buffer | None = None
    buffer_after_minutes: Buffer | None = None
    min_minutes: Length | None = None
    max_minutes: Length | None = None
    lead_minutes: Lead | None = None
    horizon_days: Horizon | None = None
    hand_over: Hours | None = None
    pairing: Pairing | UnsetType | None = UNSET
    exceptions: Exceptions | None = None
    asks: Asks | None = None
    weather_hours: WeatherHours | UnsetType | None = UNSET
    claim_hours: ClaimHours | None = None
    claim_cap_minor: ClaimCap | UnsetType | None = UNSET
    short_notice_hours: ShortNotice | None = None

    def applied_to(self, terms: Terms) -> Terms:
        given = _given(self)
        given.update({} if self.pairing is UNSET else {"pairing": self.pairing})
        if "asks" in given:
            given["asks"] = _once(given["asks"])
        given.update({} if self.weather_hours is UNSET else {"weather_hours": self.weather_hours})
        given.update({} if self.claim_cap_minor is UNSET else {"claim_cap_minor": self.claim_cap_minor})
        return replace(terms, **given)


class Place(Input):
    """Where the machine stands: its commune's name and WGS 84 degrees. Strangers are told a place about 1 km off."""

    commune: Line
    latitude: Latitude
    longitude: Longitude


class ListMachine(Input):
    """A new machine, for one of the caller's parties; it starts as a draft.

    A text without a language is in that of the request (`Accept-Language`). `visible_to` names who may see a machine
    with visibility `named`.
    """

    party_id: UUID
    category: str
    title: Line | Titles
    place: Place
    make: OptionalLine = ""
    model: OptionalLine = ""
    serial: OptionalLine = ""
    description: Paragraph | Descriptions = ""
    zone: Zone = "Europe/Paris"
    deposit_minor: Deposit = 0
    terms: TermsInput = msgspec.field(default_factory=TermsInput)
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    meters: Meters = ()
    visibility: Visibility = Visibility.PUBLIC
    visible_to: Invited = ()
    cancellation: Cancellation = Cancellation.FLEXIBLE
    cleaning: Cleaning = Cleaning.AS_FOUND

    def listing(self, language: str) -> Listing:
        """What is said of the machine; texts without a language are in `language`."""
        return Listing(
            category=self.category,
            titles=_read(self.title, language, Texts()),
            descriptions=_read(self.description, language, Texts()),
            make=self.make,
            model=self.model,
            serial=self.serial,
            commune=self.place.commune,
            position=Position(self.place.latitude, self.place.longitude),
            zone=self.zone,
            deposit_minor=self.deposit_minor,
            terms=self.terms.terms(),
            attributes=self.attributes,
            meters=_once(self.meters),
            visibility=self.visibility,
            invited=frozenset(self.visible_to),
            cancellation=self.cancellation,
            cleaning=self.cleaning,
        )


class EditMachine(Input):
    """What an owner may change; what is left out stays. `attributes`, `meters`, `visible_to` are replaced as a whole,
    a text in the language that it is given in.
    """

    category: str | None = None
    title: Line | Titles | None = None
    place: Place | None = None
    make: OptionalLine | None = None
    model: OptionalLine | None = None
    serial: OptionalLine | None = None
    description: Paragraph | Descriptions | None = None
    zone: Zone | None = None
    deposit_minor: Deposit | None = None
    terms: TermsChange | None = None
    attributes: Attributes | None = None
    meters: Meters | None = None
    visibility: Visibility | None = None
    visible_to: Invited | None = None
    cancellation: Cancellation | None = None
    cleaning: Cleaning | None = None

    def applied_to(self, listing: Listing, language: str) -> Listing:
        """The listing with these changes. Who names nobody any more needs not say so: other visibilities have none."""
        given = _given(self)
        if (title := given.pop("title", None)) is not None:
            given["titles"] = _read(title, language, listing.titles)
        if (description := given.pop("description", None)) is not None:
            given["descriptions"] = _read(description, language, listing.descriptions)
        if place := given.pop("place", None):
            given |= {"commune": place.commune, "position": Position(place.latitude, place.longitude)}
        if terms := given.pop("terms", None):
            given["terms"] = terms.applied_to(listing.terms)
        if "meters" in given:
            given["meters"] = _once(given["meters"])
        given |= self._invited(listing, given.pop("visible_to", None))
        return replace(listing, **given)

    def _invited(self, listing: Listing, named: tuple[UUID, ...] | None) -> dict[str, Any]:
        if named is not None:
            return {"invited": frozenset(named)}
        leaves = (self.visibility or listing.visibility) is not Visibility.NAMED
        return {"invited": frozenset()} if leaves else {}


def _given(asked: Input) -> dict[str, Any]:
    return {name: value for name, value in asdict(asked).items() if value is not None and value is not UNSET}


def _read(given: str | Titles | Descriptions, language: str, kept: Texts) -> Texts:
    return replace(kept, **({language: given} if isinstance(given, str) else _given(given)))


def _once(named: tuple[Named, ...]) -> tuple[Named, ...]:
    return tuple(dict.fromkeys(named))
