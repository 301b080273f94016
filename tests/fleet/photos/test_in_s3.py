"""The whole way of a photo where files are kept in S3."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.fleet.photos.conftest import Owner, Worker
from tests.people import Person
from tests.shots import field, seen, sent
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.images.apart import Images
from votremachine.infra.storage.files import Files


@pytest.fixture
async def remote(
    s3_variables: str, settings: Settings, database: Database, camera: Owner, tmp_path: Path
) -> AsyncIterator[tuple[Owner, Worker]]:
    """The owner and a worker of a service whose files are in a bucket."""
    elsewhere = msgspec.structs.replace(settings, storage_url=f"s3://{s3_variables}/files", var_dir=tmp_path)
    transport = httpx.ASGITransport(create_app(elsewhere))  # type: ignore[arg-type]
    files, images = Files(elsewhere.storage_url, tmp_path), Images(1)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield (
            Owner(Person(http, camera.person.email, camera.person.token), camera.machine),
            Worker(database, files, images),
        )
    files.close()
    images.close()


async def test_a_photo_is_kept_in_the_bucket_and_served_from_there(
    remote: tuple[Owner, Worker], s3_server: str, s3_variables: str, tmp_path: Path
) -> None:
    camera, worker = remote
    photo = (await camera.added(sent(field(2000, 1500))))["id"]
    assert f"files/photos/{photo}/original" in await listed(s3_server, s3_variables)
    await worker.make_copies()
    assert await worker.sweep() == 1
    assert (await listed(s3_server, s3_variables)).count("<Key>") == 3
    for copy in (await camera.photos())[0]["copies"]:
        answer = await camera.person.get(copy["url"].removeprefix("/v1"))
        assert seen(answer.content).size == (copy["width"], copy["height"])
    assert (await camera.person.ask("DELETE", f"/photos/{photo}")).status_code == 204
    assert await worker.sweep() == 3
    assert "<Key>" not in await listed(s3_server, s3_variables)
    assert nothing_in(tmp_path)


def nothing_in(folder: Path) -> bool:
    return not any(folder.iterdir())


async def listed(server: str, bucket: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{server}/{bucket}?list-type=2")).text
