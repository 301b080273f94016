"""Where a request comes from, as far as it can be believed."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from litestar.types import Scope

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]
UNKNOWN = "unknown"
# What one subscriber is given (RIPE-690, 4.2): who owns the network can use every address in it.
SUBSCRIBER_BITS = 64
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[(.+)\](?::[0-9]+)?")


def networks(listed: str) -> Networks:
    """Networks in CIDR notation, separated by spaces; raises ValueError."""
    return [ip_network(one) for one in listed.split()]


def caller_address(scope: Scope, trusted: Networks) -> str:
    """The address to which limits apply: an IPv4 address, or the /64 of an IPv6 one.

    `X-Forwarded-For` is read from its end, each hop only while the one that named it is a proxy of ours: whatever
    stands further left, the caller may have written.
    """
    client = scope.get("client")
    address = _address(client[0]) if client else None
    if address and _within(address, trusted):
        for hop in reversed(_forwarded(scope)):
            address = _address(hop)
            if address is None or not _within(address, trusted):
                break
    return _subscriber(address) if address else UNKNOWN


def _forwarded(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for value in values for hop in value.split(",") if hop.strip()]


@lru_cache(maxsize=4096)
def _address(hop: str) -> Address | None:
    """An address as proxies write it: some add the port, `1.2.3.4:567` and `[::1]:80`; None for anything else."""
    bare = _WITH_PORT.fullmatch(hop)
    try:
        found = ip_address((bare[1] or bare[2]) if bare else hop)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _within(address: Address, trusted: Networks) -> bool:
    return any(address in network for network in trusted)


@lru_cache(maxsize=4096)
def _subscriber(address: Address) -> str:
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(ip_network((int(address), SUBSCRIBER_BITS), strict=False))
