"""Quotes over HTTP: everything that is charged is a line, and the token holds the price."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.people import Json, Person, World, at
from votremachine.infra.database import Database

DAX = {"latitude": 43.7102, "longitude": -1.0537}
CARD = {
    "rates": [{"unit": "day", "minor": 12_000}, {"unit": "week", "minor": 60_000}, {"unit": "hectare", "minor": 500}],
    "seasons": [{"name": "Moisson", "first": "2020-01-01", "last": "2040-01-01", "factor": 15_000}],
    "operator": {"rates": [{"unit": "day", "minor": 20_000}]},
    "fuel": {"policy": "per_litre", "litre_minor": 120},
    "delivery": {"lump_minor": 3_000, "km_minor": 100, "radius_km": 60},
}


def asked(*machines: str, start: float = 2, end: float = 2.2, **more: Json) -> dict[str, Json]:
    return {"machine_ids": list(machines), "start": at(start).isoformat(), "end": at(end).isoformat(), **more}


def one_day(*machines: str, days: int = 3, **more: Json) -> dict[str, Json]:
    """Noon to four in the afternoon UTC, on one date in Paris."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=days)
    end = noon + timedelta(hours=4)
    return {"machine_ids": list(machines), "start": noon.isoformat(), "end": end.isoformat(), **more}


def lines(quote: Json) -> list[tuple[str, str, float, int]]:
    return [(one["kind"], one["unit"], one["quantity"], one["net"]["minor"]) for one in quote["price"]["lines"]]


async def test_a_quote_shows_lines_vat_total_deposit_and_whether_it_is_free(
    world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner, day=12_345, week=60_000)
    quote = await renter.made("/quotes", one_day(tractor))
    assert lines(quote) == [("time", "day", 1, 12_345)]
    price = quote["price"]
    assert (price["net"]["minor"], price["vat"]["minor"], price["total"]["minor"]) == (12_345, 2_469, 14_814)
    assert quote["vat_by_rate"] == [{"rate": 2000, "net": price["net"], "vat": price["vat"]}]
    assert quote["deposit"] == {"minor": 100_000, "currency": "EUR"}
    assert quote["estimated"]["minor"] == 0
    assert quote["bookable"] is True
    week = await renter.made("/quotes", asked(tractor, end=8))
    assert [(line["unit"], line["quantity"]) for line in week["price"]["lines"]] == [("week", 1)]
    await renter.booked([tractor], at(3), at(4))
    assert (await renter.made("/quotes", asked(tractor, end=8)))["bookable"] is False


async def test_buffers_of_the_machine_are_in_the_way_of_a_newcomer(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, buffer_before_minutes=60, buffer_after_minutes=120)
    await renter.booked([tractor], at(3), at(4))
    # Its own buffers keep it two hours after the booking, and those of the newcomer one more; before it the same.
    for start, end, free in (
        (4 + 2.5 / 24, 5, False),
        (4 + 3 / 24, 5, True),
        (2, 3 - 2.5 / 24, False),
        (2, 3 - 3 / 24, True),
    ):
        quote = await renter.made("/quotes", asked(tractor, start=start, end=end))
        assert quote["bookable"] is free, (start, end)
        assert (await renter.book([tractor], at(start), at(end))).status_code == (201 if free else 409)


async def test_a_machine_that_goes_with_another_is_quoted_with_it(world: World, owner: Person, renter: Person) -> None:
    tanker = await world.machine(owner, pairing={"categories": ["tractor"]})
    alone = await renter.post("/quotes", one_day(tanker))
    assert (alone.status_code, alone.json()["code"]) == (422, "pairing_missing")
    quote = await renter.made("/quotes", one_day(tanker, await world.machine(owner)))
    assert len(quote["price"]["lines"]) == 2


async def test_a_hold_that_ran_out_is_not_in_the_way(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    await renter.book([tractor], at(3), at(4))
    assert (await renter.made("/quotes", asked(tractor, start=3, end=4)))["bookable"] is False
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE occupancies SET expires_at = now() - interval '1 second'"))
    assert (await renter.made("/quotes", asked(tractor, start=3, end=4)))["bookable"] is True


async def test_several_machines_operator_delivery_and_fuel_in_one_quote(
    world: World, owner: Person, renter: Person
) -> None:
    rich, plain = await world.machine(owner), await world.machine(owner, day=7_000)
    await owner.made(f"/machines/{rich}/rates", CARD)
    await owner.made(
        f"/machines/{plain}/rates",
        {"rates": [{"unit": "day", "minor": 7_000}], "minimum_minor": 9_000, "delivery": {"radius_km": 50}},
    )
    wish = {"machine_id": rich, "operator": True, "use": {"hectare": 12.5, "litre": 40}}
    quote = await renter.made("/quotes", one_day(rich, plain, wishes=[wish], deliver_to=DAX), Accept_Language="en")
    both = {
        machine: [line for line in quote["price"]["lines"] if line["machine_id"] == machine]
        for machine in (rich, plain)
    }
    assert [
        (one["kind"], one["unit"], one["quantity"], one["net"]["minor"], one["estimated"]) for one in both[rich]
    ] == [
        ("time", "day", 1, 18_000, False),
        ("metered", "hectare", 12.5, 6_250, True),
        ("operator", "day", 1, 20_000, False),
        ("fuel", "litre", 40, 4_800, True),
        ("delivery", "lump", 1, 3_000, False),
        ("delivery", "km", 63.3, 6_330, False),
    ]
    assert [(one["kind"], one["net"]["minor"]) for one in both[plain]] == [
        ("time", 7_000),
        ("minimum", 2_000),
        ("delivery", 0),
    ]
    assert both[rich][-1]["road"] == {"straight_m": 48_700, "road_m": 63_300}
    assert quote["estimated"]["minor"] == 6_250 + 4_800
    assert quote["price"]["net"]["minor"] == sum(line["net"]["minor"] for line in quote["price"]["lines"])
    words = next(terms["words"] for terms in quote["terms"] if terms["machine_id"] == rich)
    assert words == [
        "Cancelling is free until 24 hours before the start; after that half of the price is due.",
        "Fuel is not included: the owner fills the tank and charges the litres.",
        "Lines marked as estimated are settled after use, by what was really used.",
        "Delivery: 48.7 km as the crow flies × 1.3 (roads bend) = 63.3 km, counted one way.",
    ]
    french = await renter.made("/quotes", one_day(rich, wishes=[wish], deliver_to=DAX), Accept_Language="fr")
    assert "Livraison : 48,7 km à vol d'oiseau" in french["terms"][0]["words"][-1]


BAD_CARDS: list[tuple[Json, str, str]] = [
    ({"rates": [{"unit": "day", "minor": -1}]}, "invalid_input", "/rates/0/minor"),
    ({"rates": [{"unit": "day", "minor": 1.5}]}, "invalid_input", "/rates/0/minor"),
    ({"rates": [{"unit": "fortnight", "minor": 1}]}, "invalid_input", "/rates/0/unit"),
    ({"rates": []}, "invalid_input", "/rates"),
    ({"rates": [{"unit": "day", "minor": 1}] * 2}, "same_unit_twice", "/rates"),
    ({"rates": [{"unit": "litre", "minor": 1}]}, "not_a_rate", "/rates/0/unit"),
    ({"rates": [{"unit": "weekend", "minor": 1}]}, "weekend_alone", "/rates"),
    ({"minimum_minor": -1}, "invalid_input", "/minimum_minor"),
    ({"seasons": [{"name": "x", "first": "2026-02-30", "last": "2026-03-01", "factor": 1}]}, "invalid_input", ""),
    ({"seasons": [{"name": "x", "first": "2026-03-02", "last": "2026-03-01", "factor": 1}]}, "season_ends_first", ""),
    ({"seasons": [{"name": "x", "first": "2026-03-02", "last": "2026-03-09", "factor": -1}]}, "invalid_input", ""),
    (
        {
            "seasons": [
                {"name": "x", "first": "2026-03-01", "last": "2026-03-09", "factor": 1},
                {"name": "y", "first": "2026-03-09", "last": "2026-03-10", "factor": 1},
            ]
        },
        "seasons_overlap",
        "/seasons/1",
    ),
    ({"fuel": {"policy": "per_litre"}}, "litre_price", "/fuel/litre_minor"),
    ({"fuel": {"policy": "stolen"}}, "invalid_input", "/fuel/policy"),
    ({"delivery": {"radius_km": 0}}, "invalid_input", "/delivery/radius_km"),
    ({"delivery": {"km_minor": -5, "radius_km": 10}}, "invalid_input", "/delivery/km_minor"),
    ({"operator": {"rates": []}}, "invalid_input", "/operator/rates"),
    ({"cooperative_id": "00000000-0000-4000-8000-000000000000"}, "not_their_cooperative", "/cooperative_id"),
    ({"discount": 10}, "invalid_input", "/discount"),
]


@pytest.mark.parametrize(("change", "code", "pointer"), BAD_CARDS)
async def test_a_card_that_cannot_be_changes_nothing(
    change: Json, code: str, pointer: str, world: World, owner: Person, database: Database
) -> None:
    tractor = await world.machine(owner, day=12_000)
    body = {"rates": [{"unit": "day", "minor": 1}], **change}
    refused = await owner.post(f"/machines/{tractor}/rates", body)
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    french = await owner.post(f"/machines/{tractor}/rates", body, Accept_Language="fr")
    assert french.json()["detail"] != refused.json()["detail"]
    async with database.begin() as tx:
        cards = await tx.rows(sa.text("SELECT rates, replaced_at FROM rate_cards"))
    assert [(card.rates[0]["minor"], card.replaced_at) for card in cards] == [(12_000, None)]


async def test_ones_own_party_is_no_cooperative_if_it_is_a_farm(world: World, owner: Person) -> None:
    tractor = await world.machine(owner)
    body = {"rates": [{"unit": "day", "minor": 1}], "cooperative_id": owner.party_id}
    refused = await owner.post(f"/machines/{tractor}/rates", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_their_cooperative")


HOURLY = {"rates": [{"unit": "hour", "minor": 2_000}]}
HECTARES = {"rates": [{"unit": "hectare", "minor": 4_500}]}
NEAR = {**HOURLY, "delivery": {"radius_km": 20}}


@pytest.mark.parametrize(
    ("card", "change", "code"),
    [
        (HOURLY, {"start": None}, "invalid_input"),
        (HOURLY, {"end": at(1).isoformat()}, "ends_before_start"),
        (HOURLY, {"start": "2027-01-01T08:00:00"}, "naive_time"),
        (HOURLY, {"machine_ids": []}, "invalid_input"),
        (HOURLY, {"deliver_to": DAX}, "no_delivery"),
        (NEAR, {"deliver_to": DAX}, "beyond_delivery_radius"),
        (NEAR, {"deliver_to": {"latitude": 91, "longitude": 0}}, "invalid_input"),
        (HOURLY, {"wishes": [{"operator": True}]}, "no_operator"),
        (HOURLY, {"wishes": [{"use": {"hectare": 3}}]}, "not_charged"),
        (HOURLY, {"wishes": [{"use": {"acre": 3}}]}, "invalid_input"),
        (HECTARES, {}, "estimate_needed"),
        (HECTARES, {"wishes": [{"use": {"hectare": 0}}]}, "estimate_needed"),
        (HECTARES, {"wishes": [{"use": {"hectare": 1.2345}}]}, "too_fine"),
        (HECTARES, {"wishes": [{"use": {"hectare": -3}}]}, "invalid_input"),
        (HECTARES, {"wishes": [{"use": {"hectare": 3}}] * 2}, "not_among_them"),
        (HOURLY, {"wishes": [{"machine_id": "00000000-0000-4000-8000-000000000000"}]}, "not_among_them"),
        (HOURLY, {"renter_party_id": "00000000-0000-4000-8000-000000000000"}, "unknown_party"),
    ],
)
async def test_what_cannot_be_quoted_says_why(
    card: Json, change: Json, code: str, world: World, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    await owner.made(f"/machines/{tractor}/rates", card)
    body = asked(tractor) | change
    body["wishes"] = [{"machine_id": tractor} | wish for wish in body.get("wishes", [])]
    body = {name: value for name, value in body.items() if value is not None}
    refused = await renter.post("/quotes", body)
    assert refused.json()["code"] == code, refused.text
    french = await renter.post("/quotes", body, Accept_Language="fr")
    assert (french.status_code, french.json()["code"]) == (refused.status_code, code)
    assert french.json()["detail"] != refused.json()["detail"]


async def test_a_metered_machine_is_booked_by_its_quote_only(world: World, owner: Person, renter: Person) -> None:
    spreader = await world.machine(owner)
    await owner.made(f"/machines/{spreader}/rates", HECTARES)
    refused = await renter.book([spreader], at(2), at(3))
    assert (refused.status_code, refused.json()["code"]) == (422, "estimate_needed")
    wish = {"machine_id": spreader, "use": {"hectare": 10.125}}
    body = asked(spreader, start=2, end=3, wishes=[wish])
    quote = await renter.made("/quotes", body)
    assert lines(quote) == [("metered", "hectare", 10.125, 45_563)]
    booking = await renter.booked([spreader], at(2), at(3), quote=quote["token"])
    assert booking["price"] == quote["price"]


async def test_what_is_booked_keeps_the_card_it_was_booked_by(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, day=10_000)
    booking = await renter.book([tractor], at(2), at(2, 2), payment="on_account")
    await owner.made(f"/machines/{tractor}/rates", {"rates": [{"unit": "day", "minor": 99_000}]})
    body = {"start": at(4).isoformat(), "end": at(4, 2).isoformat()}
    moved = await renter.act(booking.json()["id"], "reschedule", body, If_Match=booking.headers["ETag"])
    assert {line["unit_price"]["minor"] for line in moved.json()["price"]["lines"]} == {10_000}
    fresh = await renter.made("/quotes", asked(tractor, start=6, end=7))
    assert {line["unit_price"]["minor"] for line in fresh["price"]["lines"]} == {99_000}


async def test_only_the_owner_sets_prices(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    body = {"rates": [{"unit": "day", "minor": 1}]}
    refused = await renter.post(f"/machines/{tractor}/rates", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    draft = await world.machine(owner, listed=False)
    unseen = await renter.post(f"/machines/{draft}/rates", body)
    assert (unseen.status_code, unseen.json()["code"]) == (404, "unknown_machine")
    assert (await renter.get(f"/machines/{tractor}/rates")).json()["rates"] == [{"unit": "day", "minor": 12_000}]


async def test_the_history_of_cards_is_the_owners(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner, day=1)
    for minor in (2, 3):
        await owner.made(f"/machines/{tractor}/rates", {"rates": [{"unit": "day", "minor": minor}]})
    path = f"/machines/{tractor}/rates/history"
    first = (await owner.get(f"{path}?limit=2")).json()
    rest = (await owner.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()
    cards = [*first["items"], *rest["items"]]
    assert [(card["rates"][0]["minor"], card["replaced_at"] is None) for card in cards] == [
        (3, True),
        (2, False),
        (1, False),
    ]
    assert rest["next_cursor"] is None
    assert (await renter.get(path)).json()["code"] == "not_allowed"


async def test_who_signed_out_asks_no_more(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    assert (await renter.post("/quotes", one_day(tractor))).status_code == 200
    await renter.post("/auth/logout")
    refused = await renter.post("/quotes", one_day(tractor))
    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")
    nobody = await world.person("nobody@x.example")
    seatless = await nobody.made("/quotes", one_day(tractor))
    assert (seatless["token"], seatless["price"]["net"]["minor"]) == (None, 12_000)
