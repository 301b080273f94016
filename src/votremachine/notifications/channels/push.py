"""Web Push (RFC 8030, 8291, 8292): encrypted for one browser, handed to the service that its maker runs."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec
from pywebpush import WebPusher, WebPushException

from votremachine.config import Settings
from votremachine.infra.fetching.addresses import read_address
from votremachine.infra.fetching.failures import FetchFailed
from votremachine.infra.outward import public_client
from votremachine.notifications.channels.port import NotTaken, Parcel, Receipt
from votremachine.notifications.devices.keys import PushSigner
from votremachine.notifications.devices.service import Device
from votremachine.notifications.rules import KINDS

PATIENCE_SECONDS = 10
# How long a service keeps what it cannot hand over: a phone that was off for longer has the inbox.
KEPT_FOR = timedelta(hours=12)
GONE = frozenset({404, 410})
REFUSED = frozenset({400, 401, 403, 413})


class Push:
    """Tells all devices of a person; taken when one of them was. Where strangers say, only public addresses."""

    at_once = 1

    def __init__(self, settings: Settings, signer: PushSigner) -> None:
        self._contact, self._signer = settings.push_contact, signer
        self._allow_private = settings.fetch_private_addresses

    async def send(self, parcel: Parcel) -> Receipt:
        devices: list[Device] = list(parcel.to)
        async with public_client(PATIENCE_SECONDS, allow_private=self._allow_private) as http:
            said = await asyncio.gather(*(self._push(http, parcel, device) for device in devices))
        gone = tuple(device.id for device, status in zip(devices, said, strict=True) if status in GONE)
        if any(200 <= status < 300 for status in said):
            return Receipt(gone=gone)
        raise NotTaken(
            f"the push services answered {sorted(set(said))}",
            for_good=all(status in GONE | REFUSED for status in said),
            gone=gone,
        )

    async def _push(self, http: httpx.AsyncClient, parcel: Parcel, device: Device) -> int:
        """The status that the service answered; 0 when it could not be asked."""
        subscription = device.subscription
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
        except (httpx.HTTPError, httpx.InvalidURL, FetchFailed, TimeoutError):
            return 0
        except (WebPushException, ValueError, TypeError):
            # Keys that are none: nothing can ever be sent there.
            return 410
        return answer.status_code


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
