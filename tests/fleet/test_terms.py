"""Hand-over hours and pairing: the rules alone, then as a renter meets them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.people import Json, Person, World, at
from votremachine.fleet.bookable import NobodyThere, PairingMissing, check_hand_over, check_pairing, somebody_there
from votremachine.fleet.rules import Machine, State, Texts
from votremachine.fleet.terms import HandOver, Pairing, Terms
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span

PARIS = ZoneInfo("Europe/Paris")
OWNER = uuid4()
WORKDAYS = tuple(HandOver(day, "08:00", "12:00") for day in range(1, 6))


def machine(category: str = "tractor", *, party_id: UUID = OWNER, **terms: Json) -> Machine:
    return Machine(uuid4(), party_id, category, Texts("x"), State.LISTED, PARIS, Terms(**terms), Money(0), version=1)


@pytest.mark.parametrize(
    ("wall", "there"),
    [
        (datetime(2026, 3, 27, 8, 0, tzinfo=PARIS), True),  # a Friday
        (datetime(2026, 3, 27, 12, 0, tzinfo=PARIS), True),
        (datetime(2026, 3, 27, 12, 1, tzinfo=PARIS), False),
        (datetime(2026, 3, 27, 7, 59, tzinfo=PARIS), False),
        (datetime(2026, 3, 28, 9, 0, tzinfo=PARIS), False),  # a Saturday
        (datetime(2026, 3, 30, 8, 0, tzinfo=PARIS), True),  # a Monday, after the clocks went forward
        (datetime(2026, 3, 30, 6, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 30, 7, 0, tzinfo=ZoneInfo("Europe/London")), True),
    ],
)
def test_hours_are_those_of_the_machines_own_clock(wall: datetime, there: bool) -> None:
    if there:
        check_hand_over(machine(hand_over=WORKDAYS), wall, "/start")
    else:
        with pytest.raises(NobodyThere):
            check_hand_over(machine(hand_over=WORKDAYS), wall, "/start")


instants = st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
lengths = st.timedeltas(timedelta(hours=1), timedelta(days=9))


@given(instants, lengths)
def test_without_hours_any_hour_will_do(start: datetime, length: timedelta) -> None:
    span = Span(start, start + length)
    assert somebody_there([machine()], span)
    always = tuple(HandOver(day, "00:00", "24:00") for day in range(1, 8))
    assert somebody_there([machine(), machine(hand_over=always)], span)


@given(instants, lengths)
def test_a_day_without_hours_is_a_day_without_hand_over(start: datetime, length: timedelta) -> None:
    span = Span(start, start + length)
    days = {edge.astimezone(PARIS).isoweekday() for edge in (span.start, span.end)}
    others = tuple(HandOver(day, "00:00", "24:00") for day in range(1, 8) if day not in days)
    assert not somebody_there([machine(), machine(hand_over=others)], span)


def test_a_tanker_only_with_a_tractor_of_this_cooperative() -> None:
    tanker = machine("slurry_tanker", pairing=Pairing(("tractor",)))
    with pytest.raises(PairingMissing):
        check_pairing([tanker], ())
    with pytest.raises(PairingMissing):
        check_pairing([tanker, machine("plough")], ())
    with pytest.raises(PairingMissing):
        check_pairing([tanker], [OWNER])
    check_pairing([tanker, machine("tractor")], ())
    check_pairing([machine("tractor"), tanker], ())


def test_members_may_be_trusted_to_have_one() -> None:
    tanker = machine("slurry_tanker", pairing=Pairing(("tractor",), members_exempt=True))
    check_pairing([tanker], [uuid4(), OWNER])
    with pytest.raises(PairingMissing):
        check_pairing([tanker], [uuid4()])


def test_a_machine_is_no_pair_for_itself() -> None:
    tractor = machine("tractor", pairing=Pairing(("tractor",)))
    with pytest.raises(PairingMissing):
        check_pairing([tractor], ())
    check_pairing([tractor, machine("tractor")], ())


async def test_a_renter_meets_the_hours(world: World, owner: Person, renter: Person) -> None:
    hour = at(3).astimezone(PARIS)
    opening: list[Json] = [
        {"weekday": day, "opens": f"{hour:%H:%M}", "closes": f"{hour + timedelta(minutes=30):%H:%M}"}
        for day in range(1, 8)
    ]
    if hour.hour == 23:
        opening = [one | {"closes": "24:00"} for one in opening]
    tractor = await world.machine(owner, hand_over=opening)
    for start, end, pointer in ((at(3, -1), at(4), "/start"), (at(3), at(4, 2), "/end")):
        for path, key in (("/quotes", None), ("/bookings", str(uuid4()))):
            body = {"machine_ids": [tractor], "start": start.isoformat(), "end": end.isoformat()}
            refused = await renter.post(path, body, **({"Idempotency_Key": key} if key else {}))
            assert (refused.status_code, refused.json()["code"]) == (422, "nobody_there"), refused.text
            assert refused.json()["errors"][0]["pointer"] == pointer
            assert refused.json()["hand_over"] == opening
    booked = await renter.booked([tractor], at(3), at(4))
    tag = (await renter.get(f"/bookings/{booked['id']}")).headers["ETag"]
    late = await renter.act(booked["id"], "extend", {"end": at(4, 2).isoformat()}, If_Match=tag)
    assert (late.status_code, late.json()["code"]) == (422, "nobody_there")
    # What is nearest behind it begins three hours too late; the next day at the same hour will do.
    await owner.made(f"/machines/{tractor}/blocks", {"start": at(4).isoformat(), "end": at(4, 3).isoformat()})
    taken = await renter.book([tractor], at(3), at(4))
    assert taken.json()["code"] == "span_taken"
    assert taken.json()["alternatives"]
    for one in taken.json()["alternatives"]:
        for edge in (one["start"], one["end"]):
            wall = datetime.fromisoformat(edge).astimezone(PARIS)
            assert opening[0]["opens"] <= f"{wall:%H:%M}" <= opening[0]["closes"]


async def test_a_renter_meets_the_pairing(world: World, owner: Person, renter: Person) -> None:
    tractor = await world.machine(owner)
    paired = await world.machine(owner, pairing={"categories": ["tractor"]})
    alone = await renter.book([paired], at(2), at(3))
    assert (alone.status_code, alone.json()["code"]) == (422, "pairing_missing")
    assert alone.json()["machine_id"] == paired
    assert (await renter.book([paired, tractor], at(2), at(3))).status_code == 201
