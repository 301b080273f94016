"""What the clock does about machines that are not back."""

from typing import Any

from votremachine.bookings.overdue.service import escalate
from votremachine.infra.database import Database


async def escalate_overdue(ctx: dict[str, Any]) -> int:
    """Tell those who are to be told by now; how many times somebody was."""
    database: Database = ctx["database"]
    told = 0
    while batch := await database.run(escalate):
        told += batch
    return told
