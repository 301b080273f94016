"""A machine leaves and comes back: reports, photos, signatures, what they do to the booking, and what is compared."""

from datetime import UTC, datetime

from tests.inspections.phone import Yard, photo


async def test_a_machine_leaves_and_comes_back_by_two_reports(yard: Yard) -> None:
    shots = [photo(1), photo(2)]
    scratch = {"id": "00000000-0000-7000-8000-000000000001", "where": "Capot", "what": "Rayure"}
    out = await yard.sent(yard.report(photos=shots, damage=[scratch]))
    assert (out["state"], out["to_sign"]) == ("draft", ["renter", "owner"])
    early = await yard.sign(out, "renter", yard.renter)
    assert (early.status_code, early.json()["code"]) == (409, "inspection_incomplete")
    for shot in shots:
        assert (await yard.put(out["id"], shot)).status_code == 200
    out = (await yard.renter.get(f"/inspections/{out['id']}")).json()
    assert out["state"] == "complete"
    too_soon = await yard.sign(out, "owner", yard.owner)
    assert (too_soon.status_code, too_soon.json()["code"]) == (409, "owner_signs_last")
    assert (await yard.sign(out, "renter", yard.renter)).status_code == 200
    assert await yard.state() == "confirmed"
    done = await yard.sign(out, "owner", yard.owner)
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["sequence"], await yard.state()) == ("signed", 1, "in_use")
    again = await yard.sign(out, "owner", yard.owner)
    assert again.json() == done.json()

    dent = {"id": "00000000-0000-7000-8000-000000000002", "where": "Aile", "what": "Choc", "severity": "functional"}
    back = yard.report("check_in", fuel_eighths=3, cleanliness="dirty", damage=[scratch, dent])
    back["checklist"][0]["grade"] = "defect"
    view = await yard.signed(back)
    assert (view["sequence"], view["previous"], await yard.state()) == (2, done.json()["hash"], "returned")
    booking = (await yard.owner.get(f"/bookings/{yard.booking}")).json()
    assert abs(datetime.fromisoformat(booking["returned_at"]) - datetime.now(UTC)).total_seconds() < 60

    (side_by_side,) = (await yard.renter.get(f"/bookings/{yard.booking}/inspections/comparison")).json()
    difference = side_by_side["difference"]
    assert difference["fuel_eighths"] == -3
    assert difference["dirtier"] is True
    assert [one["id"] for one in difference["new_damage"]] == [dent["id"]]
    assert [(one["item"], one["worse"]) for one in difference["checklist"]] == [(back["checklist"][0]["item"], True)]
    assert len(side_by_side["check_out"]["photos"]) == 2

    for person in (yard.owner, yard.renter):
        receipt = (await person.get(f"/inspections/{view['id']}/receipt")).json()
        assert receipt["hash"] == view["hash"]
        assert view["hash"] in receipt["text"]

    told = (await yard.owner.get(f"/machines/{yard.machine}/inspections/verification?photos=true")).json()
    assert (told["holds"], told["reports"], told["hash"], told["photos_read"]) == (True, 2, view["hash"], 2)


async def test_a_photo_is_shown_by_an_address_that_needs_no_token(yard: Yard) -> None:
    shot = photo(3)
    view = await yard.sent(yard.report(photos=[shot]))
    await yard.put(view["id"], shot)
    (told,) = (await yard.renter.get(f"/inspections/{view['id']}")).json()["photos"]
    answer = await yard.owner.http.get(told["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, max-age=900, immutable"
    assert [one["width"] for one in told["copies"]] == [320, 800, 1600]
    original = await yard.owner.http.get(told["original_url"])
    assert (original.status_code, original.content) == (200, shot)
    assert original.headers["content-type"] == "image/png"
    assert original.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in original.headers["content-security-policy"]
