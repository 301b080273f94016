"""The world that the cases run in: what the API itself wrote once, copied until it is as large as wanted.

Copies of real rows need no change here when a table gains a column.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Any

import asyncpg
import msgspec

from benchmarks.baseline import TABLES
from benchmarks.client import CONNECTIONS, ask
from benchmarks.stack import Stack
from votremachine.accounts.passwords import Passwords
from votremachine.accounts.service.people import add_person
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.kernel.ids import uuid7

OWNERS = 50
BUSY = 2_000  # occupancies of the busy machine over 24 months, one after the other with some hours between
HORIZON_DAYS = 730  # the longest that an owner may set
SLOT_DAYS = 2  # from one booking of a machine to the next
# Not the tables that are still empty: plans made for what is known to be empty scan what has grown since. One that was
# never looked at is planned for as in a service that begins.
FILLED = ("people", "parties", "seats", "sessions", "machines", "rate_cards", "occupancies", "bench.machines")
PASSWORD = "a password of the benchmark"  # noqa: S105 -- of people who live for a minute

# A machine, and the start and end (RFC 3339) of 34 hours in which nobody else wants it.
Slot = tuple[bytes, bytes, bytes]


class Size(msgspec.Struct, frozen=True):
    """How many machines are listed, how many occupancies each has behind it, and what the ledger has."""

    machines: int
    past: int
    entries: int = 0  # of the ledger; the case that proves it puts them there

    def __str__(self) -> str:
        whole = f"{self.machines} machines, {self.machines * self.past + BUSY} occupancies"
        return f"{whole}, {self.entries} entries" if self.entries else whole


class Farmer(msgspec.Struct):
    """Somebody with a farm that books on account."""

    email: str
    person_id: str
    party_id: str
    token: str = ""

    def sign_in(self, port: int) -> None:
        """A fresh access token, which lives 10 minutes."""
        tokens = ask(port, "POST", "/v1/auth/login", {"email": self.email, "password": PASSWORD}).body
        self.token = tokens["access_token"]


class World(msgspec.Struct):
    """What the cases ask for."""

    stack: Stack
    database: Any  # an asyncpg connection
    renters: list[Farmer]  # one for each connection of the client
    machines: list[str]
    busy_machine: str
    free_slots: Iterator[Slot]  # each is booked once, whoever takes it

    def sign_in(self) -> None:
        """Everybody anew."""
        for farmer in self.renters:
            farmer.sign_in(self.stack.api_port)

    def slots(self) -> Iterator[Slot]:
        """Every slot of this world, taken or not."""
        return slots(self.machines)


def slots(machines: Sequence[str]) -> Iterator[Slot]:
    """The first slot of each machine, then the second, as far ahead as owners let it be booked."""
    first = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=2)
    for days in range(0, HORIZON_DAYS - 2 * SLOT_DAYS, SLOT_DAYS):
        start = first + timedelta(days=days)
        end = (start + timedelta(hours=34)).isoformat().encode()
        for machine_id in machines:
            yield machine_id.encode(), start.isoformat().encode(), end


async def fill(stack: Stack, size: Size) -> World:
    """A world of that size in an empty service."""
    founder = await _sign_up(stack)
    busy = _list_machine(stack.api_port, founder)
    database = await asyncpg.connect(stack.dsn)
    renters = await _renters(database, founder)
    machines = await _machines(database, founder, busy, size.machines)
    await database.execute(_PAST, machines, size.past)
    await database.execute(_BUSY, busy, BUSY)
    await database.execute(TABLES)
    await database.execute(f"VACUUM ANALYZE {', '.join(FILLED)}")
    return World(stack, database, renters, machines, busy, slots(machines))


async def _sign_up(stack: Stack) -> Farmer:
    """The first farmer; the others are copies. No worker runs that could send a code, so the person is put in."""
    email, port = "founder@bench.example", stack.api_port
    database = Database(stack.database_url, pool_size=1)
    async with database.begin() as tx:
        await add_person(tx, email, "Claude", "fr", await Passwords(Settings()).hash(PASSWORD))
    await database.close()
    token = ask(port, "POST", "/v1/auth/login", {"email": email, "password": PASSWORD}).body["access_token"]
    farm = {"kind": "farm", "name": "Ferme du Marsan", "commune": "Mont-de-Marsan"}
    party = ask(port, "POST", "/v1/parties", farm, token).body
    return Farmer(email, ask(port, "GET", "/v1/me", token=token).body["id"], party["id"], token)


def _list_machine(port: int, owner: Farmer) -> str:
    """The first machine, with prices and buffers, published; its id."""
    machine = {
        "party_id": owner.party_id,
        "category": "tractor",
        "title": "Tracteur 120 ch",
        "make": "Valtra",
        "model": "N134",
        "attributes": {"power_hp": 120},
        "place": {"commune": "Mont-de-Marsan", "latitude": 43.8911, "longitude": -0.5009},
        "deposit_minor": 100_000,
        "terms": {"buffer_before_minutes": 30, "buffer_after_minutes": 60, "horizon_days": HORIZON_DAYS},
    }
    rates = {"rates": [{"unit": "day", "minor": 12_000}, {"unit": "week", "minor": 60_000}]}
    made = ask(port, "POST", "/v1/machines", machine, owner.token).body
    ask(port, "POST", f"/v1/machines/{made['id']}/rates", rates, owner.token)
    ask(port, "POST", f"/v1/machines/{made['id']}/publish", None, owner.token)
    return str(made["id"])


async def _renters(database: Any, founder: Farmer) -> list[Farmer]:
    farmers = [Farmer(f"{number}@bench.example", _new_id(), _new_id()) for number in range(CONNECTIONS)]
    people = [{"id": one.person_id, "email": one.email} for one in farmers]
    seats = [{"person_id": one.person_id, "party_id": one.party_id} for one in farmers]
    await _copy(database, "people", "id", founder.person_id, people)
    await _copy(database, "parties", "id", founder.party_id, [{"id": one.party_id} for one in farmers])
    await _copy(database, "seats", "person_id", founder.person_id, seats)
    return farmers


async def _machines(database: Any, founder: Farmer, first: str, wanted: int) -> list[str]:
    """Machines of several owners like the first one, priced as it is; their ids."""
    owners = [_new_id() for _ in range(OWNERS)]
    ids = [_new_id() for _ in range(wanted)]
    machines = [{"id": one, "party_id": owners[number % OWNERS]} for number, one in enumerate(ids)]
    cards = [{"id": _new_id(), "machine_id": one} for one in ids]
    await _copy(database, "parties", "id", founder.party_id, [{"id": one} for one in owners])
    await _copy(database, "machines", "id", first, machines)
    await _copy(database, "rate_cards", "machine_id", first, cards)
    return ids


async def _copy(database: Any, table: str, key: str, value: str, changes: list[dict[str, str]]) -> None:
    """The row whose `key` has that value, once more for each of the changes."""
    statement = f"""
        INSERT INTO {table} SELECT copy.* FROM {table} source, jsonb_array_elements($2) change,
            LATERAL jsonb_populate_record(source, change) copy
        WHERE source.{key} = $1
    """  # noqa: S608 -- our own names
    await database.execute(statement, value, msgspec.json.encode(changes).decode())


def _new_id() -> str:
    return str(uuid7(datetime.now(UTC), urandom(10)))


_OCCUPY = """
    INSERT INTO occupancies (id, machine_id, kind, ref_id, during, blocked)
    SELECT uuidv7(), machine, 'block', uuidv7(), tstzrange(start, start + long), tstzrange(start, start + long + '1 h')
"""
_PAST = f"""
    {_OCCUPY} FROM unnest($1::uuid[]) machine, generate_series(1, $2) day,
        LATERAL (SELECT date_trunc('day', now()) - day * interval '1 day', interval '10 h') AS at(start, long)
"""
_BUSY = f"""
    {_OCCUPY} FROM (SELECT $1::uuid) AS one(machine), generate_series(1, $2) turn,
        LATERAL (SELECT date_trunc('day', now()) + turn * interval '8 h 45 min', interval '4 h') AS at(start, long)
"""
