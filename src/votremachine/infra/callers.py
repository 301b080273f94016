"""Where a request comes from, as far as it can be believed."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from litestar.types import Scope

Networks = Sequence[IPv4Network | IPv6Network]
UNKNOWN = "unknown"
# What one subscriber is given (RIPE-690, 4.2): who owns the network can use every address in it.
SUBSCRIBER_BITS = 64


def networks(listed: str) -> Networks:
    """Networks in CIDR notation, separated by spaces; raises ValueError."""
    return [ip_network(one) for one in listed.split()]


def caller_address(scope: Scope, trusted: Networks) -> str:
    """The address to which limits apply: an IPv4 address, or the /64 of an IPv6 one.

    `X-Forwarded-For` is read from its end, each hop only while the one that named it is a proxy of ours: whatever
    stands further left, the caller may have written.
    """
    client = scope.get("client")
    address = client[0] if client else UNKNOWN
    if trusted and _within(address, trusted):
        for hop in reversed(_forwarded(scope)):
            address = hop
            if not _within(hop, trusted):
                break
    return _subscriber(address)


def _forwarded(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [hop.strip() for value in values for hop in value.split(",") if hop.strip()]


def _within(address: str, trusted: Networks) -> bool:
    try:
        return any(ip_address(address) in network for network in trusted)
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def _subscriber(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return UNKNOWN
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), SUBSCRIBER_BITS), strict=False))
