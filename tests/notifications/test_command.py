"""`votremachine reminders`: what an operator sees and does when something could not be sent."""

import asyncio
import os
import sys
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.infra.test_letters import Mailbox, mail_server
from tests.notifications.office import Office, open_office
from tests.notifications.test_on_its_way import morning
from tests.people import Person, World
from votremachine.config import Settings
from votremachine.infra.database import Database

# Nothing takes either of them: a reminder that was never told, and its letters that were never sent.
_GIVEN_UP = "UPDATE deliveries SET state = 'dead', attempts = 10, last_error = '451 not now', lease_until = NULL"
_BROKEN = "UPDATE reminders SET state = 'dead', attempts = 10, last_error = 'KeyError()' WHERE kind = 'hand_over_soon'"
_FOUND = sa.text("SELECT id, state, attempts FROM deliveries ORDER BY id")


async def command(settings: Settings, *words: str) -> tuple[int | None, list[str], str]:
    """The command as people type it: its exit code, its lines, and what it says is wrong."""
    environ = os.environ | {
        "VOTREMACHINE_DATABASE_URL": settings.database_url,
        "VOTREMACHINE_SECRET": settings.secret,
        "VOTREMACHINE_VAR_DIR": str(settings.var_dir),
    }
    pipe = asyncio.subprocess.PIPE
    arguments = (sys.executable, "-m", "votremachine", "reminders", *words)
    process = await asyncio.create_subprocess_exec(*arguments, env=environ, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    return process.returncode, out.decode().splitlines(), err.decode()


@pytest.fixture
async def dead(settings: Settings, world: World, owner: Person, renter: Person, database: Database) -> list[str]:
    """The ids of two letters that were given up; two reminders of the same booking were, too."""
    tractor = await world.machine(owner)
    await renter.booked([tractor], morning(5), morning(6))
    async with open_office(settings) as office:
        await office.hear()
        async with database.begin() as tx:
            await tx.execute(sa.text("DELETE FROM messages"))
        office.now = morning(4, 18)
        await office.remind()
    async with database.begin() as tx:
        await tx.execute(sa.text(_GIVEN_UP))
        await tx.execute(sa.text(_BROKEN))
        return [str(row.id) for row in await tx.rows(_FOUND)]


async def states(database: Database) -> list[tuple[str, int]]:
    async with database.read() as tx:
        return [(row.state, row.attempts) for row in await tx.rows(_FOUND)]


async def test_what_is_dead_is_listed_with_its_reason(dead: list[str], settings: Settings) -> None:
    code, lines, _ = await command(settings, "list")
    assert code == 0
    assert len(lines) == 4
    letter = next(line for line in lines if dead[0] in line)
    assert letter.split()[1:] == ["email", "booking_tomorrow", "10", "tries", "451", "not", "now"]
    assert sum("inbox" in line and "hand_over_soon" in line and "KeyError" in line for line in lines) == 2


async def test_one_is_tried_again_or_all(dead: list[str], settings: Settings, database: Database) -> None:
    assert (await command(settings, "retry", dead[0]))[1] == ["1 due again"]
    assert await states(database) == [("waiting", 0), ("dead", 10)]
    # Not twice.
    assert (await command(settings, "retry", dead[0]))[0] == 2
    assert (await command(settings, "retry"))[1] == ["3 due again"]
    assert (await command(settings, "list"))[1] == []
    async with database.read() as tx:
        planned = await tx.rows(sa.text("SELECT state FROM reminders WHERE kind = 'hand_over_soon'"))
    assert {row.state for row in planned} == {"planned"}


async def test_what_was_sent_is_sent_once_more_on_purpose(
    dead: list[str], settings: Settings, database: Database
) -> None:
    box = Mailbox()
    async with mail_server(box) as port, open_office(settings, smtp_url=f"smtp://127.0.0.1:{port}") as office:
        await command(settings, "retry")
        await at_eve(office)
        assert await states(database) == [("sent", 1)] * 2
        assert (await command(settings, "replay", dead[1]))[1] == ["1 to be sent once more"]
        await at_eve(office)
    assert len(box.messages()) == 3
    ids = [str(one["Message-ID"]) for one in box.messages()]
    assert sum(dead[1] in one for one in ids) == 2, "a mailbox may know it by its id"


@pytest.mark.parametrize("verb", ["retry", "replay"])
async def test_one_that_there_is_not_is_said_so(
    verb: str, dead: list[str], settings: Settings, database: Database
) -> None:
    code, lines, said = await command(settings, verb, str(uuid4()))
    assert (code, lines) == (2, [])
    assert said == "votremachine: There is no such message that could be tried again.\n"
    assert await states(database) == [("dead", 10)] * 2


async def test_what_waits_is_not_replayed(dead: list[str], settings: Settings, database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE deliveries SET state = 'waiting', attempts = 3"))
    assert (await command(settings, "replay", dead[0]))[0] == 2
    assert await states(database) == [("waiting", 3)] * 2


async def test_none_of_all_is_well(settings: Settings, database: Database) -> None:
    assert await command(settings, "retry") == (0, ["0 due again"], "")
    assert await command(settings, "list") == (0, [], "")


async def at_eve(office: Office) -> None:
    office.now = morning(4, 19)
    await office.send()


@pytest.mark.parametrize("words", [(), ("replay",), ("retry", "seven"), ("replay", "seven"), ("forget",)])
async def test_what_is_no_command_is_said_so(words: tuple[str, ...], settings: Settings) -> None:
    code, lines, said = await command(settings, *words)
    assert code == 2
    assert lines == []
    assert "usage: votremachine reminders" in said
