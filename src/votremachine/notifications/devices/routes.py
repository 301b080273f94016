"""HTTP of devices that take push."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.refusals import NotInTheirPlace, NotSignedIn
from votremachine.accounts.rules import require_self
from votremachine.accounts.service import audit, sessions
from votremachine.accounts.tokens import Claims
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.problems import INPUT, UnknownPath, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.notifications.devices.keys import PushSigner
from votremachine.notifications.devices.rules import (
    AppsNotReached,
    BadSubscription,
    DeviceKind,
    DeviceOfAnother,
    UnknownDevice,
    WhichDevice,
)
from votremachine.notifications.devices.schemas import AddDevice, DevicesView, DeviceView
from votremachine.notifications.devices.service import Devices, Subscription, forget, listed
from votremachine.notifications.devices.subscriptions import check_endpoint, check_keys


@post(
    "/devices",
    responses=responses(
        *(*INPUT, NotSignedIn, NotInTheirPlace, BadSubscription, WhichDevice, AppsNotReached, DeviceOfAnother)
    ),
)
async def add(
    request: HttpRequest,
    data: JSONBody[AddDevice],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    devices: NamedDependency[Devices],
    settings: NamedDependency[Settings],
) -> Response[DeviceView]:
    """Let a browser or an app be told; the same subscription or token again is the same device."""
    where = data.where()
    if isinstance(where, Subscription):
        check_endpoint(where.endpoint, allow_private=settings.fetch_private_addresses)
        check_keys(where.keys.p256dh, where.keys.auth)
    elif not settings.fcm_account:
        raise AppsNotReached(pointer="/fcm_token")
    async with database.begin() as tx:
        who = await sessions.actor(tx, claims)
        require_self(who)
        row = await devices.add(tx, who.person_id, where, data.name)
        await audit.note(tx, who, "add", "device", row.id)
    return reply(request, _view(row), status=201)


@get("/devices", responses=responses(NotSignedIn))
async def browse(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
    push_signer: NamedDependency[PushSigner],
) -> Response[DevicesView]:
    """One's own devices, twenty at most, and the key with which another one subscribes."""
    public = await push_signer.public()
    async with database.read() as tx:
        rows = await listed(tx, (await sessions.actor(tx, claims)).person_id)
    return reply(request, DevicesView([_view(row) for row in rows], public, apps=bool(settings.fcm_account)))


@delete("/devices/{device_id:uuid}", responses=responses(UnknownPath, NotSignedIn, NotInTheirPlace, UnknownDevice))
async def remove(
    device_id: FromPath[UUID], claims: NamedDependency[Claims], database: NamedDependency[Database]
) -> None:
    """Tell this device nothing any more."""
    async with database.begin() as tx:
        who = await sessions.actor(tx, claims)
        require_self(who)
        if not await forget(tx, [device_id], of=who.person_id):
            raise UnknownDevice
        await audit.note(tx, who, "remove", "device", device_id)


def _view(row: sa.Row[Any]) -> DeviceView:
    return DeviceView(row.id, DeviceKind(row.kind), row.name, row.created_at)


router = Router(path="/v1", tags=["messages"], route_handlers=[add, browse, remove])
