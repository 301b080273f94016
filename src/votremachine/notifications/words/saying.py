"""Putting a message into words: its kind's, with what its facts name."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from votremachine.kernel.money import Money
from votremachine.notifications.rules import KINDS, Facts, Page
from votremachine.notifications.words import formats
from votremachine.notifications.words.catalogues import has, many, word
from votremachine.notifications.words.said import Said

_INSTANTS = ("start", "end", "expires_at", "until", "claims_until")


def say(
    kind: str, language: str, facts: Facts, now: datetime, *, base: str = "", booking_id: UUID | None = None
) -> Said:
    """A message in French ("fr") or English ("en"), for who reads it at `now`; `base` is where its link begins."""
    values = _values(facts, language, now)
    text = _words(kind, "text", language, facts)
    if kind == "digest":
        values["lines"] = "\n".join(f"– {_line(line, language, now)}" for line in facts["lines"])
        values["many"] = many("digest.many", facts["count"], language).format(count=facts["count"])
    subject = _words(kind, "subject", language, facts).format_map(values)
    return Said(
        subject=subject[:1].upper() + subject[1:],
        text=text.format_map(values),
        about=word("about", language).format_map(values) if "start" in facts else "",
        action=_words(kind, "action", language, facts),
        link=f"{base}{_path(KINDS[kind].page, booking_id, facts)}",
    )


def _line(line: Mapping[str, Any], language: str, now: datetime) -> str:
    said = say(line["kind"], language, line["facts"], now)
    return f"{said.text} ({said.about})" if said.about else said.text


def _words(kind: str, part: str, language: str, facts: Facts) -> str:
    """The words of a part of a kind: those for the reader's side, if they differ; actions are those of the page."""
    for name in (f"{kind}.{facts.get('side', '')}.{part}", f"{kind}.{part}"):
        if has(name, language):
            return word(name, language)
    return word(f"{KINDS[kind].page.value}.{part}", language)


def _values(facts: Facts, language: str, now: datetime) -> dict[str, str]:
    """What words may name, as it is said in a language. What a message of an older version lacks is said in general."""
    zone = formats.zone_named(facts.get("zone", ""))
    # So long a side had to answer a claim before an operator could say how long.
    values: dict[str, str] = defaultdict(lambda: "…", machine=word("some_machine", language), hours="72")
    mark = "_fr" if language == "fr" else "_en"
    for name, said in facts.items():
        if name.endswith(mark):
            values[name.removesuffix(mark)] = said
        elif name in _INSTANTS:
            values[name] = formats.moment(formats.read(said), zone, language, now)
        elif name == "last_day":
            values[name] = formats.day(date.fromisoformat(said), language, now)
        elif isinstance(said, dict):
            values[name] = formats.money(Money(**said), language)
        elif isinstance(said, str | int):
            values[name] = str(said)
    if "start" in facts and "end" in facts:
        values["span"] = formats.span(formats.read(facts["start"]), formats.read(facts["end"]), zone, language, now)
    return values


def _path(page: Page, booking_id: UUID | None, facts: Facts) -> str:
    if page is Page.CLAIM and "claim" in facts:
        return f"/claims/{facts['claim']}"
    if page in (Page.BOOKING, Page.CLAIM) and booking_id is not None:
        return f"/bookings/{booking_id}"
    if page is Page.INVOICE and "invoice" in facts:
        return f"/invoices/{facts['invoice']}"
    return {Page.CALENDAR: "/calendar", Page.ACCOUNT: "/account"}.get(page, "/inbox")
