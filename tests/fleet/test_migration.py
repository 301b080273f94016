"""The migration of machines keeps what stands, both ways."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from votremachine.fleet.categories import categories
from votremachine.fleet.positions import Position, blurred
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

# As a service of revision 0001 holds them: of every category one with a card in force, one with a replaced card.
BEFORE = """
    INSERT INTO parties VALUES (gen_random_uuid(), 'farm', 'x', 'x', false, 1, now());
    INSERT INTO machines SELECT gen_random_uuid(), (SELECT id FROM parties), category, 'Titre', 'Texte', 'Valtra',
        'N134', 'Dax', 43.7, -1.05, 'Europe/Paris', 'listed', 'instant', 0, 0, 60, 60, 0, 1, 0, 'EUR', 7, now()
        FROM unnest($${}$$::text[]) category, generate_series(1, 2);
    INSERT INTO rate_cards SELECT gen_random_uuid(), id, '[]', 2000, 'EUR', now(),
        CASE row_number() OVER (PARTITION BY category ORDER BY id) WHEN 1 THEN now() END FROM machines;
"""


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"machines_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def ask(url: str, *statements: str) -> list[Any]:
    """The rows of the last of them."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return list(await connection.fetch(statements[-1]))
    finally:
        await connection.close()


async def test_what_stands_is_kept_both_ways(url: str) -> None:
    await upgrade(url, "0001")
    stood = await ask(url, BEFORE.format("{" + ",".join(categories()) + "}"), "SELECT * FROM machines ORDER BY id")
    await upgrade(url, "0003")
    rows = await ask(
        url,
        "SELECT m.*, c.replaced_at IS NULL AS in_force FROM machines m JOIN rate_cards c ON c.machine_id = m.id",
    )
    assert len(rows) == 2 * len(categories())
    for row in rows:
        assert row["category_number"] == categories()[row["category"]].number
        assert row["priced"] == row["in_force"]
        assert (row["title_fr"], row["title_en"], row["description_fr"]) == ("Titre", "", "Texte")
        assert (row["visibility"], row["cancellation"], row["attributes"]) == ("public", "flexible", "{}")
        exact, shown = Position(43.7, -1.05), Position(row["shown_latitude"], row["shown_longitude"])
        assert shown == blurred(exact), "a machine that is edited stays where it was shown"
    await ask(url, "UPDATE machines SET title_en = 'Title', title_fr = '' WHERE category = 'plough'")
    await downgrade(url, "0001")
    stands = await ask(url, "SELECT * FROM machines ORDER BY id")
    kept = [{**row, "title": "Title"} if row["category"] == "plough" else dict(row) for row in stood]
    assert [dict(row) for row in stands] == kept
