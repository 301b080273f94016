"""The whole service as `votremachine up` runs it, its demo planted, for the journeys to travel through."""

import time
from collections.abc import Iterator

import httpx
import pytest

from votremachine.demo.sign_ins import SIGN_INS
from votremachine.demo.stack import throw_away_stack

PLANTED_SECONDS = 60


@pytest.fixture(scope="package")
def stack() -> Iterator[str]:
    """Its address. Real processes on servers of their own; all gone with the last journey."""
    with throw_away_stack() as url:
        _wait_until_planted(url)
        yield url


def _wait_until_planted(url: str) -> None:
    # The API answers while the demo is still being planted.
    sign_in = {"email": SIGN_INS[0].email, "password": SIGN_INS[0].password}
    deadline = time.monotonic() + PLANTED_SECONDS
    while not httpx.post(f"{url}/v1/auth/login", json=sign_in, timeout=30).is_success:
        assert time.monotonic() < deadline, "the demo was not planted"
        time.sleep(0.2)
