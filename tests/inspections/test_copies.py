"""What photos show to whom: small copies without a place to everybody who reads the report, the file to its sides."""

import re
from hashlib import sha256

from tests.inspections.phone import Yard
from tests.inspections.test_files import proof_of, put_document
from tests.people import Json, Person, World
from tests.shots import field, located, seen, sent
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service.staff import appoint
from votremachine.infra.database import Database

PHOTO = field(2000, 1500)
FROM_A_PHONE = sent(PHOTO, exif=located(PHOTO))


async def shown(yard: Yard, who: Person, inspection: str) -> Json:
    (photo,) = (await who.get(f"/inspections/{inspection}")).json()["photos"]
    return photo


async def of_a_phone(yard: Yard) -> str:
    view = await yard.sent(yard.report(photos=[FROM_A_PHONE]))
    assert (await yard.put(view["id"], FROM_A_PHONE)).is_success
    return str(view["id"])


async def test_a_phone_with_a_bad_signal_gets_what_fits_its_screen(yard: Yard) -> None:
    photo = await shown(yard, yard.renter, await of_a_phone(yard))
    assert photo["url"] == photo["copies"][-1]["url"]
    for one in photo["copies"]:
        answer = await yard.renter.http.get(one["url"])
        assert answer.is_success, answer.text
        assert seen(answer.content).width == one["width"]
        assert not seen(answer.content).getexif()
    smallest = await yard.renter.http.get(photo["copies"][0]["url"])
    assert len(smallest.content) * 5 < len(FROM_A_PHONE)


async def test_the_original_is_for_the_sides_to_the_byte(world: World, yard: Yard, database: Database) -> None:
    inspection = await of_a_phone(yard)
    for person in (yard.owner, yard.renter):
        photo = await shown(yard, person, inspection)
        assert sha256((await person.http.get(photo["original_url"])).content).hexdigest() == photo["sha256"]
    staff = await world.farmer("support@x.example", "Support")
    async with database.begin() as tx:
        await appoint(tx, staff.email, StaffRole.SUPPORT)
    photo = await shown(yard, staff, inspection)
    assert photo["original_url"] is None
    assert (await staff.http.get(photo["url"])).is_success
    for path in (f"/bookings/{yard.booking}/inspections", f"/bookings/{yard.booking}/inspections/comparison"):
        assert '"original_url":"' not in (await staff.get(path)).text, path


async def test_an_address_is_of_one_size_of_one_photo(yard: Yard) -> None:
    """Whoever has the address of a copy has neither the file nor another photo by it."""
    first, second = [await shown(yard, yard.owner, await of_a_phone(yard)) for _ in range(2)]
    path, _, query = first["url"].partition("?")
    for wrong in (
        path.removesuffix("/1600.webp"),
        path.replace("1600", "320"),
        path.replace("1600.webp", "original"),
        second["url"].partition("?")[0],
    ):
        answer = await yard.owner.http.get(f"{wrong}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (403, "link_expired"), wrong
    changed = re.sub(r"expires=\d+", "expires=99999999999", first["url"])
    assert (await yard.owner.http.get(changed)).status_code == 403


async def test_a_photographed_policy_does_not_tell_where_the_renter_lives(yard: Yard) -> None:
    proof = await proof_of(yard.renter)
    kept = (await put_document(yard.renter, proof, FROM_A_PHONE)).json()
    assert (await yard.renter.http.get(kept["original_url"])).content == FROM_A_PHONE
    lent_to = (await yard.owner.get(f"/bookings/{yard.booking}/insurance")).json()["proof"]
    assert lent_to["original_url"] is None
    assert not seen((await yard.owner.http.get(lent_to["url"])).content).getexif()
