"""The folder that one `up` at a time owns: its lock, and the secret that it keeps there."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from votremachine.infra.servers.process import CannotStart


@contextmanager
def the_only_one(var_dir: Path) -> Iterator[None]:
    """Holds the folder; raises `CannotStart` when it cannot be written or another process holds it.

    The system lets go of the lock when the process ends, however it ends.
    """
    try:
        var_dir.mkdir(parents=True, exist_ok=True)
        lock = (var_dir / "up.lock").open("a")
    except OSError as error:
        raise CannotStart(
            f"the folder {var_dir} cannot be written ({error.strerror}): set VOTREMACHINE_VAR_DIR to one that can"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(f"another `votremachine up` runs in the folder {var_dir}") from error
        yield


def kept_secret(var_dir: Path) -> str:
    """The random secret of this folder, made the first time, readable by its owner only; raises `CannotStart`."""
    kept = var_dir / "secret"
    try:
        if not kept.exists():
            fresh = var_dir / "secret.new"  # renamed once whole, so that an interrupted start keeps no half
            fresh.unlink(missing_ok=True)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
            fresh.rename(kept)
        return kept.read_text()
    except OSError as error:
        raise CannotStart(f"{kept} cannot be read or made: {error.strerror}") from error
