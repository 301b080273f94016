"""The directions of the house, checked by import-linter with the contracts of pyproject.toml."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_import_contract_is_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_module_re_exports() -> None:
    """An `__init__` holds its sentence and nothing that others are meant to import from it."""
    for init in (ROOT / "src").rglob("__init__.py"):
        if init.parent.name == "votremachine":
            continue  # the version
        code = [line for line in init.read_text().splitlines() if line.startswith(("import", "from", "def", "class"))]
        assert not code, init
