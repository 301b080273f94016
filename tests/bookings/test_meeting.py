"""The two sides of a confirmed booking know where the machines stand and whom to call; nobody else does, nor before."""

import sqlalchemy as sa

from tests.people import Json, Person, World, at
from votremachine.infra.database import Database

PHONES = {"owner": "+33611111111", "renter": "+33622222222", "stranger": "+33633333333"}


async def give_phones(database: Database, **people: Person) -> None:
    async with database.begin() as tx:
        for name, person in people.items():
            change = sa.text("UPDATE people SET phone = :phone WHERE email = :email")
            await tx.execute(change, {"phone": PHONES[name], "email": person.email})


async def meeting(person: Person, booking: Json) -> Json:
    answer = await person.get(f"/bookings/{booking['id']}")
    assert answer.status_code == 200
    return answer.json()["meeting"]


async def test_each_side_is_told_the_others_number_once_it_is_confirmed(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    await give_phones(database, owner=owner, renter=renter, stranger=await world.farmer("x@x.example", "Ailleurs"))
    tractor = await world.machine(owner)
    held = (await renter.book([tractor], at(2), at(3))).json()
    assert await meeting(owner, held) is None
    assert await meeting(renter, held) is None
    await renter.act(held["id"], "confirm", {"payment": "on_account"})
    place = [{"machine_id": tractor, "latitude": 43.8911, "longitude": -0.5009}]
    assert await meeting(renter, held) == {"contacts": [{"name": "Owner", "phone": PHONES["owner"]}], "places": place}
    assert await meeting(owner, held) == {"contacts": [{"name": "Renter", "phone": PHONES["renter"]}], "places": place}
    listed = (await renter.get("/bookings")).text
    assert PHONES["owner"] not in listed
    await renter.act(held["id"], "cancel", {})
    assert await meeting(renter, held) is None


async def test_strangers_are_told_another_place_and_no_number(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    await give_phones(database, owner=owner, renter=renter)
    tractor = await world.machine(owner)
    seen = (await renter.get(f"/machines/{tractor}")).json()["position"]
    assert not seen["exact"]
    assert abs(seen["latitude"] - 43.8911) + abs(seen["longitude"] + 0.5009) > 0.001
    again = (await renter.get(f"/machines/{tractor}")).json()["position"]
    assert again == seen, "always the same, or an average would tell"
    booking = await renter.booked([tractor], at(2), at(3))
    stranger = await world.farmer("stranger@x.example", "Ailleurs")
    assert (await stranger.get(f"/bookings/{booking['id']}")).status_code == 404
    for path in (f"/machines/{tractor}", "/machines", f"/parties/{owner.party_id}", "/machines?near=43.89,-0.5"):
        told = (await stranger.get(path)).text
        assert PHONES["owner"] not in told
        assert "43.8911" not in told
