"""Whom a change is told, under which name, and from where a stream goes on. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from votremachine.accounts.rules import Relation, Role, Verb, permits
from votremachine.kernel.errors import DomainError, Kind

# A change is kept for twice as long: one whose transaction took its time is not gone before it could be missed.
RESUMABLE_FOR = timedelta(hours=24)
# How far another process's clock may be ahead of ours.
SKEW = timedelta(minutes=5)
MOST_PER_PERSON = 10
MOST_PER_PROCESS = 2_000
# Who missed more than this is better off loading everything anew.
MOST_MISSED = 1_000
LONGEST_ID = 80

# Before there was more than one database to think of, an id did not name its own.
_EVENT_ID = re.compile(r"(?:([0-9a-f]{8})\.)?([0-9]{1,11})\.([0-9]{1,18})\.([0-9a-f]{32})")
_NEXT_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class Reset(StrEnum):
    """Why a stream cannot go on from where its reader was."""

    TOO_OLD = "too_old"
    UNKNOWN = "unknown"  # of another database, or of this one before it was restored
    TOO_MANY = "too_many"


class Ended(StrEnum):
    """Why a stream ends."""

    CAUGHT_UP = "caught_up"
    SIGNED_OUT = "signed_out"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 -- the reason, not the token
    SEATS_CHANGED = "seats_changed"
    SLOW = "slow"
    STOPPING = "stopping"


class BadEventId(DomainError):
    code = "bad_event_id"
    en = "This Last-Event-ID is not one that this stream gave."
    fr = "Ce Last-Event-ID n'a pas été donné par ce flux."


class TooManyStreams(DomainError):
    kind = Kind.TOO_MANY
    code = "too_many_streams"
    en = "You follow {most} calendars already. Close one, or try again in {retry_after} seconds."
    fr = "Vous suivez déjà {most} calendriers. Fermez-en un, ou réessayez dans {retry_after} secondes."


class TooManyListeners(DomainError):
    kind = Kind.UNAVAILABLE
    code = "too_many_listeners"
    en = "Too many calendars are followed just now. Try again in a moment."
    fr = "Trop de calendriers sont suivis en ce moment. Réessayez dans un instant."


class EventId(NamedTuple):
    """A place in the order of all changes of one database, and when it was told, in whole seconds."""

    database: str
    at: datetime
    xid: int
    id: UUID

    def __str__(self) -> str:
        whose = f"{self.database}." if self.database else ""
        return f"{whose}{int(self.at.timestamp())}.{self.xid}.{self.id.hex}"


def read_event_id(text: str) -> EventId:
    """The place that a `Last-Event-ID` names; raises `BadEventId`."""
    found = _EVENT_ID.fullmatch(text)
    if found is None:
        raise BadEventId(pointer="Last-Event-ID")
    try:
        return EventId(found[1] or "", datetime.fromtimestamp(int(found[2]), UTC), int(found[3]), UUID(found[4]))
    except (ValueError, OverflowError, OSError) as error:
        raise BadEventId(pointer="Last-Event-ID") from error


def why_not(resume: EventId, database: str, horizon: int, now: datetime) -> Reset | None:
    """Why a stream of this database cannot go on from there, given the horizon of this moment; None when it can."""
    if resume.database != database or resume.xid > horizon or resume.at > now + SKEW:
        return Reset.UNKNOWN
    if resume.at <= now - RESUMABLE_FOR:
        return Reset.TOO_OLD
    return None


def heard_by(seats: Mapping[UUID, Role]) -> frozenset[UUID]:
    """The parties whose calendars and bookings somebody with these seats may read."""
    reading = (Verb.READ_CALENDAR, Verb.READ_BOOKING)
    return frozenset(
        party for party, role in seats.items() if all(permits(verb, {Relation.OWNER: role}) for verb in reading)
    )


def kind_of(fact: str) -> str:
    """`BookingConfirmed` as it is called on the wire: `booking_confirmed`."""
    return _NEXT_WORD.sub("_", fact).lower()
