"""The embedded servers: they keep what they are told, on sockets only, from any folder, and after any accident."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest
from redis.asyncio import Redis

from votremachine.infra.servers.place import account_for, find_program
from votremachine.infra.servers.postgres import THROW_AWAY, EmbeddedPostgres
from votremachine.infra.servers.process import CannotStart, Child, run_as
from votremachine.infra.servers.redis import EmbeddedRedis

START_AND_VANISH = """
import os, sys
from pathlib import Path
from votremachine.infra.servers.postgres import EmbeddedPostgres
from votremachine.infra.servers.redis import EmbeddedRedis
postgres, redis = EmbeddedPostgres(Path(sys.argv[1], "postgres")), EmbeddedRedis(Path(sys.argv[1], "redis"))
postgres.start(), redis.start()
print(postgres.pid, redis.pid, flush=True)
os._exit(9)
"""


async def ask(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def is_gone(pid: int) -> bool:
    """Ended; its new parent may not have collected it yet."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_postgres_keeps_its_data_and_listens_on_no_port(var_dir: Path) -> None:
    with EmbeddedPostgres(var_dir / "postgres") as server:
        await ask(server, "CREATE TABLE machine AS SELECT 'charrue'::text AS name")
        assert await ask(server, "SHOW listen_addresses") == ""
        assert await ask(server, "SHOW server_encoding") == "UTF8"
        assert str(await ask(server, "SHOW server_version")).startswith("18")
        pid = server.pid
    assert is_gone(pid)
    with EmbeddedPostgres(var_dir / "postgres") as server:
        assert await ask(server, "SELECT upper(name || 'é') FROM machine") == "CHARRUEÉ"


async def test_redis_keeps_its_data_and_listens_on_no_port(var_dir: Path) -> None:
    with EmbeddedRedis(var_dir / "redis") as server:
        async with Redis.from_url(server.url) as client:
            await client.set("machine", "charrue")
            assert (await client.config_get("port"))["port"] == "0"
        pid = server.pid
    assert is_gone(pid)
    with EmbeddedRedis(var_dir / "redis") as server:
        async with Redis.from_url(server.url) as client:
            assert await client.get("machine") == b"charrue"


async def test_an_open_session_does_not_hold_up_the_end(var_dir: Path) -> None:
    server = EmbeddedPostgres(var_dir / "postgres", THROW_AWAY)
    server.start()
    connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
    began = time.monotonic()
    server.stop(seconds=5)
    assert time.monotonic() - began < 5
    connection.terminate()


async def test_what_a_killed_parent_left_is_stopped_and_its_data_used(var_dir: Path) -> None:
    left = await asyncio.create_subprocess_exec(sys.executable, "-c", START_AND_VANISH, str(var_dir), stdout=PIPE)
    said, _ = await left.communicate()
    assert left.returncode == 9
    pids = [int(pid) for pid in said.split()]
    assert not any(is_gone(pid) for pid in pids)
    with EmbeddedPostgres(var_dir / "postgres") as postgres, EmbeddedRedis(var_dir / "redis"):
        assert all(is_gone(pid) for pid in pids)
        assert await ask(postgres, "SELECT 1") == 1


@pytest.fixture
def stranger(var_dir: Path) -> Iterator[int]:
    """A process of the account of the servers, which is no server."""
    process = subprocess.Popen(["sleep", "60"], **run_as(account_for(var_dir / "postgres")))
    yield process.pid
    process.kill()
    process.wait()


async def test_a_stranger_with_the_number_of_an_old_server_lives_on(var_dir: Path, stranger: int) -> None:
    data = var_dir / "postgres"
    with EmbeddedPostgres(data, THROW_AWAY):
        names = (data / "postmaster.pid").read_text().splitlines()
    (data / "postmaster.pid").write_text("\n".join([str(stranger), *names[1:], ""]))
    with EmbeddedPostgres(data, THROW_AWAY) as server:
        assert await ask(server, "SELECT 1") == 1
    assert not is_gone(stranger)


async def test_a_deep_folder_with_an_odd_name_has_its_sockets_elsewhere(var_dir: Path) -> None:
    deep = var_dir / "ferme d'été, 100 % bio" / ("x" * 120)
    with EmbeddedPostgres(deep / "postgres", THROW_AWAY) as postgres, EmbeddedRedis(deep / "redis") as redis:
        assert await ask(postgres, "SELECT 1") == 1
        async with Redis.from_url(redis.url) as client:
            assert await client.ping()
        elsewhere = [postgres.socket_folder, redis.socket_folder]
        assert [folder.stat().st_mode & 0o077 for folder in elsewhere] == [0, 0]
    assert not any(folder.exists() for folder in elsewhere)


async def test_half_a_cluster_is_made_anew(var_dir: Path) -> None:
    half = var_dir / ".postgres-interrupted"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(var_dir / "postgres", THROW_AWAY) as server:
        assert await ask(server, "SELECT 1") == 1
    assert not half.exists()


def test_the_reason_why_it_does_not_start_is_told(var_dir: Path) -> None:
    with EmbeddedPostgres(var_dir / "postgres", THROW_AWAY):
        pass
    (var_dir / "postgres" / "PG_VERSION").write_text("9.6\n")
    server = EmbeddedPostgres(var_dir / "postgres", THROW_AWAY)
    with pytest.raises(CannotStart, match=r"incompatible.*postgres\.log"):
        server.start()
    server.stop()


def test_an_absent_package_is_told_with_what_to_do() -> None:
    with pytest.raises(CannotStart, match=r"votremachine\[embedded\].*VOTREMACHINE_REDIS_URL"):
        find_program("no_such_package", "bin/redis-server", "VOTREMACHINE_REDIS_URL")


def test_a_process_that_does_not_listen_is_gone_all_the_same(tmp_path: Path) -> None:
    deaf = ["sh", "-c", "trap '' TERM; sleep 60 & echo $!; while true; do sleep 1; done"]
    child = Child("deaf", deaf, tmp_path / "log")
    child.wait_until(lambda: bool((tmp_path / "log").read_text()), 5)
    grandchild = int((tmp_path / "log").read_text())
    child.stop(seconds=0.2)
    assert child.process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 2
    while not is_gone(grandchild) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_gone(grandchild)


def test_the_data_keeps_its_owner_when_root_comes_along(var_dir: Path) -> None:
    data = var_dir / "redis"
    data.mkdir()
    if os.geteuid() == 0:
        shutil.chown(data, "nobody")
    with EmbeddedRedis(data) as server:
        assert psutil.Process(server.pid).uids().effective == data.stat().st_uid
