"""Who asks and what they ask in one round trip."""

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from votremachine.infra.database import Database
from votremachine.infra.identify import Identify
from votremachine.infra.questions import ask


class Nobody(Exception):
    pass


def people(rows: Sequence[Any]) -> list[int]:
    if not rows:
        raise Nobody
    return sorted({row.id for row in rows})


def numbers(name: str, most: str) -> sa.Select[Any]:
    """1 to the bound `most`."""
    return sa.select(sa.func.generate_series(1, sa.bindparam(most, type_=sa.Integer)).column_valued().label(name))


async def asked(database: Database, people_most: int, answers_most: int) -> tuple[list[int], list[Any]]:
    whoever = Identify(numbers("id", "people"), lambda _: {"people": people_most}, people)
    return await ask(database, whoever, database.clock(), numbers("id", "answers"), {"answers": answers_most})


@pytest.mark.parametrize("seats", [1, 2, 3])
@pytest.mark.parametrize("answers", [0, 1, 3])
async def test_the_answers_are_given_once_whatever_seats_a_person_has(
    seats: int, answers: int, database: Database
) -> None:
    who, rows = await asked(database, seats, answers)
    assert who == list(range(1, seats + 1))
    assert sorted(row.id for row in rows) == list(range(1, answers + 1))


async def test_nobody_is_answered_nothing(database: Database) -> None:
    with pytest.raises(Nobody):
        await asked(database, 0, 3)
