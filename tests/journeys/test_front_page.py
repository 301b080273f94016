"""The first page and the API reference on a phone without internet: only our host, in both languages."""

import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.journeys.browser import HEIGHT, WIDTH, Phone, a_phone

PNG = b"\x89PNG"
# CSS pixels that the page needs; a phone would rather shrink the page than show less of it.
NEEDED = "document.documentElement.scrollWidth"
# What a finger cannot hit: links and buttons of the page's frame that are lower than 44 CSS pixels (WCAG 2.5.5).
TOO_SMALL = """[...document.querySelectorAll('header a, button, .door')]
    .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
SHOWN = "!document.querySelector('.demo').hidden"


@pytest.fixture(scope="module")
def browser() -> Iterator[Phone]:
    with a_phone() as phone:
        yield phone


@pytest.fixture
def phone(browser: Phone) -> Phone:
    """Nothing asked for yet, nothing wrong yet, its owner reads French."""
    browser.turn(WIDTH, HEIGHT)
    browser.speak("fr-FR,fr")
    browser.ask("Page.navigate", url="about:blank")
    browser.requests.clear()
    browser.complaints.clear()
    return browser


def only_from(stack: str, phone: Phone) -> bool:
    hosts = {urlsplit(url).netloc for url in phone.requests if not url.startswith(("about:", "data:"))}
    return hosts == {urlsplit(stack).netloc}


@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (430, 932), (1280, 800)])
def test_it_fits_the_screen(stack: str, phone: Phone, width: int, height: int) -> None:
    phone.turn(width, height)
    phone.open(f"{stack}/")
    phone.wait_for(SHOWN)
    assert phone.run(NEEDED) == width
    assert phone.run(TOO_SMALL) == []
    assert phone.photograph().startswith(PNG)
    assert phone.complaints == []
    assert only_from(stack, phone)


def test_it_speaks_french_first_and_english_to_those_who_ask(stack: str, phone: Phone) -> None:
    phone.open(f"{stack}/")
    phone.wait_for(SHOWN)
    french = phone.seen()
    assert "La machine d’à côté" in french
    assert "Agricultrice" in french
    assert "The machine next door" not in french

    phone.run("document.querySelector('nav a.fr').click()")
    phone.wait_for("document.documentElement.lang == 'en' && document.body.innerText.includes('approves each request')")
    english = phone.seen()
    assert "The machine next door" in english
    assert "La machine d’à côté" not in english

    phone.speak("en-GB,en")
    phone.open(f"{stack}/")
    phone.wait_for("document.documentElement.lang == 'en'")
    phone.run("document.querySelector('nav a.en').click()")
    phone.wait_for("document.documentElement.lang == 'fr'")
    assert "La machine d’à côté" in phone.seen()


def test_a_visitor_gets_a_token_and_lines_that_work(stack: str, phone: Phone) -> None:
    phone.open(f"{stack}/")
    phone.wait_for(SHOWN)
    phone.run("document.querySelector('.people button').click()")
    phone.wait_for("document.querySelector('.token code').textContent")
    token = phone.run("getSelection().toString().trim()")
    assert "Claire Dupouy" in phone.run("document.querySelector('.token [role=status]').textContent")
    me = httpx.get(f"{stack}/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["name"] == "Claire Dupouy"

    lines = phone.run("[...document.querySelectorAll('.curl')].map((line) => line.textContent)")
    assert len(lines) == 3
    assert all(stack in line for line in lines)
    assert me.json()["email"] in lines[1]
    if shutil.which("curl"):
        ran = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
        assert '"code":"combine"' in ran.stdout
        assert '"category":"tractor"' in ran.stdout


def test_without_a_script_it_says_what_it_is(stack: str, phone: Phone) -> None:
    phone.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        phone.open(f"{stack}/")
        assert "La machine d’à côté" in phone.seen()
        assert "JavaScript" in phone.seen()
        assert "Essayez comme" not in phone.seen()
        phone.open(f"{stack}/#en")
        assert "The machine next door" in phone.seen()
        assert "La machine d’à côté" not in phone.seen()
    finally:
        phone.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_the_api_reference_needs_no_internet(stack: str, phone: Phone) -> None:
    phone.open(f"{stack}/schema")
    phone.wait_for("document.querySelectorAll('.opblock').length > 20")
    assert "/v1/bookings/{booking_id}/confirm" in phone.seen().replace("\u200b", "")
    assert phone.run(NEEDED) == WIDTH
    assert phone.complaints == []
    assert only_from(stack, phone)
