"""A machine to be photographed, and a worker that can be told when to work."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.people import Json, Person, World
from votremachine.config import Settings
from votremachine.fleet.photos import jobs
from votremachine.fleet.photos.jobs import make_copies
from votremachine.infra.database import Database
from votremachine.infra.images.apart import Images
from votremachine.infra.storage import ledger
from votremachine.infra.storage.files import Files


class Worker:
    """The jobs of the worker that photos need, run when a test says so."""

    def __init__(self, database: Database, files: Files, images: Images) -> None:
        self.ctx: dict[str, Any] = {
            "database": database,
            "files": files,
            "images": images,
            "making_copies": asyncio.Lock(),
        }
        self.files = files

    async def make_copies(self) -> int:
        return await make_copies(self.ctx)

    async def sweep(self) -> int:
        return await ledger.sweep(self.ctx["database"], self.files)


class Owner:
    """The owner of one machine, with a camera."""

    def __init__(self, person: Person, machine: str) -> None:
        self.person = person
        self.machine = machine
        self.path = f"/machines/{machine}/photos"

    async def send(self, content: Any, *, language: str = "en", machine: str = "") -> httpx.Response:
        path = f"/v1/machines/{machine}/photos" if machine else f"/v1{self.path}"
        headers = {"Authorization": f"Bearer {self.person.token}", "Accept-Language": language}
        return await self.person.http.post(path, content=content, headers=headers | {"Content-Type": "image/jpeg"})

    async def added(self, content: bytes) -> Json:
        answer = await self.send(content)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def photos(self) -> list[Json]:
        return list((await self.person.get(self.path)).json())


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch, database: Database, settings: Settings) -> AsyncIterator[Worker]:
    # However slow the machine, one run makes all that waits.
    monkeypatch.setattr(jobs, "LONGEST_RUN_SECONDS", 3600)
    files, images = Files(settings.storage_url, settings.var_dir / "files"), Images(1)
    yield Worker(database, files, images)
    files.close()
    images.close()


@pytest.fixture
async def camera(world: World, owner: Person) -> Owner:
    return Owner(owner, await world.machine(owner))
