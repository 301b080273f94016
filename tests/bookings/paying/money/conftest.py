"""A quiet log, because what goes wrong here is meant to, by the thousand; and the stage, set up once."""

from collections.abc import Iterator

import pytest

from tests.bookings.paying.money.stage import Stage, staged
from votremachine.config import Settings
from votremachine.infra import logs


@pytest.fixture(autouse=True)
def quiet(settings: Settings) -> Iterator[None]:
    logs.configure("critical", settings.log_json)
    yield
    logs.configure(settings.log_level, settings.log_json)


@pytest.fixture(scope="module")
def stage(database_url: str) -> Iterator[Stage]:
    with staged(database_url) as stage:
        yield stage
