"""What a person prefers, and what follows from it for one message. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.kernel.errors import DomainError
from votremachine.notifications.delivering.rules import URGENT, USUAL, Channel
from votremachine.notifications.hours import end_of_hours, in_hours
from votremachine.notifications.rules import KINDS

HOME = "Europe/Paris"


class UnknownKind(DomainError):
    code = "unknown_kind"
    en = "There is no such kind of message: {kind}."
    fr = "Ce type de message n'existe pas : {kind}."


class UnknownZone(DomainError):
    code = "unknown_zone"
    en = "There is no such time zone."
    fr = "Ce fuseau horaire n'existe pas."


class HalfQuiet(DomainError):
    code = "half_quiet"
    en = "Quiet hours have a beginning and an end, which differ."
    fr = "Des heures calmes ont un début et une fin, qui diffèrent."


class Choice(msgspec.Struct, frozen=True):
    """The channels of one kind of message, the first one first; `everywhere` by all of them at once."""

    channels: tuple[Channel, ...] = ()
    everywhere: bool = False


class Preferences(msgspec.Struct, frozen=True):
    """How a person wants to be told. Quiet hours are theirs, whatever the machine's clocks show."""

    zone: ZoneInfo = ZoneInfo(HOME)
    quiet_from: time | None = time(22)
    quiet_until: time | None = time(7)
    digest_at: time | None = None
    kinds: Mapping[str, Choice] = {}
    version: int = 0


class Reach(msgspec.Struct, frozen=True):
    """How a person can be reached."""

    person_id: UUID
    language: str
    email: str | None
    phone: str | None
    has_push: bool

    @property
    def channels(self) -> frozenset[Channel]:
        has = {Channel.PUSH: self.has_push, Channel.EMAIL: self.email, Channel.SMS: self.phone}
        return frozenset(channel for channel, there in has.items() if there)


def channels(kind: str, preferred: Preferences, there: Collection[Channel]) -> Sequence[Channel]:
    """The channels that a person has and wants for a kind, in their order."""
    choice = preferred.kinds.get(kind)
    wanted = choice.channels if choice else (URGENT if KINDS[kind].urgent else USUAL)
    return [channel for channel in wanted if channel in there]


def at_once(kind: str, preferred: Preferences, there: Collection[Channel]) -> Sequence[Channel]:
    """The channels by which a message goes without waiting for what becomes of it on another."""
    usable = channels(kind, preferred, there)
    choice = preferred.kinds.get(kind)
    return usable if choice and choice.everywhere else usable[:1]


def in_digest(kind: str, preferred: Preferences) -> bool:
    """Whether this waits for the person's daily message."""
    return preferred.digest_at is not None and not KINDS[kind].urgent and kind != "digest"


def send_at(kind: str, preferred: Preferences, now: datetime) -> datetime:
    """When a message may go to a person: now, or when their quiet hours end. What is urgent does not wait."""
    begins, ends = preferred.quiet_from, preferred.quiet_until
    if KINDS[kind].urgent or begins is None or ends is None or not in_hours(now, preferred.zone, begins, ends):
        return now
    return end_of_hours(now, preferred.zone, ends)


def next_digest(preferred: Preferences, now: datetime) -> datetime:
    """The next time that the person's clocks show the hour of their digest; now, if they want none."""
    return now if preferred.digest_at is None else end_of_hours(now, preferred.zone, preferred.digest_at)
