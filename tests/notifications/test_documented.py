"""What the documentation says of reminders and metrics is what the code does: tables are read, settings are turned."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from tests.notifications.test_reminder_rules import booking
from tests.people import Person
from votremachine.accounts.rules import RUNNERS
from votremachine.bookings.rules import State
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.notifications.delivering.rules import Channel
from votremachine.notifications.delivering.service.outcomes import count
from votremachine.notifications.reminders.rules import Moments, Night, expiring
from votremachine.notifications.reminders.service.checks import OTHER_CHECKS
from votremachine.notifications.reminders.wants import BOOKING_KINDS, owing, planned
from votremachine.notifications.rules import BOTH, KINDS, Lack, Missing, Side

DOCS = Path(__file__).parents[2] / "docs"
PARIS = ZoneInfo("Europe/Paris")
PREFIX = "remind_"
NIGHTS = {"evening before": Night.EVENING, "morning after": Night.MORNING, "passes": Night.PASSES}
SIDES = {"both sides": BOTH, "owner": (Side.OWNER,), "renter": (Side.RENTER,), "mediator": (Side.MEDIATOR,)}
# Its moments come from the database: `test_unseen` sees to them.
UNSEEN = {"remind_unseen_days", "remind_office_at"}
NOON = datetime(2027, 6, 8, 12, tzinfo=PARIS)


def rows() -> Iterator[tuple[str, list[str]]]:
    """Each kind of the table, and its other columns."""
    for line in (DOCS / "reminders.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 8 and (kind := re.fullmatch("`([a-z_]+)`", cells[0])):
            yield kind[1], cells[1:]


ROWS = dict(rows())


def names(cell: str) -> list[str]:
    return re.findall("`([A-Za-z_]+)`", cell)


def test_the_table_has_every_kind_once() -> None:
    assert [kind for kind, _ in rows()] == [*BOOKING_KINDS, *OTHER_CHECKS]


@pytest.mark.parametrize("kind", [*BOOKING_KINDS, *OTHER_CHECKS])
def test_a_row_says_what_the_code_does(kind: str) -> None:
    _, settings, default, urgent, whom, night, holds = ROWS[kind]
    known, reminding = KINDS[kind], BOOKING_KINDS.get(kind)
    assert default == ", ".join(str(getattr(Settings(), PREFIX + one.lower())) for one in names(settings))
    assert (urgent == "yes") == known.urgent
    assert set(names(holds)) == {state.value for state in known.states}
    assert re.findall("before its (start|end)", holds) == ([known.before] if known.before else [])
    assert ("at the time it names" in holds) == known.timed
    if reminding is None:
        assert night == "office"
        return
    assert NIGHTS[night] is reminding.night
    assert SIDES[whom.split(",")[0]] == reminding.sides
    assert ("who runs" in whom) == (reminding.roles == RUNNERS)


def moments_by_kind(moments: Moments) -> Mapping[str, frozenset[datetime]]:
    """Every moment of every kind, over bookings in each state that lack everything, where it is never night."""
    moments = msgspec.structs.replace(moments, night_begins=time(0), night_ends=time(0))
    found: dict[str, set[datetime]] = {kind: set() for kind in ROWS}
    for state in State:
        life = {State.HELD: timedelta(minutes=15), State.REQUESTED: timedelta(days=1)}.get(state)
        expires = NOON + timedelta(days=3) if life else None
        one = booking(
            NOON + timedelta(days=5),
            NOON + timedelta(days=8),
            state,
            created_at=expires - life if expires and life else NOON,
            expires_at=expires,
            out_at=NOON + timedelta(days=5),
            returned_at=NOON + timedelta(days=8, hours=1),
        )
        lacks = {lack: Missing(tuple(Side), NOON, NOON + timedelta(days=9)) for lack in Lack}
        for wanted in planned(one, PARIS, moments, lacks):
            found[wanted.kind].add(wanted.due_at)
    for wanted in owing(date(2027, 7, 1), moments):
        found[wanted.kind].add(wanted.due_at)
    found["document_expiring"] |= set(expiring(date(2027, 7, 1), moments))
    return {kind: frozenset(some) for kind, some in found.items()}


def turned(name: str, value: object) -> object:
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str)
    if ":" in value:
        return f"{time.fromisoformat(value).hour - 1:02}:{time.fromisoformat(value).minute:02}"
    return " ".join(str(int(one) + 1) for one in value.split())


@pytest.mark.parametrize("name", [one for one in Settings.__struct_fields__ if one.startswith(PREFIX)])
def test_a_setting_moves_the_kinds_that_name_it_and_no_others(name: str) -> None:
    usual = Settings()
    changed = msgspec.structs.replace(usual, **{name: turned(name, getattr(usual, name))})
    before, after = moments_by_kind(Moments.of(usual)), moments_by_kind(Moments.of(changed))
    moved = {kind for kind in ROWS if before[kind] != after[kind]} | ({"calendar_unseen"} if name in UNSEEN else set())
    assert moved == {kind for kind, cells in ROWS.items() if name.removeprefix(PREFIX).upper() in names(cells[1])}


def test_the_moments_of_nobody_are_the_settings_of_nobody() -> None:
    assert Moments.of(Settings()) == Moments()


def test_operations_names_every_setting_and_no_other() -> None:
    """Of a family, the first is written in full and the others as `…_END`."""
    text = (DOCS / "operations.md").read_text()
    for name in Settings.__struct_fields__:
        ends = {f"`…_{'_'.join(name.upper().split('_')[i:])}`" for i in range(name.count("_") + 1)}
        assert f"`VOTREMACHINE_{name.upper()}`" in text or any(end in text for end in ends), name
    for said in re.findall("`VOTREMACHINE_([A-Z_]+)`", text):
        assert said.lower() in Settings.__struct_fields__, said


async def exported(http: httpx.AsyncClient) -> dict[str, list[dict[str, str]]]:
    """Every sample's name, with the labels that it has."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families((await http.get("/metrics")).text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


async def test_metrics_that_are_named_are_exported_and_those_exported_named(renter: Person, database: Database) -> None:
    async with database.begin() as tx:
        await count(tx, {(channel.value, outcome): 1 for channel in Channel for outcome in ("sent", "failed", "dead")})
    there = {name: labels for name, labels in (await exported(renter.http)).items() if name.startswith("votremachine_")}
    text = "".join((DOCS / page).read_text() for page in ("operations.md", "reminders.md"))
    assert set(re.findall(r"\bvotremachine_[a-z_]+", text)) == set(there)
    # And a condition is about a series that there is.
    for name, condition in re.findall(r"(votremachine_[a-z_]+)\{([^}]*)\}", text):
        wanted = dict(re.findall(r'([a-z]+)="([a-z]+)"', condition))
        assert any(wanted.items() <= labels.items() for labels in there[name]), (name, wanted)
    assert {(one["channel"], one["outcome"]) for one in there["votremachine_deliveries_total"]} == {
        (channel.value, outcome) for channel in Channel for outcome in ("sent", "failed", "dead")
    }


async def test_what_is_due_is_counted_and_for_how_long(renter: Person, database: Database) -> None:
    due = """
        INSERT INTO reminders (id, kind, subject, person_id, due_at, state, dedupe_key, created_at, changed_at)
        SELECT gen_random_uuid(), 'overdue', gen_random_uuid(), id, :at, :state, :key, :at, :at FROM people LIMIT 1
    """
    now = datetime.now(UTC)
    async with database.begin() as tx:
        for state, ago in (("planned", 600), ("planned", 60), ("planned", -600), ("told", 9_000), ("dead", 9_000)):
            at = now - timedelta(seconds=ago)
            await tx.execute(sa.text(due), {"at": at, "state": state, "key": f"{state}{ago}"})
    text = (await renter.http.get("/metrics")).text
    values = {
        (sample.name, sample.labels.get("queue", ""), sample.labels["channel"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["votremachine_due", "reminders", "inbox"] == 2
    assert 600 <= values["votremachine_oldest_due_seconds", "reminders", "inbox"] < 900
    assert values["votremachine_dead", "", "inbox"] == 1
