"""What travels over the wire about machines."""

from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.fleet.rules import BookingMode, State, Terms
from votremachine.infra.wire import Input, Line, OptionalLine, Paragraph
from votremachine.kernel.money import Money

WEEK_MINUTES = 7 * 24 * 60
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class TermsInput(Input):
    """An owner's rules; minutes, except the horizon in days."""

    booking_mode: BookingMode = BookingMode.INSTANT
    buffer_before_minutes: Annotated[int, msgspec.Meta(ge=0, le=WEEK_MINUTES)] = 0
    buffer_after_minutes: Annotated[int, msgspec.Meta(ge=0, le=WEEK_MINUTES)] = 0
    min_minutes: Annotated[int, msgspec.Meta(ge=15, le=52 * WEEK_MINUTES)] = 60
    max_minutes: Annotated[int, msgspec.Meta(ge=15, le=52 * WEEK_MINUTES)] = 4 * WEEK_MINUTES
    lead_minutes: Annotated[int, msgspec.Meta(ge=0, le=52 * WEEK_MINUTES)] = 0
    horizon_days: Annotated[int, msgspec.Meta(ge=1, le=730)] = 365

    def terms(self) -> Terms:
        return msgspec.convert(msgspec.structs.asdict(self), Terms)


class TermsChange(Input):
    """The rules to be changed; what is left out stays."""

    booking_mode: BookingMode | None = None
    buffer_before_minutes: Annotated[int, msgspec.Meta(ge=0, le=WEEK_MINUTES)] | None = None
    buffer_after_minutes: Annotated[int, msgspec.Meta(ge=0, le=WEEK_MINUTES)] | None = None
    min_minutes: Annotated[int, msgspec.Meta(ge=15, le=52 * WEEK_MINUTES)] | None = None
    max_minutes: Annotated[int, msgspec.Meta(ge=15, le=52 * WEEK_MINUTES)] | None = None
    lead_minutes: Annotated[int, msgspec.Meta(ge=0, le=52 * WEEK_MINUTES)] | None = None
    horizon_days: Annotated[int, msgspec.Meta(ge=1, le=730)] | None = None

    def applied_to(self, terms: Terms) -> Terms:
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(terms, **given)


class Place(Input):
    """Where the machine stands: its commune's name and WGS 84 degrees."""

    commune: Line
    latitude: Latitude
    longitude: Longitude


class ListMachine(Input):
    """A new machine, for one of the caller's parties; it starts as a draft."""

    party_id: UUID
    category: str
    title: Line
    place: Place
    make: OptionalLine = ""
    model: OptionalLine = ""
    description: Paragraph = ""
    zone: Annotated[str, msgspec.Meta(max_length=64)] = "Europe/Paris"
    deposit_minor: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    terms: TermsInput = msgspec.field(default_factory=TermsInput)


class EditMachine(Input):
    """What an owner may change; what is left out stays."""

    title: Line | None = None
    description: Paragraph | None = None
    deposit_minor: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] | None = None
    terms: TermsChange | None = None


class MachineView(msgspec.Struct, frozen=True):
    """A machine as anybody who is signed in sees it: its commune, not its yard."""

    id: UUID
    party_id: UUID
    category: str
    title: str
    description: str
    make: str
    model: str
    commune: str
    zone: str
    state: State
    terms: Terms
    deposit: Money
    version: int


class CategoryView(msgspec.Struct, frozen=True):
    code: str
    name: str
    typical_units: list[str]
