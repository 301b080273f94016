"""What the clock does about machines that are not back."""

from functools import partial
from typing import Any

from votremachine.bookings.overdue.rules import after
from votremachine.bookings.overdue.service import escalate
from votremachine.infra.database import Database


async def escalate_overdue(ctx: dict[str, Any]) -> int:
    """Tell those who are to be told by now; how many times somebody was."""
    database: Database = ctx["database"]
    look, told = partial(escalate, after=after(ctx["settings"])), 0
    while batch := await database.run(look):
        told += batch
    return told
