"""What an SMS may be answered with. Pure."""

import re
import unicodedata
from typing import NamedTuple

from votremachine.kernel.errors import DomainError, Kind

DIGITS = 6
MOST_ATTEMPTS = 5
# Those that ask for a decision.
ASKING = frozenset({"BookingRequested", "request_waiting", "request_expiring"})
# A number may try so often, whatever it says; beyond it, each answer would cost an SMS for nothing.
MOST_A_DAY, DAY_SECONDS = 30, 24 * 60 * 60
_ANSWERS = {"OUI": True, "YES": True, "NON": False, "NO": False}
# What people say besides. Anything else may be a condition ("oui, mais à 9 h"), which is no answer.
_COURTESIES = frozenset(
    {"MERCI", "BONJOUR", "BONSOIR", "SVP", "OK", "CODE", "THANKS", "THANK", "YOU", "HELLO", "PLEASE"}
)
# A code is read to people in halves.
_WORDS = re.compile(rf"[A-Z]+|\d{{{DIGITS}}}(?!\d)|\d{{{DIGITS // 2}}}\s\d{{{DIGITS // 2}}}(?!\d)|\d+", re.ASCII)


class NotTheGateway(DomainError):
    kind = Kind.FORBIDDEN
    code = "not_the_gateway"
    en = "Answers by SMS are taken from our gateway alone."
    fr = "Les réponses par SMS ne sont reçues que de notre passerelle."


class UnreadAnswer(DomainError):
    kind = Kind.MALFORMED
    code = "unread_answer"
    en = "An answer by SMS is JSON with `from` and `text`."
    fr = "Une réponse par SMS est du JSON avec `from` et `text`."


class Answer(NamedTuple):
    """Yes or no, and the code of the request that it is about."""

    yes: bool
    code: str


def read_answer(text: str) -> Answer | None:
    """What somebody answered, or None when it is no answer: "oui 123456", "NON : 123 456.", "Ouí merci 123456".

    One yes or no and one code, in any order, whatever the case, accents and marks; courtesies are passed over.
    """
    folded = unicodedata.normalize("NFKD", text).upper()
    plain = "".join(" " if letter.isspace() else letter for letter in folded if not unicodedata.combining(letter))
    # A letter that is none of ours after all this stands in for a word that was not understood.
    words = ["".join(one.split()) for one in _WORDS.findall(re.sub(r"[^\W\dA-Z_]", "X", plain))]
    said = [word for word in words if word not in _COURTESIES]
    answers = [word for word in said if word in _ANSWERS]
    codes = [word for word in said if len(word) == DIGITS and word.isdecimal()]
    if len(said) != 2 or len(answers) != 1 or len(codes) != 1:
        return None
    return Answer(_ANSWERS[answers[0]], codes[0])
