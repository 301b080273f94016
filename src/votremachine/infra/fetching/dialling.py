"""Connections to addresses that were looked up and checked, and to no others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore

from votremachine.infra.fetching.addresses import is_public
from votremachine.infra.fetching.failures import PrivateAddress, UnknownHost

MOST_ADDRESSES = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


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
