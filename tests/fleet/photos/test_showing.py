"""A photo from the phone to the screen: small, right way up, true in colour, and it says nothing else."""

from io import BytesIO

import pytest
from PIL import Image

from tests.fleet.photos.conftest import Owner, Worker
from tests.people import Json, Person
from tests.shots import BLUE, GPS, GREEN, RED, alike, at, field, located, seen, sent


async def ready(camera: Owner, worker: Worker, content: bytes) -> Json:
    """The photo as the list shows it once its copies are made."""
    photo = await camera.added(content)
    assert photo["state"] == "pending"
    assert await worker.make_copies() == 1
    (shown,) = (one for one in await camera.photos() if one["id"] == photo["id"])
    assert shown["state"] == "ready", shown
    return shown


async def served(camera: Owner, photo: Json, which: int = -1) -> bytes:
    answer = await camera.person.get(photo["copies"][which]["url"].removeprefix("/v1"))
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_a_photo_is_shown_in_three_widths(kind: str, camera: Owner, worker: Worker) -> None:
    shown = await ready(camera, worker, sent(field(2000, 1500), kind))
    assert (shown["width"], shown["height"]) == (2000, 1500)
    assert [(one["width"], one["height"]) for one in shown["copies"]] == [(320, 240), (800, 600), (1600, 1200)]
    for which, copy in enumerate(shown["copies"]):
        image = seen(await served(camera, shown, which))
        assert image.size == (copy["width"], copy["height"])
        assert alike(at(image, 0.25, 0.25), RED)
        assert alike(at(image, 0.75, 0.25), GREEN)
        assert alike(at(image, 0.5, 0.9), BLUE)


async def test_nothing_is_shown_larger_than_it_was_sent(camera: Owner, worker: Worker) -> None:
    for width, height, copies in (
        (500, 400, [(320, 256), (500, 400)]),
        (200, 100, [(200, 100)]),
        (1, 1, [(1, 1)]),
        # A strip: at most four times as high as wide may be, because WebP ends at 16,383 pixels.
        (400, 20_000, [(26, 1280), (64, 3200)]),
    ):
        shown = await ready(camera, worker, sent(field(width, height), "PNG"))
        assert [(one["width"], one["height"]) for one in shown["copies"]] == copies
        assert seen(await served(camera, shown)).size == copies[-1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
async def test_where_a_photo_was_taken_stays_with_who_took_it(kind: str, camera: Owner, worker: Worker) -> None:
    image = field()
    content = sent(image, kind, exif=located(image), xmp=b"<x:xmpmeta>43.8911</x:xmpmeta>")
    assert b"Votrephone" in content
    shown = await ready(camera, worker, content)
    for which in range(len(shown["copies"])):
        webp = await served(camera, shown, which)
        copy = seen(webp)
        assert not copy.getexif()
        assert GPS not in copy.getexif()
        assert not {"exif", "xmp", "icc_profile"} & set(copy.info)
        assert not any(word in webp for word in (b"Votrephone", b"EXIF", b"XMP ", b"ICCP", b"43.8911"))


async def test_a_photo_is_shown_as_it_was_held_and_in_its_colours(camera: Owner, worker: Worker) -> None:
    """The whole way; each orientation and mode of colour is in tests/infra/test_images.py."""
    upright = field()
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    for content in (sent(lying, exif=located(lying, 6)), sent(upright.convert("CMYK"), quality=95)):
        shown = await ready(camera, worker, content)
        assert (shown["width"], shown["height"]) == upright.size
        copy = seen(await served(camera, shown))
        assert copy.size == upright.size
        assert alike(at(copy, 0.25, 0.25), RED)
        assert alike(at(copy, 0.75, 0.25), GREEN)
        assert alike(at(copy, 0.5, 0.9), BLUE)


async def test_a_photo_with_others_behind_it_shows_the_first(camera: Owner, worker: Worker) -> None:
    """MPO: a JPEG followed by a depth map or a gain map, as many phones make them."""
    several = sent(field(), "MPO", save_all=True, append_images=[Image.new("RGB", (640, 480))])
    assert Image.open(BytesIO(several)).format == "MPO"
    shown = await ready(camera, worker, several)
    assert alike(at(seen(await served(camera, shown)), 0.25, 0.25), RED)


async def test_html_inside_a_photo_is_not_served(camera: Owner, worker: Worker) -> None:
    script = b"<html><script>alert(document.domain)</script></html>"
    for content in (
        sent(field(), comment=script),
        sent(field()) + script,
        sent(field(), exif=b"Exif\0\0" + script),
    ):
        shown = await ready(camera, worker, content)
        answer = await camera.person.get(shown["copies"][0]["url"].removeprefix("/v1"))
        assert b"script" not in answer.content
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("inline; ")
        await camera.person.ask("DELETE", f"/photos/{shown['id']}")


async def test_a_copy_is_kept_for_ever_by_who_may_see_it(camera: Owner, worker: Worker, renter: Person) -> None:
    shown = await ready(camera, worker, sent(field()))
    url = shown["copies"][0]["url"].removeprefix("/v1")
    first = await renter.get(url, Accept_Encoding="br, gzip")
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert int(first.headers["Content-Length"]) == len(first.content)
    assert "Content-Encoding" not in first.headers
    assert "Vary" not in first.headers
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    again = await renter.get(url, If_None_Match=tag)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert (await renter.get(url, If_None_Match='"other"')).status_code == 200
    assert (await renter.get(shown["copies"][1]["url"].removeprefix("/v1"))).headers["ETag"] != tag
    listed = await renter.get(camera.path)
    assert (await renter.get(camera.path, If_None_Match=listed.headers["ETag"])).status_code == 304
