"""The waiting list over HTTP and through the sweep: who is offered what, when, and what they are told."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa

from tests.accounts.test_privacy import close, exported
from tests.people import Json, Person, World, at
from tests.pricing.test_members import card, join
from votremachine.accounts.rules import Role
from votremachine.accounts.service.absent import actors, person
from votremachine.accounts.service.parties import give_seat
from votremachine.accounts.service.sessions import actor
from votremachine.accounts.tokens import Claims
from votremachine.bookings.jobs import expire_provisional
from votremachine.bookings.waiting.jobs import offer_freed
from votremachine.bookings.waiting.rules import MOST_OPEN, offer_expiry
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.notifications.words.formats import moment
from votremachine.worker import HANDLERS

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    return await world.machine(owner)


@pytest.fixture
async def others(world: World) -> list[Person]:
    return [await world.farmer(f"{name}@ferme.example", f"Ferme {name}") for name in ("anne", "bruno", "chloe")]


def span(start: datetime, end: datetime) -> Json:
    return {"start": start.isoformat(), "end": end.isoformat()}


async def wait(who: Person, machine: str, start: datetime, end: datetime, **more: Json) -> httpx.Response:
    return await who.post(f"/machines/{machine}/waiting", {**span(start, end), **more}, Idempotency_Key=str(uuid4()))


async def waits(who: Person, machine: str, start: datetime, end: datetime, **more: Json) -> Json:
    answer = await wait(who, machine, start, end, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def mine(who: Person) -> list[Json]:
    return list((await who.get("/waiting")).json()["items"])


async def states(who: Person) -> list[str]:
    return [one["state"] for one in await mine(who)]


async def sweep(database: Database, now: datetime | None = None) -> int:
    """What the worker does within ten seconds, now or at another hour; how many offers it makes."""
    then = Database(database.engine.url.render_as_string(hide_password=False), 2, lambda: now or datetime.now(UTC))
    await expire_provisional({"database": then})
    offered = await offer_freed({"database": then, "settings": Settings()})
    await drain(then, HANDLERS)
    await then.close()
    return offered


async def told(who: Person, language: str = "en") -> list[Json]:
    return list((await who.get("/inbox", Accept_Language=language)).json()["items"])


async def member_of(world: World, boss: Person, database: Database) -> Person:
    """Somebody else who acts for a farm, as its member."""
    colleague = await world.person("colleague@ferme.example")
    person_id, colleague.party_id = UUID((await colleague.get("/me")).json()["id"]), boss.party_id
    async with database.begin() as tx:
        await give_seat(tx, person_id, UUID(boss.party_id), Role.MEMBER)
    return colleague


async def test_the_first_in_line_is_offered_what_comes_free_and_confirms_it(
    tractor: str, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(2), at(4))
    anne, bruno, _ = others
    first = await waits(anne, tractor, at(2), at(3), note="Avant les foins")
    assert (first["state"], first["booking_id"], first["expires_at"], first["why"]) == ("waiting", None, None, "")
    assert (first["note"], first["machine"]["id"], first["renter"]["id"]) == ("Avant les foins", tractor, anne.party_id)
    assert datetime.fromisoformat(first["during"]["start"]) == at(2)
    assert first["during"]["start"].endswith(at(2).astimezone(PARIS).isoformat()[-6:])
    await waits(bruno, tractor, at(2), at(4))
    assert await sweep(database) == 0, "nothing is free"
    assert await states(anne) == await states(bruno) == ["waiting"]
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database) == 1
    (offered,) = await mine(anne)
    assert offered["state"] == "offered"
    hold = (await anne.get(f"/bookings/{offered['booking_id']}")).json()
    assert (hold["state"], hold["note"]) == ("held", "Avant les foins")
    assert hold["during"] == first["during"]
    assert datetime.fromisoformat(hold["expires_at"]) == datetime.fromisoformat(offered["expires_at"])
    assert await states(bruno) == ["waiting"], "his time meets hers"
    assert await sweep(database) == 0, "a sweep that runs again offers nothing twice"
    confirmed = await anne.act(hold["id"], "confirm", {"payment": "on_account"})
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "confirmed")
    assert await states(anne) == ["taken"], "as people are told it, before the sweep has come by"
    assert await sweep(database) == 0
    (taken,) = await mine(anne)
    assert (taken["state"], taken["booking_id"], taken["expires_at"]) == ("taken", hold["id"], None)


async def test_who_meets_nobody_before_them_is_offered_theirs_in_the_same_sweep(
    tractor: str, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(2), at(6))
    anne, bruno, chloe = others
    await waits(anne, tractor, at(2), at(3))
    await waits(bruno, tractor, at(2, 12), at(4))
    await waits(chloe, tractor, at(3), at(5))
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database) == 2
    assert [await states(who) for who in others] == [["offered"], ["waiting"], ["offered"]]


async def test_who_waits_for_more_than_came_free_lets_the_next_one_pass(
    tractor: str, renter: Person, others: list[Person], database: Database
) -> None:
    stays, goes = await renter.booked([tractor], at(2), at(3)), await renter.booked([tractor], at(3), at(4))
    anne, bruno, _ = others
    await waits(anne, tractor, at(2), at(4))
    await waits(bruno, tractor, at(3), at(4))
    await renter.act(goes["id"], "cancel", {})
    assert await sweep(database) == 1
    assert (await states(anne), await states(bruno)) == (["waiting"], ["offered"])
    await renter.act(stays["id"], "cancel", {})
    assert await sweep(database) == 0


async def test_an_offer_that_is_not_taken_goes_to_the_next_in_line(
    tractor: str, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(12), at(13))
    anne, bruno, _ = others
    for who in others:
        await waits(who, tractor, at(12), at(13))
    await renter.act(booking["id"], "cancel", {})
    now = datetime.now(UTC)
    assert await sweep(database, now) == 1
    runs_out = offer_expiry(now, at(12), PARIS)
    assert datetime.fromisoformat((await mine(anne))[0]["expires_at"]) == runs_out
    assert await sweep(database, runs_out - timedelta(seconds=1)) == 0
    assert await sweep(database, runs_out) == 1
    assert [await states(who) for who in others] == [["passed"], ["offered"], ["waiting"]]
    entry = (await mine(bruno))[0]
    assert (await bruno.ask("DELETE", f"/waiting/{entry['id']}")).status_code == 204
    assert (await bruno.get(f"/bookings/{entry['booking_id']}")).json()["state"] == "cancelled"
    assert await sweep(database, runs_out + timedelta(minutes=1)) == 1
    assert [await states(who) for who in others] == [["passed"], ["passed"], ["offered"]]
    again = await wait(anne, tractor, at(12), at(13))
    assert again.status_code == 201, "who let one pass may wait anew"


async def test_buffers_are_kept(
    world: World, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    machine = await world.machine(owner, buffer_before_minutes=60, buffer_after_minutes=30)
    booking = await renter.booked([machine], at(2), at(4))
    anne, bruno, chloe = others
    await waits(anne, machine, at(2), at(3))
    await waits(bruno, machine, at(3, 1), at(4))  # an hour and a half apart are needed
    await waits(chloe, machine, at(3, 2), at(4))
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database) == 2
    assert [await states(who) for who in others] == [["offered"], ["waiting"], ["offered"]]


async def test_an_early_return_and_a_block_that_goes_free_time_as_well(
    tractor: str, owner: Person, others: list[Person], database: Database
) -> None:
    block = await owner.made(f"/machines/{tractor}/blocks", span(at(5), at(6)))
    anne, bruno, chloe = others
    booking = await bruno.booked([tractor], at(0, 1), at(1))
    await waits(chloe, tractor, at(0, 12), at(1))
    await waits(anne, tractor, at(5), at(6))
    assert await sweep(database) == 0
    assert (await owner.ask("DELETE", f"/blocks/{block['id']}")).status_code == 204
    assert await sweep(database) == 1
    assert await states(anne) == ["offered"]
    assert (await owner.act(booking["id"], "check_out")).status_code == 200
    assert await sweep(database) == 0
    assert (await owner.act(booking["id"], "check_in", {})).status_code == 200
    assert await sweep(database) == 1
    assert await states(chloe) == ["offered"]


async def test_the_hold_is_at_the_price_of_who_waits(
    world: World, renter: Person, owner: Person, others: list[Person], database: Database
) -> None:
    cuma = await world.farmer("cuma@landes.example", "CUMA du Marsan", kind="cooperative")
    member, stranger = others[:2]
    await join(cuma, member)
    baler = await world.machine(cuma, day=10_000)
    await cuma.made(f"/machines/{baler}/rates", card(5_000, cuma.party_id))
    booking = await renter.booked([baler], at(3), at(5))
    await waits(member, baler, at(3), at(3, 2))
    await waits(stranger, baler, at(4), at(4, 2))
    quotes = [
        (await who.made("/quotes", {"machine_ids": [baler], **span(*when)}))["price"]
        for who, when in ((member, (at(3), at(3, 2))), (stranger, (at(4), at(4, 2))))
    ]
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database) == 2
    holds = [(await who.get(f"/bookings/{(await mine(who))[0]['booking_id']}")).json() for who in (member, stranger)]
    assert [hold["price"] for hold in holds] == quotes
    assert [hold["price"]["lines"][0]["unit_price"]["minor"] for hold in holds] == [5_000, 10_000]


async def test_who_is_absent_holds_what_they_hold_signed_in(world: World, renter: Person, database: Database) -> None:
    cuma = await world.farmer("cuma@landes.example", "CUMA du Marsan", kind="cooperative")
    await join(cuma, renter)
    # Where they only asked to join, they are no member.
    another = await world.farmer("another@landes.example", "CUMA du Tursan", kind="cooperative")
    await renter.made(f"/parties/{another.party_id}/members", {"party_id": renter.party_id})
    (session,) = (await renter.get("/me/sessions")).json()
    person_id = UUID((await renter.get("/me")).json()["id"])
    async with database.read() as tx:
        signed_in = await actor(tx, Claims(person_id, UUID(session["id"])))
        absent = await person(tx, person_id)
        nobody = await actors(tx, [uuid4()])
    assert absent is not None
    assert absent.seats == signed_in.seats
    assert {one for seat in absent.seats.values() for one in seat.cooperatives} == {UUID(cuma.party_id)}
    assert (absent.person_id, absent.name, absent.language) == (person_id, signed_in.name, signed_in.language)
    assert nobody == {}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (span(at(20), at(21)), 409, "free_now"),
        (span(at(-2), at(3)), 422, "in_the_past"),
        (span(at(0, 20), at(3)), 422, "too_soon"),
        (span(at(2), at(2, 0.5)), 422, "too_short"),
        (span(at(2), at(70)), 422, "too_long"),
        (span(at(2), at(62)), 422, "beyond_horizon"),
        (span(at(3), at(2)), 422, "ends_before_start"),
        ({"start": "2030-01-01T08:00:00", "end": "2030-01-02T08:00:00Z"}, 422, "naive_time"),
        ({"start": "9999-01-01T08:00:00Z", "end": "9999-01-02T08:00:00Z"}, 422, "out_of_time"),
        ({**span(at(2), at(3)), "party_id": str(uuid4())}, 404, "unknown_party"),
        ({**span(at(2), at(3)), "why": "x"}, 422, "invalid_input"),
        ({**span(at(2), at(3)), "note": "x" * 1001}, 422, "invalid_input"),
        ({}, 422, "invalid_input"),
    ],
)
async def test_what_could_not_be_booked_is_not_waited_for(
    body: Json, status: int, code: str, world: World, owner: Person, renter: Person, database: Database
) -> None:
    machine = await world.machine(owner, lead_minutes=24 * 60, horizon_days=60)
    await renter.booked([machine], at(2), at(4))
    path = f"/machines/{machine}/waiting"
    answer = await renter.post(path, body, Idempotency_Key="1")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await mine(renter) == []


async def test_what_is_refused_for_the_machine(world: World, owner: Person, renter: Person) -> None:
    machine = await world.machine(owner, day=None, listed=False)
    for path, code in ((machine, "unknown_machine"), (str(uuid4()), "unknown_machine")):
        answer = await renter.post(f"/machines/{path}/waiting", span(at(2), at(3)), Idempotency_Key="1")
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    own = await world.machine(owner)
    answer = await owner.post(f"/machines/{own}/waiting", span(at(2), at(3)), Idempotency_Key="1")
    assert (answer.status_code, answer.json()["code"]) == (422, "own_machine")
    await owner.made(f"/machines/{own}/pause")
    answer = await renter.post(f"/machines/{own}/waiting", span(at(2), at(3)), Idempotency_Key="1")
    assert (answer.status_code, answer.json()["code"]) == (409, "machine_not_bookable")


async def test_a_wish_is_made_once(tractor: str, renter: Person, others: list[Person]) -> None:
    await renter.booked([tractor], at(2), at(4))
    anne, path = others[0], f"/machines/{tractor}/waiting"
    missing = await anne.post(path, span(at(2), at(3)))
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_required")
    first = await anne.post(path, span(at(2), at(3)), Idempotency_Key="1")
    again = await anne.post(path, span(at(2), at(3)), Idempotency_Key="1")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    twice = await wait(anne, tractor, at(2), at(3))
    assert (twice.status_code, twice.json()["code"]) == (409, "already_waiting")
    assert len(await mine(anne)) == 1
    entry = first.json()["id"]
    assert (await anne.ask("DELETE", f"/waiting/{entry}")).status_code == 204
    gone = await anne.ask("DELETE", f"/waiting/{entry}")
    assert (gone.status_code, gone.json()["code"]) == (409, "illegal_transition")
    assert (await wait(anne, tractor, at(2), at(3))).status_code == 201, "who withdrew may wait anew"


async def test_a_party_waits_for_twenty_periods_at_most(tractor: str, renter: Person, others: list[Person]) -> None:
    await renter.booked([tractor], at(2), at(30))
    anne = others[0]
    for hour in range(MOST_OPEN):
        await waits(anne, tractor, at(2, hour), at(3, hour))
    more = await wait(anne, tractor, at(10), at(11))
    assert (more.status_code, more.json()["code"]) == (409, "too_many_waiting")
    assert "20" in more.json()["detail"]
    await anne.ask("DELETE", f"/waiting/{(await mine(anne))[0]['id']}")
    assert (await wait(anne, tractor, at(10), at(11))).status_code == 201


async def test_the_owner_sees_the_line_in_its_order_and_nobody_elses(
    world: World, tractor: str, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    another = await world.machine(owner)
    booking = await renter.booked([tractor], at(2), at(4))
    await renter.booked([another], at(2), at(4))
    for who, when in zip(others, (at(3), at(2, 6), at(2)), strict=True):
        await waits(who, tractor, when, at(4), note="Secret")
    await waits(renter, another, at(2), at(3))
    page = (await owner.get(f"/machines/{tractor}/waiting?limit=2")).json()
    rest = (await owner.get(f"/machines/{tractor}/waiting?limit=2&cursor={page['next_cursor']}")).json()
    line = page["items"] + rest["items"]
    assert [(one["renter"]["name"], one["state"]) for one in line] == [
        ("Ferme anne", "waiting"),
        ("Ferme bruno", "waiting"),
        ("Ferme chloe", "waiting"),
    ]
    assert [datetime.fromisoformat(one["during"]["start"]) for one in line] == [at(3), at(2, 6), at(2)]
    assert rest["next_cursor"] is None
    assert "Secret" not in str(line)
    await renter.act(booking["id"], "cancel", {})
    await sweep(database)
    line = (await owner.get(f"/machines/{tractor}/waiting")).json()["items"]
    assert [one["state"] for one in line] == ["offered", "waiting", "waiting"]
    await others[1].ask("DELETE", f"/waiting/{line[1]['id']}")
    line = (await owner.get(f"/machines/{tractor}/waiting")).json()["items"]
    assert [one["renter"]["name"] for one in line] == ["Ferme anne", "Ferme chloe"]


async def test_ones_own_list_in_pages_and_by_party(tractor: str, renter: Person, others: list[Person]) -> None:
    await renter.booked([tractor], at(2), at(9))
    anne, bruno = others[:2]
    made = [(await waits(anne, tractor, at(2 + day), at(3 + day)))["id"] for day in range(3)]
    await waits(bruno, tractor, at(2), at(3))
    page = (await anne.get("/waiting?limit=2")).json()
    rest = (await anne.get(f"/waiting?limit=2&cursor={page['next_cursor']}")).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == made[::-1]
    assert len((await anne.get(f"/waiting?party_id={anne.party_id}")).json()["items"]) == 3
    foreign = await anne.get(f"/waiting?party_id={bruno.party_id}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_party")
    stolen = await bruno.get(f"/machines/{tractor}/waiting?cursor={page['next_cursor']}")
    assert (stolen.status_code, stolen.json()["code"]) == (422, "bad_cursor")


async def test_who_is_offered_something_is_told_until_when_and_what_to_do(
    tractor: str, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(12), at(13))
    await waits(others[0], tractor, at(12), at(13))
    await renter.act(booking["id"], "cancel", {})
    await sweep(database)
    (entry,) = await mine(others[0])
    until = datetime.fromisoformat(entry["expires_at"]).astimezone(PARIS)
    (english,), (french,) = await told(others[0]), await told(others[0], "fr")
    assert (english["kind"], english["booking_id"]) == ("WaitingOffered", entry["booking_id"])
    now = datetime.now(UTC)
    assert f"until {moment(until, PARIS, 'en', now)}. Confirm the booking before then" in english["text"]
    assert f"jusqu'à {moment(until, PARIS, 'fr', now)}. Confirmez la réservation" in french["text"]
    assert "WaitingOffered" not in {one["kind"] for one in await told(owner)}


async def test_what_is_too_late_to_be_offered_ends_and_is_told(
    world: World, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    machine = await world.machine(owner, lead_minutes=120)
    booking = await renter.booked([machine], at(4), at(6))
    anne, bruno, _ = others
    await waits(anne, machine, at(4), at(5))
    await waits(bruno, machine, at(4, 1), at(5))
    deadline = at(4) - timedelta(minutes=120)
    assert await sweep(database, deadline - timedelta(seconds=1)) == 0
    assert await states(anne) == ["waiting"]
    await sweep(database, deadline)
    (lapsed,) = await mine(anne)
    assert (lapsed["state"], lapsed["why"]) == ("lapsed", "never_free")
    assert await states(bruno) == ["waiting"]
    (english,), (french,) = await told(anne), await told(anne, "fr")
    assert english["kind"] == "WaitingLapsed"
    assert english["text"].endswith("It never came free in time.")
    assert french["text"].endswith("Elle ne s'est pas libérée à temps.")
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database, deadline) == 1, "the line goes on"


async def test_what_cannot_be_booked_any_more_ends_with_its_reason_and_the_line_goes_on(
    world: World, tractor: str, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(2), at(4))
    colleague = await member_of(world, others[0], database)
    await waits(colleague, tractor, at(2), at(4))
    await waits(others[1], tractor, at(2), at(4))
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE seats SET role = 'viewer' WHERE role = 'member'"))
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database) == 1
    (ended,) = await mine(others[0])
    assert (ended["state"], ended["why"]) == ("lapsed", "not_allowed")
    assert await states(others[1]) == ["offered"]
    assert [one["kind"] for one in await told(colleague)] == ["WaitingLapsed"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE machines SET state = 'paused'", "machine_not_bookable"),
        ("UPDATE machines SET state = 'retired'", "unknown_machine"),
        ("UPDATE machines SET min_minutes = 5000, max_minutes = 6000", "too_short"),
        ("UPDATE machines SET visibility = 'named'", "unknown_machine"),
        ("UPDATE rate_cards SET replaced_at = now()", "no_price"),
        ("DELETE FROM seats WHERE person_id IN (SELECT person_id FROM waiting_entries)", "unknown_party"),
        ("UPDATE people SET closed_at = now() WHERE id IN (SELECT person_id FROM waiting_entries)", "person_gone"),
    ],
)
async def test_why_an_entry_ends(
    change: str, why: str, tractor: str, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(2), at(4))
    await waits(others[0], tractor, at(2), at(3))
    await renter.act(booking["id"], "cancel", {})
    async with database.begin() as tx:
        await tx.execute(sa.text(change))
    assert await sweep(database) == 0
    async with database.read() as tx:
        (row,) = await tx.rows(sa.text("SELECT state, why FROM waiting_entries"))
        taken = (await tx.execute(sa.text("SELECT count(*) FROM occupancies"))).scalar_one()
    assert (row.state, row.why, taken) == ("lapsed", why, 0)


async def test_withdrawing_an_offer_that_was_taken_or_ran_out_changes_nothing(
    tractor: str, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(2), at(4))
    anne, bruno, _ = others
    await waits(anne, tractor, at(2), at(3))
    await waits(bruno, tractor, at(3), at(4))
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database) == 2
    (hers,), (his,) = await mine(anne), await mine(bruno)
    await anne.act(hers["booking_id"], "confirm", {"payment": "on_account"})
    async with database.begin() as tx:
        await tx.execute(
            sa.text("UPDATE bookings SET expires_at = now() WHERE id = :id"), {"id": UUID(his["booking_id"])}
        )
    for who, entry in ((anne, hers), (bruno, his)):
        answer = await who.ask("DELETE", f"/waiting/{entry['id']}")
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert (await anne.get(f"/bookings/{hers['booking_id']}")).json()["state"] == "confirmed"
    assert (await states(anne), await states(bruno)) == (["taken"], ["passed"])
    assert (await mine(bruno))[0]["expires_at"] is None


async def test_a_request_that_the_owner_declines_was_taken_or_passed(
    world: World, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    machine = await world.machine(owner, booking_mode="on_request")
    block = await owner.made(f"/machines/{machine}/blocks", span(at(2), at(4)))
    anne, bruno, _ = others
    await waits(anne, machine, at(2), at(3))
    await waits(bruno, machine, at(3), at(4))
    await owner.ask("DELETE", f"/blocks/{block['id']}")
    assert await sweep(database) == 2
    ids = [(await mine(who))[0]["booking_id"] for who in (anne, bruno)]
    for who, booking_id in zip((anne, bruno), ids, strict=True):
        asked = await who.act(booking_id, "confirm", {"payment": "on_account"})
        assert asked.json()["state"] == "requested"
    await owner.act(ids[0], "decline", {})
    await sweep(database)
    await owner.act(ids[1], "decline", {})
    await sweep(database)
    assert (await states(anne), await states(bruno)) == (["passed"], ["taken"]), "as the sweep found it"


async def test_who_leaves_waits_for_nothing_and_their_words_are_gone(
    world: World, tractor: str, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(2), at(4))
    anne, bruno, _ = others
    entry = await waits(anne, tractor, at(2), at(3), note="Chez ma soeur")
    await waits(bruno, tractor, at(2), at(4))
    (known,) = (await exported(anne))["waiting_list.json"]
    assert (known["id"], known["note"], known["state"]) == (entry["id"], "Chez ma soeur", "waiting")
    assert (await close(anne)).status_code == 204
    async with database.read() as tx:
        (left,) = await tx.rows(sa.text("SELECT * FROM waiting_entries WHERE id = :id"), {"id": UUID(entry["id"])})
    assert (left.state, left.note) == ("withdrawn", "")
    await renter.act(booking["id"], "cancel", {})
    assert await sweep(database) == 1
    assert await states(bruno) == ["offered"]


async def test_a_colleague_who_leaves_and_an_owner_who_closes(
    world: World, tractor: str, owner: Person, others: list[Person], database: Database
) -> None:
    """What one waited for in a farm's name is withdrawn, and so is what was wanted of a farm that closed."""
    await owner.made(f"/machines/{tractor}/blocks", span(at(2), at(4)))
    anne, bruno, _ = others
    colleague = await member_of(world, anne, database)
    await waits(colleague, tractor, at(2), at(3), note="Chez ma soeur")
    await waits(bruno, tractor, at(2), at(3))
    assert (await close(colleague)).status_code == 204
    (entry,) = await mine(anne)
    assert (entry["state"], entry["note"]) == ("withdrawn", "")
    assert await states(bruno) == ["waiting"]
    assert (await close(owner)).status_code == 204
    assert await states(bruno) == ["withdrawn"]


async def test_a_hold_that_ran_out_is_in_nobodys_way_before_it_is_swept(
    tractor: str, renter: Person, others: list[Person], database: Database
) -> None:
    assert (await renter.book([tractor], at(2), at(3))).status_code == 201
    await waits(others[0], tractor, at(2), at(3))
    url = database.engine.url.render_as_string(hide_password=False)
    for minutes, offered in ((14, 0), (16, 1)):
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        then = Database(url, 2, lambda now=now: now)  # type: ignore[misc]
        assert await offer_freed({"database": then, "settings": Settings()}) == offered
        await then.close()


async def test_open_screens_are_told_of_the_line(
    tractor: str, owner: Person, renter: Person, others: list[Person], database: Database
) -> None:
    booking = await renter.booked([tractor], at(2), at(4))
    anne = others[0]
    entry = await waits(anne, tractor, at(2), at(3))
    await renter.act(booking["id"], "cancel", {})
    await sweep(database)
    await anne.ask("DELETE", f"/waiting/{entry['id']}")
    async with database.read() as tx:
        rows = await tx.rows(sa.text("SELECT name, parties, body FROM changes WHERE name LIKE 'Waiting%' ORDER BY id"))
    sides = {UUID(owner.party_id), UUID(anne.party_id)}
    assert [row.name for row in rows] == ["WaitingChanged", "WaitingOffered", "WaitingChanged"]
    assert all(set(row.parties) == sides for row in rows)
    bodies: list[Any] = [row.body for row in rows]
    assert bodies[0] == bodies[2] == {"machine_id": tractor}
    assert set(bodies[1]) == {"booking_id", "machine_ids"}
