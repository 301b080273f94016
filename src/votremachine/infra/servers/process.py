"""A process of ours: a direct child in a session of its own, its output in a log file, surely gone after `stop`."""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

POLL_SECONDS = 0.01


class CannotStart(Exception):
    """Something of ours cannot be started; the message is one line for the person at the terminal."""


class Child:
    """One process, its log and its end.

    It has its own session, so that Ctrl-C at the terminal reaches only us and we choose the order of the end.
    `account` is the one it runs under when we are root. `gentle` asks it to stop; `forced` follow, one second
    apart, when it does not.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        account: pwd.struct_passwd | None = None,
        environ: Mapping[str, str] = os.environ,
        gentle: signal.Signals = signal.SIGTERM,
        forced: Sequence[signal.Signals] = (signal.SIGKILL,),
    ) -> None:
        """Starts it; raises `CannotStart` when the command cannot be run or the log not be written."""
        self.name = name
        self.log = log
        self._gentle = gentle
        self._forced = forced
        try:
            with log.open("ab") as output:
                self._log_starts = output.tell()
                self.process = subprocess.Popen(  # noqa: S603 -- our own commands and servers
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/" if account else None,  # root's own folder may be closed to the account
                    env=environ,
                    start_new_session=True,
                    **run_as(account),
                )
        except OSError as error:
            raise CannotStart(f"{name} cannot be started: {error}") from error

    def is_running(self) -> bool:
        """Whether it still runs; collects its exit code when it does not."""
        return self.process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns once `ready()`; raises `CannotStart` with the reason in its log when it dies or is too slow."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.is_running():
                raise CannotStart(f"{self.name} did not start: {self.last_words()} (log: {self.log})")
            if time.monotonic() > deadline:
                raise CannotStart(f"{self.name} was not ready within {seconds:g} s (log: {self.log})")
            time.sleep(POLL_SECONDS)

    def last_words(self) -> str:
        """The line of its log, since it was started, that most likely says why it ended."""
        with self.log.open("rb") as log:
            log.seek(self._log_starts)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        fatal = [line for line in lines if "FATAL" in line]
        return (fatal or lines or ["no word of why"])[-1]

    def ask_to_stop(self) -> None:
        """Asks, and returns at once."""
        if self.is_running():
            self._send(self._gentle)

    def stop(self, seconds: float) -> None:
        """Asks it to stop, waits that long, then insists; when this returns neither it nor its children run."""
        self.ask_to_stop()
        for harsher in self._forced:
            if self._ended_within(seconds):
                break
            self._send(harsher)
            seconds = 1
        self.process.wait()
        # What it forked and did not collect itself, such as the API processes of a supervisor that was killed.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def _ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def run_as(account: pwd.struct_passwd | None) -> Identity:
    """The arguments of `subprocess` that run a command under the account; none means as ourselves."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
