"""Zip files that are the same whenever they are made of the same, written on a file piece by piece."""

import asyncio
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import BinaryIO, NamedTuple

_UNIX = 3
# A plain file that its owner writes and all read.
_ATTRIBUTES = 0o100644 << 16


class Added(NamedTuple):
    """How many bytes went in, and their SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Archive:
    """A zip on `file`, every entry of which says `at`, in UTC, whatever the clock says."""

    def __init__(self, file: BinaryIO, at: datetime) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self._at = at.astimezone(UTC).timetuple()[:6]

    async def add(self, path: str, content: bytes) -> Added:
        """An entry that is text, and is packed."""
        await asyncio.to_thread(self._zip.writestr, self._info(path, zipfile.ZIP_DEFLATED), content, compresslevel=6)
        return Added(len(content), sha256(content).hexdigest())

    async def add_stream(self, path: str, chunks: AsyncIterator[bytes]) -> Added:
        """An entry as it comes, which is packed already: no more than one chunk of it is held."""
        digest, size = sha256(), 0
        with self._zip.open(self._info(path, zipfile.ZIP_STORED), "w") as entry:
            async for chunk in chunks:
                await asyncio.to_thread(entry.write, chunk)
                digest.update(chunk)
                size += len(chunk)
        return Added(size, digest.hexdigest())

    async def close(self) -> None:
        """Write what makes it a zip: without this it is none."""
        await asyncio.to_thread(self._zip.close)

    def _info(self, path: str, packing: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(path, self._at)
        info.compress_type, info.create_system, info.external_attr = packing, _UNIX, _ATTRIBUTES
        return info
