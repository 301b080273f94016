"""Looking for numbers of cards where none may be: in logs, and in all that the database keeps."""

import sqlalchemy as sa

from votremachine.infra.database import Database, metadata
from votremachine.payments.card_numbers import card_numbers_in


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
