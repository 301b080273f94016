"""The demo world as data: data/demo.json, read into values."""

import csv
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from votremachine.accounts.rules import PartyKind, Role
from votremachine.availability.rules import Taker
from votremachine.bookings.rules import State as BookingState
from votremachine.fleet.attributes import Attributes
from votremachine.fleet.rules import Cancellation, Cleaning, Meter, State
from votremachine.fleet.terms import BookingMode
from votremachine.inspections.rules.report import Cleanliness, Grade, Occasion, Severity

# All of its machines stand in the Landes.
ZONE = ZoneInfo("Europe/Paris")
_DATA = files("votremachine") / "data"


class DemoPerson(msgspec.Struct, frozen=True):
    key: str
    email: str
    name: str
    language: Literal["fr", "en"]
    phone: str | None


class DemoMember(msgspec.Struct, frozen=True):
    person: str
    role: Role


class DemoParty(msgspec.Struct, frozen=True):
    """`commune` is an INSEE code; `cooperatives` are the keys of those it belongs to."""

    key: str
    kind: PartyKind
    name: str
    commune: str
    admin: str
    members: list[DemoMember]
    cooperatives: list[str]


class DemoMachine(msgspec.Struct, frozen=True):
    """Prices are ex-VAT cents; `title` and `description` are French."""

    key: str
    party: str
    category: str
    title: str
    title_en: str
    description: str
    make: str
    model: str
    attributes: Attributes
    meters: tuple[Meter, ...]
    cancellation: Cancellation
    cleaning: Cleaning
    commune: str
    lat: float
    lon: float
    booking_mode: BookingMode
    buffer_before_minutes: int
    buffer_after_minutes: int
    min_minutes: int
    max_minutes: int
    lead_minutes: int
    horizon_days: int
    deposit_minor: int
    day_minor: int
    week_minor: int | None
    state: State


class DemoTime(msgspec.Struct, frozen=True):
    """A local wall time, `day` days from today."""

    day: int
    time: str

    def seen_from(self, today: date) -> datetime:
        """The instant it is, when today is this day in the Landes."""
        return datetime.combine(today + timedelta(days=self.day), time.fromisoformat(self.time), ZONE)


class DemoBooking(msgspec.Struct, frozen=True):
    """`back` is when the machine came back, where that was not at the end."""

    key: str
    machines: list[str]
    renter: str
    by: str
    start: DemoTime
    end: DemoTime
    end_state: BookingState
    back: DemoTime | None

    @property
    def returned(self) -> DemoTime:
        return self.back or self.end


class DemoBlock(msgspec.Struct, frozen=True):
    key: str
    machine: str
    kind: Taker
    start: DemoTime
    end: DemoTime
    note: str


class DemoDamage(msgspec.Struct, frozen=True):
    """Damage that one report has, or several by the same key; `pictures` are names of `demo/pictures.py`."""

    key: str
    where: str
    what: str
    severity: Severity
    pictures: list[str]


class DemoReport(msgspec.Struct, frozen=True):
    """A condition report with which the machine of a booking leaves or comes back; what `grades` leaves out is good."""

    booking: str
    kind: Occasion
    fuel_eighths: int
    engine_hours: str
    cleanliness: Cleanliness
    grades: dict[str, Grade]
    damage: list[DemoDamage]
    pictures: list[str]
    notes: str


class DemoClaim(msgspec.Struct, frozen=True):
    """What an owner claims; `lines` are those of the API."""

    booking: str
    at: DemoTime
    reason: str
    lines: list[dict[str, Any]]


class World(msgspec.Struct, frozen=True):
    """Everything the seed makes."""

    password: str
    people: list[DemoPerson]
    parties: list[DemoParty]
    machines: list[DemoMachine]
    bookings: list[DemoBooking]
    blocks: list[DemoBlock]
    reports: list[DemoReport]
    claims: list[DemoClaim]


@cache
def world() -> World:
    return msgspec.json.decode((_DATA / "demo.json").read_bytes(), type=World)


@cache
def communes() -> dict[str, str]:
    """The name of each commune of the Landes that the world may stand in, by its INSEE code."""
    rows = csv.DictReader((_DATA / "communes.csv").read_text("utf-8").splitlines())
    return {row["insee"]: row["name"] for row in rows}
