"""A worker whose patience is a fifth of that of others: what is proved is what happens, not how long it takes."""

import sys

from votremachine.infra import letters
from votremachine.notifications.delivering import rules

HURRY = 5


def main() -> None:
    # Before anything that takes them over by name is imported.
    letters.PATIENCE_SECONDS //= HURRY
    for name in ("LEASE", "NEEDED", "FIRST_WAIT", "AWAY_FOR"):
        setattr(rules, name, getattr(rules, name) / HURRY)
    from votremachine.cli import main as run  # as above

    sys.argv = ["votremachine", "work"]
    run()


if __name__ == "__main__":
    main()
