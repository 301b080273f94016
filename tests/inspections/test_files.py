"""Files that are not what they should be are refused with their reason, and leave neither row nor file behind."""

from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import sqlalchemy as sa

from tests.inspections.phone import Yard, hashed, photo
from tests.people import Json, Person, World, at
from tests.shots import bomb, field, sent
from votremachine.infra.database import Database

LEFT = sa.text(
    """
    SELECT (SELECT count(*) FROM inspection_photos WHERE file_id IS NOT NULL)
           + (SELECT count(*) FROM insurance_proofs WHERE file_id IS NOT NULL) AS kept,
           (SELECT count(*) FROM doomed_files) AS doomed
    """
)
PDF_THAT_RUNS = (
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def zip_bomb() -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as packed:
        packed.writestr("x", bytes(10_000_000))
    return file.getvalue()


NOT_EVEN_IMAGES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty_file"),
    "zip bomb": (zip_bomb(), ""),
    "html": (b"<html><script>alert(1)</script></html>", ""),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', ""),
    "video": (b"\x00\x00\x00\x18ftypmp42" + bytes(100), ""),
    "decompression bomb": (bomb(60_000, 60_000), "too_many_pixels"),
    "cut short": (sent(field(), "JPEG")[:-900], "damaged_image"),
}


async def left(database: Database) -> tuple[Any, ...]:
    async with database.read() as tx:
        return tuple((await tx.execute(LEFT)).one())


@pytest.mark.parametrize("trap", [*NOT_EVEN_IMAGES, "pdf"])
async def test_what_is_no_photo_is_refused(trap: str, yard: Yard, database: Database) -> None:
    content, code = NOT_EVEN_IMAGES.get(trap, (PDF_THAT_RUNS, ""))
    waiting = await yard.put(yard.report()["id"], content)
    view = await yard.sent(yard.report(photos=[content]))
    announced = await yard.put(view["id"], content)
    for answer in (waiting, announced):
        assert (answer.status_code, answer.json()["code"]) == (422, code or "not_an_image"), answer.text
    assert await left(database) == (0, 0)


async def test_a_photo_that_is_not_the_announced_one_is_refused(yard: Yard, database: Database) -> None:
    view = await yard.sent(yard.report(photos=[photo(1)]))
    answer = await yard.put(view["id"], photo(2), name=hashed(photo(1)))
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_hash")
    assert answer.json()["sha256"] == hashed(photo(2))
    waiting = await yard.put(yard.report()["id"], photo(2), name=hashed(photo(1)))
    assert waiting.json()["code"] == "wrong_hash"
    for name in ("x", hashed(photo(1)).upper(), hashed(photo(1))[:-1]):
        assert (await yard.put(view["id"], photo(1), name=name)).json()["code"] == "not_a_sha256"
    assert await left(database) == (0, 0)


async def proof_of(renter: Person, **more: Json) -> Json:
    asked = {"insurer": "Groupama", "policy_number": "P-1", "valid_from": f"{at(-9):%F}", "valid_until": f"{at(99):%F}"}
    return await renter.made(f"/parties/{renter.party_id}/insurances", asked | more)


async def put_document(renter: Person, proof: Json, content: bytes) -> Any:
    headers = {"Authorization": f"Bearer {renter.token}", "Content-Type": "text/html"}
    return await renter.http.put(f"/v1/insurances/{proof['id']}/document", content=content, headers=headers)


@pytest.mark.parametrize("trap", NOT_EVEN_IMAGES)
async def test_what_is_no_document_is_refused(trap: str, renter: Person, database: Database) -> None:
    content, code = NOT_EVEN_IMAGES[trap]
    answer = await put_document(renter, await proof_of(renter), content)
    assert (answer.status_code, answer.json()["code"]) == (422, code or "not_a_document"), answer.text
    assert await left(database) == (0, 0)


async def test_a_pdf_that_runs_is_kept_and_only_ever_saved(renter: Person, database: Database) -> None:
    proof = await proof_of(renter)
    kept = await put_document(renter, proof, PDF_THAT_RUNS)
    assert kept.status_code == 200, kept.text
    assert kept.json()["media_type"] == "application/pdf"
    served = await renter.http.get(kept.json()["url"])
    assert served.content == PDF_THAT_RUNS
    assert served.headers["content-type"] == "application/octet-stream"
    assert served.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in served.headers["content-security-policy"]
    assert served.headers["x-content-type-options"] == "nosniff"
    assert (await put_document(renter, proof, PDF_THAT_RUNS)).json() == kept.json(), "sent again"
    other = await put_document(renter, proof, PDF_THAT_RUNS.replace(b"1.7", b"1.6"))
    assert (other.status_code, other.json()["code"]) == (409, "insurance_differs")
    assert (await left(database))[0] == 1


async def test_a_machine_does_not_leave_uninsured_where_that_is_asked(
    world: World, owner: Person, renter: Person
) -> None:
    strict, lax = await world.machine(owner, asks=["insurance"]), await world.machine(owner)
    yards = [Yard(owner, renter, one, (await renter.booked([one], at(0, 1), at(1)))["id"]) for one in (strict, lax)]
    rule = await owner.ask("PUT", f"/parties/{owner.party_id}/insurance-rule", {"required": True})
    assert rule.json() == {"required": True}
    views = [await yard.sent(yard.report()) for yard in yards]
    for yard, view in zip(yards, views, strict=True):
        assert (await yard.sign(view, "renter", renter)).is_success
        assert (await renter.get(f"/bookings/{yard.booking}/insurance")).json()["required"] is True
        refused = await yard.sign(view, "owner", owner)
        assert (refused.status_code, refused.json()["code"]) == (409, "insurance_needed")
    too_short = await proof_of(renter, valid_until=f"{at(0):%F}", valid_from=f"{at(-3):%F}")
    await put_document(renter, too_short, PDF_THAT_RUNS)
    await proof_of(renter)  # without its document
    assert (await yards[0].sign(views[0], "owner", owner)).status_code == 409
    await put_document(renter, await proof_of(renter), PDF_THAT_RUNS)
    for yard, view in zip(yards, views, strict=True):
        assert (await yard.sign(view, "owner", owner)).is_success
        assert await yard.state() == "in_use"
