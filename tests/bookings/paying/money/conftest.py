"""A quiet log: what goes wrong here is meant to, by the thousand."""

from collections.abc import Iterator

import pytest

from votremachine.config import Settings
from votremachine.infra import logs


@pytest.fixture(autouse=True)
def quiet(settings: Settings) -> Iterator[None]:
    logs.configure("critical", settings.log_json)
    yield
    logs.configure(settings.log_level, settings.log_json)
