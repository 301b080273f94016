"""Identifiers: UUID version 7 (RFC 9562, 5.7), so that ids sort by the moment they were made."""

from datetime import UTC, datetime, timedelta
from uuid import UUID


def uuid7(now: datetime, entropy: bytes) -> UUID:
    """A version 7 UUID from an aware instant (kept to the millisecond) and 10 random bytes."""
    milliseconds = int(now.timestamp() * 1000) & (2**48 - 1)
    random = int.from_bytes(entropy[:10])
    version_and_a = 0x7000 | (random >> 62 & 0x0FFF)
    variant_and_b = 1 << 63 | (random & (2**62 - 1))
    return UUID(int=milliseconds << 80 | version_and_a << 64 | variant_and_b)


def made_at(made: UUID) -> datetime | None:
    """The instant in a version 7 UUID, to the millisecond; None in one of another version."""
    if made.version != 7:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=made.int >> 80)
