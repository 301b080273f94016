"""`votremachine up` as a person meets it: it answers, it stops whole, it starts again, and it says what is wrong."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.journeys.up import NOBODY, PEOPLE, SOMEBODY, STOP_SECONDS, Up, complaint, running_in
from votremachine.demo.sign_ins import SIGN_INS
from votremachine.infra.migrate import upgrade
from votremachine.infra.servers.postgres import EmbeddedPostgres

SECOND_START_SECONDS = 5
ATTEMPTS = 3


@pytest.fixture
def port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


@pytest.fixture
def started() -> Iterator[list[Up]]:
    """The test's own; whatever it leaves running is killed."""
    every: list[Up] = []
    yield every
    for up in every:
        up.clean_up()


@pytest.fixture(params=PEOPLE)
def who(request: pytest.FixtureRequest, var_dir: Path) -> str:
    """As whom it is run; the folder is theirs."""
    if request.param == SOMEBODY:
        os.chown(var_dir, NOBODY, NOBODY)
    return str(request.param)


def renamed(url: str, to: str) -> str:
    """The name of somebody of the demo, who then takes another."""
    with httpx.Client(base_url=f"{url}/v1") as http:
        sign_in = {"email": SIGN_INS[0].email, "password": SIGN_INS[0].password}
        http.headers["Authorization"] = f"Bearer {http.post('/auth/login', json=sign_in).json()['access_token']}"
        before = str(http.get("/me").json()["name"])
        assert http.patch("/me", json={"name": to}).is_success
        return before


def quick_start(folder: Path, port: int, who: str, started: list[Up]) -> Up:
    """One that answered its first request soon enough, at the third try at the latest.

    On a machine with more work than cores, it is given as much longer as its share of them is smaller.
    """
    seconds = []
    for _ in range(ATTEMPTS):
        started.append(up := Up(folder, port, who))
        seconds.append(up.first_answer())
        up.wait()
        busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        if seconds[-1] < SECOND_START_SECONDS * busy:
            return up
        assert up.end(signal.SIGTERM) == 0
        assert up.still_running() == []
    pytest.fail(f"seconds to the first answer: {seconds}")


def test_it_starts_stops_whole_and_starts_again(var_dir: Path, port: int, who: str, started: list[Up]) -> None:
    folder = var_dir / "var"
    started.append(first := Up(folder, port, who))
    said = first.wait()
    assert first.url in said
    assert said.count("curl ") == 3
    renamed(first.url, "Jeanne")
    assert len(first.processes) > 5
    assert first.end(signal.SIGINT) == 0
    assert first.still_running() == []
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600

    again = quick_start(folder, port, who, started)
    assert renamed(again.url, "Marie") == "Jeanne", "the data of the first start is there"

    assert again.end(signal.SIGKILL) == -signal.SIGKILL
    assert len(again.still_running()) >= 4, "what a killed start leaves"
    started.append(last := Up(folder, port, who))
    last.wait()
    assert again.still_running() == []
    assert renamed(last.url, "Anne") == "Marie"
    assert last.end(signal.SIGTERM) == 0
    assert last.still_running() == []


def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing(var_dir: Path, port: int, started: list[Up]) -> None:
    started.append(up := Up(var_dir, port))
    while not (var_dir / "postgres.log").exists():
        time.sleep(0.01)
    assert up.end(signal.SIGINT) == 0
    assert running_in(var_dir) == []


def test_one_folder_has_one_and_a_part_that_dies_ends_it_all(var_dir: Path, port: int, started: list[Up]) -> None:
    started.append(up := Up(var_dir, port))
    up.wait()
    assert "another `votremachine up`" in complaint(var_dir, port)
    assert httpx.get(f"{up.url}/health/ready").status_code == 200

    next(one for one in up.processes if "work" in one.cmdline()).kill()
    _, last_words = up.process.communicate(timeout=STOP_SECONDS)
    assert up.process.returncode == 1
    assert last_words.count("\n") == 1
    assert "votremachine work" in last_words
    assert str(var_dir / "work.log") in last_words
    assert up.still_running() == []


def test_a_taken_port(var_dir: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        assert f"port {port}" in complaint(var_dir, port)
    assert running_in(var_dir) == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"VOTREMACHINE_PORT": "many"}, "port"),
        ({"VOTREMACHINE_PORT": "99999"}, "65535"),
        ({"VOTREMACHINE_COLOUR": "red"}, "colour"),
        ({"VOTREMACHINE_DATABASE_URL": "postgresql+asyncpg://me@127.0.0.1:1/x"}, "unreachable"),
        ({"VOTREMACHINE_REDIS_URL": "redis://127.0.0.1:1"}, "unreachable"),
        ({"VOTREMACHINE_REDIS_URL": "nonsense"}, "VOTREMACHINE_REDIS_URL"),
    ],
)
def test_a_wrong_setting(var_dir: Path, port: int, variables: dict[str, str], words: str) -> None:
    assert words in complaint(var_dir, port, **variables)
    assert running_in(var_dir) == []


def test_an_unwritable_folder(var_dir: Path, port: int) -> None:
    (var_dir / "file").touch()  # a folder inside a file: not even root can write there
    assert "cannot be written" in complaint(var_dir / "file" / "var", port)


async def test_a_database_of_a_newer_version(var_dir: Path, port: int) -> None:
    with EmbeddedPostgres(var_dir / "postgres") as server:
        await upgrade(server.url)
        connection = await asyncpg.connect(server.url.replace("+asyncpg", ""))
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        await connection.close()
    assert "9999" in await asyncio.to_thread(complaint, var_dir, port)
    assert running_in(var_dir) == []


def appoint(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"VOTREMACHINE_VAR_DIR": str(folder), "PATH": ""}
    return subprocess.run(
        [sys.executable, "-m", "votremachine", "staff", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_staff_is_appointed_where_it_runs(var_dir: Path, port: int, started: list[Up]) -> None:
    folder, email = var_dir / "var", SIGN_INS[0].email
    nobody = appoint(folder, email, "support")
    assert nobody.returncode == 2
    assert "no `votremachine up` runs" in nobody.stderr
    started.append(up := Up(folder, port))
    up.wait()
    assert appoint(folder, "nobody@x.example", "support").returncode == 2
    assert appoint(folder, email, "support").stdout == f"{email}: support\n"
    with httpx.Client(base_url=f"{up.url}/v1") as http:
        sign_in = {"email": email, "password": SIGN_INS[0].password}
        http.headers["Authorization"] = f"Bearer {http.post('/auth/login', json=sign_in).json()['access_token']}"
        assert http.get("/me").json()["staff"] == "support"
