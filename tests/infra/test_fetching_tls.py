"""Secure addresses: the server must prove the name that was asked for, though a checked address is dialled."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests.certificates import DAY, Certified
from tests.feed_server import answer, feed_server, raw
from votremachine.infra.fetching.failures import FetchFailed, NotSecure, Unreachable, Untrusted
from votremachine.infra.fetching.fetcher import Fetched, Fetcher, Known, Limits

Met = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
# Nothing here waits for its end.
PATIENT = Limits(connect=20, read=20, total=40)
NAME = "calendar.example"
AUTHORITY = Certified("authority.example")
STRANGER = Certified("stranger.example")
WORDS = {
    "en": "The server cannot prove that it is the one named: its certificate is not valid.",
    "fr": "Le serveur ne peut pas prouver qu'il est bien celui-ci : son certificat n'est pas valable.",
}


async def here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def fetcher(tls: ssl.SSLContext | None) -> Fetcher:
    return Fetcher(allow_private=True, resolve=here, limits=PATIENT, tls=tls)


def noting(context: ssl.SSLContext) -> tuple[ssl.SSLContext, list[str | None]]:
    """A server's context, and the names that it is asked for (SNI)."""
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    return context, asked


async def test_a_server_that_proves_its_name_is_read_and_asked_by_name() -> None:
    context, asked = noting(Certified(NAME, AUTHORITY).serving())
    async with feed_server(context) as server:
        server.say("hello")
        found = await fetcher(AUTHORITY.trusted()).get(f"https://{NAME}:{server.port}/a.ics", Known())
    assert found == Fetched(b"hello", Known())
    assert asked == [NAME], "the address would say nothing to a server of many names"
    assert f"Host: {NAME}:{server.port}\r\n" in server.heads[0]


async def test_webcal_is_secure_and_a_redirect_must_prove_its_own_name() -> None:
    context, asked = noting(Certified(NAME, AUTHORITY).serving())
    other, asked_other = noting(Certified("other.example", AUTHORITY).serving())
    async with feed_server(context) as server, feed_server(other) as second:
        server.serve = raw(answer(b"", "302 Found", Location=f"https://other.example:{second.port}/b.ics"))
        second.say("there")
        found = await fetcher(AUTHORITY.trusted()).get(f"webcal://{NAME}:{server.port}/a.ics", Known())
        assert found == Fetched(b"there", Known())
        assert (asked, asked_other) == ([NAME], ["other.example"])
        # Under another name than it can prove.
        server.serve = raw(answer(b"", "302 Found", Location=f"https://third.example:{second.port}/b.ics"))
        with pytest.raises(Untrusted):
            await fetcher(AUTHORITY.trusted()).get(f"https://{NAME}:{server.port}/a.ics", Known())
        assert len(second.heads) == 1


async def test_an_address_in_place_of_a_name_is_proved_too() -> None:
    async with feed_server(Certified("127.0.0.1", AUTHORITY).serving()) as server:
        server.say("hello")
        found = await fetcher(AUTHORITY.trusted()).get(f"https://127.0.0.1:{server.port}/", Known())
    assert found == Fetched(b"hello", Known())


@pytest.mark.parametrize(
    ("shown", "trusted"),
    [
        pytest.param(Certified("other.example", AUTHORITY), AUTHORITY, id="another name"),
        pytest.param(Certified(f"a.{NAME}", AUTHORITY), AUTHORITY, id="a part of the name"),
        pytest.param(Certified("127.0.0.1", AUTHORITY), AUTHORITY, id="the address that is dialled, not the name"),
        pytest.param(Certified(NAME, AUTHORITY, -3 * DAY, -DAY), AUTHORITY, id="expired"),
        pytest.param(Certified(NAME, AUTHORITY, DAY, 3 * DAY), AUTHORITY, id="not valid yet"),
        pytest.param(Certified(NAME), AUTHORITY, id="signed by itself"),
        pytest.param(Certified(NAME, STRANGER), AUTHORITY, id="signed by a stranger"),
        pytest.param(Certified(NAME, AUTHORITY), None, id="signed by none of those that everybody trusts"),
    ],
)
async def test_who_cannot_prove_the_name_is_asked_nothing(shown: Certified, trusted: Certified | None) -> None:
    async with feed_server(shown.serving()) as server:
        server.say("secret")
        with pytest.raises(Untrusted) as raised:
            await fetcher(trusted.trusted() if trusted else None).get(
                f"https://{NAME}:{server.port}/token.ics", Known()
            )
    assert server.heads == [], "the address itself is a secret"
    assert {language: raised.value.sentence(language) for language in ("en", "fr")} == WORDS


async def impolite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server without TLS, as most answer to what they do not understand."""
    await reader.read(10_000)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10_000)
    writer.close()


def outdated() -> ssl.SSLContext:
    """Of a server that speaks only what is broken."""
    context = Certified(NAME, AUTHORITY).serving()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(("serve", "old"), [(impolite, False), (slam, False), (impolite, True)])
async def test_a_server_that_does_not_speak_securely(serve: Met, old: bool) -> None:
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=outdated() if old else None)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(FetchFailed) as raised:
            await fetcher(AUTHORITY.trusted()).get(f"https://{NAME}:{port}/token.ics", Known())
    assert type(raised.value) is NotSecure


async def test_nobody_there_is_not_a_question_of_security() -> None:
    async with feed_server() as server:
        port = server.port
    with pytest.raises(FetchFailed) as raised:
        await fetcher(AUTHORITY.trusted()).get(f"https://{NAME}:{port}/", Known())
    assert type(raised.value) is Unreachable
