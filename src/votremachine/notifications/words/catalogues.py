"""The gettext catalogues, one for each language, read and compiled when the first word is asked for.

A name such as `booking_tomorrow.subject` stands for its words; `babel` reads the files and GNU gettext looks them up.
"""

from functools import lru_cache
from gettext import GNUTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("fr", "en")


def word(name: str, language: str) -> str:
    """The words of a name. Raises `KeyError` when a catalogue lacks them: a test looks for that."""
    found = catalogue("fr" if language == "fr" else "en").gettext(name)
    if found == name:
        raise KeyError(name)
    return found


def has(name: str, language: str) -> bool:
    """Whether there are words of this name."""
    return catalogue("fr" if language == "fr" else "en").gettext(name) != name


def many(name: str, count: int, language: str) -> str:
    """The words of a name for so many of something."""
    return catalogue("fr" if language == "fr" else "en").ngettext(name, f"{name}s", count)


@lru_cache
def catalogue(language: str) -> GNUTranslations:
    """The compiled catalogue of a language."""
    compiled = BytesIO()
    with (files(__package__) / f"{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
