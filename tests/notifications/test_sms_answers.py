"""Answers by SMS: as people type them, and what is written to whoever answers late, twice, or for somebody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tests.notifications.test_channels import give_phone
from tests.notifications.test_on_its_way import morning
from tests.people import Person, World
from votremachine.accounts.credentials import Credentials
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.answering import service
from votremachine.notifications.answering.rules import MOST_A_DAY, Answer, read_answer
from votremachine.notifications.answering.service import new_code

PHONE = "+33612345678"


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("OUI 123456", True),
        ("  oui   123456  ", True),
        ("Ouí 123456", True),
        ("oui, merci 123456 !", True),
        ("Bonjour, oui\n123 456.", True),
        ("123456 OUI", True),
        ("ＯＵＩ １２３４５６", True),
        ("oui\u00a0123456", True),
        ("oui123456", True),
        ("yes 123456", True),
        ("NON : 123456.", False),
        ("nón merci, code 123456", False),
        ("No thank you 123456", False),
    ],
)
def test_what_people_type_is_an_answer(text: str, yes: bool) -> None:
    assert read_answer(text) == Answer(yes, "123456")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "oui",
        "oui merci",
        "123456",
        "oui 12345",
        "oui 1234567",
        "oui 123456 654321",
        "oui non 123456",
        "oui mais à 9 h 123456",
        "je ne dis pas oui 123456",
        "ouille 123456",
        "peut-être 123456",
        "œoui 123456",
        "oui ١٢٣٤٥٦",
        "да 123456",
    ],
)
def test_what_says_something_else_is_none(text: str) -> None:
    assert read_answer(text) is None


class Request:
    """A request that waits for its owner, who has the code of an SMS."""

    def __init__(self, settings: Settings, database: Database, booking_id: str, code: str) -> None:
        self.database, self.booking_id, self.code = database, booking_id, code
        self._proofs = Credentials.of(settings).proofs

    async def sms(self, text: str, sender: str = PHONE, at: datetime | None = None) -> str:
        real = self.database.clock
        self.database.clock = lambda: at or real()
        try:
            async with self.database.begin() as tx:
                return await service.answer(tx, self._proofs, sender, text)
        finally:
            self.database.clock = real


@pytest.fixture
async def asked(settings: Settings, world: World, owner: Person, renter: Person, database: Database) -> Request:
    await give_phone(database, owner, PHONE)
    tractor = await world.machine(owner, booking_mode="on_request")
    booking = await renter.booked([tractor], morning(5), morning(6))
    async with database.begin() as tx:
        (row,) = await tx.rows(sa.text("SELECT id FROM people WHERE email = :email"), {"email": owner.email})
        (kept,) = await tx.rows(sa.text("SELECT expires_at FROM bookings WHERE id = :id"), {"id": booking["id"]})
        proofs = Credentials.of(settings).proofs
        code = await new_code(tx, proofs, row.id, UUID(booking["id"]), kept.expires_at)
    return Request(settings, database, booking["id"], code)


async def state(renter: Person, request: Request) -> str:
    return str((await renter.get(f"/bookings/{request.booking_id}")).json()["state"])


async def test_without_its_code_a_yes_is_none_and_is_told_how_to_say_it(asked: Request, renter: Person) -> None:
    assert await asked.sms("oui merci") == "Nous n'avons pas compris. Répondez OUI ou NON, puis le code reçu."
    assert await state(renter, asked) == "requested"


@pytest.mark.parametrize(("word", "then", "said"), [("oui", "confirmed", "accepté"), ("NON", "declined", "refusé")])
async def test_an_answer_counts_once(word: str, then: str, said: str, asked: Request, renter: Person) -> None:
    assert said in await asked.sms(f"{word} merci {asked.code}")
    assert await state(renter, asked) == then
    for again in ("OUI", "NON"):
        assert "déjà utilisé" in await asked.sms(f"{again} {asked.code}")
    assert await state(renter, asked) == then


async def test_a_code_that_ran_out_is_said_so(asked: Request, renter: Person) -> None:
    assert "trop ancien" in await asked.sms(f"OUI {asked.code}", at=morning(4))
    async with asked.database.begin() as tx:
        (row,) = await tx.rows(sa.text("SELECT expires_at, used_at, attempts FROM sms_codes"))
    assert (row.used_at, row.attempts) == (None, 0)
    just = row.expires_at
    assert "trop ancien" in await asked.sms(f"OUI {asked.code}", at=just), "its end is not a part of it"
    assert await state(renter, asked) == "requested"
    assert "accepté" in await asked.sms(f"OUI {asked.code}", at=just - timedelta(seconds=1))


async def test_codes_that_ran_out_are_forgotten_and_no_others(asked: Request) -> None:
    for at, left in ((None, 1), (morning(4), 0)):
        real = asked.database.clock
        asked.database.clock = lambda at=at, real=real: at or real()  # type: ignore[misc]
        async with asked.database.begin() as tx:
            assert await service.purge(tx) == 1 - left
            assert len(await tx.rows(sa.text("SELECT id FROM sms_codes"))) == left
        asked.database.clock = real


async def test_somebody_elses_code_answers_nothing(
    asked: Request, world: World, renter: Person, database: Database
) -> None:
    other = await world.person("other@x.example")
    await give_phone(database, other, "+33687654321")
    assert "faux" in await asked.sms(f"OUI {asked.code}", sender="+33687654321")
    assert await asked.sms(f"OUI {asked.code}", sender="+33600000000") == "", "nothing is written to who is not known"
    assert await state(renter, asked) == "requested"


@pytest.mark.parametrize("word", ["OUI", "NON"])
@pytest.mark.parametrize("by", ["accepted", "called off"])
async def test_what_waits_no_more_is_said_in_words(
    word: str, by: str, asked: Request, owner: Person, renter: Person
) -> None:
    who, verb = (owner, "accept") if by == "accepted" else (renter, "cancel")
    assert (await who.act(asked.booking_id, verb, {} if verb == "cancel" else None)).status_code == 200
    before = await state(renter, asked)
    said = await asked.sms(f"{word} {asked.code}")
    assert said == "Cette demande n'attend plus de réponse : elle a déjà été traitée ou annulée."
    assert await state(renter, asked) == before
    async with asked.database.read() as tx:
        steps = await tx.rows(sa.text("SELECT id FROM booking_transitions WHERE to_state = 'declined'"))
    assert not steps


async def test_who_acts_for_the_farm_no_more_answers_nothing(
    asked: Request, owner: Person, renter: Person, database: Database
) -> None:
    """The code is theirs, the right to answer is not any more: their seat is looked at when the SMS comes."""
    async with database.begin() as tx:
        gone = "UPDATE seats SET role = 'viewer' FROM people p WHERE p.id = person_id AND email = :email"
        await tx.execute(sa.text(gone), {"email": owner.email})
    said = await asked.sms(f"OUI {asked.code}")
    assert said
    assert "accepté" not in said
    assert await state(renter, asked) == "requested"


@asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(msgspec.structs.replace(settings, sms_inbound_token="gateway", rate_limit_factor=1))
    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        head = {"Authorization": "Bearer gateway"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=head) as http:
            yield http


async def test_a_number_that_writes_all_day_is_answered_no_more(
    settings: Settings, owner: Person, database: Database
) -> None:
    number = "+33611223344"
    await give_phone(database, owner, number)
    async with gateway(settings) as http:
        texts = [
            (await http.post("/v1/webhooks/sms", json={"from": number, "text": "?"})).json()["text"]
            for _ in range(MOST_A_DAY + 2)
        ]
        assert all("pas compris" in one for one in texts[:MOST_A_DAY])
        assert texts[MOST_A_DAY:] == ["", ""]


@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer other"])
async def test_without_a_token_set_nothing_is_taken(shown: str, settings: Settings) -> None:
    app = create_app(msgspec.structs.replace(settings, sms_inbound_token=""))
    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            body = {"from": PHONE, "text": "OUI 123456"}
            answer = await http.post("/v1/webhooks/sms", json=body, headers={"Authorization": shown})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_the_gateway")
