"""What travels over the wire about devices."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.infra.wire import Input, OptionalLine
from votremachine.notifications.devices.rules import DeviceKind, WhichDevice
from votremachine.notifications.devices.service import AppToken, PushKeys, Subscription

Base64Url = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_=-]+\Z")]
FcmToken = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern=r"^[A-Za-z0-9_:.~%=-]+\Z")]
Endpoint = Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+\Z")]


class KeysInput(Input):
    p256dh: Base64Url
    auth: Base64Url


class AddDevice(Input, kw_only=True):
    """A subscription as the browser's Push API gives it (`PushSubscription.toJSON()`), or the token that Firebase gave
    to an app; and a name to know it by.
    """

    endpoint: Endpoint | None = None
    keys: KeysInput | None = None
    fcm_token: FcmToken | None = None
    name: OptionalLine = ""

    def where(self) -> Subscription | AppToken:
        """Where it takes messages. Raises `WhichDevice`."""
        match self.endpoint, self.keys, self.fcm_token:
            case str(endpoint), KeysInput() as keys, None:
                return Subscription(endpoint, PushKeys(keys.p256dh, keys.auth))
            case None, None, str(token):
                return AppToken(token)
        raise WhichDevice


class DeviceView(msgspec.Struct, frozen=True):
    id: UUID
    kind: DeviceKind
    name: str
    created_at: datetime


class DevicesView(msgspec.Struct, frozen=True):
    """One's devices, the key with which another browser subscribes (`applicationServerKey`), and whether apps are told
    anything at all.
    """

    items: list[DeviceView]
    application_server_key: str
    apps: bool
