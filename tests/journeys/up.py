"""One `votremachine up` as a process of its own, as root or as somebody else, and all that it started."""

import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import IO

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

START_SECONDS = 60
STOP_SECONDS = 10  # what a person is promised
OURSELVES, SOMEBODY = "ourselves", "somebody who is not root"
PEOPLE = [OURSELVES, SOMEBODY] if os.geteuid() == 0 else [OURSELVES]
NOBODY = 65534
COMMAND = [sys.executable, "-m", "votremachine", "up"]


class Up:
    """Started at once. `wait` until it is ready; `end` it; `still_running` is what it left."""

    def __init__(self, var_dir: Path, port: int, who: str = OURSELVES) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.processes: list[psutil.Process] = []
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [*(as_somebody() if who == SOMEBODY else ()), *COMMAND],
            env=environ(var_dir, port),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def first_answer(self) -> float:
        """Seconds from its start to the first request that it answered well."""
        while time.monotonic() - self._began < START_SECONDS and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=5).is_success:
                    return time.monotonic() - self._began
            except httpx.TransportError:
                time.sleep(0.02)
        pytest.fail("it did not answer")

    def wait(self) -> str:
        """What it says when it is ready."""
        output: IO[str] = self.process.stdout  # type: ignore[assignment]
        said = ""
        for line in output:
            said += line
            if "/v1/machines" in line:
                break
        else:
            pytest.fail(f"it did not start: {said}{self.process.communicate()[1]}")
        me = psutil.Process(self.process.pid)
        self.processes = [me, *me.children(recursive=True)]
        return said

    def end(self, number: signal.Signals) -> int:
        """Its exit code after this signal; raises `TimeoutExpired` when it takes longer than it may."""
        self.process.send_signal(number)
        self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode

    def still_running(self) -> list[str]:
        return [str(process) for process in self.processes if is_alive(process)]

    def clean_up(self) -> None:
        """Whatever a failed test left."""
        if self.process.poll() is None:
            self.process.kill()
        for process in self.processes:
            if is_alive(process):
                process.kill()
        self.process.communicate()


def environ(var_dir: Path, port: int) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("VOTREMACHINE_")}
    return {**ours, "VOTREMACHINE_VAR_DIR": str(var_dir), "VOTREMACHINE_PORT": str(port)}


def complaint(var_dir: Path, port: int, **variables: str) -> str:
    """The one line with which it refuses to start, at once and without a traceback."""
    refused = subprocess.run(
        COMMAND,
        env=environ(var_dir, port) | variables,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert refused.returncode == 2, refused.stderr
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1, refused.stderr
    return refused.stderr


def running_in(var_dir: Path) -> list[str]:
    """The processes whose command line names the folder."""
    found = psutil.process_iter(["cmdline"])
    return [str(one) for one in found if is_alive(one) and str(var_dir) in " ".join(one.info["cmdline"] or [])]


def is_alive(process: psutil.Process) -> bool:
    """Not ended; one that ended may wait for its new parent to collect it."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@cache
def as_somebody() -> tuple[str, ...]:
    """How root runs a command as an ordinary user, who may read the interpreter wherever it is installed."""
    drop = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    reading = (*drop, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    for prefix in (drop, reading):
        probe = [*prefix, sys.executable, "-c", "import sys, redis, votremachine; print(sys.version)"]
        try:
            found = subprocess.run(probe, capture_output=True, text=True, cwd="/", check=False)
        except OSError:
            continue
        if found.stdout.strip() == sys.version:
            return prefix
    pytest.skip("no ordinary user of this machine can run this interpreter")
