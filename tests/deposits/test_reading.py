"""Who sees what of deposits: both sides, the renter's card, and an owner's list that does not grow in questions."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.deposits.conftest import HELD, Vault
from tests.people import Json, Person, World, at
from tests.statements import Statements


async def listed(owner: Person, state: str = "") -> list[Json]:
    answer = await owner.get(f"/parties/{owner.party_id}/deposits{state and f'?state={state}'}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_both_sides_see_it_and_only_the_renter_the_card(
    vault: Vault, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await vault.confirmed(tractor)
    path = f"/bookings/{booking['id']}/deposit"
    theirs, ours = (await renter.get(path)).json(), (await owner.get(path)).json()
    assert theirs["card"] == {"brand": "visa", "last4": "4242"}
    assert (ours["card"], ours["state"], ours["amount"]) == (None, "saved", {"minor": HELD, "currency": "EUR"})
    assert "4242" not in (await owner.get(path)).text
    first = await renter.get(path)
    assert (await renter.get(path, If_None_Match=first.headers["ETag"])).status_code == 304


async def test_an_owner_lists_them_by_how_they_stand(vault: Vault, owner: Person, tractor: str) -> None:
    saved = await vault.confirmed(tractor, day=30)
    live = await vault.confirmed(tractor, day=3)
    failed = await vault.confirmed_with_proof(tractor, "tok_needs_authentication", day=5)
    await vault.work(at(2, 1))
    await vault.work(at(4, 1))
    assert [one["booking_id"] for one in await listed(owner, "saved")] == [saved["id"]]
    assert [one["booking_id"] for one in await listed(owner, "failed")] == [failed["id"]]
    (found,) = await listed(owner, "live")
    assert (found["booking_id"], found["renter"], found["live"]) == (live["id"], "Ferme de la Chalosse", True)
    assert await listed(owner, "lapsing") == []
    assert len(await listed(owner)) == 3
    async with vault.database.begin() as tx:
        ends = sa.text("UPDATE deposits SET capture_before = :ends WHERE booking_id = :id")
        await tx.execute(ends, {"ends": at(0) + timedelta(hours=40), "id": UUID(live["id"])})
    assert [one["booking_id"] for one in await listed(owner, "lapsing")] == [live["id"]]
    async with vault.database.begin() as tx:
        await tx.execute(ends, {"ends": at(0) - timedelta(hours=1), "id": UUID(live["id"])})
    (lapsed,) = await listed(owner, "lapsed")
    assert (lapsed["state"], lapsed["live"]) == ("lapsed", False), "before the sweep has been by as well"
    assert await listed(owner, "live") == []


async def test_the_list_is_paged_and_asks_the_same_questions_for_one_and_three(
    vault: Vault, owner: Person, tractor: str, statements: Statements
) -> None:
    counts: list[int] = []
    for rows in (1, 3):
        for _ in range(rows - len(counts)):
            await vault.confirmed(tractor, day=3 + 3 * len(await listed(owner)))
        with statements.counted() as seen:
            assert len(await listed(owner)) == rows
        counts.append(len(seen))
    assert counts[0] == counts[1]
    path, seen_ids = f"/parties/{owner.party_id}/deposits?limit=2", []
    first = (await owner.get(path)).json()
    second = (await owner.get(f"{path}&cursor={first['next_cursor']}")).json()
    seen_ids = [one["id"] for one in first["items"] + second["items"]]
    assert seen_ids == sorted(seen_ids, reverse=True)
    assert (len(seen_ids), second.get("next_cursor")) == (3, None)


async def test_with_a_confirmation_it_is_no_round_trip_of_its_own(
    vault: Vault, tractor: str, statements: Statements
) -> None:
    """How many a confirmation takes in all is counted in tests/bookings/paying/test_cost.py."""
    with statements.counted() as seen:
        await vault.confirmed(tractor)
    (written,) = [one for one in seen if "INSERT INTO deposits" in one]
    assert "INSERT INTO booking_transitions" in written


@pytest.mark.parametrize("kind", ["DepositHeld", "DepositFailed"])
async def test_it_is_said_in_both_languages(
    kind: str, vault: Vault, world: World, renter: Person, tractor: str
) -> None:
    if kind == "DepositHeld":
        await vault.confirmed(tractor)
    else:
        await vault.confirmed_with_proof(tractor, "tok_needs_authentication")
    await vault.work(at(2, 1))
    texts = []
    for language in ("fr", "en"):
        inbox = (await renter.get("/inbox", Accept_Language=language)).json()["items"]
        texts.append(next(one["text"] for one in inbox if one["kind"] == kind))
    french, english = texts
    assert "caution" in french
    assert "deposit" in english
    assert "{" not in french + english
