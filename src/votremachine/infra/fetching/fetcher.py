"""One GET: redirects followed, time and size limited, every way to fail named."""

import asyncio
import ssl
from collections.abc import Iterator
from urllib.parse import urljoin

import httpcore
import msgspec

import votremachine
from votremachine.infra.fetching import answers
from votremachine.infra.fetching.addresses import Address, read_address
from votremachine.infra.fetching.dialling import Guarded, Resolve, resolve
from votremachine.infra.fetching.failures import (
    BadAddress,
    CutShort,
    FetchFailed,
    NoLongerSecure,
    NotModifiedUnasked,
    NotSecure,
    TooManyRedirects,
    TooSlow,
    Unreachable,
    UnreadableAnswer,
    Untrusted,
)

LARGEST_BYTES = 10_000_000
MOST_REDIRECTS = 3
CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 10.0, 20.0, 60.0
_REDIRECTS = (301, 302, 303, 307, 308)


class Known(msgspec.Struct, frozen=True):
    """The validators of what is known already; with none, the answer is wanted whatever it is."""

    etag: str | None = None
    last_modified: str | None = None


class Fetched(msgspec.Struct, frozen=True):
    """An answer, unpacked, with its validators."""

    body: bytes
    known: Known


class NotModified(msgspec.Struct, frozen=True):
    """What is known is still true."""


class Limits(msgspec.Struct, frozen=True):
    """How long each step and all of it may take, and how much may come."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    total: float = TOTAL_SECONDS
    size: int = LARGEST_BYTES


class Fetcher:
    """Gets files from addresses that strangers gave. `allow_private` is for tests, which have servers of their own."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._backend = Guarded(resolve, allow_private=allow_private)
        self._limits = limits or Limits()
        self._tls = tls

    async def get(self, url: str, known: Known, accept: str = "*/*") -> Fetched | NotModified:
        """What is at an address, unless it is still what is known. Raises a `FetchFailed`."""
        try:
            async with asyncio.timeout(self._limits.total):
                return await self._follow(read_address(url), known, accept)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise TooSlow from error
        except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError) as error:
            raise CutShort from error
        except httpcore.ConnectError as error:
            raise _unconnected(error) from error
        except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.UnsupportedProtocol, ssl.SSLError) as error:
            raise UnreadableAnswer from error

    async def _follow(self, address: Address, known: Known, accept: str) -> Fetched | NotModified:
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._ask(address, known, accept)
            if not isinstance(answer, str):
                return answer
            following = _following(address, answer)
            if address.scheme == "https" and following.scheme != "https":
                raise NoLongerSecure
            address = following
        raise TooManyRedirects(most=MOST_REDIRECTS)

    async def _ask(self, address: Address, known: Known, accept: str) -> Fetched | NotModified | str:
        """One request; a text is where the answer leads on to."""
        limits = self._limits
        timeouts = {"connect": limits.connect, "read": limits.read, "write": limits.read, "pool": limits.connect}
        url = httpcore.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=address.target.encode(),
        )
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls, max_connections=1, max_keepalive_connections=0, network_backend=self._backend
        )
        sent = list(_headers(address, known, accept))
        async with pool, pool.stream("GET", url, headers=sent, extensions={"timeout": timeouts}) as response:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _REDIRECTS and "location" in headers:
                return headers["location"]
            if response.status == 304:
                if known == Known():
                    raise NotModifiedUnasked
                return NotModified()
            answers.check(response.status, headers)
            body = await answers.read(response.aiter_stream(), headers, limits.size)
        return Fetched(body, Known(answers.short(headers.get("etag")), answers.short(headers.get("last-modified"))))


def _following(address: Address, location: str) -> Address:
    """Where a redirect leads. Raises `BadAddress`."""
    try:
        return read_address(urljoin(str(address), location))
    except ValueError as error:
        # `urljoin` itself does not take every text.
        raise BadAddress from error


def _unconnected(error: httpcore.ConnectError) -> FetchFailed:
    """Why there is no connection: only after it reached the server does anything but the system itself say no."""
    why = error.args[0] if error.args else None
    if isinstance(why, ssl.SSLCertVerificationError):
        return Untrusted()
    if isinstance(why, ssl.SSLError) or not isinstance(why, OSError):
        return NotSecure()
    return Unreachable()


def _headers(address: Address, known: Known, accept: str) -> Iterator[tuple[bytes, bytes]]:
    yield b"Host", address.authority.encode()
    yield b"User-Agent", f"Votremachine/{votremachine.__version__}".encode()
    yield b"Accept", accept.encode()
    yield b"Accept-Encoding", b"gzip"
    if known.etag:
        yield b"If-None-Match", known.etag.encode("latin-1")
    if known.last_modified:
        yield b"If-Modified-Since", known.last_modified.encode("latin-1")
