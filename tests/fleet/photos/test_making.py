"""The making of copies: by one worker after another, whoever dies, and with nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.fleet.photos.conftest import Owner, Worker
from tests.shots import different, field, sent
from votremachine.config import Settings
from votremachine.fleet.photos import making, rules
from votremachine.infra.database import Database
from votremachine.infra.storage import ledger

PATIENCE_SECONDS = 30
ALL_ARE_DUE = sa.text("UPDATE photos SET due_at = now() - interval '1 second'")
EVERYTHING_IS_DUE = sa.text("UPDATE doomed_files SET due_at = now() - interval '1 second', taken = false")
SHOWN = sa.text("SELECT state, attempts, due_at > now() AS later FROM photos")
FORGET = sa.text("DELETE FROM doomed_files")


async def do(database: Database, statement: sa.TextClause) -> None:
    async with database.begin() as tx:
        await tx.execute(statement)


def files_of(settings: Settings, photo: str) -> list[str]:
    folder = settings.var_dir / "files" / "photos" / photo
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


async def test_what_was_sent_is_deleted_once_its_copies_are_there(
    camera: Owner, worker: Worker, settings: Settings
) -> None:
    photo = (await camera.added(sent(field())))["id"]
    assert files_of(settings, photo) == ["original"]
    assert await worker.make_copies() == 1
    assert await worker.sweep() == 1
    assert files_of(settings, photo) == ["320.webp", "800.webp"]
    assert (await worker.make_copies(), await worker.sweep()) == (0, 0)


async def test_what_a_photo_needs_is_never_swept(
    camera: Owner, worker: Worker, database: Database, settings: Settings
) -> None:
    photo = (await camera.added(sent(field())))["id"]
    await do(database, EVERYTHING_IS_DUE)
    assert await worker.sweep() == 0
    await worker.make_copies()
    await do(database, EVERYTHING_IS_DUE)
    await worker.sweep()
    assert files_of(settings, photo) == ["320.webp", "800.webp"]


async def test_photos_are_made_in_the_order_in_which_they_came(camera: Owner, worker: Worker) -> None:
    for number in range(4):
        await camera.added(different(number))
    assert await worker.make_copies() == 4
    assert [photo["state"] for photo in await camera.photos()] == ["ready"] * 4


async def test_two_workers_never_make_the_same_photo(camera: Owner, worker: Worker, database: Database) -> None:
    for number in range(6):
        await camera.added(different(number))
    other = Worker(database, worker.files, worker.ctx["images"])
    assert sum(await asyncio.gather(worker.make_copies(), other.make_copies())) == 6
    assert [photo["state"] for photo in await camera.photos()] == ["ready"] * 6


async def test_a_photo_that_is_being_taken_is_passed_over(camera: Owner, database: Database) -> None:
    ids = [(await camera.added(different(number)))["id"] for number in range(2)]
    async with database.begin() as one, database.begin() as other, asyncio.timeout(2):
        taken = [await making.take(tx) for tx in (one, other)]
    assert [str(photo.id) for photo in taken if photo] == ids


async def test_while_a_worker_makes_copies_its_next_run_has_nothing_to_do(camera: Owner, worker: Worker) -> None:
    await camera.added(different(1))
    async with worker.ctx["making_copies"], asyncio.timeout(5):
        assert await worker.make_copies() == 0
    assert await worker.make_copies() == 1


async def test_storage_that_is_away_costs_a_wait_and_no_attempt(
    camera: Owner, worker: Worker, database: Database, settings: Settings
) -> None:
    photo = (await camera.added(different(1)))["id"]
    place, elsewhere = settings.var_dir / "files", settings.var_dir / "elsewhere"
    for _ in range(rules.MOST_ATTEMPTS + 2):
        place.rename(elsewhere)
        place.write_text("no folder")
        try:
            assert await worker.make_copies() == 1
            assert (await camera.send(different(2))).json()["code"] == "storage_away"
            assert "Réessayez" in (await camera.send(different(2), language="fr")).json()["detail"]
        finally:
            place.unlink()
            elsewhere.rename(place)
        async with database.read() as tx:
            assert (await tx.rows(SHOWN))[0] == ("pending", 0, True)
        await do(database, ALL_ARE_DUE)
    await worker.make_copies()
    assert [(one["id"], one["state"]) for one in await camera.photos()] == [(photo, "ready")]
    shown = (await camera.photos())[0]["copies"][0]["url"].removeprefix("/v1")
    place.rename(elsewhere)
    try:
        place.write_text("no folder")
        answer = await camera.person.get(shown)
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_away")
        place.unlink()
    finally:
        elsewhere.rename(place)
    # What was announced by the uploads that failed is swept when its hour is over.
    await do(database, EVERYTHING_IS_DUE)
    await worker.sweep()
    assert files_of(settings, photo) == ["320.webp"]


async def test_a_photo_that_cannot_be_made_says_why_and_may_be_sent_again(
    camera: Owner, worker: Worker, settings: Settings
) -> None:
    photo = (await camera.added(different(1)))["id"]
    (settings.var_dir / "files" / rules.original_file(photo)).write_bytes(different(1)[:60])
    await worker.make_copies()
    (shown,) = await camera.photos()
    assert (shown["state"], shown["copies"], shown["problem"]["code"]) == ("failed", [], "damaged_image")
    assert "cut short" in (await camera.person.get(camera.path, Accept_Language="en")).json()[0]["problem"]["detail"]
    french = await camera.person.get(camera.path, Accept_Language="fr")
    assert "incomplète" in french.json()[0]["problem"]["detail"]
    assert await worker.sweep() == 1
    again = await camera.send(different(1))
    assert again.status_code == 201
    assert again.json()["id"] != photo
    await worker.make_copies()
    assert [(one["id"], one["state"]) for one in await camera.photos()] == [(again.json()["id"], "ready")]


async def test_an_original_that_was_lost_is_said_to_be(camera: Owner, worker: Worker) -> None:
    photo = (await camera.added(different(1)))["id"]
    await worker.files.delete([rules.original_file(photo)])
    await worker.make_copies()
    assert (await camera.photos())[0]["problem"]["code"] == "no_such_file"


async def test_a_photo_that_ends_its_worker_is_not_tried_for_ever(
    camera: Owner, worker: Worker, database: Database
) -> None:
    await camera.added(different(1))
    for _ in range(rules.MOST_ATTEMPTS):
        # A worker takes it, and is never heard of again.
        assert await database.run(making.take) is not None
        assert await database.run(making.take) is None
        await do(database, ALL_ARE_DUE)
    await worker.make_copies()
    assert [photo["state"] for photo in await camera.photos()] == ["failed"]


async def test_a_worker_that_comes_too_late_changes_nothing(
    camera: Owner, worker: Worker, database: Database, settings: Settings
) -> None:
    photo = (await camera.added(different(1)))["id"]
    slow = await database.run(making.take)
    assert slow is not None
    await do(database, ALL_ARE_DUE)
    await worker.make_copies()
    before = await camera.photos()
    late = rules.copy_file(slow.id, slow.making, 320)
    await worker.files.put(late, b"late")
    async with database.begin() as tx:
        await making.finish(tx, slow, [(1, 1)])
    async with database.begin() as tx:
        await making.fail(tx, slow, "damaged_image")
    async with database.begin() as tx:
        await making.give_back(tx, slow)
    assert await camera.photos() == before
    await do(database, EVERYTHING_IS_DUE)
    await worker.sweep()
    assert files_of(settings, photo) == ["320.webp"]
    assert (await camera.person.get(before[0]["copies"][0]["url"].removeprefix("/v1"))).status_code == 200


async def test_of_two_who_took_it_only_the_last_is_heard(camera: Owner, worker: Worker, database: Database) -> None:
    await camera.added(different(1))
    slow = await database.run(making.take)
    await do(database, ALL_ARE_DUE)
    quick = await database.run(making.take)
    assert slow is not None
    assert quick is not None
    async with database.begin() as tx:
        await making.finish(tx, slow, [(40, 30)])
    assert (await camera.photos())[0]["state"] == "pending"
    await worker.files.put(rules.copy_file(quick.id, quick.making, 320), b"quick")
    async with database.begin() as tx:
        await making.finish(tx, quick, [(40, 30)])
    (shown,) = await camera.photos()
    assert (await camera.person.get(shown["copies"][0]["url"].removeprefix("/v1"))).content == b"quick"


async def test_a_photo_deleted_while_it_is_made_leaves_no_file(
    camera: Owner, worker: Worker, database: Database, settings: Settings
) -> None:
    photo = (await camera.added(different(1)))["id"]
    taken = await database.run(making.take)
    assert taken is not None
    assert (await camera.person.ask("DELETE", f"/photos/{photo}")).status_code == 204
    await do(database, EVERYTHING_IS_DUE)
    await worker.sweep()
    await worker.files.put(rules.copy_file(taken.id, taken.making, 320), b"late")
    async with database.begin() as tx:
        await making.finish(tx, taken, [(40, 30)])
    assert await worker.sweep() == 1
    assert files_of(settings, photo) == []


async def test_copies_that_took_too_long_are_made_again(camera: Owner, worker: Worker, database: Database) -> None:
    await camera.added(different(1))
    taken = await database.run(making.take)
    assert taken is not None
    await do(database, FORGET)
    with pytest.raises(ledger.TookTooLong):
        async with database.begin() as tx:
            await making.finish(tx, taken, [(40, 30)])
    await do(database, ALL_ARE_DUE)
    await worker.make_copies()
    assert [photo["state"] for photo in await camera.photos()] == ["ready"]


async def test_a_killed_worker_leaves_its_photo_to_the_next(
    camera: Owner, database: Database, settings: Settings, worker: Worker
) -> None:
    """A real worker, SIGKILLed in the middle of a large photo; another one makes it."""
    photo = (await camera.added(sent(field(7000, 7000), quality=90)))["id"]
    with working(settings) as process:
        await until_taken(database)
        process.send_signal(signal.SIGKILL)
    async with database.read() as tx:
        assert (await tx.rows(SHOWN))[0] == ("pending", 1, True)
    await do(database, ALL_ARE_DUE)
    with working(settings):
        for _ in range(PATIENCE_SECONDS * 10):
            shown = await camera.photos()
            if shown[0]["state"] == "ready":
                break
            await asyncio.sleep(0.1)
    assert [(one["id"], one["state"]) for one in shown] == [(photo, "ready")]
    await do(database, EVERYTHING_IS_DUE)
    await worker.sweep()
    assert files_of(settings, photo) == ["1600.webp", "320.webp", "800.webp"]


@contextmanager
def working(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """A real worker process, over the same servers and folder."""
    variables = {
        "VOTREMACHINE_VAR_DIR": str(settings.var_dir),
        "VOTREMACHINE_DATABASE_URL": settings.database_url,
        "VOTREMACHINE_REDIS_URL": settings.redis_url,
        "VOTREMACHINE_SECRET": settings.secret,
        "VOTREMACHINE_LOG_LEVEL": "critical",
    }
    process = subprocess.Popen([sys.executable, "-m", "votremachine", "work"], env={**os.environ, **variables})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until_taken(database: Database) -> None:
    for _ in range(PATIENCE_SECONDS * 50):
        async with database.read() as tx:
            if (await tx.rows(SHOWN))[0].attempts:
                return
        await asyncio.sleep(0.02)
    pytest.fail("no worker took the photo")
