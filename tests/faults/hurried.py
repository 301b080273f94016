"""A worker with less patience than others have: what is proved is what happens, not how long it takes."""

import sys
from datetime import timedelta

from votremachine.infra import letters
from votremachine.notifications.delivering import rules

PATIENCE_SECONDS = 4
# As elsewhere, the least that is left of a lease is more than that, and a lease is long enough to do something in it.
QUICKER = {
    "NEEDED": timedelta(seconds=6),
    "LEASE": timedelta(seconds=18),
    "FIRST_WAIT": timedelta(seconds=3),
    "AWAY_FOR": timedelta(seconds=6),
}


def main() -> int:
    # Before anything that takes them over by name is imported.
    letters.PATIENCE_SECONDS = PATIENCE_SECONDS
    for name, value in QUICKER.items():
        setattr(rules, name, value)
    from votremachine.cli import main as run  # as above

    return run(["work"])


if __name__ == "__main__":
    sys.exit(main())
