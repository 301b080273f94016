"""Calendars as programs read them, over HTTP: what they say, to whom, how it follows what happens, at what cost."""

from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa
from icalendar import Calendar, Event

from tests.calendars.rfc import check
from tests.calendars.test_writing import busy
from tests.people import Json, Person, World, at
from tests.statements import Statements
from votremachine.calendars.rules import CANCELLED_FOR
from votremachine.infra.database import Database
from votremachine.kernel.span import Span


async def linked(person: Person, **to: str) -> str:
    """The path of a new link."""
    made = await person.made("/calendar-links", to)
    return str(made["url"].removeprefix("http://127.0.0.1:8000"))


async def read(http: httpx.AsyncClient, path: str) -> Calendar:
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8"), answer.text
    return check(answer.content)


def asked(seen: list[str]) -> list[str]:
    """Without what opens and ends a transaction: the driver tells of that late."""
    return [one for one in seen if one not in {"BEGIN;", "COMMIT;"}]


async def only(http: httpx.AsyncClient, path: str) -> Event:
    (event,) = (await read(http, path)).events
    return event


async def change(person: Person, booking: Json, verb: str, body: Json) -> None:
    tag = (await person.get(f"/bookings/{booking['id']}")).headers["ETag"]
    answer = await person.act(booking["id"], verb, body, If_Match=tag)
    assert answer.status_code == 200, answer.text


async def test_a_machines_calendar_is_its_busy_spans_and_nobodys_name(
    world: World, http: httpx.AsyncClient, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner, buffer_before_minutes=30, buffer_after_minutes=60)
    booking = await renter.booked([tractor], at(2), at(3), note="Call Jean on +33612345678")
    await renter.book([tractor], at(5), at(6))  # a hold
    body = {"start": at(8).isoformat(), "end": at(9).isoformat(), "kind": "maintenance", "note": "Chez Dupont"}
    await owner.made(f"/machines/{tractor}/blocks", body)
    for path, said in (
        (await linked(owner, machine_id=tractor), ["Réservé", "Réservé, à confirmer", "Entretien"]),
        (
            await linked(owner, party_id=owner.party_id),
            ["Réservé – Tracteur 120 ch", "Réservé, à confirmer – Tracteur 120 ch", "Entretien – Tracteur 120 ch"],
        ),
    ):
        calendar = await read(http, path)
        assert busy(calendar) == [Span(at(2), at(3)), Span(at(5), at(6)), Span(at(8), at(9))]
        assert [str(event["SUMMARY"]) for event in calendar.events] == said
        assert [event["STATUS"] for event in calendar.events] == ["CONFIRMED", "TENTATIVE", "CONFIRMED"]
        text = (await http.get(path)).text.replace("\r\n ", "")
        assert f"Réservation {booking['id']}" in text
        for secret in ("Chalosse", "Jean", "612345678", "Dupont", renter.email, renter.party_id):
            assert secret not in text


async def test_a_persons_calendar_names_the_other_side_in_their_language(
    world: World, http: httpx.AsyncClient, owner: Person, renter: Person
) -> None:
    booking = await renter.booked([await world.machine(owner) for _ in range(2)], at(2), at(3))
    await renter.ask("PATCH", "/me", {"language": "en"})
    theirs, mine = await linked(renter), await linked(owner)
    rented, lent = await only(http, theirs), await only(http, mine)
    assert str(rented["SUMMARY"]) == "Tracteur 120 ch + Tracteur 120 ch – rented from Ferme du Marsan"
    assert str(lent["SUMMARY"]) == "Tracteur 120 ch + Tracteur 120 ch – loué à Ferme de la Chalosse"
    assert rented["UID"] == lent["UID"] == f"booking-{booking['id']}@votremachine"
    assert str(rented["URL"]) == f"http://127.0.0.1:8000/#/bookings/{booking['id']}"
    stranger = await world.farmer("stranger@x.example", "Ailleurs")
    assert (await read(http, await linked(stranger))).events == []


async def test_uids_stay_and_sequences_grow(
    world: World, http: httpx.AsyncClient, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    booking = await renter.booked([tractor], at(2), at(3))
    paths = [
        await linked(owner, machine_id=tractor),
        await linked(owner, party_id=owner.party_id),
        await linked(renter),
    ]
    seen: list[list[Any]] = [[await only(http, path)] for path in paths]
    await change(renter, booking, "reschedule", {"start": at(4).isoformat(), "end": at(5).isoformat()})
    for known, path in zip(seen, paths, strict=True):
        known.append(await only(http, path))
    await change(renter, booking, "extend", {"end": at(6).isoformat()})
    for known, path in zip(seen, paths, strict=True):
        known.append(await only(http, path))
    await renter.act(booking["id"], "cancel", {})
    for known, path in zip(seen, paths, strict=True):
        known.append(await only(http, path))
        assert len({event["UID"] for event in known}) == 1
        assert [event["SEQUENCE"] for event in known] == [0, 1, 2, 3]
        assert [event["DTEND"].dt for event in known] == [at(3), at(5), at(6), at(6)]
        assert [event["STATUS"] for event in known] == ["CONFIRMED"] * 3 + ["CANCELLED"]
        changed = [event["LAST-MODIFIED"].dt for event in known]
        assert changed == sorted(changed)
        assert busy(await read(http, path)) == []
    async with database.begin() as tx:
        await tx.execute(
            sa.text("UPDATE booking_transitions SET at = at - CAST(:age AS interval)"), {"age": CANCELLED_FOR}
        )
    for path in paths:
        assert (await read(http, path)).events == [], "long enough to be dropped everywhere"


async def test_a_hold_that_ran_out_is_cancelled_before_and_after_the_sweep(
    world: World, http: httpx.AsyncClient, owner: Person, renter: Person, database: Database
) -> None:
    tractor = await world.machine(owner)
    await renter.book([tractor], at(2), at(3))
    path = await linked(owner, machine_id=tractor)
    assert (await only(http, path))["STATUS"] == "TENTATIVE"
    async with database.begin() as tx:
        for table in ("bookings", "occupancies"):
            await tx.execute(sa.text(f"UPDATE {table} SET expires_at = now()"))
    gone = await only(http, path)
    assert (gone["STATUS"], gone["TRANSP"], gone["SEQUENCE"]) == ("CANCELLED", "TRANSPARENT", 1)


async def test_what_is_old_or_far_ahead_is_left_out(world: World, http: httpx.AsyncClient, owner: Person) -> None:
    tractor = await world.machine(owner)
    for start in (at(-100), at(-60), at(700), at(800)):
        body = {"start": start.isoformat(), "end": (start + timedelta(hours=3)).isoformat()}
        await owner.made(f"/machines/{tractor}/blocks", body)
    starts = [span.start for span in busy(await read(http, await linked(owner, machine_id=tractor)))]
    assert starts == [at(-60), at(700)]


async def test_what_did_not_change_is_not_sent_again(
    world: World, http: httpx.AsyncClient, owner: Person, renter: Person
) -> None:
    tractor = await world.machine(owner)
    path = await linked(owner, machine_id=tractor)
    tag = (await http.get(path)).headers["ETag"]
    for known in (tag, f"W/{tag}"):
        again = await http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    head = await http.head(path)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", tag)
    await renter.booked([tractor], at(2), at(3))
    changed = await http.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    for encoding in ("br", "gzip"):
        packed = await http.get(path, headers={"Accept-Encoding": encoding})
        assert (packed.headers["Content-Encoding"], packed.content) == (encoding, changed.content)


async def test_sixty_machines_cost_as_many_statements_as_one(
    world: World, http: httpx.AsyncClient, owner: Person, renter: Person, statements: Statements
) -> None:
    first = await world.machine(owner)
    await renter.booked([first], at(1), at(2))
    paths = await linked(owner, party_id=owner.party_id), await linked(renter)
    for path in paths:
        await http.get(path)
    counts = []
    for path in paths:
        with statements.counted() as seen:
            assert len((await read(http, path)).events) == 1
        counts.append(len(asked(seen)))
    more = [await world.machine(owner) for _ in range(59)]
    for i in range(0, 59, 10):
        await renter.booked(more[i : i + 10], at(3), at(4))
    for path, before, events in zip(paths, counts, (60, 7), strict=True):
        with statements.counted() as seen:
            assert len((await read(http, path)).events) == events
        assert len(asked(seen)) == before <= 5, "\n".join(seen)
