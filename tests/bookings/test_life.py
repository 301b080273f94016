"""The life of a booking over HTTP: who may take it where, what the other side is told, and when money is asked."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from votremachine.bookings.jobs import complete_returned, expire_provisional, warn_overdue
from votremachine.infra.database import Database, utc_now
from votremachine.infra.outbox import drain
from votremachine.worker import HANDLERS

THREE_HOURS_EARLIER = (
    """
    UPDATE bookings SET starts = starts - interval '3 h', ends = ends - interval '3 h', out_at = out_at - interval '3 h'
    WHERE id = :id
    """,
    """
    UPDATE occupancies
    SET during = tstzrange(lower(during) - interval '3 h', upper(during) - interval '3 h'),
        blocked = tstzrange(lower(blocked) - interval '3 h', upper(blocked) - interval '3 h')
    WHERE ref_id = :id
    """,
)


async def told(person: Person, database: Database) -> list[str]:
    """The kinds of the messages in a person's inbox, newest first, once the outbox has been drained."""
    await drain(database, HANDLERS)
    return [message["kind"] for message in (await person.get("/inbox")).json()["items"]]


def later(database: Database, **hours: float) -> Database:
    """The same database as it will be seen some hours from now."""
    ahead = Database(database.engine.url.render_as_string(hide_password=False), pool_size=2)
    ahead.clock = lambda: utc_now() + timedelta(**hours)
    return ahead


async def test_a_request_waits_for_its_owner(world: World, owner: Person, renter: Person, database: Database) -> None:
    tractor = await world.machine(owner, booking_mode="on_request")
    asked = await renter.booked([tractor], at(2), at(3))
    assert asked["state"] == "requested"
    assert await told(owner, database) == ["BookingRequested"]
    assert await told(renter, database) == []
    early = await renter.act(asked["id"], "accept")
    assert (early.status_code, early.json()["code"]) == (403, "not_allowed")
    accepted = await owner.act(asked["id"], "accept")
    assert (accepted.status_code, accepted.json()["state"]) == (200, "confirmed")
    assert accepted.json()["expires_at"] is None
    assert await told(renter, database) == ["BookingConfirmed"]
    steps = (await renter.get(f"/bookings/{asked['id']}/history")).json()
    assert [(step["from_state"], step["to_state"]) for step in steps] == [
        (None, "held"),
        ("held", "requested"),
        ("requested", "confirmed"),
    ]


async def test_a_declined_request_frees_the_time_and_says_why(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, booking_mode="on_request")
    asked = await renter.booked([tractor], at(2), at(3))
    declined = await owner.act(asked["id"], "decline", {"why": "moisson"})
    assert declined.json()["state"] == "declined"
    steps = (await renter.get(f"/bookings/{asked['id']}/history")).json()
    assert steps[-1]["why"] == "moisson"
    assert (await renter.booked([tractor], at(2), at(3)))["state"] == "requested"


async def test_a_hold_runs_out(world: World, owner: Person, renter: Person, database: Database) -> None:
    tractor = await world.machine(owner)
    held = (await renter.book([tractor], at(2), at(3))).json()
    async with database.begin() as tx:
        for table in ("bookings", "occupancies"):
            await tx.execute(sa.text(f"UPDATE {table} SET expires_at = now() - interval '1 second'"))
    assert (await renter.get(f"/bookings/{held['id']}")).json()["state"] == "expired"
    assert (await renter.get("/bookings?state=held")).json()["items"] == []
    assert len((await renter.get("/bookings?state=expired")).json()["items"]) == 1
    late = await renter.act(held["id"], "confirm", {"payment": "on_account"})
    assert (late.status_code, late.json()["code"]) == (409, "hold_expired")
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    assert (await rival.booked([tractor], at(2), at(3)))["state"] == "confirmed"
    assert await expire_provisional({"database": database}) == 1
    assert await told(renter, database) == ["BookingExpired"]
    steps = (await renter.get(f"/bookings/{held['id']}/history")).json()
    assert steps[-1] | {"at": ""} == {"from_state": "held", "to_state": "expired", "at": "", "by": None, "why": ""}


async def test_a_hold_whose_time_another_clock_gave_away_is_not_confirmed(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    """A process whose clock is ahead has dropped the lapsed hold; ours is behind and thinks that it lives."""
    tractor = await world.machine(owner)
    held = (await renter.book([tractor], at(2), at(3))).json()
    async with database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM occupancies"))
    refused = await renter.act(held["id"], "confirm", {"payment": "on_account"})
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_expired")


async def test_rescheduling_onto_a_taken_time_keeps_the_old_one(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    await rival.booked([tractor], at(5), at(6))
    mine = await renter.book([tractor], at(2), at(3), payment="on_account")
    tag, booking = mine.headers["ETag"], mine.json()["id"]
    body = {"start": at(5).isoformat(), "end": at(6).isoformat()}
    without = await renter.act(booking, "reschedule", body)
    assert (without.status_code, without.json()["code"]) == (428, "if_match_required")
    refused = await renter.act(booking, "reschedule", body, If_Match=tag)
    assert (refused.status_code, refused.json()["code"]) == (409, "span_taken")
    assert refused.json()["alternatives"]
    assert (await renter.get(f"/bookings/{booking}")).json()["during"] == mine.json()["during"]
    calendar = (await renter.get(f"/machines/{tractor}/availability?from={at(1):%FT%TZ}&to={at(7):%FT%TZ}")).json()
    assert len(calendar["busy"]) == 2
    body = {"start": at(6).isoformat(), "end": at(8).isoformat()}
    moved = await renter.act(booking, "reschedule", body, If_Match=tag)
    assert moved.status_code == 200, moved.text
    assert moved.json()["price"]["net"]["minor"] > mine.json()["price"]["net"]["minor"]
    stale = await renter.act(booking, "reschedule", body, If_Match=tag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")


async def test_what_an_owner_approved_nobody_moves_alone(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, booking_mode="on_request")
    asked = await renter.booked([tractor], at(2), at(3))
    tag = (await owner.act(asked["id"], "accept")).headers["ETag"]
    longer, elsewhere = {"end": at(4).isoformat()}, {"start": at(5).isoformat(), "end": at(6).isoformat()}
    for verb, body in (("extend", longer), ("reschedule", elsewhere)):
        refused = await renter.act(asked["id"], verb, body, If_Match=tag)
        assert (refused.status_code, refused.json()["code"]) == (409, "owner_decides")
        refused = await owner.act(asked["id"], verb, body, If_Match=tag)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_a_booking_keeps_the_terms_it_was_made_under(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    booking = await renter.book([tractor], at(2), at(3), payment="on_account")
    tag = (await owner.get(f"/machines/{tractor}")).headers["ETag"]
    await owner.ask("PATCH", f"/machines/{tractor}", {"terms": {"booking_mode": "on_request"}}, If_Match=tag)
    moved = await renter.act(
        booking.json()["id"], "extend", {"end": at(4).isoformat()}, If_Match=booking.headers["ETag"]
    )
    assert moved.status_code == 200, moved.text


async def test_once_it_has_begun_only_the_owner_cancels(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    booking = await renter.booked([await world.machine(owner)], at(1), at(1, 2))
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET starts = now() - interval '1 h', ends = now() + interval '1 h'"))
    refused = await renter.act(booking["id"], "cancel", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_late")
    assert (await owner.act(booking["id"], "cancel", {"why": "panne"})).json()["state"] == "cancelled"


async def test_a_machine_that_is_out_leaves_with_nobody_else(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, first = await in_use(world, owner, renter, database)
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    following = await rival.booked(
        [tractor], utc_now() + timedelta(hours=1, minutes=40), utc_now() + timedelta(hours=4)
    )
    refused = await owner.act(following["id"], "check_out")
    assert (refused.status_code, refused.json()["code"]) == (409, "machine_still_out")
    assert (await owner.act(first, "check_in", {})).status_code == 200
    early = await owner.act(following["id"], "check_out")
    assert (early.status_code, early.json()["code"]) == (409, "not_free_yet"), "the buffer after the first still stands"


async def test_an_early_check_out_takes_the_time_from_then_on(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], utc_now() + timedelta(minutes=90), utc_now() + timedelta(hours=5))
    assert (await owner.act(booking["id"], "check_out")).json()["state"] == "in_use"
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    soon = await rival.book([tractor], utc_now() + timedelta(minutes=5), utc_now() + timedelta(minutes=70))
    assert (soon.status_code, soon.json()["code"]) == (409, "span_taken")
    assert (await owner.act(booking["id"], "check_in", {})).json()["state"] == "returned"
    window = f"from={utc_now() - timedelta(days=1):%FT%TZ}&to={utc_now() + timedelta(days=1):%FT%TZ}"
    entries = (await owner.get(f"/machines/{tractor}/agenda?{window}")).json()["entries"]
    assert [entry["ref_id"] for entry in entries] == [booking["id"]], "back at once, and still one occupancy"


async def test_what_begins_soon_on_an_overdue_machine_is_at_risk_from_the_start(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, _ = await in_use(world, owner, renter, database)
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET starts = starts - interval '2 h', ends = ends - interval '2 h'"))
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    soon = await rival.booked([tractor], utc_now() + timedelta(hours=3), utc_now() + timedelta(hours=6))
    assert soon["at_risk"] is True
    assert (await rival.booked([tractor], at(3), at(4)))["at_risk"] is False


async def in_use(world: World, owner: Person, renter: Person, database: Database) -> tuple[str, Json]:
    """A booking under way since an hour ago, until an hour from now."""
    tractor = await world.machine(owner, buffer_after_minutes=30)
    booking = await renter.booked([tractor], at(1), at(1, 2))
    begin, end = utc_now() - timedelta(hours=1), utc_now() + timedelta(hours=1)
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE bookings SET starts = :s, ends = :e"), {"s": begin, "e": end})
        await tx.execute(
            sa.text(
                "UPDATE occupancies SET during = tstzrange(:s, :e), blocked = tstzrange(:s, :e + interval '30 min')"
            ).bindparams(sa.bindparam("s", type_=sa.DateTime(True)), sa.bindparam("e", type_=sa.DateTime(True))),
            {"s": begin, "e": end},
        )
    out = await owner.act(booking["id"], "check_out")
    assert (out.status_code, out.json()["state"]) == (200, "in_use"), out.text
    return tractor, booking["id"]


async def test_an_early_return_frees_the_rest(world: World, owner: Person, renter: Person, database: Database) -> None:
    tractor, booking = await in_use(world, owner, renter, database)
    back = await owner.act(booking, "check_in", {})
    assert back.json()["state"] == "returned"
    now = utc_now()
    window = f"from={now - timedelta(days=1):%FT%TZ}&to={now + timedelta(days=1):%FT%TZ}"
    (taken,) = (await owner.get(f"/machines/{tractor}/agenda?{window}")).json()["entries"]
    ends, out = (datetime.fromisoformat(one) for one in (taken["during"]["end"], back.json()["out_at"]))
    assert ends == out + timedelta(minutes=1), "brought back at once: it was had for a minute"
    async with database.read() as tx:
        ((left,),) = await tx.rows(sa.text("SELECT upper(blocked) - upper(during) FROM occupancies"))
    assert left == timedelta(minutes=30)
    ahead = later(database, hours=49)
    assert await complete_returned({"database": ahead}) == 1
    await ahead.close()
    assert (await renter.get(f"/bookings/{booking}")).json()["state"] == "completed"
    async with database.read() as tx:
        assert not await tx.rows(sa.text("SELECT id FROM occupancies"))


async def test_a_late_machine_puts_the_next_booking_at_risk_and_both_are_told(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, booking = await in_use(world, owner, renter, database)
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    following = await rival.booked([tractor], utc_now() + timedelta(hours=4), utc_now() + timedelta(hours=8))
    ahead = later(database, hours=2)
    assert await warn_overdue({"database": ahead}) == 1
    assert (await rival.get(f"/bookings/{following['id']}")).json()["at_risk"] is True
    assert (await told(rival, ahead))[0] == "BookingAtRisk"
    assert (await told(owner, ahead))[0] == "BookingAtRisk"
    await warn_overdue({"database": ahead})
    assert (await told(rival, ahead)).count("BookingAtRisk") == 1, "told once, not every minute"
    await ahead.close()
    assert (await owner.act(booking, "check_in", {})).status_code == 200
    assert (await rival.get(f"/bookings/{following['id']}")).json()["at_risk"] is False
    assert "BookingOutOfRisk" in await told(rival, database)


async def test_a_late_return_is_recorded_and_never_overlaps(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor, booking = await in_use(world, owner, renter, database)
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    following = await rival.booked([tractor], utc_now() + timedelta(hours=2), utc_now() + timedelta(hours=8))
    async with database.begin() as tx:
        for earlier in THREE_HOURS_EARLIER:
            await tx.execute(sa.text(earlier), {"id": UUID(booking)})
    back = await owner.act(booking, "check_in", {})
    assert back.status_code == 200, back.text
    async with database.read() as tx:
        (fact,) = await tx.rows(sa.text("SELECT body FROM outbox WHERE name = 'MachineReturned'"))
    assert 118 <= fact.body["late_minutes"] <= 121
    # Back in time for the next one after all: half an hour of buffer ends before it begins.
    assert (await rival.get(f"/bookings/{following['id']}")).json()["at_risk"] is False


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("confirm", {"payment": "on_account"}),
        ("accept", None),
        ("decline", {}),
        ("cancel", {}),
        ("check_out", None),
        ("check_in", {}),
        ("no_show", {}),
        ("reschedule", {"start": at(4).isoformat(), "end": at(5).isoformat()}),
        ("extend", {"end": at(5).isoformat()}),
    ],
)
async def test_a_stranger_learns_nothing(
    verb: str, body: Json, world: World, owner: Person, renter: Person, database: Database
) -> None:
    booking = await renter.booked([await world.machine(owner)], at(2), at(3))
    stranger = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    theirs = await stranger.act(booking["id"], verb, body, If_Match='"1.x"')
    nothing = await stranger.act(str(uuid4()), verb, body, If_Match='"1.x"')
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.json()["detail"] == nothing.json()["detail"]
    assert (await stranger.get(f"/bookings/{booking['id']}")).status_code == 404
    assert (await stranger.get("/bookings")).json()["items"] == []
    assert (await renter.get(f"/bookings/{booking['id']}")).json()["version"] == 1


async def test_only_members_of_the_cooperative_book_its_machines_on_account(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE parties SET demo = false"))
    cuma = await world.farmer("cuma@cuma.example", "CUMA du Marsan", "cooperative")
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE parties SET demo = false"))
    baler = await world.machine(cuma)
    refused = await renter.book([baler], at(2), at(3), payment="on_account")
    assert (refused.status_code, refused.json()["code"]) == (402, "payment_required")
    held = (await renter.book([baler], at(2), at(3))).json()
    refused = await renter.act(held["id"], "confirm", {"payment": "on_account"})
    assert (refused.status_code, refused.json()["code"]) == (402, "payment_required")
    members = f"/parties/{cuma.party_id}/members"
    assert (await renter.made(members, {"party_id": renter.party_id}))["approved"] is False
    refused = await renter.act(held["id"], "confirm", {"payment": "on_account"})
    assert refused.status_code == 402, "asking is not being let in"
    assert (await renter.post(f"{members}/{renter.party_id}/approve")).status_code == 404
    assert (await cuma.made(f"{members}/{renter.party_id}/approve"))["approved"] is True
    confirmed = await renter.act(held["id"], "confirm", {"payment": "on_account"})
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "confirmed")


async def test_a_group_is_taken_whole_or_not_at_all(world: World, owner: Person, renter: Person) -> None:
    tractors = [await world.machine(owner) for _ in range(3)]
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    await rival.booked([tractors[1]], at(2), at(2, 3))
    refused = await renter.book(tractors, at(2), at(3), payment="on_account")
    assert (refused.status_code, refused.json()["code"]) == (409, "span_taken")
    first = refused.json()["alternatives"][0]
    # What the group had claimed before it was refused is not in its own way.
    assert datetime.fromisoformat(first["start"]) == at(2, 3)
    whole = await renter.booked(tractors, *(at(0).fromisoformat(first[edge]) for edge in ("start", "end")))
    assert {machine["id"] for machine in whole["machines"]} == set(tractors)
    for tractor in tractors:
        window = f"from={at(-1):%FT%TZ}&to={at(20):%FT%TZ}"
        entries = (await owner.get(f"/machines/{tractor}/agenda?{window}")).json()["entries"]
        assert [entry["ref_id"] for entry in entries].count(whole["id"]) == 1
    await renter.act(whole["id"], "cancel", {"why": "pluie"})
    for tractor in tractors:
        entries = (await owner.get(f"/machines/{tractor}/agenda?{window}")).json()["entries"]
        assert whole["id"] not in [entry["ref_id"] for entry in entries]


async def test_blocks_keep_a_machine_and_give_it_back(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    span = {"start": at(2).isoformat(), "end": at(3).isoformat()}
    refused = await renter.post(f"/machines/{tractor}/blocks", span)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    block = await owner.made(f"/machines/{tractor}/blocks", span | {"kind": "maintenance", "note": "vidange"})
    assert (await renter.book([tractor], at(2), at(3))).status_code == 409
    shown = (await renter.get(f"/machines/{tractor}/availability?from={at(1):%FT%TZ}&to={at(4):%FT%TZ}")).text
    assert "vidange" not in shown
    assert "maintenance" not in shown
    refused = await renter.ask("DELETE", f"/blocks/{block['id']}")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_block")
    assert (await owner.ask("DELETE", f"/blocks/{block['id']}")).status_code == 204
    assert (await renter.book([tractor], at(2), at(3))).status_code == 201
