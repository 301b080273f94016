"""Letters: short texts to one address, by e-mail or SMS. A port, and what stands behind it.

`Post.send` is called outside of any transaction; it raises `NotSent`, and then the letter may be sent again.
"""

import asyncio
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import aiosmtplib
import httpx
import msgspec

from votremachine.config import Settings

PATIENCE_SECONDS = 20
# Of a message or its recipient (RFC 5321, 4.2.3); other 5xx are about us, and may pass.
_REFUSED = frozenset({550, 551, 552, 553, 554, 556})


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"


class Letter(msgspec.Struct, frozen=True):
    """`to` is an e-mail address or an E.164 number; an SMS has no subject."""

    channel: Channel
    to: str
    subject: str
    text: str


class NotSent(Exception):
    """The letter was not taken; the message says why. `for_good` says that it never will be, `away` that the server
    takes nothing just now.
    """

    def __init__(self, why: str, *, for_good: bool = False, away: bool = False) -> None:
        super().__init__(why)
        self.for_good, self.away = for_good, away


class Post(Protocol):
    async def send(self, letter: Letter) -> None: ...


class Folder:
    """Writes each letter to a file of its own: for a service without mail, and for people who try it out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, letter: Letter) -> None:
        try:
            await asyncio.to_thread(self._write, letter)
        except OSError as error:
            raise NotSent(repr(error)) from error

    def sent_to(self, address: str) -> list[Letter]:
        """The letters to one address, oldest first. Reads files: not for the event loop's thread."""
        files = sorted(self._folder.glob(f"*-{_mark(address)}-*.json"))
        return [msgspec.json.decode(file.read_bytes(), type=Letter) for file in files]

    def _write(self, letter: Letter) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{_mark(letter.to)}-{uuid4().hex[:8]}.json"
        whole = file.with_suffix(".part")
        whole.write_bytes(msgspec.json.format(msgspec.json.encode(letter)))
        whole.rename(file)


def _mark(address: str) -> str:
    """What the letters to one address have in their files' names: an address itself may be no file's name."""
    return sha256(address.encode()).hexdigest()[:16]


class Smtp:
    """Hands e-mails to a mail server: `smtps://` speaks TLS at once, `smtp://` as soon as the server offers it.

    A password is never said without TLS, and a certificate that nobody known has signed is refused.
    """

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        try:
            message = self.addressed(letter.to, letter.subject)
        except ValueError as error:
            raise NotSent(repr(error), for_good=True) from error
        message["Message-ID"] = make_msgid(domain=self.domain)
        message.set_content(letter.text)
        await self.hand_over(message)

    async def hand_over(self, message: EmailMessage) -> str:
        """Give a message that has everything to the server; what it said. Raises `NotSent`."""
        url = self._url
        try:
            _, said = await aiosmtplib.send(
                message,
                recipients=[message["To"].addresses[0].addr_spec],
                hostname=url.hostname,
                port=url.port,
                username=unquote(url.username) if url.username else None,
                password=unquote(url.password) if url.password else None,
                use_tls=url.scheme == "smtps",
                start_tls=True if url.username and url.scheme != "smtps" else None,
                timeout=PATIENCE_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise NotSent(repr(error), for_good=all(500 <= one.code < 600 for one in error.recipients)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise NotSent(repr(error), for_good=error.code in _REFUSED) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotSent(repr(error), away=True) from error
        # What a letter gives that would be more than one line in a header, or that the server cannot be told.
        except ValueError as error:
            raise NotSent(repr(error), for_good=True) from error
        return said

    def addressed(self, to: str, subject: str) -> EmailMessage:
        """A message without contents; raises `ValueError` for more than one address, or more than one line."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, _recipient(to), subject
        message["Date"] = formatdate(localtime=False)
        message["Auto-Submitted"] = "auto-generated"
        return message

    @property
    def domain(self) -> str | None:
        """Whose messages these are: what stands behind the @ of the sender."""
        return parseaddr(self._sender)[1].partition("@")[2] or None


def _recipient(to: str) -> Address:
    """One address as headers write it, its first part quoted where it must be; raises ValueError."""
    user, _, domain = to.rpartition("@")
    address = Address("", user, domain)
    if not (user and domain) or parseaddr(address.addr_spec)[1] != address.addr_spec:
        raise ValueError("this is not one e-mail address")
    return address


class SmsGateway:
    """Hands SMS to an HTTP gateway: a JSON POST of `to` and `text`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, letter: Letter) -> None:
        body = {"to": letter.to, "text": letter.text}
        try:
            # httpx waits so long for each piece of an answer; here for the whole. Only its status is read.
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http,
                http.stream("POST", self._url, json=body, headers=self._headers) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise NotSent(repr(error)) from error
        if not 200 <= status < 300:
            raise NotSent(f"the gateway answered {status}")


class PostOffice:
    """Each channel's own way."""

    def __init__(self, ways: dict[Channel, Post]) -> None:
        self._ways = ways

    async def send(self, letter: Letter) -> None:
        await self._ways[letter.channel].send(letter)


def letters_folder(settings: Settings) -> Folder:
    return Folder(settings.var_dir / "letters")


def messages_folder(settings: Settings) -> Folder:
    """Apart from the letters: a code is looked for among those."""
    return Folder(settings.var_dir / "messages")


def open_post(settings: Settings) -> Post:
    """The ways that the settings name; a folder for a channel that they name none for."""
    folder = letters_folder(settings)
    mail = Smtp(settings.smtp_url, settings.mail_from) if settings.smtp_url else folder
    sms = SmsGateway(settings.sms_url, settings.sms_token) if settings.sms_url else folder
    return PostOffice({Channel.EMAIL: mail, Channel.SMS: sms})
