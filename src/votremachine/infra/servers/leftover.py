"""What a killed start left running: found by its pid file, known by its command line, stopped before the next start."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from votremachine.infra.servers.process import POLL_SECONDS, CannotStart


def stop_leftover(pid_file: Path, marker: str, gentle: signal.Signals = signal.SIGTERM, seconds: float = 5) -> bool:
    """Stops the process of `pid_file` if its command line has the argument `marker`, which only ours has.

    Returns whether the pid file names a process of somebody else, as it may after the machine was restarted.
    Raises `CannotStart` when the process is ours and belongs to another user.
    """
    pid = _read_pid(pid_file)
    if pid is None or not _is_running(pid):
        return False
    if not _is_ours(pid, marker):
        return True
    try:
        os.kill(pid, gentle)
        if not _ended_within(seconds, pid, marker):
            os.killpg(pid, signal.SIGKILL)  # ours lead a group of their own
            _ended_within(seconds, pid, marker)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise CannotStart(f"process {pid} of an earlier start belongs to another user and still runs") from error
    return False


def _read_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_running(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


def _ended_within(seconds: float, pid: int, marker: str) -> bool:
    deadline = time.monotonic() + seconds
    while _is_ours(pid, marker):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _is_ours(pid: int, marker: str) -> bool:
    """A process that ended and that its new parent has not collected yet has no command line left: it is gone."""
    return f" {marker} " in f" {_command_line(pid)} "


def _command_line(pid: int) -> str:
    """Its arguments, a space between them; empty when there is no such process. Linux has /proc, macOS has ps."""
    if not Path("/proc/self/cmdline").exists():
        asked = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
