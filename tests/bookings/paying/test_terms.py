"""What comes back is what was agreed on the day of booking, whatever became of the machine's terms since."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import paid
from tests.bookings.paying.test_following import confirmed, ledger
from tests.infra.test_migrate import ask
from tests.people import Json, Person, World, at
from votremachine.bookings.rules import AgreedTerms
from votremachine.fleet.rules import Cancellation
from votremachine.infra.migrate import downgrade, upgrade
from votremachine.infra.servers.postgres import DATABASE, EmbeddedPostgres
from votremachine.payments.rules.refunding import Policy


async def machine_with(owner: Person, world: World, cancellation: str, day: int = 12_000) -> str:
    machine = await world.machine(owner, day=day)
    await change(owner, machine, cancellation=cancellation)
    return machine


async def change(owner: Person, machine: str, **fields: Json) -> None:
    tag = (await owner.get(f"/machines/{machine}")).headers["ETag"]
    answer = await owner.ask("PATCH", f"/machines/{machine}", fields, If_Match=tag)
    assert answer.status_code == 200, answer.text


async def begins_in(till: Till, booking: Json, notice: timedelta) -> None:
    """The clock has come near the start of a booking."""
    earlier = datetime.fromisoformat(booking["during"]["start"]) - datetime.now(UTC) - notice
    nearer = sa.text(
        "UPDATE bookings SET starts = starts - CAST(:earlier AS interval), ends = ends - CAST(:earlier AS interval)"
        " WHERE id = :id"
    )
    async with till.database.begin() as tx:
        await tx.execute(nearer, {"earlier": earlier, "id": booking["id"]})


@pytest.mark.parametrize(("then", "since", "comes_back"), [("flexible", "strict", 2), ("strict", "flexible", 0)])
async def test_terms_are_those_of_the_day_of_booking(
    then: str, since: str, comes_back: int, till: Till, renter: Person, owner: Person, world: World
) -> None:
    machine = await machine_with(owner, world, then)
    booking = await confirmed(till, renter, machine)
    assert booking["terms"] == {machine: {"cancellation": then}}
    await change(owner, machine, cancellation=since)
    await begins_in(till, booking, timedelta(hours=12))
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    total = booking["price"]["total"]["minor"]
    assert await till.in_till() == total - (total // comes_back if comes_back else 0)
    assert (await ledger(till)).get("renter", 0) == 0


async def test_each_machine_gives_back_by_its_own_terms(
    till: Till, renter: Person, owner: Person, world: World
) -> None:
    """Half of the flexible one, which costs 120.00 + VAT, and nothing of the strict one."""
    flexible = await machine_with(owner, world, "flexible", 12_000)
    strict = await machine_with(owner, world, "strict", 40_000)
    answer = await renter.book([flexible, strict], at(3), at(4))
    booking = answer.json()
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    await till.work()
    nets = {flexible: 0, strict: 0}
    for line in booking["price"]["lines"]:
        nets[line["machine_id"]] += line["net"]["minor"] + line["vat_amount"]["minor"]
    await begins_in(till, booking, timedelta(hours=12))
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    assert await till.in_till() == nets[strict] + nets[flexible] // 2
    assert (await ledger(till)).get("renter", 0) == 0


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """An empty database of its own."""
    name = f"terms_{uuid4().hex[:8]}"
    await ask(postgres.url, f"CREATE DATABASE {name}")
    yield postgres.url.replace(f"/{DATABASE}?", f"/{name}?")
    await ask(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


ONE, STAND_IN, BOOKING = UUID(int=1), UUID(int=2), UUID(int=3)
BEFORE = (
    "INSERT INTO parties SELECT gen_random_uuid(), 'farm', '', 'Dax', false, 1, now() FROM generate_series(1, 2)",
    f"""
    INSERT INTO machines (id, party_id, category, title_fr, description_fr, make, model, commune, latitude, longitude,
        zone, state, booking_mode, buffer_before_minutes, buffer_after_minutes, min_minutes, max_minutes, lead_minutes,
        horizon_days, deposit_minor, currency, version, created_at, category_number, shown_latitude, shown_longitude,
        cancellation)
    SELECT machine.id, (SELECT id FROM parties LIMIT 1), 'tractor', '', '', '', '', 'Dax', 43.7, -1.05, 'Europe/Paris',
        'listed', 'instant', 0, 0, 60, 600, 0, 30, 0, 'EUR', 1, now(), 1, 43.7, -1.05, machine.cancellation
    FROM (VALUES ('{ONE}'::uuid, 'strict'), ('{STAND_IN}', 'flexible')) AS machine (id, cancellation)
    """,
    f"""
    INSERT INTO bookings (id, owner_party_id, renter_party_id, state, starts, ends, card_ids, price, deposit_minor,
        currency, on_account, on_request, at_risk, note, version, created_at, stands_for)
    SELECT '{BOOKING}', min(id::text)::uuid, max(id::text)::uuid, 'confirmed', now(), now() + interval '1 day', '{{}}',
        '{{}}', 0, 'EUR', true, false, false, '', 1, now(), '{{"{STAND_IN}": "{ONE}"}}' FROM parties
    """,
    f"INSERT INTO booking_machines VALUES ('{BOOKING}', '{STAND_IN}')",
)


async def test_bookings_from_before_keep_what_their_agreed_machines_say_now(url: str) -> None:
    await upgrade(url, "0015")
    for statement in BEFORE:
        await ask(url, statement)
    await upgrade(url, "0018")
    (row,) = await ask(url, "SELECT terms FROM bookings")
    assert row["terms"] == f'{{"{ONE}": {{"cancellation": "strict"}}}}'
    await downgrade(url, "0015")
    await upgrade(url, "0018")


async def test_what_stood_before_keeps_the_fee_that_was_and_a_member_is_free_until_the_start(url: str) -> None:
    await upgrade(url, "0026")
    for statement in BEFORE:
        await ask(url, statement)
    await upgrade(url, "0027")
    ((fee, vat, hours),) = [
        (row["fee_bp"], row["fee_vat_bp"], row["short_notice_hours"])
        for row in await ask(url, f"SELECT * FROM bookings, machines m WHERE m.id = '{ONE}'")
    ]
    assert (fee, vat, hours) == (800, 2_000, 24)
    told = msgspec.convert({"cancellation": "cooperative"}, AgreedTerms)
    assert told.policy == Policy(Cancellation.COOPERATIVE)
    assert told.policy.free_until == timedelta(0)
    await downgrade(url, "0026")
    await upgrade(url, "0027")
