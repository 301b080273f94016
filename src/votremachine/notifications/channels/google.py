"""The tokens by which Google knows a service account: asked with a signed assertion (RFC 7523), kept for an hour."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx
import jwt
import msgspec

from votremachine.config import BadSetting

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_SECONDS = 3600
# So long before its end a token is not used any more; of one that lives shorter, for its second half.
EARLY_SECONDS = 300


class ServiceAccount(msgspec.Struct, frozen=True):
    """What Google's console gives to download, as far as it is needed."""

    project_id: str
    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 -- an address

    def __repr__(self) -> str:
        return f"ServiceAccount({self.client_email!r}, …)"


class NoAccess(Exception):
    """No token was given; the message says why."""


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float


def read_account(setting: str) -> ServiceAccount:
    """The account of a setting, its JSON or the file that has it. Raises `BadSetting`, without what stands in it."""
    try:
        text = setting if setting.lstrip().startswith("{") else Path(setting).read_text()
        account = msgspec.json.decode(text, type=ServiceAccount)
        _signed(account, account.token_uri)
    except (OSError, ValueError, TypeError, msgspec.DecodeError, jwt.PyJWTError) as error:
        raise BadSetting(f"VOTREMACHINE_FCM_ACCOUNT is no service account: {type(error).__name__}") from error
    return account


class Access:
    """Keeps one token for all who need it; `clock` counts seconds."""

    def __init__(self, account: ServiceAccount, url: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._account, self._url, self._clock = account, url or account.token_uri, clock
        self._lock = asyncio.Lock()
        self._token, self._good_until = "", 0.0

    async def token(self, http: httpx.AsyncClient, *, instead_of: str = "") -> str:
        """The token that is kept, or a new one when it is about to end, or is the one that was refused.

        Raises `NoAccess`, and what httpx does.
        """
        async with self._lock:
            if not self._token or self._token == instead_of or self._clock() >= self._good_until:
                granted = await self._ask(http)
                life = granted.expires_in
                self._token = granted.access_token
                self._good_until = self._clock() + life - min(EARLY_SECONDS, life / 2)
            return self._token

    async def _ask(self, http: httpx.AsyncClient) -> _Granted:
        asked = {"grant_type": GRANT, "assertion": _signed(self._account, self._account.token_uri)}
        answer = await http.post(self._url, data=asked)
        if answer.status_code != HTTPStatus.OK:
            raise NoAccess(f"the token server answered {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=_Granted)
        except msgspec.DecodeError as error:
            raise NoAccess("the token server gave none") from error


def _signed(account: ServiceAccount, audience: str) -> str:
    now = int(time.time())
    claims = {"iss": account.client_email, "scope": SCOPE, "aud": audience, "iat": now, "exp": now + ASSERTION_SECONDS}
    named = {"kid": account.private_key_id} if account.private_key_id else None
    return jwt.encode(claims, account.private_key, algorithm="RS256", headers=named)
