"""The processes of one `up`: servers and commands started in order, watched, and stopped in the opposite order.

A signal only raises a flag, which every wait here looks at: no process is ever started and forgotten because Ctrl-C
came between the two.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from votremachine.infra.servers.embedded import EmbeddedServer
from votremachine.infra.servers.leftover import stop_leftover
from votremachine.infra.servers.process import CannotStart, Child

# Together less than the 10 s in which everything must be gone: first what uses the servers, then the servers.
STOP_COMMANDS_SECONDS = 4
STOP_SERVERS_SECONDS = 3
POLL_SECONDS = 0.02


class Interrupted(Exception):
    """The person at the terminal, or the system, asked for the end."""


class ChildDied(Exception):
    """A process that should run ended by itself; the message says which and where its log is."""


class Supervisor:
    """Enter it to receive the signals; leaving it stops everything that it started."""

    def __init__(self, var_dir: Path) -> None:
        self._var_dir = var_dir
        # Python keeps an unknown -X for itself: it marks the command line as one of this folder's.
        self._marker = f"votremachine={var_dir}"
        self._asked_to_stop = threading.Event()
        self._servers: list[EmbeddedServer] = []
        self._commands: dict[str, Child] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # ignored under nohup
                signal.signal(number, lambda *_: self._asked_to_stop.set())
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_commands()
        for server in self._servers:
            server.ask_to_stop()
        for server in self._servers:
            server.stop(STOP_SERVERS_SECONDS)

    def stop_leftovers(self, *commands: str) -> None:
        """Stops those of these commands that a killed supervisor of this folder left; raises `CannotStart`."""
        for command in commands:
            stop_leftover(self._pid_file(command), self._marker)

    def launch(self, server: EmbeddedServer) -> None:
        """Starts a server without waiting for it; raises `CannotStart`."""
        self._servers.append(server)
        server.launch()

    def wait_for_servers(self, seconds: float) -> None:
        """Returns once they all answer; raises as `wait_for` does."""
        self.wait_for(lambda: all(server.is_ready() for server in self._servers), "the servers", seconds)

    def run(self, command: str, environ: Mapping[str, str]) -> None:
        """Starts `votremachine COMMAND` with these variables on top of ours; raises `CannotStart`."""
        # -P: a file in the current folder must not stand in for a module.
        line = [sys.executable, "-P", "-X", self._marker, "-m", "votremachine", command]
        log = self._var_dir / f"{command}.log"
        child = Child(f"votremachine {command}", line, log, environ={**os.environ, **environ})
        self._commands[command] = child
        self._pid_file(command).write_text(f"{child.process.pid}\n")

    def wait_for(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Returns once `ready()`; raises `Interrupted`, `ChildDied`, or `CannotStart` when `what` is too slow."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise CannotStart(f"{what} did not answer within {seconds:g} s (logs: {self._var_dir})")
            self._asked_to_stop.wait(POLL_SECONDS)

    def watch(self) -> None:
        """Stays until `Interrupted` or `ChildDied`."""
        while True:
            self.check()
            self._asked_to_stop.wait(0.5)

    def check(self) -> None:
        """Raises `Interrupted` or `ChildDied` when either is so."""
        if self._asked_to_stop.is_set():
            raise Interrupted
        for child in [*(server.child for server in self._servers), *self._commands.values()]:
            if not child.is_running():
                raise ChildDied(_obituary(child))

    def _stop_commands(self) -> None:
        for child in self._commands.values():
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_COMMANDS_SECONDS
        for command, child in self._commands.items():
            child.stop(max(0.0, deadline - time.monotonic()))
            self._pid_file(command).unlink(missing_ok=True)

    def _pid_file(self, command: str) -> Path:
        return self._var_dir / f"{command}.pid"


def _obituary(child: Child) -> str:
    return (
        f"{child.name} ended by itself (exit code {child.process.returncode}): {child.last_words()} (log: {child.log})"
    )
