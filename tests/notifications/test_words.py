"""What is said, held against files that people have read: one for each kind and language."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from votremachine.notifications.reminders.service.invoices import KINDS as INVOICE_KINDS
from votremachine.notifications.rules import BOTH, KINDS, Side
from votremachine.notifications.words.catalogues import LANGUAGES, catalogue
from votremachine.notifications.words.formats import moment, span
from votremachine.notifications.words.letters import html_of, text_of
from votremachine.notifications.words.said import Said
from votremachine.notifications.words.saying import say

GOLDEN = Path(__file__).parent / "golden"
# Write them anew, then read them: REWRITE_GOLDEN=1 scripts/test tests/notifications/test_words.py
REWRITE = "REWRITE_GOLDEN" in os.environ
NOW = datetime(2026, 8, 3, 16, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
ONE = UUID(int=1)
FACTS: dict[str, Any] = {
    "machine_fr": "Tracteur 120 ch",
    "machine_en": "Tractor, 120 hp",
    "owner": "CUMA du Marsan",
    "renter": "Ferme de la Chalosse",
    "start": "2026-08-04T05:30:00+00:00",
    "end": "2026-08-05T17:00:00+00:00",
    "expires_at": "2026-08-03T18:15:00+00:00",
    "claims_until": "2026-08-06T15:00:00+00:00",
    "zone": "Europe/Paris",
    "until": "2026-08-05T06:00:00+00:00",
    "amount": {"minor": 123_450, "currency": "EUR"},
    "captured": {"minor": 80_000, "currency": "EUR"},
    "released": {"minor": 20_000, "currency": "EUR"},
    "from_deposit": {"minor": 80_000, "currency": "EUR"},
    "from_renter": {"minor": 15_000, "currency": "EUR"},
    "owed": {"minor": 0, "currency": "EUR"},
    "what_fr": "Votre caution est rendue.",
    "what_en": "Your deposit has been given back.",
    "found": 3,
    "hours": 24,
    "hash": "9f86d081884c7d65",
    "proof": "00000000-0000-0000-0000-000000000001",
    "invoice": "00000000-0000-0000-0000-000000000002",
    "claim": "00000000-0000-0000-0000-000000000003",
    "number": "VM2026-000123",
    "seller": "CUMA du Marsan",
    "buyer": "EARL de la Chalosse",
    "left": {"minor": 23_450, "currency": "EUR"},
    "last_day": "2026-09-02",
    "why_fr": "Elle ne s'est pas libérée à temps.",
    "why_en": "It never came free in time.",
}
# Who is told of it, where that is not both sides.
SIDES = {
    "ClaimEscalated": tuple(Side),
    "ClaimStalled": tuple(Side),
    "claim_undecided": (Side.MEDIATOR,),
    "claim_window_ending": (Side.OWNER,),
}
LINES = [
    {"kind": "BookingConfirmed", "facts": FACTS},
    {"kind": "FeedFails", "facts": {}},
]


def facts_for(kind: str, side: Side) -> dict[str, Any]:
    if kind == "digest":
        return {"count": 2, "lines": LINES}
    if kind == "calendar_unseen":
        return {}
    if kind == "document_expiring":
        return {"insurer": "Groupama d'Oc", "last_day": "2026-09-02"}
    if kind in INVOICE_KINDS:
        return {name: FACTS[name] for name in ("invoice", "number", "seller", "buyer", "left", "last_day")} | {
            "side": side
        }
    about = FACTS if KINDS[kind].page.value != "account" else {}
    return {**about, "side": side}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_said_as_it_was_read(kind: str, language: str) -> None:
    parts = []
    for side in SIDES.get(kind, BOTH):
        said = say(kind, language, facts_for(kind, side), NOW, base="https://vm.example", booking_id=ONE)
        parts.append(f"== {side}\n{said.subject}\n\n{text_of(said, language, preferences='P', unsubscribe='U')}")
    found = "\n".join(dict.fromkeys(parts))
    file = GOLDEN / f"{kind}.{language}.txt"
    if REWRITE:
        file.write_text(found)
    assert found == file.read_text()
    assert "…" not in found, "everything that is named is known"
    assert "{" not in found


def test_catalogues_have_the_same_words() -> None:
    french, english = (set(catalogue(one)._catalog) for one in LANGUAGES)  # type: ignore[attr-defined]
    assert french == english


@pytest.mark.parametrize(
    ("instant", "french", "english"),
    [
        ((2026, 8, 4, 7, 30), "demain à 7 h 30", "tomorrow at 7:30"),
        ((2026, 8, 3, 19, 0), "aujourd'hui à 19 h", "today at 19:00"),
        ((2026, 8, 2, 0, 5), "hier à 0 h 05", "yesterday at 0:05"),
        ((2026, 8, 31, 7, 0), "lundi 31 août à 7 h", "Monday 31 August at 7:00"),
        ((2027, 1, 1, 7, 0), "vendredi 1 janvier 2027 à 7 h", "Friday 1 January 2027 at 7:00"),
    ],
)
def test_hours_are_said_as_people_say_them(instant: tuple[int, ...], french: str, english: str) -> None:
    when = datetime(*instant, tzinfo=PARIS)  # type: ignore[misc, arg-type]
    assert (moment(when, PARIS, "fr", NOW), moment(when, PARIS, "en", NOW)) == (french, english)


def test_tomorrow_is_the_machines_tomorrow() -> None:
    late = datetime(2026, 8, 3, 22, 30, tzinfo=UTC)  # past midnight in Paris
    assert moment(datetime(2026, 8, 4, 7, tzinfo=PARIS), PARIS, "fr", late) == "aujourd'hui à 7 h"


def test_a_span_of_one_day_names_it_once() -> None:
    start, end = datetime(2026, 8, 4, 8, tzinfo=PARIS), datetime(2026, 8, 4, 18, 30, tzinfo=PARIS)
    assert span(start, end, PARIS, "fr", NOW) == "demain à 8 h – 18 h 30"


def test_what_people_typed_is_text_in_html() -> None:
    evil = {**FACTS, "machine_fr": "<script>alert(1)</script>", "renter": '"><img src=x onerror=y>', "side": "owner"}
    said = say("booking_tomorrow", "fr", evil, NOW, base="https://vm.example")
    html = html_of(said, "fr", preferences="P", unsubscribe="U")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    # Nor is it taken for a template of ours.
    odd = {**FACTS, "renter": "{machine} {0} {{ 7*7 }}", "side": "owner"}
    assert "{machine} {0} {{ 7*7 }}" in say("booking_tomorrow", "fr", odd, NOW).text
    letter = text_of(Said("s", odd["renter"], "", "a", "l"), "fr", preferences="P", unsubscribe="U")
    assert "{{ 7*7 }}" in letter


def test_messages_of_earlier_versions_still_read() -> None:
    for kind in KINDS:
        if kind[0].isupper():
            assert say(kind, "fr", {}, NOW).subject
    assert "jusqu'à 27/11/2026" in say("WaitingOffered", "fr", {"expires_at_fr": "27/11/2026 à 09:00"}, NOW).text
