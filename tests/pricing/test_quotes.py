"""Quotes and rate cards over HTTP."""

from tests.people import Person, World, at


def asked(tractor: str, start: int, end: int) -> dict[str, object]:
    return {"machine_ids": [tractor], "start": at(start).isoformat(), "end": at(end).isoformat()}


async def test_a_quote_shows_lines_vat_total_deposit_and_whether_it_is_free(
    world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner, day=12_345, week=60_000)
    quote = await renter.made("/quotes", {**asked(tractor, 2, 2), "end": at(2, 2).isoformat()})
    lines = quote["price"]["lines"]
    assert sum(line["net"]["minor"] for line in lines) == quote["price"]["net"]["minor"]
    assert quote["price"]["vat"]["minor"] == -(-quote["price"]["net"]["minor"] * 2 // 10)
    assert quote["deposit"] == {"minor": 100_000, "currency": "EUR"}
    assert quote["bookable"] is True
    week = await renter.made("/quotes", asked(tractor, 2, 8))
    assert [(line["unit"], line["quantity"]) for line in week["price"]["lines"]] == [("week", 1)]
    await renter.booked([tractor], at(3), at(4))
    assert (await renter.made("/quotes", asked(tractor, 2, 8)))["bookable"] is False


async def test_what_is_booked_keeps_the_card_it_was_booked_by(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, day=10_000)
    booking = await renter.book([tractor], at(2), at(2, 2), payment="on_account")
    await owner.made(f"/machines/{tractor}/rates", {"rates": [{"unit": "day", "minor": 99_000}]})
    body = {"start": at(4).isoformat(), "end": at(4, 2).isoformat()}
    moved = await renter.act(booking.json()["id"], "reschedule", body, If_Match=booking.headers["ETag"])
    assert {line["unit_price"]["minor"] for line in moved.json()["price"]["lines"]} == {10_000}
    fresh = await renter.made("/quotes", asked(tractor, 6, 7))
    assert {line["unit_price"]["minor"] for line in fresh["price"]["lines"]} == {99_000}


async def test_only_the_owner_sets_prices(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    body = {"rates": [{"unit": "day", "minor": 1}]}
    refused = await renter.post(f"/machines/{tractor}/rates", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    draft = await world.machine(owner, listed=False)
    unseen = await renter.post(f"/machines/{draft}/rates", body)
    assert (unseen.status_code, unseen.json()["code"]) == (404, "unknown_machine")
    twice = await owner.post(f"/machines/{tractor}/rates", {"rates": body["rates"] * 2})
    assert (twice.status_code, twice.json()["code"]) == (422, "same_unit_twice")
    assert (await renter.get(f"/machines/{tractor}/rates")).json()["rates"] == [{"unit": "day", "minor": 12_000}]
