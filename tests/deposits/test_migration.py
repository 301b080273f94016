"""The migration of deposits: what was paid by card before and has not left asks for one; and all goes down again."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.infra.test_migrate import ask
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

BOOKINGS = """
    INSERT INTO bookings (id, owner_party_id, renter_party_id, state, starts, ends, card_ids, price, deposit_minor,
        currency, on_account, on_request, at_risk, note, version, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), b.state, '2027-05-01 08:00+00',
        '2027-05-02 08:00+00', '{}', '{}', b.deposit, 'EUR', b.on_account, false, false, b.note, 1, now()
    FROM (VALUES ('confirmed', 100000, false, 'wanted'), ('confirmed', 100000, true, 'on account'),
        ('confirmed', 0, false, 'without'), ('in_use', 100000, false, 'out'), ('cancelled', 100000, false, 'gone')
    ) AS b (state, deposit, on_account, note)
"""
ORDER = """
    INSERT INTO payment_orders (id, what, purpose, subject_id, booking_id, payer_party_id, payee_party_id, minor,
        currency, instrument_id, instrument, customer, reference, description, off_session, gives_back, state, attempts,
        created_at, given_up)
    SELECT gen_random_uuid(), 'hold', 'deposit', id, booking_id, renter_party_id, owner_party_id, minor, 'EUR',
        gen_random_uuid(), 'card', 'customer', 'order', 'X', false, 0, 'requires_action', 1, now(), given_up
    FROM deposits, (VALUES (true), (false)) AS g (given_up)
"""
MADE = """
    SELECT b.note, d.state, d.keep_until = b.ends + interval '48 hours' AS kept, t.why
    FROM deposits d JOIN bookings b ON b.id = d.booking_id JOIN deposit_transitions t ON t.deposit_id = d.id
"""


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"deposits_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_what_was_paid_before_asks_for_a_card_and_all_goes_down_again(url: str) -> None:
    await upgrade(url, "0015")
    await ask(url, BOOKINGS)
    await upgrade(url, "0017")
    made = [tuple(row) for row in await ask(url, MADE)]
    assert made == [("wanted", "required", True, "there were no deposits before")]
    await ask(url, ORDER)
    await downgrade(url, "0015")
    assert await ask(url, "SELECT FROM pg_tables WHERE tablename LIKE 'deposit%'") == []
    states = await ask(url, "SELECT state FROM payment_orders ORDER BY state")
    assert [row["state"] for row in states] == ["refused", "requires_action"], "one is under way for a thing, as before"
    await upgrade(url, "0017")
