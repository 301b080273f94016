"""Whether a subscription to Web Push can be one."""

from base64 import urlsafe_b64decode

from cryptography.hazmat.primitives.asymmetric import ec

from votremachine.infra.fetching.addresses import is_public, read_address
from votremachine.infra.fetching.failures import BadAddress
from votremachine.notifications.devices.rules import BadSubscription

_POINT_BYTES, _AUTH_BYTES = 65, 16


def check_endpoint(endpoint: str, *, allow_private: bool) -> None:
    """Whether a push service may be there; what a name stands for is looked at when it is dialled.

    Raises `BadSubscription`. `allow_private` is for tests, which have servers of their own.
    """
    try:
        address = read_address(endpoint)
    except BadAddress as error:
        raise BadSubscription(pointer="/endpoint") from error
    if not allow_private and not (endpoint.lower().startswith("https:") and _is_of_all(address.host)):
        raise BadSubscription(pointer="/endpoint")


def check_keys(p256dh: str, auth: str) -> None:
    """Whether something can be sealed for these: a point of P-256 and 16 bytes (RFC 8291). Raises `BadSubscription`."""
    if not _is_point(p256dh):
        raise BadSubscription(pointer="/keys/p256dh")
    if len(_opened(auth)) != _AUTH_BYTES:
        raise BadSubscription(pointer="/keys/auth")


def _is_of_all(host: str) -> bool:
    """A public IP address, or a name with a dot that no resolver takes for a number."""
    last = host.rpartition(".")
    return is_public(host) or (bool(last[0]) and not last[2][:1].isdigit() and ":" not in host)


def _is_point(text: str) -> bool:
    point = _opened(text)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return len(point) == _POINT_BYTES


def _opened(text: str) -> bytes:
    """Of base64url, padded or not; nothing of what is not."""
    try:
        return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except ValueError:
        return b""
