"""A server of calendars with real sockets, which behaves as badly as it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class FeedServer:
    """Answers every request with `serve`; the heads of the requests are kept."""

    port: int = 0
    serve: Serve | None = None
    heads: list[str] = field(default_factory=list)

    def url(self, path: str = "/calendar.ics") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def say(self, body: bytes | str, status: str = "200 OK", **headers: str) -> None:
        """Answer with this from now on."""
        sent = body.encode() if isinstance(body, str) else body
        self.serve = raw(answer(sent, status, **headers))


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    said = {"Content-Type": "text/calendar", "Content-Length": str(len(body))}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def raw(data: bytes) -> Serve:
    async def serve(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return serve


@asynccontextmanager
async def feed_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[FeedServer]:
    server = FeedServer()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            if server.serve is not None:
                await server.serve(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(met, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def event(uid: str, start: str, end: str, *more: str) -> str:
    lines = ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART{start}", f"DTEND{end}", *more]
    return "\r\n".join([*lines, "END:VEVENT"]) + "\r\n"


def calendar(*events: str) -> str:
    return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n" + "".join(events) + "END:VCALENDAR\r\n"
