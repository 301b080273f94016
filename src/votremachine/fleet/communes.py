"""The communes of the package's own data, and where their town halls stand."""

import csv
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from votremachine.fleet.positions import Position


def fold(text: str) -> str:
    """A name without case, accents and punctuation: `Numéro de série` and `numero_de_serie` are the same."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^a-z0-9]+", "_", bare.encode("ascii", "ignore").decode()).strip("_")


def town_hall(commune: str) -> Position | None:
    """Where the town hall of a commune stands, None for one that we do not know."""
    return _town_halls().get(fold(commune))


@cache
def _town_halls() -> Mapping[str, Position]:
    text = (files("votremachine") / "data" / "communes.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {fold(row["name"]): Position(float(row["lat"]), float(row["lon"])) for row in rows}
