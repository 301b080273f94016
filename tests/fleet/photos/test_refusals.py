"""What is no photo is refused with its reason, in both languages, and leaves neither row nor file."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from litestar import Litestar
from PIL import Image
from sqlalchemy.dialects.postgresql import JSONB

from tests.fleet.photos.conftest import Owner, Worker
from tests.people import Person, World
from tests.shots import bomb, different, field, sent
from votremachine.config import Settings
from votremachine.fleet.photos.rules import LARGEST_BYTES, MOST_PHOTOS
from votremachine.infra.database import Database

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
LEFT = sa.text("SELECT (SELECT count(*) FROM photos) AS photos, (SELECT count(*) FROM doomed_files) AS doomed")
TOLD = sa.text("SELECT body FROM outbox WHERE name = 'PhotoAdded'").columns(body=JSONB)
TRAPS = {
    "empty": (b"", "not_an_image", "JPEG, PNG, WebP or HEIC", "JPEG, PNG, WebP ou HEIC"),
    "svg": (SVG, "not_an_image", "JPEG, PNG", "JPEG, PNG"),
    "html": (b"<html><script>alert(1)</script></html>", "not_an_image", "not a JPEG", "pas une image"),
    "gif": (sent(field(), "GIF"), "not_an_image", "not a JPEG", "pas une image"),
    "pdf": (b"%PDF-1.7\n" + sent(field()), "not_an_image", "not a JPEG", "pas une image"),
    "multipart": (b"--x\r\nContent-Type: image/jpeg\r\n\r\n" + sent(field()), "not_an_image", "not a JPEG", "pas une"),
    "60,000 by 60,000": (bomb(60_000, 60_000), "too_many_pixels", "51 million pixels", "51 millions de pixels"),
    "animated webp": (
        sent(field(), "WEBP", save_all=True, append_images=[Image.new("RGB", (640, 480))]),
        "animated_image",
        "moves",
        "animée",
    ),
    "animated png": (
        sent(field(), "PNG", save_all=True, append_images=[Image.new("RGB", (640, 480))]),
        "animated_image",
        "moves",
        "animée",
    ),
    **{
        f"{kind.lower()} cut at {cut}": (
            sent(field(), kind)[: int(len(sent(field(), kind)) * cut)],
            "damaged_image",
            "cut short",
            "incomplète",
        )
        for kind, cut in (("JPEG", 0.5), ("JPEG", 0.99), ("PNG", 0.5), ("HEIF", 0.6), ("HEIF", 0.99), ("WEBP", 0.9))
    },
}


def files_in(folder: Path) -> list[Path]:
    return [file for file in (folder / "files").rglob("*") if file.is_file()]


@pytest.mark.parametrize("trap", TRAPS)
async def test_what_is_no_photo_is_refused(trap: str, camera: Owner, database: Database, settings: Settings) -> None:
    content, code, english, french = TRAPS[trap]
    before = files_in(settings.var_dir)
    for language, words in (("en", english), ("fr", french)):
        answer = await camera.send(content, language=language)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert words in answer.json()["detail"]
    async with database.read() as tx:
        assert (await tx.rows(LEFT))[0] == (0, 0)
    assert files_in(settings.var_dir) == before


async def test_what_is_announced_too_large_is_refused_unread(camera: Owner) -> None:
    headers = {"Authorization": f"Bearer {camera.person.token}", "Content-Length": str(LARGEST_BYTES + 1)}
    answer = await camera.person.http.post(f"/v1{camera.path}", headers=headers, content=endless([]))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_what_turns_out_too_large_is_refused_on_the_way(camera: Owner) -> None:
    """An endless body without a length: no more of it is read than is accepted."""
    pieces: list[int] = []
    answer = await camera.send(endless(pieces))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert sum(pieces) <= LARGEST_BYTES + 2 * pieces[0]


async def endless(pieces: list[int]) -> AsyncIterator[bytes]:
    while True:
        pieces.append(64 * 1024)
        yield bytes(pieces[-1])


async def test_fifteen_megabytes_are_a_photo(camera: Owner) -> None:
    photo = sent(field())
    assert (await camera.send(photo + bytes(LARGEST_BYTES - len(photo)))).status_code == 201
    assert (await camera.send(photo + bytes(LARGEST_BYTES - len(photo) + 1))).status_code == 413


async def test_a_machine_has_twelve_photos(camera: Owner, world: World) -> None:
    for number in range(MOST_PHOTOS):
        await camera.added(different(number))
    for language, words in (("en", "12 photos at most"), ("fr", "au plus 12 photos")):
        full = await camera.send(different(100), language=language)
        assert (full.status_code, full.json()["code"]) == (409, "too_many_photos")
        assert words in full.json()["detail"]
    photos = await camera.photos()
    assert len(photos) == MOST_PHOTOS
    # The answer to the twelfth may have been lost on the way: sent again, it is the photo it was.
    again = await camera.send(different(11))
    assert (again.status_code, again.json()["id"]) == (200, photos[11]["id"])
    other = await world.machine(camera.person)
    assert (await camera.send(different(100), machine=other)).status_code == 201
    assert (await camera.person.ask("DELETE", f"/photos/{photos[0]['id']}")).status_code == 204
    assert (await camera.send(different(100))).status_code == 201


async def test_the_same_photo_sent_twice_is_one(camera: Owner, worker: Worker, database: Database) -> None:
    first = await camera.added(different(1))
    again = await camera.send(different(1))
    assert (again.status_code, again.json()) == (200, first)
    await worker.make_copies()
    later = await camera.send(different(1))
    assert (later.status_code, later.json()["state"]) == (200, "ready")
    assert len(await camera.photos()) == 1
    async with database.read() as tx:
        assert [row.body["photo_id"] for row in await tx.rows(TOLD)] == [first["id"]]
    await worker.sweep()
    async with database.read() as tx:
        assert (await tx.rows(LEFT))[0] == (1, 0)


async def test_who_may_not_is_told_before_anything_is_read(camera: Owner, renter: Person) -> None:
    pieces: list[int] = []
    stranger = Owner(renter, camera.machine)
    answer = await stranger.send(endless(pieces))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert sum(pieces) <= 64 * 1024


async def test_an_order_names_each_photo_once(camera: Owner, renter: Person) -> None:
    ids = [(await camera.added(different(number)))["id"] for number in range(3)]
    turned = [ids[2], ids[0], ids[1]]
    arranged = await camera.person.post(f"{camera.path}/arrange", {"photo_ids": turned})
    assert [photo["id"] for photo in arranged.json()] == turned
    for wrong in (ids[:2], [*ids, ids[0]], [ids[0], ids[0], ids[1]], []):
        answer = await camera.person.post(f"{camera.path}/arrange", {"photo_ids": wrong})
        assert (answer.status_code, answer.json()["code"]) == (409, "photos_differ")
        french = await camera.person.post(f"{camera.path}/arrange", {"photo_ids": wrong}, Accept_Language="fr")
        assert "Relisez la liste" in french.json()["detail"]
    assert (await renter.post(f"{camera.path}/arrange", {"photo_ids": ids})).status_code == 403
    assert [photo["id"] for photo in await camera.photos()] == turned
    # One more goes to the end.
    last = (await camera.added(different(9)))["id"]
    assert [photo["id"] for photo in await camera.photos()] == [*turned, last]


async def test_a_phone_that_loses_its_signal_leaves_nothing(app: Litestar, camera: Owner, database: Database) -> None:
    """Cut off in the middle of the body: told as what it is, to whoever still listens, and not as a fault of ours."""
    said: list[Any] = []
    heard = iter(
        ({"type": "http.request", "body": sent(field())[:900], "more_body": True}, {"type": "http.disconnect"})
    )

    async def receive() -> Any:
        return next(heard)

    async def send(message: Any) -> None:
        said.append(message)

    headers = [(b"authorization", f"Bearer {camera.person.token}".encode()), (b"content-length", b"5000")]
    scope = {"type": "http", "method": "POST", "path": f"/v1{camera.path}", "raw_path": b"", "query_string": b""}
    more = {"headers": headers, "server": ("test", 80), "client": ("test", 1), "scheme": "http", "state": {}}
    await app({**scope, **more, "http_version": "1.1", "root_path": "", "extensions": {}}, receive, send)  # type: ignore[arg-type]
    assert said[0]["status"] == 400
    assert b"body_cut" in said[1]["body"]
    async with database.read() as tx:
        assert (await tx.rows(LEFT))[0] == (0, 0)


def test_the_document_says_what_an_upload_is(app: Litestar) -> None:
    paths = app.openapi_schema.to_schema()["paths"]
    upload = paths["/v1/machines/{machine_id}/photos"]["post"]
    assert set(upload["requestBody"]["content"]) == {"image/jpeg", "image/png", "image/webp", "image/heic"}
    for status, code in (("409", "too_many_photos"), ("413", "body_too_large"), ("422", "animated_image")):
        assert code in upload["responses"][status]["description"].split(", ")
    copy = paths["/v1/photos/{photo_id}/{file}"]["get"]
    assert list(copy["responses"]["200"]["content"]) == ["image/webp"]
    assert {"404", "503"} <= set(copy["responses"])
