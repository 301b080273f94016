"""Plants the demo world through the services' own verbs, each at its hour: all of it or nothing, and only once."""

import asyncio
from datetime import date

from votremachine.accounts.credentials import keys_of
from votremachine.accounts.passwords import Passwords
from votremachine.config import Settings
from votremachine.demo import pictures
from votremachine.demo.diary import Diary
from votremachine.demo.hours import Hours
from votremachine.demo.machines import list_machines
from votremachine.demo.people import DemoStands, gather, stands
from votremachine.demo.reports import Reports
from votremachine.demo.world import ZONE, world
from votremachine.infra.database import Database, DatabaseAway, Tx
from votremachine.infra.links import Links
from votremachine.infra.servers.process import CannotStart
from votremachine.infra.storage.files import Files


def seed(settings: Settings) -> None:
    """Plant the demo in the database of these settings, unless it stands there; prints one line.

    Raises `CannotStart` where the demo is not allowed, or no database answers.
    """
    if not settings.demo:
        raise CannotStart("the demo's password is public: set VOTREMACHINE_DEMO=true where that does no harm")
    try:
        planted = asyncio.run(_seed(settings))
    except DatabaseAway as error:
        raise CannotStart(f"the database of VOTREMACHINE_DATABASE_URL is unreachable: {error.__cause__}") from error
    print(_report(planted))  # noqa: T201 -- the one line of this command


async def _seed(settings: Settings) -> bool:
    database = Database(settings.database_url, pool_size=1)
    files = Files(settings.storage_url, settings.var_dir / "files")
    try:
        return await plant(database, files, database.clock().astimezone(ZONE).date())
    finally:
        files.close()
        await database.close()


async def plant(database: Database, files: Files, today: date) -> bool:
    """Plant the demo as it stands on `today`, the date in the Landes; False when it is there, and nothing changes.

    The same date gives the same ids.
    """
    async with database.read() as tx:
        if await stands(tx):
            return False
    reports = Reports(await pictures.put(database, files), Links(keys_of(Settings())))
    password_hash = await Passwords(Settings()).hash(world().password)

    async def verb(tx: Tx) -> None:
        hours = Hours(tx, today)
        cast = await gather(hours, password_hash)
        machines = await list_machines(hours, cast)
        await Diary(hours, cast, machines, reports).live()

    try:
        await database.run(verb)
    except DemoStands:
        return False
    return True


def _report(planted: bool) -> str:
    if not planted:
        return "The demo stands already: nothing was changed."
    made = world()
    return (
        f"The demo is planted: {len(made.people)} people, {len(made.parties)} parties,"
        f" {len(made.machines)} machines, {len(made.bookings)} bookings, {len(made.reports)} condition reports,"
        f" {len(made.claims)} claim."
    )
