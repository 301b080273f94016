"""A photo from the phone to the screen: what is served is small, right way up, true in colour, and says nothing else."""

import pytest
from PIL import Image, ImageCms

from tests.fleet.photos.conftest import Owner, Worker
from tests.fleet.photos.shots import BLUE, GREEN, GPS, RED, alike, at, field, located, seen, sent
from tests.people import Json, Person


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
