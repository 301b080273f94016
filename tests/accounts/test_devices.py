"""The devices on which a person is signed in, and signing them out."""

from uuid import uuid4

import httpx

from tests.people import PASSWORD, Json, Person, World

CLAIRE = "claire@ferme.example"


async def on(http: httpx.AsyncClient, device: str) -> Person:
    body = {"email": CLAIRE, "password": PASSWORD}
    pair = await http.post("/v1/auth/login", json=body, headers={"User-Agent": device})
    return Person(http, CLAIRE, pair.json()["access_token"])


async def listed(person: Person) -> Json:
    return {one["device"]: one for one in (await person.get("/me/sessions")).json()}


async def test_each_device_is_listed_and_one_is_this_one(http: httpx.AsyncClient, world: World) -> None:
    await world.person(CLAIRE)
    phone, tablet = await on(http, "Votremachine/1 Android"), await on(http, "Firefox \x07" + "x" * 500)
    devices = await listed(phone)
    assert len(devices) == 3, "the one that registered too"
    assert [name for name, one in devices.items() if one["current"]] == ["Votremachine/1 Android"]
    (long,) = [name for name in devices if name.startswith("Firefox")]
    assert "\x07" not in long
    assert len(long) <= 200
    assert (await listed(tablet))[long]["current"]


async def test_one_is_signed_out_at_once(http: httpx.AsyncClient, world: World) -> None:
    await world.person(CLAIRE)
    phone, tablet = await on(http, "phone"), await on(http, "tablet")
    assert (await phone.ask("DELETE", f"/me/sessions/{(await listed(phone))['tablet']['id']}")).status_code == 204
    assert (await tablet.get("/me")).status_code == 401
    assert (await phone.get("/me")).status_code == 200


async def test_all_others_are_signed_out_at_once(http: httpx.AsyncClient, world: World) -> None:
    first = await world.person(CLAIRE)
    phone, tablet = await on(http, "phone"), await on(http, "tablet")
    assert (await phone.ask("DELETE", "/me/sessions")).status_code == 204
    assert [(await one.get("/me")).status_code for one in (first, phone, tablet)] == [401, 200, 401]


async def test_somebody_elses_device_is_unknown(http: httpx.AsyncClient, world: World, owner: Person) -> None:
    await world.person(CLAIRE)
    phone = await on(http, "phone")
    for session in ((await listed(phone))["phone"]["id"], uuid4()):
        refused = await owner.ask("DELETE", f"/me/sessions/{session}")
        assert (refused.status_code, refused.json()["code"]) == (404, "unknown_session")
    assert (await phone.get("/me")).status_code == 200


async def test_a_new_password_signs_out_the_other_devices_and_needs_the_old_one(
    http: httpx.AsyncClient, world: World
) -> None:
    await world.person(CLAIRE)
    phone, tablet = await on(http, "phone"), await on(http, "tablet")
    for current in ({}, {"current": "not the password"}):
        refused = await phone.ask("PUT", "/me/password", {"password": "a new password", **current})
        assert (refused.status_code, refused.json()["code"]) == (403, "prove_it_is_you")
    done = await phone.ask("PUT", "/me/password", {"password": "a new password", "current": PASSWORD})
    assert done.status_code == 204
    assert [(await one.get("/me")).status_code for one in (phone, tablet)] == [200, 401]
    old = await http.post("/v1/auth/login", json={"email": CLAIRE, "password": PASSWORD})
    assert old.status_code == 401


async def test_a_name_and_a_language_are_changed(world: World) -> None:
    claire = await world.person(CLAIRE)
    changed = (await claire.ask("PATCH", "/me", {"name": "Claire Lafitte", "language": "en"})).json()
    assert (changed["name"], changed["language"]) == ("Claire Lafitte", "en")
    assert (await claire.get("/me")).json() == changed
    for wrong in ({"staff": "support"}, {"email": "x@x.example"}, {"id": str(uuid4())}, {"name": ""}):
        assert (await claire.ask("PATCH", "/me", wrong)).status_code == 422
    assert (await claire.get("/me")).json() == changed


async def test_a_wrong_password_is_wrong_although_a_code_was_just_entered(world: World) -> None:
    claire = await world.person(CLAIRE)
    change = {"password": "a new password"}
    refused = await claire.ask("PUT", "/me/password", {**change, "current": "not the password"})
    assert (refused.status_code, refused.json()["code"]) == (403, "prove_it_is_you")
    assert (await claire.ask("PUT", "/me/password", change)).status_code == 204
