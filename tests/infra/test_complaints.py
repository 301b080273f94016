"""What is wrong with a body is said in the reader's language, whatever msgspec says it in."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated

import msgspec
import pytest

from votremachine.infra.complaints import place_and_text

Named = Annotated[str, msgspec.Meta(min_length=1)]
Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class Grade(Enum):
    GOOD = "good"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Decimal, '"2000,5"'),
        (Aware, '"2026-11-27T08:00:00"'),
        (datetime, '"yesterday"'),
        (date, '"27/11/2026"'),
        (time, '"8 h"'),
        (Named, '""'),
        (Grade, '"fine"'),
        (int, "1e999"),
        (int, '"one"'),
    ],
)
def test_a_sentence_of_msgspec_is_said_in_french(kind: type, body: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(body.encode(), type=kind)
    french, english = (place_and_text(str(refused.value), language).detail for language in ("fr", "en"))
    assert french != english, english
