"""Fetching what strangers name: a GET over HTTP that reaches public addresses only, and takes no more than it should.

The name is looked up here, its addresses are checked, and exactly a checked one is dialled: a name that leads
elsewhere a moment later (DNS rebinding) gains nothing. TLS still wants the certificate of the name.
"""

import asyncio
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urljoin, urlsplit

import httpcore
import msgspec

import votremachine
from votremachine.kernel.errors import DomainError

LARGEST_BYTES = 10_000_000
MOST_REDIRECTS = 3
MOST_ADDRESSES = 4
LONGEST_URL = 2000
LONGEST_RETRY = timedelta(days=1)
CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 10.0, 20.0, 60.0
_SCHEMES = {"http": "http", "https": "https", "webcal": "https", "webcals": "https"}
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_SAFE = "/%:=&?~+!$,;'@()*[]-._"
# Not global, whatever the standard library of this or that version thinks of them.
_NEVER = [
    ipaddress.ip_network(one)
    for one in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4", "2002::/16", "3fff::/20")
]
# All that is given out to anybody (RFC 4291, 2.4); what wraps an IPv4 address lies outside, but for 6to4 above.
_UNICAST_6 = ipaddress.ip_network("2000::/3")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class FetchFailed(DomainError):
    """Why nothing was had from an address; `retry_after` is what the server asked for."""

    code = "fetch_failed"
    en = "The address could not be read."
    fr = "L'adresse n'a pas pu être lue."
    retry_after: timedelta | None = None


class BadAddress(FetchFailed):
    code = "bad_address"
    en = "This is not an address of the web that can be read: https, http or webcal, without a password in it."
    fr = "Ce n'est pas une adresse du web que l'on puisse lire : https, http ou webcal, sans mot de passe."


class PrivateAddress(FetchFailed):
    code = "private_address"
    en = "This address leads into a private network, which is not read."
    fr = "Cette adresse mène dans un réseau privé, qui n'est pas lu."


class UnknownHost(FetchFailed):
    code = "unknown_host"
    en = "No server has this name."
    fr = "Aucun serveur ne porte ce nom."


class Unreachable(FetchFailed):
    code = "unreachable"
    en = "The server cannot be reached."
    fr = "Le serveur est injoignable."


class Untrusted(FetchFailed):
    code = "untrusted_server"
    en = "The server cannot prove that it is the one named: its certificate is not valid."
    fr = "Le serveur ne peut pas prouver qu'il est bien celui-ci : son certificat n'est pas valable."


class TooSlow(FetchFailed):
    code = "too_slow"
    en = "The server took too long to answer."
    fr = "Le serveur a mis trop de temps à répondre."


class TooLarge(FetchFailed):
    code = "too_large"
    en = "The answer is larger than {megabytes} MB."
    fr = "La réponse dépasse {megabytes} Mo."


class CutShort(FetchFailed):
    code = "cut_short"
    en = "The answer broke off before its end."
    fr = "La réponse s'est interrompue avant la fin."


class UnreadableAnswer(FetchFailed):
    code = "unreadable_answer"
    en = "The server answers in a way that cannot be read."
    fr = "Le serveur répond d'une façon illisible."


class TooManyRedirects(FetchFailed):
    code = "too_many_redirects"
    en = "The address leads on to another one more than {most} times."
    fr = "L'adresse renvoie à une autre plus de {most} fois."


class NoLongerSecure(FetchFailed):
    code = "no_longer_secure"
    en = "The secure address leads on to one that is not."
    fr = "L'adresse sécurisée renvoie à une autre qui ne l'est pas."


class SignInWanted(FetchFailed):
    code = "sign_in_wanted"
    en = "The server wants a sign-in. Use the secret address of the calendar."
    fr = "Le serveur demande une connexion. Utilisez l'adresse secrète du calendrier."


class NothingThere(FetchFailed):
    code = "nothing_there"
    en = "There is nothing at this address (any more)."
    fr = "Il n'y a rien (ou plus rien) à cette adresse."


class GoneForGood(FetchFailed):
    code = "gone"
    en = "The server says that this address is gone for good."
    fr = "Le serveur indique que cette adresse a disparu définitivement."


class ServerTrouble(FetchFailed):
    code = "server_trouble"
    en = "The server answers with an error ({status})."
    fr = "Le serveur répond par une erreur ({status})."


class NotModifiedUnasked(FetchFailed):
    code = "not_modified_unasked"
    en = "The server says that nothing changed, though it was not asked that."
    fr = "Le serveur répond que rien n'a changé, alors que ce n'était pas demandé."


FAILURES: tuple[type[FetchFailed], ...] = (
    FetchFailed,
    BadAddress,
    PrivateAddress,
    UnknownHost,
    Unreachable,
    Untrusted,
    TooSlow,
    TooLarge,
    CutShort,
    UnreadableAnswer,
    TooManyRedirects,
    NoLongerSecure,
    SignInWanted,
    NothingThere,
    GoneForGood,
    ServerTrouble,
    NotModifiedUnasked,
)


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


class Address(msgspec.Struct, frozen=True):
    """A readable address of the web, taken apart once: `target` is its path and query, percent-encoded."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


class Limits(msgspec.Struct, frozen=True):
    """How long each step and all of it may take, and how much may come."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    total: float = TOTAL_SECONDS
    size: int = LARGEST_BYTES


def read_address(text: str) -> Address:
    """The address; `webcal://` means https. Raises `BadAddress`: another scheme, a password, an odd port or host."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        scheme, host, port = _SCHEMES.get(parts.scheme.lower()), parts.hostname, parts.port
        if scheme is None or not host or len(text) > LONGEST_URL or "\\" in text or not text.isprintable():
            raise BadAddress
        if parts.username is not None or parts.password is not None or any(one.isspace() for one in text):
            raise BadAddress
        host = str(ipaddress.IPv6Address(host)) if ":" in host else host.encode("idna").decode("ascii")
    except ValueError as error:
        raise BadAddress from error
    port = _PORTS[scheme] if port is None else port
    # Below are mail servers and the like, which would be told our request as commands.
    if port not in _PORTS.values() and port < 1024:
        raise BadAddress
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return Address(scheme, host, port, target)


def is_public(address: str) -> bool:
    """Whether anybody on the internet would reach the same machine at this IP address."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:  # with a scope, as link-local ones have
        return False
    if any(known in network for network in _NEVER if network.version == known.version):
        return False
    if known.version == 6 and known not in _UNICAST_6:
        return False
    return known.is_global and not known.is_multicast


async def resolve(host: str, port: int) -> Sequence[str]:
    """The IP addresses of a name, as this computer knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)  # SOCK_STREAM
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guarded(httpcore.AsyncNetworkBackend):
    """Dials what was checked, and only that."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve, self._allow_private = resolve, allow_private
        self._dialler = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- as the library calls it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise UnknownHost from error
        checked = [one for one in found if self._allow_private or is_public(one)]
        if not checked:
            raise PrivateAddress if found else UnknownHost
        *first, last = checked[:MOST_ADDRESSES]
        for address in first:
            try:
                return await self._dialler.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._dialler.connect_tcp(last, port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        raise PrivateAddress

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


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
            raise (Untrusted if "certificate" in str(error).lower() else Unreachable) from error
        except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.UnsupportedProtocol, ssl.SSLError) as error:
            raise UnreadableAnswer from error

    async def _follow(self, address: Address, known: Known, accept: str) -> Fetched | NotModified:
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._ask(address, known, accept)
            if not isinstance(answer, str):
                return answer
            following = read_address(urljoin(str(address), answer))
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
            _check(response.status, headers)
            body = await _read(response.aiter_stream(), headers, limits.size)
        return Fetched(body, Known(_short(headers.get("etag")), _short(headers.get("last-modified"))))


def _headers(address: Address, known: Known, accept: str) -> Iterator[tuple[bytes, bytes]]:
    yield b"Host", address.authority.encode()
    yield b"User-Agent", f"Votremachine/{votremachine.__version__}".encode()
    yield b"Accept", accept.encode()
    yield b"Accept-Encoding", b"gzip"
    if known.etag:
        yield b"If-None-Match", known.etag.encode("latin-1")
    if known.last_modified:
        yield b"If-Modified-Since", known.last_modified.encode("latin-1")


def _check(status: int, headers: dict[str, str]) -> None:
    if status == 200:
        return
    if status in (401, 403):
        raise SignInWanted
    if status == 404:
        raise NothingThere
    if status == 410:
        raise GoneForGood
    failure = ServerTrouble(status=status)
    failure.retry_after = retry_after(headers.get("retry-after", ""), datetime.now(UTC))
    raise failure


def retry_after(said: str, now: datetime) -> timedelta | None:
    """How long a server asks us to wait, in seconds or until a date (RFC 9110, 10.2.3); at most a day."""
    said = said.strip()
    if said.isascii() and said.isdigit():
        return min(timedelta(seconds=int(said[:9])), LONGEST_RETRY)
    try:
        until = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), LONGEST_RETRY)


async def _read(parts: AsyncIterable[bytes], headers: dict[str, str], most: int) -> bytes:
    """The body, unpacked; never more than `most` bytes of it in memory, packed or not."""
    too_large = TooLarge(megabytes=most // 1_000_000)
    length = headers.get("content-length", "")
    if length.isdigit() and int(length[:18]) > most:
        raise too_large
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UnreadableAnswer
    unpack = zlib.decompressobj(47) if encoding in ("gzip", "x-gzip", "deflate") else None
    body, came = bytearray(), 0
    async for part in parts:
        came += len(part)
        try:
            # One byte more than may be: it says that there would be more.
            body += part if unpack is None else unpack.decompress(part, most + 1 - len(body))
        except zlib.error as error:
            raise UnreadableAnswer from error
        if len(body) > most or came > most or (unpack is not None and unpack.unconsumed_tail):
            raise too_large
    if unpack is not None and not unpack.eof:
        raise CutShort
    return bytes(body)


def _short(validator: str | None) -> str | None:
    """A validator worth keeping."""
    return validator if validator and len(validator) <= 500 and validator.isprintable() else None
