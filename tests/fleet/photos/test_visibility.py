"""Whose photos are seen by whom."""

from tests.fleet.photos.conftest import Owner, Worker
from tests.people import Person, World
from tests.shots import different, field, sent
from tests.statements import Statements


async def test_a_drafts_photos_are_its_owners_alone(
    world: World, owner: Person, renter: Person, worker: Worker
) -> None:
    camera = Owner(owner, await world.machine(owner, listed=False))
    photo = await camera.added(sent(field()))
    await worker.make_copies()
    (shown,) = await camera.photos()
    url = shown["copies"][0]["url"].removeprefix("/v1")
    assert (await owner.get(url)).status_code == 200
    for method, path, code in (
        ("GET", camera.path, "unknown_machine"),
        ("GET", url, "unknown_photo"),
        ("DELETE", f"/photos/{photo['id']}", "unknown_photo"),
    ):
        answer = await renter.ask(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
        assert (await renter.http.request(method, f"/v1{path}")).status_code == 401
    tag = (await owner.get(url)).headers["ETag"]
    assert (await renter.get(url, If_None_Match=tag)).status_code == 404
    await owner.made(f"/machines/{camera.machine}/publish")
    assert (await renter.get(url)).status_code == 200
    assert (await renter.ask("DELETE", f"/photos/{photo['id']}")).status_code == 403
    assert (await owner.get(url)).status_code == 200


async def test_what_is_not_ready_is_shown_to_the_owner_alone(camera: Owner, renter: Person, worker: Worker) -> None:
    waiting = await camera.added(different(1))
    assert (await renter.get(camera.path)).json() == []
    assert [photo["state"] for photo in await camera.photos()] == ["pending"]
    assert (await renter.get(f"/photos/{waiting['id']}/320.webp")).status_code == 404
    await worker.make_copies()
    assert [photo["id"] for photo in (await renter.get(camera.path)).json()] == [waiting["id"]]


async def test_only_the_copies_have_an_address(camera: Owner, worker: Worker) -> None:
    photo = await camera.added(different(1))
    await worker.make_copies()
    assert (await camera.person.get(f"/photos/{photo['id']}/320.webp")).status_code == 200
    # 40 pixels wide, it has no wider copy; and nothing but its copies is served.
    for file in ("800.webp", "1600.webp", "0.webp", "0320.webp", "320.png", "original", "..%2f..%2foriginal"):
        answer = await camera.person.get(f"/photos/{photo['id']}/{file}")
        assert (answer.status_code, answer.json()["code"][:8]) == (404, "unknown_"), file


async def test_a_deleted_photo_is_gone_with_its_files(camera: Owner, worker: Worker) -> None:
    photo = await camera.added(sent(field()))
    await worker.make_copies()
    url = (await camera.photos())[0]["copies"][0]["url"].removeprefix("/v1")
    assert (await camera.person.ask("DELETE", f"/photos/{photo['id']}")).status_code == 204
    assert await camera.photos() == []
    assert (await camera.person.get(url)).status_code == 404
    again = await camera.person.ask("DELETE", f"/photos/{photo['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_photo")
    # What was sent, and two copies.
    assert await worker.sweep() == 3


async def test_four_photos_take_no_more_statements_than_one(
    camera: Owner, worker: Worker, renter: Person, statements: Statements
) -> None:
    counts = []
    for numbers in ([1], range(2, 5)):
        for number in numbers:
            await camera.added(different(number))
        await worker.make_copies()
        statements.sent.clear()
        assert len((await renter.get(camera.path)).json()) == max(numbers)
        counts.append(len(statements.asked))
    # Who asks, the machine, its photos.
    assert counts == [3, 3]
