"""A whole service for one run: PostgreSQL, Redis, the API and the baseline, in a folder that is gone afterwards."""

import asyncio
import http.client
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped]

from benchmarks.client import HOST
from votremachine.config import Settings
from votremachine.infra.address import is_ready
from votremachine.infra.migrate import upgrade
from votremachine.infra.servers.postgres import EmbeddedPostgres
from votremachine.infra.servers.process import Child
from votremachine.infra.servers.redis import EmbeddedRedis
from votremachine.infra.supervisor import Supervisor

PROCESSES = 2  # of the API, and of the baseline
READY_SECONDS = 60
STOP_SECONDS = 4
MEBIBYTE = 2**20


class Stack:
    """Running servers. No worker runs among them: what is measured is the API, and events stay in the outbox."""

    def __init__(self, supervisor: Supervisor, settings: Settings, baseline_port: int) -> None:
        self.api_port = settings.port
        self.baseline_port = baseline_port
        # As asyncpg writes it; the settings have SQLAlchemy's way.
        self.dsn = settings.database_url.replace("+asyncpg", "")
        self.database_url = settings.database_url
        self.environ = _environ(settings)
        self._folder = settings.var_dir
        self._supervisor = supervisor
        self._peak_bytes = 0
        api = psutil.Process(int((self._folder / "serve.pid").read_text()))
        self._api = [api, *api.children(recursive=True)]

    def check(self) -> None:
        """Raises `Interrupted` or `ChildDied` when either is so, and notes how much memory the API takes."""
        self._supervisor.check()
        with suppress(psutil.NoSuchProcess):
            taken = sum(process.memory_info().rss for process in self._api)
            self._peak_bytes = max(self._peak_bytes, taken)

    async def durability(self) -> str:
        """How hard PostgreSQL tries to lose nothing, and where: on a disk in memory that costs nothing."""
        database = await asyncpg.connect(self.dsn)
        names = ("fsync", "synchronous_commit", "full_page_writes")
        said = [f"{name}={await database.fetchval(f'SHOW {name}')}" for name in names]
        await database.close()
        return f"PostgreSQL {' '.join(said)} on {_file_system(self._folder)}"

    def peak_rss_mb(self) -> float:
        """The most that the API's processes took together since this was last asked, in MiB."""
        self.check()
        peak, self._peak_bytes = self._peak_bytes, 0
        return round(peak / MEBIBYTE, 1)


@contextmanager
def running() -> Iterator[Stack]:
    """A migrated and empty service; raises `CannotStart`, `Interrupted`, `ChildDied`. It is all gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="vm-bench-")).resolve()
    try:
        with Supervisor(folder) as supervisor:
            yield from _start(folder, supervisor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, supervisor: Supervisor) -> Iterator[Stack]:
    postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
    supervisor.launch(postgres)
    supervisor.launch(redis)
    supervisor.wait_for_servers(READY_SECONDS)
    asyncio.run(upgrade(postgres.url))
    settings = Settings(
        var_dir=folder,
        host=HOST,
        port=_free_port(),
        api_processes=PROCESSES,
        database_url=postgres.url,
        redis_url=redis.url,
        secret=secrets.token_urlsafe(32),
        demo=True,  # its parties book on account
        log_level="warning",
        rate_limit_factor=1_000_000,  # nobody else asks this often
    )
    supervisor.run("serve", _environ(settings))
    baseline_port = _free_port()
    baseline = _start_baseline(folder, settings, baseline_port)
    try:
        supervisor.wait_for(lambda: is_ready(HOST, settings.port), "the API", READY_SECONDS)
        baseline.wait_until(lambda: _answers(baseline_port), READY_SECONDS)
        yield Stack(supervisor, settings, baseline_port)
    finally:
        baseline.stop(STOP_SECONDS)


def _environ(settings: Settings) -> dict[str, str]:
    """The settings as the variables that `votremachine serve` reads."""
    given = (
        "host",
        "port",
        "api_processes",
        "database_url",
        "redis_url",
        "secret",
        "demo",
        "var_dir",
        "log_level",
        "rate_limit_factor",
    )
    return {f"VOTREMACHINE_{name.upper()}": str(getattr(settings, name)) for name in given}


def _start_baseline(folder: Path, settings: Settings, port: int) -> Child:
    environ = os.environ | {
        "BENCH_DATABASE": settings.database_url.replace("+asyncpg", ""),
        "BENCH_PORT": str(port),
        "BENCH_PROCESSES": str(settings.api_processes),
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    line = [sys.executable, "-P", "-m", "benchmarks.baseline"]
    return Child("the baseline", line, folder / "baseline.log", environ=environ)


def _answers(port: int) -> bool:
    """Whether anything at all is answered there."""
    with suppress(OSError, http.client.HTTPException):
        line = http.client.HTTPConnection(HOST, port, timeout=5)
        line.request("GET", "/")
        return bool(line.getresponse().status)
    return False


def _file_system(folder: Path) -> str:
    """Its type, as in ext4 or tmpfs."""
    mounts = [mount for mount in psutil.disk_partitions(all=True) if folder.is_relative_to(mount.mountpoint)]
    return str(max(mounts, key=lambda mount: len(mount.mountpoint)).fstype)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
