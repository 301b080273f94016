"""What the clock does for condition reports: photos whose reports never came are let go."""

from typing import Any

from votremachine.infra.database import Database
from votremachine.inspections.service.photos import sweep_waiting


async def purge_waiting_photos(ctx: dict[str, Any]) -> int:
    """Let the photos go that have waited for a month; how many."""
    database: Database = ctx["database"]
    gone = 0
    while batch := await database.run(sweep_waiting):
        gone += batch
    return gone
