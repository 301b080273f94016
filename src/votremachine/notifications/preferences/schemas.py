"""What travels over the wire about preferences."""

from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from votremachine.infra.wire import Input
from votremachine.kernel.zones import known_zones
from votremachine.notifications.delivering.rules import Channel
from votremachine.notifications.preferences.rules import Choice, HalfQuiet, Preferences, UnknownKind, UnknownZone
from votremachine.notifications.rules import KINDS

Hour = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z", description="HH:MM")]
Zone = Annotated[str, msgspec.Meta(max_length=64, description="A zone of the IANA database.")]
KindName = Annotated[str, msgspec.Meta(max_length=64)]


class ChoiceInput(Input, kw_only=True):
    """The channels of one kind, the first one first; none at all leaves it to the inbox."""

    channels: Annotated[list[Channel], msgspec.Meta(max_length=3)]
    everywhere: bool = False


class SetPreferences(Input, kw_only=True):
    """All of it: what is left out is as for everybody. Quiet hours may span midnight."""

    language: Literal["fr", "en"] | None = None
    zone: Zone = "Europe/Paris"
    quiet_from: Hour | None = "22:00"
    quiet_until: Hour | None = "07:00"
    digest_at: Hour | None = None
    kinds: Annotated[dict[KindName, ChoiceInput], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=dict)

    def preferences(self) -> Preferences:
        """As values. Raises `UnknownZone`, `UnknownKind`, `HalfQuiet`."""
        if self.zone not in known_zones():
            raise UnknownZone(pointer="/zone")
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise HalfQuiet(pointer="/quiet_from")
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise HalfQuiet(pointer="/quiet_until")
        if unknown := sorted(self.kinds.keys() - KINDS.keys()):
            raise UnknownKind(pointer="/kinds", kind=unknown[0])
        return Preferences(
            zone=ZoneInfo(self.zone),
            quiet_from=_time(self.quiet_from),
            quiet_until=_time(self.quiet_until),
            digest_at=_time(self.digest_at),
            kinds={
                kind: Choice(tuple(dict.fromkeys(one.channels)), one.everywhere) for kind, one in self.kinds.items()
            },
        )


class KindView(msgspec.Struct, frozen=True):
    """A kind of message and by which channels it goes to this person, in their order."""

    kind: str
    urgent: bool
    channels: list[Channel]
    everywhere: bool
    chosen: bool


class PreferencesView(msgspec.Struct, frozen=True):
    """How a person is told. What is urgent passes quiet hours and the digest."""

    language: str
    zone: str
    quiet_from: str | None
    quiet_until: str | None
    digest_at: str | None
    kinds: list[KindView]
    version: int


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)
