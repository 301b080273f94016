"""Somebody who uses the service over real HTTP and takes it at its word."""

import http.client
import json
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Json = Any

PATIENCE_SECONDS = 30
LONGEST_EXCERPT = 300


class NotAsPromised(Exception):
    """The service answered otherwise than it should; the message says what was asked and what came."""


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: Json


class Caller:
    """Speaks to one service in one language ("fr" or "en"), as the person of `token` once there is one."""

    def __init__(self, url: str, language: str) -> None:
        self._url = urlsplit(url)
        self._language = language
        self.token = ""
        self.last = ""  # the last exchange, as a person would note it down

    def ask(self, method: str, path: str, body: Json = None, *, expect: int, key: str = "") -> Answer:
        """One request under /v1; raises `NotAsPromised` when its status is not `expect`, OSError when nobody is there.

        `key` is its Idempotency-Key.
        """
        headers = {"Accept-Language": self._language, "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        answer = self._send(method, f"/v1{path}", None if body is None else json.dumps(body), headers)
        self.last = f"{method} /v1{path.partition('?')[0]}  {answer.status}"
        if answer.status != expect:
            excerpt = json.dumps(answer.body, ensure_ascii=False)[:LONGEST_EXCERPT]
            raise NotAsPromised(f"{self.last} instead of {expect}: {excerpt}")
        return answer

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        with closing(kind(self._url.hostname or "", self._url.port, timeout=PATIENCE_SECONDS)) as line:
            line.request(method, path, body.encode() if body else None, headers)
            came = line.getresponse()
            return Answer(came.status, came.headers, _read(came.read()))


def _read(content: bytes) -> Json:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def check(kept: bool, promise: str) -> None:
    """Raises `NotAsPromised` when a promise was not kept."""
    if not kept:
        raise NotAsPromised(promise)
