"""Lines that could be asked: what they are reckoned from, and that nothing is asked twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.damages.conftest import lines
from tests.inspections.phone import Yard, soon
from tests.people import Json, Person, World
from votremachine.damages.rules.costs import Kind
from votremachine.damages.rules.suggesting import Reckoned, Return, Suggestion, suggested
from votremachine.fleet.rules import Meter
from votremachine.infra.database import Database
from votremachine.inspections.rules.comparison import Difference, MeterGrowth
from votremachine.inspections.rules.report import Cleanliness
from votremachine.kernel.money import Money
from votremachine.kernel.span import Span
from votremachine.pricing.rules.card import Conditions, Fuel, FuelPolicy, Rate, RateCard, Unit
from votremachine.pricing.rules.lines import LineKind, Price, line_of
from votremachine.pricing.rules.price import Hire, price

PARIS = ZoneInfo("Europe/Paris")
MACHINE, AGREED = UUID(int=1), UUID(int=2)
START = datetime(2026, 7, 1, 6, tzinfo=UTC)  # eight in the morning
END = START + timedelta(hours=4)
HOURS, DAYS = Rate(Unit.HOUR, 2_000), Rate(Unit.DAY, 13_000)
HOUR = timedelta(hours=1)
REPORTS = (UUID(int=8), UUID(int=9))


def card(*rates: Rate, policy: FuelPolicy = FuelPolicy.RETURNED_FULL) -> RateCard:
    litre = 150 if policy is FuelPolicy.PER_LITRE else 0
    return RateCard(UUID(int=3), AGREED, rates, conditions=Conditions(fuel=Fuel(policy, litre)))


def shown(fuel: int | None = None, used: str | None = None) -> Difference:
    grown = (MeterGrowth(Meter.ENGINE_HOUR, Decimal(100), None, Decimal(used)),) if used is not None else ()
    clean = (Cleanliness.CLEAN, Cleanliness.CLEAN)
    return Difference(MACHINE, *REPORTS, grown, fuel, clean, False, (), (), (), (), ())


def back(
    by: RateCard,
    at: datetime = END,
    *,
    cost: Price | None = None,
    reports: Difference | None = None,
    end: datetime = END,
) -> Return:
    nothing = Price((), *(Money(0, "EUR"),) * 3)
    return Return(
        machine_id=MACHINE,
        agreed_id=AGREED,
        booked=Span(START, end),
        returned_at=at,
        hire=Hire(by, PARIS),
        price=cost or nothing,
        shown=reports,
    )


def one(found: list[Suggestion]) -> Suggestion:
    (only,) = found
    return only


def test_in_time_as_full_and_as_used_nothing_is_suggested() -> None:
    assert suggested(back(card(HOURS, DAYS), reports=shown(fuel=0, used="4"))) == []
    assert suggested(back(card(HOURS, DAYS), END - HOUR, reports=shown(fuel=2))) == []


def test_each_hour_that_has_begun_is_asked_and_never_more_than_the_day_costs() -> None:
    by = card(HOURS, DAYS)
    late = one(suggested(back(by, END + timedelta(minutes=61))))
    assert (late.kind, late.net, late.vat_rate) == (Kind.LATE, 2 * 2_000, 2_000)
    assert late.reckoned == (Reckoned(Unit.HOUR, 2_000, 2_000),)
    whole = one(suggested(back(by, END + 7 * HOUR)))
    assert whole.net == 13_000 - 4 * 2_000
    assert set(whole.reckoned) == {Reckoned(Unit.DAY, 1_000, 13_000), Reckoned(Unit.HOUR, -4_000, 2_000)}


def test_a_day_that_was_paid_is_not_asked_again_and_the_next_one_is_once_it_has_begun() -> None:
    by = card(DAYS)
    assert suggested(back(by, END + HOUR)) == []
    assert one(suggested(back(by, START + 17 * HOUR))).net == 13_000


@given(
    st.integers(1, 60 * 24 * 9),
    st.integers(0, 60 * 24 * 9),
    st.integers(0, 60 * 24 * 3),
    st.sets(st.sampled_from([HOURS, DAYS, Rate(Unit.HALF_DAY, 7_000), Rate(Unit.WEEK, 50_000)]), min_size=1),
)
def test_it_is_what_the_longer_time_costs_more_and_never_falls(
    booked: int, late: int, more: int, rates: set[Rate]
) -> None:
    by, end = card(*sorted(rates, key=lambda rate: rate.unit)), START + timedelta(minutes=booked)
    asked: list[int] = []
    for minutes in (late, late + more):
        at = end + timedelta(minutes=minutes)
        longer, paid = (price(Span(START, until), [Hire(by, PARIS)]).net.minor for until in (at, end))
        found = suggested(back(by, at, end=end))
        asked.append((found[0].net or 0) if found else 0)
        assert asked[-1] == longer - paid
        assert sum(part.net for line in found for part in line.reckoned) == longer - paid
    assert asked == sorted(asked)


@pytest.mark.parametrize("policy", FuelPolicy)
def test_fuel_is_asked_where_it_was_to_come_back_full(policy: FuelPolicy) -> None:
    found = suggested(back(card(DAYS, policy=policy), reports=shown(fuel=-3)))
    assert bool(found) == (policy is FuelPolicy.RETURNED_FULL)
    for line in found:
        assert (line.kind, line.eighths, line.net, line.inspection_ids) == (Kind.FUEL, 3, None, REPORTS)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 9_999))
def test_engine_hours_beyond_those_that_are_charged(tenths: int, charged: int, minor: int) -> None:
    by = card(DAYS, Rate(Unit.ENGINE_HOUR, minor))
    settled = line_of(by, LineKind.METERED, Unit.ENGINE_HOUR, charged * 100, minor)
    cost = Price((settled,), *(Money(0, "EUR"),) * 3)
    used = shown(used=str(Decimal(tenths) / 10))
    found = suggested(back(by, cost=cost, reports=used))
    beyond = (2 * minor * (tenths - charged) * 100 + 1_000) // 2_000
    assert [line.net for line in found] == ([beyond] if beyond > 0 else [])
    assert all(line.kind is Kind.OVERUSE and line.inspection_ids == REPORTS for line in found)
    estimated = line_of(by, LineKind.METERED, Unit.ENGINE_HOUR, charged * 100, minor, estimated=True)
    waiting = Price((estimated,), *(Money(0, "EUR"),) * 3)
    assert suggested(back(by, cost=waiting, reports=used)) == [], "it is settled by what both sides agree on"


async def test_the_owner_reads_them_and_asks_what_they_like(
    world: World, owner: Person, renter: Person, database: Database
) -> None:
    machine = await world.machine(owner)
    yard = Yard(owner, renter, machine, (await renter.booked([machine], *soon()))["id"])
    path = f"/bookings/{yard.booking}/claim-suggestions"
    await yard.signed(yard.report(fuel_eighths=8))
    assert (await owner.get(path)).json() == [], "it is not back"
    returned = await yard.signed(yard.report("check_in", fuel_eighths=6))
    async with database.begin() as tx:
        late = "UPDATE bookings SET returned_at = ends + interval '30 hours' WHERE id = :id"
        await tx.execute(sa.text(late), {"id": UUID(yard.booking)})
    late_return, fuel = (await owner.get(path, Accept_Language="fr")).json()
    assert (late_return["kind"], late_return["what"]) == ("late_return", "Retour tardif")
    assert late_return["net"] in {12_000, 24_000}
    assert (fuel["eighths"], fuel["inspection_ids"][1]) == (2, returned["id"])
    assert (await renter.get(path)).status_code == 403
    asked: list[Json] = [late_return, fuel | {"tank_litres": 200, "litre": 130}]
    for line in asked:
        del line["reckoned"]
    made = await owner.act(yard.booking, "claims", {"reason": "En retard.", "lines": [*asked, *lines(100)]})
    assert made.status_code == 201, made.text
    assert made.json()["asked"]["minor"] == late_return["net"] * 12 // 10 + 2 * 200 * 130 // 8 + 100
