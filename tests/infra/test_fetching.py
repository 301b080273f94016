"""Which addresses are reached, and which are not, whatever name leads there."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.feed_server import feed_server
from votremachine.infra.fetching.addresses import is_public, read_address
from votremachine.infra.fetching.answers import LONGEST_RETRY, retry_after
from votremachine.infra.fetching.failures import BadAddress, PrivateAddress, UnknownHost
from votremachine.infra.fetching.fetcher import Fetched, Fetcher, Known

PRIVATE = [
    "127.0.0.1",
    "127.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "0.0.0.0",  # noqa: S104 -- to be refused
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "224.0.1.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "ff0e::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "100::1",
    "not an address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2a00:1450::1"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"],
)
async def test_no_spelling_of_this_computer_is_reached(host: str) -> None:
    async with feed_server() as server:
        server.say("secret")
        with pytest.raises((PrivateAddress, UnknownHost)):
            await Fetcher().get(f"http://{host}:{server.port}/", Known())
        assert server.heads == []


async def test_what_was_checked_is_dialled_though_the_name_changes_its_mind() -> None:
    """DNS rebinding: the second look-up would lead to this computer; there is no second one."""
    answers = [["192.0.2.7"], ["127.0.0.1"]]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers.pop(0)

    async with feed_server() as server:
        server.say("secret")
        fetcher = Fetcher(resolve=resolve)
        for _ in range(2):
            with pytest.raises(PrivateAddress):
                await fetcher.get(f"http://rebind.example:{server.port}/", Known())
        assert (asked, server.heads) == (["rebind.example"] * 2, [])


async def test_one_lookup_leads_to_one_connection() -> None:
    looked_up: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    async with feed_server() as server:
        server.say("hello", ETag='"1"')
        url = f"http://nobody-knows-this.example:{server.port}/a b?é=1"
        answer = await Fetcher(allow_private=True, resolve=resolve).get(url.replace(" ", "%20"), Known())
        assert answer == Fetched(b"hello", Known('"1"', None))
        assert looked_up == ["nobody-knows-this.example"]
        assert server.heads[0].startswith("GET /a%20b?%C3%A9=1 HTTP/1.1\r\n")
        assert f"Host: nobody-knows-this.example:{server.port}\r\n" in server.heads[0]


async def test_a_mixed_answer_is_dialled_at_its_public_addresses_only() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "10.0.0.1", "::1"]

    async with feed_server() as server:
        with pytest.raises(PrivateAddress):
            await Fetcher(resolve=resolve).get(f"http://x.example:{server.port}/", Known())
        assert server.heads == []


@pytest.mark.parametrize("location", ["http://[::1", "http://[x]/", "file:///etc/passwd", "http://x.example:99999/"])
async def test_a_redirect_to_no_address(location: str) -> None:
    async with feed_server() as server:
        server.say("", "302 Found", Location=location)
        with pytest.raises(BadAddress):
            await Fetcher(allow_private=True).get(server.url(), Known())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("webcal://x.example/a.ics", "https://x.example/a.ics"),
        (" HTTPS://X.Example ", "https://x.example/"),
        ("https://x.example:443/a#part", "https://x.example/a"),
        ("https://x.example:8443/a?b=c%20d", "https://x.example:8443/a?b=c%20d"),
        ("http://[2001:4860::8]/", "http://[2001:4860::8]/"),
        ("https://bücher.example/é", "https://xn--bcher-kva.example/%C3%A9"),
    ],
)
def test_addresses(text: str, read: str) -> None:
    assert str(read_address(text)) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "//x.example/",
        "gopher://x.example/",
        "http://u@x.example/",
        "http://:p@x.example/",
        "http://x.example:22/",
        "http://x.example:99999/",
        "http://x.example/\r\nHost: y",
        "http://x.example/a b",
        "http://[::1",
        "http://" + "a" * 64 + ".example/",
        "http://x.example/" + "a" * 2000,
    ],
)
def test_bad_addresses(text: str) -> None:
    with pytest.raises(BadAddress):
        read_address(text)


def test_retry_after() -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert retry_after("120", now) == timedelta(minutes=2)
    assert retry_after("Wed, 25 Nov 2026 13:00:00 GMT", now) == timedelta(hours=1)
    assert retry_after("Wed, 25 Nov 2026 11:00:00 GMT", now) == timedelta(0)
    assert retry_after("99999999999999999999", now) == LONGEST_RETRY
    for nonsense in ("", "soon", "-5", "1e9"):
        assert retry_after(nonsense, now) is None
