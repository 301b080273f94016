"""Web Push (RFC 8030, 8291, 8292): encrypted for one browser, handed to the service that its maker runs."""

import asyncio
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec
from pywebpush import WebPusher, WebPushException

from votremachine.infra.fetching.addresses import read_address
from votremachine.infra.fetching.failures import FetchFailed
from votremachine.notifications.channels.makers import KEPT_FOR, PATIENCE_SECONDS, Answer, Tried, pause_in
from votremachine.notifications.channels.port import Parcel
from votremachine.notifications.devices.keys import PushSigner
from votremachine.notifications.devices.service import Subscription
from votremachine.notifications.rules import KINDS

GONE = frozenset({404, 410})
REFUSED = frozenset({400, 401, 403, 413})


class WebPush:
    """Tells browsers; `contact` is where their services may write to about us."""

    def __init__(self, signer: PushSigner, contact: str) -> None:
        self._signer, self._contact = signer, contact

    async def push(self, http: httpx.AsyncClient, parcel: Parcel, subscription: Subscription) -> Tried:
        """What the service says; it never raises."""
        origin = urlsplit(subscription.endpoint)
        try:
            read_address(subscription.endpoint)
            body = WebPusher(msgspec.to_builtins(subscription)).encode(_payload(parcel))["body"]
            headers = {
                **await self._signer.headers(f"{origin.scheme}://{origin.netloc}", self._contact),
                "Content-Encoding": "aes128gcm",
                "TTL": str(int(KEPT_FOR.total_seconds())),
                "Urgency": "high" if KINDS[parcel.kind].urgent else "normal",
                # A service replaces what it has not handed over yet by what has the same topic.
                "Topic": topic_of(parcel.message_id),
            }
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await http.post(subscription.endpoint, content=bytes(body), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, FetchFailed, TimeoutError) as error:
            return Tried(Answer.LATER, type(error).__name__)
        except (WebPushException, ValueError, TypeError):
            # Keys that are none: nothing can ever be sent there.
            return Tried(Answer.GONE, "keys that are none")
        return _read(answer)


def _read(answer: httpx.Response) -> Tried:
    status = answer.status_code
    if answer.is_success:
        return Tried(Answer.TAKEN, "")
    if status in GONE:
        return Tried(Answer.GONE, str(status))
    if status in REFUSED:
        return Tried(Answer.REFUSED, str(status))
    return Tried(Answer.LATER, str(status), pause_in(answer))


def topic_of(message_id: UUID) -> str:
    """At most 32 letters of base64url (RFC 8030, 5.4)."""
    return message_id.hex


def _payload(parcel: Parcel) -> bytes:
    """What the browser's service worker shows; one tag is one notification, however often it comes."""
    said = parcel.said
    body: dict[str, Any] = {
        "title": said.subject,
        "body": said.text,
        "url": said.link,
        "tag": str(parcel.message_id),
        "lang": parcel.language,
    }
    return msgspec.json.encode(body)
