"""Quotes and photos: checked by what they are, kept once, served by an address that expires, never run."""

import httpx
import pytest

from tests.damages.conftest import Yard
from tests.inspections.test_files import PDF_THAT_RUNS
from tests.people import Json, Person, World
from tests.shots import field, located, seen, sent
from votremachine.damages.rules.evidence import LARGEST_BYTES


async def send(who: Person, claim: Json, content: bytes) -> httpx.Response:
    headers = {"Authorization": f"Bearer {who.token}", "Content-Type": "text/plain"}
    return await who.http.post(f"/v1/claims/{claim['id']}/evidence", content=content, headers=headers)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty_file"),
        (b"<html><script>alert(1)</script>", 422, "not_a_document"),
        (b"%PDF-1.7\nno end", 422, "not_a_document"),
        (b"PK\x03\x04" + bytes(2_000), 422, "not_a_document"),
        (bytes(LARGEST_BYTES + 1), 413, "body_too_large"),
    ],
    ids=["empty", "html", "cut pdf", "zip", "too large"],
)
async def test_what_is_no_document_is_refused_and_kept_nowhere(
    content: bytes, status: int, code: str, yard: Yard, renter: Person, tractor: str
) -> None:
    claim = await yard.claim(await yard.back(tractor))
    answer = await send(renter, claim, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await renter.get(f"/claims/{claim['id']}")).json()["evidence"] == []


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
