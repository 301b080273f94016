"""Making parcels of deliveries just before they are sent: what is not true any more is dropped here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import replace

from votremachine.accounts.challenges import Proofs
from votremachine.bookings.service import reading
from votremachine.infra.database import Tx
from votremachine.notifications.answering.rules import ASKING
from votremachine.notifications.answering.service import new_code
from votremachine.notifications.channels.port import Parcel
from votremachine.notifications.delivering.models import deliveries
from votremachine.notifications.delivering.rules import Channel, DeliveryState
from votremachine.notifications.delivering.service.store import DUE
from votremachine.notifications.devices.service import Device, Devices
from votremachine.notifications.models import messages
from votremachine.notifications.preferences.rules import Reach
from votremachine.notifications.preferences.service import reach_of
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service import digests
from votremachine.notifications.rules import Facts
from votremachine.notifications.standing import still_standing
from votremachine.notifications.words.catalogues import word
from votremachine.notifications.words.saying import say

_ids = sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))
_MESSAGES = sa.select(messages).where(messages.c.id == sa.any_(_ids))


@dataclass
class Packer:
    """`base` is where links begin; `proofs` hides the codes that an SMS may be answered with; `moments` is what the
    operator set, by which what is told is looked at again.
    """

    base: str
    devices: Devices
    proofs: Proofs
    moments: Moments

    async def pack(self, tx: Tx, *, ids: Sequence[UUID], lease: datetime) -> list[Parcel]:
        """The parcels of those that this lease still holds; a few statements, however many there are.

        Dropped is what is not so any more, what was read meanwhile, and what nobody can be sent.
        """
        rows = await DUE.still(tx, ids, lease)
        told = {row.id: row for row in await tx.rows(_MESSAGES, {"ids": [row.message_id for row in rows]})}
        reach = await reach_of(tx, {one.person_id for one in told.values()})
        true = await self._as_they_stand(tx, list(told.values()))
        on_push = {told[row.message_id].person_id for row in rows if row.channel == Channel.PUSH}
        devices = await self.devices.of(tx, on_push) if on_push else {}
        parcels, dropped = [], []
        for row in rows:
            message = told[row.message_id]
            to = _address(Channel(row.channel), reach.get(message.person_id), devices)
            if message.id in true and message.read_at is None and to:
                parcel = self._parcel(tx, row.id, message, true[message.id], to, reach[message.person_id].language)
                parcels.append(await self._answerable(tx, parcel) if row.channel == Channel.SMS else parcel)
            else:
                dropped.append(row.id)
        if dropped:
            gone = {"state": DeliveryState.DROPPED, "lease_until": None, "changed_at": tx.now}
            await tx.execute(deliveries.update().where(deliveries.c.id.in_(dropped)).values(gone))
        return parcels

    async def _as_they_stand(self, tx: Tx, told: Sequence[sa.Row[Any]]) -> Mapping[UUID, Facts]:
        """What those of these messages say that may still go out, by id."""
        daily = [one for one in told if one.kind == digests.KIND]
        standing = await still_standing(tx, [one for one in told if one.kind != digests.KIND], self.moments)
        said = {one.id: one.facts for one in told if one.id in standing}
        return {**said, **await digests.as_they_stand(tx, daily, self.moments)} if daily else said

    def _parcel(self, tx: Tx, delivery_id: UUID, message: sa.Row[Any], facts: Facts, to: Any, language: str) -> Parcel:
        return Parcel(
            delivery_id=delivery_id,
            message_id=message.id,
            booking_id=message.booking_id,
            person_id=message.person_id,
            kind=message.kind,
            to=to,
            said=say(message.kind, language, facts, tx.now, base=self.base, booking_id=message.booking_id),
            language=language,
        )

    async def _answerable(self, tx: Tx, parcel: Parcel) -> Parcel:
        """An SMS that asks for a decision says with which code to answer it."""
        if parcel.kind not in ASKING or parcel.booking_id is None:
            return parcel
        booking = await reading.load(tx, parcel.booking_id)
        if booking.expires_at is None:
            return parcel
        code = await new_code(tx, self.proofs, parcel.person_id, booking.id, booking.expires_at)
        return replace(parcel, answer=word("sms.answer", parcel.language).format(code=code))


def _address(channel: Channel, reached: Reach | None, devices: Mapping[UUID, Sequence[Device]]) -> Any:
    """Where a message goes on a channel; nothing when the person has no such address any more."""
    if reached is None:
        return None
    if channel is Channel.PUSH:
        return devices.get(reached.person_id)
    return reached.email if channel is Channel.EMAIL else reached.phone
