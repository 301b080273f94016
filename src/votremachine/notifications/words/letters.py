"""A message as a letter: as plain text, and as HTML in which nothing that people typed is taken for markup."""

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from votremachine.notifications.words.catalogues import word
from votremachine.notifications.words.said import Said


def text_of(said: Said, language: str, *, preferences: str, unsubscribe: str) -> str:
    """The plain text of a letter; the last two are links."""
    return _template("letter.txt").render(_values(said, language, preferences, unsubscribe))


def html_of(said: Said, language: str, *, preferences: str, unsubscribe: str) -> str:
    """The same as HTML."""
    return _template("letter.html").render(_values(said, language, preferences, unsubscribe))


def _values(said: Said, language: str, preferences: str, unsubscribe: str) -> dict[str, object]:
    words = {name: word(name, language) for name in ("greeting", "colon", "why_you", "preferences", "unsubscribe")}
    links = {"preferences_link": preferences, "unsubscribe_link": unsubscribe}
    return {"said": said, "language": language, "words": words, **links}


@lru_cache
def _template(name: str) -> Template:
    escaped = name.endswith(".html")
    here = PackageLoader("votremachine.notifications.words", "templates")
    made = Environment(loader=here, autoescape=escaped, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 -- all but plain text
    return made.get_template(name)
