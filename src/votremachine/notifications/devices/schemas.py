"""What travels over the wire about devices."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from votremachine.infra.wire import Input, OptionalLine

Base64Url = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_=-]+\Z")]
Endpoint = Annotated[str, msgspec.Meta(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+\Z")]


class KeysInput(Input):
    p256dh: Base64Url
    auth: Base64Url


class AddDevice(Input, kw_only=True):
    """A subscription as the browser's Push API gives it (`PushSubscription.toJSON()`), and a name to know it by."""

    endpoint: Endpoint
    keys: KeysInput
    name: OptionalLine = ""


class DeviceView(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    created_at: datetime


class DevicesView(msgspec.Struct, frozen=True):
    """One's devices, and the key with which another one subscribes (`applicationServerKey`)."""

    items: list[DeviceView]
    application_server_key: str
