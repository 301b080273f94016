"""What is sent or signed at once: two reports, a report and its photo, one report or one signature from two phones."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Self
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.exc import IntegrityError

from tests.inspections.conftest import yard as yard  # noqa: PLC0414 -- a fixture
from tests.inspections.phone import Yard, hashed, photo, unsigned
from votremachine.accounts.credentials import keys_of
from votremachine.accounts.rules import Actor, Role, Seat
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as reading_bookings
from votremachine.config import Settings
from votremachine.infra.database import Database, Tx
from votremachine.infra.documents import Found
from votremachine.infra.links import Links
from votremachine.inspections.models import inspection_chains, inspections
from votremachine.inspections.rules import chain
from votremachine.inspections.rules.accepting import MOST_REPORTS, TooManyInspections
from votremachine.inspections.rules.signing import AlreadyInspected, Side
from votremachine.inspections.schemas import MakeInspection, SignInspection
from votremachine.inspections.service import photos, reading, sealing, sending, signing, verifying

AT_ONCE = 8
LINKS = Links(keys_of(Settings()))
# Less than a request waits for a lock; and less than a transaction may stand open.
A_MOMENT, LONG_ENOUGH = 1.5, 12


@pytest.fixture
async def reports(yard: Yard, database: Database) -> list[UUID]:
    person = (await yard.owner.get("/me")).json()["id"]
    return [UUID(await unsigned(database, yard.machine, yard.booking, person)) for _ in range(AT_ONCE)]


async def seal_all(database: Database, reports: list[UUID]) -> list[Any]:
    """All at the same moment, each in its own transaction; their outcomes."""
    ready = asyncio.Barrier(len(reports))

    async def seal(inspection_id: UUID) -> bytes:
        async with database.begin() as tx:
            row = await tx.row(reading.ONE_LOCKED, {"id": inspection_id})
            assert row is not None
            report = await reading.with_bookings(tx, row)
            await ready.wait()
            return await sealing.grow(tx, report, "")

    return await asyncio.gather(*(seal(one) for one in reports), return_exceptions=True)


async def test_a_chain_grows_one_report_at_a_time(yard: Yard, reports: list[UUID], database: Database) -> None:
    outcomes = await seal_all(database, reports)
    assert len(set(outcomes)) == AT_ONCE, outcomes
    async with database.read() as tx:
        verified = await verifying.verify(tx, UUID(yard.machine))
    assert (verified.head.length, verified.broken) == (AT_ONCE, None)


async def test_without_the_lock_two_reports_want_one_place(
    reports: list[UUID], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the end of the chain is only looked at, as if nobody else could be at it."""
    unlocked = sa.select(inspection_chains.c.length, inspection_chains.c.hash).where(
        inspection_chains.c.machine_id == sa.bindparam("machine")
    )
    monkeypatch.setattr(sealing, "_HEAD", sa.union_all(unlocked, sa.select(sa.literal(0), chain_start())).limit(1))
    outcomes = await seal_all(database, reports)
    assert any(isinstance(one, IntegrityError) for one in outcomes), outcomes


def chain_start() -> "sa.ColumnElement[bytes]":
    return sa.literal(chain.NOTHING_BEFORE, sa.LargeBinary)


async def halfway(yard: Yard, database: Database, patience: float) -> str:
    """The state of a report that was sent while its only photo was being taken in, and both are written."""
    shot = photo(1)
    report = yard.report(photos=[shot])
    person = Actor(UUID((await yard.owner.get("/me")).json()["id"]), "", "", {})
    async with database.begin() as tx:
        file_id, _ = await photos.announce(tx)
    async with database.begin() as tx:
        found = Found(bytes.fromhex(hashed(shot)), "image/png", len(shot))
        await photos.receive(tx, person, UUID(report["id"]), file_id, found)
        sending = asyncio.create_task(yard.send(report))
        await asyncio.wait({sending}, timeout=patience)
    assert (await sending).is_success
    return str((await yard.owner.get(f"/inspections/{report['id']}")).json()["state"])


async def test_a_report_and_its_photo_at_once_find_each_other(yard: Yard, database: Database) -> None:
    assert await halfway(yard, database, A_MOMENT) == "complete"


async def test_without_the_lock_a_photo_waits_for_ever(
    yard: Yard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the photo sees no report, the report no photo, and neither looks again."""
    monkeypatch.setattr(photos, "_LOCK", sa.select(sa.bindparam("key", type_=sa.BigInteger)))
    assert await halfway(yard, database, LONG_ENOUGH) == "draft"


class Unguarded(Insert):
    """An insert that does not step aside for another's."""

    inherit_cache = False

    def on_conflict_do_nothing(self, *_: Any, **__: Any) -> Self:
        return self


async def person(yard: Yard) -> Actor:
    me = (await yard.owner.get("/me")).json()
    seat = Seat(UUID(yard.owner.party_id), "", Role.ADMIN, demo=False)
    return Actor(UUID(me["id"]), "", "fr", {seat.party_id: seat})


async def at_once(database: Database, verbs: Sequence[Callable[[Tx], Awaitable[Any]]]) -> list[Any]:
    """Each in a transaction of its own that has begun before any of them does anything; their outcomes."""
    ready = asyncio.Barrier(len(verbs))

    async def one(verb: Callable[[Tx], Awaitable[Any]]) -> Any:
        async with database.begin() as tx:
            await ready.wait()
            return await verb(tx)

    return await asyncio.gather(*(one(verb) for verb in verbs), return_exceptions=True)


async def send_from_phones(yard: Yard, database: Database) -> list[Any]:
    """Whether it was new, for each of the phones that send the same report."""
    asked = msgspec.convert(yard.report(), MakeInspection)
    who = await person(yard)

    async def send(tx: Tx) -> bool:
        return (await sending.send(tx, who, LINKS, UUID(yard.booking), asked))[1]

    return await at_once(database, [send] * AT_ONCE)


async def test_one_report_from_many_phones_is_one_report(yard: Yard, database: Database) -> None:
    assert sorted(await send_from_phones(yard, database)) == [False] * (AT_ONCE - 1) + [True]


async def test_without_lock_and_conflict_the_others_fail(
    yard: Yard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: nobody waits before they look, nor steps aside when they write."""

    async def look(*_: Any) -> None:
        return None

    monkeypatch.setattr(sending, "_lock_and_look", look)
    monkeypatch.setattr(sending, "insert", Unguarded)
    outcomes = await send_from_phones(yard, database)
    assert outcomes.count(True) == 1
    assert sum(isinstance(one, IntegrityError) for one in outcomes) == AT_ONCE - 1, outcomes


async def fill(yard: Yard, database: Database, free: int) -> None:
    """So many reports stand already that the booking takes `free` more."""
    person_id = (await yard.owner.get("/me")).json()["id"]
    for _ in range(MOST_REPORTS - free):
        await unsigned(database, yard.machine, yard.booking, person_id)


async def send_different_ones(
    yard: Yard, database: Database, written: Callable[[], Awaitable[Any]] | None = None
) -> list[Any]:
    """Reports of one booking that are sent at once, and what `written` waits for before each is committed."""
    who = await person(yard)
    asked = [msgspec.convert(yard.report(), MakeInspection) for _ in range(AT_ONCE)]

    async def send(tx: Tx, one: MakeInspection) -> bool:
        fresh = (await sending.send(tx, who, LINKS, UUID(yard.booking), one))[1]
        if written is not None:
            await written()
        return fresh

    return await at_once(database, [partial(send, one=one) for one in asked])


async def kept(database: Database, yard: Yard) -> int:
    async with database.read() as tx:
        counted = sa.select(sa.func.count()).where(inspections.c.booking_id == UUID(yard.booking))
        return int((await tx.execute(counted)).scalar_one())


async def test_a_booking_takes_so_many_reports_and_no_more_however_many_come_at_once(
    yard: Yard, database: Database
) -> None:
    await fill(yard, database, free=3)
    outcomes = await send_different_ones(yard, database)
    assert outcomes.count(True) == 3, outcomes
    assert sum(isinstance(one, TooManyInspections) for one in outcomes) == AT_ONCE - 3, outcomes
    assert await kept(database, yard) == MOST_REPORTS
    known = (await yard.owner.get(f"/bookings/{yard.booking}/inspections")).json()
    assert len(known) == MOST_REPORTS


async def test_without_the_lock_on_the_booking_it_takes_them_all(
    yard: Yard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: none of them counts the others, since all are written before one is committed."""
    await fill(yard, database, free=1)
    # Each waits for its own key alone.
    monkeypatch.setattr(sending, "_booking_key", lambda _: int.from_bytes(os.urandom(7)))
    outcomes = await send_different_ones(yard, database, asyncio.Barrier(AT_ONCE).wait)
    assert outcomes == [True] * AT_ONCE
    assert await kept(database, yard) == MOST_REPORTS - 1 + AT_ONCE


async def sign_from_phones(yard: Yard, database: Database) -> list[Any]:
    """The seal that each of the owner's phones is told, which sign at once."""
    view = await yard.sent(yard.report())
    assert (await yard.sign(view, "renter", yard.renter)).is_success
    who, said = await person(yard), SignInspection(Side.OWNER, view["content_hash"])

    async def sign(tx: Tx) -> str | None:
        return (await signing.sign(tx, who, LINKS, UUID(view["id"]), said)).hash

    return await at_once(database, [sign] * 4)


async def test_one_signature_from_many_phones_is_one_signature(yard: Yard, database: Database) -> None:
    outcomes = await sign_from_phones(yard, database)
    assert len(set(outcomes)) == 1, outcomes
    assert isinstance(outcomes[0], str)
    assert await yard.state() == "in_use"


async def test_without_the_lock_a_phone_signs_what_is_signed(
    yard: Yard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: each finds its signature missing."""
    monkeypatch.setattr(reading, "ONE_LOCKED", sa.select(inspections).where(inspections.c.id == sa.bindparam("id")))
    outcomes = await sign_from_phones(yard, database)
    assert any(isinstance(one, Exception) for one in outcomes), outcomes


async def both_report_the_return(yard: Yard) -> list[Callable[[Tx], Awaitable[Any]]]:
    """Owner and renter each made a report of the return; the owner is to sign both, on two phones."""
    for verb in ("check_out", "check_in"):
        assert (await yard.owner.act(yard.booking, verb, {} if verb == "check_in" else None)).is_success
    who, verbs = await person(yard), list[Callable[[Tx], Awaitable[Any]]]()
    for sender in (yard.owner, yard.renter):
        view = await yard.sent(yard.report("check_in"), sender)
        assert (await yard.sign(view, "renter", yard.renter)).is_success
        said = SignInspection(Side.OWNER, view["content_hash"])
        verbs.append(partial(signing.sign, who=who, links=LINKS, inspection_id=UUID(view["id"]), asked=said))
    return verbs


async def test_a_machine_comes_back_once_whoever_reports_it(yard: Yard, database: Database) -> None:
    outcomes = await at_once(database, await both_report_the_return(yard))
    assert sum(isinstance(one, AlreadyInspected) for one in outcomes) == 1, outcomes
    assert sum(getattr(one, "sequence", None) == 1 for one in outcomes) == 1, outcomes


async def test_without_the_lock_on_the_booking_it_comes_back_twice(
    yard: Yard, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: neither report knows of the other, since both look before either goes on."""
    signing_both = await both_report_the_return(yard)
    together, looked = asyncio.Barrier(2), list[UUID]()

    async def look(tx: Tx, booking_id: UUID) -> Booking:
        booking = await reading_bookings.load(tx, booking_id)
        if len(looked) < 2:
            looked.append(booking_id)
            async with asyncio.timeout(20):
                await together.wait()
        return booking

    monkeypatch.setattr(reading_bookings, "load_locked", look)
    outcomes = await at_once(database, signing_both)
    assert not any(isinstance(one, Exception) for one in outcomes), outcomes
