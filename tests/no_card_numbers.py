"""A plugin: no number of a card is written to any log or output in a whole run, whichever process wrote it.

What a test left in the database is looked at by the fixture `database`, before the next one empties it.
"""

import pytest

from tests.payments.typed_numbers import typed_in


class NoCardNumbers:
    """Reads what each test put out, its worker's reports included, and fails the run for a number."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if any(typed_in(text) for name, text in report.sections if name.startswith("Captured")):
            self.seen.append(f"{report.nodeid} ({report.when})")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.seen and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for where in self.seen:
            terminalreporter.write_line(f"the number of a card was put out by {where}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    # With xdist all reports come to the process that nobody works for.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(NoCardNumbers(), "no card numbers")
