"""Native apps: a server on the loopback that plays Google, its tokens and its messages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import jwt
import msgspec
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.infra.test_letters import answered, listening, said
from tests.notifications.office import Office, open_office
from tests.notifications.test_channels import Service, kinds_of, subscribe
from tests.notifications.test_on_its_way import morning
from tests.people import Json, Person, World
from votremachine.app import create_app
from votremachine.config import BadSetting, Settings
from votremachine.notifications.channels.google import GRANT, SCOPE, Access, read_account

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TOKEN = "fcm:APA91b-x_1"
ACCOUNT = {
    "type": "service_account",
    "project_id": "ferme",
    "client_email": "push@ferme.iam.gserviceaccount.com",
    "private_key_id": "k1",
    "private_key": KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    "token_uri": "https://oauth2.example/token",
}
SETTING = msgspec.json.encode(ACCOUNT).decode()


def error(status: str, code: str = "", *, field: str = "", more: str = "") -> str:
    """An answer of FCM's that is none of success."""
    details: list[Json] = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}]
    if field:
        details.append({"fieldViolations": [{"field": field}]})
    body = msgspec.json.encode({"error": {"status": status, "details": details if code or field else []}}).decode()
    return f"{more}{_with_length(body)}"


class Google:
    """Gives tokens that are good for a while, and takes messages: by default all, or as it is told, one by one."""

    def __init__(self, *answers: str, expires_in: float = 3600) -> None:
        self.assertions: list[str] = []
        self.came: list[Json] = []
        self.answers, self.expires_in = list(answers), expires_in
        self.refused: set[str] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Json]:
        async with listening(self._talk) as port:
            base = f"http://127.0.0.1:{port}"
            yield {"fcm_account": SETTING, "fcm_token_url": f"{base}/token", "fcm_url": base}

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                headers, body = await answered(reader)
                await said(writer, self._answer(headers, body))

    def _answer(self, headers: dict[str, str], body: bytes) -> str:
        if headers["request"].startswith("POST /token "):
            asked = parse_qs(body.decode())
            assert asked["grant_type"] == [GRANT]
            self.assertions += asked["assertion"]
            return _ok({"access_token": f"t{len(self.assertions)}", "expires_in": self.expires_in})
        assert headers["request"] == "POST /v1/projects/ferme/messages:send HTTP/1.1"
        token = headers["authorization"].removeprefix("Bearer ")
        if token in self.refused:
            return f"HTTP/1.1 401 X\r\n{error('UNAUTHENTICATED')}"
        self.came.append({**msgspec.json.decode(body)["message"], "by": token})
        return f"HTTP/1.1 {self.answers.pop(0)}" if self.answers else _ok({"name": f"projects/ferme/{len(self.came)}"})


def _ok(body: Json) -> str:
    text = msgspec.json.encode(body).decode()
    return f"HTTP/1.1 200 OK\r\n{_with_length(text)}"


def _with_length(text: str) -> str:
    """The end of what is said is a line's, which `said` adds: it belongs to the body."""
    return f"content-length: {len(text) + 2}\r\n\r\n{text}"


async def add_app(settings: Settings, who: Person, token: str = TOKEN) -> Json:
    app = create_app(msgspec.structs.replace(settings, fcm_account=SETTING))
    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            there = Person(http, who.email, who.token)
            assert (await there.get("/devices")).json()["apps"] is True
            return await there.made("/devices", {"fcm_token": token, "name": "Pixel"})


@asynccontextmanager
async def told_by(
    google: Google, settings: Settings, world: World, owner: Person, renter: Person
) -> AsyncIterator[Office]:
    """The eve of a booking whose renter has an app."""
    tractor = await world.machine(owner)
    async with google.open() as there, open_office(settings, fetch_private_addresses=True, **there) as office:
        await add_app(settings, renter)
        await renter.booked([tractor], morning(5), morning(6))
        await office.hear()
        office.now = morning(4, 18)
        yield office


async def eve(office: Office, channel: str) -> list[str]:
    """The states of the deliveries of the reminder, by a channel."""
    return [state for kind, state in await kinds_of(office, channel) if kind == "booking_tomorrow"]


async def test_an_app_is_told_by_who_can_prove_who_they_are(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    google = Google()
    async with told_by(google, settings, world, owner, renter) as office:
        await office.remind()
        assert await eve(office, "push") == ["sent"]
        (row,) = await office.rows("SELECT provider_id, message_id FROM deliveries WHERE channel = 'push'")
    (message,) = google.came
    assert (message["token"], row.provider_id) == (TOKEN, "projects/ferme/1")
    assert message["notification"]["title"] == "Demain à 8 h : Tracteur 120 ch"
    assert "/bookings/" in message["data"]["url"]
    assert message["android"]["notification"]["tag"] == str(row.message_id), "by which a repetition is one notification"
    assert message["apns"]["headers"]["apns-collapse-id"] == str(row.message_id)
    (assertion,) = google.assertions
    claims = jwt.decode(assertion, KEY.public_key(), algorithms=["RS256"], audience=ACCOUNT["token_uri"])
    assert (claims["iss"], claims["scope"], claims["exp"] - claims["iat"]) == (ACCOUNT["client_email"], SCOPE, 3600)
    assert jwt.get_unverified_header(assertion)["kid"] == "k1"


async def test_a_browser_and_an_app_are_one_channel(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    google, browser = Google("503 X\r\n" + error("UNAVAILABLE")), Service()
    async with told_by(google, settings, world, owner, renter) as office, browser.open() as url:
        await subscribe(office, settings, renter, url)
        await office.remind()
        assert (len(google.came), len(browser.came)) == (1, 1)
        assert await eve(office, "push") == ["sent"], "one of them took it"
        assert {one["kind"] for one in (await renter.get("/devices")).json()["items"]} == {"app", "browser"}


_AGAIN = sa.text("UPDATE deliveries SET state = 'waiting' WHERE channel = 'push'")
GONE = (
    "404 X\r\n" + error("NOT_FOUND", "UNREGISTERED"),
    "404 X\r\n" + error("NOT_FOUND"),
    "400 X\r\n" + error("INVALID_ARGUMENT", "INVALID_ARGUMENT", field="message.token"),
)


@pytest.mark.parametrize("answer", GONE)
async def test_an_app_that_was_removed_is_forgotten_and_the_next_channel_taken(
    answer: str, settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    async with told_by(Google(answer), settings, world, owner, renter) as office:
        await office.remind()
        assert await eve(office, "push") == ["dead"]
        assert (await renter.get("/devices")).json()["items"] == []
        await office.send()
        assert await eve(office, "email") == ["sent", "sent"]


async def test_what_is_wrong_with_a_message_is_no_fault_of_the_app(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    answer = "400 X\r\n" + error("INVALID_ARGUMENT", "INVALID_ARGUMENT", field="message.data")
    async with told_by(Google(answer), settings, world, owner, renter) as office:
        await office.remind()
        assert await eve(office, "push") == ["dead"]
        assert len((await renter.get("/devices")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        ("429 X\r\n" + error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", more="Retry-After: 600\r\n"), 600),
        ("429 X\r\n" + error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), 60),
        ("503 X\r\n" + error("UNAVAILABLE", "UNAVAILABLE", more="Retry-After: 90\r\n"), 90),
        ("503 X\r\n" + error("UNAVAILABLE", more="Retry-After: soon\r\n"), 15),
        ("500 X\r\n" + error("INTERNAL"), 15),
    ],
)
async def test_who_wants_to_be_left_alone_is(
    answer: str, wait: int, settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    google = Google(answer)
    async with told_by(google, settings, world, owner, renter) as office:
        await office.remind()
        (row,) = await office.rows("SELECT due_at, state FROM deliveries WHERE channel = 'push'")
        assert office.now is not None
        assert row.state == "waiting"
        assert timedelta(seconds=wait) <= row.due_at - office.now <= timedelta(seconds=max(wait, 23))
        office.now = row.due_at
        await office.send()
        # In the process it is not asked before that time has really passed.
        assert len(google.came) == (1 if wait > 15 else 2)


async def test_a_token_is_kept_renewed_in_time_and_renewed_once_when_it_is_refused() -> None:
    google, now = Google(expires_in=3600), [0.0]
    account = read_account(SETTING)
    async with google.open() as there, httpx.AsyncClient() as http:
        access = Access(account, there["fcm_token_url"], lambda: now[0])
        assert await asyncio.gather(*(access.token(http) for _ in range(5))) == ["t1"] * 5
        now[0] = 3299
        assert await access.token(http) == "t1"
        now[0] = 3300
        assert await access.token(http) == "t2"
        both = await asyncio.gather(*(access.token(http, instead_of="t2") for _ in range(2)))
        assert both == ["t3", "t3"], "whoever was refused the same one gets the same new one"
        google.expires_in = 60
        assert await access.token(http, instead_of="t3") == "t4"
        now[0] += 29
        assert await access.token(http) == "t4"
        now[0] += 1
        assert await access.token(http) == "t5"


async def test_a_token_that_is_refused_is_renewed_and_no_more_than_once(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    google = Google()
    google.refused = {"t1"}
    async with told_by(google, settings, world, owner, renter) as office:
        await office.remind()
        assert [one["by"] for one in google.came] == ["t2"]
        google.refused = {f"t{n}" for n in range(20)}
        async with office.database.begin() as tx:
            await tx.execute(_AGAIN)
        await office.send()
        assert len(google.assertions) == 3, "one more, and no endless asking"
        assert await eve(office, "push") == ["waiting"]


async def test_an_app_is_only_taken_where_it_can_be_told(renter: Person) -> None:
    refused = await renter.post("/devices", {"fcm_token": TOKEN})
    assert (refused.status_code, refused.json()["code"]) == (409, "apps_not_reached")
    assert (await renter.get("/devices")).json()["apps"] is False
    keys = {"p256dh": "B", "auth": "A"}
    for body in ({}, {"keys": keys}, {"endpoint": "https://x.example/", "keys": keys, "fcm_token": TOKEN}):
        refused = await renter.post("/devices", body)
        assert (refused.status_code, refused.json()["code"]) == (422, "which_device")


async def test_an_app_belongs_to_who_is_signed_in_there_now(settings: Settings, owner: Person, renter: Person) -> None:
    for one in (owner, renter):
        await add_app(settings, one)
    assert (await owner.get("/devices")).json()["items"] == []
    assert [one["kind"] for one in (await renter.get("/devices")).json()["items"]] == ["app"]


async def test_without_credentials_an_app_is_not_waited_for(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    await add_app(settings, renter)
    async with open_office(settings) as office:
        await renter.booked([tractor], morning(5), morning(6))
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        await office.send()
        assert await eve(office, "email") == ["sent", "sent"]


async def test_a_private_address_is_not_asked(settings: Settings, world: World, owner: Person, renter: Person) -> None:
    google, tractor = Google(), await world.machine(owner)
    async with google.open() as there, open_office(settings, **there) as office:
        await add_app(settings, renter)
        await renter.booked([tractor], morning(5), morning(6))
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        assert (google.assertions, google.came) == ([], [])
        assert await eve(office, "push") == ["waiting"]


@pytest.mark.parametrize("setting", ["/nowhere/at/all.json", "{}", '{"project_id": 1}', SETTING.replace("KEY", "X")])
def test_a_wrong_account_is_named_and_nothing_of_it_said(setting: str) -> None:
    with pytest.raises(BadSetting, match="VOTREMACHINE_FCM_ACCOUNT") as caught:
        read_account(setting)
    assert "PRIVATE" not in str(caught.value)


def test_the_account_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text(SETTING)
    assert read_account(str(file)).project_id == "ferme"
    assert "PRIVATE" not in repr(read_account(SETTING))
