"""Reading server-sent events as a client does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from tests.people import Person

PATIENCE_SECONDS = 20


class Heard(NamedTuple):
    """One event; `kind` is empty for a heartbeat, which only moves the id along."""

    id: str
    kind: str
    data: Any


def parse(text: str) -> list[Heard]:
    """The events of a whole stream, or of a part that ends with an empty line."""
    found = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        found.append(Heard(fields.get("id", ""), fields.get("event", ""), json.loads(fields.get("data", "null"))))
    return found


class Screen:
    """An open stream that is read all the time."""

    def __init__(self) -> None:
        self.last_id = ""
        self.heartbeats = 0
        self.status = 0
        self.closed = asyncio.Event()
        self._heard: asyncio.Queue[Heard] = asyncio.Queue()

    async def next(self, seconds: float = PATIENCE_SECONDS) -> Heard:
        async with asyncio.timeout(seconds):
            return await self._heard.get()

    async def until(self, kind: str, seconds: float = PATIENCE_SECONDS) -> Heard:
        async with asyncio.timeout(seconds):
            while (heard := await self._heard.get()).kind != kind:
                pass
            return heard

    def waiting(self) -> list[Heard]:
        return [self._heard.get_nowait() for _ in range(self._heard.qsize())]

    async def read(self, response: httpx.Response) -> None:
        text = ""
        try:
            async for part in response.aiter_text():
                text += part
                whole, end, text = text.rpartition("\n\n")
                for heard in parse(whole + end):
                    self.last_id = heard.id or self.last_id
                    if heard.kind:
                        self._heard.put_nowait(heard)
                    else:
                        self.heartbeats += 1
        except httpx.TransportError:
            pass
        self.closed.set()


@asynccontextmanager
async def screen(url: str, who: Person, query: str = "", last_id: str = "") -> AsyncIterator[Screen]:
    """A stream at one API process, its first word read already."""
    headers = {"Authorization": f"Bearer {who.token}", "Accept-Encoding": "br, gzip"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    opened = Screen()
    async with (
        httpx.AsyncClient(base_url=url, timeout=60) as http,
        http.stream("GET", f"/v1/events{query}", headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert "content-encoding" not in response.headers
        reading = asyncio.create_task(opened.read(response))
        try:
            yield opened
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
