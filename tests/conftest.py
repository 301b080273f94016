"""Fixtures that every test may use: real servers, an application over them, and people who use it."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import httpx
import hypothesis
import pytest
from litestar import Litestar

from tests.emptying import empty
from tests.payments.card_numbers import tables_with_numbers
from tests.people import Letters, Person, World, a_test_begins
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.service.challenges import send_letters
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.letters import letters_folder, open_post

IN_CI = "CI" in os.environ

pytest_plugins = ["tests.servers", "tests.statements", "tests.no_card_numbers", "tests.rows"]

# At a desk, other examples each time; in CI the same ones, so that a change is judged by what it changed.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if IN_CI else "desk")


# What takes longest begins first, so that nobody waits for it alone in the end.
LONGEST = ("tests/faults/", "/test_engine.py", "_machine.py", "tests/journeys/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which tests are handed out."""
    items.sort(key=lambda item: not any(part in item.path.as_posix() for part in LONGEST))


def pytest_runtest_setup() -> None:
    """Before its fixtures: what a test means by an hour from now."""
    a_test_begins()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI promised to have everything, a test that "cannot run here" is a failure."""
    report = yield
    if report.skipped and IN_CI and "shared" not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def settings(database_url: str, redis_url: str, servers_folder: Path) -> Settings:
    return Settings(
        var_dir=servers_folder,
        database_url=database_url,
        redis_url=redis_url,
        secret="a secret for the tests, 32 bytes and more",
        # Everybody here comes from one address, far more often than people do.
        rate_limit_factor=1_000,
        argon2_memory_kib=8 * 1024,
        argon2_passes=1,
        demo=True,
        card_payments=True,
        log_level="error",
        log_json=False,
    )


@pytest.fixture(scope="session")
async def shared_database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url, pool_size=20)
    yield database
    await database.close()


@pytest.fixture
async def database(shared_database: Database) -> AsyncIterator[Database]:
    """A migrated and empty database; no number of a card stands in it in the end."""
    async with shared_database.begin() as tx:
        await empty(tx)
    yield shared_database
    async with shared_database.read() as tx:
        assert await tables_with_numbers(tx) == [], "the number of a card was kept"


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The application, its lifespan kept open by one task, as its task group asks."""
    app, ready, done = create_app(settings), asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            ready.set()
            await done.wait()

    living = asyncio.create_task(live())
    await ready.wait()
    yield app
    done.set()
    await living


@pytest.fixture
async def http(app: Litestar, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular, reading English, at an empty service."""
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    headers = {"Accept-Language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


@pytest.fixture
def letters(database: Database, settings: Settings) -> Letters:
    """Sends what is due, as the worker does, and gives the texts that went to an address."""
    shutil.rmtree(settings.var_dir / "letters", ignore_errors=True)
    post, proofs, sent = open_post(settings), Credentials.of(settings).proofs, letters_folder(settings)

    async def to(address: str) -> list[str]:
        await send_letters(database, post, proofs, settings.link_base)
        return [letter.text for letter in sent.sent_to(address.lower())]

    return to


@pytest.fixture
async def world(http: httpx.AsyncClient, letters: Letters) -> World:
    return World(http, letters)


@pytest.fixture
async def owner(world: World) -> Person:
    """An admin of a farm that owns machines."""
    return await world.farmer("owner@ferme.example", "Ferme du Marsan")


@pytest.fixture
async def renter(world: World) -> Person:
    """An admin of another farm."""
    return await world.farmer("renter@ferme.example", "Ferme de la Chalosse")
