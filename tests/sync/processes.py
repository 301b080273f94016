"""Real API processes over the tests' database."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from votremachine.config import Settings
from votremachine.infra.address import is_ready

START_SECONDS = 60
HOST = "127.0.0.1"


class Api:
    """One `votremachine serve`."""

    def __init__(self, settings: Settings, redis_url: str) -> None:
        with socket.create_server((HOST, 0)) as line:
            self.port = int(line.getsockname()[1])
        self.url = f"http://{HOST}:{self.port}"
        variables = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": redis_url,
            "SECRET": settings.secret,
            "HOST": HOST,
            "PORT": str(self.port),
            "DEMO": "true",
            "RATE_LIMIT_FACTOR": "1000",
            "LOG_LEVEL": "warning",
        }
        environ = os.environ | {f"VOTREMACHINE_{name}": value for name, value in variables.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "votremachine", "serve"], env=environ, stdout=subprocess.DEVNULL
        )

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(HOST, self.port):
            assert self.process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline, "it did not answer"
            time.sleep(0.05)

    def stop(self) -> float:
        """How many seconds it took to end when it was asked to."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return time.monotonic() - began


@contextmanager
def serving(settings: Settings, redis_url: str, processes: int) -> Iterator[list[Api]]:
    """So many API processes, each at its own port."""
    started = [Api(settings, redis_url) for _ in range(processes)]
    try:
        for api in started:
            api.wait()
        yield started
    finally:
        for api in started:
            api.stop()
