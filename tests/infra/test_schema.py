"""The migrations make just the tables that the code describes, and the constraint that no description can hold."""

import importlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

import votremachine
from tests.people import Person, World, at
from votremachine.infra.database import Database
from votremachine.infra.tables import metadata

SLICES = Path(votremachine.__file__).parent
INTO = sa.text(
    """
    INSERT INTO occupancies (id, machine_id, kind, ref_id, during, blocked)
    VALUES (gen_random_uuid(), :machine, 'block', gen_random_uuid(),
            CAST(CAST(:during AS text) AS tstzrange), CAST(CAST(:blocked AS text) AS tstzrange))
    """
)
JUNE = "[2026-06-01 08:00+00, 2026-06-02 08:00+00)"


async def test_migrations_and_descriptions_agree(database: Database) -> None:
    for models in SLICES.glob("**/models.py"):
        importlib.import_module(".".join(("votremachine", *models.relative_to(SLICES).with_suffix("").parts)))

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    async with database.engine.connect() as connection:
        found = await connection.run_sync(differences)
    # Indexes that GiST answers are written by hand in the migrations; comments are for readers of code.
    expected = ("occupancies_no_double_booking", "machines_nearest_idx", "bookings_past_idx", "modify_comment")
    assert not [one for one in found if not any(word in repr(one) for word in expected)]


@pytest.mark.parametrize(
    ("during", "blocked"),
    [
        ("empty", JUNE),
        ("[2026-06-01 08:00+00, 2026-06-02 08:00+00]", JUNE),
        ("(2026-06-01 08:00+00, 2026-06-02 08:00+00)", JUNE),
        (JUNE, "empty"),
        (JUNE, "[2026-06-01 09:00+00, 2026-06-02 08:00+00)"),
        (JUNE, "[2026-06-01 08:00+00,)"),
        (JUNE, "[2026-06-01 08:00+00, infinity)"),
        (JUNE, "[-infinity, 2026-06-02 08:00+00)"),
        ("[2026-06-01 08:00+00,)", "[2026-06-01 08:00+00,)"),
        ("(, 2026-06-02 08:00+00)", "(, 2026-06-02 08:00+00)"),
    ],
)
async def test_a_span_that_could_slip_through_is_refused(during: str, blocked: str, database: Database) -> None:
    machine = await a_machine(database)
    with pytest.raises(IntegrityError, match="_check"):
        await put(database, machine, during, blocked)


async def test_the_database_itself_refuses_two_takers(database: Database) -> None:
    machine, other = await a_machine(database), await a_machine(database)
    await put(database, machine, JUNE, JUNE)
    await put(database, other, JUNE, JUNE)
    touching = "[2026-06-02 08:00+00, 2026-06-03 08:00+00)"
    await put(database, machine, touching, touching)
    with pytest.raises(IntegrityError, match="occupancies_no_double_booking"):
        await put(
            database,
            machine,
            "[2026-06-01 07:00+00, 2026-06-01 08:00:01+00)",
            "[2026-06-01 07:00+00, 2026-06-01 08:00:01+00)",
        )


@pytest.mark.parametrize("table", ["people", "parties", "machines", "bookings"])
async def test_what_others_refer_to_is_never_deleted(
    table: str, world: World, owner: Person, renter: Person, database: Database
) -> None:
    await renter.booked([await world.machine(owner)], at(2), at(3))
    with pytest.raises(IntegrityError, match=f"rows of {table} are kept"):
        async with database.begin() as tx:
            await tx.execute(sa.text(f"DELETE FROM {table}"))


async def put(database: Database, machine: object, during: str, blocked: str) -> None:
    async with database.begin() as tx:
        await tx.execute(INTO, {"machine": machine, "during": during, "blocked": blocked})


async def a_machine(database: Database) -> object:
    async with database.begin() as tx:
        party = (
            await tx.execute(
                sa.text(
                    "INSERT INTO parties VALUES (gen_random_uuid(), 'farm', 'x', 'x', false, 1, now()) RETURNING id"
                )
            )
        ).scalar_one()
        made = sa.text(
            """
            INSERT INTO machines (id, party_id, category, title_fr, description_fr, make, model, commune, latitude,
                longitude, zone, state, booking_mode, buffer_before_minutes, buffer_after_minutes, min_minutes,
                max_minutes, lead_minutes, horizon_days, deposit_minor, currency, version, created_at, category_number,
                shown_latitude, shown_longitude)
            VALUES (gen_random_uuid(), :party, 'tractor', '', '', '', '', '', 0, 0, 'Europe/Paris',
                'listed', 'instant', 0, 0, 60, 60, 0, 1, 0, 'EUR', 1, now(), 1, 0, 0) RETURNING id
            """
        )
        return (await tx.execute(made, {"party": party})).scalar_one()
