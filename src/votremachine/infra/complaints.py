"""The sentences of msgspec about a misshapen body or parameter, as a place and a text in French or English."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from votremachine.infra.culprits import steps
from votremachine.infra.languages import Language
from votremachine.kernel.errors import FieldError

_FORM = r"Expected `str` matching regex .+"
# What msgspec says, and how it is said in French; the groups are filled in as they stand.
_FRENCH = [
    (r"Object missing required field `(.+?)`", "Il manque le champ « {0} »"),
    (r"Missing required (?:query|header|path) parameter '(.+?)'.*", "Il manque le paramètre « {0} »"),
    (r"Object contains unknown field `(.+?)`", "Le champ « {0} » est inconnu"),
    (r"Expected `(.+?)`, got `(.+?)`", "Attendu : {0} ; reçu : {1}"),
    (r"Invalid enum value (.+)", "Valeur inconnue : {0}"),
    (r"Invalid UUID", "Identifiant (UUID) invalide"),
    (r"Invalid RFC3339 encoded datetime", "Date et heure invalides (RFC 3339)"),
    (r"Invalid RFC3339 encoded date", "Date invalide (AAAA-MM-JJ)"),
    (r"Invalid RFC3339 encoded time", "Heure invalide (HH:MM:SS)"),
    (r"Expected `datetime` with a timezone component", "Il manque le décalage horaire, par exemple +01:00"),
    (r"Invalid decimal string", "Nombre invalide : écrivez-le avec un point, par exemple 2000.5"),
    (r"(?:Integer value|Number) out of range", "Nombre trop grand"),
    (r"Invalid value (.+)", "Valeur inconnue : {0}"),
    (r"Expected `str` of length >= 1", "Ce texte ne peut pas être vide"),
    (r"Expected `str` of length >= (\d+)", "Texte trop court : {0} caractères au moins"),
    (r"Expected `str` of length <= (\d+)", "Texte trop long : {0} caractères au plus"),
    (_FORM, "Le texte n'a pas la forme attendue, ou contient des caractères invisibles"),
    (r"Expected `array` of length >= (\d+)", "Liste trop courte : {0} éléments au moins"),
    (r"Expected `array` of length <= (\d+)", "Liste trop longue : {0} éléments au plus"),
    (r"Expected `object` of length >= (\d+)", "Trop peu d'entrées : {0} au moins"),
    (r"Expected `object` of length <= (\d+)", "Trop d'entrées : {0} au plus"),
    (r"Expected `(?:int|float)` >= (.+)", "Nombre trop petit : {0} au moins"),
    (r"Expected `(?:int|float)` <= (.+)", "Nombre trop grand : {0} au plus"),
    (r"Expected `(?:int|float)` > (.+)", "Le nombre doit dépasser {0}"),
]
_NAMED_PARAMETER = re.compile(r"Missing required \w+ parameter '(.+?)'")
_NAMED_FIELD = re.compile(r"(?:missing required field|contains unknown field) `(.*)`")


def place_and_text(complaint: str, language: Language, keys: Sequence[str] = ()) -> FieldError:
    """msgspec's sentence about a body, `Expected `int`, got `str` - at `$.lines[0].unit``, as pointer and text.

    The pointer is RFC 6901's; a field that is missing or unknown is part of it. `keys` are those that `[...]` stands
    for (`culprits`); it ends where one of them is not known.
    """
    message, _, where = complaint.partition(" - at ")
    path = [*steps(where.rpartition("`$")[2].rstrip("`")), *(["..."] if where.startswith("`key`") else [])]
    unknown = iter(keys)
    place: list[str] = []
    for step in path:
        key = next(unknown, None) if step == "..." else step
        if key is None:
            break
        place.append(key)
    else:
        if named := _NAMED_FIELD.search(message):
            place.append(named.group(1))
    escaped = (step.replace("~", "~0").replace("/", "~1") for step in place)
    return FieldError("".join(f"/{step}" for step in escaped), say(message, language))


def about_parameter(complaint: Any, names: Mapping[str, str], language: Language) -> FieldError:
    """One entry of Litestar's `ValidationException.extra` as the parameter, by the name that `names` gives it on the
    wire, and what is wrong with it.
    """
    key = str(complaint.get("key", ""))
    return FieldError(names.get(key, key), say(str(complaint.get("message", "")), language))


def about_missing(sentence: str, language: Language) -> FieldError:
    """What Litestar says of a parameter that is not there: it is named in the sentence alone."""
    message = sentence.partition(" for path")[0]
    named = _NAMED_PARAMETER.search(message)
    return FieldError(named[1] if named else "", say(message, language))


def say(message: str, language: Language) -> str:
    """msgspec's sentence in the reader's language; a sentence we do not know stays in English."""
    if language == "en":
        # A regular expression is nothing to read for a farmer.
        english = "The text is not of the form expected, or has characters that are not seen"
        return english if re.fullmatch(_FORM, message, re.DOTALL) else message
    for pattern, french in _FRENCH:
        if found := re.fullmatch(pattern, message):
            return french.format(*found.groups())
    return message
