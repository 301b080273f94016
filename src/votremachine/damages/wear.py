"""What use takes from machines, from the package's own tables, as they were on a day.

A claim goes by those of the day of its booking, so a row is never changed: what shall be otherwise is a new one, in
force `since` a later day.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files

from votremachine.damages.rules.costs import Wear, Worth

EVERY = "*"
Row = Mapping[str, str]


@lru_cache(maxsize=1_024)
def worth(category: str, day: date) -> Worth:
    """By the tables of this day; the parts that wear out in the order of the file."""
    return in_force(_rows("wear.csv"), _rows("depreciation.csv"), category, day)


def in_force(wears: Sequence[Row], ages: Sequence[Row], category: str, day: date) -> Worth:
    """The rows that were in force on a day: of each part the last one, of the ages the last table as a whole. A part
    whose last row gives it no life does not count as wearing out any more.
    """
    of_category = [row for row in _begun(wears, day) if {category, EVERY} & set(row["categories"].split(";"))]
    parts = {row["item"]: row for row in sorted(of_category, key=lambda row: row["since"])}
    table = _begun(ages, day)
    since = max((row["since"] for row in table), default="")
    return Worth(
        tuple(wear for wear in map(_wear, parts.values()) if wear.life_months or wear.life_hours),
        tuple((int(row["months"]), int(row["kept"])) for row in table if row["since"] == since),
    )


def wear_name(item: str, language: str) -> str:
    """What a part that wears out is called in a language ("fr" or "en"); its code if it is known no more."""
    return next((row[language] for row in reversed(_rows("wear.csv")) if row["item"] == item), item)


def _begun(rows: Iterable[Row], day: date) -> list[Row]:
    return [row for row in rows if date.fromisoformat(row["since"]) <= day]


def _wear(row: Row) -> Wear:
    months, hours = (int(row[name]) if row[name] else None for name in ("life_months", "life_hours"))
    return Wear(row["item"], months, hours)


@cache
def _rows(name: str) -> Sequence[Row]:
    text = (files("votremachine") / "data" / name).read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))
