"""That the number of a card would be noticed, in whatever a test keeps or puts out: each with one that is planted."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.payments.card_numbers import any_in, tables_with_numbers
from tests.payments.typed_numbers import TYPED, typed_in
from votremachine.infra.database import Database

ROOT = Path(__file__).parents[2]
PLANTED = {
    "as text": "INSERT INTO simulated_webhooks (id, event_id, body, made_at, attempts) VALUES"
    " (gen_random_uuid(), 'x', 'pay with 4242 4242-42424242 please', now(), 0)",
    "in a fact": "INSERT INTO outbox (id, name, body, happened_at, due_at) VALUES"
    """ (gen_random_uuid(), 'X', '{"card": {"number": 5555555555554444}}', now(), 'infinity')""",
    "that no test types": "INSERT INTO outbox (id, name, body, happened_at, due_at) VALUES"
    """ (gen_random_uuid(), 'X', '{"card": 4000056655665556}', now(), 'infinity')""",
    "that no test types, in a text": "INSERT INTO simulated_webhooks (id, event_id, body, made_at, attempts) VALUES"
    " (gen_random_uuid(), 'x', 'It is 5200-8282 8282 8210.', now(), 0)",
    "in the bytes of an answer": "INSERT INTO idempotent_answers VALUES"
    " (gen_random_uuid(), 'x', '', 200, '{}', convert_to('x3782 822463 10005x', 'UTF8'), now())",
}
TABLES = {
    "as text": "simulated_webhooks",
    "in a fact": "outbox",
    "in the bytes of an answer": "idempotent_answers",
    "that no test types": "outbox",
    "that no test types, in a text": "simulated_webhooks",
}


@pytest.mark.parametrize("how", PLANTED)
async def test_one_that_is_kept_is_found(how: str, database: Database) -> None:
    async with database.begin() as tx:
        assert await tables_with_numbers(tx) == []
        await tx.execute(sa.text(PLANTED[how].replace(":", r"\:")))
        assert await tables_with_numbers(tx) == [TABLES[how]]
        # Taken back, or the fixture would say the same.
        await tx.execute(sa.text(f"DELETE FROM {TABLES[how]}"))


def test_every_number_that_is_typed_is_one() -> None:
    assert all(typed_in(f"a{number}b") for number in TYPED)
    assert not typed_in("4242424242424241 42424242 4242")


@pytest.mark.parametrize(
    "text",
    [
        "01939f8e-4242-7242-8242-424242424242",
        "4.4000056655665556",
        "FR76 4000 0566 5566 5556 7890 189",
        "2026-06-01 06:00:00.424242+00",
        "x4000056655665556",
        "4000056655665557",
    ],
)
def test_what_is_no_number_of_a_card_is_none(text: str) -> None:
    assert not any_in(text)


@pytest.mark.parametrize("how", ["print('4242 4242 4242 4242')", "logging.error('5555-5555-5555-4444')", "pass"])
@pytest.mark.parametrize("several", [False, True])
def test_one_that_is_put_out_fails_the_run(how: str, several: bool, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(f"import logging\n\ndef test_it():\n    {how}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.no_card_numbers", "-c", "/dev/null"]
    run = subprocess.run(
        [*command, *(["-n", "1"] if several else []), "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("the number of a card" in run.stdout) == (how != "pass"), run.stdout + run.stderr
    assert (run.returncode == 0) == (how == "pass")
