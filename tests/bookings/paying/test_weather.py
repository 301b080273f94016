"""How shortly before its start a booking may have another time; and what the weather does to that."""

from datetime import timedelta

import pytest

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_following import ledger
from tests.bookings.paying.test_moving import evening, morning, moved, paid_for
from tests.bookings.paying.test_terms import begins_in, change
from tests.people import Person, World

HOURS_12, HOURS_60 = timedelta(hours=12), timedelta(hours=60)


async def machine(owner: Person, world: World, cancellation: str, weather_hours: int | None = 48) -> str:
    made = await world.machine(owner, weather_hours=weather_hours)
    await change(owner, made, cancellation=cancellation)
    return made


@pytest.mark.parametrize(
    ("policy", "notice", "code"),
    [
        ("flexible", timedelta(hours=25), None),
        ("flexible", timedelta(hours=23), "time_fixed"),
        ("moderate", timedelta(days=4), "time_fixed"),
        ("strict", timedelta(days=13), "time_fixed"),
        ("cooperative", timedelta(hours=25), None),
        ("cooperative", timedelta(hours=23), "time_fixed"),
    ],
)
async def test_moving_is_free_for_as_long_as_cancelling_is(
    policy: str, notice: timedelta, code: str | None, till: Till, renter: Person, owner: Person, world: World
) -> None:
    booking = await paid_for(till, renter, await machine(owner, world, policy))
    await begins_in(till, booking, notice)
    answer = await moved(renter, booking, morning(20), evening(20))
    assert answer.json().get("code") == code, answer.text


async def test_the_weather_moves_what_is_fixed_at_the_price_that_was_paid(
    till: Till, renter: Person, owner: Person, world: World
) -> None:
    booking = await paid_for(till, renter, await machine(owner, world, "strict"))
    await begins_in(till, booking, HOURS_12)
    plain = await moved(renter, booking, morning(20), evening(20))
    assert plain.json()["code"] == "time_fixed"
    answer = await moved(renter, booking, morning(20), evening(22), reason="weather")
    assert (answer.status_code, answer.json()["price"]["net"]["minor"]) == (200, 36_000), "dearer: the difference"
    await till.work()
    await begins_in(till, answer.json(), HOURS_12)
    shorter = await moved(renter, booking, morning(25), evening(25), reason="weather")
    assert (shorter.status_code, shorter.json()["price"]["net"]["minor"]) == (200, 36_000), "again, at what was paid"
    await till.work()
    assert await till.in_till() == 43_200
    steps = (await renter.get(f"/bookings/{booking['id']}/history")).json()
    assert [step["why"].startswith("weather: ") for step in steps[-2:]] == [True, True]
    refused = await moved(renter, booking, morning(28), evening(28))
    assert refused.json()["code"] == "time_fixed", "it does not become free by having been moved"
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    assert await till.in_till() == 43_200, "what was not free to cancel is not free now"
    assert (await ledger(till)).get("renter", 0) == 0


async def test_what_the_weather_moved_and_made_longer_gives_nothing_back(
    till: Till, renter: Person, owner: Person, world: World
) -> None:
    booking = await paid_for(till, renter, await machine(owner, world, "strict"))
    await begins_in(till, booking, HOURS_12)
    answer = await moved(renter, booking, morning(20), evening(22), reason="weather")
    await begins_in(till, answer.json(), HOURS_12)
    answer = await moved(renter, booking, morning(20), evening(20), reason="weather")
    longer = await renter.act(
        booking["id"], "extend", {"end": evening(21).isoformat()}, If_Match=answer.headers["ETag"]
    )
    assert (longer.status_code, longer.json()["price"]["net"]["minor"]) == (200, 36_000), longer.text


@pytest.mark.parametrize(
    ("offered", "notice", "code"),
    [(None, HOURS_12, "weather_not_offered"), (48, HOURS_60, "too_early"), (48, -HOURS_12, "too_late")],
)
async def test_the_weather_counts_where_and_when_it_is_offered(
    offered: int | None, notice: timedelta, code: str, till: Till, renter: Person, owner: Person, world: World
) -> None:
    tractor = await machine(owner, world, "strict", offered)
    booking = await paid_for(till, renter, tractor)
    await change(owner, tractor, terms={"weather_hours": None if offered else 48})
    await begins_in(till, booking, notice)
    answer = await moved(renter, booking, morning(20), evening(20), reason="weather")
    assert (answer.status_code, answer.json()["code"]) == (409, code), "as on the day of booking"


async def test_quotes_tell_of_the_weather(renter: Person, owner: Person, world: World) -> None:
    tractor = await machine(owner, world, "strict")
    body = {"machine_ids": [tractor], "start": morning(3).isoformat(), "end": evening(3).isoformat()}
    for language, words in (("fr", "météo au prix payé, dans les 48 heures"), ("en", "within 48 hours")):
        (terms,) = (await renter.made("/quotes", body, Accept_Language=language))["terms"]
        assert terms["weather_hours"] == 48
        assert any(words in sentence for sentence in terms["words"])
    await change(owner, tractor, terms={"weather_hours": None})
    (terms,) = (await renter.made("/quotes", body))["terms"]
    assert (terms["weather_hours"], [one for one in terms["words"] if "météo" in one]) == (None, [])
