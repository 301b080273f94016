"""A message in somebody's language."""

import msgspec


class Said(msgspec.Struct, frozen=True):
    """`about` names the booking, or is empty; `action` is what `link` leads to."""

    subject: str
    text: str
    about: str
    action: str
    link: str
