"""Who asks and what they ask in one round trip, outside of any transaction: for the few reads that must be quick."""

from collections import namedtuple
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from votremachine.infra.database import Database
from votremachine.infra.identify import Identify
from votremachine.infra.statements import Prepared

Who = TypeVar("Who")


class _Together(NamedTuple):
    """A question beside the one that identifies, and the two kinds of row that it gives."""

    both: Prepared
    who: Any
    asked: Any


async def ask(
    database: Database, identify: Identify[Who], now: datetime, question: sa.Select[Any], values: Mapping[str, Any]
) -> tuple[Who, list[Any]]:
    """Who asks, and the rows of their question, whose first column is never null; in no order, whatever it asks for.

    Nothing is found for nobody: `identify` raises then. Raises `DatabaseAway` besides.
    """
    together = _together(identify.question, question)
    found = await database.alone(together.both, {**identify.values(now), **values})
    width = len(together.who._fields)
    who = identify.read([together.who._make(row[:width]) for row in found])
    # Everything stands beside each seat of the person: once is enough.
    rows = [row for row in found if row[width] is not None and row[:width] == found[0][:width]]
    return who, [together.asked._make(row[width:]) for row in rows]


@lru_cache(maxsize=64)
def _together(identifying: sa.Select[Any], question: sa.Select[Any]) -> _Together:
    who, asked = identifying.subquery("who"), question.subquery("asked")
    return _Together(
        Prepared(sa.select(who, asked).select_from(who.outerjoin(asked, sa.true()))),
        namedtuple("Asker", who.c.keys()),
        namedtuple("Answer", asked.c.keys()),
    )
