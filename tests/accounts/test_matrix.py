"""Who may do what, on every route of the OpenAPI document, with real tokens against real rows.

A route that is not in the table fails the suite. Those who may least ask first, so that nobody finds the row changed.
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar

from tests.people import PASSWORD, Json, Person, World, at
from tests.shots import shown
from votremachine.config import Settings
from votremachine.infra.database import Database

# The personas, in the order in which they ask. Anonymous always asks first and gets 401, but for the public routes.
ASKING = ("stranger", "renter_viewer", "owner_viewer", "renter", "owner")
PUBLIC = {
    ("POST", "/v1/auth/register"),
    ("POST", "/v1/auth/login"),
    ("POST", "/v1/auth/refresh"),
    ("POST", "/v1/auth/codes"),
    ("POST", "/v1/auth/resets"),
    ("POST", "/v1/auth/challenges/{challenge_id}/redeem"),
    ("GET", "/v1/categories"),
    ("GET", "/v1/machines/import-template"),
    ("GET", "/v1/demo"),
    ("GET", "/v1/demo/letters"),
    # The address is the permission: tests/calendars.
    ("GET", "/v1/calendars/{file}"),
    ("HEAD", "/v1/calendars/{file}"),
}
ANYBODY = (200, 200, 200, 200, 200)
OWNERS_ADMIN = (403, 403, 403, 403, 200)
HIDDEN_BUT_OWNERS_ADMIN = (404, 404, 403, 404, 200)
OWNER_SIDE = (404, 403, 403, 403, 200)

TABLE: dict[tuple[str, str], tuple[int, ...]] = {
    ("POST", "/v1/auth/logout"): (204,) * 5,
    ("GET", "/v1/me"): ANYBODY,
    ("PATCH", "/v1/me"): ANYBODY,
    ("PUT", "/v1/me/password"): (204,) * 5,
    ("POST", "/v1/me/addresses"): (202,) * 5,
    ("POST", "/v1/me/addresses/{challenge_id}/redeem"): (401,) * 5,
    ("GET", "/v1/me/sessions"): ANYBODY,
    ("DELETE", "/v1/me/sessions"): (204,) * 5,
    ("DELETE", "/v1/me/sessions/{session_id}"): (404,) * 5,
    ("GET", "/v1/me/audit"): ANYBODY,
    ("GET", "/v1/me/export"): ANYBODY,
    # A booking stands between the farms, so the last of each cannot leave.
    ("POST", "/v1/me/close"): (204, 204, 204, 409, 409),
    ("POST", "/v1/parties"): (201,) * 5,
    ("GET", "/v1/parties/{party_id}"): ANYBODY,
    ("GET", "/v1/parties/{party_id}/details"): (404, 404, 200, 404, 200),
    ("PATCH", "/v1/parties/{party_id}"): HIDDEN_BUT_OWNERS_ADMIN,
    ("PUT", "/v1/parties/{party_id}/iban"): HIDDEN_BUT_OWNERS_ADMIN,
    ("GET", "/v1/parties/{party_id}/people"): (404, 404, 200, 404, 200),
    # The owner is the last admin of the farm.
    ("PATCH", "/v1/parties/{party_id}/people/{person_id}"): (404, 404, 403, 404, 409),
    ("DELETE", "/v1/parties/{party_id}/people/{person_id}"): (404, 404, 403, 404, 409),
    ("GET", "/v1/parties/{party_id}/invitations"): HIDDEN_BUT_OWNERS_ADMIN,
    ("POST", "/v1/parties/{party_id}/invitations"): (404, 404, 403, 404, 201),
    ("DELETE", "/v1/parties/{party_id}/invitations/{invitation_id}"): (404, 404, 403, 404, 404),
    ("POST", "/v1/invitations/accept"): (404,) * 5,
    ("GET", "/v1/parties/{party_id}/members"): (404, 404, 200, 404, 200),
    ("DELETE", "/v1/parties/{party_id}/members/{member_id}"): (404, 403, 403, 404, 404),
    ("GET", "/v1/staff/people"): (403,) * 5,
    ("POST", "/v1/staff/impersonations"): (403,) * 5,
    # Only who runs the farm that is to join may ask; in this world the owner's and the renter's farms.
    ("POST", "/v1/parties/{party_id}/members"): (404, 403, 404, 422, 404),
    ("POST", "/v1/parties/{party_id}/members/{member_id}/approve"): (404, 404, 403, 404, 404),
    ("POST", "/v1/machines"): (404, 404, 403, 404, 201),
    ("GET", "/v1/machines"): ANYBODY,
    # A body of JSON is no spreadsheet; who may not import gets no further than that.
    ("POST", "/v1/parties/{party_id}/machines/import"): (404, 404, 403, 404, 422),
    ("GET", "/v1/machines/{machine_id}"): ANYBODY,
    ("PATCH", "/v1/machines/{machine_id}"): OWNERS_ADMIN,
    # What stands there is a tractor itself: everybody may ask.
    ("GET", "/v1/machines/{machine_id}/tractors"): (422,) * 5,
    ("POST", "/v1/machines/{machine_id}/publish"): OWNERS_ADMIN,
    ("POST", "/v1/machines/{machine_id}/pause"): OWNERS_ADMIN,
    # The owner's admin sends no image here: it is looked at last.
    ("POST", "/v1/machines/{machine_id}/photos"): (403, 403, 403, 403, 422),
    ("GET", "/v1/machines/{machine_id}/photos"): ANYBODY,
    ("POST", "/v1/machines/{machine_id}/photos/arrange"): OWNERS_ADMIN,
    ("DELETE", "/v1/photos/{photo_id}"): (403, 403, 403, 403, 204),
    ("GET", "/v1/photos/{photo_id}/{file}"): ANYBODY,
    ("POST", "/v1/machines/{machine_id}/retire"): OWNERS_ADMIN,
    ("POST", "/v1/machines/{machine_id}/rates"): (403, 403, 403, 403, 201),
    ("GET", "/v1/machines/{machine_id}/rates"): ANYBODY,
    ("GET", "/v1/machines/{machine_id}/availability"): ANYBODY,
    ("GET", "/v1/machines/{machine_id}/calendar"): (403, 403, 200, 403, 200),
    ("POST", "/v1/machines/{machine_id}/blocks"): (403, 403, 403, 403, 201),
    ("DELETE", "/v1/blocks/{block_id}"): (404, 404, 403, 404, 204),
    ("POST", "/v1/calendar-links"): (403, 403, 201, 403, 201),
    ("GET", "/v1/calendar-links"): ANYBODY,
    ("DELETE", "/v1/calendar-links/{link_id}"): (404, 404, 403, 404, 204),
    ("POST", "/v1/quotes"): ANYBODY,
    ("POST", "/v1/bookings"): (201, 403, 403, 409, 422),
    ("GET", "/v1/bookings"): ANYBODY,
    ("GET", "/v1/bookings/{booking_id}"): (404, 200, 200, 200, 200),
    ("GET", "/v1/bookings/{booking_id}/history"): (404, 200, 200, 200, 200),
    ("POST", "/v1/bookings/{booking_id}/confirm"): (404, 403, 403, 200, 403),
    ("POST", "/v1/bookings/{booking_id}/accept"): (404, 403, 403, 403, 409),
    ("POST", "/v1/bookings/{booking_id}/decline"): (404, 403, 403, 403, 409),
    ("POST", "/v1/bookings/{booking_id}/cancel"): (404, 403, 403, 200, 409),
    ("POST", "/v1/bookings/{booking_id}/reschedule"): (404, 403, 403, 200, 403),
    ("POST", "/v1/bookings/{booking_id}/extend"): (404, 403, 403, 409, 403),
    ("POST", "/v1/bookings/{booking_id}/check_out"): (404, 403, 403, 403, 409),
    ("POST", "/v1/bookings/{booking_id}/check_in"): (404, 403, 403, 403, 409),
    ("POST", "/v1/bookings/{booking_id}/no_show"): (404, 403, 403, 403, 409),
    ("GET", "/v1/inbox"): ANYBODY,
}

SPAN = {"start": at(10).isoformat(), "end": at(11).isoformat()}


@dataclass
class Scene:
    """A machine, a block and a held booking between two farms, a draft, and everybody who might ask about them."""

    people: dict[str, Person]
    machine: str
    block: str
    booking: str
    person: str  # the owner
    photo: str
    link: str  # the owner's, to the machine's calendar

    def body(self, method: str, path: str, who: str) -> Json:
        """A body that is right for the route, sent by this persona."""
        own = self.people[who].party_id
        owner = self.people["owner"].party_id
        last = path.rsplit("/", 1)[1]
        bodies: dict[str, Any] = {
            "register": {"email": f"{uuid4().hex}@x.example", "password": PASSWORD, "name": "X"},
            "login": {"email": self.people["owner"].email, "password": PASSWORD},
            "refresh": {"refresh_token": "nonsense"},
            "codes": {"email": "x@x.example"},
            "resets": {"email": "x@x.example"},
            "redeem": {"code": "000000"},
            "me": {"name": "X"},
            "password": {"current": PASSWORD, "password": PASSWORD},
            "addresses": {"email": f"{uuid4().hex}@x.example"},
            "close": {"current": PASSWORD},
            "{party_id}": {"name": "X"},
            "iban": {"iban": "FR7630006000011234567890189"},
            "{person_id}": {"role": "viewer"},
            "invitations": {"role": "member"},
            "accept": {"token": "nonsense"} if "invitations" in path else None,
            "impersonations": {"person_id": self.person, "reason": "Asked by telephone."},
            "parties": {"kind": "farm", "name": "X", "commune": "Dax"},
            "members": {"party_id": self.people["renter"].party_id},
            "machines": {
                "party_id": owner,
                "category": "tractor",
                "title": "X",
                "place": {"commune": "Dax", "latitude": 43.7, "longitude": -1.0},
            },
            "{machine_id}": {"title": "X"},
            "rates": {"rates": [{"unit": "day", "minor": 1}]},
            "arrange": {"photo_ids": [self.photo]},
            "blocks": {"start": at(20).isoformat(), "end": at(21).isoformat()},
            "calendar-links": {"machine_id": self.machine},
            "quotes": {"machine_ids": [self.machine], **SPAN},
            "bookings": {"machine_ids": [self.machine], "renter_party_id": own, **SPAN},
            "confirm": {"payment": "on_account"},
            "decline": {},
            "cancel": {},
            "check_in": {},
            "no_show": {},
            "reschedule": {"start": at(15).isoformat(), "end": at(16).isoformat()},
            "extend": {"end": at(4).isoformat()},
        }
        return bodies.get(last) if method in {"POST", "PATCH", "PUT"} else None

    def path(self, path: str) -> str:
        filled = path.removeprefix("/v1").format(
            machine_id=self.machine,
            block_id=self.block,
            booking_id=self.booking,
            photo_id=self.photo,
            file="320.webp",
            party_id=self.people["owner"].party_id,
            member_id=self.people["renter"].party_id,
            person_id=self.person,
            challenge_id=uuid4(),
            session_id=uuid4(),
            invitation_id=uuid4(),
            link_id=self.link,
        )
        questions = {
            "availability": f"?from={at(0):%FT%TZ}&to={at(30):%FT%TZ}",
            "calendar": f"?from={at(0):%FT%TZ}&to={at(30):%FT%TZ}",
            "letters": "?to=x@x.example",
            "people": f"?email={self.people['owner'].email}" if "staff" in path else "",
        }
        return filled + questions.get(path.rsplit("/", 1)[1], "")


@pytest.fixture
async def scene(world: World, owner: Person, renter: Person, database: Database, settings: Settings) -> Scene:
    people = {"owner": owner, "renter": renter, "stranger": await world.farmer("stranger@x.example", "Ailleurs")}
    for side in ("owner", "renter"):
        people[f"{side}_viewer"] = await _viewer(world, people[side], database)
    machine = await world.machine(owner)
    block = await owner.made(f"/machines/{machine}/blocks", {"start": at(6).isoformat(), "end": at(7).isoformat()})
    booking = (await renter.book([machine], at(2), at(3))).json()
    person = (await owner.get("/me")).json()["id"]
    photo = await shown(database, settings, machine)
    link = await owner.made("/calendar-links", {"machine_id": machine})
    return Scene(people, machine, block["id"], booking["id"], person, photo, link["id"])


async def _viewer(world: World, of: Person, database: Database) -> Person:
    viewer = await world.person(f"viewer.{of.email}")
    viewer.party_id = of.party_id
    async with database.begin() as tx:
        await tx.execute(
            sa.text("INSERT INTO seats SELECT id, CAST(:party AS uuid), 'viewer' FROM people WHERE email = :email"),
            {"party": of.party_id, "email": viewer.email},
        )
    return viewer


def routes(app: Litestar) -> set[tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, item in app.openapi_schema.to_schema()["paths"].items()
        for method in item
        if path.startswith("/v1/")
    }


def test_every_route_stands_in_the_table(app: Litestar) -> None:
    assert routes(app) == set(TABLE) | PUBLIC


async def test_anonymous_gets_nowhere_but_to_what_is_public(
    app: Litestar, http: httpx.AsyncClient, scene: Scene
) -> None:
    for method, path in sorted(routes(app)):
        body = scene.body(method, path, "stranger")
        answer = await http.request(method, f"/v1{scene.path(path)}", json=body, headers={"If-Match": '"1.x"'})
        public = (method, path) in PUBLIC
        assert (answer.status_code == 401) == (not public or path.endswith(("refresh", "redeem"))), f"{method} {path}"


@pytest.mark.parametrize(("method", "path"), sorted(TABLE))
async def test_everybody_gets_just_what_the_table_says(method: str, path: str, scene: Scene) -> None:
    got = []
    for who in ASKING:
        body = scene.body(method, path, who)
        headers = {"Idempotency_Key": str(uuid4()), "If_Match": '"1.x"'}
        if (method, path) == ("PATCH", "/v1/machines/{machine_id}"):
            headers["If_Match"] = (await scene.people[who].get(f"/machines/{scene.machine}")).headers["ETag"]
        answer = await scene.people[who].ask(method, scene.path(path), body, **headers)
        got.append(answer.status_code)
    assert tuple(got) == TABLE[method, path], dict(zip(ASKING, got, strict=True))


async def test_a_draft_is_nobody_elses_business(world: World, scene: Scene) -> None:
    draft = await world.machine(scene.people["owner"], listed=False)
    window = f"from={at(0):%FT%TZ}&to={at(30):%FT%TZ}"
    stranger = scene.people["stranger"]
    for path in ("", "/photos", "/rates", f"/availability?{window}", f"/calendar?{window}"):
        assert (await stranger.get(f"/machines/{draft}{path}")).status_code == 404
    for verb, body in (
        ("publish", None),
        ("pause", None),
        ("photos", None),
        ("photos/arrange", {"photo_ids": []}),
        ("rates", {"rates": [{"unit": "day", "minor": 1}]}),
        ("blocks", SPAN),
    ):
        assert (await stranger.post(f"/machines/{draft}/{verb}", body)).status_code == 404
    for path in ("/quotes", "/bookings"):
        answer = await stranger.post(path, {"machine_ids": [draft], **SPAN}, Idempotency_Key="1")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_machine")
    assert draft not in (await stranger.get("/machines")).text
    assert draft in (await scene.people["owner"].get("/machines")).text
