"""The migration of blocks keeps what stands, both ways."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.infra.test_migrate import ask
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

PEOPLE = """
    INSERT INTO people (id, email, name, language, password_hash, created_at)
    VALUES (gen_random_uuid(), 'a@x.example', 'A', 'fr', '', now())
"""
PARTIES = "INSERT INTO parties VALUES (gen_random_uuid(), 'farm', 'x', 'x', false, 1, now())"
MACHINES = """
    INSERT INTO machines SELECT gen_random_uuid(), id, 'tractor', 'Titre', '', '', '', 'Dax', 43.7, -1.05,
        'Europe/Paris', 'listed', 'instant', 0, 0, 60, 60, 0, 1, 0, 'EUR', 1, now() FROM parties
"""
# Two that hold a time, one whose time is lost.
BLOCKS = """
    INSERT INTO blocks SELECT gen_random_uuid(), m.id, kind, 'Note', p.id, now()
    FROM machines m, people p, unnest('{block,maintenance,block}'::text[]) kind
"""
TIMES = """
    INSERT INTO occupancies (id, machine_id, kind, ref_id, during, blocked)
    SELECT gen_random_uuid(), machine_id, kind, id, during, during FROM (
        SELECT *, tstzrange(date '2027-10-31' + nth * interval '1 day', date '2027-11-01' + nth * interval '1 day')
            AS during
        FROM (SELECT *, row_number() OVER (ORDER BY id) AS nth FROM blocks) numbered WHERE nth < 3
    ) timed
"""
STANDING = """
    SELECT b.id, b.machine_id, b.kind, b.note, b.created_by, b.created_at, o.id AS occupancy, o.during
    FROM blocks b JOIN occupancies o ON o.ref_id = b.id ORDER BY o.during
"""
SERIES = """
    WITH made AS (
        INSERT INTO blocks (id, machine_id, kind, note, created_by, created_at, series_id, version, zone, wall_start,
            wall_end, rrule, expanded_to)
        SELECT gen_random_uuid(), machine_id, 'block', 'Foins', created_by, created_at, id, 1, 'Europe/Paris',
            '2028-01-01 08:00', '2028-01-01 10:00', 'FREQ=DAILY;COUNT=3', now() FROM blocks LIMIT 1
        RETURNING id, machine_id
    )
    INSERT INTO occupancies (id, machine_id, kind, ref_id, during, blocked)
    SELECT gen_random_uuid(), machine_id, 'block', id, span, span FROM made, LATERAL (
        SELECT tstzrange(at, at + interval '2 hours') AS span
        FROM generate_series(timestamptz '2028-01-01 07:00Z', '2028-01-03 07:00Z', '1 day') at
    ) spans
"""


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"blocks_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_blocks_and_the_occurrences_of_series_are_kept_both_ways(url: str) -> None:
    await upgrade(url, "0001")
    for statement in (PEOPLE, PARTIES, MACHINES, BLOCKS, TIMES):
        await ask(url, statement)
    stood = await ask(url, STANDING)
    assert len(stood) == 2
    await upgrade(url)
    assert await ask(url, STANDING) == stood
    known = await ask(url, "SELECT id, series_id, version, during, rrule, expanded_to FROM blocks ORDER BY during")
    assert [tuple(row) for row in known] == [(row["id"], row["id"], 1, row["during"], "", None) for row in stood]
    await ask(url, SERIES)
    times = await ask(url, "SELECT during FROM occupancies ORDER BY during")
    await downgrade(url, "0007")
    down = await ask(url, STANDING)
    assert [row["during"] for row in down] == [row["during"] for row in times]
    assert [dict(row) for row in down[:2]] == [dict(row) for row in stood]
    assert {row["note"] for row in down[2:]} == {"Foins"}
    assert len({row["id"] for row in down}) == len(times), "each occurrence has a block of its own"
    await upgrade(url)
    assert await ask(url, STANDING) == down
    assert [row["during"] for row in await ask(url, "SELECT during FROM blocks ORDER BY during")] == [
        row["during"] for row in times
    ]
