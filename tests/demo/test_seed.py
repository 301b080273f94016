"""The demo is planted through the services' own verbs: once, whole or not at all, and as its data says."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.emptying import empty
from votremachine.bookings.rules import BLOCKING
from votremachine.config import Settings
from votremachine.demo.seed import plant
from votremachine.demo.world import ZONE, world
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.infra.storage.files import Files
from votremachine.infra.tables import metadata
from votremachine.inspections.service import verifying
from votremachine.worker import HANDLERS

OVERLAPS = """
    SELECT count(*) FROM occupancies a JOIN occupancies b
    ON a.machine_id = b.machine_id AND a.id < b.id AND a.blocked && b.blocked
"""
# Machines whose booking blocks them without exactly one occupancy, or has one without blocking them.
OUT_OF_STEP = """
    SELECT count(*) FROM (
        SELECT b.state, (SELECT count(*) FROM occupancies o
            WHERE o.ref_id = b.id AND o.machine_id = m.machine_id AND o.kind = 'booking') AS held
        FROM bookings b JOIN booking_machines m ON m.booking_id = b.id) AS each
    WHERE held <> CASE WHEN state = ANY(:blocking) THEN 1 ELSE 0 END
"""
BOOKINGS = """
    SELECT r.name, o.name, array_agg(m.title_fr ORDER BY m.title_fr), b.starts, b.ends, b.state
    FROM bookings b JOIN parties r ON r.id = b.renter_party_id JOIN parties o ON o.id = b.owner_party_id
    JOIN booking_machines bm ON bm.booking_id = b.id JOIN machines m ON m.id = bm.machine_id
    GROUP BY b.id, r.name, o.name
"""
BLOCKS = """
    SELECT m.title_fr, b.kind, b.note, lower(o.during), upper(o.during)
    FROM blocks b JOIN machines m ON m.id = b.machine_id JOIN occupancies o ON o.ref_id = b.id AND o.kind = b.kind
"""
FLEET = """
    SELECT m.title_fr, p.name, m.state, c.rates -> 0 ->> 'minor', c.rates -> 1 ->> 'minor'
    FROM machines m JOIN parties p ON p.id = m.party_id
    JOIN rate_cards c ON c.machine_id = m.id AND c.replaced_at IS NULL
"""
SEATS = """
    SELECT people.email, p.name, s.role, p.demo
    FROM seats s JOIN people ON people.id = s.person_id JOIN parties p ON p.id = s.party_id
"""
ADHESIONS = """
    SELECT p.name, c.name FROM adhesions a JOIN parties p ON p.id = a.party_id
    JOIN parties c ON c.id = a.cooperative_id WHERE a.approved_at IS NOT NULL
"""

TODAY = date(2026, 6, 17)
NINE = time(9, 30)
# Around both changes of the clocks, and a leap day.
AWKWARD = (
    (date(2026, 3, 28), time(23, 59)),
    (date(2026, 3, 30), time(0, 0)),
    (date(2026, 10, 20), time(0, 0)),
    (date(2026, 10, 26), time(23, 59)),
    (date(2028, 2, 29), time(2, 30)),
)

Rows = Counter[tuple[Any, ...]]


@asynccontextmanager
async def clocked(settings: Settings, day: date, hour: time) -> AsyncIterator[Database]:
    """The tests' database when it is that hour in the Landes."""
    database = Database(settings.database_url, pool_size=2, clock=lambda: datetime.combine(day, hour, ZONE))
    try:
        yield database
    finally:
        await database.close()


async def plant_in(database: Database, settings: Settings, day: date = TODAY) -> bool:
    files = Files(settings.storage_url, settings.var_dir / "files")
    try:
        return await plant(database, files, day)
    finally:
        files.close()


@asynccontextmanager
async def planted(settings: Settings, day: date = TODAY, hour: time = NINE) -> AsyncIterator[Database]:
    async with clocked(settings, day, hour) as database:
        assert await plant_in(database, settings, day) is True
        yield database


async def rows(database: Database, question: str, **values: Any) -> Rows:
    async with database.read() as tx:
        found = await tx.rows(sa.text(question), values)
    return Counter(tuple(tuple(one) if isinstance(one, list) else one for one in row) for row in found)


async def number(database: Database, question: str, **values: Any) -> int:
    async with database.read() as tx:
        return int((await tx.execute(sa.text(question), values)).scalar_one())


async def in_step(database: Database) -> None:
    assert await number(database, OVERLAPS) == 0
    assert await number(database, OUT_OF_STEP, blocking=list(BLOCKING)) == 0


async def everything(database: Database) -> dict[str, Rows]:
    return {table: await rows(database, f"SELECT {table}::text FROM {table}") for table in metadata.tables}


async def test_bookings_and_blocks_stand_as_the_data_says(settings: Settings, database: Database) -> None:
    async with planted(settings) as demo:
        titles, owners = ({one.key: getattr(one, name) for one in world().machines} for name in ("title", "party"))
        parties = {one.key: one.name for one in world().parties}
        assert await rows(demo, BOOKINGS) == Counter(
            (
                parties[one.renter],
                parties[owners[one.machines[0]]],
                tuple(sorted(titles[key] for key in one.machines)),
                one.start.seen_from(TODAY),
                one.end.seen_from(TODAY),
                one.end_state,
            )
            for one in world().bookings
        )
        assert await rows(demo, BLOCKS) == Counter(
            (titles[one.machine], one.kind, one.note, one.start.seen_from(TODAY), one.end.seen_from(TODAY))
            for one in world().blocks
        )
        await in_step(demo)


async def test_people_and_machines_stand_as_the_data_says(settings: Settings, database: Database) -> None:
    async with planted(settings) as demo:
        emails = {one.key: one.email for one in world().people}
        parties = {one.key: one.name for one in world().parties}
        assert await number(demo, "SELECT count(*) FROM people") == len(emails)
        assert await rows(demo, SEATS) == Counter(
            (emails[person], one.name, role, True)
            for one in world().parties
            for person, role in [(one.admin, "admin"), *((member.person, member.role) for member in one.members)]
        )
        assert await rows(demo, ADHESIONS) == Counter(
            (one.name, parties[cooperative]) for one in world().parties for cooperative in one.cooperatives
        )
        assert await rows(demo, FLEET) == Counter(
            (one.title, parties[one.party], one.state, str(one.day_minor), one.week_minor and str(one.week_minor))
            for one in world().machines
        )


async def test_a_second_time_changes_nothing(settings: Settings, database: Database) -> None:
    async with planted(settings) as demo:
        before = await everything(demo)
        assert await plant_in(demo, settings) is False
        assert await plant_in(demo, settings, TODAY + timedelta(days=30)) is False
        assert await everything(demo) == before


async def test_the_date_alone_decides_the_ids(settings: Settings, database: Database) -> None:
    keyed = [name for name, table in metadata.tables.items() if "id" in table.c and name not in {"outbox", "changes"}]
    question = " UNION ALL ".join(f"SELECT id::text FROM {name}" for name in keyed)
    found = []
    for day, hour in ((TODAY, time(0, 0)), (TODAY, time(23, 59)), (TODAY + timedelta(days=1), time(0, 0))):
        async with planted(settings, day, hour) as demo:
            found.append(await rows(demo, question))
            async with demo.begin() as tx:
                await empty(tx)
    assert found[0].total() > 200
    assert found[0] == found[1]
    assert not found[0] & found[2]


async def test_requests_wait_for_an_answer_and_only_they_are_told(settings: Settings, database: Database) -> None:
    async with planted(settings) as demo:
        asked = sum(one.end_state == "requested" for one in world().bookings)
        alive = "SELECT count(*) FROM bookings WHERE state = 'requested' AND expires_at >= :then"
        assert await number(demo, alive, then=demo.clock() + timedelta(hours=20)) == asked > 0
        assert await drain(demo, HANDLERS) == asked
        assert set(await rows(demo, "SELECT kind FROM messages")) == {("BookingRequested",)}


async def test_a_machine_came_back_dented_and_both_reports_and_the_claim_say_so(
    settings: Settings, database: Database
) -> None:
    async with planted(settings) as demo:
        async with demo.read() as tx:
            (machine,) = await verifying.machines_with_chains(tx)
        files = Files(settings.storage_url, settings.var_dir / "files")
        found = await verifying.check(demo, files, machine, photos=True)
        files.close()
        assert (found.holds, found.reports, found.photos_read) == (True, 2, 4)
        assert await number(demo, "SELECT count(*) FROM doomed_files") == 0
        lines = await rows(demo, "SELECT kind, asked, cardinality(inspection_ids) FROM claim_lines")
        assert lines == Counter([("repair", 81_600, 2), ("fuel", 11_250, 2)])
        waits = "SELECT count(*) FROM claims WHERE state = 'open' AND turn = 'renter' AND due_at > :then"
        assert await number(demo, waits, then=demo.clock() + timedelta(hours=24)) == 1


async def test_the_books_have_what_is_over_and_what_is_owed(settings: Settings, database: Database) -> None:
    async with planted(settings) as demo:
        over = "SELECT count(*) FROM bookings WHERE state = 'completed' AND price -> 'total' ->> 'minor' <> '0'"
        assert await number(demo, "SELECT count(DISTINCT cause_id) FROM invoices") == await number(demo, over) > 10
        gaps = "SELECT issuer_party_id FROM invoices GROUP BY issuer_party_id, series HAVING max(position) <> count(*)"
        assert await number(demo, f"SELECT count(*) FROM ({gaps}) gap") == 0
        stands = (
            "SELECT count(*) FROM bookings WHERE state IN ('confirmed', 'in_use', 'returned', 'completed') AND"
            " NOT EXISTS (SELECT FROM ledger_transactions t WHERE t.booking_id = bookings.id AND t.kind = 'rental_due')"
        )
        assert await number(demo, stands) == 0


@pytest.mark.parametrize(("day", "hour"), AWKWARD, ids=str)
async def test_it_can_be_planted_on_any_day(settings: Settings, database: Database, day: date, hour: time) -> None:
    async with planted(settings, day, hour) as demo:
        assert await number(demo, "SELECT count(*) FROM bookings") == len(world().bookings)
        await in_step(demo)


async def test_whole_or_not_at_all(settings: Settings, database: Database) -> None:
    """What the world says of yesterday has not happened yet when today is taken for tomorrow."""
    async with clocked(settings, TODAY, NINE) as demo:
        with pytest.raises(ValueError, match="has not come yet"):
            await plant_in(demo, settings, TODAY + timedelta(days=1))
        left = await everything(demo)
        assert left.pop("doomed_files"), "its pictures, which the next sweep deletes"
        assert not any(left.values())
