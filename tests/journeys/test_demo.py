"""`scripts/demo`: the main job told to a person, in their language, ending by itself and leaving nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.journeys.up import running_in

SCRIPT = [str(Path(__file__).parents[2] / "scripts" / "demo")]
# The same without a look at .venv.
STORY = [sys.executable, "-P", "-m", "votremachine.demo"]
WHOLE_STORY_SECONDS = 90
STOP_SECONDS = 20


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where it makes its temporary files. Short: servers keep sockets there."""
    made = Path(tempfile.mkdtemp(prefix="vm-")).resolve()
    yield made
    shutil.rmtree(made)


def tell(*words: str, command: list[str] = STORY, **variables: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if name not in {"LC_ALL", "LC_MESSAGES", "LANG"}}
    return subprocess.run(
        [*command, *words],
        env=ours | variables,
        capture_output=True,
        text=True,
        timeout=WHOLE_STORY_SECONDS,
        check=False,
    )


def test_it_brings_its_own_service_and_leaves_nothing_behind(folder: Path) -> None:
    told = tell(command=SCRIPT, TMPDIR=str(folder))
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0].strip() == "1. Jeanne registers; a code is sent."
    assert "POST /v1/bookings  409" in told.stdout
    assert "Everything was as promised" in told.stdout
    assert running_in(folder) == []
    assert list(folder.iterdir()) == []


def test_stopped_in_the_middle_it_leaves_nothing_behind(folder: Path) -> None:
    story = subprocess.Popen(STORY, env={**os.environ, "TMPDIR": str(folder)}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + WHOLE_STORY_SECONDS
    while len(running_in(folder)) < 3:
        assert time.monotonic() < deadline, "it started nothing"
        time.sleep(0.1)
    story.send_signal(signal.SIGTERM)
    assert story.wait(STOP_SECONDS) == 130
    assert running_in(folder) == []
    assert list(folder.iterdir()) == []


def test_it_can_be_told_of_a_running_service_again_and_again(stack: str) -> None:
    first, second = (tell("--url", stack, LANG=language) for language in ("fr_FR.UTF-8", "en_GB.UTF-8"))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "Tout s’est passé comme promis" in first.stdout
    assert "Everything was as promised" in second.stdout


def test_nobody_there_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as line:
        port = line.getsockname()[1]
    told = tell("--url", f"http://127.0.0.1:{port}")
    assert told.returncode == 1
    assert "refused" in told.stderr
    assert told.stderr.count("\n") == 1


def test_a_broken_promise_is_one_clear_line() -> None:
    with HTTPServer(("127.0.0.1", 0), Yes) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        told = tell("--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert told.returncode == 1
    assert told.stderr == 'scripts/demo: POST /v1/auth/register  200 instead of 202: "yes"\n'


class Yes(BaseHTTPRequestHandler):
    """A service that says yes to everything."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b'"yes"')

    def log_message(self, *_: object) -> None:
        """Nothing to say."""
