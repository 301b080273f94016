"""What a bundle costs: memory for one piece of one file, no connection while files are read, and few questions."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar

from tests.damages.bundles.conftest import Case, provided
from tests.people import Person
from tests.statements import Statements
from votremachine.infra.images.copies import Copies
from votremachine.infra.storage.files import Files
from votremachine.infra.typesetting.press import Press

MEGABYTE = 1024 * 1024
MOST_STATEMENTS = 24  # BEGIN and COMMIT, the session and the isolation included


def test_sixty_photos_are_never_in_memory_together(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.damages.bundles.heavy", str(tmp_path), str(2 * MEGABYTE)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=150)
    size, grown = [int(word) for word in ended.stdout.split()[:2]]
    assert size > 120 * MEGABYTE
    assert grown < 24 * MEGABYTE, f"{grown / MEGABYTE:.0f} MB"


async def test_no_connection_is_held_while_files_are_read_and_the_summary_is_made(
    app: Litestar, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    await case.claimed()
    pool, held = provided(app, "database").engine.pool, []

    def watched(slow: Callable[..., Any]) -> Callable[..., Any]:
        async def watching(*given: Any, **named: Any) -> Any:
            held.append(pool.checkedout())
            return await slow(*given, **named)

        return watching

    for owner, name in ((Files, "get"), (Copies, "get"), (Press, "typeset")):
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    await case.exported()
    assert len(held) > 8
    assert set(held) == {0}


async def test_it_asks_the_same_questions_however_many_files_there_are(
    case: Case, owner: Person, renter: Person, statements: Statements
) -> None:
    await case.claimed()
    counts = []
    for number in range(2):
        await case.asked(renter)
        with statements.counted() as seen:
            assert (await case.asked(renter)).status_code == 200
        counts.append(len(seen))
        for photo in case.photos[: 3 - number]:
            await case.shows(owner, photo)
        if not number:
            await case.reported("amendment", case.photos[:2], amends=case.out["id"], why="Un choc oublié")
    assert counts[0] == counts[1], "\n".join(seen)
    assert counts[0] <= MOST_STATEMENTS, "\n".join(seen)
