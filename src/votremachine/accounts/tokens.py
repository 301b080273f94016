"""Access tokens: signed, short-lived, and worth nothing once their session has ended."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

import jwt
import msgspec

from votremachine.accounts.refusals import NotSignedIn
from votremachine.infra.keys import Keys

AUDIENCE = "votremachine"
ALGORITHM = "HS256"
ACCESS_TOKEN_LIFE = timedelta(minutes=10)
# How far the clock of the process that signed may be ahead of ours.
SKEW = timedelta(minutes=1)
REMEMBERED = 4096


class Claims(msgspec.Struct, frozen=True):
    """Whom a token speaks for."""

    person_id: UUID
    session_id: UUID


class Tokens:
    """Signs access tokens with the newest key, and reads those of every key that is kept, each by its id."""

    def __init__(self, keys: Keys) -> None:
        derived = keys.derive("access tokens")
        self._newest = _key_id(derived[0])
        self._keys = {_key_id(key): key for key in derived}
        # A signature once found right stays right; only the hour is looked at again. What is wrong is not remembered.
        self._verify = lru_cache(REMEMBERED)(self._verify_anew)

    def sign(self, claims: Claims, now: datetime, life: timedelta = ACCESS_TOKEN_LIFE) -> str:
        body = {
            "sub": str(claims.person_id),
            "sid": str(claims.session_id),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + life,
        }
        return jwt.encode(body, self._keys[self._newest], ALGORITHM, headers={"kid": self._newest})

    def read(self, token: str, now: datetime) -> Claims:
        """The claims of a token that is ours and alive at `now`; raises `NotSignedIn`."""
        claims, issued, expires = self._verify(token)
        if expires <= now or issued > now + SKEW:
            raise NotSignedIn
        return claims

    def expiry(self, token: str) -> datetime:
        """When a token that is ours ends or ended; raises `NotSignedIn`."""
        return self._verify(token)[2]

    def _verify_anew(self, token: str) -> tuple[Claims, datetime, datetime]:
        try:
            body = jwt.decode(
                token,
                self._keys[jwt.get_unverified_header(token)["kid"]],
                [ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["sub", "sid", "iat", "exp", "aud"], "verify_exp": False, "verify_iat": False},
            )
            claims = Claims(UUID(body["sub"]), UUID(body["sid"]))
            return claims, datetime.fromtimestamp(body["iat"], UTC), datetime.fromtimestamp(body["exp"], UTC)
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, OverflowError, OSError) as error:
            raise NotSignedIn from error


def _key_id(key: bytes) -> str:
    return sha256(b"key id" + key).hexdigest()[:16]
