"""Which number an invoice has and when it is due. Pure.

Numbers go up by one within a series: that of an issuer, a kind and a year (CGI annexe II, art. 242 nonies A, I-7). The
prefix keeps what is issued here in an owner's name apart from what they issue themselves: whoever invoices for somebody
else numbers by a series of its own (BOI-TVA-DECLA-30-20-10-20).
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

# French invoices are dated in France.
_FRANCE = ZoneInfo("Europe/Paris")


class Kind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


_PREFIXES: Mapping[Kind, str] = {Kind.INVOICE: "VM", Kind.CREDIT_NOTE: "VMA"}


def day_of(now: datetime) -> date:
    """The day it is, for invoices."""
    return now.astimezone(_FRANCE).date()


def start_of(day: date) -> datetime:
    """When that day begins, for invoices."""
    return datetime.combine(day, time(), _FRANCE)


def series_of(kind: Kind, day: date) -> str:
    """The series of what is issued that day."""
    return f"{_PREFIXES[kind]}{day.year}"


def number_of(series: str, position: int) -> str:
    """A number as people quote it: `VM2026-000123`."""
    return f"{series}-{position:06d}"


def due_on(issued_on: date, days: int) -> date:
    """The last day on which it is paid in time."""
    return issued_on + timedelta(days=days)
