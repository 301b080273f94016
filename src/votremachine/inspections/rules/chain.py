"""How a report is sealed, and how a chain of them is verified. Pure; docs/inspections.md has it for other programs.

The seal is the SHA-256 of the canonical form of: the hash of the content, every signature, every photo with the hash
of its file, and the seal of the report before it of the same machine. What is changed, taken out, put in or moved
anywhere no longer fits what comes after it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from votremachine.inspections.rules.report import Content

# What the first report of a machine has in place of the seal before it.
NOTHING_BEFORE = bytes(32)
_CONTENT = msgspec.json.Decoder(Content)


class Signed(msgspec.Struct, frozen=True):
    """One signature as it is sealed. `person_id` signed (or, with method `absent`, did not), `taken_by` sent it."""

    side: str
    person_id: UUID
    name: str
    method: str
    drawing: str
    why: str
    content_hash: str
    taken_by: UUID
    signed_at: datetime


class Photographed(msgspec.Struct, frozen=True):
    """One photo as it is sealed."""

    sha256: str
    place: int
    file_id: UUID
    media_type: str
    bytes: int
    sent_by: UUID
    received_at: datetime


class Seal(msgspec.Struct, frozen=True):
    """Everything that a report is, beside its content. `insurance` names what covered the rental, if anything did."""

    inspection_id: UUID
    machine_id: UUID
    sequence: int
    previous: str
    content_hash: str
    sent_by: UUID
    sent_at: datetime
    signed_at: datetime
    insurance: str
    signatures: tuple[Signed, ...]
    photos: tuple[Photographed, ...]
    version: int = 1


class ClockedSeal(Seal, frozen=True):
    """The seal of a report whose phone said what its clock showed when it sent it: so many seconds ahead of ours."""

    clock_ahead: int = 0
    version: int = 2


class Link(msgspec.Struct, frozen=True):
    """A signed report as it is stored: its columns, the rows that belong to it, and the bytes of its content."""

    id: UUID
    booking_id: UUID
    next_booking_id: UUID | None
    machine_id: UUID
    kind: str
    amends: UUID | None
    state: str
    content: bytes
    content_hash: bytes
    sent_by: UUID
    sent_at: datetime
    clock_ahead: int | None
    sequence: int | None
    previous: bytes | None
    hash: bytes | None
    signed_at: datetime | None
    insurance: str | None
    signatures: tuple[Signed, ...]
    photos: tuple[Photographed, ...]


class Part(StrEnum):
    """What does not fit where a chain is broken."""

    SEQUENCE = "sequence"  # a report is missing before it, or is there twice
    CONTENT = "content"
    COLUMNS = "columns"  # what is looked up by is not what the content says
    PHOTOS = "photos"  # the rows of its photos are not those that it announced
    SEAL = "seal"
    PREVIOUS = "previous"
    HEAD = "head"  # the last report is not the one that the chain ends with
    PHOTO_FILE = "photo_file"  # the bytes of a photo are others, or gone


class Broken(NamedTuple):
    """The first link that does not hold, by its place in the chain; no report where it is missing."""

    part: Part
    sequence: int
    inspection_id: UUID | None
    sha256: str = ""


class Head(NamedTuple):
    """Where a chain stands: how many reports, and the seal of the last."""

    length: int
    hash: bytes


EMPTY = Head(0, NOTHING_BEFORE)


def canonical(value: Any) -> bytes:
    """The one form in which a value is hashed: JSON in UTF-8, keys sorted, no space, times in UTC, decimals as text."""
    return msgspec.json.encode(value, order="sorted")


def seal_hash(seal: Seal) -> bytes:
    """What the next report of the machine names as the one before it, and what receipts hold."""
    return sha256(canonical(seal)).digest()


def content_hash(content: bytes) -> bytes:
    """What each side signs."""
    return sha256(content).digest()


class Verifier:
    """Walks along a chain, one link after the other; `broken` is the first that does not hold."""

    def __init__(self) -> None:
        self.broken: Broken | None = None
        self.head = EMPTY

    def walk(self, links: Iterable[Link]) -> None:
        """Go on with these links, in the order of their sequence, unless a broken one was found."""
        for link in links:
            if self.broken:
                return
            if part := self._wrong(link):
                self.broken = Broken(part, self.head.length + 1, link.id)
                return
            assert link.hash is not None  # noqa: S101 -- `_wrong` saw it
            self.head = Head(self.head.length + 1, link.hash)

    def end(self, head: Head) -> Broken | None:
        """The first broken link of the chain that is said to end there."""
        if self.broken is None and self.head != head:
            self.broken = Broken(Part.HEAD, self.head.length + (self.head.length < head.length), None)
        return self.broken

    def _wrong(self, link: Link) -> Part | None:
        if link.sequence != self.head.length + 1:
            return Part.SEQUENCE
        if link.previous != self.head.hash:
            return Part.PREVIOUS
        return wrong_link(link)


def wrong_link(link: Link) -> Part | None:
    """What of a link does not fit itself, whatever stands before it."""
    if content_hash(link.content) != link.content_hash:
        return Part.CONTENT
    try:
        said = _CONTENT.decode(link.content)
    except msgspec.MsgspecError:
        return Part.CONTENT
    if link.state != "signed" or any(getattr(said, name) != getattr(link, name) for name in COLUMNS):
        return Part.COLUMNS
    if [one.sha256 for one in link.photos] != [one.sha256 for one in said.photos]:
        return Part.PHOTOS
    return None if _sealed(link) == link.hash else Part.SEAL


# What stands beside the content so that reports are found by it.
COLUMNS = ("id", "booking_id", "next_booking_id", "machine_id", "kind", "amends")


def _sealed(link: Link) -> bytes | None:
    seal = seal_of(link)
    return None if seal is None else seal_hash(seal)


def seal_of(link: Link) -> Seal | None:
    """What is hashed of a link; None where it has no place in a chain."""
    if link.sequence is None or link.signed_at is None or link.previous is None:
        return None
    values: dict[str, Any] = {
        "inspection_id": link.id,
        "machine_id": link.machine_id,
        "sequence": link.sequence,
        "previous": link.previous.hex(),
        "content_hash": link.content_hash.hex(),
        "sent_by": link.sent_by,
        "sent_at": link.sent_at,
        "signed_at": link.signed_at,
        "insurance": link.insurance or "",
        "signatures": link.signatures,
        "photos": link.photos,
    }
    return Seal(**values) if link.clock_ahead is None else ClockedSeal(**values, clock_ahead=link.clock_ahead)


def sealed(link: Link) -> bytes:
    """The seal of a link that has its place in the chain and the hash before it."""
    made = _sealed(link)
    assert made is not None  # noqa: S101 -- its columns are there
    return made


def in_order(signatures: Sequence[Signed]) -> tuple[Signed, ...]:
    """Signatures in the order in which they are sealed."""
    return tuple(sorted(signatures, key=lambda one: one.side))
