"""A plugin: with TESTS_ROWS=reversed, rows that no ORDER BY put in order come from the driver the other way round.

PostgreSQL gives such rows in whichever order is cheapest that day: mostly that of their writing, which is why a test,
or the service, may take it for granted for months. Reversed they are as lawful, and whoever relied on it fails.
"""

import os
import re
from functools import cache, wraps
from typing import Any

import pytest
from asyncpg import Connection
from asyncpg.prepared_stmt import PreparedStatement

# What stands in quotes, and what in the innermost brackets: its order is not that of the rows.
_ASIDE = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|\([^()]*\)")
_ORDER = re.compile(r"\border\s+by\b", re.IGNORECASE)


@cache
def ordered(sql: str) -> bool:
    """Whether a statement says itself, and not only in a part of it, in which order its rows come."""
    while (rest := _ASIDE.sub(" ", sql)) != sql:
        sql = rest
    return bool(_ORDER.search(sql))


def turned(rows: list[Any], sql: str) -> list[Any]:
    return rows if ordered(sql) else rows[::-1]


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("TESTS_ROWS") == "reversed":
        _reverse()


def _reverse() -> None:
    """Both ways in which the driver is asked for rows: by `infra/statements.py`, and by SQLAlchemy."""
    plain, prepared = Connection.fetch, PreparedStatement.fetch

    @wraps(plain)
    async def fetch(self: Any, query: str, *args: Any, **options: Any) -> list[Any]:
        return turned(await plain(self, query, *args, **options), query)

    @wraps(prepared)
    async def fetch_prepared(self: Any, *args: Any, **options: Any) -> list[Any]:
        return turned(await prepared(self, *args, **options), self.get_query())

    Connection.fetch, PreparedStatement.fetch = fetch, fetch_prepared
