"""Verifying the chain of a machine: every hash is made anew from what is stored, and, if asked, from the files."""

from collections.abc import AsyncIterator, Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Verb
from votremachine.fleet import service as fleet
from votremachine.infra.database import Database, Tx
from votremachine.infra.storage.files import Files, NoSuchFile
from votremachine.inspections.models import inspection_chains, inspections
from votremachine.inspections.rules.chain import EMPTY, Broken, Head, Link, Part, Photographed, Verifier
from votremachine.inspections.rules.photos import file_name
from votremachine.inspections.schemas import BrokenView, VerificationView
from votremachine.inspections.service import rows

# Reports are read so many at a time, whatever the length of a chain.
BATCH = 250
# A person waits: so many files are read again in one request, and the answer says from where to go on.
MOST_FILES = 100

_PAGE = (
    sa.select(inspections)
    .where(
        inspections.c.machine_id == sa.bindparam("machine"),
        sa.tuple_(inspections.c.sequence, inspections.c.id) > sa.tuple_(sa.bindparam("after"), sa.bindparam("id")),
    )
    .order_by(inspections.c.sequence, inspections.c.id)
    .limit(BATCH)
)
_HEAD = sa.select(inspection_chains).where(inspection_chains.c.machine_id == sa.bindparam("machine"))
_MACHINES = sa.union(
    sa.select(inspections.c.machine_id).where(inspections.c.sequence.is_not(None)),
    sa.select(inspection_chains.c.machine_id),
).order_by(sa.text("1"))


class Verified(NamedTuple):
    """Where a chain stands and its first broken link, if it has one."""

    head: Head
    broken: Broken | None


async def may_verify(tx: Tx, who: Actor, machine_id: UUID) -> None:
    """Whether a person may: the owner's people and staff. Raises `UnknownMachine`, `NotAllowed`."""
    await fleet.owned(tx, who, Verb.VERIFY_INSPECTIONS, machine_id)


async def verify(tx: Tx, machine_id: UUID) -> Verified:
    """Walk along the chain of a machine. It must not grow meanwhile: a repeatable read, or one statement a batch."""
    row = await tx.row(_HEAD, {"machine": machine_id})
    verifier = Verifier()
    async for links in _batches(tx, machine_id):
        verifier.walk(links)
    head = Head(row.length, row.hash) if row else EMPTY
    return Verified(head, verifier.end(head))


async def machines_with_chains(tx: Tx) -> list[UUID]:
    """Every machine that has a report or a chain."""
    return [row.machine_id for row in await tx.rows(_MACHINES)]


async def check(
    database: Database, files: Files, machine_id: UUID, *, photos: bool, after: int = 0, most: int = MOST_FILES
) -> VerificationView:
    """Whether the chain of a machine holds, and, with `photos`, whether the files of its reports past `after` do.

    Files are read outside of any transaction. Raises `StorageAway`.
    """
    async with database.begin() as tx:
        await tx.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        verified = await verify(tx, machine_id)
        wanted = await _photos_after(tx, machine_id, after, most) if photos else []
    broken, read = await _read_files(files, wanted)
    through = wanted[-1][0] if wanted else verified.head.length
    more = photos and broken is None and through < verified.head.length
    found = _first(verified.broken, broken)
    return VerificationView(
        machine_id=machine_id,
        reports=verified.head.length,
        hash=verified.head.hash.hex(),
        holds=found is None,
        broken=BrokenView(*found) if found else None,
        photos_read=read,
        photos_through=through if photos else None,
        photos_after=through if more else None,
    )


def _first(one: Broken | None, other: Broken | None) -> Broken | None:
    found = [broken for broken in (one, other) if broken is not None]
    return min(found, key=lambda broken: broken.sequence, default=None)


async def _batches(tx: Tx, machine_id: UUID, after: int = 0) -> AsyncIterator[list[Link]]:
    values: dict[str, Any] = {"machine": machine_id, "after": after, "id": UUID(int=2**128 - 1)}
    while found := await tx.rows(_PAGE, values):
        yield await rows.links(tx, found)
        values |= {"after": found[-1].sequence, "id": found[-1].id}
        if len(found) < BATCH:
            return


async def _photos_after(
    tx: Tx, machine_id: UUID, after: int, most: int
) -> list[tuple[int, UUID, Sequence[Photographed]]]:
    """The photos of whole reports past a place in the chain, until they are `most` or more."""
    found: list[tuple[int, UUID, Sequence[Photographed]]] = []
    count = 0
    async for links in _batches(tx, machine_id, after):
        for link in links:
            found.append((link.sequence or 0, link.id, link.photos))
            count += len(link.photos)
            if count >= most:
                return found
    return found


async def _read_files(
    files: Files, wanted: Iterable[tuple[int, UUID, Sequence[Photographed]]]
) -> tuple[Broken | None, int]:
    read = 0
    for sequence, inspection_id, photos in wanted:
        for photo in photos:
            read += 1
            if await _digest(files, photo) != photo.sha256:
                return Broken(Part.PHOTO_FILE, sequence, inspection_id, photo.sha256), read
    return None, read


async def _digest(files: Files, photo: Photographed) -> str:
    digest = sha256()
    try:
        _, chunks = await files.get(file_name(photo.file_id))
        async for chunk in chunks:
            digest.update(chunk)
    except NoSuchFile:
        return ""
    return digest.hexdigest()
