"""The owner's calendar on a phone: what stands in it, in both languages, and what changes while it is open."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.journeys.browser import WIDTH, Phone, a_phone
from tests.journeys.test_front_page import NEEDED, only_from
from votremachine.demo.world import DemoTime, world

CLAIRE = "claire.dupouy@demo.votremachine.example"
CUMA = "CUMA de la Garluche"
PARIS = ZoneInfo("Europe/Paris")
# What a finger cannot hit; a day of a fleet may be narrow, but never low.
TOO_LOW = """[...document.querySelectorAll('button, select, summary, input:not([type=radio]), fieldset label')]
    .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
# What a screen reader would have no name for.
NAMELESS = """[...document.querySelectorAll('button, select, input, table, dialog')].filter((one) => !(
    one.textContent.trim() || one.ariaLabel || one.labels?.length || one.hasAttribute('aria-labelledby')
)).map((one) => one.outerHTML)"""
PAINTED = "document.querySelector('#picture table') !== null"


@pytest.fixture(scope="module")
def browser() -> Iterator[Phone]:
    with a_phone() as phone:
        yield phone


@pytest.fixture
def phone(browser: Phone, stack: str) -> Phone:
    """Nobody is signed in, its owner reads French."""
    browser.turn(WIDTH, 780)
    browser.speak("fr-FR,fr")
    browser.open(f"{stack}/calendar")
    browser.run("sessionStorage.clear()")
    browser.requests.clear()
    browser.complaints.clear()
    return browser


@pytest.fixture(scope="module")
def claire(stack: str) -> Iterator[httpx.Client]:
    """The same person at another device."""
    with httpx.Client(base_url=f"{stack}/v1", timeout=30) as client:
        token = client.post("/auth/login", json={"email": CLAIRE, "password": world().password}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def party_of(claire: httpx.Client, name: str) -> str:
    seats = claire.get("/me").json()["seats"]
    return next(str(seat["party"]["id"]) for seat in seats if seat["party"]["name"] == name)


def machine_of(claire: httpx.Client, party: str, key: str) -> dict[str, Any]:
    title = next(one.title for one in world().machines if one.key == key)
    found = claire.get(f"/machines?party_id={party}&limit=200").json()["items"]
    return next(one for one in found if one["title"] == title)


def day(number: int) -> str:
    today = datetime.now(PARIS).date()
    return str(today + timedelta(days=number))


def sign_in(phone: Phone) -> None:
    phone.wait_for("!document.querySelector('#door').hidden")
    phone.run(f"document.querySelector('[name=email]').value = '{CLAIRE}'")
    phone.run(f"document.querySelector('[name=password]').value = '{world().password}'")
    phone.run("document.querySelector('#door form').requestSubmit()")
    phone.wait_for(PAINTED)


def shot(phone: Phone, name: str) -> None:
    """Keeps a picture of the screen where a developer asks for it."""
    if folder := os.environ.get("SHOTS"):
        Path(folder, f"{name}.png").write_bytes(phone.photograph())


def fits(stack: str, phone: Phone, width: int) -> None:
    assert phone.run(NEEDED) == width
    assert phone.run(TOO_LOW) == []
    assert phone.run(NAMELESS) == []
    assert phone.complaints == []
    assert only_from(stack, phone)


@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (1280, 800)])
def test_every_view_fits_the_screen(stack: str, phone: Phone, claire: httpx.Client, width: int, height: int) -> None:
    phone.turn(width, height)
    phone.open(f"{stack}/calendar")
    phone.wait_for("!document.querySelector('#door').hidden")
    shot(phone, f"door-{width}")
    fits(stack, phone, width)
    sign_in(phone)
    party = party_of(claire, CUMA)
    tractor = machine_of(claire, party, "arion-630")["id"]
    for name, query in (
        ("fleet-week", f"party={party}&view=week"),
        ("fleet-month", f"party={party}&view=month"),
        ("week", f"party={party}&machine={tractor}&view=week"),
        ("month", f"party={party}&machine={tractor}&view=month"),
        ("nothing", f"party={party}&machine={tractor}&view=month&date=2020-02-01"),
        ("month-en", f"party={party}&machine={tractor}&view=month&lang=en"),
    ):
        phone.open(f"{stack}/calendar?{query}")
        phone.wait_for(f"{PAINTED} && document.querySelector('.state').dataset.state === 'live'")
        shot(phone, f"{name}-{width}")
        fits(stack, phone, width)
    phone.run("document.querySelector('.key').open = true")
    phone.run("document.querySelector('.entries button').click()")
    phone.wait_for("document.querySelector('dialog').open")
    shot(phone, f"dialog-{width}")
    fits(stack, phone, width)


def test_an_owner_sees_what_stands_and_who_came_back_late(stack: str, phone: Phone, claire: httpx.Client) -> None:
    phone.open(f"{stack}/calendar?view=week&date={day(-9)}")
    sign_in(phone)
    party = party_of(claire, CUMA)
    phone.run(
        f"const party = document.querySelector('[name=party]'); party.value = '{party}';"
        "party.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    phone.wait_for("document.querySelector('#picture').innerText.includes('Amazone')")
    sprayer = machine_of(claire, party, "amazone-ux3200")
    cell = f"document.querySelector('[data-key=\"{sprayer['id']} {day(-9)}\"]')"
    assert "Terminé" in phone.run(f"{cell}.ariaLabel")
    assert phone.run(f"{cell}.querySelectorAll('i.late').length") == 1
    phone.run(f"{cell}.click()")
    phone.wait_for("document.querySelector('dialog').open")
    told = phone.run("document.querySelector('dialog').innerText")
    for word in ("GAEC de la Bruyère Rousse", "06:00 – 13:00", "Rendu en retard", "3 h 40 min"):
        assert word in told, told
    shot(phone, "late")
    phone.run("document.querySelector('dialog').close()")

    arion = machine_of(claire, party, "arion-630")
    phone.open(f"{stack}/calendar?party={party}&machine={arion['id']}&view=month&date={day(0)}")
    phone.wait_for(PAINTED)
    out = "[...document.querySelectorAll('.entries button')].find((one) => one.innerText.includes('En location'))"
    phone.wait_for(f"{out} !== undefined")
    phone.run(f"{out}.click()")
    phone.wait_for("document.querySelector('dialog').open")
    told = phone.run("document.querySelector('dialog').innerText")
    assert "EARL Whitcombe en Gabardan" in told
    assert "30 min avant, 1 h après" in told
    maintenance = DemoTime(20, "08:00").seen_from(datetime.now(PARIS).date())
    phone.open(f"{stack}/calendar?party={party}&machine={arion['id']}&view=week&date={maintenance.date()}&lang=en")
    phone.wait_for("document.querySelector('.entries')?.innerText.includes('Maintenance · Vidange')")
    assert phone.run("document.documentElement.lang") == "en"


def test_a_change_shows_without_being_asked_for(stack: str, phone: Phone, claire: httpx.Client) -> None:
    party = party_of(claire, CUMA)
    machine = machine_of(claire, party, "mcconnel-pa6565")
    week = datetime.now(PARIS).date() + timedelta(days=35)
    phone.open(f"{stack}/calendar?party={party}&machine={machine['id']}&view=week&date={week}")
    sign_in(phone)
    phone.wait_for("document.querySelector('.state').dataset.state === 'live'")
    assert "Rien" in phone.run("document.querySelector('.entries').innerText")
    phone.run("window.untouched = true")
    start = datetime(week.year, week.month, week.day, 9, tzinfo=PARIS).astimezone(UTC)
    span = {"start": start.isoformat(), "end": (start + timedelta(hours=3)).isoformat()}
    block = claire.post(f"/machines/{machine['id']}/blocks", json=span | {"note": "Lames à changer"})
    assert block.status_code == 201, block.text
    phone.wait_for("document.querySelector('.entries').innerText.includes('Bloqué · Lames à changer')")
    assert phone.run("document.querySelectorAll('#picture i.block').length") == 1
    shot(phone, "live")
    assert claire.delete(f"/blocks/{block.json()['id']}").status_code == 204
    phone.wait_for("document.querySelector('.entries').innerText.includes('Rien')")
    assert phone.run("window.untouched"), "the page was never loaded anew"
    assert phone.complaints == []


def test_closed_days_and_hours_are_drawn(stack: str, phone: Phone, claire: httpx.Client) -> None:
    party = party_of(claire, CUMA)
    machine = machine_of(claire, party, "combiplow")
    path = f"/machines/{machine['id']}"
    hours = [{"weekday": day, "opens": "07:30", "closes": "19:00"} for day in range(1, 6)]
    tag = claire.get(path).headers["ETag"]
    edited = claire.patch(path, json={"terms": {"hand_over": hours}}, headers={"If-Match": tag})
    assert edited.status_code == 200, edited.text
    phone.open(f"{stack}/calendar?party={party}&machine={machine['id']}&view=week&date=2027-06-09")
    sign_in(phone)
    labels = phone.run("[...document.querySelectorAll('#picture td button')].map((one) => one.ariaLabel)")
    assert [label.rsplit(" : ")[1] for label in labels] == ["libre"] * 5 + ["fermé"] * 2
    assert phone.run("document.querySelectorAll('#picture i.closed').length") == 5 * 2 + 2
    shot(phone, "closed")


def test_the_arrow_keys_walk_through_the_days(stack: str, phone: Phone, claire: httpx.Client) -> None:
    party = party_of(claire, CUMA)
    phone.open(f"{stack}/calendar?party={party}&view=week")
    sign_in(phone)
    stops = "document.querySelectorAll('#picture td button:not([tabindex=\"-1\"])').length"
    assert phone.run(stops) == 1
    phone.run("document.querySelector('#picture td button').focus()")
    first = phone.run("document.activeElement.dataset.key")
    for key in ("ArrowRight", "ArrowDown"):
        phone.ask("Input.dispatchKeyEvent", type="rawKeyDown", key=key)
    there = phone.run("document.activeElement.dataset.key")
    assert there.split()[0] != first.split()[0]
    assert there.split()[1] > first.split()[1]
    assert phone.run(stops) == 1


def test_a_wrong_password_and_a_sign_out(stack: str, phone: Phone) -> None:
    phone.open(f"{stack}/calendar?lang=en")
    phone.wait_for("!document.querySelector('#door').hidden")
    phone.run(f"document.querySelector('[name=email]').value = '{CLAIRE}'")
    phone.run("document.querySelector('[name=password]').value = 'not this one'")
    phone.run("document.querySelector('#door form').requestSubmit()")
    phone.wait_for("document.querySelector('.wrong').textContent === 'No such e-mail with this password.'")
    sign_in(phone)
    phone.run("document.querySelector('#leave').click()")
    phone.wait_for("!document.querySelector('#door').hidden && document.querySelector('#board').hidden")
    assert phone.run("sessionStorage.length") == 0
