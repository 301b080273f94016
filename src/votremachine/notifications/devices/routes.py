"""HTTP of devices that take Web Push."""

from uuid import UUID

from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from votremachine.accounts.rules import NotInTheirPlace, NotSignedIn, require_self
from votremachine.accounts.service import audit, sessions
from votremachine.accounts.tokens import Claims
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.problems import INPUT, UnknownPath, responses
from votremachine.infra.replies import reply
from votremachine.infra.wire import HttpRequest
from votremachine.notifications.devices.keys import PushSigner
from votremachine.notifications.devices.rules import BadSubscription, UnknownDevice, check_endpoint
from votremachine.notifications.devices.schemas import AddDevice, DevicesView, DeviceView
from votremachine.notifications.devices.service import Devices, PushKeys, Subscription, forget, listed


@post("/devices", responses=responses(*INPUT, NotSignedIn, NotInTheirPlace, BadSubscription))
async def add(
    request: HttpRequest,
    data: JSONBody[AddDevice],
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    devices: NamedDependency[Devices],
    settings: NamedDependency[Settings],
) -> Response[DeviceView]:
    """Let a browser or phone be told; the same subscription again is the same device."""
    check_endpoint(data.endpoint, allow_http=settings.fetch_private_addresses)
    subscription = Subscription(data.endpoint, PushKeys(data.keys.p256dh, data.keys.auth))
    async with database.begin() as tx:
        who = await sessions.actor(tx, claims)
        require_self(who)
        row = await devices.add(tx, who.person_id, subscription, data.name)
        await audit.note(tx, who, "add", "device", row.id)
    return reply(request, DeviceView(row.id, row.name, row.created_at), status=201)


@get("/devices", responses=responses(NotSignedIn))
async def browse(
    request: HttpRequest,
    claims: NamedDependency[Claims],
    database: NamedDependency[Database],
    push_signer: NamedDependency[PushSigner],
) -> Response[DevicesView]:
    """One's own devices, twenty at most, and the key with which another one subscribes."""
    public = await push_signer.public()
    async with database.read() as tx:
        rows = await listed(tx, (await sessions.actor(tx, claims)).person_id)
    return reply(request, DevicesView([DeviceView(row.id, row.name, row.created_at) for row in rows], public))


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


router = Router(path="/v1", tags=["messages"], route_handlers=[add, browse, remove])
