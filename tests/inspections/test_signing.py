"""Who signs, how, and what hangs on it: codes, absence, amendments, relays, groups, and what an owner asks for."""

from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import sqlalchemy as sa

from tests.inspections.phone import STROKES, Yard, ago, hashed, photo, soon
from tests.people import Json, Person, World, at
from votremachine.accounts.credentials import Credentials, keys_of
from votremachine.accounts.rules import Actor, Role, Seat
from votremachine.accounts.service.parties import give_seat
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.links import Links
from votremachine.inspections.rules.signing import CodeFailed
from votremachine.inspections.schemas import SignInspection
from votremachine.inspections.service import codes, signing


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text


async def asked(world: World, yard: Yard, who: Person | None = None) -> Json:
    """A code that was sent to the renter: its id and its digits."""
    sent = await (who or yard.owner).made(f"/bookings/{yard.booking}/inspections/codes", {})
    return {"code_id": sent["id"], "code": await world.code(yard.renter.email)}


async def test_the_renter_signs_by_hand_on_the_owners_phone(world: World, yard: Yard) -> None:
    code = await asked(world, yard)
    view = await yard.sent(yard.report())
    wrong = code | {"code": f"{(int(code['code']) + 1) % 1_000_000:06}"}
    refused(await yard.sign(view, "renter", yard.owner, drawing=STROKES, **wrong), 403, "code_failed")
    drawn = await yard.sign(view, "renter", yard.owner, drawing=STROKES, **code)
    assert drawn.status_code == 200, drawn.text
    (signature,) = drawn.json()["signatures"]
    assert (signature["side"], signature["method"], signature["name"]) == ("renter", "drawn", "Renter")
    assert signature["drawing"] == STROKES
    again = await yard.sign(view, "renter", yard.owner, drawing=STROKES, **code)
    assert again.json() == drawn.json(), "a phone that lost the answer"
    assert (await yard.sign(view, "owner", yard.owner)).json()["state"] == "signed"
    assert await yard.state() == "in_use"


async def test_a_code_signs_one_report_and_one_drawing(world: World, yard: Yard) -> None:
    code = await asked(world, yard)
    view, other = await yard.sent(yard.report()), await yard.sent(yard.report())
    assert (await yard.sign(view, "renter", yard.owner, drawing=STROKES, **code)).is_success
    refused(await yard.sign(other, "renter", yard.owner, drawing=STROKES, **code), 403, "code_failed")
    refused(await yard.sign(view, "renter", yard.owner, drawing=STROKES[:1], **code), 403, "code_failed")


async def test_a_code_is_good_for_its_booking_and_for_who_still_acts_there(
    world: World, yard: Yard, database: Database
) -> None:
    later = (await yard.renter.booked([yard.machine], at(3), at(4)))["id"]
    elsewhere = await asked(world, Yard(yard.owner, yard.renter, yard.machine, later))
    view = await yard.sent(yard.report())
    refused(await yard.sign(view, "renter", yard.owner, drawing=STROKES, **elsewhere), 403, "code_failed")

    colleague = await world.person("colleague@ferme.example")
    person_id = UUID((await colleague.get("/me")).json()["id"])
    async with database.begin() as tx:
        await give_seat(tx, person_id, UUID(yard.renter.party_id), Role.MEMBER)
    sent = await yard.owner.made(f"/bookings/{yard.booking}/inspections/codes", {"person_id": str(person_id)})
    code = {"code_id": sent["id"], "code": await world.code(colleague.email)}
    async with database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM seats WHERE person_id = :person"), {"person": person_id})
    refused(await yard.sign(view, "renter", yard.owner, drawing=STROKES, **code), 403, "code_failed")


async def test_each_half_of_a_signature_by_code_holds_by_itself(world: World, yard: Yard, database: Database) -> None:
    """A code is used up in a transaction of its own: what it was used for counts then, and again when it is signed."""
    code = await asked(world, yard)
    view = await yard.sent(yard.report())
    assert (await yard.sign(view, "renter", yard.owner, drawing=STROKES, **code)).is_success
    links, proofs = Links(keys_of(Settings())), Credentials.of(Settings()).proofs
    said = {"side": "renter", "content_hash": view["content_hash"], "drawing": STROKES[:1], **code}
    another = msgspec.convert(said, SignInspection)
    me = (await yard.owner.get("/me")).json()
    seat = Seat(UUID(yard.owner.party_id), "", Role.ADMIN, demo=False)
    owner = Actor(UUID(me["id"]), "", "fr", {seat.party_id: seat})
    async with database.begin() as tx:
        assert await codes.prove(tx, proofs, owner, UUID(view["id"]), another) is False
    with pytest.raises(CodeFailed):
        async with database.begin() as tx:
            await signing.sign(tx, owner, links, UUID(view["id"]), another)


async def test_five_wrong_codes_are_the_last(world: World, yard: Yard) -> None:
    code = await asked(world, yard)
    view = await yard.sent(yard.report())
    for add in range(1, 6):
        wrong = code | {"code": f"{(int(code['code']) + add) % 1_000_000:06}"}
        refused(await yard.sign(view, "renter", yard.owner, drawing=STROKES, **wrong), 403, "code_failed")
    refused(await yard.sign(view, "renter", yard.owner, drawing=STROKES, **code), 403, "code_failed")


async def test_codes_are_few_and_for_signing_only(world: World, yard: Yard) -> None:
    code = await asked(world, yard, yard.renter)
    redeemed = await yard.renter.post(f"/me/addresses/{code['code_id']}/redeem", {"code": code["code"]})
    assert redeemed.status_code == 401, "no way to prove an address with it"
    for _ in range(4):
        await yard.owner.made(f"/bookings/{yard.booking}/inspections/codes", {})
    refused(await yard.owner.post(f"/bookings/{yard.booking}/inspections/codes", {}), 429, "too_many_codes")
    stranger = {"person_id": str(uuid4())}
    other = (await yard.renter.booked([yard.machine], at(3), at(4)))["id"]
    refused(await yard.owner.post(f"/bookings/{other}/inspections/codes", stranger), 409, "nobody_to_sign")


async def test_nobody_signs_for_another_side(world: World, yard: Yard) -> None:
    view = await yard.sent(yard.report())
    refused(await yard.sign(view, "renter", yard.owner), 403, "not_their_side")
    refused(await yard.sign(view, "owner", yard.renter), 409, "owner_signs_last")
    refused(await yard.sign(view, "next_renter", yard.renter), 403, "not_their_side")
    code = await asked(world, yard)
    refused(await yard.sign(view, "renter", yard.renter, drawing=STROKES, **code), 403, "not_their_side")
    refused(await yard.sign(view, "renter", yard.owner, drawing=STROKES), 422, "drawing_and_code")
    refused(await yard.sign(view, "renter", yard.owner, drawing=[[[5, 5]]], **code), 422, "no_signature")
    lying = view | {"content_hash": "0" * 64}
    refused(await yard.sign(lying, "renter", yard.renter), 409, "content_differs")
    assert (await yard.sign(view, "renter", yard.renter)).is_success
    refused(await yard.sign(view, "owner", yard.renter), 403, "not_their_side")
    stranger = await world.farmer("stranger@x.example", "Ailleurs")
    refused(await yard.sign(view, "owner", stranger), 404, "unknown_inspection")


async def test_a_renter_who_does_not_sign_does_not_keep_the_machine_out(yard: Yard) -> None:
    out = await yard.sent(yard.report())
    refused(await yard.sign(out, "renter", yard.owner, absent="Parti"), 422, "absence_not_here")
    await yard.signed(yard.report())
    back = await yard.sent(yard.report("check_in"))
    refused(await yard.sign(back, "renter", yard.renter, absent="Parti"), 403, "not_their_side")
    assert (await yard.sign(back, "renter", yard.owner, absent="Clés dans la boîte")).is_success
    done = (await yard.sign(back, "owner", yard.owner)).json()
    assert [(one["side"], one["method"], one["why"]) for one in done["signatures"]] == [
        ("owner", "session", ""),
        ("renter", "absent", "Clés dans la boîte"),
    ]
    assert await yard.state() == "returned"


async def test_what_was_signed_is_amended_by_another_that_says_why(world: World, yard: Yard) -> None:
    out = await yard.signed(yard.report())
    second = await yard.sent(yard.report())
    assert (await yard.sign(second, "renter", yard.renter)).is_success
    refused(await yard.sign(second, "owner", yard.owner), 409, "already_inspected")
    refused(await yard.send(yard.report("amendment", amends=out["id"])), 422, "why_needed")
    refused(await yard.send(yard.report(why="Parce que")), 422, "why_needed")
    refused(await yard.send(yard.report("amendment", amends=second["id"], why="x")), 409, "not_to_be_amended")
    elsewhere = await world.machine(yard.owner)
    other = Yard(yard.owner, yard.renter, elsewhere, (await yard.renter.booked([elsewhere], *soon()))["id"])
    theirs = await other.signed(other.report())
    refused(await yard.send(yard.report("amendment", amends=theirs["id"], why="x")), 409, "not_to_be_amended")
    dent = {"id": str(UUID(int=9 + (7 << 76))), "where": "Aile", "what": "Choc"}
    amended = await yard.signed(yard.report("amendment", amends=out["id"], why="Vu après", damage=[dent]))
    assert (amended["sequence"], amended["previous"]) == (2, out["hash"])
    await yard.signed(yard.report("check_in", damage=[dent]))
    (both,) = (await yard.owner.get(f"/bookings/{yard.booking}/inspections/comparison")).json()
    assert both["check_out"]["id"] == amended["id"]
    assert both["difference"]["new_damage"] == [], "it was there when the machine left"


async def test_a_relay_moves_both_bookings_at_once(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    following = await world.farmer("next@ferme.example", "Ferme du Gabas")
    machine = await world.machine(owner)
    first = (await renter.booked([machine], at(0, 1), at(0, 2)))["id"]
    second = (await following.booked([machine], at(0, 2), at(1)))["id"]
    yard = Yard(owner, renter, machine, first)
    out = await yard.signed(yard.report())
    await out_for_a_while(database)
    refused(await yard.send(yard.report("relay")), 422, "relay_needs_two")
    refused(await yard.send(yard.report("relay", next_booking_id=first)), 422, "relay_needs_two")
    relay = await yard.sent(yard.report("relay", next_booking_id=second), renter)
    assert relay["to_sign"] == ["renter", "next_renter", "owner"]
    assert (await yard.sign(relay, "renter", renter)).is_success
    refused(await yard.sign(relay, "owner", owner), 409, "owner_signs_last")
    assert (await yard.sign(relay, "next_renter", following)).is_success
    assert (await yard.state(first), await yard.state(second)) == ("in_use", "confirmed")
    done = await yard.sign(relay, "owner", owner)
    assert done.is_success, done.text
    assert (await yard.state(first), await yard.state(second)) == ("returned", "in_use")
    assert done.json()["previous"] == out["hash"]
    half = yard.report("amendment", amends=relay["id"], why="Vu après")
    refused(await yard.send(half), 409, "not_to_be_amended")  # it is about both bookings
    assert (await yard.send(half | {"next_booking_id": second})).status_code == 201
    for booking, person in ((first, renter), (second, following)):
        (both,) = (await person.get(f"/bookings/{booking}/inspections/comparison")).json()
        found = {side: both[side] and both[side]["id"] for side in ("check_out", "check_in")}
        wanted = {"check_out": out["id"], "check_in": relay["id"]}
        assert found == (wanted if booking == first else {"check_out": relay["id"], "check_in": None})
    assert (await following.get(f"/inspections/{out['id']}")).status_code == 404, "the first renter's own"


async def relayed(
    world: World, owner: Person, renter: Person, database: Database, gap: float, **terms: Json
) -> tuple[Yard, Person, str]:
    """The first booking is out; the second begins so many hours after its end. Who has that, and its id."""
    following = await world.farmer("next@ferme.example", "Ferme du Gabas")
    machine = await world.machine(owner, min_minutes=15, **terms)
    first = (await renter.booked([machine], at(0, 1), at(0, 1.25)))["id"]
    second = (await following.booked([machine], at(0, 1.25 + gap), at(1)))["id"]
    yard = Yard(owner, renter, machine, first)
    await yard.signed(yard.report())
    await out_for_a_while(database)
    return yard, following, second


async def out_for_a_while(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(
            sa.text("UPDATE bookings SET out_at = out_at - interval '10 minutes' WHERE out_at IS NOT NULL")
        )


# The bookings of the next hours, so that the machine is not back in time.
TWO_HOURS_EARLIER = (
    """
    UPDATE bookings SET starts = starts - interval '2 h', ends = ends - interval '2 h',
        out_at = out_at - interval '2 h', created_at = created_at - interval '1 day'
    WHERE starts < now() + interval '1 day'
    """,
    """
    UPDATE occupancies
    SET during = tstzrange(lower(during) - interval '2 h', upper(during) - interval '2 h'),
        blocked = tstzrange(lower(blocked) - interval '2 h', upper(blocked) - interval '2 h')
    WHERE lower(during) < now() + interval '1 day'
    """,
)


async def signed_by_renters(yard: Yard, following: Person, second: str) -> Json:
    relay = await yard.sent(yard.report("relay", next_booking_id=second))
    for side, who in (("renter", yard.renter), ("next_renter", following)):
        assert (await yard.sign(relay, side, who)).is_success
    return relay


async def test_a_relay_needs_no_buffer(world: World, owner: Person, renter: Person, database: Database) -> None:
    """Who takes over in the field takes over at once: the owner, for whom the buffers are, signs for that."""
    buffers = {"buffer_before_minutes": 15, "buffer_after_minutes": 30}
    yard, following, second = await relayed(world, owner, renter, database, 0.75, **buffers)
    relay = await signed_by_renters(yard, following, second)
    assert (await yard.sign(relay, "owner", owner)).is_success
    assert (await yard.state(), await yard.state(second)) == ("returned", "in_use")
    back, out = [(await owner.get(f"/bookings/{one}")).json() for one in (yard.booking, second)]
    assert back["returned_at"] == out["out_at"], "at every moment one of them has it"
    assert out["at_risk"] is False, "it has the machine"
    async with database.read() as tx:
        taken = await tx.rows(
            sa.text("SELECT ref_id, lower(during) AS since, upper(blocked) AS until FROM occupancies")
        )
        facts = [row.name for row in await tx.rows(sa.text("SELECT name FROM outbox WHERE name = 'BookingAtRisk'"))]
    assert facts == []
    first, then = sorted(taken, key=lambda row: row.since)
    assert first.until <= then.since
    assert then.ref_id == UUID(second)


async def test_a_late_relay_warns_who_comes_after_the_one_who_takes_over(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    """Whoever took the machine over has it; who was to have it by now waits for it, and so does nobody after that."""
    yard, following, second = await relayed(world, owner, renter, database, 0)
    await owner.act(second, "cancel", {})
    rivals = [await world.farmer(f"{name}@x.example", f"EARL {name}") for name in ("soon", "tomorrow")]
    second = (await following.booked([yard.machine], at(0, 1.25), at(0, 1.75)))["id"]
    then = (await rivals[0].booked([yard.machine], at(0, 1.75), at(0, 4)))["id"]
    much_later = (await rivals[1].booked([yard.machine], at(3), at(4)))["id"]
    async with database.begin() as tx:
        for statement in TWO_HOURS_EARLIER:
            await tx.execute(sa.text(statement))
    relay = await signed_by_renters(yard, following, second)
    assert (await yard.sign(relay, "owner", owner)).is_success
    risks = [(await owner.get(f"/bookings/{one}")).json()["at_risk"] for one in (second, then, much_later)]
    assert risks == [False, True, False]
    async with database.read() as tx:
        warned = await tx.rows(sa.text("SELECT body->>'booking_id' AS id FROM outbox WHERE name = 'BookingAtRisk'"))
    assert [row.id for row in warned] == [then]


async def test_a_relay_that_cannot_begin_does_not_end(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    """Both bookings step, or none: here somebody has half an hour between them, and it is said when that is over."""
    yard, following, second = await relayed(world, owner, renter, database, 0.75)
    until = at(0, 1.75)
    block = {"start": at(0, 1.25).isoformat(), "end": until.isoformat(), "kind": "block", "note": ""}
    await owner.made(f"/machines/{yard.machine}/blocks", block)
    relay = await signed_by_renters(yard, following, second)
    answer = await yard.sign(relay, "owner", owner)
    refused(answer, 409, "not_free_yet")
    assert answer.json()["possible_from"] == until.isoformat()
    assert (await yard.state(), await yard.state(second)) == ("in_use", "confirmed")
    shown = (await owner.get(f"/inspections/{relay['id']}")).json()
    assert (shown["state"], shown["to_sign"], shown["hash"]) == ("complete", ["owner"], None)


async def test_a_relay_long_before_the_next_booking_says_from_when_it_may_be(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    yard, _, second = await relayed(world, owner, renter, database, 5)
    answer = await yard.send(yard.report("relay", next_booking_id=second))
    refused(answer, 409, "too_early")
    assert answer.json()["possible_from"] == at(0, 4.25).isoformat()


async def test_a_booking_of_two_machines_leaves_with_the_second_report(
    world: World, owner: Person, renter: Person
) -> None:
    machines = [await world.machine(owner) for _ in range(2)]
    booking = (await renter.booked(machines, *soon()))["id"]
    yards = [Yard(owner, renter, machine, booking) for machine in machines]
    for kind, before, after in (("check_out", "confirmed", "in_use"), ("check_in", "in_use", "returned")):
        await yards[0].signed(yards[0].report(kind))
        assert await yards[0].state() == before
        await yards[1].signed(yards[1].report(kind))
        assert await yards[0].state() == after
    both = (await owner.get(f"/bookings/{booking}/inspections/comparison")).json()
    assert [one["machine_id"] for one in both] == sorted(machines)
    assert all(one["difference"] for one in both)


async def test_where_a_report_is_asked_for_nothing_else_hands_over(world: World, owner: Person, renter: Person) -> None:
    machine = await world.machine(owner, asks=["report", "licence", "age", "report"])
    assert (await renter.get(f"/machines/{machine}")).json()["terms"]["asks"] == ["report", "licence", "age"]
    yard = Yard(owner, renter, machine, (await renter.booked([machine], *soon()))["id"])
    refused(await owner.act(yard.booking, "check_out"), 409, "report_needed")
    assert await yard.state() == "confirmed"
    refused(await yard.send(yard.report()), 409, "driver_needed")
    young = {"name": "Léo", "licence": "B"}
    refused(await yard.send(yard.report(driver=young)), 409, "driver_needed")
    unlicensed = {"name": "Léo", "licence": " ", "of_age": True}
    refused(await yard.send(yard.report(driver=unlicensed)), 409, "driver_needed")
    await yard.signed(yard.report(driver=young | {"of_age": True}))
    refused(await owner.act(yard.booking, "check_in", {}), 409, "report_needed")
    await yard.signed(yard.report("check_in"))
    assert await yard.state() == "returned"


async def test_without_such_a_wish_a_word_is_enough(yard: Yard) -> None:
    assert (await yard.owner.act(yard.booking, "check_out")).is_success
    assert (await yard.owner.act(yard.booking, "check_in", {})).is_success
    # Both may still write down what they saw.
    late = await yard.signed(yard.report())
    assert (late["state"], await yard.state()) == ("signed", "returned")


async def test_a_report_has_its_time(world: World, yard: Yard) -> None:
    refused(await yard.send(yard.report("amendment", amends=str(uuid4()), why="x")), 409, "inspection_not_now")
    refused(await yard.send(yard.report(made_at=ago(days=3))), 422, "made_at_odd_time")
    refused(await yard.send(yard.report(made_at=at(0, 2).isoformat())), 422, "made_at_odd_time")
    later = (await yard.renter.booked([yard.machine], at(5), at(6)))["id"]
    refused(await yard.send(yard.report(), booking=later), 409, "too_early")
    back = await yard.sent(yard.report("check_in"))
    assert (await yard.sign(back, "renter", yard.renter)).is_success
    refused(await yard.sign(back, "owner", yard.owner), 409, "inspection_not_now")
    other = await world.machine(yard.owner)
    refused(await yard.send(yard.report(machine_id=other)), 422, "not_in_booking")
    broken = yard.report()
    refused(await yard.send(broken | {"checklist": broken["checklist"][1:]}), 422, "items_differ")
    twice = yard.report(photos=[photo(1), photo(1)])
    refused(await yard.send(twice), 422, "named_twice")
    dent = {"id": str(uuid4()), "where": "Capot", "what": "Enfoncé"}
    again = await yard.send(yard.report(damage=[dent, dent | {"what": "Rayé"}]))
    refused(again, 422, "named_twice")
    assert again.json()["errors"][0]["pointer"] == "/damage/1"
    unseen = yard.report(photos=[photo(1)], damage=[dent, dent | {"id": str(uuid4()), "photos": [hashed(photo(2))]}])
    answer = await yard.send(unseen)
    refused(answer, 422, "photo_not_announced")
    assert answer.json()["errors"][0]["pointer"] == "/damage/1/photos"


async def test_meters_are_read_with_the_report(yard: Yard) -> None:
    path = f"/machines/{yard.machine}"
    tag = (await yard.owner.get(path)).headers["ETag"]
    assert (await yard.owner.ask("PATCH", path, {"meters": ["engine_hour"]}, If_Match=tag)).is_success

    def meter(value: str, why: str = "") -> Json:
        return {"meters": [{"meter": "engine_hour", "value": value, "why": why}]}

    refused(await yard.send(yard.report()), 422, "meter_missing")
    await yard.signed(yard.report(**meter("1200.5")))
    refused(await yard.send(yard.report("check_in", **meter("1199"))), 409, "meter_runs_backwards")
    refused(await yard.send(yard.report("check_in", **meter("1210"))), 409, "meter_jumps")
    back = await yard.signed(yard.report("check_in", **meter("1201.2")))
    assert back["meters"] == [{"meter": "engine_hour", "value": "1201.20", "why": ""}]
    readings = (await yard.owner.get(f"{path}/readings")).json()["items"]
    assert [one["value"] for one in readings] == ["1201.20", "1200.50"]
    (both,) = (await yard.owner.get(f"/bookings/{yard.booking}/inspections/comparison")).json()
    assert both["difference"]["meters"][0]["used"] == "0.70"


async def test_both_sides_are_told(yard: Yard, database: Database) -> None:
    signed = await yard.signed(yard.report())
    async with database.read() as tx:
        query = "SELECT name, body->>'hash' AS hash FROM outbox WHERE name LIKE 'Inspection%' ORDER BY id"
        facts = await tx.rows(sa.text(query))
    assert [tuple(one) for one in facts] == [("InspectionToSign", None), ("InspectionSigned", signed["hash"])]
