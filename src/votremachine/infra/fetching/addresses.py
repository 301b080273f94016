"""Addresses as people write them, and which of the internet's anybody may reach."""

import ipaddress
from urllib.parse import quote, urlsplit

import msgspec

from votremachine.infra.fetching.failures import BadAddress

LONGEST_URL = 2000
_SCHEMES = {"http": "http", "https": "https", "webcal": "https", "webcals": "https"}
_PORTS = {"http": 80, "https": 443}
_SAFE = "/%:=&?~+!$,;'@()*[]-._"
# Not global, whatever the standard library of this or that version thinks of them.
_NEVER = [
    ipaddress.ip_network(one)
    for one in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4", "2002::/16", "3fff::/20")
]
# All that is given out to anybody (RFC 4291, 2.4); what wraps an IPv4 address lies outside, but for 6to4 above.
_UNICAST_6 = ipaddress.ip_network("2000::/3")


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
