"""What an SMS may be answered with. Pure."""

import re
from datetime import timedelta
from typing import NamedTuple

from votremachine.kernel.errors import DomainError, Kind

DIGITS = 6
MOST_ATTEMPTS = 5
# Those that ask for a decision.
ASKING = frozenset({"BookingRequested", "request_waiting", "request_expiring"})
# A number may try so often, whatever it says.
MOST_A_DAY, DAY = 30, timedelta(days=1)
_ANSWER = re.compile(r"\s*(OUI|NON|YES|NO)\W+(\d{6})\W*\s*", re.IGNORECASE)


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
    """What somebody answered, or None when it is no answer: "oui 123456", "NON : 123456."."""
    found = _ANSWER.fullmatch(text)
    return Answer(found[1].upper() in {"OUI", "YES"}, found[2]) if found else None
