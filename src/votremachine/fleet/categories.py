"""The categories of machines, from the package's own data: code, French and English name, usual units of work."""

import csv
from functools import cache
from importlib.resources import files

import msgspec


class Category(msgspec.Struct, frozen=True):
    code: str
    fr: str
    en: str
    typical_units: list[str]


@cache
def categories() -> dict[str, Category]:
    """Every category by its code, in the order of the file."""
    text = (files("votremachine") / "data" / "categories.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["code"]: Category(row["code"], row["fr"], row["en"], row["typical_units"].split(";")) for row in rows}
