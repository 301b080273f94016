"""Refresh tokens: which session they belong to, and whether we ever gave them. Pure.

A token is its session's id, 32 bytes, and our mark on both. The database keeps the hash of the newest one of each
session; another with our mark is an old one, so somebody uses a copy. Without the mark it is nobody's.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from uuid import UUID

from votremachine.infra.keys import Keys

ID_BYTES, SECRET_BYTES, MARK_BYTES = 16, 32, 16


class Refreshing:
    """Makes and recognises refresh tokens with the service's keys."""

    def __init__(self, keys: Keys) -> None:
        self._marks = keys.derive("refresh tokens")
        self._following = keys.derive("following refresh tokens")[0]

    def make(self, session_id: UUID, secret: bytes) -> str:
        """A token of this session; `secret` is 32 random bytes."""
        body = session_id.bytes + secret
        return urlsafe_b64encode(body + _mark(self._marks[0], body)).decode()

    def session_of(self, token: str) -> UUID | None:
        """The session for which we gave this token, or None when we never did."""
        try:
            raw = urlsafe_b64decode(token)
        except ValueError:
            return None
        body, mark = raw[:-MARK_BYTES], raw[-MARK_BYTES:]
        # The same bytes written otherwise are not the token that we gave.
        if len(body) != ID_BYTES + SECRET_BYTES or urlsafe_b64encode(raw).decode() != token:
            return None
        ours = any(hmac.compare_digest(mark, _mark(key, body)) for key in self._marks)
        return UUID(bytes=body[:ID_BYTES]) if ours else None

    def following(self, token: str, key: str) -> bytes:
        """The secret that follows a token when its holder asks with this Idempotency-Key.

        Always the same one: a phone that lost the answer asks again and gets it, without anybody's alarm.
        """
        return hmac.digest(self._following, f"{token}\0{key}".encode(), "sha256")


def digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _mark(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:MARK_BYTES]
