"""What is looked at when a machine of a category changes hands, from the package's own data."""

import csv
from functools import cache
from importlib.resources import files

import msgspec

from votremachine.fleet.categories import categories
from votremachine.kernel.errors import DomainError, Kind

EVERY = "*"


class Item(msgspec.Struct, frozen=True):
    """One thing to look at: its code never changes, for it stands in signed reports."""

    code: str
    fr: str
    en: str

    def name(self, language: str) -> str:
        """In the reader's language ("fr" or "en")."""
        return self.fr if language == "fr" else self.en


class UnknownChecklist(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_checklist"
    en = "There is no checklist: no category has this code."
    fr = "Il n'y a pas de liste : aucune catégorie ne porte ce code."


@cache
def checklist(category: str) -> tuple[Item, ...]:
    """The items of a category, in the order of the file; none of one that does not exist."""
    return tuple(item for item, of in _items() if category in of)


@cache
def _items() -> tuple[tuple[Item, frozenset[str]], ...]:
    text = (files("votremachine") / "data" / "checklists.csv").read_text("utf-8")
    return tuple((Item(row["code"], row["fr"], row["en"]), _of(row)) for row in csv.DictReader(text.splitlines()))


def _of(row: dict[str, str]) -> frozenset[str]:
    named = frozenset(row["categories"].split(";"))
    lacking = frozenset(row["except"].split(";"))
    return (frozenset(categories()) if EVERY in named else named) - lacking
