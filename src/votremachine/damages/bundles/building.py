"""Building a bundle on disk: one stored file after the other, none of them whole in memory, no transaction open."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, NamedTuple

from votremachine.damages.bundles import manifests, rules, summary
from votremachine.damages.bundles.dossier import Dossier
from votremachine.damages.bundles.rules import Entry, Source, Status
from votremachine.infra.archives import Archive
from votremachine.infra.images.copies import Copies, NoCopy
from votremachine.infra.images.sizes import WIDTHS
from votremachine.infra.storage.files import Files, NoSuchFile
from votremachine.infra.typesetting.press import Press

SMALL, *_, LARGE = WIDTHS


class Bundle(NamedTuple):
    """A zip on disk, gone when it is closed, its size in bytes, and what is in it."""

    file: BinaryIO
    size: int
    entries: list[Entry]


class Bundles:
    """Builds bundles, `at_once` of them at a time in this process; the others wait."""

    def __init__(self, files: Files, copies: Copies, press: Press, at_once: int) -> None:
        self._files, self._copies, self._press = files, copies, press
        self._room = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def built(self, dossier: Dossier) -> AsyncIterator[Bundle]:
        """A dossier as a zip; whoever sends it closes its file. Raises `StorageAway`, `ImagesBusy`, `PressBusy`."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 -- it outlives us where all went well
        try:
            async with self._room:
                entries = await self._build(dossier, file)
            size = file.seek(0, 2)
            file.seek(0)
            yield Bundle(file, size, entries)
        except BaseException:
            file.close()
            raise

    async def _build(self, dossier: Dossier, file: BinaryIO) -> list[Entry]:
        archive = Archive(file, dossier.as_of)
        entries = [await self._stored(archive, dossier, source) for source in dossier.sources()]
        for path, content, expected in manifests.reports(dossier):
            entries.append(await _written(archive, path, content, expected))
        pictures = await self._pictures(dossier, entries)
        pdf = await self._press.typeset(
            summary.template(), summary.data(dossier, entries, pictures), made_at=dossier.as_of, pictures=pictures
        )
        entries.append(await _written(archive, rules.SUMMARY, pdf))
        for path, text in manifests.read_mes(dossier).items():
            entries.append(await _written(archive, path, text.encode()))
        entries.append(await _written(archive, rules.MANIFEST, manifests.manifest(dossier, entries)))
        await archive.add(rules.SUMS, rules.sums(entries).encode())
        await archive.close()
        return entries

    async def _stored(self, archive: Archive, dossier: Dossier, source: Source) -> Entry:
        """A stored file, as it is now: what is missing or altered is told, and stops nothing."""
        if source.is_image and not dossier.originals:
            return await self._copied(archive, source)
        try:
            _, chunks = await self._files.get(source.stored)
        except NoSuchFile:
            return Entry(source.path, Status.MISSING, 0, "", source.sha256)
        added = await archive.add_stream(source.path, chunks)
        status = Status.INTACT if added.sha256 == source.sha256 else Status.ALTERED
        return Entry(source.path, status, added.bytes, added.sha256, source.sha256)

    async def _copied(self, archive: Archive, source: Source) -> Entry:
        """An image for who is not to have what the camera wrote into it."""
        path = rules.copy_path(source.path)
        try:
            _, chunks = await self._copies.get(source.stored, LARGE)
        except (NoSuchFile, NoCopy):
            return Entry(path, Status.MISSING, 0, "", source.sha256)
        added = await archive.add_stream(path, chunks)
        return Entry(path, Status.COPY, added.bytes, added.sha256, source.sha256)

    async def _pictures(self, dossier: Dossier, entries: list[Entry]) -> dict[str, bytes]:
        """Small copies for the summary, by the names under which it finds them; none of what is not as it was."""
        good = {one.path for one in entries if one.status in {Status.INTACT, Status.COPY}}
        found: dict[str, bytes] = {}
        for source in dossier.sources():
            there = source.path in good or rules.copy_path(source.path) in good
            if not source.is_image or not there or len(found) == rules.MOST_PICTURES:
                continue
            try:
                _, chunks = await self._copies.get(source.stored, SMALL)
            except (NoSuchFile, NoCopy):
                continue
            found[rules.picture_name(source)] = b"".join([chunk async for chunk in chunks])
        return found


async def _written(archive: Archive, path: str, content: bytes, expected: str | None = None) -> Entry:
    added = await archive.add(path, content)
    right = expected is None or added.sha256 == expected
    return Entry(path, Status.INTACT if right else Status.ALTERED, added.bytes, added.sha256, expected)
