"""People of the tests, who use the service over HTTP as anybody would."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

PASSWORD = "correct horse battery"
SIX_DIGITS = re.compile(r"\b\d{6}\b")
Letters = Callable[[str], Awaitable[list[str]]]
Json = Any

_BEGUN = [datetime.now(UTC)]


def at(days: float, hours: float = 0) -> datetime:
    """A whole hour, this many days and hours from now: the same one for all of a test, though it lives past an hour."""
    return _BEGUN[-1].replace(minute=0, second=0, microsecond=0) + timedelta(days=days, hours=hours)


def a_test_begins() -> None:
    """From now on `at` counts from this hour."""
    _BEGUN[:] = [datetime.now(UTC)]


class Person:
    """Somebody signed in, acting for `party_id`."""

    def __init__(self, http: httpx.AsyncClient, email: str, token: str, party_id: str = "") -> None:
        self.http = http
        self.email = email
        self.token = token
        self.party_id = party_id

    async def ask(self, method: str, path: str, body: Json = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.http.request(method, f"/v1{path}", json=body, headers=sent)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: Json = None, **headers: str) -> httpx.Response:
        return await self.ask("POST", path, body, **headers)

    async def made(self, path: str, body: Json = None, **headers: str) -> Json:
        """The body of a POST that must succeed."""
        response = await self.post(path, body, **headers)
        assert response.is_success, response.text
        return response.json()

    async def book(
        self, machines: list[str], start: datetime, end: datetime, *, key: str | None = None, **more: Json
    ) -> httpx.Response:
        body = {"machine_ids": machines, "start": start.isoformat(), "end": end.isoformat(), **more}
        return await self.post("/bookings", body, Idempotency_Key=key or str(uuid4()))

    async def booked(self, machines: list[str], start: datetime, end: datetime, **more: Json) -> Json:
        """A booking on account that must succeed."""
        response = await self.book(machines, start, end, payment="on_account", **more)
        assert response.status_code == 201, response.text
        return response.json()

    async def act(self, booking: str, verb: str, body: Json = None, **headers: str) -> httpx.Response:
        return await self.post(f"/bookings/{booking}/{verb}", body, **({"Idempotency_Key": str(uuid4())} | headers))


class World:
    """Makes people, parties and machines. `letters` gives the texts that were sent to an address, newest last."""

    def __init__(self, http: httpx.AsyncClient, letters: Letters) -> None:
        self.http = http
        self.letters = letters

    async def person(self, email: str) -> Person:
        body = {"email": email, "password": PASSWORD, "name": email.split("@", maxsplit=1)[0].title()}
        pair = await self.redeemed(await self.http.post("/v1/auth/register", json=body), email)
        return Person(self.http, email, pair["access_token"])

    async def redeemed(self, asked: httpx.Response, address: str) -> Json:
        """The pair of tokens for who enters the code that a challenge sent to their address."""
        assert asked.status_code == 202, asked.text
        code = await self.code(address)
        pair = await self.http.post(f"/v1/auth/challenges/{asked.json()['id']}/redeem", json={"code": code})
        assert pair.status_code == 200, pair.text
        return pair.json()

    async def code(self, address: str) -> str:
        """The six digits of the newest letter to an address."""
        return str(SIX_DIGITS.findall((await self.letters(address))[-1])[0])

    async def farmer(self, email: str, farm: str, kind: str = "farm") -> Person:
        person = await self.person(email)
        party = await person.made("/parties", {"kind": kind, "name": farm, "commune": "Mont-de-Marsan"})
        person.party_id = party["id"]
        return person

    async def machine(
        self, owner: Person, *, day: int | None = 12_000, week: int | None = None, listed: bool = True, **terms: Json
    ) -> str:
        """A tractor, priced (cents a day and a week) and published; its id."""
        machine = await owner.made(
            "/machines",
            {
                "party_id": owner.party_id,
                "category": "tractor",
                "title": "Tracteur 120 ch",
                "make": "Valtra",
                "model": "N134",
                "attributes": {"power_hp": 120},
                "place": {"commune": "Mont-de-Marsan", "latitude": 43.8911, "longitude": -0.5009},
                "deposit_minor": 100_000,
                "terms": {"min_minutes": 60, "max_minutes": 60 * 24 * 60, **terms},
            },
        )
        units = {"day": day, "week": week}
        if rates := [{"unit": unit, "minor": minor} for unit, minor in units.items() if minor is not None]:
            await owner.made(f"/machines/{machine['id']}/rates", {"rates": rates})
        if listed:
            await owner.made(f"/machines/{machine['id']}/publish")
        return str(machine["id"])
