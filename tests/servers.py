"""Throw-away servers for the tests: one PostgreSQL and one Redis for each xdist worker, in a folder of their own."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from moto.server import ThreadedMotoServer

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


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A real S3 server on the loopback, for those who ask: its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def s3_variables(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh bucket, and the variables that lead to it; its name."""
    bucket = f"files-{uuid4().hex}"
    assert httpx.put(f"{s3_server}/{bucket}").status_code == 200
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return bucket
