"""Redis goes away or hangs: takings are counted in the process, and in Redis again as soon as it is back."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest

import votremachine.infra.limits as limits_module
from tests.people import PASSWORD, World
from votremachine.accounts.limits import SIGN_IN_TO
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.limits import HANDFUL, Limit, Limits, TooManyRequests
from votremachine.infra.servers.redis import EmbeddedRedis

FIVE = Limit("five", 5, 900)


@pytest.fixture
def server(var_dir: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of this test's own, that it may stop, and that remembers."""
    with EmbeddedRedis(var_dir / "redis") as server:
        yield server


@asynccontextmanager
async def silent(answer: bytes = b"") -> AsyncIterator[tuple[str, list[object]]]:
    """The URL of a Redis that takes every line and says nothing, or always this; and who came."""
    came: list[object] = []
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        if answer:
            while await reader.read(4096):
                writer.write(answer)
        await over.wait()
        writer.transport.abort()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", came
        over.set()


async def refused(limits: Limits, limit: Limit, key: str = "claire") -> bool:
    with pytest.raises(TooManyRequests) as refusal:
        await limits.take(limit, key)
    return 0 < int(refusal.value.facts["retry_after"]) <= limit.seconds


async def test_without_redis_the_process_counts_and_with_it_redis_again(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, other = Limits(server.url), Limits(server.url)
    for _ in range(3):
        await limits.take(FIVE, "claire")
    await asyncio.to_thread(server.stop, 10)
    assert [(await limits.take(FIVE, "claire")).remaining for _ in range(5)] == [4, 3, 2, 1, 0]
    assert await refused(limits, FIVE)
    assert (await limits.take(FIVE, "paul")).remaining == 4
    await asyncio.to_thread(server.start)
    assert await refused(limits, FIVE), "Redis is left alone for a while"
    monkeypatch.setattr(limits, "_away_until", 0.0)
    assert [(await limits.take(FIVE, "claire")).remaining, (await other.take(FIVE, "claire")).remaining] == [1, 0]
    assert await refused(limits, FIVE)
    await limits.close()
    await other.close()


async def test_it_is_asked_again_by_itself(server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "AWAY_SECONDS", 0.1)
    limits, other = Limits(server.url), Limits(server.url)
    await asyncio.to_thread(server.stop, 10)
    await limits.take(FIVE, "claire")
    await asyncio.to_thread(server.start)
    await asyncio.sleep(0.2)
    assert (await limits.take(FIVE, "claire")).remaining == 4
    assert (await other.take(FIVE, "claire")).remaining == 3
    await limits.close()
    await other.close()


@pytest.mark.parametrize("answer", [b"", b"what?\r\n", b"-LOADING Redis is loading the dataset in memory\r\n"])
async def test_a_redis_that_hangs_is_tried_once_in_a_while(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(limits_module, "AWAY_SECONDS", 3600)
    async with silent(answer) as (url, came):
        limits = Limits(url)
        assert [(await limits.take(FIVE, "claire")).remaining for _ in range(5)] == [4, 3, 2, 1, 0]
        assert await refused(limits, FIVE)
        assert len(came) == 1
        await limits.close()


async def test_without_redis_spending_is_counted_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "AWAY_SECONDS", 3600)
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    limits, limit = Limits(f"redis://127.0.0.1:{port}"), Limit("many", HANDFUL + 3, 60)
    done = await asyncio.gather(*(limits.spend(limit, "claire") for _ in range(100)), return_exceptions=True)
    assert sum(isinstance(one, TooManyRequests) for one in done) == 100 - limit.amount
    assert sum(isinstance(one, BaseException) for one in done) == 100 - limit.amount
    await limits.close()


async def test_a_hundred_at_once_are_as_many_as_are_allowed_and_wait_together() -> None:
    async with silent() as (url, _), asyncio.timeout(10 * limits_module.PATIENCE_SECONDS):
        limits = Limits(url)
        done = await asyncio.gather(*(limits.take(FIVE, "claire") for _ in range(100)), return_exceptions=True)
        assert sum(not isinstance(one, BaseException) for one in done) == FIVE.amount
        assert all(isinstance(one, TooManyRequests) for one in done if isinstance(one, BaseException))
        await limits.close()


async def test_without_redis_a_password_is_still_guessed_at_ten_times_only(settings: Settings, world: World) -> None:
    email = f"{uuid4().hex}@ferme.example"
    await world.person(email)
    async with silent() as (url, _):
        app = create_app(msgspec.structs.replace(settings, redis_url=url, rate_limit_factor=1))
        async with app.lifespan():
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:

                async def login(password: str) -> int:
                    wish = {"email": email, "password": password}
                    return (await http.post("/v1/auth/login", json=wish)).status_code

                assert await login(PASSWORD) == 200, "signing in needs no Redis"
                guesses = [await login("not the password") for _ in range(SIGN_IN_TO.amount)]
                assert guesses == [401] * (SIGN_IN_TO.amount - 1) + [429]
                assert await login(PASSWORD) == 429
