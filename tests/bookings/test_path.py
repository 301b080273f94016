"""The path of the main job: list, ask, quote, hold, confirm, and nobody else gets in between."""

from tests.people import Person, World, at


async def test_a_farmer_books_a_tractor_that_nobody_else_can_book(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, day=12_000, week=60_000)
    free = (await renter.get(f"/machines/{tractor}/availability?from={at(0):%FT%TZ}&to={at(7):%FT%TZ}")).json()
    assert len(free["free"]) == 1, free
    assert free["busy"] == []

    quote = await renter.made(
        "/quotes", {"machine_ids": [tractor], "start": at(2).isoformat(), "end": at(3).isoformat()}
    )
    assert quote["bookable"] is True

    held = await renter.book([tractor], at(2), at(3))
    assert held.status_code == 201, held.text
    assert held.json()["state"] == "held"
    confirmed = await renter.act(held.json()["id"], "confirm", {"payment": "on_account"})
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["state"] == "confirmed"
    assert confirmed.json()["price"] == held.json()["price"]

    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    refused = await rival.book([tractor], at(2, 5), at(2, 10))
    assert refused.status_code == 409, refused.text
    assert refused.json()["code"] == "span_taken"
    assert refused.json()["alternatives"]
