"""Each channel with a real other side on the loopback: what it receives, and what follows when it does not."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import httpx
import jwt
import msgspec
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.dialects import postgresql

from tests.infra.test_letters import Mailbox, answered, listening, mail_server, said
from tests.notifications.browsers import Browser
from tests.notifications.office import Office, open_office
from tests.notifications.test_on_its_way import morning, part
from tests.people import Json, Person, World
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import appoint
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.answering.service import answer, new_code
from votremachine.notifications.channels.sms import LONGEST, filled
from votremachine.notifications.delivering.rules import LEASE, MOST_ATTEMPTS
from votremachine.notifications.delivering.service.store import DUE as OUT
from votremachine.notifications.reminders import jobs
from votremachine.notifications.reminders.service import telling
from votremachine.notifications.reminders.service.telling import DUE

Came = tuple[dict[str, str], bytes]


class Service:
    """A push service or an SMS gateway: keeps what comes, and answers as it is told."""

    def __init__(self, answer: str = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n") -> None:
        self.came: list[Came] = []
        self.answer = answer

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        async with listening(self._talk) as port:
            yield f"http://127.0.0.1:{port}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.append(await answered(reader))
        await said(writer, self.answer)
        await reader.read()


async def subscribe(office: Office, settings: Settings, who: Person, endpoint: str) -> Browser:
    """As over HTTP, but where the service lies on the loopback."""
    browser = Browser(endpoint)
    allowed = msgspec.structs.replace(settings, fetch_private_addresses=True)
    async with office.database.begin() as tx:
        (row,) = await tx.rows(sa.text("SELECT id FROM people WHERE email = :email"), {"email": who.email})
    app = create_app(allowed)

    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            there = Person(http, who.email, who.token)
            browser.service_key = (await there.get("/devices")).json()["application_server_key"]
            await there.made("/devices", browser.subscription)
    assert isinstance(row.id, UUID)
    return browser


async def kinds_of(office: Office, channel: str) -> list[tuple[str, str]]:
    """Kind and state of the deliveries by a channel, oldest first."""
    rows = await office.rows(
        "SELECT kind, state FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE channel = :channel "
        "ORDER BY d.id",
        channel=channel,
    )
    return [(row.kind, row.state) for row in rows]


async def give_phone(database: Database, who: Person, phone: str = "+33612345678") -> None:
    async with database.begin() as tx:
        await tx.execute(
            sa.text("UPDATE people SET phone = :phone WHERE email = :email"), {"phone": phone, "email": who.email}
        )


async def test_a_browser_reads_what_is_pushed_and_knows_who_pushed(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, service, box = await world.machine(owner), Service(), Mailbox()
    async with (
        service.open() as url,
        mail_server(box) as port,
        open_office(settings, fetch_private_addresses=True, smtp_url=f"smtp://127.0.0.1:{port}") as office,
    ):
        browser = await subscribe(office, settings, renter, f"{url}/to/renter")
        booking = await renter.booked([tractor], morning(5), morning(6))
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        ((headers, body),) = service.came
        key = browser.service_key
        assert sorted(str(one["To"]) for one in box.messages()) == [owner.email], "one channel is enough"
        # It lies there unread: the next channel, once.
        office.now = morning(4, 18) + timedelta(hours=3)
        for _ in range(2):
            await office.follow_up()
            await office.send()
    said_ = browser.read(body)
    assert said_["title"] == "Demain à 8 h : Tracteur 120 ch"
    assert said_["url"].endswith(f"/bookings/{booking['id']}")
    assert headers["content-encoding"] == "aes128gcm"
    scheme, _, rest = headers["authorization"].partition(" ")
    assert scheme.lower() == "vapid"
    given = dict(one.strip().split("=", 1) for one in rest.split(","))
    assert given["k"].rstrip("=") == key
    point = urlsafe_b64decode(key + "=" * (-len(key) % 4))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims = jwt.decode(given["t"], public, algorithms=["ES256"], audience=url)
    assert claims["sub"].startswith("mailto:")
    letters = [one for one in box.messages() if one["To"] == renter.email]
    assert [one["Subject"] for one in letters] == ["Demain à 8 h : Tracteur 120 ch"]


async def test_what_was_read_is_not_sent_by_the_next_channel(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, service = await world.machine(owner), Service()
    async with service.open() as url, open_office(settings, fetch_private_addresses=True) as office:
        await subscribe(office, settings, renter, url)
        await renter.booked([tractor], morning(5), morning(6))
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        newest = (await renter.get("/inbox")).json()["items"][0]
        assert (newest["kind"], newest["read_at"]) == ("booking_tomorrow", None)
        assert (await owner.post("/inbox/read", {"ids": [newest["id"]]})).status_code == 204
        assert (await renter.get("/inbox")).json()["items"][0]["read_at"] is None, "only one's own"
        assert (await renter.post("/inbox/read", {"ids": [newest["id"]]})).status_code == 204
        office.now = morning(4, 22)
        await office.follow_up()
        mine = [one for one in await kinds_of(office, "email") if one[0] == "booking_tomorrow"]
        assert len(mine) == 1, "the owner's alone"


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_device_that_is_gone_is_forgotten_and_the_next_channel_taken(
    status: str, settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, service = await world.machine(owner), Service(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n")
    async with service.open() as url, open_office(settings, fetch_private_addresses=True) as office:
        await subscribe(office, settings, renter, url)
        await renter.booked([tractor], morning(5), morning(6))
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        assert ("booking_tomorrow", "dead") in await kinds_of(office, "push")
        assert (await renter.get("/devices")).json()["items"] == []
        await office.send()
        sent = [one for one in await kinds_of(office, "email") if one == ("booking_tomorrow", "sent")]
        assert len(sent) == 2


async def test_a_private_address_is_not_pushed_to(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    service = Service()
    refused = await renter.post("/devices", {"endpoint": "http://10.0.0.1/x", "keys": {"p256dh": "B", "auth": "A"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_subscription")
    tractor = await world.machine(owner)
    async with service.open() as url, open_office(settings) as office:
        await subscribe(office, settings, renter, url)
        await renter.booked([tractor], morning(5), morning(6))
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        assert service.came == []
        assert ("booking_tomorrow", "waiting") in await kinds_of(office, "push")


async def test_a_request_is_accepted_by_sms(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, service = await world.machine(owner, booking_mode="on_request"), Service()
    service.answer = 'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"id": "m7"}'
    await give_phone(database, owner)
    seen = await owner.get("/preferences")
    wanted = {"kinds": {"BookingRequested": {"channels": ["sms"]}}}
    assert (await owner.ask("PUT", "/preferences", wanted, If_Match=seen.headers["ETag"])).status_code == 200
    booking = await renter.booked([tractor], morning(5), morning(6))
    template = '{"messages": [{"recipient": "{to}", "body": "{text}", "ref": "{id}", "type": 1}]}'
    inbound = msgspec.structs.replace(settings, sms_inbound_token="gateway")

    app = create_app(inbound)
    async with service.open() as url, open_office(settings, sms_url=url, sms_template=template) as office:
        await office.all()
        ((headers, body),) = service.came
        sent = msgspec.json.decode(body)["messages"][0]
        assert (sent["recipient"], sent["type"]) == ("+33612345678", 1)
        assert headers["idempotency-key"] == sent["ref"]
        assert len(sent["body"]) <= LONGEST
        assert f"/bookings/{booking['id']}" in sent["body"]
        code = sent["body"].split("OUI ")[1][:6]
        (row,) = await office.rows("SELECT provider_id FROM deliveries WHERE channel = 'sms'")
        assert row.provider_id == "m7"
    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:

            async def sms(sender: str, text: str, token: str = "gateway") -> httpx.Response:  # noqa: S107
                body = {"from": sender, "text": text, "network": "x"}
                return await http.post("/v1/webhooks/sms", json=body, headers={"Authorization": f"Bearer {token}"})

            assert (await sms("+33612345678", f"OUI {code}", "other")).status_code == 403
            assert (await sms("+33687654321", f"OUI {code}")).json() == {"text": ""}
            assert "pas compris" in (await sms("+33612345678", "peut-être")).json()["text"]
            wrong = "000000" if code != "000000" else "000001"
            assert "faux" in (await sms("+33612345678", f"OUI {wrong}")).json()["text"]
            state = (await renter.get(f"/bookings/{booking['id']}")).json()["state"]
            assert state == "requested"
            assert "confirmée" in (await sms("0612345678", f" oui {code}.")).json()["text"]
            # Once.
            assert "déjà utilisé" in (await sms("+33612345678", f"NON {code}")).json()["text"]
    assert (await renter.get(f"/bookings/{booking['id']}")).json()["state"] == "confirmed"


async def test_a_code_cannot_be_guessed(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:

    await give_phone(database, owner)
    tractor = await world.machine(owner, booking_mode="on_request")
    booking = await renter.booked([tractor], morning(5), morning(6))
    proofs = Credentials.of(settings).proofs
    async with database.begin() as tx:
        (row,) = await tx.rows(sa.text("SELECT id FROM people WHERE email = :email"), {"email": owner.email})
        code = await new_code(tx, proofs, row.id, UUID(booking["id"]), tx.now + timedelta(hours=1))
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        async with database.begin() as tx:
            await answer(tx, proofs, "+33612345678", f"NON {wrong}")
    async with database.begin() as tx:
        assert "faux" in await answer(tx, proofs, "+33612345678", f"NON {code}")
    assert (await renter.get(f"/bookings/{booking['id']}")).json()["state"] == "requested"


async def test_who_has_no_channel_still_has_the_inbox(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], morning(5), morning(6))
    seen = await renter.get("/preferences")
    nothing: Json = {"kinds": {"booking_tomorrow": {"channels": []}}}
    assert (await renter.ask("PUT", "/preferences", nothing, If_Match=seen.headers["ETag"])).status_code == 200
    async with open_office(settings) as office:
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        assert [kind for kind, _ in await kinds_of(office, "email") if kind == "booking_tomorrow"] == [
            "booking_tomorrow"
        ], "the owner's alone"
    newest = (await renter.get("/inbox", Accept_Language="fr")).json()["items"][0]
    assert newest["kind"] == "booking_tomorrow"
    assert newest["link"] == f"/bookings/{booking['id']}"


async def test_names_and_titles_are_no_headers_and_no_markup(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    evil = "Tracteur\r\nBcc: everybody@x.example\r\n\r\n<script>alert(1)</script>"
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE machines SET title_fr = :evil"), {"evil": evil})
    await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
    letters = box.messages()
    assert len(letters) == 2
    for letter, envelope in zip(letters, box.envelopes, strict=True):
        assert letter["Bcc"] is None
        assert len(envelope.rcpt_tos) == 1
        assert "Bcc: everybody" in letter["Subject"]
        assert "<script" not in part(letter, "html")


async def test_a_letter_spares_its_reader_the_next_of_its_kind(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    await renter.booked([tractor], morning(5), morning(6))
    await renter.booked([tractor], morning(8), morning(9))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        (mine,) = [one for one in box.messages() if one["To"] == renter.email]
        link = mine["List-Unsubscribe"].strip("<> ").partition("/v1")[2]
        page = await renter.http.get(f"/v1{link}")
        assert (page.status_code, "<form" in page.text) == (200, True)
        assert (await renter.http.post(f"/v1{link}")).status_code == 204
        assert (await renter.http.post(f"/v1{link[:-3]}AAA")).status_code == 404
        kinds = {one["kind"]: one for one in (await renter.get("/preferences")).json()["kinds"]}
        assert kinds["booking_tomorrow"]["channels"] == ["push"]
        assert kinds["hand_over_soon"]["channels"] == ["push", "email"]
        office.now, before = morning(7, 18), len(box.messages())
        await office.remind()
        eve = [one for one in box.messages()[before:] if one["Subject"].startswith("Demain")]
        assert [one["To"] for one in eve] == [owner.email]


async def test_what_nobody_takes_is_given_up_seen_and_tried_again(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:

    support = await world.person("support@x.example")
    async with database.begin() as tx:
        await appoint(tx, support.email, StaffRole.SUPPORT)
    tractor, box = await world.machine(owner), Mailbox(data="451 not now")
    await renter.booked([tractor], morning(5), morning(6))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.hear()
        office.now = morning(4, 18)
        await office.remind()
        metrics = (await renter.http.get("/metrics")).text
        assert 'votremachine_due{channel="push",queue="deliveries"} 0.0' in metrics
        for _ in range(MOST_ATTEMPTS - 1):
            (row,) = await office.rows("SELECT max(due_at) AS due FROM deliveries WHERE state = 'waiting'")
            office.now = row.due
            await office.send()
        assert [one for one in await kinds_of(office, "email") if one[0] == "booking_tomorrow"] == [
            ("booking_tomorrow", "dead")
        ] * 2
        dead = (await support.get("/staff/dead-letters")).json()["items"]
        assert {(one["kind"], one["channel"], one["attempts"]) for one in dead} >= {
            ("booking_tomorrow", "email", MOST_ATTEMPTS)
        }
        assert "451" in dead[0]["last_error"]
        metrics = (await renter.http.get("/metrics")).text
        assert 'votremachine_dead{channel="email"} 2.0' in metrics
        assert 'votremachine_deliveries_total{channel="email",outcome="failed"} 27.0' in metrics
        box._answers.clear()
        office.now = morning(4, 19)
        for one in dead:
            assert (await support.post(f"/staff/dead-letters/{one['id']}/retry")).status_code == 204
        await office.send()
    assert len([one for one in box.messages() if one["Subject"].startswith("Demain")]) == 2


async def test_a_fault_of_ours_is_tried_again_and_holds_up_nobody(
    settings: Settings, world: World, owner: Person, renter: Person, database: Database
) -> None:

    tractor = await world.machine(owner)
    await renter.booked([tractor], morning(5), morning(6))
    async with open_office(settings) as office:
        await office.hear()
        office.now = morning(4, 18)
        async with office.database.begin() as tx:
            await tx.execute(
                sa.text(
                    "UPDATE reminders SET kind = 'nonsense' FROM people p WHERE p.id = person_id AND email = :email"
                ),
                {"email": owner.email},
            )
            ids, lease = await telling.DUE.lease(tx, 100, LEASE)
        ctx = {"database": office.database, "moments": office.moments, "sender": office.sender}
        posted = await jobs._tell(ctx, ids, lease)
        assert len(posted) == 1
        (row,) = await office.rows("SELECT * FROM reminders WHERE attempts > 0")
        assert (row.state, row.attempts, row.lease_until) == ("planned", 1, None)
        assert row.due_at > office.now
        assert "KeyError" in row.last_error


async def test_many_are_told_once_a_day_if_they_wish(
    settings: Settings, world: World, owner: Person, renter: Person
) -> None:
    tractor, box = await world.machine(owner), Mailbox()
    seen = await owner.get("/preferences")
    wanted = {"digest_at": "07:30", "language": "en"}
    assert (await owner.ask("PUT", "/preferences", wanted, If_Match=seen.headers["ETag"])).status_code == 200
    for day in (5, 8):
        await renter.booked([tractor], morning(day), morning(day + 1))
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await office.all()
        assert [one for one in box.messages() if one["To"] == owner.email] == []
        office.now = morning(1, 7) + timedelta(minutes=30)
        await office.remind()
        await office.remind()
        (digest,) = [one for one in box.messages() if one["To"] == owner.email]
        assert digest["Subject"] == "2 messages for you"
        assert part(digest, "plain").count("The booking is confirmed.") == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"zone": "Mars/Olympus"}, "unknown_zone"),
        ({"zone": "localtime"}, "unknown_zone"),
        ({"quiet_from": None}, "half_quiet"),
        ({"quiet_from": "07:00"}, "half_quiet"),
        ({"kinds": {"nonsense": {"channels": []}}}, "unknown_kind"),
        ({"kinds": {"overdue": {"channels": ["pigeon"]}}}, "invalid_body"),
        ({"digest_at": "25:00"}, "invalid_body"),
    ],
)
async def test_preferences_that_are_none_change_nothing(body: object, code: str, renter: Person) -> None:
    seen = await renter.get("/preferences")
    answer = await renter.ask("PUT", "/preferences", body, If_Match=seen.headers["ETag"])
    assert answer.status_code == 422
    assert answer.json()["code"] == code or code == "invalid_body"
    assert (await renter.get("/preferences")).json() == seen.json()


async def test_preferences_are_not_overwritten_unseen(renter: Person) -> None:
    tag = (await renter.get("/preferences")).headers["ETag"]
    assert (await renter.ask("PUT", "/preferences", {})).status_code == 428
    assert (await renter.ask("PUT", "/preferences", {}, If_Match=tag)).status_code == 200
    assert (await renter.ask("PUT", "/preferences", {}, If_Match=tag)).status_code == 412


def test_a_template_takes_texts_as_texts() -> None:
    values = {"to": "+33", "text": '{to} "x" {', "id": "7"}
    assert filled({"a": ["{text}", 1, None], "b": "<{id}> {other} {to"}, values) == {
        "a": ['{to} "x" {', 1, None],
        "b": "<7> {other} {to",
    }


_OTHERS = """
    INSERT INTO reminders (id, kind, subject, person_id, due_at, state, dedupe_key, created_at, changed_at)
    SELECT gen_random_uuid(), 'overdue', gen_random_uuid(), p.id, now() + make_interval(mins => CASE WHEN n % 2 = 0
        THEN n ELSE -n END), CASE WHEN n % 2 = 0 THEN 'planned' ELSE 'told' END, n::text, now(), now()
    FROM people p, generate_series(1, 20000) n
"""
_ON_THEIR_WAY = """
    INSERT INTO deliveries (id, message_id, channel, state, due_at, created_at, changed_at)
    SELECT gen_random_uuid(), m.id, 'email', CASE WHEN row_number() OVER () % 20 = 0 THEN 'waiting' ELSE 'sent' END,
        now() + interval '1 hour', now(), now() FROM messages m
"""
_TOLD = """
    INSERT INTO messages (id, person_id, kind, created_at)
    SELECT gen_random_uuid(), p.id, 'overdue', now() FROM people p, generate_series(1, 20000)
"""


async def test_a_look_at_nothing_due_is_one_question_to_an_index(renter: Person, database: Database) -> None:
    """Among many that are to come, or were told: as it is planned by itself, and without a look at the table."""
    async with database.begin() as tx:
        for statement in (_OTHERS, _TOLD, _ON_THEIR_WAY):
            await tx.execute(sa.text(statement))
    for queue in (DUE, OUT):
        asked = str(queue.look.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        asked = asked.replace("%(now)s", "now()").replace("%(param_1)s", "1").replace("%(param_2)s", "1")
        plan = ""
        # What somebody's snapshot still sees, a vacuum passes over; until the next.
        for _ in range(20):
            async with database.read() as tx:
                await tx.execute(sa.text(f"VACUUM ANALYZE {queue.table.name}"))
                plan = "\n".join(row[0] for row in await tx.rows(sa.text(f"EXPLAIN (ANALYZE, BUFFERS) {asked}")))
            if "Heap Fetches: 0" in plan:
                break
            await asyncio.sleep(0.1)
        assert f"Index Only Scan using {queue.table.name}_due_idx" in plan, plan
        assert "Heap Fetches: 0" in plan, plan
        assert "Seq Scan" not in plan, plan
