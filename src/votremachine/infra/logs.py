"""Structured logs, one line per request, each with the request's id."""

import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from votremachine.infra.headers import security_headers

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

# Without the values of local variables: those are tokens, passwords and people's own words.
_TRACES = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

log = structlog.get_logger()


def configure(level: str, as_json: bool) -> None:
    """Send every log line, the standard library's too, to stderr: JSON for machines, coloured for people."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Any] = (
        [_TRACES, structlog.processors.JSONRenderer()]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_foreign(renderer)))
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.WARNING), force=True)


def _foreign(renderer: list[Any]) -> list[Any]:
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer]


class RequestLog:
    """Gives each request an id (the caller's own `X-Request-Id` if it is a sane one), says it back and logs the end.

    Stands outside of Litestar's routing, so that unknown paths are logged and answered like any other. What follows
    one of `secret_after` in a path is a permission by itself, and is not written down.
    """

    def __init__(self, app: ASGIApp, secret_after: Sequence[str] = ()) -> None:
        self._app = app
        self._secret_after = secret_after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["state"]["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = (b"x-request-id", request_id.encode())
                standing = scope["state"].get("standing")
                limited = standing.headers() if standing else ()
                message["headers"] = [*message["headers"], said, *security_headers(scope["path"]), *limited]
                took = round((time.perf_counter() - started) * 1000, 1)
                log.info(
                    "request",
                    method=scope["method"],
                    path=self._shown(scope["path"]),
                    status=message["status"],
                    ms=took,
                )
            await send(message)

        await self._app(scope, receive, note)

    def _shown(self, path: str) -> str:
        for prefix in self._secret_after:
            before, found, _ = path.partition(prefix)
            if found:
                return f"{before}{found}…"
        return path


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if _GIVEN_ID.fullmatch(given) else os.urandom(16).hex()
