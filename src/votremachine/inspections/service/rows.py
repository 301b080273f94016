"""Stored reports as links of a chain: columns, signatures and photos just as they are in the database."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from votremachine.infra.database import Tx
from votremachine.inspections.rules.chain import Link, Photographed, Signed
from votremachine.inspections.service import reading

_COLUMNS = tuple(name for name in Link.__struct_fields__ if name not in {"signatures", "photos"})


async def links(tx: Tx, found: Sequence[sa.Row[Any]], **instead: Any) -> list[Link]:
    """Rows of reports as links, with `instead` what is about to be written; two statements however many there are."""
    ids = [row.id for row in found]
    photos, signatures = await reading.photos_of(tx, ids), await reading.signatures_of(tx, ids)
    return [
        Link(
            **{name: getattr(row, name) for name in _COLUMNS} | instead,
            signatures=tuple(_signed(one) for one in signatures[row.id]),
            photos=tuple(_photographed(one) for one in photos[row.id]),
        )
        for row in found
    ]


# By position, in the order of the tables' columns: a chain has thousands of these rows, and names cost most of it.
def _signed(row: sa.Row[Any]) -> Signed:
    values: list[Any] = list(row)[1:]
    values[6] = values[6].hex()
    return Signed(*values)


def _photographed(row: sa.Row[Any]) -> Photographed:
    values: list[Any] = list(row)[1:]
    values[0] = values[0].hex()
    return Photographed(*values)
