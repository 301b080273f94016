"""What wears out on machines of a category, and how long it lasts, from the package's own data."""

import csv
from functools import cache
from importlib.resources import files

from votremachine.damages.rules.costs import Wear

EVERY = "*"


@cache
def wears(category: str) -> tuple[Wear, ...]:
    """The parts that wear out on machines of this category, in the order of the file."""
    return tuple(wear for wear, of in _parts() if category in of or EVERY in of)


def wear_name(item: str, language: str) -> str:
    """What a part that wears out is called in a language ("fr" or "en"); its code if it is known no more."""
    return next((row[language] for row in _rows() if row["item"] == item), item)


@cache
def _parts() -> tuple[tuple[Wear, frozenset[str]], ...]:
    return tuple((_wear(row), frozenset(row["categories"].split(";"))) for row in _rows())


@cache
def _rows() -> tuple[dict[str, str], ...]:
    text = (files("votremachine") / "data" / "wear.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _wear(row: dict[str, str]) -> Wear:
    months, hours = (int(row[name]) if row[name] else None for name in ("life_months", "life_hours"))
    return Wear(row["item"], months, hours)
