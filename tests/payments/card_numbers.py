"""Looking for numbers of cards where none may be: in logs, and in all that the database keeps."""

import re
from collections.abc import Sequence

import sqlalchemy as sa

from tests.emptying import filled
from tests.payments.typed_numbers import TYPED, typed_in
from votremachine.infra.database import Database, Tx
from votremachine.infra.tables import metadata
from votremachine.payments.card_numbers import card_numbers_in

# What is kept as bytes is shown as the hexadecimal of its ASCII.
_AS_BYTES = re.compile("|".join("(?:20|2d)?".join(f"3{digit}" for digit in number) for number in TYPED))
# Any other number is looked for where it stands by itself: all the digits of it, and neither in a longer word, as an id
# is, nor behind a decimal point.
_ALONE = re.compile(r"(?<![0-9A-Za-z.-])\d(?:[ -]?\d){12,}(?![0-9A-Za-z-])")
# What PostgreSQL shows: few rows have so many digits in a row.
_IN = "SELECT '{0}' AS name, row_of::text AS shown FROM {0} AS row_of WHERE row_of::text ~ '[0-9]([ -]?[0-9]){{12}}'"


def any_in(text: str) -> bool:
    """Whether the number of any card stands in a text, or in bytes that it shows one that tests use."""
    alone = any(card_numbers_in(re.sub(r"[ -]", "", found.group())) for found in _ALONE.finditer(text))
    return alone or typed_in(text) or _AS_BYTES.search(text) is not None


async def tables_with_numbers(tx: Tx) -> Sequence[str]:
    """The tables in which such a number stands, in any column of any row; two statements."""
    tables = await filled(tx)
    if not tables:
        return []
    question = " UNION ALL ".join(_IN.format(table) for table in tables)
    return sorted({row.name for row in await tx.rows(sa.text(question)) if any_in(row.shown)})


async def kept(database: Database) -> str:
    """All that is kept, as text."""
    async with database.read() as tx:
        dumps = [
            (
                await tx.execute(sa.text(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM {table} t"))
            ).scalar_one()
            for table in metadata.tables
        ]
    return "\n".join(dumps)


async def check_no_card_numbers(database: Database, *texts: str) -> None:
    """Neither in these texts nor in the database."""
    for text in (*texts, await kept(database)):
        assert card_numbers_in(text) == []
