"""Leases: one worker at a time, each thing once, and what a worker left is had by the next."""

from datetime import timedelta

from tests.notifications.crowd import gather
from tests.notifications.office import Office, open_office
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.channels.port import NotTaken, Receipt
from votremachine.notifications.delivering.posting import Posted
from votremachine.notifications.delivering.rules import LEASE, NEEDED
from votremachine.notifications.delivering.service import outcomes
from votremachine.notifications.delivering.service.outcomes import Result
from votremachine.notifications.delivering.service.store import DUE as OUT
from votremachine.notifications.reminders.service import telling
from votremachine.notifications.reminders.service.telling import DUE

MANY = 30


async def states(office: Office, table: str) -> dict[str, int]:
    rows = await office.rows(f"SELECT state, count(*) AS n FROM {table} GROUP BY state")
    return {row.state: row.n for row in rows}


async def test_two_who_lease_at_once_have_nothing_in_common(settings: Settings, database: Database) -> None:
    await gather(database, MANY)
    async with database.begin() as one, database.begin() as other:
        first, _ = await DUE.lease(one, 20, LEASE)
        second, _ = await DUE.lease(other, 20, LEASE)
        assert (len(first), len(second)) == (20, 10)
        assert not set(first) & set(second)
    async with database.begin() as tx:
        assert await DUE.held(tx) == MANY
        assert not await DUE.is_due(tx)


async def test_who_comes_back_too_late_tells_nobody(settings: Settings, database: Database) -> None:
    await gather(database, MANY)
    async with open_office(settings, deliver_to_nobody=True) as office:
        async with office.database.begin() as tx:
            ids, lost = await DUE.lease(tx, MANY, LEASE)
            office.now = tx.now + LEASE
        async with office.database.begin() as tx:
            again, lease = await DUE.lease(tx, MANY, LEASE)
        assert set(again) == set(ids)
        async with office.database.begin() as tx:
            assert await telling.tell(tx, ids, lost, office.moments) == []
        assert await states(office, "reminders") == {"planned": MANY}
        async with office.database.begin() as tx:
            posted = await telling.tell(tx, ids, lease, office.moments)
        assert await office.sender.send(posted, lost) == 0
        assert await office.sender.send(posted, lease) == MANY
        assert await office.sender.send(posted, lease) == 0
        assert await states(office, "deliveries") == {"sent": MANY}


async def test_what_was_taken_is_written_down_whoever_holds_it_now(settings: Settings, database: Database) -> None:
    await gather(database, 2)
    async with open_office(settings, deliver_to_nobody=True) as office:
        async with office.database.begin() as tx:
            ids, lease = await DUE.lease(tx, 2, LEASE)
        async with office.database.begin() as tx:
            taken, missed = await telling.tell(tx, ids, lease, office.moments)
            office.now = tx.now + LEASE
        async with office.database.begin() as tx:
            assert len((await OUT.lease(tx, 2, LEASE))[0]) == 2
        results = [Result(taken.id, receipt=Receipt("1")), Result(missed.id, refusal=NotTaken("no"))]
        async with office.database.begin() as tx:
            await outcomes.record(tx, lease=lease, results=results, jitters=[0, 0])
        # The refusal is the business of who has it now.
        rows = await office.rows("SELECT id, state, attempts FROM deliveries ORDER BY state")
        assert [tuple(row) for row in rows] == [(taken.id, "sent", 1), (missed.id, "waiting", 0)]


async def test_what_there_is_no_time_for_is_handed_back(settings: Settings, database: Database) -> None:
    await gather(database, 3)
    async with open_office(settings) as office:
        async with office.database.begin() as tx:
            ids, lease = await DUE.lease(tx, 3, LEASE)
        async with office.database.begin() as tx:
            posted = await telling.tell(tx, ids, lease, office.moments)
            began = tx.now
        office.now = began + LEASE - NEEDED + timedelta(seconds=1)
        assert await office.sender.send(posted, lease) == 0
        async with office.database.begin() as tx:
            assert len((await OUT.lease(tx, 9, LEASE))[0]) == 3


async def test_a_worker_that_is_to_end_hands_back_the_rest(settings: Settings, database: Database) -> None:
    await gather(database, 3)
    async with open_office(settings) as office:
        async with office.database.begin() as tx:
            ids, lease = await DUE.lease(tx, 3, LEASE)
        async with office.database.begin() as tx:
            posted = await telling.tell(tx, ids, lease, office.moments)
        said = iter([False, True, True])
        office.sender.stopping = lambda: next(said)
        assert await office.sender.send(posted, lease) == 1
        async with office.database.begin() as tx:
            assert len((await OUT.lease(tx, 9, LEASE))[0]) == 2


async def test_a_provider_that_is_away_rests_and_nobody_is_counted_for_it(
    settings: Settings, database: Database
) -> None:
    await gather(database, 6)
    # Nobody listens there.
    async with open_office(settings, smtp_url="smtp://127.0.0.1:9") as office:
        async with office.database.begin() as tx:
            ids, lease = await DUE.lease(tx, 6, LEASE)
        async with office.database.begin() as tx:
            posted: list[Posted] = await telling.tell(tx, ids, lease, office.moments)
        assert await office.sender.send(posted, lease) == 0
        rows = await office.rows("SELECT attempts, lease_until FROM deliveries ORDER BY attempts")
        assert [tuple(row) for row in rows] == [(0, None)] * 3 + [(1, None)] * 3
