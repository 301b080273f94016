"""What the routes of every slice read from a request: whom its token speaks for, how often it may ask, its device."""

from collections.abc import Awaitable, Callable

from votremachine.accounts.limits import ACCOUNT, ANYBODY
from votremachine.accounts.refusals import NotSignedIn
from votremachine.accounts.tokens import Claims, Tokens
from votremachine.infra.callers import Networks, caller_address
from votremachine.infra.database import Clock
from votremachine.infra.limits import Limit, Limits, Standing, TooManyRequests
from votremachine.infra.wire import HttpRequest

LONGEST_DEVICE = 200
BearerReader = Callable[[HttpRequest], Claims]


def claims_reader(tokens: Tokens, clock: Clock) -> BearerReader:
    """What tells whom a request's bearer token speaks for; whether the session lives, the verbs ask.

    A closure and not a dependency on others: Litestar opens a task group for dependencies that need several.
    """

    def read_claims(request: HttpRequest) -> Claims:
        return tokens.read(bearer(request), clock())

    return read_claims


def bearer(request: HttpRequest) -> str:
    """The token that a request brings; raises `NotSignedIn` when it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn
    return token.strip()


class Turnstile:
    """Counts requests: by account for who is signed in, otherwise by address on the network."""

    def __init__(self, limits: Limits, trusted: Networks, read_claims: BearerReader) -> None:
        self._limits = limits
        self._trusted = trusted
        self._read_claims = read_claims

    async def count(self, request: HttpRequest) -> None:
        """Before every request to the API: leaves its standing for the answer. Raises `TooManyRequests`."""
        if not request.scope["path"].startswith("/v1/"):
            return
        try:
            limit, key = ACCOUNT, str(self._read_claims(request).person_id)
        except NotSignedIn:
            limit, key = ANYBODY, self.address(request)
        await _stand(request, self._limits.spend(limit, key))

    async def take(self, request: HttpRequest, limit: Limit, key: str | None = None) -> None:
        """Before something that is worth guessing: by `key`, or by address. Raises `TooManyRequests`."""
        await _stand(request, self._limits.take(limit, key or self.address(request)))

    def address(self, request: HttpRequest) -> str:
        return caller_address(request.scope, self._trusted)


async def _stand(request: HttpRequest, counting: Awaitable[Standing]) -> None:
    """Leave how the caller stands with a limit for the answer, also with the one that refuses them."""
    try:
        request.scope["state"]["standing"] = await counting
    except TooManyRequests as refused:
        request.scope["state"]["standing"] = refused.standing
        raise


def device_of(request: HttpRequest) -> str:
    """What the caller's browser or app calls itself, for people to know their own devices by."""
    given = request.headers.get("user-agent", "")[:LONGEST_DEVICE]
    return "".join(letter for letter in given if letter.isprintable())
