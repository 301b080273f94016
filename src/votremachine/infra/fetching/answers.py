"""What a server answers: what its status means, and its body, never more of it than there may be."""

import zlib
from collections.abc import AsyncIterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from votremachine.infra.fetching.failures import (
    CutShort,
    GoneForGood,
    NothingThere,
    ServerTrouble,
    SignInWanted,
    TooLarge,
    UnreadableAnswer,
)

LONGEST_RETRY = timedelta(days=1)


def check(status: int, headers: dict[str, str]) -> None:
    """Raises what any status but 200 means."""
    if status == 200:
        return
    if status in (401, 403):
        raise SignInWanted
    if status == 404:
        raise NothingThere
    if status == 410:
        raise GoneForGood
    failure = ServerTrouble(status=status)
    failure.retry_after = retry_after(headers.get("retry-after", ""), datetime.now(UTC))
    raise failure


def retry_after(said: str, now: datetime) -> timedelta | None:
    """How long a server asks us to wait, in seconds or until a date (RFC 9110, 10.2.3); at most a day."""
    said = said.strip()
    if said.isascii() and said.isdigit():
        return min(timedelta(seconds=int(said[:9])), LONGEST_RETRY)
    try:
        until = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), LONGEST_RETRY)


async def read(parts: AsyncIterable[bytes], headers: dict[str, str], most: int) -> bytes:
    """The body, unpacked; never more than `most` bytes of it in memory, packed or not."""
    too_large = TooLarge(megabytes=most // 1_000_000)
    length = headers.get("content-length", "")
    if length.isdigit() and int(length[:18]) > most:
        raise too_large
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UnreadableAnswer
    unpack = zlib.decompressobj(47) if encoding in ("gzip", "x-gzip", "deflate") else None
    body, came = bytearray(), 0
    async for part in parts:
        came += len(part)
        try:
            # One byte more than may be: it says that there would be more.
            body += part if unpack is None else unpack.decompress(part, most + 1 - len(body))
        except zlib.error as error:
            raise UnreadableAnswer from error
        if len(body) > most or came > most or (unpack is not None and unpack.unconsumed_tail):
            raise too_large
    if unpack is not None and not unpack.eof:
        raise CutShort
    return bytes(body)


def short(validator: str | None) -> str | None:
    """A validator worth keeping."""
    return validator if validator and len(validator) <= 500 and validator.isprintable() else None
