"""The numbers of cards that tests type, and whether one of them stands in a text; every run imports this."""

import re

# All that tests type anywhere: among the ids of a whole run some digits would pass for a card by chance, not for these.
TYPED = (
    "4242424242424242",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "3566002020360505",
    "6011111111111117",
    "6200000000000005",
    "4222222222222",
    # Those of the Stripe-compatible server, behind its tokens.
    "4000000000000341",
    "4000000000009995",
    "4000000000000069",
    "4000000000000002",
    "4000002760003184",
)
# In groups or not, as people write them, and whatever stands around them.
_SEEN = re.compile("|".join("[ -]?".join(number) for number in TYPED))


def typed_in(text: str) -> bool:
    """Whether the number of a card that tests use stands in a text."""
    return _SEEN.search(text) is not None
