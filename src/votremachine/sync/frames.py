"""Server-sent events as text (HTML, 9.2.6). Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from votremachine.sync.rules import Ended, EventId, Reset, kind_of

# How long a client that lost its stream waits before it comes back.
RETRY_MILLISECONDS = 2_000


def change(fact: str, place: EventId, body: Mapping[str, Any], at: datetime) -> bytes:
    """A change: ids only, by which those who may can read the rest."""
    return _frame(kind_of(fact), {**body, "at": at}, place)


def ready(place: EventId, *, resumed: bool) -> bytes:
    """The first word: from here on nothing is passed over. Who did not resume loads everything after it."""
    return b"retry: %d\n" % RETRY_MILLISECONDS + _frame("ready", {"resumed": resumed}, place)


def reset(place: EventId, why: Reset) -> bytes:
    """The first word to who cannot be told what they missed: load everything after it."""
    return b"retry: %d\n" % RETRY_MILLISECONDS + _frame("reset", {"reason": why}, place)


def ended(why: Ended) -> bytes:
    """The last word."""
    return _frame("ended", {"reason": why})


def heartbeat(place: EventId) -> bytes:
    """A sign of life: no event, but the place to go on from moves along, so that a quiet stream never grows too old."""
    return f":\nid: {place}\n\n".encode()


def _frame(kind: str, data: Mapping[str, Any], place: EventId | None = None) -> bytes:
    # JSON in one line: msgspec writes no line breaks, and escapes those in text.
    said = f"id: {place}\n" if place else ""
    return f"{said}event: {kind}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"
