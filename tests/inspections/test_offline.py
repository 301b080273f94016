"""A phone that was offline: reports and photos in any order, in parts, more than once, come to the same."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.inspections.phone import Yard, fresh_id, hash_of, hashed, photo, soon
from tests.people import Json, Person, World
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.storage import ledger
from votremachine.infra.storage.files import Files
from votremachine.inspections.jobs import purge_waiting_photos
from votremachine.inspections.rules import photos as photo_rules
from votremachine.inspections.rules.photos import file_name

SHOTS = [photo(number) for number in range(3)]
# What a phone has to send: the report, and each of its photos.
PARCELS = [None, *SHOTS]
STORED = sa.text(
    """
    SELECT (SELECT count(*) FROM inspections WHERE id = :id) AS reports,
           (SELECT count(*) FROM inspection_photos WHERE inspection_id = :id AND file_id IS NOT NULL) AS photos,
           (SELECT count(*) FROM waiting_photos WHERE inspection_id = :id) AS waiting,
           (SELECT count(*) FROM outbox WHERE name = 'InspectionToSign' AND body->>'inspection_id' = :text) AS told
    """
)


async def stored(database: Database, inspection: str) -> tuple[Any, ...]:
    async with database.read() as tx:
        row = (await tx.execute(STORED, {"id": UUID(inspection), "text": inspection})).one()
    return tuple(row)


def without_addresses(view: Json) -> Json:
    """Addresses of photos change with the quarter of an hour."""
    return view | {"photos": [shot | {"url": bool(shot["url"])} for shot in view["photos"]]}


@examples(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_whatever_comes_when_it_is_the_same_report(data: st.DataObject, yard: Yard, database: Database) -> None:
    """Every parcel at least once, some again, in any order: one row, one answer."""
    again = data.draw(st.lists(st.sampled_from(range(len(PARCELS))), max_size=3))
    order = data.draw(st.permutations([*range(len(PARCELS)), *again]))
    report = yard.report(photos=SHOTS)
    for which in order:
        parcel = PARCELS[which]
        answer = await (yard.send(report) if parcel is None else yard.put(report["id"], parcel))
        assert answer.is_success, answer.text
        if parcel is not None:
            assert answer.json() == {"inspection_id": report["id"], "sha256": hashed(parcel)}
    shown = without_addresses((await yard.owner.get(f"/inspections/{report['id']}")).json())
    assert without_addresses((await yard.send(report)).json()) == shown, "sent once more"
    assert shown["state"] == "complete"
    assert [one["sha256"] for one in shown["photos"]] == [hashed(one) for one in SHOTS]
    assert await stored(database, report["id"]) == (1, 3, 0, 1)


# Refused for now: what it waits for is still in the phone, and it is sent again after that.
NOT_YET = {"unknown_inspection", "inspection_incomplete", "owner_signs_last", "inspection_not_now", "not_to_be_amended"}


@examples(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_reports_photos_signatures_and_amendments_come_in_any_order(
    data: st.DataObject, world: World, owner: Person, renter: Person
) -> None:
    """A phone that sends what it has, again what was refused, and some of it twice, ends with the same chain."""
    machine = await world.machine(owner)
    yard = Yard(owner, renter, machine, (await renter.booked([machine], *soon()))["id"])
    out = yard.report(photos=SHOTS[:2])
    amended = yard.report("amendment", amends=out["id"], why="Vu après", photos=SHOTS[2:])
    parcels: dict[str, Callable[[], Awaitable[httpx.Response]]] = {}
    for name, report, shots in (("out", out, SHOTS[:2]), ("amended", amended, SHOTS[2:])):
        parcels[name] = partial(yard.send, report)
        signed = {"id": report["id"], "content_hash": hash_of(report, yard.booking)}
        for side, who in (("renter", renter), ("owner", owner)):
            parcels[f"{name} {side}"] = partial(yard.sign, signed, side, who)
        for number, shot in enumerate(shots):
            parcels[f"{name} photo {number}"] = partial(yard.put, report["id"], shot)
    again = data.draw(st.lists(st.sampled_from(sorted(parcels)), max_size=3))
    waiting = data.draw(st.permutations([*parcels, *again]))
    for _ in parcels:
        answers = [(name, await parcels[name]()) for name in waiting]
        refused = [(name, answer.json()["code"]) for name, answer in answers if not answer.is_success]
        assert {code for _, code in refused} <= NOT_YET, refused
        waiting = [name for name, _ in refused]
    assert not waiting
    views = [(await owner.get(f"/inspections/{one['id']}")).json() for one in (out, amended)]
    assert [(one["state"], one["sequence"]) for one in views] == [("signed", 1), ("signed", 2)]
    assert all(len(one["signatures"]) == 2 for one in views)
    assert all(shot["url"] for one in views for shot in one["photos"])
    assert await yard.state() == "in_use"
    told = (await owner.get(f"/machines/{machine}/inspections/verification?photos=true")).json()
    assert (told["holds"], told["reports"], told["photos_read"]) == (True, 2, 3)


async def test_all_at_once_is_one_report(yard: Yard, database: Database) -> None:
    """The report and its photos race: none waits for the other for ever."""
    for _ in range(3):
        report = yard.report(photos=SHOTS)
        sending = [yard.send(report) for _ in range(2)] + [yard.put(report["id"], one) for one in SHOTS for _ in (1, 2)]
        answers = await asyncio.gather(*sending)
        assert all(one.is_success for one in answers), [one.text for one in answers]
        assert await stored(database, report["id"]) == (1, 3, 0, 1)


async def test_the_same_id_with_something_else_is_refused(yard: Yard) -> None:
    report = yard.report()
    view = await yard.sent(report)
    for change in ({"notes": "x"}, {"fuel_eighths": 1}, {"kind": "check_in"}):
        answer = await yard.send(report | change)
        assert (answer.status_code, answer.json()["code"]) == (409, "inspection_differs"), change
    assert (await yard.owner.get(f"/inspections/{report['id']}")).json() == view


async def test_the_same_report_in_another_offset_is_the_same(yard: Yard) -> None:
    report = yard.report()
    view = await yard.sent(report)
    elsewhere = report["made_at"].replace("+00:00", "Z")
    assert (await yard.sent(report | {"made_at": elsewhere}))["content_hash"] == view["content_hash"]


async def test_a_photo_of_somebody_else_does_not_get_into_a_report(yard: Yard, database: Database) -> None:
    """Who learns of an id before its report is there cannot put a photo under it."""
    report = yard.report(photos=SHOTS[:1])
    assert (await yard.put(report["id"], SHOTS[0], yard.renter)).is_success
    assert (await yard.sent(report))["state"] == "draft"
    assert await stored(database, report["id"]) == (1, 0, 1, 0)
    assert (await yard.put(report["id"], SHOTS[0])).is_success
    assert await stored(database, report["id"]) == (1, 1, 1, 1)


async def test_so_many_photos_of_one_person_wait_and_no_more(
    yard: Yard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However they are spread over reports that never came; what is there already is not counted again."""
    monkeypatch.setattr(photo_rules, "MOST_WAITING", 2)
    reports = [yard.report(photos=SHOTS[:1]) for _ in range(3)]
    sent = [(await yard.put(one["id"], SHOTS[0])).status_code for one in reports[:2]]
    full = await yard.put(reports[2]["id"], SHOTS[0])
    assert (sent, full.status_code, full.json()["code"]) == ([200, 200], 409, "too_many_waiting")
    assert (await yard.put(reports[0]["id"], SHOTS[0])).is_success
    assert (await yard.put(reports[2]["id"], SHOTS[0], yard.renter)).is_success, "others have room of their own"
    assert (await yard.sent(reports[0]))["state"] == "complete"
    assert (await yard.put(reports[2]["id"], SHOTS[0])).is_success, "there is room again"
    assert len(await waiting(database)) == 3


async def test_a_photo_that_nobody_announced_is_refused(yard: Yard) -> None:
    view = await yard.sent(yard.report(photos=SHOTS[:1]))
    answer = await yard.put(view["id"], SHOTS[1])
    assert (answer.status_code, answer.json()["code"]) == (422, "photo_not_announced")


async def test_a_key_gets_the_first_answer_again(yard: Yard) -> None:
    report = yard.report(photos=SHOTS[:1])
    first = await yard.send(report, Idempotency_Key="k")
    await yard.put(report["id"], SHOTS[0])
    again = await yard.send(report, Idempotency_Key="k")
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.parametrize("version", [1, 4])
async def test_an_id_that_does_not_tell_its_time_is_refused(yard: Yard, version: int) -> None:
    wrong = fresh_id()
    answer = await yard.send(yard.report(id=f"{wrong[:14]}{version}{wrong[15:]}"))
    assert (answer.status_code, answer.json()["code"]) == (422, "not_uuid7")


async def test_a_photo_whose_report_never_comes_is_let_go_after_a_month(
    yard: Yard, database: Database, settings: Settings
) -> None:
    report = yard.report(photos=SHOTS[:1])
    assert (await yard.put(report["id"], SHOTS[0])).is_success
    (kept,) = await waiting(database)
    file = settings.var_dir / "files" / file_name(kept)
    assert await purge_waiting_photos({"database": database}) == 0
    assert file.exists()
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE waiting_photos SET received_at = received_at - interval '31 days'"))
    files = Files(settings.storage_url, settings.var_dir / "files")
    assert await purge_waiting_photos({"database": database}) == 1
    assert await ledger.sweep(database, files) == 1
    files.close()
    assert (await waiting(database), file.exists()) == ([], False)


async def waiting(database: Database) -> list[UUID]:
    async with database.read() as tx:
        return [row.file_id for row in await tx.rows(sa.text("SELECT file_id FROM waiting_photos"))]
