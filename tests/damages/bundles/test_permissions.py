"""Who gets the bundle of a claim, and who is not even told that there is one."""

from io import BytesIO

import pytest
from litestar import Litestar
from PIL import Image

from tests.damages.bundles.conftest import QUOTE, Case, digest, provided, scene
from tests.people import Person, World
from tests.shots import located, sent
from votremachine.accounts.limits import BUNDLES
from votremachine.accounts.routes.reading import Turnstile
from votremachine.damages.bundles import routes
from votremachine.infra.limits import Limit


async def test_nobody_else_gets_it(case: Case, world: World, owner: Person, renter: Person) -> None:
    past = await world.farmer("past@x.example", "Ferme d'avant")
    cuma = await world.farmer("cuma@x.example", "CUMA des Pins", kind="cooperative")
    other = await world.farmer("other@x.example", "CUMA d'ailleurs", kind="cooperative")
    for farm in (owner, renter):
        await farm.made(f"/parties/{cuma.party_id}/members", {"party_id": farm.party_id})
        await cuma.made(f"/parties/{cuma.party_id}/members/{farm.party_id}/approve")
    await case.claimed()
    for who in (past, cuma, other):
        answer = await case.asked(who)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_claim")
    nobody = await owner.http.get(f"/v1/claims/{case.claim['id']}/bundle")
    assert nobody.status_code == 401
    await case.says(renter, "escalate", {})
    assert (await case.asked(cuma)).status_code == 200, "it is theirs to decide now"
    assert (await case.asked(other)).status_code == 404
    await case.says(cuma, "decide", {"minor": 1, "reason": "Presque rien."})
    await case.yard.work()
    assert (await case.asked(cuma)).status_code == 404, "no longer"


async def test_who_mediates_sees_photos_without_what_the_camera_wrote_into_them(
    case: Case, owner: Person, renter: Person, mediator: Person
) -> None:
    image = Image.open(BytesIO(scene(9)))
    placed = sent(image, exif=located(image))
    case.photos = [placed, scene(1)]
    await case.claimed()
    await case.shows(owner, QUOTE)
    theirs, ours = await case.exported(mediator), await case.exported(renter)
    assert placed in ours.files.values()
    assert not any(b"Votrephone" in content for content in theirs.files.values())
    name = f"photos/m1-0001-depart/01-{digest(placed)[:12]}"
    told = {one["path"]: one for one in theirs.manifest["files"]}[f"{name}.copie.webp"]
    assert (told["status"], told["expected"]) == ("copy", digest(placed))
    assert QUOTE in theirs.files.values(), "a quote is read by whoever decides"
    assert digest(placed)[:32] in theirs.text
    assert "the originals are given to the two sides" in theirs.text
    assert ours.answer.headers["ETag"] != theirs.answer.headers["ETag"]


async def test_so_many_are_built_in_an_hour_and_what_is_unchanged_costs_nothing(
    app: Litestar, case: Case, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BUNDLES.amount >= 10, "a phone that lost its signal asks again"
    case.claim = await case.yard.claim(await case.yard.back(case.machine))
    turnstile: Turnstile = provided(app, "turnstile")
    monkeypatch.setattr(turnstile._limits, "_factor", 1)
    monkeypatch.setattr(routes, "BUNDLES", Limit("bundles-of-a-test", 1, 60))
    first = await case.asked(owner)
    assert "bundles-of-a-test" in first.headers["RateLimit"]
    for _ in range(2):
        unchanged = await case.asked(owner, If_None_Match=first.headers["ETag"])
        assert unchanged.status_code == 304
    again = await case.asked(owner)
    assert (again.status_code, again.json()["code"]) == (429, "too_many_requests")
