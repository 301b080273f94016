"""Letters leave by real servers on this machine, and whatever those do, a letter is sent or told as not sent."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

import votremachine.infra.letters as letters_module
from votremachine.config import Settings
from votremachine.infra.letters import Channel, Folder, Letter, NotSent, SmsGateway, Smtp, letters_folder, open_post

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SENDER = "Votremachine <ne-pas-repondre@votremachine.example>"
CODE = Letter(Channel.EMAIL, "claire@ferme.example", "Votre code", "Votre code est 123456.\n")
SMS = Letter(Channel.SMS, "+33612345678", "", "Votre code à la ferme : 123456")


class Mailbox:
    """What a mail server took; `answers` are said instead of taking, each at its command."""

    def __init__(self, **answers: str) -> None:
        self.envelopes: list[Envelope] = []
        self.tls: list[bool] = []
        self._answers = answers

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if "rcpt" in self._answers:
            return self._answers["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802
        if "data" in self._answers:
            return self._answers["data"]
        self.envelopes.append(envelope)
        assert server.transport is not None
        self.tls.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    def messages(self) -> list[EmailMessage]:
        contents = [one.content for one in self.envelopes if isinstance(one.content, bytes)]
        read = [message_from_bytes(content, policy=policy.default) for content in contents]
        return [message for message in read if isinstance(message, EmailMessage)]

    def message(self) -> EmailMessage:
        """The one message that came."""
        (message,) = self.messages()
        return message

    def text(self) -> str:
        """Its text, with the line ends of this side."""
        return str(self.message().get_content()).replace("\r\n", "\n")


@asynccontextmanager
async def mail_server(
    box: Mailbox, tls: ssl.SSLContext | None = None, at_once: bool = False, password: str | None = None
) -> AsyncIterator[int]:
    """A real one on a port of its own, which it gives; `tls` as STARTTLS, or from the first byte."""

    def check(_: SMTP, __: Session, ___: Envelope, mechanism: str, said: object) -> AuthResult:
        assert isinstance(said, LoginPassword), mechanism
        return AuthResult(
            success=(said.login, said.password) == (b"claire@ferme", (password or "").encode()), handled=False
        )

    loop = asyncio.get_running_loop()

    def talk() -> SMTP:
        return SMTP(
            box,
            hostname="mail.test",
            enable_SMTPUTF8=True,
            tls_context=None if at_once else tls,
            authenticator=check if password else None,
            auth_required=bool(password),
            loop=loop,
        )

    server = await loop.create_server(talk, "127.0.0.1", 0, ssl=tls if at_once else None)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def listening(conversation: Conversation) -> AsyncIterator[int]:
    """A server that has this conversation with whoever comes; its port. Nobody waits for it in the end."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await conversation(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for 127.0.0.1 that nobody has signed but itself, with its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if that certificate were among the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters_module, "PATIENCE_SECONDS", 0.3)


async def test_an_email_says_from_whom_to_whom_and_when() -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        await Smtp(f"smtp://127.0.0.1:{port}", SENDER).send(CODE)
    message, (envelope,) = box.message(), box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("ne-pas-repondre@votremachine.example", [CODE.to])
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, CODE.to, CODE.subject)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@votremachine.example>")
    assert abs(datetime.now(UTC) - parsedate_to_datetime(message["Date"]).replace(tzinfo=UTC)) < timedelta(hours=1)
    assert box.text() == CODE.text
    assert message.get_content_type() == "text/plain"


async def test_each_email_has_an_id_of_its_own() -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        post = Smtp(f"smtp://127.0.0.1:{port}", SENDER)
        await asyncio.gather(*(post.send(CODE) for _ in range(5)))
    assert len({message["Message-ID"] for message in box.messages()}) == 5


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Réservation confirmée : « moissonneuse » à Mont-de-Marsan", "Où ? À la ferme, dès 8 h — œuf, 12 €, ÿ.\n"),
        ("é" * 300, "été\n" * 2000),
        ("Votre code", "Une ligne sans fin " * 500 + "\n"),
        ("Votre code", ".\n..\n.\nQUIT\n.\n"),
        ("Votre code", "From moi\nBcc: tous@ferme.example\n\nBcc: tous\n"),
        ("🚜 列", "🚜 列 \x01\n"),
    ],
)
async def test_what_is_written_is_what_is_read(subject: str, text: str) -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        await Smtp(f"smtp://127.0.0.1:{port}", SENDER).send(msgspec.structs.replace(CODE, subject=subject, text=text))
    assert box.message()["Subject"] == subject
    assert box.text() == text
    assert box.message()["Bcc"] is None


@pytest.mark.parametrize(
    "to", ["claire.o'neil+tracteur@ferme.example", "dupré@ferme.example", '"claire paul"@ferme.example']
)
async def test_an_address_with_a_turn_of_its_own_is_reached(to: str) -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        await Smtp(f"smtp://127.0.0.1:{port}", SENDER).send(msgspec.structs.replace(CODE, to=to.replace('"', "")))
    assert box.envelopes[0].rcpt_tos == [to]


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("claire@ferme.example\r\nBcc: tous@ferme.example", "Votre code"),
        ("claire@ferme.example\nBcc: tous@ferme.example", "Votre code"),
        ("claire@ferme.example>\r\nRCPT TO:<tous@ferme.example", "Votre code"),
        ("claire\r\n@ferme.example", "Votre code"),
        ("claire@ferme.example, tous", "Votre code"),
        ("claire@ferme(.example)", "Votre code"),
        ("Claire <claire@ferme.example>", "Votre code"),
        ("clai\x00re@ferme.example", "Votre code"),
        ("claire@ferme.example\x00", "Votre code"),
        ("", "Votre code"),
        ("claire", "Votre code"),
        ("@ferme.example", "Votre code"),
        ("claire@", "Votre code"),
        ("claire@ferme.example", "Votre code\r\nBcc: tous@ferme.example"),
        ("claire@ferme.example", "Votre code\nBcc: tous@ferme.example"),
        ("claire@ferme.example", "Votre code\r\n\r\nUn autre texte"),
        ("claire@ferme.example", "Votre code\rBcc: tous@ferme.example"),
    ],
)
async def test_nothing_can_be_added_to_a_header(to: str, subject: str) -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        with pytest.raises(NotSent, match=r"."):
            await Smtp(f"smtp://127.0.0.1:{port}", SENDER).send(msgspec.structs.replace(CODE, to=to, subject=subject))
    assert box.envelopes == []


ODD = st.text(st.sampled_from("ab.@,;:<>()[]\"'\\ \r\n\t\x00\x0b\x85\u2028é=?"), max_size=30)


@given(to=ODD.map("{}@ferme.example".format) | ODD, subject=ODD)
async def test_whatever_the_address_and_the_subject_it_is_one_letter_to_one_address(to: str, subject: str) -> None:
    box = Mailbox()
    async with mail_server(box) as port:
        try:
            await Smtp(f"smtp://127.0.0.1:{port}", SENDER).send(msgspec.structs.replace(CODE, to=to, subject=subject))
        except NotSent:
            assert box.envelopes == []
            return
    (envelope,) = box.envelopes
    assert len(envelope.rcpt_tos) == 1
    assert len(box.message()["To"].addresses) == 1
    names = [name.lower() for name in box.message()]
    assert len(set(names)) == len(names)
    assert not {"bcc", "cc", "a", "b"} & set(names)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"rcpt": "550 no such mailbox"}, "550"),
        ({"rcpt": "451 come back later"}, "451"),
        ({"data": "451 come back later"}, "451"),
        ({"data": "554 looks like spam"}, "554"),
    ],
)
async def test_a_server_that_refuses_gives_the_reason(answers: dict[str, str], reason: str) -> None:
    async with mail_server(Mailbox(**answers)) as port:
        with pytest.raises(NotSent, match=reason):
            await Smtp(f"smtp://127.0.0.1:{port}", SENDER).send(CODE)


async def said(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(f"{line}\r\n".encode())
    await writer.drain()


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    return


async def talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\xff\x00 what?\r\n" * 3)
    await writer.drain()
    await reader.read()


async def greet_without_end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await said(writer, "220-welcome")
        await asyncio.sleep(0)


def until_data(then: Conversation) -> Conversation:
    """Agrees to everything until the text has come, and goes on as told."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await said(writer, "220 mail.test")
        while not (await reader.readline()).startswith(b"DATA"):
            await said(writer, "250 OK")
        await said(writer, "354 go on")
        await reader.readuntil(b"\r\n.\r\n")
        await then(reader, writer)

    return talk


@pytest.mark.parametrize(
    "conversation",
    [hang, hang_up, talk_nonsense, greet_without_end, until_data(hang), until_data(hang_up), until_data(talk_nonsense)],
)
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.usefixtures("impatient")
async def test_a_server_that_breaks_off_has_not_taken_it(scheme: str, conversation: Conversation) -> None:
    async with listening(conversation) as port:
        with pytest.raises(NotSent, match=r"."):
            await Smtp(f"{scheme}://127.0.0.1:{port}", SENDER).send(CODE)


async def unused_port() -> int:
    async with listening(hang_up) as port:
        return port


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "é" * 80, "a..b"])
async def test_nobody_there(host: str) -> None:
    with pytest.raises(NotSent, match=r"."):
        await Smtp(f"smtp://{host}:{await unused_port()}", SENDER).send(CODE)


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_certificate_that_nobody_known_signed_is_refused(tls: ssl.SSLContext, at_once: bool) -> None:
    box = Mailbox()
    async with mail_server(box, tls, at_once) as port:
        with pytest.raises(NotSent, match=r"(?i)certificate"):
            await Smtp(f"{'smtps' if at_once else 'smtp'}://127.0.0.1:{port}", SENDER).send(CODE)
    assert box.envelopes == []


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_server_that_offers_tls_gets_the_letter_by_tls(tls: ssl.SSLContext, at_once: bool) -> None:
    box = Mailbox()
    async with mail_server(box, tls, at_once) as port:
        await Smtp(f"{'smtps' if at_once else 'smtp'}://127.0.0.1:{port}", SENDER).send(CODE)
    assert box.tls == [True]
    assert box.text() == CODE.text


@pytest.mark.usefixtures("trusted")
async def test_name_and_password_may_have_any_characters(tls: ssl.SSLContext) -> None:
    box = Mailbox()
    async with mail_server(box, tls, password="p@ss:/é %") as port:
        await Smtp(f"smtp://claire%40ferme:p%40ss%3A%2F%C3%A9%20%25@127.0.0.1:{port}", SENDER).send(CODE)
        with pytest.raises(NotSent, match="535"):
            await Smtp(f"smtp://claire%40ferme:wrong@127.0.0.1:{port}", SENDER).send(CODE)
    assert len(box.envelopes) == 1


async def test_a_password_is_never_said_in_the_clear() -> None:
    heard: list[bytes] = []

    async def offer_login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await said(writer, "220 mail.test")
        while line := await reader.readline():
            heard.append(line)
            await said(writer, "250-mail.test\r\n250 AUTH PLAIN LOGIN" if line.startswith(b"EHLO") else "334 ")

    async with listening(offer_login) as port:
        with pytest.raises(NotSent, match=r"(?i)starttls"):
            await Smtp(f"smtp://claire:secret@127.0.0.1:{port}", SENDER).send(CODE)
    assert not [line for line in heard if line.startswith(b"AUTH")]


async def answered(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {"request": head[0]} | {
        name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])
    }
    return headers, await reader.readexactly(int(headers["content-length"]))


@pytest.mark.parametrize(("token", "header"), [("s3cret", "Bearer s3cret"), ("", None)])
async def test_an_sms_is_a_json_body_and_a_token(token: str, header: str | None) -> None:
    came: list[tuple[dict[str, str], bytes]] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await answered(reader))
        await said(writer, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n")

    async with listening(accept) as port:
        await SmsGateway(f"http://127.0.0.1:{port}/send?from=Votremachine", token).send(SMS)
    ((headers, body),) = came
    assert headers["request"] == "POST /send?from=Votremachine HTTP/1.1"
    assert (headers["content-type"], headers.get("authorization")) == ("application/json", header)
    assert msgspec.json.decode(body) == {"to": SMS.to, "text": SMS.text}


def answering(text: str) -> Conversation:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answered(reader)
        await said(writer, text)
        await reader.read()

    return talk


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never long silent, and never done."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await said(writer, "x-more: to come")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("conversation", "reason"),
    [
        (answering("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n"), "500"),
        (answering("HTTP/1.1 401 Who\r\ncontent-length: 0\r\n"), "401"),
        (answering("HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n"), "429"),
        # Followed, the token and the code would go where somebody else says.
        (answering("HTTP/1.1 302 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n"), "302"),
        (answering("HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n"), "307"),
        (answering("HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n"), "999"),
        (answering("what?"), "."),
        (answering("HTTP/1.1 two hundred\r\n"), "."),
        (hang, "Timeout"),
        (hang_up, "."),
        (drip, "."),
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_a_gateway_that_does_not_take_it(conversation: Conversation, reason: str) -> None:
    async with listening(conversation) as port:
        with pytest.raises(NotSent, match=reason):
            await SmsGateway(f"http://127.0.0.1:{port}/", "s3cret").send(SMS)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{}/", "http://nowhere.invalid/", "gopher://127.0.0.1/", "http://127.0.0.1:port/"]
)
async def test_no_gateway_there(url: str) -> None:
    with pytest.raises(NotSent, match=r"."):
        await SmsGateway(url.format(await unused_port()), "").send(SMS)


async def test_each_letter_is_a_file_and_each_address_has_its_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "deep" / "letters")
    addresses = ["claire@ferme.example", "clair@ferme.example", "+33612345678"]
    sent = [msgspec.structs.replace(CODE, to=to, text=f"{number}") for number in range(5) for to in addresses]
    for letter in sent:
        await folder.send(letter)
    for to in addresses:
        assert folder.sent_to(to) == [letter for letter in sent if letter.to == to]
    assert folder.sent_to("paul@ferme.example") == []
    names = os.listdir(tmp_path / "deep" / "letters")
    assert len(names) == len(sent)
    assert all(name.endswith(".json") for name in names), "nothing half written is left"


@pytest.mark.parametrize(
    "to", ["../../etc/passwd", "/etc/passwd", "c" * 5_000, "*", "[a-z]", "a\x00b", "", ".", "é\n🚜"]
)
async def test_an_address_that_is_no_file_name_does_no_harm(to: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "letters")
    await folder.send(CODE)
    await folder.send(msgspec.structs.replace(CODE, to=to))
    assert [letter.to for letter in folder.sent_to(to)] == [to]
    assert folder.sent_to(CODE.to) == [CODE]
    assert os.listdir(tmp_path) == ["letters"]
    assert len(os.listdir(tmp_path / "letters")) == 2


async def test_a_folder_that_cannot_be_written_has_not_taken_it() -> None:
    with pytest.raises(NotSent, match="Error"):
        await Folder(Path(__file__)).send(CODE)


async def test_a_letter_is_whole_or_not_there(tmp_path: Path) -> None:
    folder, done = Folder(tmp_path), asyncio.Event()

    def look() -> int:
        times = 0
        while not done.is_set():
            assert all(len(letter.text) == 100_000 for letter in folder.sent_to(CODE.to))
            times += 1
        return times

    looking = asyncio.create_task(asyncio.to_thread(look))
    await asyncio.gather(*(folder.send(msgspec.structs.replace(CODE, text="e" * 100_000)) for _ in range(20)))
    done.set()
    assert await looking
    assert len(folder.sent_to(CODE.to)) == 20


@pytest.mark.parametrize(("by_mail", "by_sms"), [(False, False), (True, False), (False, True), (True, True)])
async def test_each_channel_goes_the_way_that_is_set(by_mail: bool, by_sms: bool, tmp_path: Path) -> None:
    box, messages = Mailbox(), list[bytes]()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages.append((await answered(reader))[1])
        await said(writer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n")

    async with mail_server(box) as mail, listening(accept) as gateway:
        settings = Settings(
            var_dir=tmp_path,
            smtp_url=f"smtp://127.0.0.1:{mail}" if by_mail else "",
            sms_url=f"http://127.0.0.1:{gateway}/" if by_sms else "",
        )
        post = open_post(settings)
        await post.send(CODE)
        await post.send(SMS)
    folder = letters_folder(settings)
    assert (len(box.envelopes), len(folder.sent_to(CODE.to))) == (by_mail, not by_mail)
    assert (len(messages), len(folder.sent_to(SMS.to))) == (by_sms, not by_sms)
