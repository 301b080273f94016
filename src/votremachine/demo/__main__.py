"""`scripts/demo [--url URL]`: the main job over real HTTP, told step by step.

It starts a service of its own unless it is given one, which must run as a demo: its parties book on account.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from http.client import HTTPException

from votremachine.demo.caller import NotAsPromised
from votremachine.demo.stack import throw_away_stack
from votremachine.demo.story import Story
from votremachine.infra.servers.process import CannotStart


def main(words: list[str] | None = None) -> int:
    """Tells the story; 0 when everything was as promised, 1 and one line on stderr when not."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="The main job over HTTP, step by step.")
    parser.add_argument("--url", help="a demo that runs already; without it, one is started and stopped again")
    given = parser.parse_args(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    try:
        with nullcontext(given.url) if given.url else throw_away_stack() as url:
            Story(url, spoken(os.environ)).tell()
    except (NotAsPromised, CannotStart, OSError, HTTPException) as error:
        print(f"scripts/demo: {error}", file=sys.stderr)  # noqa: T201 -- speaks to a person
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def spoken(environ: Mapping[str, str]) -> str:
    """French or English ("fr", "en"), as the terminal is set (POSIX, 8.2); English by default."""
    wanted = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "fr" if wanted.lower().startswith("fr") else "en"


if __name__ == "__main__":
    sys.exit(main())
