"""Booking by a quote: at its price, extras included, for half an hour, and for nothing else."""

from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from votremachine.accounts.credentials import keys_of
from votremachine.config import Settings
from votremachine.infra.database import Database, utc_now
from votremachine.pricing.offers import Offers

PLACE = {"latitude": 43.75, "longitude": -0.45}
CARD = {
    "rates": [{"unit": "day", "minor": 12_000}],
    "operator": {"rates": [{"unit": "day", "minor": 20_000}]},
    "delivery": {"lump_minor": 3_000, "km_minor": 100, "radius_km": 60},
}


@pytest.fixture
async def tractor(world: World, owner: Person) -> str:
    machine = await world.machine(owner)
    await owner.made(f"/machines/{machine}/rates", CARD)
    return machine


async def quoted(renter: Person, machine: str) -> Json:
    span = {"start": at(2).isoformat(), "end": at(3).isoformat()}
    wish = {"machine_id": machine, "operator": True}
    return await renter.made("/quotes", {"machine_ids": [machine], **span, "wishes": [wish], "deliver_to": PLACE})


async def bookings(database: Database) -> int:
    async with database.begin() as tx:
        found = await tx.rows(sa.text("SELECT (SELECT count(*) FROM bookings) + (SELECT count(*) FROM occupancies) n"))
    return int(found[0].n)


async def test_a_quote_stands_though_the_card_and_the_deposit_change(
    tractor: str, owner: Person, renter: Person
) -> None:
    quote = await quoted(renter, tractor)
    assert {line["kind"] for line in quote["price"]["lines"]} == {"time", "operator", "delivery"}
    await owner.made(f"/machines/{tractor}/rates", {"rates": [{"unit": "day", "minor": 99_000}]})
    tag = (await owner.get(f"/machines/{tractor}")).headers["ETag"]
    await owner.ask("PATCH", f"/machines/{tractor}", {"deposit_minor": 900_000}, If_Match=tag)
    booking = await renter.booked([tractor], at(2), at(3), quote=quote["token"])
    assert booking["price"] == quote["price"]
    assert booking["deposit"] == quote["deposit"]
    assert (await renter.get(f"/bookings/{booking['id']}")).json()["price"] == quote["price"]
    plain = await renter.booked([tractor], at(5), at(6))
    assert {line["unit_price"]["minor"] for line in plain["price"]["lines"]} == {99_000}


async def test_a_booking_keeps_its_extras_when_it_moves(tractor: str, owner: Person, renter: Person) -> None:
    quote = await quoted(renter, tractor)
    made = await renter.book([tractor], at(2), at(3), payment="on_account", quote=quote["token"])
    await owner.made(f"/machines/{tractor}/rates", {"rates": [{"unit": "day", "minor": 99_000}]})
    body = {"start": at(12).isoformat(), "end": at(13).isoformat()}
    moved = await renter.act(made.json()["id"], "reschedule", body, If_Match=made.headers["ETag"])
    assert moved.json()["price"] == quote["price"]
    longer = await renter.act(moved.json()["id"], "extend", {"end": at(15).isoformat()}, If_Match=moved.headers["ETag"])
    before, after = moved.json()["price"]["lines"], longer.json()["price"]["lines"]
    assert [line for line in after if line["kind"] == "delivery"] == [
        line for line in before if line["kind"] == "delivery"
    ]
    assert [line["quantity"] for line in after if line["kind"] in {"time", "operator"}] == [
        line["quantity"] + 2 for line in before if line["kind"] in {"time", "operator"}
    ]


async def test_a_quote_for_something_else_is_refused_and_nothing_is_stored(
    tractor: str, world: World, owner: Person, renter: Person, database: Database
) -> None:
    other, token = await world.machine(owner), (await quoted(renter, tractor))["token"]
    rival = await world.farmer("rival@ferme.example", "Ferme du Tursan")
    cases = (
        (renter, [other], at(2), at(3), "machines"),
        (renter, [tractor, other], at(2), at(3), "machines"),
        (renter, [tractor], at(2), at(3, 1), "period"),
        (renter, [tractor], at(2, 1), at(3), "period"),
        (rival, [tractor], at(2), at(3), "renter"),
    )
    for who, machines, start, end, differs in cases:
        refused = await who.book(machines, start, end, quote=token)
        assert (refused.status_code, refused.json()["code"]) == (422, "quote_for_other"), refused.text
        assert refused.json()["differs"] == differs
    assert await bookings(database) == 0


async def test_an_altered_quote_is_refused_and_nothing_is_stored(
    tractor: str, renter: Person, database: Database
) -> None:
    token = (await quoted(renter, tractor))["token"]
    for wrong in (token[:-2], token[:40] + ("B" if token[40] == "A" else "A") + token[41:], "", "é", token + "A"):
        refused = await renter.book([tractor], at(2), at(3), quote=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "quote_altered"), wrong
        french = await renter.post(
            "/bookings",
            {"machine_ids": [tractor], "start": at(2).isoformat(), "end": at(3).isoformat(), "quote": wrong},
            Idempotency_Key="1",
            Accept_Language="fr",
        )
        assert french.json()["detail"].startswith("Ce devis ne vient pas de ce service.")
    assert (await renter.book([tractor], at(2), at(3), quote="A" * 9_000)).json()["code"] == "invalid_input"
    assert await bookings(database) == 0


async def test_a_quote_is_over_after_half_an_hour(
    tractor: str, renter: Person, database: Database, settings: Settings
) -> None:
    quote, offers = await quoted(renter, tractor), Offers(keys_of(settings))
    offer = offers.read(quote["token"], utc_now())
    assert timedelta(minutes=29) < offer.until - utc_now() <= timedelta(minutes=30)
    late = offers.write(msgspec.structs.replace(offer, until=utc_now()))
    refused = await renter.book([tractor], at(2), at(3), quote=late)
    assert (refused.status_code, refused.json()["code"]) == (409, "quote_expired")
    assert await bookings(database) == 0
    # What was booked in time is answered to a repeat, whatever the hour.
    first = await renter.book([tractor], at(2), at(3), quote=quote["token"], key="once")
    again = await renter.book([tractor], at(2), at(3), quote=quote["token"], key="once")
    assert (first.status_code, again.content) == (201, first.content)


async def test_a_member_who_left_keeps_the_quote(world: World, renter: Person, database: Database) -> None:
    cuma = await world.farmer("cuma@landes.example", "CUMA du Marsan", kind="cooperative")
    baler = await world.machine(cuma, day=10_000)
    await cuma.made(
        f"/machines/{baler}/rates", {"rates": [{"unit": "day", "minor": 5_000}], "cooperative_id": cuma.party_id}
    )
    await renter.made(f"/parties/{cuma.party_id}/members", {"party_id": renter.party_id})
    await cuma.made(f"/parties/{cuma.party_id}/members/{renter.party_id}/approve")
    span = {"start": at(2).isoformat(), "end": at(3).isoformat()}
    quote = await renter.made("/quotes", {"machine_ids": [baler], **span})
    async with database.begin() as tx:
        await tx.execute(sa.text("DELETE FROM adhesions"))
    booking = await renter.booked([baler], at(2), at(3), quote=quote["token"])
    assert booking["price"] == quote["price"]


async def test_bookings_from_before_extras_and_kinds_are_read_as_they_were(
    tractor: str, renter: Person, database: Database
) -> None:
    made = await renter.book([tractor], at(2), at(3), payment="on_account")
    async with database.begin() as tx:
        await tx.execute(
            sa.text(
                """
                UPDATE bookings SET extras = DEFAULT, price = jsonb_set(price, '{lines}', (
                    SELECT jsonb_agg(line - 'kind' - 'estimated' - 'road')
                    FROM jsonb_array_elements(price -> 'lines') line
                ))
                """
            )
        )
    path = f"/bookings/{made.json()['id']}"
    told = (await renter.get(path)).json()
    assert told.pop("meeting")
    assert told.pop("deposit_state") is None
    assert told == made.json()
    body = {"end": at(5).isoformat()}
    longer = await renter.act(made.json()["id"], "extend", body, If_Match=made.headers["ETag"])
    assert {line["kind"] for line in longer.json()["price"]["lines"]} == {"time"}
