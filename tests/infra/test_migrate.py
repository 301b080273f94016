"""The migrations: up, down, up again; a newer database is left alone; two processes at once do the work once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from votremachine.infra.migrate import (
    MIGRATIONS,
    DatabaseUnreachable,
    NewerDatabase,
    UnknownRevision,
    current,
    downgrade,
    head,
    upgrade,
)
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

UPGRADE = "import asyncio, sys; from votremachine.infra.migrate import upgrade; asyncio.run(upgrade(sys.argv[1]))"

BEFORE_RATE_CARDS = (
    """
    INSERT INTO parties SELECT gen_random_uuid(), 'farm', '', 'Dax', false, 1, now() FROM generate_series(1, 2)
    """,
    """
    INSERT INTO machines SELECT gen_random_uuid(), id, 'tractor', 'Tracteur', '', '', '', 'Dax', 43.7, -1.05,
        'Europe/Paris', 'listed', 'instant', 0, 0, 60, 600, 0, 30, 0, 'EUR', 1, now() FROM parties LIMIT 1
    """,
    """
    INSERT INTO rate_cards
        SELECT gen_random_uuid(), id, '[{"unit": "day", "minor": 12000}]', 2000, 'EUR', now() FROM machines
    """,
    """
    INSERT INTO bookings SELECT gen_random_uuid(), min(id::text)::uuid, max(id::text)::uuid, 'confirmed', now(),
        now() + interval '1 day', NULL, '{}', '{}', 0, 'EUR', true, false, false, NULL, NULL, '', 1, now() FROM parties
    """,
)
ANOTHER_CARD = """
    INSERT INTO rate_cards (id, machine_id, rates, vat, currency, created_at)
        SELECT gen_random_uuid(), machine_id, rates, vat, currency, created_at FROM rate_cards LIMIT 1
"""


async def ask(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def tables(url: str) -> set[str]:
    found = await ask(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in found} - {"alembic_version"}


@pytest.fixture
async def empty_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"migrate_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


def test_the_newest_file_is_the_only_head() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [head()]


async def test_up_down_and_up_again(empty_url: str) -> None:
    assert await current(empty_url) is None
    await upgrade(empty_url)
    assert await current(empty_url) == head()
    made = await tables(empty_url)
    assert made
    await downgrade(empty_url, "base")
    assert await current(empty_url) is None
    assert await tables(empty_url) == set()
    await upgrade(empty_url)
    assert await tables(empty_url) == made


async def test_a_migrated_database_is_left_as_it_is(empty_url: str) -> None:
    await upgrade(empty_url)
    before = await ask(empty_url, "SELECT xmin::text FROM alembic_version")
    await upgrade(empty_url)
    assert await ask(empty_url, "SELECT xmin::text FROM alembic_version") == before


async def test_a_newer_database_is_refused(empty_url: str) -> None:
    await upgrade(empty_url)
    await ask(empty_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerDatabase, match="9999"):
        await upgrade(empty_url)
    with pytest.raises(NewerDatabase):
        await downgrade(empty_url, "base")
    assert await current(empty_url) == "9999"


async def test_two_processes_at_once_migrate_once(empty_url: str) -> None:
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", UPGRADE, empty_url) for _ in range(2)]
    assert [await process.wait() for process in both] == [0, 0]
    assert await current(empty_url) == head()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://postgres:hidden@127.0.0.1:1/votremachine",
        "postgresql+asyncpg://postgres:hidden@/votremachine?host=/nowhere",
    ],
)
async def test_an_unreachable_database_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="'votremachine'") as caught:
        await upgrade(url)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["nonsense", "postgresql://postgres@/votremachine", "mysql+asyncmy://a@b/c", "postgresql+asyncpg://h:port/x"]
)
async def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="URL"):
        await current(url)


async def test_a_revision_that_does_not_exist_is_refused(empty_url: str) -> None:
    with pytest.raises(UnknownRevision, match=head()):
        await upgrade(empty_url, "9999")
    with pytest.raises(UnknownRevision):
        await downgrade(empty_url, "9999")


async def test_a_database_that_does_not_exist_is_unreachable(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(DatabaseUnreachable, match="does not exist"):
        await current(postgres.url.replace(f"/{DATABASE}?", "/nothing?"))


async def test_rate_cards_and_bookings_of_before_keep_their_meaning(empty_url: str) -> None:
    await upgrade(empty_url, "0001")
    for statement in BEFORE_RATE_CARDS:
        await ask(empty_url, statement)
    await upgrade(empty_url)
    card = (await ask(empty_url, "SELECT cooperative_id, conditions::text FROM rate_cards"))[0]
    assert tuple(card) == (None, "{}")
    assert (await ask(empty_url, "SELECT extras::text AS extras FROM bookings"))[0]["extras"] == "{}"
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(empty_url, ANOTHER_CARD)
    await ask(empty_url, "UPDATE rate_cards SET cooperative_id = (SELECT id FROM parties LIMIT 1)")
    await ask(empty_url, ANOTHER_CARD)
    await downgrade(empty_url, "0001")
    # What was booked by the members' card still has it; in force is the other one.
    in_force = await ask(empty_url, "SELECT replaced_at IS NULL AS so FROM rate_cards ORDER BY so")
    assert [row["so"] for row in in_force] == [False, True]
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(empty_url, ANOTHER_CARD)
