"""A lean HTTP/1.1 load client: keep-alive connections that send prepared bytes and read status and length only.

The same client drives the API and the baseline, so that what it costs itself weighs on both alike.
"""

import asyncio
import http.client
import re
from collections.abc import Iterator
from contextlib import closing
from time import perf_counter
from typing import Any, cast

import msgspec

HOST = "127.0.0.1"
CONNECTIONS = 16
PATIENCE_SECONDS = 30  # for the answers still under way when a round is over
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODILESS = {204, 304}


class WrongAnswer(Exception):
    """An answer that the case does not allow; the message is what came instead."""


class Answer(msgspec.Struct):
    etag: str
    body: Any


class Load(msgspec.Struct, kw_only=True):
    """What a round sends to 127.0.0.1: each request once, by whichever connection is free."""

    port: int
    requests: Iterator[bytes]
    status: int  # that every answer must have
    bodies: list[bytes] | None = None  # where the answers' bodies are kept, if they are wanted


class Sample(msgspec.Struct):
    """One round: how much was done, in how many seconds, and how long each took (seconds)."""

    done: int
    seconds: float
    latencies: list[float]
    peak_rss_mb: float = 0  # of a process that the case started itself

    @property
    def rate(self) -> float:
        """Per second."""
        return self.done / self.seconds


def encoded(method: str, path: str, token: str = "", body: bytes = b"", **headers: str) -> bytes:
    """One request as it travels; `If_None_Match` stands for the header If-None-Match."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Authorization: Bearer {token}"] * bool(token)
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] * bool(body)
    return "\r\n".join([*lines, "\r\n"]).encode() + body


def ask(port: int, method: str, path: str, body: Any = None, token: str = "", **more: str) -> Answer:
    """One question outside of any round, with these headers; raises `WrongAnswer` when it is refused."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    with closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE_SECONDS)) as line:
        line.request(method, path, None if body is None else msgspec.json.encode(body), headers)
        answer = line.getresponse()
        content = answer.read()
    if answer.status >= 300:
        raise WrongAnswer(f"{method} {path}: {answer.status} {content.decode(errors='replace')}")
    return Answer(answer.headers.get("ETag", ""), msgspec.json.decode(content))


async def drive(load: Load, seconds: float, connections: int = CONNECTIONS) -> Sample:
    """Send for that long, or until there are no more requests; every answer is awaited.

    Raises `WrongAnswer`, and `OSError` when a connection breaks.
    """
    loop = asyncio.get_running_loop()
    lines: list[_Line] = []
    try:
        for _ in range(connections):
            _, line = await loop.create_connection(lambda: _Line(load), HOST, load.port)
            lines.append(line)
        began = perf_counter()
        for line in lines:
            line.begin(began + seconds)
        async with asyncio.timeout(seconds + PATIENCE_SECONDS):
            await asyncio.gather(*(line.ended for line in lines))
        took = perf_counter() - began
    finally:
        for line in lines:
            line.close()
    latencies = [latency for line in lines for latency in line.latencies]
    if not latencies:
        raise WrongAnswer("there was nothing left to send")
    return Sample(len(latencies), took, latencies)


class _Line(asyncio.Protocol):
    """One connection, with one request under way at a time."""

    def __init__(self, load: Load) -> None:
        self.latencies: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._load = load
        self._received = b""
        self._until = self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def begin(self, until: float) -> None:
        """Send one request after another until that reading of `perf_counter`."""
        self._until = until
        self._send_next()

    def close(self) -> None:
        self.ended.cancel()
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0 or self.ended.done():
            return
        status = int(self._received[9:12])
        length = self._length(status, head)
        if length is None or len(self._received) < head + 4 + length:
            return
        self.latencies.append(perf_counter() - self._sent)
        body, self._received = self._received[head + 4 :], b""
        self._answered(status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def _length(self, status: int, head: int) -> int | None:
        """Of the body, in bytes; None when the answer does not say, which ends the round."""
        if status in _BODILESS:
            return 0
        if (found := _LENGTH.search(self._received, 0, head)) is not None:
            return int(found[1])
        self.ended.set_exception(WrongAnswer(f"{status} without a content-length"))
        return None

    def _answered(self, status: int, body: bytes) -> None:
        if status != self._load.status:
            said = body.decode(errors="replace")
            self.ended.set_exception(WrongAnswer(f"{status} instead of {self._load.status}: {said}"))
            return
        if self._load.bodies is not None:
            self._load.bodies.append(body)
        self._send_next()

    def _send_next(self) -> None:
        now = perf_counter()
        request = next(self._load.requests, None) if now < self._until else None
        if request is None:
            self.ended.set_result(None)
            return
        self._sent = now
        self._transport.write(request)
