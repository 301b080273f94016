"""Bookings, cards, the clock and a bad line in any order: in the end every cent is where the terms say."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bookings.paying.money.machine import MoneyMachine

# What a run must have come by, or it proves nothing.
HAPPENS = {
    "BookingView",
    "held -> confirmed",
    "held -> requested",
}


@pytest.mark.timeout(500)
def test_the_money_is_where_the_terms_say(database_url: str) -> None:
    MoneyMachine.url, MoneyMachine.seen = database_url, set()
    run_state_machine_as_test(
        MoneyMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=35,
            # A run costs a second: what is found is told as it was found, rather than searched for a shorter one.
            phases=[Phase.explicit, Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    assert MoneyMachine.seen >= HAPPENS, HAPPENS - MoneyMachine.seen
