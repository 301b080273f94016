"""Throw-away servers for the tests: one PostgreSQL and one Redis for each xdist worker, in a folder of their own."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from votremachine.infra.migrate import upgrade
from votremachine.infra.servers.postgres import THROW_AWAY, EmbeddedPostgres
from votremachine.infra.servers.redis import KEEP_NOTHING, EmbeddedRedis


@contextmanager
def short_folder() -> Iterator[Path]:
    """Short, because sockets lie in it, and not pytest's own, which it closes to the account of the servers."""
    folder = Path(tempfile.mkdtemp(prefix="vm-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def var_dir() -> Iterator[Path]:
    """A folder for one test's own servers."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server with an empty database `votremachine`; `postgres.url` leads to it. It survives no crash."""
    with EmbeddedPostgres(servers_folder / "postgres", THROW_AWAY) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(servers_folder: Path) -> Iterator[str]:
    with EmbeddedRedis(servers_folder / "redis", KEEP_NOTHING) as server:
        yield server.url


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres) -> str:
    """The database `votremachine`, migrated."""
    # In a thread, because the session's own event loop may be running around this fixture.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(upgrade(postgres.url))).result()
    return postgres.url
