"""The port of all channels: a parcel goes out, and a receipt or a reason comes back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import msgspec

from votremachine.notifications.delivering.rules import Channel
from votremachine.notifications.words.said import Said


class Parcel(msgspec.Struct, frozen=True):
    """One message for one person by one channel. `to` is an address, or for push the person's devices, opened;
    `answer` is the code that an SMS may be answered with.
    """

    delivery_id: UUID
    message_id: UUID
    booking_id: UUID | None
    person_id: UUID
    kind: str
    to: Any
    said: Said
    language: str
    answer: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """The provider has it; `gone` are devices that it says will never take anything again."""

    provider_id: str = ""
    gone: tuple[UUID, ...] = ()


class NotTaken(Exception):
    """The provider did not take it. `for_good`: it never will; `away`: nothing else will be taken just now either;
    `after`: how long it wants to be left alone.
    """

    def __init__(
        self,
        why: str,
        *,
        for_good: bool = False,
        away: bool = False,
        gone: tuple[UUID, ...] = (),
        after: timedelta = timedelta(0),
    ) -> None:
        super().__init__(why)
        self.for_good, self.away, self.gone, self.after = for_good, away, gone, after


class Way(Protocol):
    """One channel. `at_once` is how many go out before their outcome is written down: what a worker that dies in
    between repeats, at most. It is 1 wherever somebody would get it twice.
    """

    at_once: int

    async def send(self, parcel: Parcel) -> Receipt:
        """Raises `NotTaken`."""


Ways = Mapping[Channel, Way]
