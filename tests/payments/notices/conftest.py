"""A service that takes Stripe's webhooks; the one of all tests takes those of the simulated gateway."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from litestar import Litestar

from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.database import Database

NEW, OLD = "whsec_new", "whsec_old"
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
async def stripe_app(settings: Settings) -> AsyncIterator[Litestar]:
    """A service that believes Stripe, and whose clock stands still; its lifespan is one task's, as for `app`."""
    chosen = {"gateway": "stripe", "stripe_secret_key": "sk_test_x", "stripe_webhook_secrets": f"{NEW} {OLD}"}
    values = {name: getattr(settings, name) for name in settings.__struct_fields__}
    made, ready, done = create_app(Settings(**{**values, **chosen}), lambda: NOW), asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with made.lifespan():
            ready.set()
            await done.wait()

    living = asyncio.create_task(live())
    await ready.wait()
    yield made
    done.set()
    await living


@pytest.fixture
async def stripe_http(stripe_app: Litestar, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(stripe_app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
