"""What the logs say of a fault, and what they must never say."""

import subprocess
import sys

import pytest

FAIL = """
import structlog
from votremachine.infra import logs
logs.configure("info", {as_json})
def sign_in(password):
    raise RuntimeError("hail")
try:
    sign_in("a password nobody may read")
except RuntimeError as error:
    structlog.get_logger().error("request.failed", exc_info=error)
"""


@pytest.mark.parametrize("as_json", [True, False])
def test_a_trace_names_the_place_and_not_the_values(as_json: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAIL.format(as_json=as_json)], capture_output=True, text=True, check=True
    )
    assert "hail" in done.stderr
    assert "sign_in" in done.stderr
    assert "nobody may read" not in done.stderr.replace('sign_in("a password nobody may read")', "")
