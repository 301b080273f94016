"""A whole service of one's own for a while: `votremachine up` on a free port, in a folder that is gone afterwards."""

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from votremachine.infra.address import is_ready, local_url
from votremachine.infra.servers.process import Child

UP = [sys.executable, "-P", "-m", "votremachine", "up"]
HOST = "127.0.0.1"
START_SECONDS = 90
STOP_SECONDS = 15  # `up` promises 10


@contextmanager
def throw_away_stack() -> Iterator[str]:
    """Its address, once it answers. Raises `CannotStart` when it does not; everything it started ends with the block.

    The operator's own VOTREMACHINE_* settings have no say: their database is not for trying things out.
    """
    folder, port = Path(tempfile.mkdtemp(prefix="vm-demo-")).resolve(), _free_port()
    environ = _environ(folder / "var", port)
    try:
        with _running(Child("votremachine up", UP, folder / "up.log", environ=environ)) as up:
            up.wait_until(lambda: is_ready(HOST, port), START_SECONDS)
            yield local_url(HOST, port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(child: Child) -> Iterator[Child]:
    try:
        yield child
    finally:
        # A second Ctrl-C must not come between it and its end.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        child.stop(STOP_SECONDS)
        signal.signal(signal.SIGINT, before)


def _environ(var_dir: Path, port: int) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VOTREMACHINE_")}
    # Everybody in it comes from one address.
    given = {"VAR_DIR": str(var_dir), "HOST": HOST, "PORT": str(port), "RATE_LIMIT_FACTOR": "100"}
    return {**ours, **{f"VOTREMACHINE_{name}": value for name, value in given.items()}}


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as line:
        return int(line.getsockname()[1])
