"""What scripts/bench runs: a service of its own is started, measured and stopped; the rows are printed and kept."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

import msgspec
import uvloop

from benchmarks.cases import CASES
from benchmarks.client import CONNECTIONS, WrongAnswer
from benchmarks.measure import Effort, Row, rows_of, watched
from benchmarks.stack import PROCESSES, running
from benchmarks.world import Size
from votremachine.infra.servers.process import CannotStart
from votremachine.infra.supervisor import ChildDied, Interrupted

RIGHT_ALIGNED = (int, float)


def main(words: list[str] | None = None) -> int:
    """Runs the cases and returns the exit code: 1 when one went wrong, 130 when interrupted."""
    parser = _parser()
    given = parser.parse_args(words)
    if unknown := set(given.names) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    # What is measured is the service as it comes, whatever the caller has set for one of their own.
    for name in [name for name in os.environ if name.startswith("VOTREMACHINE_")]:
        del os.environ[name]
    try:
        rows = _rows(given.names or list(CASES), Effort(given.rounds, given.seconds))
    except (CannotStart, ChildDied, WrongAnswer, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        return 130
    print(_table(rows))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures cases against a bare application.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(CASES)}; all by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    parser.add_argument("--rounds", type=int, default=9, help="of each case and of its baseline, 9 by default")
    parser.add_argument("--seconds", type=float, default=1, help="that a round takes, 1 by default")
    return parser


def _rows(names: list[str], effort: Effort) -> list[Row]:
    """Every case in every world that it is measured in, in the order of the names."""
    rows: list[Row] = []
    for size in _worlds(names):
        wanted = [name for name in names if size in CASES[name].worlds]
        with running() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(
                f"{size}: {PROCESSES} processes, {CONNECTIONS} connections, {runner.run(stack.durability())}",
                flush=True,
            )
            rows += runner.run(watched(stack, rows_of(size, wanted, effort, stack)))
    return sorted(rows, key=lambda row: names.index(row.name))


def _worlds(names: list[str]) -> list[Size]:
    """Each world that the cases want, once."""
    return list(dict.fromkeys(size for name in names for size in CASES[name].worlds))


def _table(rows: list[Row]) -> str:
    """Names to the left, numbers to the right."""
    shown = [[str(value) for value in msgspec.structs.astuple(row)] for row in rows]
    lines = [list(Row.__struct_fields__), *shown]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numeric = [isinstance(value, RIGHT_ALIGNED) for value in msgspec.structs.astuple(rows[0])]
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
