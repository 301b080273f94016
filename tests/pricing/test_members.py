"""Members of a cooperative are charged by the members' card, whichever is cheaper."""

import pytest

from tests.people import Json, Person, World, at


@pytest.fixture
async def cuma(world: World) -> Person:
    return await world.farmer("cuma@landes.example", "CUMA du Marsan", kind="cooperative")


async def join(cuma: Person, farmer: Person) -> None:
    await farmer.made(f"/parties/{cuma.party_id}/members", {"party_id": farmer.party_id})
    await cuma.made(f"/parties/{cuma.party_id}/members/{farmer.party_id}/approve")


def card(minor: int, cooperative: str | None = None) -> Json:
    return {"rates": [{"unit": "day", "minor": minor}], "cooperative_id": cooperative}


async def quoted(person: Person, machine: str) -> int:
    body = {"machine_ids": [machine], "start": at(3).isoformat(), "end": at(3, 1).isoformat()}
    quote = await person.made("/quotes", body)
    return int(quote["price"]["lines"][0]["unit_price"]["minor"])


@pytest.mark.parametrize("members", [5_000, 15_000])
async def test_a_member_is_charged_by_the_members_card(
    members: int, world: World, cuma: Person, renter: Person, owner: Person
) -> None:
    baler = await world.machine(cuma, day=10_000)
    await cuma.made(f"/machines/{baler}/rates", card(members, cuma.party_id))
    assert await quoted(renter, baler) == await quoted(owner, baler) == 10_000
    await renter.made(f"/parties/{cuma.party_id}/members", {"party_id": renter.party_id})
    assert await quoted(renter, baler) == 10_000, "who only asked to join is no member"
    await cuma.made(f"/parties/{cuma.party_id}/members/{renter.party_id}/approve")
    assert await quoted(renter, baler) == members
    assert await quoted(owner, baler) == 10_000
    booking = await renter.booked([baler], at(3), at(3, 1))
    assert {line["unit_price"]["minor"] for line in booking["price"]["lines"]} == {members}
    shown = (await renter.get(f"/machines/{baler}/rates")).json()
    assert (shown["rates"][0]["minor"], shown["cooperative_id"]) == (members, cuma.party_id)
    assert (await owner.get(f"/machines/{baler}/rates")).json()["cooperative_id"] is None


async def test_a_new_card_replaces_only_its_own_kind(world: World, cuma: Person, renter: Person) -> None:
    baler = await world.machine(cuma, day=10_000)
    await join(cuma, renter)
    for members, public in ((5_000, 11_000), (6_000, 12_000)):
        await cuma.made(f"/machines/{baler}/rates", card(members, cuma.party_id))
        await cuma.made(f"/machines/{baler}/rates", card(public))
        assert await quoted(renter, baler) == members
        assert await quoted(cuma, baler) == public
    history = (await cuma.get(f"/machines/{baler}/rates/history")).json()["items"]
    assert len(history) == 5
    assert sum(one["replaced_at"] is None for one in history) == 2


async def test_a_member_offers_its_own_machine_to_its_fellows(
    world: World, cuma: Person, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner, day=10_000)
    refused = await owner.post(f"/machines/{tractor}/rates", card(1, cuma.party_id))
    assert refused.json()["code"] == "not_their_cooperative"
    await join(cuma, owner)
    await owner.made(f"/machines/{tractor}/rates", card(8_000, cuma.party_id))
    assert await quoted(renter, tractor) == 10_000
    await join(cuma, renter)
    assert await quoted(renter, tractor) == 8_000


async def test_a_machine_for_members_alone_has_no_price_for_others(world: World, cuma: Person, renter: Person) -> None:
    baler = await world.machine(cuma, day=None, listed=False)
    await cuma.made(f"/machines/{baler}/rates", card(5_000, cuma.party_id))
    await cuma.made(f"/machines/{baler}/publish")
    body = {"machine_ids": [baler], "start": at(3).isoformat(), "end": at(4).isoformat()}
    for answer in (
        await renter.post("/quotes", body),
        await renter.book([baler], at(3), at(4)),
        await renter.get(f"/machines/{baler}/rates"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "no_price")
    await join(cuma, renter)
    assert await quoted(renter, baler) == 5_000


async def test_who_acts_for_several_parties_says_for_which(world: World, cuma: Person, renter: Person) -> None:
    baler = await world.machine(cuma, day=10_000)
    await cuma.made(f"/machines/{baler}/rates", card(5_000, cuma.party_id))
    await join(cuma, renter)
    second = await renter.made("/parties", {"kind": "farm", "name": "Deuxième", "commune": "Dax"})
    body = {"machine_ids": [baler], "start": at(3).isoformat(), "end": at(3, 1).isoformat()}
    unsaid = await renter.made("/quotes", body)
    assert (unsaid["token"], unsaid["stands_until"]) == (None, None)
    for party, minor in ((renter.party_id, 5_000), (second["id"], 10_000)):
        quote = await renter.made("/quotes", body | {"renter_party_id": party})
        assert quote["price"]["lines"][0]["unit_price"]["minor"] == minor
        assert len(quote["price"]["lines"]) == 1, "the two seats of the person are not two cards"
        assert quote["token"]
        shown = (await renter.get(f"/machines/{baler}/rates?party_id={party}")).json()
        assert shown["rates"][0]["minor"] == minor
