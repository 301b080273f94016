"""Claims, their two sides and a mediator: what matters most by hand, the rest in any order; every claim ends."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bookings.paying.money.lossy import Loss
from tests.bookings.paying.money.stage import Stage, staged
from tests.damages.claim_machine import ClaimMachine
from votremachine.config import Settings
from votremachine.infra import logs

VISA, HELD = "tok_visa", 50_000


@pytest.fixture(scope="module")
def stage(database_url: str, settings: Settings) -> Iterator[Stage]:
    """What goes wrong here is meant to: nobody logs it."""
    logs.configure("critical", settings.log_json)
    with staged(database_url) as stage:
        ClaimMachine.stage, ClaimMachine.rented = stage, {}
        yield stage
    logs.configure(settings.log_level, settings.log_json)


def accepted(play: ClaimMachine) -> None:
    """After some that is nobody's to say."""
    play.the_machine_comes_back(VISA, 30_000)
    play.open_claim(1, "renter")
    play.open_claim(1, "owner")
    for who, verb in (("owner", "accept"), ("renter", "withdraw"), ("mediator", "decide"), ("renter", "agree")):
        play.speak(who, verb)
    play.speak("renter", "accept")
    play.speak("renter", "accept")
    play.the_worker_works()


def agreed_above_the_deposit(play: ClaimMachine) -> None:
    play.the_machine_comes_back(VISA, 90_000)
    play.speak("renter", "contest", 10_000)
    play.speak("owner", "offer", 80_000)
    play.speak("renter", "offer", HELD + 1)
    play.the_line_is_bad([Loss.ANSWER])
    play.speak("owner", "agree")
    play.the_worker_dies()
    play.the_worker_works()


def decided_after_both_spoke(play: ClaimMachine) -> None:
    play.the_machine_comes_back("tok_short_hold", 20_000)
    play.speak("renter", "contest", 1)
    play.speak("owner", "escalate")
    play.speak("mediator", "decide", 19_999)
    play.time_passes(1)
    play.the_worker_works()


def silent(play: ClaimMachine) -> None:
    """First the renter, who never says anything, then the owner about another."""
    play.the_machine_comes_back(VISA, HELD)
    play.time_passes(73)
    play.speak("renter", "accept")
    play.one_sweep("claims")
    play.nothing_is_broken()
    play.speak("mediator", "decide", 1)
    play.the_worker_works()


def withdrawn_and_claimed_anew(play: ClaimMachine) -> None:
    """Too late the last time."""
    play.the_machine_comes_back(VISA, 1_000)
    play.speak("owner", "withdraw")
    play.open_claim(2_000, "owner")
    play.speak("renter", "contest", 1)
    play.speak("owner", "withdraw")
    play.time_passes(23)
    play.time_passes(23)
    play.time_passes(1)
    play.open_claim(3_000, "owner")
    play.speak("renter", "accept")
    play.time_passes(1)
    play.open_claim(4_000, "owner")


def owed_and_paid_later(play: ClaimMachine) -> None:
    """The card gives its deposit and nothing besides; another one pays, after one that is declined."""
    play.the_machine_comes_back("tok_declines_renewal", 80_000)
    play.speak("renter", "accept")
    for _ in range(8):
        play.the_worker_works()
        play.minutes_pass(1)
    play.pay("tok_declined", crash=False)
    play.pay(VISA, crash=True)
    play.minutes_pass(2)
    play.the_worker_works()


def lapsed(play: ClaimMachine) -> None:
    """Nobody worked for longer than the hold lived: the renter pays it all."""
    play.the_machine_comes_back("tok_short_hold", 40_000)
    play.speak("renter", "accept")
    play.time_passes(24 * 8)
    play.the_worker_works()


def nobody_decides(play: ClaimMachine) -> None:
    play.the_machine_comes_back(VISA, 7_000, cares=False)
    play.speak("renter", "contest", 1)
    play.speak("renter", "escalate")


Scene = Callable[[ClaimMachine], None]
# What each must come by.
SCENES: dict[Scene, set[str]] = {
    accepted: {"accepted", "refused", "from the deposit"},
    agreed_above_the_deposit: {"contested", "agreed", "from the deposit", "from the renter", "paid"},
    decided_after_both_spoke: {"contested", "mediation", "decided", "from the deposit"},
    silent: {"silence", "refused", "decided"},
    withdrawn_and_claimed_anew: {"withdrawn", "accepted", "refused"},
    owed_and_paid_later: {"from the deposit", "from the renter", "paid"},
    lapsed: {"from the renter"},
    nobody_decides: {"mediation", "unresolved"},
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_scene(stage: Stage, scene: Scene) -> None:
    ClaimMachine.seen = set()
    play = ClaimMachine()
    scene(play)
    play.nothing_is_broken()
    play.teardown()
    assert ClaimMachine.seen >= SCENES[scene], SCENES[scene] - ClaimMachine.seen


@pytest.mark.timeout(600)
def test_every_claim_ends_and_its_money_adds_up(stage: Stage) -> None:
    ClaimMachine.seen = set()
    run_state_machine_as_test(
        ClaimMachine,
        settings=settings(
            max_examples=10,
            stateful_step_count=12,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
