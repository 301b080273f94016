"""A machine that is not back: its cooperative and staff are told, each once, whatever else happens."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import appoint
from votremachine.bookings.overdue import rules, service
from votremachine.bookings.overdue.jobs import escalate_overdue
from votremachine.bookings.overdue.rules import Step
from votremachine.config import Settings
from votremachine.infra.database import Database, utc_now
from votremachine.infra.outbox import drain
from votremachine.worker import HANDLERS

AFTER = rules.after(Settings())
TOLD = sa.text("SELECT step FROM overdue_steps ORDER BY told_at, ends, step")


async def put_off(database: Database, booking: str, past_end: timedelta) -> datetime:
    """The booking is out, and its end is that long ago; when that was."""
    async with database.begin() as tx:
        ends = tx.now - past_end
        values = {"id": booking, "ends": ends, "starts": ends - timedelta(hours=8)}
        await tx.execute(sa.text("UPDATE bookings SET starts = :starts, ends = :ends WHERE id = :id"), values)
    return ends


async def sweep(database: Database) -> int:
    told = await escalate_overdue({"database": database, "settings": Settings()})
    await drain(database, HANDLERS)
    return told


async def inbox(person: Person) -> list[Json]:
    items = (await person.get("/inbox")).json()["items"]
    return [one for one in items if one["kind"] == "MachineOverdue"]


@pytest.fixture
async def out(world: World, owner: Person, renter: Person) -> str:
    machine = await world.machine(owner)
    booking = (await renter.booked([machine], at(0, 1), at(1)))["id"]
    assert (await owner.act(booking, "check_out")).is_success
    return str(booking)


@pytest.fixture
async def cuma(world: World, owner: Person, renter: Person) -> Person:
    """The manager of a cooperative that both are members of."""
    manager = await world.farmer("cuma@x.example", "CUMA du Marsan", "cooperative")
    for person in (owner, renter):
        await person.made(f"/parties/{manager.party_id}/members", {"party_id": person.party_id})
        await manager.made(f"/parties/{manager.party_id}/members/{person.party_id}/approve")
    return manager


async def test_it_climbs_step_by_step_each_once(
    world: World, owner: Person, renter: Person, cuma: Person, out: str, database: Database
) -> None:
    elsewhere = await world.farmer("loin@x.example", "CUMA d'ailleurs", "cooperative")
    support = await world.person("support@x.example")
    async with database.begin() as tx:
        await appoint(tx, support.email, StaffRole.SUPPORT)
    people = {Step.COOPERATIVE: cuma, Step.STAFF: support}
    told: list[Person] = []
    assert await sweep(database) == 0
    before = timedelta(0)
    for step, after in AFTER.items():
        await put_off(database, out, (before + after) / 2)
        assert await sweep(database) == len(told), "steps are taken again for another end"
        async with database.begin() as tx:
            await tx.execute(sa.text("DELETE FROM overdue_steps"))
            await tx.execute(sa.text("DELETE FROM messages"))
        await put_off(database, out, after + timedelta(minutes=1))
        told.append(people[step])
        assert await sweep(database) == len(told)
        assert await sweep(database) == 0, "once"
        for person in people.values():
            assert len(await inbox(person)) == (person in told), step
        before = after
    for person in (elsewhere, renter, owner):
        assert await inbox(person) == []
    assert "48 h" in (await inbox(support))[0]["text"]


async def test_it_ends_when_the_machine_is_back_and_begins_anew_when_it_is_extended(
    owner: Person, cuma: Person, out: str, database: Database
) -> None:
    await put_off(database, out, timedelta(hours=26))
    assert await sweep(database) == 1
    await put_off(database, out, timedelta(hours=-2))
    assert await sweep(database) == 0
    await put_off(database, out, timedelta(hours=24, minutes=5))
    assert await sweep(database) == 1, "it was late again, for its new end"
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET out_at = starts"))
    assert (await owner.act(out, "check_in", {})).is_success
    async with database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM overdue_steps"))
    assert await sweep(database) == 0
    assert len(await inbox(cuma)) == 2


async def test_two_workers_at_once_tell_once(out: str, cuma: Person, database: Database, settings: Settings) -> None:
    await put_off(database, out, timedelta(days=30))
    other = Database(settings.database_url, 2, utc_now)
    try:
        counts: list[Any] = await asyncio.gather(
            *(escalate_overdue({"database": one, "settings": Settings()}) for one in (database, other) * 3)
        )
    finally:
        await other.close()
    assert sum(counts) == len(AFTER)
    await drain(database, HANDLERS)
    assert len(await inbox(cuma)) == 1
    async with database.read() as tx:
        assert sorted(row.step for row in await tx.rows(TOLD)) == sorted(AFTER)


async def test_what_was_told_does_not_stand_in_the_way_of_the_rest(
    world: World,
    owner: Person,
    renter: Person,
    cuma: Person,
    out: str,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batches of one: the second machine is told of though the first is still out."""
    monkeypatch.setattr(service, "BATCH", 1)
    machine = await world.machine(owner)
    other = (await renter.booked([machine], at(0, 1), at(1)))["id"]
    assert (await owner.act(other, "check_out")).is_success
    for booking in (out, other):
        await put_off(database, booking, timedelta(hours=26))
    assert await sweep(database) == 2
    assert {one["booking_id"] for one in await inbox(cuma)} == {out, other}
