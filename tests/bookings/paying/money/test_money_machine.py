"""Bookings, cards, the clock and a bad line in any order: in the end every cent is where the terms say."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bookings.paying.money.machine import MoneyMachine

# What a run must have come by, or it proves nothing.
HAPPENS = {
    "BookingView",
    "Proof",
    "card_declined",
    "gateway_silent",
    "proved",
    "held -> confirmed",
    "held -> requested",
    "held -> expired",
    "confirmed, all of it",
    "cancelled, nothing",
    "cancelled, part of it",
    "expired, nothing",
}


@pytest.mark.timeout(500)
def test_the_money_is_where_the_terms_say(database_url: str) -> None:
    MoneyMachine.url, MoneyMachine.seen = database_url, set()
    run_state_machine_as_test(
        MoneyMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    assert MoneyMachine.seen >= HAPPENS, HAPPENS - MoneyMachine.seen
