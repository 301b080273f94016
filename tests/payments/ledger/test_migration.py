"""The ledger's migration goes down with rows in it, and up again, and leaves nothing behind."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.fleet.test_migration import ask
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres

ROWS = """
    BEGIN;
    INSERT INTO ledger_accounts SELECT gen_random_uuid(), NULL, code, 'EUR' FROM unnest('{gateway,fees}'::text[]) code;
    INSERT INTO ledger_transactions VALUES (gen_random_uuid(), 'charged', 'x', gen_random_uuid(), NULL, 'ch', now(), '',
        2, gen_random_uuid());
    INSERT INTO ledger_entries SELECT t.id, n, a.id, CASE code WHEN 'fees' THEN -5 ELSE 5 END, 'EUR'
        FROM ledger_transactions t, (SELECT *, row_number() OVER () AS n FROM ledger_accounts) a;
    INSERT INTO payouts VALUES (gen_random_uuid(), gen_random_uuid(), 'EUR', 5, 'sent', '', now(), now());
    INSERT INTO payables SELECT gen_random_uuid(), gen_random_uuid(), party_id, 'EUR', now(), 5, id FROM payouts;
    COMMIT;
"""
LEFT = """
    SELECT proname::text FROM pg_proc WHERE proname LIKE 'ledger%'
    UNION ALL SELECT relname::text FROM pg_class WHERE relname ~ '^(ledger|payouts|payables)'
"""


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"ledger_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_it_goes_down_with_rows_in_it_and_up_again(url: str) -> None:
    await upgrade(url)
    assert len(await ask(url, ROWS, "SELECT FROM ledger_entries")) == 2
    await downgrade(url, "0008")
    assert await ask(url, LEFT) == []
    await upgrade(url)
    assert len(await ask(url, LEFT)) > 8
