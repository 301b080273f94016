"""Keys: one for each purpose, derived from the service's secret and from those before it."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Keys:
    """The secret in force and the older ones, newest first; a key of one purpose says nothing about another's."""

    def __init__(self, secret: str, older: Iterable[str] = ()) -> None:
        self._secrets = [one.encode() for one in (secret, *older)]

    def derive(self, purpose: str) -> Sequence[bytes]:
        """32 bytes for each secret, newest first (HMAC as the expand step of HKDF, RFC 5869, 2.3)."""
        return [hmac.digest(secret, purpose.encode() + b"\x01", "sha256") for secret in self._secrets]


class Unreadable(Exception):
    """What was sealed was sealed with a secret that is not kept any more, or it was altered."""


class Seal:
    """Keeps short texts unreadable in the database (Fernet: AES-128-CBC with an HMAC); reads what older keys sealed."""

    def __init__(self, keys: Keys, purpose: str) -> None:
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys.derive(purpose)])

    def close(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Raises `Unreadable`."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise Unreadable from error
