"""Who sees a report, its photos and a renter's insurance: its two sides, and nobody of anything else."""

from datetime import UTC, datetime, timedelta

import httpx
from litestar import Litestar

from tests.inspections.phone import Yard, fresh_id, photo
from tests.people import Person, World, at
from tests.shots import seen
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.database import Database


async def test_strangers_past_renters_and_other_cooperatives_see_nothing(world: World, yard: Yard) -> None:
    past = await world.farmer("past@ferme.example", "Ferme d'avant")
    await past.booked([yard.machine], at(5), at(6))
    others = await world.farmer("cuma@x.example", "CUMA d'ailleurs", "cooperative")
    shot = photo(1)
    view = await yard.sent(yard.report(photos=[shot]))
    await yard.put(view["id"], shot)
    for person in (past, others):
        for path in (
            f"/bookings/{yard.booking}/inspections",
            f"/bookings/{yard.booking}/inspections/comparison",
            f"/bookings/{yard.booking}/insurance",
            f"/inspections/{view['id']}",
            f"/inspections/{view['id']}/receipt",
        ):
            answer = await person.get(path)
            assert answer.status_code == 404, path
            assert view["content_hash"] not in answer.text
        assert (await person.get(f"/machines/{yard.machine}/inspections/verification")).status_code == 403
        assert (await yard.put(view["id"], shot, person)).status_code == 404
        assert (await yard.sign(view, "renter", person)).status_code == 404
        assert (await yard.send(yard.report(), person)).status_code == 404
        asked = await person.post(f"/bookings/{yard.booking}/inspections/codes", {})
        assert asked.status_code == 404
    for person in (yard.owner, yard.renter):
        assert (await person.get(f"/inspections/{view['id']}")).status_code == 200


async def test_an_address_of_a_photo_is_not_guessed_and_expires(
    yard: Yard, settings: Settings, database: Database
) -> None:
    shot = photo(2)
    view = await yard.sent(yard.report(photos=[shot]))
    await yard.put(view["id"], shot)
    (told,) = (await yard.renter.get(f"/inspections/{view['id']}")).json()["photos"]
    path, _, query = told["url"].partition("?")
    http = yard.owner.http
    assert (await http.get(told["url"])).status_code == 200
    elsewhere = path.rsplit("/", 1)[0] + "/" + fresh_id()
    for wrong in (f"{path}?{query[:-2]}xx", f"{elsewhere}?{query}", f"{path}?expires=99999999999&signature=x"):
        answer = await http.get(wrong)
        assert (answer.status_code, answer.json()["code"]) == (403, "link_expired"), wrong
    for lacking in (path, f"{path}?{query.partition('&')[0]}"):
        assert (await http.get(lacking)).status_code == 422, lacking
    late = create_app(settings, clock=lambda: datetime.now(UTC) + timedelta(minutes=31))
    async with late.lifespan(), asking(late) as client:
        answer = await client.get(told["url"])
    assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")


def asking(app: Litestar) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")  # type: ignore[arg-type]


async def test_a_renters_insurance_is_shown_to_whom_they_rent_from(world: World, owner: Person, renter: Person) -> None:
    machine = await world.machine(owner, booking_mode="on_request")
    insured = {
        "insurer": "Groupama",
        "policy_number": "P-1",
        "valid_from": f"{at(-9):%F}",
        "valid_until": f"{at(99):%F}",
    }
    proof = await renter.made(f"/parties/{renter.party_id}/insurances", insured)
    headers = {"Authorization": f"Bearer {renter.token}"}
    sent = await renter.http.put(f"/v1/insurances/{proof['id']}/document", content=photo(3), headers=headers)
    assert sent.status_code == 200, sent.text
    booking = (await renter.booked([machine], at(1), at(2)))["id"]
    path = f"/bookings/{booking}/insurance"
    assert (await renter.get(path)).json()["proof"]["id"] == proof["id"]
    assert (await owner.get(path)).json() == {"required": False, "proof": None}, "only once it is confirmed"
    assert (await owner.act(booking, "accept")).is_success
    shown = (await owner.get(path)).json()["proof"]
    assert (shown["insurer"], shown["sha256"]) == ("Groupama", sent.json()["sha256"])
    assert seen((await owner.http.get(shown["url"])).content).size == (40, 30)
