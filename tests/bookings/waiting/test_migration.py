"""The migration of the waiting list keeps every message that has words on both sides of it."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.availability.blocks.test_migration import PEOPLE
from tests.infra.test_migrate import ask
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

BEFORE = """
    INSERT INTO messages (id, person_id, kind, created_at) SELECT gen_random_uuid(), id, 'PasswordChanged', now()
    FROM people
"""
SINCE = """
    INSERT INTO messages (id, person_id, kind, created_at, facts)
    SELECT gen_random_uuid(), id, 'WaitingLapsed', now(), '{"why_en": "Gone.", "why_fr": "Parti."}' FROM people
"""


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"waiting_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_messages_are_kept_both_ways_if_they_have_words(url: str) -> None:
    await upgrade(url, "0008")
    for statement in (PEOPLE, BEFORE):
        await ask(url, statement)
    await upgrade(url, "0012")
    assert [tuple(row) for row in await ask(url, "SELECT kind, facts FROM messages")] == [("PasswordChanged", "{}")]
    await ask(url, SINCE)
    await downgrade(url, "0008")
    assert [row["kind"] for row in await ask(url, "SELECT kind FROM messages")] == ["PasswordChanged"]
    assert await ask(url, "SELECT FROM pg_tables WHERE tablename = 'waiting_entries'") == []
    await upgrade(url, "0012")
    assert [row["kind"] for row in await ask(url, "SELECT kind FROM messages")] == ["PasswordChanged"]
