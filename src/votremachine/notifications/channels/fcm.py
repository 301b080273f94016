"""Firebase Cloud Messaging (HTTP v1): what Google hands to apps on Android and, through Apple, on iOS."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx
import msgspec
import structlog

from votremachine.infra.fetching.failures import FetchFailed
from votremachine.notifications.channels.google import Access, NoAccess
from votremachine.notifications.channels.makers import KEPT_FOR, PATIENCE_SECONDS, Answer, Tried, pause_in
from votremachine.notifications.channels.port import Parcel
from votremachine.notifications.devices.service import AppToken
from votremachine.notifications.rules import KINDS

# What it asks of who sent too much and was not told for how long to wait.
PAUSE = timedelta(minutes=1)
# A token of an app that was removed; with 404 it need not be said.
UNREGISTERED = frozenset({"", "NOT_FOUND", "UNREGISTERED"})
LARGEST_ANSWER_BYTES = 64 * 1024

log = structlog.get_logger()


class Fcm:
    """Tells apps. While it wants to be left alone, it is: whatever is to go there waits as long."""

    def __init__(self, access: Access, project: str, base: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._access, self._clock = access, clock
        self._url = f"{base.rstrip('/')}/v1/projects/{project}/messages:send"
        self._rests_until = clock()

    async def push(self, http: httpx.AsyncClient, parcel: Parcel, app: AppToken) -> Tried:
        """What Google says; it never raises."""
        rest = self._rests_until - self._clock()
        if rest > 0:
            return Tried(Answer.LATER, "FCM wants to be left alone", timedelta(seconds=rest))
        body = {"message": _message(parcel, app.token)}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await self._ask(http, body)
        except (httpx.HTTPError, httpx.InvalidURL, FetchFailed, NoAccess, TimeoutError) as error:
            log.warning("fcm.not_asked", error=repr(error))
            return Tried(Answer.LATER, type(error).__name__)
        return self._read(answer)

    async def _ask(self, http: httpx.AsyncClient, body: Any) -> httpx.Response:
        """Once more with a new token, if this one is not good any more."""
        token = await self._access.token(http)
        answer = await self._post(http, body, token)
        if answer.status_code != HTTPStatus.UNAUTHORIZED:
            return answer
        return await self._post(http, body, await self._access.token(http, instead_of=token))

    async def _post(self, http: httpx.AsyncClient, body: Any, token: str) -> httpx.Response:
        return await http.post(self._url, json=body, headers={"Authorization": f"Bearer {token}"})

    def _read(self, answer: httpx.Response) -> Tried:
        status, said = answer.status_code, _decoded(answer)
        if answer.is_success:
            return Tried(Answer.TAKEN, str(said.get("name", "")))
        reason = _reason(said)
        why = f"FCM {status} {reason}".rstrip()
        if (status == HTTPStatus.NOT_FOUND and reason in UNREGISTERED) or _blames_token(said):
            return Tried(Answer.GONE, why)
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            after = pause_in(answer) or (PAUSE if status == HTTPStatus.TOO_MANY_REQUESTS else timedelta(0))
            self._rests_until = max(self._rests_until, self._clock() + after.total_seconds())
            return Tried(Answer.LATER, why, after)
        if status == HTTPStatus.UNAUTHORIZED:
            log.error("fcm.not_allowed", why=why)
            return Tried(Answer.LATER, why)
        return Tried(Answer.REFUSED, why)


def _message(parcel: Parcel, token: str) -> dict[str, Any]:
    """One tag is one notification on a phone, however often it comes."""
    said, tag = parcel.said, str(parcel.message_id)
    urgent = KINDS[parcel.kind].urgent
    return {
        "token": token,
        "notification": {"title": said.subject, "body": said.text},
        "data": {"url": said.link, "kind": parcel.kind, "message_id": tag, "lang": parcel.language},
        "android": {
            "priority": "HIGH" if urgent else "NORMAL",
            "ttl": f"{int(KEPT_FOR.total_seconds())}s",
            "notification": {"tag": tag},
        },
        "apns": {"headers": {"apns-priority": "10" if urgent else "5", "apns-collapse-id": tag}},
    }


def _decoded(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(answer.content[:LARGEST_ANSWER_BYTES])
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _details(said: dict[str, Any]) -> list[dict[str, Any]]:
    error = said.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def _reason(said: dict[str, Any]) -> str:
    """FCM's own code of an error, or else that of Google's."""
    own = next((one["errorCode"] for one in _details(said) if "errorCode" in one), None)
    error = said.get("error")
    return str(own or (error.get("status", "") if isinstance(error, dict) else ""))


def _blames_token(said: dict[str, Any]) -> bool:
    """Whether the token is no token: of what else is wrong with a message, no device is to blame."""
    faults = [one.get("fieldViolations") for one in _details(said)]
    named = [fault for some in faults if isinstance(some, list) for fault in some if isinstance(fault, dict)]
    return any(fault.get("field") == "message.token" for fault in named)
