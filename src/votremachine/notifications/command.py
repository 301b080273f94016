"""`votremachine reminders`: what is dead, trying it again, sending once more what was sent."""

import sys
from uuid import UUID

from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.dead_letters.service import UnknownLetter, dead, replay, revive

MOST_LINES = 1_000


async def run(settings: Settings, verb: str, letter: UUID | None) -> None:
    """One verb of `list`, `retry` (all, or one) and `replay` (one). Raises `UnknownLetter` for one there is not."""
    database = Database(settings.database_url, pool_size=1)
    try:
        async with database.begin() as tx:
            if verb == "list":
                for one in await dead(tx, most=MOST_LINES):
                    _say(f"{one.id}  {one.channel:<6} {one.kind:<20} {one.attempts:>2} tries  {one.last_error}")
            elif verb == "retry":
                _say(f"{_any(await revive(tx, letter), letter)} due again")
            elif letter is not None:
                _say(f"{_any(await replay(tx, letter), letter)} to be sent once more")
    finally:
        await database.close()


def _any(found: int, letter: UUID | None) -> int:
    """How many there were; none of all is well, none of one that was named is not."""
    if letter is not None and not found:
        raise UnknownLetter
    return found


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
