"""The path of the main job through the running service: nobody gets between a farmer and the tractor they booked."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.people import Person, World, at

NAMES_A_HOST = re.compile(r"""(?:src|href|action|url|import)\s*[=(]\s*["']?((?:https?:)?//[^"'\s)>]+)""", re.IGNORECASE)
TOLD_SECONDS = 15


@pytest.fixture
async def world(stack: str) -> AsyncIterator[World]:
    headers = {"Accept-Language": "en"}
    async with httpx.AsyncClient(base_url=stack, headers=headers, timeout=30) as http:

        async def letters(address: str) -> list[str]:
            """What the worker sent there, once it did."""
            for _ in range(TOLD_SECONDS * 4):
                sent = (await http.get("/v1/demo/letters", params={"to": address})).json()
                if sent:
                    break
                await asyncio.sleep(0.25)
            return [one["text"] for one in sent]

        yield World(http, letters)


async def told(person: Person, kind: str) -> bool:
    """Whether the worker brings such a message within its time."""
    for _ in range(TOLD_SECONDS * 4):
        if any(one["kind"] == kind for one in (await person.get("/inbox")).json()["items"]):
            return True
        await asyncio.sleep(0.25)
    return False


async def test_a_farmer_books_a_tractor_that_nobody_else_can_book(world: World) -> None:
    owner = await world.farmer("jeanne@journey.example", "Ferme du Lanot")
    tractor = await world.machine(owner, day=12_000, week=60_000)

    renter = await world.farmer("paul@journey.example", "EARL de la Dame")
    week = f"from={at(1):%FT%TZ}&to={at(8):%FT%TZ}"
    free = (await renter.get(f"/machines/{tractor}/availability?{week}")).json()
    assert (len(free["free"]), free["busy"]) == (1, [])

    wish = {"machine_ids": [tractor], "start": at(3).isoformat(), "end": at(4).isoformat()}
    quote = await renter.made("/quotes", wish)
    assert quote["bookable"] is True
    assert quote["price"]["net"]["minor"] in {12_000, 24_000}

    first = await renter.book([tractor], at(3), at(4), key="once-and-for-all")
    again = await renter.book([tractor], at(3), at(4), key="once-and-for-all")
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.content == first.content
    booking = first.json()
    assert booking["state"] == "held"
    assert booking["price"] == quote["price"]
    other = await renter.book([tractor], at(5), at(6), key="once-and-for-all")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    confirmed = await renter.act(booking["id"], "confirm", {"payment": "on_account"})
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "confirmed")

    calendar = (await owner.get(f"/machines/{tractor}/agenda?{week}")).json()["entries"]
    assert [(one["kind"], one["ref_id"]) for one in calendar] == [("booking", booking["id"])]
    for person, side in ((owner, "owner"), (renter, "renter")):
        listed = (await person.get(f"/bookings?side={side}")).json()["items"]
        assert [(one["id"], one["state"]) for one in listed] == [(booking["id"], "confirmed")]

    rival = await world.farmer("maite@journey.example", "GAEC du Luy")
    refused = await rival.book([tractor], at(3, 5), at(4, 5))
    assert (refused.status_code, refused.json()["code"]) == (409, "span_taken")
    alternative = refused.json()["alternatives"][0]
    taken = await rival.made(
        "/bookings", {"machine_ids": [tractor], **alternative, "payment": "on_account"}, Idempotency_Key="instead"
    )
    assert taken["state"] == "confirmed"
    assert await told(owner, "BookingConfirmed")


async def test_its_pages_answer_and_name_no_other_host(world: World, stack: str) -> None:
    pages = ["/", "/home.css", "/home.js", "/mark.svg", "/schema"]
    for page in pages:
        answer = await world.http.get(page)
        assert answer.status_code == 200, page
        hosts = {urlsplit(url).netloc for url in NAMES_A_HOST.findall(answer.text)}
        assert hosts <= {urlsplit(stack).netloc, "127.0.0.1:8000"}, f"{page} names {hosts}"
    front = (await world.http.get("/")).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", front), "a script or style within the page"


async def test_it_says_that_it_is_ready(world: World) -> None:
    ready = await world.http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"database": True, "migrations": True, "redis": True})
