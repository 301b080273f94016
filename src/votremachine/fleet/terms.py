"""An owner's rules for bookings of a machine. Pure."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec

# How long after the return damage may be claimed, unless the owner says more.
CLAIM_HOURS, MOST_CLAIM_HOURS = 48, 120
# Under a cooperative's policy, cancelling is free until so long before the start, unless the owner says otherwise.
SHORT_NOTICE_HOURS = 24
WallTime = Annotated[str, msgspec.Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)\Z")]


class BookingMode(StrEnum):
    INSTANT = "instant"
    ON_REQUEST = "on_request"


class Ask(StrEnum):
    """What an owner wants to see before a machine leaves."""

    REPORT = "report"  # a condition report, signed by both sides: nothing else hands the machine over
    LICENCE = "licence"  # the driver states their licence
    AGE = "age"  # and that they are old enough
    INSURANCE = "insurance"  # a proof of insurance that is valid for the whole rental


class HandOver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours of a weekday (1 is Monday, ISO 8601) at which somebody is there; wall times as in `Hours`."""

    weekday: Annotated[int, msgspec.Meta(ge=1, le=7)]
    opens: WallTime
    closes: WallTime


class Hours(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """Hours at which somebody is there; wall times `HH:MM`, both ends included; `24:00` is just before midnight."""

    opens: WallTime
    closes: WallTime


class DatedHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Local dates, `first` to `last` included, on which these hours stand in for those of the week; none: closed."""

    first: date
    last: date
    hours: Annotated[tuple[Hours, ...], msgspec.Meta(max_length=4)] = ()


class Pairing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rented only in one booking with a machine of one of these categories; members of the owning cooperative may be
    trusted to have one.
    """

    categories: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=10)]
    members_exempt: bool = False


class Terms(msgspec.Struct, frozen=True):
    """An owner's rules: whole minutes, except the horizon in days. Without hand-over hours, any hour will do; the dates
    of `exceptions` have hours of their own. `asks` is what the owner wants to see before the machine leaves. Within
    `weather_hours` before the start a renter may move a booking for the weather; None: the owner does not offer that.
    Damage may be claimed within `claim_hours` of the return, never for more than `claim_cap_minor` in all. Where the
    cancellation is the cooperative's, who calls off within `short_notice_hours` of the start bears the minimum charge.
    """

    booking_mode: BookingMode = BookingMode.INSTANT
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    min_minutes: int = 60
    max_minutes: int = 28 * 24 * 60
    lead_minutes: int = 0
    horizon_days: int = 365
    hand_over: tuple[HandOver, ...] = ()
    pairing: Pairing | None = None
    exceptions: tuple[DatedHours, ...] = ()
    asks: tuple[Ask, ...] = ()
    weather_hours: int | None = None
    claim_hours: int = CLAIM_HOURS
    claim_cap_minor: int | None = None
    short_notice_hours: int = SHORT_NOTICE_HOURS

    @property
    def buffers(self) -> tuple[timedelta, timedelta]:
        """The time kept free before and after each use."""
        return timedelta(minutes=self.buffer_before_minutes), timedelta(minutes=self.buffer_after_minutes)
