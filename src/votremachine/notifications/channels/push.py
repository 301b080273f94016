"""Push: all the devices of a person, browsers and apps alike, each by the service that its maker runs."""

import asyncio

import httpx

from votremachine.infra.outward import public_client
from votremachine.notifications.channels.fcm import Fcm
from votremachine.notifications.channels.makers import NO_PAUSE, PATIENCE_SECONDS, Answer, Tried
from votremachine.notifications.channels.port import NotTaken, Parcel, Receipt
from votremachine.notifications.channels.web_push import WebPush
from votremachine.notifications.devices.service import AppToken, Device

_NO_CREDENTIALS = Tried(Answer.REFUSED, "no credentials for FCM")


class Push:
    """Tells all devices of a person; taken when one of them was. Where strangers say, only public addresses."""

    at_once = 1

    def __init__(self, web: WebPush, fcm: Fcm | None, *, allow_private: bool) -> None:
        self._web, self._fcm, self._allow_private = web, fcm, allow_private

    async def send(self, parcel: Parcel) -> Receipt:
        devices: list[Device] = list(parcel.to)
        async with public_client(PATIENCE_SECONDS, allow_private=self._allow_private) as http:
            tried = await asyncio.gather(*(self._push(http, parcel, device) for device in devices))
        gone = tuple(device.id for device, one in zip(devices, tried, strict=True) if one.answer is Answer.GONE)
        if taken := [one.said for one in tried if one.answer is Answer.TAKEN]:
            return Receipt(taken[0], gone=gone)
        later = [one.after for one in tried if one.answer is Answer.LATER]
        raise NotTaken(
            f"the push services answered {sorted({one.said for one in tried})}",
            for_good=not later,
            gone=gone,
            after=min(later, default=NO_PAUSE),
        )

    async def _push(self, http: httpx.AsyncClient, parcel: Parcel, device: Device) -> Tried:
        if not isinstance(device.where, AppToken):
            return await self._web.push(http, parcel, device.where)
        return await self._fcm.push(http, parcel, device.where) if self._fcm else _NO_CREDENTIALS
