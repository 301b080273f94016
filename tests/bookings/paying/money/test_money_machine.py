"""Bookings, cards, the clock and a bad line in any order: in the end every cent is where the terms say."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bookings.paying.money.machine import MoneyMachine
from tests.bookings.paying.money.scenes import SCENES, Played, Scene
from tests.bookings.paying.money.stage import Stage


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_scene(stage: Stage, scene: Scene) -> None:
    MoneyMachine.stage, MoneyMachine.seen = stage, set()
    play = Played()
    play.play()
    scene(play)
    play.teardown()
    assert MoneyMachine.seen >= SCENES[scene], SCENES[scene] - MoneyMachine.seen


@pytest.mark.timeout(600)
def test_the_money_is_where_the_terms_say(stage: Stage) -> None:
    MoneyMachine.stage, MoneyMachine.seen = stage, set()
    run_state_machine_as_test(
        MoneyMachine,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
