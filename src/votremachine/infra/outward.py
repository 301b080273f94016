"""An HTTP client for addresses that strangers gave: it dials public ones only, and follows nobody elsewhere."""

import httpcore
import httpx

from votremachine.infra.fetching.dialling import Guarded, resolve


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own, over connections that are checked as they are dialled."""

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__(retries=0)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            network_backend=Guarded(resolve, allow_private=allow_private),
        )


def public_client(patience_seconds: float, *, allow_private: bool = False) -> httpx.AsyncClient:
    """A client to be used for a while; `allow_private` is for tests, which have servers of their own."""
    transport = _Transport(allow_private=allow_private)
    return httpx.AsyncClient(transport=transport, timeout=patience_seconds, follow_redirects=False, trust_env=False)
