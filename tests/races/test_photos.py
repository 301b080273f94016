"""Many phones send photos of one machine at once, over real connections that really commit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.cast import Cast, plant
from votremachine.fleet import service as fleet
from votremachine.fleet.photos import service
from votremachine.fleet.photos.rules import MOST_PHOTOS, TooManyPhotos
from votremachine.fleet.photos.service import Sent
from votremachine.infra.database import Database, Tx

CLIENTS = 16
THERE = sa.text("SELECT count(*) AS photos, count(DISTINCT position) AS places FROM photos")
EMPTY = sa.text("TRUNCATE photos")


@pytest.fixture
async def many(database: Database) -> AsyncIterator[Database]:
    """The same empty database, with a connection for each client."""
    crowd = Database(database.engine.url.render_as_string(hide_password=False), pool_size=CLIENTS)
    yield crowd
    await crowd.close()


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of the machine taken away."""

    async def no_lock(tx: Tx, machine_id: UUID) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(fleet, "lock", no_lock)


async def test_sixteen_phones_at_once_leave_twelve_photos(many: Database) -> None:
    assert await rounds(many, 8) == [(MOST_PHOTOS, MOST_PHOTOS, MOST_PHOTOS)] * 8


@pytest.mark.usefixtures("unguarded")
async def test_control_without_the_lock_the_race_is_real(many: Database) -> None:
    assert any(photos > MOST_PHOTOS for _, photos, _ in await rounds(many, 8))


async def test_one_photo_sent_many_times_at_once_is_one(many: Database) -> None:
    async with many.begin() as tx:
        cast = await plant(tx, buffers=[(timedelta(0), timedelta(0))])
    answers = await asyncio.gather(*(add(many, cast, digest=b"the same") for _ in range(CLIENTS)))
    assert len({photo_id for photo_id, _ in answers if photo_id}) == 1
    assert [fresh for _, fresh in answers].count(True) == 1


async def rounds(many: Database, count: int) -> list[tuple[int, int, int]]:
    """How many were accepted, how many are there, and how many places they have, in each round."""
    async with many.begin() as tx:
        cast = await plant(tx, buffers=[(timedelta(0), timedelta(0))])
    found = []
    for _ in range(count):
        async with many.begin() as tx:
            await tx.execute(EMPTY)
        answers = await asyncio.gather(*(add(many, cast, digest=bytes([client])) for client in range(CLIENTS)))
        async with many.read() as tx:
            (there,) = await tx.rows(THERE)
        found.append((sum(fresh for _, fresh in answers), there.photos, there.places))
    return found


async def add(many: Database, cast: Cast, digest: bytes) -> tuple[UUID | None, bool]:
    """The id of the photo, and whether it is new; no id when there was no room."""
    async with many.begin() as tx:
        photo_id, _ = await service.announce(tx)
    sent = Sent(photo_id, digest, 40, 30)
    try:
        view, fresh = await many.run(lambda tx: service.add(tx, cast.owner, cast.machines[0], sent, "fr"))
    except TooManyPhotos:
        return None, False
    return view.id, fresh
