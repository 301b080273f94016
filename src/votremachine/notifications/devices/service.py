"""Devices that take push: each person's own, with what is needed to reach them sealed."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Tx
from votremachine.infra.keys import Seal, Unreadable
from votremachine.notifications.devices.models import devices
from votremachine.notifications.devices.rules import DeviceKind, DeviceOfAnother

MOST_DEVICES = 20
_THEIRS = (
    sa.select(devices)
    .where(devices.c.person_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .order_by(devices.c.id)
)


class PushKeys(msgspec.Struct, frozen=True):
    """What a browser gives (Push API): its public key and a shared secret, both base64url."""

    p256dh: str
    auth: str


class Subscription(msgspec.Struct, frozen=True):
    """Where a device takes messages."""

    endpoint: str
    keys: PushKeys


class AppToken(msgspec.Struct, frozen=True):
    """Where an app takes messages: its name at Firebase."""

    token: str


Where = Subscription | AppToken
_WHERE: Mapping[DeviceKind, type[Where]] = {DeviceKind.BROWSER: Subscription, DeviceKind.APP: AppToken}


class Device(msgspec.Struct, frozen=True):
    """A device, and where it takes messages, opened."""

    id: UUID
    where: Where


class Devices:
    """Reads and writes under a seal where devices are reached."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    async def add(self, tx: Tx, person_id: UUID, where: Where, name: str) -> sa.Row[Any]:
        """Keep a device; one that is known belongs to who is signed in there now. The oldest of too many go.

        Raises `DeviceOfAnother` for one that somebody else named with other keys: an address alone proves nothing.
        """
        is_app = isinstance(where, AppToken)
        known_by = sha256((where.token if isinstance(where, AppToken) else where.endpoint).encode()).digest()
        await self._take_over(tx, person_id, known_by, where)
        given = insert(devices).values(
            id=tx.new_id(),
            person_id=person_id,
            kind=DeviceKind.APP if is_app else DeviceKind.BROWSER,
            endpoint_hash=known_by,
            subscription_sealed=self._seal.close(msgspec.json.encode(where).decode()),
            name=name,
            created_at=tx.now,
        )
        kept = await tx.execute(
            given.on_conflict_do_update(
                index_elements=["endpoint_hash"],
                set_={one: given.excluded[one] for one in ("subscription_sealed", "name")},
                where=devices.c.person_id == person_id,
            ).returning(devices)
        )
        if (row := kept.one_or_none()) is None:
            raise DeviceOfAnother
        newest = sa.select(devices.c.id).where(devices.c.person_id == person_id).order_by(devices.c.id.desc())
        await tx.execute(
            devices.delete().where(
                devices.c.person_id == person_id, devices.c.id.in_(newest.offset(MOST_DEVICES).scalar_subquery())
            )
        )
        return row

    async def _take_over(self, tx: Tx, person_id: UUID, known_by: bytes, where: Where) -> None:
        """Forget a device as somebody else's, who was signed in there before."""
        of_another = sa.select(devices).where(devices.c.endpoint_hash == known_by, devices.c.person_id != person_id)
        row = await tx.row(of_another.with_for_update())
        if row is None:
            return
        if self._where(row) not in (where, None):
            raise DeviceOfAnother
        await forget(tx, [row.id])

    def _where(self, row: sa.Row[Any]) -> Where | None:
        """Where a device takes messages; None if its seal cannot be opened any more."""
        try:
            opened = self._seal.open(row.subscription_sealed)
        except Unreadable:
            return None
        return msgspec.json.decode(opened, type=_WHERE[DeviceKind(row.kind)])

    async def of(self, tx: Tx, people: Collection[UUID]) -> Mapping[UUID, Sequence[Device]]:
        """The devices of these people, in one statement; without those whose seal cannot be opened any more."""
        found: dict[UUID, list[Device]] = {}
        for row in await tx.rows(_THEIRS, {"ids": list(people)}):
            if (where := self._where(row)) is not None:
                found.setdefault(row.person_id, []).append(Device(row.id, where))
        return found


async def listed(tx: Tx, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """A person's own devices."""
    return await tx.rows(_THEIRS, {"ids": [person_id]})


async def forget(tx: Tx, ids: Collection[UUID], *, of: UUID | None = None) -> int:
    """Forget devices, of one person if it is said whose; how many there were."""
    these = devices.delete().where(devices.c.id.in_(list(ids)))
    return (await tx.execute(these if of is None else these.where(devices.c.person_id == of))).rowcount
