"""`scripts/bench` from end to end, for a moment: what it prints and writes, and that it leaves nothing behind."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from os import environ
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "scripts" / "bench"
FIELDS = ["name", "rate", "unit", "p50_ms", "p99_ms", "baseline", "baseline_rate", "ratio", "peak_rss_mb", "size"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because sockets lie in it, and not pytest's own, which it closes to the account of the servers."""
    made = Path(tempfile.mkdtemp(prefix="vm-"))
    yield made
    shutil.rmtree(made)


def test_a_case_is_measured_beside_its_baseline(folder: Path) -> None:
    done = _bench(folder, "not_modified", "--rounds", "1", "--seconds", "0.2", "--json", "rows.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads((folder / "rows.json").read_text())
    assert [list(row) for row in rows] == [FIELDS]
    assert (rows[0]["name"], rows[0]["baseline"], rows[0]["unit"]) == ("not_modified", "read", "answers/s")
    assert rows[0]["size"].startswith("2000 machines, ")
    assert all(rows[0][name] > 0 for name in ("rate", "p50_ms", "p99_ms", "baseline_rate", "ratio", "peak_rss_mb"))
    assert rows[0]["p50_ms"] <= rows[0]["p99_ms"]
    header, titles, *table = done.stdout.splitlines()
    assert "fsync=on" in header
    assert titles.split() == FIELDS
    assert [line.split()[0] for line in table] == ["not_modified"]
    assert [path.name for path in folder.iterdir()] == ["rows.json"]


def test_an_unknown_case_is_named(folder: Path) -> None:
    done = _bench(folder, "nothing")
    assert done.returncode == 2
    assert "there is no case nothing" in done.stderr


def _bench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Called from the folder, which its servers get for temporary files too."""
    return subprocess.run(
        [BENCH, *words],
        cwd=folder,
        env={**environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
