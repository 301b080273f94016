"""What the two embedded servers share: a folder of data, a log beside it, a socket, one child process."""

import pwd
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from votremachine.infra.servers.place import account_for, find_program, open_the_way
from votremachine.infra.servers.process import Child


class EmbeddedServer(ABC):
    """A server on a Unix socket only, as our direct child. `data` must be for it alone."""

    package: str
    program: str
    setting: str
    ready_seconds: float

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self.log = self.data.with_name(self.data.name + ".log")
        self.socket_folder = self.data
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The running process."""
        assert self._child is not None, "not started"  # noqa: S101 -- a slip of the caller, not an input
        return self._child

    @property
    def pid(self) -> int:
        return self.child.process.pid

    def start(self) -> str:
        """Starts it and returns its URL once it answers; raises `CannotStart`."""
        self.launch()
        self.child.wait_until(self.is_ready, self.ready_seconds)
        return self.url

    def launch(self) -> None:
        """Starts it without waiting for it, after stopping one that a killed parent left; raises `CannotStart`."""
        program = find_program(self.package, self.program, self.setting)
        account = account_for(self.data)
        open_the_way(program, account)
        self._child = self._spawn(program, account)

    def ask_to_stop(self) -> None:
        """Asks, and returns at once."""
        if self._child is not None:
            self._child.ask_to_stop()

    def stop(self, seconds: float = 5) -> None:
        """Stops it by then, or insists; harmless when it does not run."""
        if self._child is None:
            return
        self._child.stop(seconds)
        self._child = None
        if self.socket_folder != self.data:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where a client finds it once it is launched."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers."""

    @abstractmethod
    def _spawn(self, program: Path, account: pwd.struct_passwd | None) -> Child: ...
