"""Addresses: the API's own on this machine, which must be free and then answer, and that of a Redis which must."""

import http.client
import socket
from contextlib import closing
from http import HTTPStatus

from votremachine.infra.servers.process import CannotStart

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- what an operator may set


def check_free(host: str, port: int) -> None:
    """Raises `CannotStart` when nobody can listen there.

    granian lets several processes share a port, so it would not notice a stranger of its own kind.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last one's closed lines may linger
            line.bind((host, port))
            line.listen()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise CannotStart(
            f"port {port} of {host} cannot be used ({reason}): set VOTREMACHINE_PORT to another"
        ) from error


def local_url(host: str, port: int) -> str:
    """How a client on this machine writes it, also when the API listens on every address."""
    host = EVERY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_ready(host: str, port: int) -> bool:
    """Whether the API there says so."""
    with closing(http.client.HTTPConnection(EVERY_ADDRESS.get(host, host), port, timeout=5)) as line:
        try:
            line.request("GET", "/health/ready")
            return line.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def check_redis(url: str) -> None:
    """Raises `CannotStart` when no Redis answers there."""
    import redis  # only when it is the operator's own: 0.2 s

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(f"the server of VOTREMACHINE_REDIS_URL is unreachable: {error}") from error
