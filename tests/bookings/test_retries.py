"""A request that is sent again has one effect."""

import asyncio
from uuid import uuid4

import sqlalchemy as sa

from tests.people import Person, World, at
from votremachine.infra.database import Database

COUNT = sa.text("SELECT (SELECT count(*) FROM bookings) AS bookings, (SELECT count(*) FROM occupancies) AS occupancies")


async def counted(database: Database) -> tuple[int, int]:
    async with database.read() as tx:
        (row,) = await tx.rows(COUNT)
    return row.bookings, row.occupancies


async def test_five_at_once_make_one_booking(world: World, owner: Person, renter: Person, database: Database) -> None:
    tractor, key = await world.machine(owner), str(uuid4())
    answers = await asyncio.gather(*(renter.book([tractor], at(2), at(3), key=key) for _ in range(5)))
    assert await counted(database) == (1, 1)
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"still_running"}
    assert len({answer.content for answer in made}) == 1
    # Whoever was told to wait gets the same answer a moment later.
    again = await renter.book([tractor], at(2), at(3), key=key)
    assert again.status_code == 201
    assert again.content == made[0].content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == made[0].headers["Location"]
    assert again.headers["ETag"] == made[0].headers["ETag"]


async def test_the_same_key_with_another_body_is_refused(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, key = await world.machine(owner), str(uuid4())
    assert (await renter.book([tractor], at(2), at(3), key=key)).status_code == 201
    other = await renter.book([tractor], at(4), at(5), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await counted(database) == (1, 1)


async def test_the_same_key_on_another_path_is_refused(world: World, owner: Person, renter: Person) -> None:
    tractor, key = await world.machine(owner), str(uuid4())
    held = await renter.book([tractor], at(2), at(3), key=key)
    body = {"payment": "on_account"}
    other = await renter.post(f"/bookings/{held.json()['id']}/confirm", body, Idempotency_Key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_belongs_to_its_person(world: World, owner: Person, renter: Person, database: Database) -> None:
    tractor, key = await world.machine(owner), "1"
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    assert (await renter.book([tractor], at(2), at(3), key=key)).status_code == 201
    assert (await rival.book([tractor], at(4), at(5), key=key)).status_code == 201
    assert await counted(database) == (2, 2)


async def test_a_refused_request_may_be_tried_again_with_its_key(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, key = await world.machine(owner), str(uuid4())
    block = await owner.made(
        f"/machines/{tractor}/blocks", {"start": at(2).isoformat(), "end": at(3).isoformat(), "note": "moi"}
    )
    assert (await renter.book([tractor], at(2), at(3), key=key)).status_code == 409
    assert (await owner.ask("DELETE", f"/blocks/{block['id']}")).status_code == 204
    assert (await renter.book([tractor], at(2), at(3), key=key)).status_code == 201


async def test_a_booking_needs_a_key_and_a_sane_one(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    body = {"machine_ids": [tractor], "start": at(2).isoformat(), "end": at(3).isoformat()}
    without = await renter.post("/bookings", body)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")
    for bad in ("", "x" * 256, "tab\there"):
        answer = await renter.post("/bookings", body, Idempotency_Key=bad)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert await counted(database) == (0, 0)


async def test_answers_are_forgotten_after_a_week(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, key = await world.machine(owner), str(uuid4())
    assert (await renter.book([tractor], at(2), at(3), key=key)).status_code == 201
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE idempotent_answers SET answered_at = now() - interval '7 days'"))
    late = await renter.book([tractor], at(2), at(3), key=key)
    assert (late.status_code, late.json()["code"]) == (409, "span_taken")
    fresh = await renter.book([tractor], at(4), at(5), key=key)
    assert fresh.status_code == 201, "an answer past its week must not stand in the way of its key"
