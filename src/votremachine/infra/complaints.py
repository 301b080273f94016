"""The sentences of msgspec about a misshapen body or parameter, as a pointer and a text in French or English."""

import re
from typing import Any

from votremachine.infra.languages import Language
from votremachine.kernel.errors import FieldError

# What msgspec says, and how it is said in French; the groups are filled in as they stand.
_FRENCH = [
    (r"Object missing required field `(.+?)`", "Il manque le champ « {0} »"),
    (r"Missing required (?:query|header|path) parameter '(.+?)'.*", "Il manque le paramètre « {0} »"),
    (r"Object contains unknown field `(.+?)`", "Le champ « {0} » est inconnu"),
    (r"Expected `(.+?)`, got `(.+?)`", "Attendu : {0} ; reçu : {1}"),
    (r"Invalid enum value (.+)", "Valeur inconnue : {0}"),
    (r"Invalid UUID", "Identifiant (UUID) invalide"),
    (r"Invalid RFC3339 encoded datetime", "Date et heure invalides (RFC 3339)"),
    (r"Expected `str` of length >= (\d+)", "Texte trop court : {0} caractères au moins"),
    (r"Expected `str` of length <= (\d+)", "Texte trop long : {0} caractères au plus"),
    (r"Expected `str` matching regex (.+)", "Le texte ne suit pas la forme attendue {0}"),
    (r"Expected `array` of length >= (\d+)", "Liste trop courte : {0} éléments au moins"),
    (r"Expected `array` of length <= (\d+)", "Liste trop longue : {0} éléments au plus"),
    (r"Expected `(?:int|float)` >= (.+)", "Nombre trop petit : {0} au moins"),
    (r"Expected `(?:int|float)` <= (.+)", "Nombre trop grand : {0} au plus"),
    (r"Expected `(?:int|float)` > (.+)", "Le nombre doit dépasser {0}"),
]
_NAMED_FIELD = re.compile(r"(?:missing required field|contains unknown field) `(.+?)`")


def explain(complaint: Any, language: Language) -> FieldError:
    """One entry of Litestar's `ValidationException.extra` as the place and what is wrong there."""
    message = str(complaint.get("message", "")) if isinstance(complaint, dict) else str(complaint)
    key = str(complaint.get("key", "")) if isinstance(complaint, dict) else ""
    in_body = isinstance(complaint, dict) and (key == "data" or complaint.get("source") == "body")
    return FieldError(_pointer(key, message) if in_body else key, say(message, language))


def is_missing_body(complaints: Any) -> bool:
    """Whether Litestar complains of a body that is not there: it then names its own parameter and nothing else."""
    return bool(complaints == [{"message": "'data'", "key": "data", "source": "body"}])


def say(message: str, language: Language) -> str:
    """msgspec's sentence in the reader's language; a sentence we do not know stays in English."""
    if language == "en":
        return message
    for pattern, french in _FRENCH:
        if found := re.fullmatch(pattern, message):
            return french.format(*found.groups())
    return message


def _pointer(key: str, message: str) -> str:
    """`data.lines[0].unit` as the JSON pointer `/lines/0/unit`; a field that msgspec names is part of it."""
    steps = re.findall(r"[^.\[\]]+", key.removeprefix("data").lstrip("."))
    if named := _NAMED_FIELD.search(message):
        steps.append(named.group(1))
    return "".join(f"/{step}" for step in steps)
