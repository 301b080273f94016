"""Migrations of claims with claims in the tables: up from before there were any, and down again."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from tests.infra.test_migrate import ask
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

PARTY = "INSERT INTO parties (id, kind, name, siren, commune, demo, version, created_at)"
FARMS = f"""
    {PARTY} SELECT gen_random_uuid(), 'farm', 'Ferme ' || n, '', 'Dax', false, 1, now() FROM generate_series(1, 2) n
"""
# One of each state, each of a booking of its own.
CLAIMS = """
    INSERT INTO claims (id, booking_id, owner_party_id, renter_party_id, machine_ids, state, reason, currency, total,
        cap, asked, turn, due_at, {next_at} awarded, from_deposit, released, from_renter, paid, version, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), o.id, r.id, ARRAY[gen_random_uuid()], s.state, 'X', 'EUR', 60000,
        50000, 50000, CASE WHEN s.bargains THEN 'renter' END, CASE WHEN s.bargains THEN now() + interval '72 hours' END,
        {now}
        CASE WHEN s.awarded THEN 40000 END, CASE WHEN s.state = 'settled' THEN 30000 END,
        CASE WHEN s.state = 'settled' THEN 0 END, CASE WHEN s.state = 'settled' THEN 10000 END, 0, 3, now()
    FROM (VALUES ('open', true, false), ('contested', true, false), ('mediation', false, false),
        ('accepted', false, true), ('agreed', false, true), ('decided', false, true), ('withdrawn', false, false),
        ('settled', false, true)) AS s (state, bargains, awarded),
        (SELECT min(id::text)::uuid AS id FROM parties) AS o, (SELECT max(id::text)::uuid AS id FROM parties) AS r
"""
WITH_NEXT_AT = CLAIMS.format(next_at="next_at,", now="now(),")
PARTS = (
    """
    INSERT INTO claim_lines SELECT id, 0, machine_ids[1], 'repair', 'Capot', '', 50000, 10000, 10000, 60000, NULL, NULL,
        ARRAY[gen_random_uuid()] FROM claims
    """,
    "INSERT INTO claim_offers SELECT gen_random_uuid(), id, 'renter', 100, '', gen_random_uuid(), now() FROM claims",
    """
    INSERT INTO claim_evidence SELECT gen_random_uuid(), id, 'owner', decode('00', 'hex'), 'application/pdf', 9,
        gen_random_uuid(), now() FROM claims
    """,
    "INSERT INTO claim_transitions SELECT gen_random_uuid(), id, NULL, 'open', now(), NULL, 'X' FROM claims",
    "INSERT INTO claim_transitions SELECT gen_random_uuid(), id, 'open', state, now(), NULL, '' FROM claims",
)
STATES = "SELECT state, count(*) AS many FROM claims GROUP BY state"
EVERY = {"open", "contested", "mediation", "accepted", "agreed", "decided", "withdrawn", "settled"}


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"claims_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def full_of_claims(url: str) -> None:
    for statement in (FARMS, WITH_NEXT_AT, *PARTS):
        await ask(url, statement)


async def states(url: str) -> dict[str, int]:
    return {row["state"]: row["many"] for row in await ask(url, STATES)}


async def test_claims_come_and_go_with_all_that_was_said_of_them(url: str) -> None:
    await upgrade(url, "0022")
    await ask(url, FARMS)
    before = await ask(url, "SELECT id, name FROM parties ORDER BY id")
    await upgrade(url, "0023")
    for statement in (WITH_NEXT_AT, *PARTS):
        await ask(url, statement)
    assert await states(url) == dict.fromkeys(EVERY, 1)
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(url, "UPDATE claims SET booking_id = (SELECT booking_id FROM claims WHERE state = 'open')")
    await downgrade(url, "0022")
    assert await ask(url, "SELECT FROM pg_tables WHERE tablename LIKE 'claim%'") == []
    assert await ask(url, "SELECT FROM pg_attribute WHERE attname IN ('claim_hours', 'claim_cap_minor')") == []
    assert await ask(url, "SELECT id, name FROM parties ORDER BY id") == before
    await upgrade(url, "0023")
    assert await states(url) == {}


async def test_a_mediation_of_before_has_a_week_from_now_and_one_that_ended_so_was_withdrawn(url: str) -> None:
    await upgrade(url, "0023")
    await full_of_claims(url)
    await upgrade(url)
    assert await states(url) == dict.fromkeys(EVERY, 1)
    waits = await ask(url, "SELECT due_at - now() AS left FROM claims WHERE state = 'mediation'")
    assert 6 <= waits[0]["left"].days <= 7
    odd = "SELECT FROM claims WHERE (due_at IS NULL) = (state IN ('open', 'contested', 'mediation'))"
    assert await ask(url, odd) == []
    with pytest.raises(asyncpg.CheckViolationError):
        await ask(url, "UPDATE claims SET due_at = NULL WHERE state = 'mediation'")
    ended = "UPDATE claims SET state = 'unresolved', due_at = NULL, stalled_at = now() WHERE state = 'mediation'"
    await ask(url, ended)
    await ask(url, "UPDATE claim_transitions SET to_state = 'unresolved' WHERE to_state = 'mediation'")
    await ask(url, "UPDATE claim_lines SET kind = 'overuse'")
    # An end: another claim about the same booking may be made.
    same = "UPDATE claims SET booking_id = (SELECT booking_id FROM claims WHERE state = 'unresolved')"
    await ask(url, f"{same} WHERE state = 'open'")
    await ask(url, "UPDATE claims SET booking_id = gen_random_uuid() WHERE state = 'open'")
    await downgrade(url, "0023")
    assert await states(url) == dict.fromkeys(EVERY - {"mediation"}, 1) | {"withdrawn": 2}
    ends = await ask(url, "SELECT count(*) AS many FROM claim_transitions WHERE to_state = 'withdrawn'")
    kinds = await ask(url, "SELECT DISTINCT kind FROM claim_lines")
    assert (ends[0]["many"], [row["kind"] for row in kinds]) == (2, ["late_return"])
    due = await ask(url, "SELECT FROM claims WHERE next_at IS NULL AND state IN ('open', 'contested')")
    assert due == [], "the sweep of before looks at what it has to"
    await upgrade(url)
