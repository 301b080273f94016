"""Access tokens: signed, short-lived, and worth nothing once their session has ended."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import jwt
import msgspec

from votremachine.accounts.rules import NotSignedIn

AUDIENCE = "votremachine"
ALGORITHM = "HS256"
ACCESS_TOKEN_LIFE = timedelta(minutes=10)
REMEMBERED = 4096


class Claims(msgspec.Struct, frozen=True):
    """Whom a token speaks for."""

    person_id: UUID
    session_id: UUID


class Tokens:
    """Signs and reads access tokens with the service's secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        # A signature once found right stays right; only the hour is looked at again. What is wrong is not remembered.
        self._verify = lru_cache(REMEMBERED)(self._verify_anew)

    def sign(self, claims: Claims, now: datetime) -> str:
        body = {
            "sub": str(claims.person_id),
            "sid": str(claims.session_id),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + ACCESS_TOKEN_LIFE,
        }
        return jwt.encode(body, self._secret, ALGORITHM)

    def read(self, token: str, now: datetime) -> Claims:
        """The claims of a token that is ours and still alive at `now`; raises `NotSignedIn`."""
        claims, expires = self._verify(token)
        if expires <= now:
            raise NotSignedIn
        return claims

    def _verify_anew(self, token: str) -> tuple[Claims, datetime]:
        try:
            body = jwt.decode(
                token,
                self._secret,
                [ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["sub", "sid", "exp", "aud"], "verify_exp": False, "verify_iat": False},
            )
            return Claims(UUID(body["sub"]), UUID(body["sid"])), datetime.fromtimestamp(body["exp"], UTC)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise NotSignedIn from error
