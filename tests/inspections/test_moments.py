"""Reports that were made where no signal was, and arrive hours or days later: the machine moved when they say."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.damages.conftest import lines
from tests.inspections.phone import Yard, photo
from tests.people import Json, Person, World, at
from votremachine.bookings.service import handover
from votremachine.infra.database import Database

EARLIER = (
    "UPDATE bookings SET starts = :start, ends = :end, created_at = :booked WHERE id = :id",
    "UPDATE occupancies SET during = tstzrange(:start, :end), blocked = tstzrange(:start, :end) WHERE ref_id = :id",
)


def hours(number: float) -> datetime:
    """So many hours from now."""
    return datetime.now(UTC) + timedelta(hours=number)


async def between(yard: Yard, database: Database, start: float, end: float) -> Yard:
    """The booking was for these hours from now all along."""
    async with database.begin() as tx:
        for statement in EARLIER:
            values = {"start": hours(start), "end": hours(end), "booked": hours(start - 10), "id": UUID(yard.booking)}
            await tx.execute(sa.text(statement), values)
    return yard


def made(yard: Yard, kind: str, ago: float, **more: Any) -> Json:
    return yard.report(kind, made_at=hours(-ago).isoformat(), **more)


async def moved(yard: Yard) -> tuple[float, float]:
    """How many hours ago the machine left and came back."""
    booking = (await yard.owner.get(f"/bookings/{yard.booking}")).json()
    now = datetime.now(UTC)
    left, back = (datetime.fromisoformat(booking[name]) for name in ("out_at", "returned_at"))
    return round((now - left) / timedelta(hours=1), 1), round((now - back) / timedelta(hours=1), 1)


async def late_minutes(database: Database) -> Any:
    async with database.read() as tx:
        told = sa.text("SELECT (body->>'late_minutes')::int FROM outbox WHERE name = 'MachineReturned'")
        return (await tx.execute(told)).scalar_one()


async def test_nobody_is_late_because_their_phone_was(yard: Yard, database: Database) -> None:
    await between(yard, database, -9, -1)
    for kind, ago in (("check_out", 9), ("check_in", 2)):
        await yard.signed(made(yard, kind, ago))
    assert await moved(yard) == (9, 2)
    assert await late_minutes(database) == 0


async def test_who_was_late_is_late_by_just_that(yard: Yard, database: Database) -> None:
    await between(yard, database, -9, -3)
    for kind, ago in (("check_out", 9), ("check_in", 2)):
        await yard.signed(made(yard, kind, ago))
    assert await late_minutes(database) == 60


@pytest.mark.parametrize(("left", "back"), [(3, 2), (4, 3.5), (9, 8)])
async def test_what_came_back_early_is_free_from_then(
    yard: Yard, world: World, database: Database, left: float, back: float
) -> None:
    """Even where it came back before the booking began, and both were told after that."""
    await between(yard, database, -3, 30)
    for kind, ago in (("check_out", left), ("check_in", back)):
        await yard.signed(made(yard, kind, ago))
    assert await moved(yard) == (min(left, 5), min(back, 5)), "two hours before the start at the earliest"
    following = await world.farmer("next@ferme.example", "Ferme du Gabas")
    await following.booked([yard.machine], at(0, 1), at(1))


async def test_a_renter_alone_moves_nothing(yard: Yard, database: Database) -> None:
    """A return is not dated back without the owner: they sign last, and until then it is not back."""
    await between(yard, database, -9, -1)
    await yard.signed(made(yard, "check_out", 9))
    view = await yard.sent(made(yard, "check_in", 8), yard.renter)
    assert (await yard.sign(view, "renter", yard.renter)).is_success
    booking = (await yard.renter.get(f"/bookings/{yard.booking}")).json()
    assert (booking["state"], booking["returned_at"]) == ("in_use", None)


async def test_an_owner_who_reads_of_damage_late_may_still_claim(yard: Yard, database: Database) -> None:
    await between(yard, database, -80, -70)
    shot = photo(1)
    await yard.signed(made(yard, "check_out", 80))
    view = await yard.sent(made(yard, "check_in", 70, photos=[shot]), yard.renter)
    await yard.put(view["id"], shot, yard.renter)
    for side, who in (("renter", yard.renter), ("owner", yard.owner)):
        assert (await yard.sign(view, side, who)).is_success
    assert await moved(yard) == (80, 70)
    assert await database.run(handover.complete) == 0
    body = {"reason": "Aile enfoncée", "lines": lines(10_000)}
    claim = await yard.owner.post(f"/bookings/{yard.booking}/claims", body, Idempotency_Key="c")
    assert claim.status_code == 201, claim.text


async def test_who_signs_late_gets_no_time_by_it(yard: Yard, database: Database) -> None:
    """The report was there to be read: an owner who waits lets their own time run."""
    await between(yard, database, -80, -70)
    await yard.signed(made(yard, "check_out", 80))
    view = await yard.sent(made(yard, "check_in", 70), yard.renter)
    async with database.begin() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        arrived = sa.text("UPDATE inspections SET sent_at = now() - interval '70 hours' WHERE state <> 'signed'")
        await tx.execute(arrived)
    for side, who in (("renter", yard.renter), ("owner", yard.owner)):
        assert (await yard.sign(view, side, who)).is_success
    assert await database.run(handover.complete) == 1


async def test_a_wrong_clock_is_told_and_shown_and_believed_no_further_than_it_can_be(
    yard: Yard, database: Database
) -> None:
    await between(yard, database, -1, 5)
    fast = yard.report(made_at=hours(0.5).isoformat())
    answer = await yard.send(fast)
    assert (answer.status_code, answer.json()["code"]) == (422, "made_at_odd_time")
    view = await yard.sent(fast | {"phone_clock": hours(0.5).isoformat()})
    assert abs(view["clock_ahead"] - 1800) < 30
    assert abs(datetime.fromisoformat(view["sent_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    again = await yard.sent(fast | {"phone_clock": hours(2).isoformat()})
    assert again["clock_ahead"] == view["clock_ahead"], "sent again it is the report that it was"
    for side, who in (("renter", yard.renter), ("owner", yard.owner)):
        assert (await yard.sign(view, side, who)).is_success
    booking = (await yard.owner.get(f"/bookings/{yard.booking}")).json()
    assert datetime.fromisoformat(booking["out_at"]) <= datetime.now(UTC)
    told = (await yard.owner.get(f"/machines/{yard.machine}/inspections/verification")).json()
    assert told["holds"] is True
    nonsense = yard.report("check_in", made_at=hours(50).isoformat(), phone_clock=hours(50).isoformat())
    assert (await yard.send(nonsense)).json()["code"] == "made_at_odd_time"


async def test_a_phone_whose_battery_was_dead_is_heard(yard: Yard) -> None:
    view = await yard.sent(yard.report(phone_clock="1970-01-01T00:00:00Z"))
    assert view["clock_ahead"] < -50 * 365 * 24 * 3600


@pytest.mark.parametrize("year", [2100, 2199])
async def test_what_no_clock_shows_is_refused(yard: Yard, year: int) -> None:
    report = yard.report(phone_clock=f"{year}-12-31T00:00:00Z")
    answer = await yard.send(report)
    assert (answer.status_code, answer.json()["code"]) == (422, "phone_clock_odd")
    assert answer.json()["errors"][0]["pointer"] == "/phone_clock"
    # Nothing was kept: with a clock that was set it is taken in.
    assert (await yard.send(report | {"phone_clock": None})).status_code == 201


async def test_two_machines_are_back_when_the_last_is_whichever_report_comes_first(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    machines = [await world.machine(owner) for _ in range(2)]
    booking = (await renter.booked(machines, at(0, 1), at(1)))["id"]
    yards = [Yard(owner, renter, machine, booking) for machine in machines]
    await between(yards[0], database, -9, -1)
    for yard, ago in zip(yards, (8, 9), strict=True):
        await yard.signed(made(yard, "check_out", ago))
    for yard, ago in zip(yards, (2, 3), strict=True):
        await yard.signed(made(yard, "check_in", ago))
    assert await moved(yards[0]) == (8, 2)


async def test_a_report_is_readable_once_its_last_photo_is_there(yard: Yard, database: Database) -> None:
    """Who keeps a photo back does not let the owner's time run meanwhile."""
    await between(yard, database, -80, -70)
    shot = photo(1)
    await yard.signed(made(yard, "check_out", 80))
    view = await yard.sent(made(yard, "check_in", 70, photos=[shot]), yard.renter)
    async with database.begin() as tx:
        await tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
        arrived = sa.text("UPDATE inspections SET sent_at = now() - interval '70 hours' WHERE state <> 'signed'")
        await tx.execute(arrived)
    assert (await yard.put(view["id"], shot, yard.renter)).is_success
    for side, who in (("renter", yard.renter), ("owner", yard.owner)):
        assert (await yard.sign(view, side, who)).is_success
    assert await database.run(handover.complete) == 0
