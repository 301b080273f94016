"""Channels that reach nobody: one that keeps files for who tries the service out, and one that only counts."""

import msgspec

from votremachine.infra.letters import Channel as Letters
from votremachine.infra.letters import Folder, Letter, NotSent
from votremachine.notifications.channels.port import NotTaken, Parcel, Receipt
from votremachine.notifications.words.letters import text_of


class Filed:
    """Writes each message to a file, in place of a mail server or a gateway that nobody has set."""

    at_once = 1

    def __init__(self, folder: Folder, channel: Letters, base: str) -> None:
        self._folder, self._channel, self._base = folder, channel, base

    async def send(self, parcel: Parcel) -> Receipt:
        said = parcel.said
        text = (
            text_of(said, parcel.language, preferences=f"{self._base}/account/messages", unsubscribe="")
            if self._channel is Letters.EMAIL
            else said.text
        )
        try:
            await self._folder.send(Letter(self._channel, parcel.to, said.subject, text))
        except NotSent as error:
            raise NotTaken(str(error), away=True) from error
        return Receipt("file")


class Nobody:
    """Takes everything as if it had gone out; nobody gets anything twice from it, so many go at once."""

    at_once = 200

    async def send(self, parcel: Parcel) -> Receipt:
        msgspec.json.encode(parcel)
        return Receipt(str(parcel.delivery_id))
