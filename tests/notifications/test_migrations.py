"""The migrations of messages, with messages in them, up and down."""

from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest

from tests.infra.test_migrate import ask
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

PERSON = """
    INSERT INTO people (id, email, name, language, password_hash, created_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'a@x.example', 'A', 'fr', '', now())
"""
MESSAGE = """
    INSERT INTO messages (id, person_id, kind, created_at, facts)
    VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '{kind}', '2026-11-01 08:00+00', '{facts}')
"""
CLAIM = """
    INSERT INTO claims (id, booking_id, owner_party_id, renter_party_id, machine_ids, state, reason, currency, total,
        asked, turn, due_at, next_at, paid, version, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '{}', state, 'X', 'EUR', 1, 1,
        turn, due::timestamptz, next::timestamptz, 0, 1, now()
    FROM (VALUES ('open', 'renter', '2026-11-04 08:00+00', '2026-11-03 08:00+00'),
        ('contested', 'owner', '2026-11-04 08:00+00', '2026-11-04 08:00+00'),
        ('mediation', NULL, NULL, '2026-11-06 08:00+00'), ('withdrawn', NULL, NULL, NULL)) AS c (state, turn, due, next)
"""
DEVICE = """
    INSERT INTO devices (id, person_id, endpoint_hash, subscription_sealed, name, created_at)
    VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'h', 's', '', now())
"""
CHOSEN = """
    INSERT INTO preferences (person_id, zone, kinds, version) VALUES ('00000000-0000-0000-0000-000000000001',
        'Europe/Paris', '{"ClaimWaits": {"channels": ["sms"]}, "overdue": {"channels": []}}', 3)
"""


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"messages_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def told(url: str, kind: str, **facts: object) -> None:
    await ask(url, MESSAGE.format(kind=kind, facts=msgspec.json.encode(facts).decode()))


async def messages(url: str) -> list[tuple[str, dict[str, object]]]:
    rows = await ask(url, "SELECT kind, facts FROM messages ORDER BY kind, facts::text")
    return [(row["kind"], msgspec.json.decode(row["facts"])) for row in rows]


async def test_the_hour_of_an_offer_has_another_name_and_gets_its_old_one_back(url: str) -> None:
    """Revision 0020: `until_fr`, which was put into words, becomes `expires_at_fr` of offers alone."""
    await upgrade(url, "0019")
    await ask(url, PERSON)
    await told(url, "WaitingOffered", until_fr="27/11/2026 à 09:00", until_en="27/11/2026 09:00", machine_fr="Tracteur")
    await told(url, "WaitingOffered", machine_fr="Sans heure")
    await told(url, "DepositLapsing", until_fr="27/11/2026 à 09:00", until_en="27/11/2026 09:00")
    await told(url, "PaymentMissing", amount_fr="12,00 €", amount_en="€12.00")
    before = await messages(url)
    await upgrade(url, "0020")
    offered = ("WaitingOffered", {"machine_fr": "Tracteur", "expires_at_fr": "27/11/2026 à 09:00"})
    after = await messages(url)
    assert (offered[0], offered[1] | {"expires_at_en": "27/11/2026 09:00"}) in after
    assert [one for one in after if one[0] != "WaitingOffered"] == [one for one in before if one[0] != "WaitingOffered"]
    rows = await ask(url, "SELECT read_at, in_digest FROM messages")
    assert {tuple(row) for row in rows} == {(None, False)}
    # What is told from here on has no words of before.
    for kind, facts in (
        ("WaitingOffered", {"expires_at": "2026-11-27T09:00:00+00:00"}),
        ("DepositLapsing", {"until": "2026-11-27T09:00:00+00:00"}),
        ("PaymentMissing", {"amount": {"minor": 1200, "currency": "EUR"}}),
        ("booking_tomorrow", {"side": "owner"}),
        ("BookingConfirmed", {"side": "owner"}),
    ):
        await told(url, kind, **facts)
    await downgrade(url, "0019")
    left = await messages(url)
    assert ("BookingConfirmed", {"side": "owner"}) in left
    kept = [one for one in before if "until_fr" in one[1] or "amount_fr" in one[1]]
    assert [one for one in left if one[0] != "BookingConfirmed"] == kept
    await upgrade(url, "0020")


async def test_what_claims_waited_for_becomes_reminders_and_all_goes_down_again(url: str) -> None:
    """Revision 0026."""
    await upgrade(url, "0023")
    for statement in (PERSON, CLAIM, DEVICE, CHOSEN):
        await ask(url, statement)
    await told(url, "ClaimWaits", what_fr="Il vous reste moins de 24 heures ; ensuite, un médiateur tranche.")
    await told(url, "ClaimWaits", what_fr="Les deux parties attendent votre décision.")
    await told(url, "ClaimOpened", amount={"minor": 1, "currency": "EUR"})
    await upgrade(url, "0025")
    found = dict(await messages(url))
    assert set(found) == {"claim_answer_due", "claim_undecided", "ClaimOpened"}
    assert str(found["claim_answer_due"]["until"]).startswith("2026-11-02T08:00:00")
    assert found["claim_undecided"]["side"] == "mediator"
    (chosen,) = await ask(url, "SELECT kinds FROM preferences")
    kinds = msgspec.json.decode(chosen["kinds"])
    assert kinds == {one: {"channels": ["sms"]} for one in ("claim_answer_due", "claim_undecided")} | {
        "overdue": {"channels": []}
    }
    assert [row["kind"] for row in await ask(url, "SELECT kind FROM devices")] == ["browser"]
    await ask(url, "INSERT INTO devices SELECT gen_random_uuid(), person_id, 'i', 's', '', now(), 'app' FROM devices")
    await downgrade(url, "0023")
    assert await messages(url) == [("ClaimOpened", {"amount": {"minor": 1, "currency": "EUR"}})]
    (chosen,) = await ask(url, "SELECT kinds FROM preferences")
    assert msgspec.json.decode(chosen["kinds"]) == {"overdue": {"channels": []}}
    swept = {row["state"]: row["next_at"] for row in await ask(url, "SELECT state, next_at FROM claims")}
    assert swept["withdrawn"] is None
    assert None not in {swept[state] for state in ("open", "contested", "mediation")}
    assert len(await ask(url, "SELECT FROM devices")) == 1
    await upgrade(url, "0025")
