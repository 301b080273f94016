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


@cache
def _parts() -> tuple[tuple[Wear, frozenset[str]], ...]:
    text = (files("votremachine") / "data" / "wear.csv").read_text("utf-8")
    return tuple((_wear(row), frozenset(row["categories"].split(";"))) for row in csv.DictReader(text.splitlines()))


def _wear(row: dict[str, str]) -> Wear:
    months, hours = (int(row[name]) if row[name] else None for name in ("life_months", "life_hours"))
    return Wear(row["item"], months, hours)
