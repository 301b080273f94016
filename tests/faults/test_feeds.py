"""Servers of calendars that hang, cut short, lead astray, lie or send without end: a typed error, soon, and no more."""

import asyncio
import gzip
import time
import tracemalloc
import zlib

import httpcore
import pytest

from tests.feed_server import FeedServer, Serve, answer, feed_server, raw
from votremachine.infra.fetching.failures import (
    BadAddress,
    CutShort,
    FetchFailed,
    GoneForGood,
    NothingThere,
    NotModifiedUnasked,
    ServerTrouble,
    SignInWanted,
    TooLarge,
    TooManyRedirects,
    TooSlow,
    Unreachable,
    UnreadableAnswer,
)
from votremachine.infra.fetching.fetcher import Fetched, Fetcher, Known, Limits, NotModified

QUICK = Limits(connect=0.5, read=0.5, total=1.5)


def drip(part: bytes, pause: float) -> Serve:
    async def serve(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\n\r\n")
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return serve


async def hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


def bomb() -> bytes:
    """A gigabyte of nothing in a megabyte."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(bytes(1_000_000)) for _ in range(1_000)) + pack.flush()


def moved(to: str, status: str = "302 Found") -> Serve:
    return raw(answer(b"", status, Location=to))


@pytest.mark.parametrize(
    ("serve", "error"),
    [
        (hang, TooSlow),
        (drip(b"x", 0.1), TooSlow),
        (drip(b"x" * 1_000_000, 0), TooLarge),
        (raw(answer(b"x", Content_Length="200000000")), TooLarge),
        (raw(answer(b"x" * 10_000_001)), TooLarge),
        (raw(answer(bomb(), Content_Encoding="gzip")), TooLarge),
        (raw(answer(b"half", Content_Length="1000")), CutShort),
        (raw(answer(gzip.compress(b"x" * 1000)[:-9], Content_Encoding="gzip")), CutShort),
        (raw(answer(b"not packed", Content_Encoding="gzip")), UnreadableAnswer),
        (raw(answer(b"packed oddly", Content_Encoding="zstd")), UnreadableAnswer),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), CutShort),
        (raw(b"SSH-2.0-OpenSSH\r\n"), CutShort),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 200_000), CutShort),
        (raw(b""), CutShort),
        (raw(answer(b"", "304 Not Modified")), NotModifiedUnasked),
        (raw(answer(b"", "401 Who")), SignInWanted),
        (raw(answer(b"", "403 No")), SignInWanted),
        (raw(answer(b"", "404 Where")), NothingThere),
        (raw(answer(b"", "410 Gone")), GoneForGood),
        (raw(answer(b"", "204 Nothing")), ServerTrouble),
        (raw(answer(b"", "302 Found")), ServerTrouble),
        (raw(answer(b"", "500 Oh")), ServerTrouble),
        (moved("/calendar.ics"), TooManyRedirects),
        (moved("file:///etc/passwd"), BadAddress),
        (moved("http://u:p@x.example/"), BadAddress),
    ],
)
async def test_bad_servers(serve: Serve, error: type[FetchFailed]) -> None:
    async with feed_server() as server:
        server.serve = serve
        began = time.monotonic()
        tracemalloc.start()
        with pytest.raises(error) as raised:
            await Fetcher(allow_private=True, limits=QUICK).get(server.url(), Known())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert type(raised.value) is error
        assert time.monotonic() - began < 5
        assert peak < 60_000_000
        for language in ("fr", "en"):
            assert raised.value.sentence(language)


async def test_redirects_are_followed_three_times_and_each_is_checked() -> None:
    async with feed_server() as server, feed_server() as inside:
        inside.say("secret")

        def lead(times: int) -> Serve:
            async def serve(writer: asyncio.StreamWriter) -> None:
                path = server.heads[-1].split(" ")[1]
                step = int(path.removeprefix("/"))
                data = answer(b"found") if step == times else answer(b"", "301 Moved", Location=f"/{step + 1}")
                await raw(data)(writer)

            return serve

        fetcher = Fetcher(allow_private=True, limits=QUICK)
        server.serve = lead(3)
        assert await fetcher.get(server.url("/0"), Known()) == Fetched(b"found", Known())
        server.serve = lead(4)
        with pytest.raises(TooManyRedirects):
            await fetcher.get(server.url("/0"), Known())

        # A public name whose server leads to this computer: the second address is looked up and refused.
        async def resolve(host: str, port: int) -> list[str]:
            return {"public.example": ["93.184.215.14"], "127.0.0.1": ["127.0.0.1"]}[host]

        guarded = Fetcher(resolve=resolve, limits=QUICK)
        guarded._backend._dialler = _Detour(server)  # type: ignore[assignment]
        server.serve = moved(inside.url())
        with pytest.raises(FetchFailed) as raised:
            await guarded.get("http://public.example/", Known())
        assert raised.value.code == "private_address"
        assert inside.heads == []


class _Detour:
    """Stands for the internet: every public address is the test's own server."""

    def __init__(self, server: FeedServer) -> None:
        self._real, self._port = httpcore.AnyIOBackend(), server.port

    async def connect_tcp(self, host: str, *_: object) -> object:
        assert host == "93.184.215.14"
        return await self._real.connect_tcp("127.0.0.1", self._port)


async def test_nobody_listens() -> None:
    async with feed_server() as server:
        url = server.url()
    with pytest.raises(Unreachable):
        await Fetcher(allow_private=True, limits=QUICK).get(url, Known())


async def test_conditional_and_packed_answers() -> None:
    async with feed_server() as server:
        fetcher = Fetcher(allow_private=True, limits=QUICK)
        server.say(gzip.compress(b"hello" * 1000), Content_Encoding="gzip", ETag='W/"a"', Last_Modified="yesterday")
        assert await fetcher.get(server.url(), Known()) == Fetched(b"hello" * 1000, Known('W/"a"', "yesterday"))
        server.say(b"", "304 Not Modified")
        assert await fetcher.get(server.url(), Known('W/"a"', "yesterday")) == NotModified()
        assert 'If-None-Match: W/"a"\r\n' in server.heads[-1]
        assert "If-Modified-Since: yesterday\r\n" in server.heads[-1]
