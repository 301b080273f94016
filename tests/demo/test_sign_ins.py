"""The door of the demo: the people that a visitor may be, and the command that puts them there."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import httpx

from tests.people import Person
from votremachine.config import Settings
from votremachine.demo.seed import plant
from votremachine.demo.world import ZONE
from votremachine.infra.database import Database
from votremachine.infra.storage.files import Files


async def test_the_offered_people_sign_in(http: httpx.AsyncClient, database: Database, settings: Settings) -> None:
    files = Files(settings.storage_url, settings.var_dir / "files")
    assert await plant(database, files, datetime.now(UTC).astimezone(ZONE).date()) is True
    files.close()
    offered = (await http.get("/v1/demo")).json()["sign_ins"]
    assert len(offered) == 5
    for one in offered:
        pair = await http.post("/v1/auth/login", json={"email": one["email"], "password": one["password"]})
        assert pair.status_code == 200, pair.text
        person = Person(http, one["email"], pair.json()["access_token"])
        me = (await person.get("/me")).json()
        assert one["who"] in {f"{me['name']}, {seat['party']['name']}" for seat in me["seats"]}
        assert (await person.get("/bookings")).json()["items"]


async def test_what_one_does_as_them_is_said_in_both_languages(http: httpx.AsyncClient) -> None:
    french = (await http.get("/v1/demo", headers={"Accept-Language": "fr"})).json()["sign_ins"][0]
    english = (await http.get("/v1/demo", headers={"Accept-Language": "en"})).json()["sign_ins"][0]
    assert french["about"].startswith("Agricultrice")
    assert english["about"].startswith("A farmer")


def test_the_command_says_in_one_line_what_it_did(settings: Settings, database: Database) -> None:
    assert _command(settings, "true") == (
        0,
        "The demo is planted: 20 people, 18 parties, 40 machines, 48 bookings, 2 condition reports, 1 claim.\n",
        "",
    )
    assert _command(settings, "true") == (0, "The demo stands already: nothing was changed.\n", "")


def test_the_command_refuses_where_the_demo_is_not_wanted(settings: Settings) -> None:
    code, said, complaint = _command(settings, "false")
    assert (code, said) == (2, "")
    assert "VOTREMACHINE_DEMO" in complaint
    assert complaint.count("\n") == 1


def _command(settings: Settings, demo: str) -> tuple[int, str, str]:
    environ = {**os.environ, "VOTREMACHINE_DATABASE_URL": settings.database_url, "VOTREMACHINE_DEMO": demo}
    line = [sys.executable, "-m", "votremachine", "seed"]
    ended = subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout, ended.stderr
