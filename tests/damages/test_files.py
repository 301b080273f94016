"""Quotes and photos: checked by what they are, kept once, served by an address that expires, never run."""

from hashlib import sha256

import httpx
import pytest
import sqlalchemy as sa

from tests.damages.conftest import Yard
from tests.inspections.test_files import NOT_EVEN_IMAGES, PDF_THAT_RUNS
from tests.people import Json, Person, World
from tests.shots import field, located, seen, sent
from votremachine.damages.rules.evidence import LARGEST_BYTES
from votremachine.damages.service import evidence
from votremachine.infra.database import Database

STORED = sa.text("SELECT count(*) FROM claim_evidence"), sa.text("SELECT count(*) FROM doomed_files")


async def send(who: Person, claim: Json, content: bytes, query: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {who.token}", "Content-Type": "text/plain", "Accept-Language": "en"}
    return await who.http.post(f"/v1/claims/{claim['id']}/evidence{query}", content=content, headers=headers)


async def stored(database: Database) -> list[int]:
    """How many files claims have, and how many wait to be deleted."""
    async with database.read() as tx:
        return [int((await tx.execute(question)).scalar_one()) for question in STORED]


TRAPS = {name: (content, 422, code or "not_a_document") for name, (content, code) in NOT_EVEN_IMAGES.items()} | {
    "cut pdf": (b"%PDF-1.7\nno end", 422, "not_a_document"),
    "zip named pdf": (b"PK\x03\x04%PDF-1.7\n%%EOF", 422, "not_a_document"),
    "too large": (bytes(LARGEST_BYTES + 1), 413, "body_too_large"),
}


@pytest.mark.parametrize("trap", TRAPS)
async def test_what_is_no_document_is_refused_and_kept_nowhere(
    trap: str, yard: Yard, renter: Person, tractor: str, database: Database
) -> None:
    content, status, code = TRAPS[trap]
    claim = await yard.claim(await yard.back(tractor))
    answer = await send(renter, claim, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await renter.get(f"/claims/{claim['id']}")).json()["evidence"] == []
    assert await stored(database) == [0, 0]


async def test_a_file_that_is_not_the_announced_one_is_refused(
    yard: Yard, owner: Person, tractor: str, database: Database
) -> None:
    claim = await yard.claim(await yard.back(tractor))
    right = sha256(PDF_THAT_RUNS).hexdigest()
    for content in (PDF_THAT_RUNS.replace(b"1.7", b"1.6"), sent(field())):
        answer = await send(owner, claim, content, f"?sha256={right}")
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_hash")
        assert answer.json()["sha256"] == sha256(content).hexdigest()
    assert (await send(owner, claim, b"", f"?sha256={right}")).json()["code"] == "empty_file"
    for name in ("x", right.upper(), right[:-1]):
        assert (await send(owner, claim, PDF_THAT_RUNS, f"?sha256={name}")).json()["code"] == "not_a_sha256"
    assert await stored(database) == [0, 0]
    kept = await send(owner, claim, PDF_THAT_RUNS, f"?sha256={right}")
    assert (kept.status_code, kept.json()["sha256"]) == (201, right)


async def test_a_pdf_that_runs_is_kept_once_and_only_ever_saved(
    yard: Yard, world: World, renter: Person, owner: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor))
    first, again = [await send(owner, claim, PDF_THAT_RUNS) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (await send(renter, claim, sent(field()))).status_code == 201
    stranger = await world.farmer("stranger@x.example", "Ailleurs")
    assert (await send(stranger, claim, PDF_THAT_RUNS)).status_code == 404
    shown = (await renter.get(f"/claims/{claim['id']}")).json()["evidence"]
    assert [(one["side"], one["media_type"]) for one in shown] == [
        ("owner", "application/pdf"),
        ("renter", "image/jpeg"),
    ]
    served = await renter.http.get(shown[0]["url"])
    assert served.content == PDF_THAT_RUNS
    assert served.headers["Content-Type"] == "application/octet-stream"
    assert served.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in served.headers["Content-Security-Policy"]
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    for wrong in (shown[0]["url"][:-2], shown[0]["url"].replace("expires=", "expires=9")):
        assert (await renter.http.get(wrong)).status_code == 403


async def test_nothing_is_added_to_a_claim_that_is_over(yard: Yard, owner: Person, tractor: str) -> None:
    claim = await yard.claim(await yard.back(tractor))
    await yard.said(owner, claim, "withdraw", {})
    answer = await send(owner, claim, PDF_THAT_RUNS)
    assert (answer.status_code, answer.json()["code"]) == (409, "claim_over")


async def test_each_side_shows_so_many_files_and_no_more(
    yard: Yard, owner: Person, renter: Person, tractor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MOST_FILES", 2)
    claim = await yard.claim(await yard.back(tractor))
    files = [PDF_THAT_RUNS.replace(b"1.7", b"1.%d" % version) for version in range(3)]
    answers = [await send(owner, claim, file) for file in files]
    assert [one.status_code for one in answers] == [201, 201, 409]
    assert answers[2].json()["code"] == "too_much_evidence"
    assert (await send(owner, claim, files[1])).status_code == 200, "what is there is not one more"
    assert (await send(renter, claim, files[2])).status_code == 201


async def test_a_picture_is_shown_small_and_saved_whole_by_the_sides_alone(
    yard: Yard, owner: Person, renter: Person, mediator: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor))
    image = field(2000, 1500)
    picture = sent(image, exif=located(image))
    assert (await send(owner, claim, picture)).status_code == 201
    for side in (owner, renter):
        (shown,) = (await side.get(f"/claims/{claim['id']}")).json()["evidence"]
        saved = await side.http.get(shown["original_url"])
        assert saved.content == picture
        assert saved.headers["Content-Disposition"].startswith("attachment;")
    (shown,) = (await mediator.get(f"/claims/{claim['id']}")).json()["evidence"]
    assert shown["original_url"] is None
    assert [one["width"] for one in shown["copies"]] == [320, 800, 1600]
    for one in shown["copies"]:
        copy = (await mediator.http.get(one["url"])).content
        assert seen(copy).width == one["width"]
        assert not seen(copy).getexif()


async def test_a_file_of_one_claim_is_none_of_another(
    yard: Yard, world: World, owner: Person, renter: Person, tractor: str
) -> None:
    """Between the same two farms, with the same content even."""
    first = await yard.claim(await yard.back(tractor))
    kept = await send(owner, first, PDF_THAT_RUNS)
    second = await yard.claim(await yard.back(await world.machine(owner)))
    assert (await renter.get(f"/claims/{second['id']}")).json()["evidence"] == []
    again = await send(owner, second, PDF_THAT_RUNS)
    assert again.status_code == 201, "it is new there"
    assert again.json()["id"] != kept.json()["id"]
    for claim, file in ((first, kept), (second, again)):
        shown = (await renter.get(f"/claims/{claim['id']}")).json()["evidence"]
        assert [one["id"] for one in shown] == [file.json()["id"]]
    await yard.said(owner, second, "withdraw", {})
    assert (await send(owner, second, sent(field()))).json()["code"] == "claim_over"
    assert (await send(owner, first, sent(field()))).status_code == 201, "the other one goes on"
