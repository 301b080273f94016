"""The categories of machines, from the package's own data: names, usual units of work, and which attributes apply."""

import csv
from functools import cache
from importlib.resources import files

import msgspec

from votremachine.kernel.errors import DomainError

# What pulls and drives implements.
TRACTOR = "tractor"


class Category(msgspec.Struct, frozen=True):
    """`number` stands for the category in the index of machines: given once, never changed, never used again."""

    code: str
    number: int
    fr: str
    en: str
    typical_units: list[str]
    attributes: frozenset[str]
    needed: frozenset[str]

    def name(self, language: str) -> str:
        """In the reader's language ("fr" or "en")."""
        return self.fr if language == "fr" else self.en


class UnknownCategory(DomainError):
    code = "unknown_category"
    en = "There is no category “{category}”."
    fr = "La catégorie « {category} » n'existe pas."


@cache
def categories() -> dict[str, Category]:
    """Every category by its code, in the order of the file."""
    text = (files("votremachine") / "data" / "categories.csv").read_text("utf-8")
    return {row["code"]: _category(row) for row in csv.DictReader(text.splitlines())}


def _category(row: dict[str, str]) -> Category:
    listed = row["attributes"].split(";")
    return Category(
        code=row["code"],
        number=int(row["number"]),
        fr=row["fr"],
        en=row["en"],
        typical_units=row["typical_units"].split(";"),
        attributes=frozenset(name.rstrip("!") for name in listed),
        needed=frozenset(name.rstrip("!") for name in listed if name.endswith("!")),
    )
