"""Addresses that are a permission by themselves, for a while: signed, so that nobody guesses one or makes it last."""

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

from votremachine.infra.keys import Keys
from votremachine.kernel.errors import DomainError, Kind

# Long enough for a page to load on a bad line, too short to be passed around.
LIFE = timedelta(minutes=15)


class LinkExpired(DomainError):
    kind = Kind.FORBIDDEN
    code = "link_expired"
    en = "This address was good for a while only. Read again what gave it to you."
    fr = "Cette adresse n'était valable qu'un moment. Relisez ce qui vous l'a donnée."


class Links:
    """Signs paths and checks what comes back."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys.derive("links")

    def sign(self, path: str, now: datetime) -> str:
        """The address of a path, good for 15 to 30 minutes: the same one all that while, so that answers repeat."""
        lives = int(now.timestamp() // LIFE.total_seconds()) + 2
        expires = int(lives * LIFE.total_seconds())
        return f"{path}?expires={expires}&signature={_signature(self._keys[0], path, expires)}"

    def check(self, path: str, expires: int, signature: str, now: datetime) -> None:
        """Raises `LinkExpired`, for a signature of somebody else's, too."""
        right = [_signature(key, path, expires) for key in self._keys]
        good = any(hmac.compare_digest(one.encode(), signature.encode()) for one in right)
        if not good or now >= datetime.fromtimestamp(expires, UTC):
            raise LinkExpired


def _signature(key: bytes, path: str, expires: int) -> str:
    return urlsafe_b64encode(hmac.digest(key, f"{path}\n{expires}".encode(), "sha256")).rstrip(b"=").decode()
