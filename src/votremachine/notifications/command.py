"""`votremachine reminders`: what is dead, trying it again, sending once more what was sent."""

import sys
from uuid import UUID

from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.dead_letters.service import dead, replay, revive

MOST_LINES = 1_000


async def run(settings: Settings, verb: str, letter: UUID | None) -> None:
    """One verb of `list`, `retry` (all, or one) and `replay` (one)."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with database.begin() as tx:
            if verb == "list":
                for one in await dead(tx, most=MOST_LINES):
                    _say(f"{one.id}  {one.channel:<6} {one.kind:<20} {one.attempts:>2} tries  {one.last_error}")
            elif verb == "retry":
                _say(f"{await revive(tx, letter)} due again")
            elif letter is not None:
                _say(f"{await replay(tx, letter)} to be sent once more")
    finally:
        await database.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
