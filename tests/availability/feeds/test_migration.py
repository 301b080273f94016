"""Migration 0010 keeps what stands both ways, and later ones keep what feeds have; what feeds took goes with them."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

# As a service of revision 0001 holds them: a machine with a card, booked for an hour and kept for another.
BEFORE = """
    INSERT INTO people VALUES
        ('00000000-0000-7000-8000-000000000001', 'claire@ferme.example', 'Claire', 'fr', 'hash', now());
    INSERT INTO parties SELECT gen_random_uuid(), 'farm', '', 'Dax', false, 1, now() FROM generate_series(1, 2);
    INSERT INTO machines SELECT gen_random_uuid(), id, 'tractor', 'Tracteur', '', '', '', 'Dax', 43.7, -1.05,
        'Europe/Paris', 'listed', 'instant', 0, 0, 60, 600, 0, 30, 0, 'EUR', 1, now() FROM parties LIMIT 1;
    INSERT INTO rate_cards
        SELECT gen_random_uuid(), id, '[{"unit": "day", "minor": 12000}]', 2000, 'EUR', now() FROM machines;
    INSERT INTO bookings SELECT gen_random_uuid(), min(id::text)::uuid, max(id::text)::uuid, 'confirmed', now(),
        now() + interval '1 hour', NULL, '{}', '{}', 0, 'EUR', true, false, false, NULL, NULL, '', 1, now()
        FROM parties;
    INSERT INTO occupancies SELECT gen_random_uuid(), m.id, 'booking', b.id, r, r
        FROM machines m, bookings b, tstzrange(now(), now() + interval '1 hour') r;
    INSERT INTO occupancies SELECT gen_random_uuid(), id, 'block', gen_random_uuid(), r, r
        FROM machines, tstzrange(now() + interval '1 hour', now() + interval '2 hours') r;
"""
# What only the newer schema can hold: a calendar that is read well and one that never was, an event, a clash.
FOLLOWED = """
    INSERT INTO calendar_feeds (id, machine_id, name, url_sealed, url_shown, created_by, created_at, state, etag,
            read_at, last_success_at, last_error_facts, failures, events, ignored, due_at)
        SELECT gen_random_uuid(), m.id, 'Gîte', '\\x01', 'x.example/….ics', p.id, now(), how, '"1"', now(), now(),
            '{"most": 3}', 0, 2, '{"free": 1}', now()
        FROM machines m, people p, unnest('{ok,gone}'::text[]) how;
    INSERT INTO feed_events SELECT gen_random_uuid(), id, tstzrange(now(), now() + interval '4 hours')
        FROM calendar_feeds WHERE state = 'ok';
    INSERT INTO feed_events SELECT gen_random_uuid(), id, tstzrange(now(), now() + interval '1 hour')
        FROM calendar_feeds WHERE state = 'ok';
    INSERT INTO occupancies SELECT gen_random_uuid(), f.machine_id, 'external', e.id, r, r
        FROM feed_events e JOIN calendar_feeds f ON f.id = e.feed_id,
        tstzrange(now() + interval '2 hours', upper(e.during)) r WHERE upper(e.during) > now() + interval '2 hours';
    INSERT INTO feed_clashes SELECT f.id, b.id, b.during, now()
        FROM calendar_feeds f, (SELECT id, tstzrange(starts, ends) AS during FROM bookings) b
        WHERE f.state = 'ok';
"""
OLDER = ("machines", "rate_cards", "bookings", "occupancies", "parties", "people")
OF_FEEDS = ("calendar_feeds", "feed_events", "feed_clashes")


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"feeds_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def ask(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        if statement.lstrip().startswith("SELECT"):
            return list(await connection.fetch(statement))
        await connection.execute(statement)
        return []
    finally:
        await connection.close()


async def everything(url: str, *tables: str) -> dict[str, list[Any]]:
    return {table: [dict(row) for row in await ask(url, f"SELECT * FROM {table} ORDER BY 1")] for table in tables}


async def test_what_stands_is_kept_both_ways_and_what_feeds_took_is_given_back(url: str) -> None:
    await upgrade(url, "0001")
    await ask(url, BEFORE)
    await upgrade(url, "0009")
    stood = await everything(url, *OLDER)
    assert {len(rows) for rows in stood.values()} == {1, 2}
    await upgrade(url, "0010")
    assert await everything(url, *OLDER) == stood
    await ask(url, FOLLOWED)
    assert [row["kind"] for row in await ask(url, "SELECT kind FROM occupancies ORDER BY 1")] == [
        "block",
        "booking",
        "external",
    ]
    await downgrade(url, "0009")
    assert await everything(url, *OLDER) == stood
    await upgrade(url, "0010")
    assert await everything(url, *OLDER) == stood
    assert await everything(url, *OF_FEEDS) == {table: [] for table in OF_FEEDS}


async def test_later_migrations_keep_what_feeds_have_both_ways(url: str) -> None:
    await upgrade(url, "0001")
    await ask(url, BEFORE)
    await upgrade(url, "0010")
    await ask(url, FOLLOWED)
    stood = await everything(url, *OF_FEEDS, "occupancies")
    assert [len(rows) for rows in stood.values()] == [2, 2, 1, 3]
    for _ in range(2):
        await upgrade(url, "head")
        now = await everything(url, *OF_FEEDS, "occupancies")
        for table, rows in stood.items():
            assert [{name: row[name] for name in rows[0]} for row in now[table]] == rows, table
        await downgrade(url, "0010")
        assert await everything(url, *OF_FEEDS, "occupancies") == stood
