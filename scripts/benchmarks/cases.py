"""The cases: one entry each in `CASES`, and beneath them what each of them sends and makes sure of.

A case is an async context manager over a world. It gives a `Measure`, which does as much as it can in so many seconds
and says how much that was; whatever must hold afterwards is checked on the way out. So a case may as well run a job
in this process as send requests.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from os import urandom

import msgspec

from benchmarks.chaining import hashed, inspection_chain
from benchmarks.client import Load, Sample, WrongAnswer, ask, drive, encoded
from benchmarks.feed_import import feed_import
from benchmarks.proving import BOOKINGS, ledger_proof, total
from benchmarks.reminding import reminders
from benchmarks.signing_in import signin, verify
from benchmarks.world import Farmer, Size, Slot, World

Measure = Callable[[float], Awaitable[Sample]]
Subject = Callable[[World], AbstractAsyncContextManager[Measure]]

SMALL = Size(machines=2_000, past=10)
LARGE = Size(machines=10_000, past=20)
MILLION = Size(machines=50, past=1, entries=10 * BOOKINGS)
SEVERAL = 100  # different machines that a reading case asks for in turn


class Case(msgspec.Struct, frozen=True):
    """What is measured, in which worlds, against which entry of `BASELINES`."""

    unit: str
    subject: Subject
    baseline: str
    worlds: tuple[Size, ...] = (SMALL,)


@asynccontextmanager
async def booking(world: World) -> AsyncIterator[Measure]:
    """Bookings on account of machines that are free, each of them confirmed at once."""
    requests = _bookings(world, "on_account")
    booked = 0

    async def measure(seconds: float) -> Sample:
        nonlocal booked
        sample = await drive(Load(port=world.stack.api_port, requests=requests, status=201), seconds)
        booked += sample.done
        return sample

    before = await _confirmed(world)
    yield measure
    _check_equal(await _confirmed(world) - before, booked)


@asynccontextmanager
async def confirm(world: World) -> AsyncIterator[Measure]:
    """Holds that become bookings, paid by card: the simulated gateway charges it in between."""
    port = world.stack.api_port
    bodies = {}
    for farmer in world.renters:
        card = ask(port, "POST", f"/v1/parties/{farmer.party_id}/instruments", {"token": "tok_visa"}, farmer.token).body
        bodies[farmer.party_id] = msgspec.json.encode({"payment": "card", "instrument_id": card["id"]})
    async with _confirming(world, bodies) as measure:
        yield measure


@asynccontextmanager
async def confirm_on_account(world: World) -> AsyncIterator[Measure]:
    """Holds that become bookings, to be paid later."""
    async with _confirming(world, {one.party_id: b'{"payment":"on_account"}' for one in world.renters}) as measure:
        yield measure


@asynccontextmanager
async def _confirming(world: World, bodies: Mapping[str, bytes]) -> AsyncIterator[Measure]:
    port, holds = world.stack.api_port, _bookings(world, None)
    by_party = {farmer.party_id: farmer for farmer in world.renters}
    confirmed = 0

    async def measure(seconds: float) -> Sample:
        nonlocal confirmed
        held: list[bytes] = []
        await drive(Load(port=port, requests=holds, status=201, bodies=held), 1.5 * seconds)
        requests = iter([_confirmation(body, by_party, bodies) for body in held])
        sample = await drive(Load(port=port, requests=requests, status=200), seconds)
        confirmed += sample.done
        return sample

    before = await _confirmed(world)
    yield measure
    _check_equal(await _confirmed(world) - before, confirmed)


@asynccontextmanager
async def quote(world: World) -> AsyncIterator[Measure]:
    """The price of 34 hours of one machine, and whether they are free."""
    example = _wish(next(world.slots()))
    templates = cycle([_template("POST", "/v1/quotes", farmer.token, example) for farmer in world.renters])
    requests = (next(templates) % _wish(slot) for slot in world.slots())
    yield _asking(world.stack.api_port, requests, 200)


@asynccontextmanager
async def not_modified(world: World) -> AsyncIterator[Measure]:
    """A machine that the caller has already."""
    port, farmers = world.stack.api_port, cycle(world.renters)
    requests = []
    for machine_id in world.machines[:SEVERAL]:
        path, farmer = f"/v1/machines/{machine_id}", next(farmers)
        tag = ask(port, "GET", path, token=farmer.token).etag
        requests.append(encoded("GET", path, farmer.token, If_None_Match=tag))
    yield _asking(port, cycle(requests), 304)


@asynccontextmanager
async def availability(world: World) -> AsyncIterator[Measure]:
    """What can be booked and why not the rest, for one month of a machine with 2,000 occupancies over 24 months."""
    start = datetime.now(UTC) + timedelta(days=30)
    window = f"from={start:%Y-%m-%dT%H:%M:%SZ}&to={start + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    path = f"/v1/machines/{world.busy_machine}/availability?{window}"
    told = ask(world.stack.api_port, "GET", path, token=world.renters[0].token).body
    _check_equal({len(told["busy"]), len(told["unbookable"])} <= {82, 83}, True)  # one every 8 hours and 45 minutes
    requests = [encoded("GET", path, farmer.token) for farmer in world.renters]
    yield _asking(world.stack.api_port, cycle(requests), 200)


@asynccontextmanager
async def insert(world: World) -> AsyncIterator[Measure]:
    """One guarded insert behind POST, of the same spans that `booking` asks for."""
    template = _template("POST", "/insert", "", _span(next(world.slots())))
    requests = (template % _span(slot) for slot in world.slots())
    await world.database.execute("TRUNCATE bench.occupancies")
    yield _asking(world.stack.baseline_port, requests, 201)


@asynccontextmanager
async def read(world: World) -> AsyncIterator[Measure]:
    """One indexed row behind GET."""
    requests = [encoded("GET", f"/read/{machine_id}") for machine_id in world.machines[:SEVERAL]]
    yield _asking(world.stack.baseline_port, cycle(requests), 200)


BASELINES: dict[str, Subject] = {"insert": insert, "read": read, "verify": verify, "total": total, "hashed": hashed}
CASES = {
    "booking": Case("bookings/s", booking, "insert"),
    "confirm": Case("bookings/s", confirm, "insert"),
    "confirm_on_account": Case("bookings/s", confirm_on_account, "insert"),
    "quote": Case("quotes/s", quote, "read"),
    "availability": Case("calendars/s", availability, "read", (SMALL, LARGE)),
    "feed_import": Case("events/s", feed_import, "insert"),
    "reminders": Case("reminders/s", reminders, "insert"),
    "signin": Case("sign-ins/s", signin, "verify"),
    "inspection_chain": Case("reports/s", inspection_chain, "hashed"),
    "ledger_proof": Case("entries/s", ledger_proof, "total", (MILLION,)),
    "not_modified": Case("answers/s", not_modified, "read"),
}


def _asking(port: int, requests: Iterator[bytes], status: int) -> Measure:
    """What sends these requests and nothing else."""

    async def measure(seconds: float) -> Sample:
        return await drive(Load(port=port, requests=requests, status=status), seconds)

    return measure


def _bookings(world: World, payment: str | None) -> Iterator[bytes]:
    """Bookings of the free slots by one renter after another."""
    end = b',"payment":"%s"}' % payment.encode() if payment else b"}"
    example = _wish(next(world.free_slots))[:-1] + end
    templates = [
        _template("POST", "/v1/bookings", farmer.token, example, Idempotency_Key="%b") for farmer in world.renters
    ]
    for slot, template in zip(world.free_slots, cycle(templates), strict=False):
        yield template % (urandom(16).hex().encode(), _wish(slot)[:-1] + end)


def _template(method: str, path: str, token: str, example: bytes, **headers: str) -> bytes:
    """A request with a place for a body as long as the example: putting it together must not slow the client."""
    return encoded(method, path, token, example, **headers).replace(example, b"%b")


def _wish(slot: Slot) -> bytes:
    return b'{"machine_ids":["%b"],"start":"%b","end":"%b"}' % slot


def _span(slot: Slot) -> bytes:
    return b'{"machine_id":"%b","start":"%b","end":"%b"}' % slot


def _confirmation(held: bytes, by_party: Mapping[str, Farmer], bodies: Mapping[str, bytes]) -> bytes:
    """The request that confirms the hold of an answer, by who holds it."""
    hold = msgspec.json.decode(held)
    party = hold["renter"]["id"]
    path, key = f"/v1/bookings/{hold['id']}/confirm", urandom(16).hex()
    return encoded("POST", path, by_party[party].token, bodies[party], Idempotency_Key=key)


async def _confirmed(world: World) -> int:
    """How many confirmed bookings take their machine's time."""
    found: int = await world.database.fetchval(
        "SELECT count(*) FROM bookings b JOIN occupancies o ON o.ref_id = b.id WHERE b.state = 'confirmed'"
    )
    return found


def _check_equal(found: int, expected: int) -> None:
    if found != expected:
        raise WrongAnswer(f"the database has {found}, and the answers say {expected}")
