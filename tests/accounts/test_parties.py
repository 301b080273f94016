"""Parties as the law knows them, and membership of a cooperative."""

import asyncio

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.keys import Keys, Seal

IBAN = "FR7630006000011234567890189"
WHOLE = {
    "legal_name": "EARL du Marsan",
    "siret": "552 008 443 00012",
    "vat_number": "FR 19 552008443",
    "street": "12 chemin des Pins",
    "postcode": "40000",
    "language": "en",
}


async def edit(person: Person, party: str, change: Json) -> Json:
    before = await person.get(f"/parties/{party}/details")
    return await person.ask("PATCH", f"/parties/{party}", change, If_Match=before.headers["ETag"])


async def test_a_party_as_its_own_people_see_it(owner: Person, renter: Person) -> None:
    changed = await edit(owner, owner.party_id, WHOLE)
    assert changed.status_code == 200, changed.text
    told = (await owner.get(f"/parties/{owner.party_id}/details")).json()
    assert told == changed.json()
    assert (told["siren"], told["siret"], told["vat_number"]) == ("552008443", "55200844300012", "FR19552008443")
    assert (told["legal_name"], told["postcode"], told["version"]) == ("EARL du Marsan", "40000", 2)
    public = await renter.get(f"/parties/{owner.party_id}")
    assert set(public.json()) == {"id", "kind", "name", "commune"}


async def test_an_empty_number_is_taken_away_and_what_is_left_out_stays(owner: Person) -> None:
    await edit(owner, owner.party_id, WHOLE)
    told = (await edit(owner, owner.party_id, {"vat_number": "", "name": "Marsan"})).json()
    assert (told["vat_number"], told["siren"], told["name"]) == (None, "552008443", "Marsan")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"siren": "123456789"}, "bad_siren"),
        ({"siret": "55200844300013"}, "bad_siret"),
        ({"vat_number": "FR00552008443"}, "bad_vat_number"),
        ({"siren": "732829320", "siret": "55200844300012"}, "other_siren"),
        ({"siren": "732829320", "vat_number": "FR19552008443"}, "other_siren"),
        ({"siren": "5520<script>"}, "invalid_input"),
        ({"language": "de"}, "invalid_input"),
        ({"demo": True}, "invalid_input"),
        ({"kind": "cooperative"}, "invalid_input"),
        ({"iban_masked": "x"}, "invalid_input"),
    ],
)
async def test_what_is_wrong_changes_nothing(change: Json, code: str, owner: Person) -> None:
    before = (await owner.get(f"/parties/{owner.party_id}/details")).json()
    refused = await edit(owner, owner.party_id, change)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await owner.get(f"/parties/{owner.party_id}/details")).json() == before


async def test_two_who_change_a_party_do_not_overwrite_each_other(owner: Person) -> None:
    path = f"/parties/{owner.party_id}"
    tag = (await owner.get(f"{path}/details")).headers["ETag"]
    both = await asyncio.gather(*(owner.ask("PATCH", path, {"name": name}, If_Match=tag) for name in ("A", "B")))
    assert sorted(one.status_code for one in both) == [200, 412]
    assert (await owner.ask("PATCH", path, {"name": "C"})).status_code == 428


async def test_an_iban_is_kept_sealed_and_shown_by_its_ends(
    owner: Person, database: Database, settings: Settings
) -> None:
    told = await owner.ask("PUT", f"/parties/{owner.party_id}/iban", {"iban": "FR76 3000 6000 0112 3456 7890 189"})
    assert (told.status_code, told.json()["iban"]) == (200, "FR76 … 0189")
    async with database.read() as tx:
        kept = (await tx.rows(sa.text("SELECT * FROM parties WHERE iban_sealed IS NOT NULL")))[0]
        log = str(await tx.rows(sa.text("SELECT * FROM audit_log")))
    assert IBAN not in str(kept)
    assert IBAN[4:-4] not in log
    assert Seal(Keys(settings.secret), "ibans").open(kept.iban_sealed) == IBAN
    wrong = await owner.ask("PUT", f"/parties/{owner.party_id}/iban", {"iban": IBAN[:-1] + "0"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_iban")
    gone = await owner.ask("PUT", f"/parties/{owner.party_id}/iban", {"iban": ""})
    assert (gone.status_code, gone.json()["iban"]) == (200, None)


async def test_a_farm_joins_a_cooperative_by_request_and_approval(world: World, renter: Person) -> None:
    cuma = await world.farmer("cuma@x.example", "CUMA du Luy", kind="cooperative")
    members = f"/parties/{cuma.party_id}/members"
    asked = await renter.made(members, {"party_id": renter.party_id})
    assert asked["approved"] is False
    assert (await renter.post(f"{members}/{renter.party_id}/approve")).status_code == 404, "nobody admits themselves"
    assert (await cuma.made(f"{members}/{renter.party_id}/approve"))["approved"] is True
    assert (await renter.made(members, {"party_id": renter.party_id}))["approved"] is True
    listed = (await cuma.get(members)).json()["items"]
    assert [(one["party"]["id"], one["approved"]) for one in listed] == [(renter.party_id, True)]
    tractor = await world.machine(cuma)
    assert tractor
    assert (await renter.ask("DELETE", f"{members}/{renter.party_id}")).status_code == 204
    assert (await cuma.get(members)).json()["items"] == []
    assert (await cuma.ask("DELETE", f"{members}/{renter.party_id}")).status_code == 404


async def test_the_members_of_a_cooperative_come_in_pages(world: World) -> None:
    cuma = await world.farmer("cuma@x.example", "CUMA du Luy", kind="cooperative")
    for number in range(3):
        farm = await world.farmer(f"farm{number}@x.example", f"Ferme {number}")
        await farm.made(f"/parties/{cuma.party_id}/members", {"party_id": farm.party_id})
    seen, cursor = [], ""
    for _ in range(3):
        page = (await cuma.get(f"/parties/{cuma.party_id}/members?limit=1{cursor}")).json()
        seen += [one["party"]["id"] for one in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert seen == sorted(set(seen))
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("language", "said"), [("fr", "Le texte n'a pas la forme"), ("en", "The text is not of the form")]
)
async def test_no_regular_expression_is_shown_to_people(language: str, said: str, owner: Person) -> None:
    tag = (await owner.get(f"/parties/{owner.party_id}/details")).headers["ETag"]
    change = {"name": "a\u202eb"}
    refused = await owner.ask("PATCH", f"/parties/{owner.party_id}", change, If_Match=tag, Accept_Language=language)
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "/name"
    assert error["detail"].startswith(said)
    assert "^" not in error["detail"]
