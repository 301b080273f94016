"""Where an embedded server's program lies, the account it runs under, and the folder of its socket."""

import hashlib
import os
import pwd
import re
import stat
import tempfile
from importlib.util import find_spec
from pathlib import Path

from votremachine.infra.servers.process import CannotStart

# sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included.
LONGEST_SOCKET_PATH_BYTES = 103
# arq does not decode a percent sign in a URL, nor PostgreSQL a comma in a list of folders: only plain names are safe.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
# PostgreSQL refuses to run as root. Its own account if the machine has one, else the one that every machine has.
UNPRIVILEGED = ("postgres", "nobody")


def find_program(package: str, inside: str, setting: str) -> Path:
    """The program that `package` ships; raises `CannotStart` when it is not installed.

    The package is found and not imported: importing costs time, warns on some machines and starts its own exit hooks.
    """
    spec = find_spec(package)
    program = Path(spec.origin).parent / inside if spec and spec.origin else None
    if program is None or not program.is_file():
        raise CannotStart(
            f"the embedded {Path(inside).name} is not installed:"
            f" pip install 'votremachine[embedded]', or set {setting} to a server of your own"
        )
    return program


def account_for(data: Path) -> pwd.struct_passwd | None:
    """The account a server of `data` runs under: None, as ourselves, unless we are root.

    Existing data keeps its owner, so that a start as root does not lock the ordinary user out.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    if owner:
        return pwd.getpwuid(owner)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


def make_private_folder(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Makes the folder if it is absent, open to nobody but the account, and reachable by it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
        open_the_way(folder, account)
    return folder


def open_the_way(path: Path, account: pwd.struct_passwd | None) -> None:
    """Lets the account pass through the folders above `path` and run it if it is a program.

    Only the right to pass (`o+x`) is added, only where it lacks, and only when we are root.
    """
    if account is None:
        return
    for folder in path.parents:
        status = folder.stat()
        if not status.st_mode & stat.S_IXOTH and status.st_uid != account.pw_uid:
            folder.chmod(status.st_mode | stat.S_IXOTH)
    if path.is_file() and not path.stat().st_mode & stat.S_IXOTH:
        _make_readable(path.parent.parent)


def _make_readable(tree: Path) -> None:
    """An installation made under a strict umask: its folders and files become readable, its programs runnable."""
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))


def socket_folder(data: Path, socket_name: str, account: pwd.struct_passwd | None) -> Path:
    """The folder of a server's socket: `data`, or a short private one when the path of `data` would not do.

    Raises `CannotStart` when somebody else has taken the name of the short one.
    """
    if PLAIN_PATH.fullmatch(str(data)) and len(str(data / socket_name)) <= LONGEST_SOCKET_PATH_BYTES:
        return data
    name = "votremachine-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir(), name)
    if len(str(folder / socket_name)) > LONGEST_SOCKET_PATH_BYTES or not PLAIN_PATH.fullmatch(str(folder)):
        folder = Path("/tmp", name)  # noqa: S108 -- checked below to be ours and private
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    ours = {os.geteuid(), account.pw_uid if account else os.geteuid()}
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours:
        raise CannotStart(f"{folder} belongs to somebody else: set TMPDIR to a folder of yours")
    folder.chmod(0o700)
    return make_private_folder(folder, account)
