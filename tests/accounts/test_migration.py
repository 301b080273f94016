"""Migration 0002 keeps who is there and who is signed in, up and down again."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

BEFORE = """
    INSERT INTO people VALUES
        ('00000000-0000-7000-8000-000000000001', 'claire@ferme.example', 'Claire', 'fr', 'hash', now());
    INSERT INTO parties VALUES
        ('00000000-0000-7000-8000-000000000002', 'farm', 'Ferme', 'Dax', false, 1, now());
    INSERT INTO seats VALUES
        ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', 'admin');
    INSERT INTO sessions VALUES
        ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', '\\x01', now(),
         now() + '1 day');
    INSERT INTO messages VALUES
        ('00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-000000000001', 'BookingConfirmed',
         '00000000-0000-7000-8000-000000000005', now());
"""
# What only the newer schema can hold: somebody with a phone alone, staff in a person's place, a message of no booking.
BETWEEN = """
    INSERT INTO people (id, name, language, created_at, phone) VALUES
        ('00000000-0000-7000-8000-000000000006', 'Paul', 'fr', now(), '+33612345678');
    INSERT INTO sessions (id, person_id, created_at, used_at, expires_at, impersonator_id, reason) VALUES
        ('00000000-0000-7000-8000-000000000007', '00000000-0000-7000-8000-000000000001', now(), now(), now(),
         '00000000-0000-7000-8000-000000000006', 'asked');
    INSERT INTO messages (id, person_id, kind, created_at) VALUES
        ('00000000-0000-7000-8000-000000000008', '00000000-0000-7000-8000-000000000006', 'PasswordChanged', now());
"""
TABLES = ("people", "parties", "seats", "sessions", "messages")


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"accounts_{uuid4().hex[:8]}"
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


async def everything(url: str) -> dict[str, list[Any]]:
    return {table: [dict(row) for row in await ask(url, f"SELECT * FROM {table} ORDER BY 1")] for table in TABLES}


async def test_who_is_there_and_signed_in_stays_so_both_ways(url: str) -> None:
    await upgrade(url, "0001")
    await ask(url, BEFORE)
    before = await everything(url)
    await upgrade(url, "0002")
    after = await everything(url)
    for table, rows in before.items():
        assert [{name: row[name] for name in rows[0]} for row in after[table]] == rows, table
    (session,) = after["sessions"]
    assert (session["device"], session["used_at"]) == ("", session["created_at"])
    await ask(url, BETWEEN)
    await downgrade(url, "0001")
    down = await everything(url)
    paul = down["people"].pop()
    assert (paul["name"], paul["email"]) == ("Paul", f"{paul['id']}@votremachine.invalid")
    assert down == before
