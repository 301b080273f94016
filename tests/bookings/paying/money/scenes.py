"""Scenes: the machine played by hand, through the same rules and before the same judge, so that what matters most
happens in each run and not by chance. Each names what it must have come by.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from tests.bookings.paying.money.lossy import Loss
from tests.bookings.paying.money.machine import MoneyMachine
from tests.bookings.paying.money.playing import A_MOMENT, DAY, HOUR

INSTANT, ON_REQUEST, WITHOUT_DEPOSIT, MEASURED = range(4)  # of the machines that are offered
VISA, PROOF, DECLINED = "tok_visa", "tok_needs_authentication", "tok_declined"


class Played(MoneyMachine):
    """It looks at what must always be so after each thing that it does, as hypothesis makes it do otherwise."""

    def learn(self) -> None:
        super().learn()
        self.nothing_is_broken()
        self.no_machine_is_out_without_a_deposit()

    def booked(self, machine: int, start: int, hours: int = 30, token: str = VISA, **more: int) -> UUID:
        """A booking that was paid for so many hours ahead."""
        ref = self.held(machine, start, hours, **more)
        self.confirm(ref, token)
        return ref

    def held(self, machine: int, start: int, hours: int = 30, **more: int) -> UUID:
        """Held so many hours ahead."""
        before = len(self.rentals)
        self.hold(0, {machine}, start, hours, **more)
        assert len(self.rentals) > before, "the time is taken"
        return list(self.rentals)[-1]

    def at(self, moment: timedelta, ref: UUID) -> None:
        """So long before a booking's start, the worker having been by each half day; what is done next is done then."""
        then = self.rentals[ref].start - moment - A_MOMENT
        while self.stage.now < then:
            self.stage.now = min(then, self.stage.now + DAY / 2)
            self.the_worker_works()

    def rounds(self, count: int = 4) -> None:
        """The worker works for some minutes."""
        for _ in range(count):
            self.the_worker_works()
            self.stage.now += timedelta(minutes=1)
        self.check_paid()

    def out(self, ref: UUID) -> None:
        """The machine leaves in time."""
        self.at(timedelta(0), ref)
        self.rounds(2)
        self.check_out(ref)
        assert self.rentals[ref].state == "in_use"

    def back(self, ref: UUID) -> None:
        """It was out for an hour."""
        self.out(ref)
        self.stage.now += HOUR
        self.check_in(ref)


def called_off_in_time_and_late(play: Played) -> None:
    """On the second: each of the terms gives back all, half, or nothing."""
    times = {
        INSTANT: [24 * HOUR, 2 * A_MOMENT],
        WITHOUT_DEPOSIT: [14 * DAY, 48 * HOUR],
        ON_REQUEST: [5 * DAY, 24 * HOUR],
    }
    made: list[tuple[timedelta, UUID]] = []
    for machine, borders in times.items():
        for n, notice in enumerate(moment for border in borders for moment in (border, border - A_MOMENT)):
            ref = play.booked(machine, 20 * 24 + 40 * n)
            if machine == ON_REQUEST:
                play.accept(ref)
            made.append((notice, ref))
    play.rounds()
    for notice, ref in sorted(made, key=lambda one: play.rentals[one[1]].start - one[0]):
        play.at(notice, ref)
        play.cancel(ref, by_owner=False)


def called_off_by_the_owner(play: Played) -> None:
    """However late, and by whatever terms: all goes back."""
    refs = [play.booked(machine, 3) for machine in (INSTANT, ON_REQUEST, WITHOUT_DEPOSIT)]
    play.accept(refs[1])
    play.rounds()
    for ref in refs:
        play.cancel(ref, by_owner=True)
    play.rounds()


def never_stood(play: Played) -> None:
    """A request is called off, declined, or runs out, so late that its terms would keep all of it; a hold runs out."""
    for n, what in enumerate(("cancel", "decline", "run out")):
        ref = play.booked(ON_REQUEST, 3 + 40 * n)
        play.rounds(2)
        if what == "cancel":
            play.cancel(ref, by_owner=False)
        elif what == "decline":
            play.decline(ref)
    play.hold(1, {INSTANT}, 30, 5)
    play.days_pass(25)
    play.rounds()


def paid_when_it_was_too_late(play: Played) -> None:
    """The money arrives for a hold that ran out, was called off, moved, or went on account meanwhile; or twice."""
    for n, meanwhile in enumerate(["moved", "called off", "ran out", "on account"]):
        ref = play.held(INSTANT, 100 + 60 * n)
        play.something_crosses_a_confirmation(ref, VISA, meanwhile, ends=n % 2 == 0)
    ref = play.held(INSTANT, 500)
    for _ in range(2):
        play.begin_to_confirm(ref, VISA)
    for n in (0, 1, 0):
        play.ask_the_gateway(n)
    play.days_pass(5)
    for _ in range(2):
        play.rounds(2)
        play.end_what_was_asked(0)


def proofs(play: Played) -> None:
    """A cardholder proves who they are, in time, too late, or never; a card is declined; nobody answers."""
    for ok in (True, False):
        ref = play.booked(WITHOUT_DEPOSIT, 50 if ok else 150, token=PROOF)
        play.the_cardholder_proves(0, ok)
        play.confirm(ref, PROOF)
    ref = play.booked(WITHOUT_DEPOSIT, 250, token=DECLINED)
    play.confirm(ref, PROOF)
    play.minutes_pass(61)
    play.rounds()
    play.the_cardholder_proves(0, ok=True)
    for n, loss in enumerate((Loss.ORDER, Loss.ANSWER)):
        play.the_line_is_bad([loss])
        play.booked(WITHOUT_DEPOSIT, 300 + n * 50)
    play.minutes_pass(2)
    play.rounds()


def workers_that_die(play: Played) -> None:
    """After the gateway charged, captured, refunded or released, before anybody wrote it down; and words get lost."""
    instant, asked = play.booked(INSTANT, 200), play.booked(ON_REQUEST, 200)
    twice = play.held(WITHOUT_DEPOSIT, 200)
    for n in range(2):
        play.begin_to_confirm(twice, VISA)
        play.ask_the_gateway(n)
    play.the_post_is_bad([True] * 3)
    follow: list[Callable[[], None]] = [
        lambda: play.minutes_pass(2),
        lambda: play.accept(asked),
        lambda: play.cancel(instant, by_owner=False),
        lambda: play.minutes_pass(61),
    ]
    for follows in follow:
        follows()
        play.one_sweep("drain_outbox")
        play.the_worker_dies(lease=True)
        play.the_line_is_bad([Loss.ANSWER])
        play.rounds(3)
    # Requests whose answer was heard by the worker first.
    for _ in range(2):
        play.end_what_was_asked(0)
        play.rounds(2)


def moved(play: Played) -> None:
    """Dearer, cheaper, and for as much; before and after it is paid; by a card that pays, and by others. One is called
    off in the end, the others go on as they are.
    """
    dearer, cheaper = play.booked(WITHOUT_DEPOSIT, 24 * 20, 30), play.booked(WITHOUT_DEPOSIT, 24 * 25, 100)
    play.rounds()
    play.extend(dearer, 48, VISA, wait=False)
    play.reschedule(cheaper, 24 * 25, 20, VISA, wait=False)
    play.rounds()
    ref = play.held(INSTANT, 100, 20)
    play.reschedule(ref, 120, 60, VISA, wait=False)
    play.confirm(ref, VISA)
    play.rounds()
    play.reschedule(ref, 160, 100, VISA, wait=False)
    play.rounds()
    play.reschedule(ref, 200, 10, VISA, wait=False)
    play.rounds()
    play.reschedule(ref, 224, 10, VISA, wait=False)
    play.reschedule(ref, 150, 100, DECLINED, wait=False)
    play.reschedule(ref, 150, 100, PROOF, wait=False)
    play.the_cardholder_proves(0, ok=True)
    play.rounds()
    play.extend(ref, 48, "tok_timeout_after", wait=False)
    play.minutes_pass(2)
    play.rounds()
    play.extend(ref, 30, VISA, wait=True)
    play.ask_the_gateway(0)
    play.the_api_crashes()
    play.minutes_pass(2)
    play.rounds()
    play.cancel(ref, by_owner=False)
    play.rounds()


def set_aside_and_lost(play: Played) -> None:
    """Nobody works for longer than a hold lives: what was accepted or moved is not paid for. Nobody called it off, so
    nothing is kept of it, however late it is by then; but whose machine was out already owes it.
    """
    soon, asked, other = play.booked(ON_REQUEST, 20), play.booked(ON_REQUEST, 190), play.booked(INSTANT, 400)
    play.rounds(3)
    play.accept(asked)
    play.accept(soon)
    play.extend(other, 48, VISA, wait=False)
    play.days_pass(20)
    play.check_out(soon)
    play.days_pass(5)
    play.check_in(soon)
    play.days_pass(155)
    play.the_line_is_bad([])
    play.rounds()


def out_and_back(play: Played) -> None:
    """Rented with a deposit and without, and on account; one whose renter did not come; the owner does without."""
    play.hold(1, {WITHOUT_DEPOSIT}, 100, 30, on_account=True)
    refs = [play.booked(machine, 30) for machine in (INSTANT, ON_REQUEST, WITHOUT_DEPOSIT, MEASURED)]
    play.accept(refs[1])
    play.rounds()
    play.waive(refs[3])
    for ref in refs[:2]:
        play.back(ref)
    play.at(-HOUR, refs[2])
    play.no_show(refs[2])
    play.back(refs[3])
    play.quiet_days_pass(3)


def no_machine_leaves_without_a_deposit(play: Played) -> None:
    """The card of the deposit refuses it: the machine stays until another card, or the owner, says otherwise."""
    ref = play.booked(INSTANT, 40, token=PROOF)
    play.the_cardholder_proves(0, ok=True)
    play.confirm(ref, PROOF)
    play.at(timedelta(0), ref)
    play.rounds()
    play.check_out(ref)
    assert play.rentals[ref].state == "confirmed", "its card wants proof of somebody who is not there"
    play.give_a_card(ref, DECLINED, wait=False)
    play.check_out(ref)
    assert play.rentals[ref].state == "confirmed", "it was declined"
    play.give_a_card(ref, VISA, wait=False)
    play.check_out(ref)
    assert play.rentals[ref].state == "in_use"


def another_card_is_proved_beside_the_first(play: Played) -> None:
    """Both hold until that is seen; then the first one's hold goes back, and only that."""
    ref = play.booked(INSTANT, 1)
    play.rounds()
    play.give_a_card(ref, PROOF, wait=False)
    play.the_cardholder_proves(0, ok=True)
    play.nothing_is_broken()
    play.rounds()
    play.back(ref)


def deposits_that_last(play: Played) -> None:
    """Renewed as long as the machine is out; a renewal that is refused is told, and lapses."""
    refs = [play.booked(INSTANT, 30, 24 * 20), play.booked(MEASURED, 30, 24 * 20, "tok_declines_renewal")]
    for ref in refs:
        play.at(HOUR, ref)
    for ref in refs:
        play.out(ref)
    play.quiet_days_pass(8)
    play.check_in(refs[0])
    play.give_a_card(refs[1], "tok_short_hold", wait=False)
    play.quiet_days_pass(1)
    play.check_in(refs[1])


def claims(play: Played) -> None:
    """Part of a deposit is the owner's, or nothing of it: what is not goes back, and once."""
    refs = [play.booked(machine, 30) for machine in (INSTANT, ON_REQUEST, MEASURED)]
    play.accept(refs[1])
    for ref in refs:
        play.back(ref)
        play.claim(ref)
    play.settle_a_claim(0, 12_345)
    play.rounds()
    play.settle_a_claim(1, None)
    play.quiet_days_pass(3)
    play.settle_a_claim(2, 20_003)
    play.settle_a_claim(1, 1)
    play.rounds()


def measured(play: Played) -> None:
    """More was used than estimated, less, nothing, or just as much; or nobody agreed. What a bank declines is paid
    later.
    """
    used = [(VISA, 12_345), (VISA, 7_001), (VISA, 0), (VISA, 10_000), (VISA, None), (PROOF, 15_000), (PROOF, 11_000)]
    for token, hectares in used:
        ref = play.booked(MEASURED, 30, 20, token=token)
        if token == PROOF:
            play.the_cardholder_proves(0, ok=True)
            play.confirm(ref, PROOF)
        play.at(HOUR, ref)
        play.waive(ref)
        play.back(ref)
        if hectares is not None:
            play.tell_usage(ref, by_owner=True, used=20_000)
            play.tell_usage(ref, by_owner=False, used=hectares)
            play.agree_usage(ref, by_owner=False)
            play.agree_usage(ref, by_owner=True)
            play.agree_usage(ref, by_owner=True)
            play.tell_usage(ref, by_owner=True, used=20_000)
        play.rounds()
    play.pay_what_is_due(ref, VISA, wait=False)


Scene = Callable[[Played], None]
# What each must come by.
SCENES: dict[Scene, set[str]] = {
    called_off_in_time_and_late: {"cancelled, nothing", "cancelled, part of it", "cancelled, all of it"},
    called_off_by_the_owner: {"cancelled, nothing"},
    never_stood: {
        "held -> requested",
        "held -> expired",
        "requested -> expired",
        "cancelled, nothing",
        "declined, nothing",
        "expired, nothing",
    },
    paid_when_it_was_too_late: {"hold_expired", "booking_changed", "expired, nothing", "moved before it was paid"},
    proofs: {"Proof", "proved", "not proved", "nothing to prove", "card_declined", "gateway_silent"},
    workers_that_die: {"held -> confirmed", "held -> requested", "cancelled, nothing"},
    moved: {"moved dearer", "moved cheaper", "moved no dearer", "moved before it was paid", "cancelled, nothing"}
    | {"no_show, all of it"},
    set_aside_and_lost: {"confirmed -> cancelled", "moved dearer", "completed, all of it", "owed"},
    out_and_back: {"waived", "no_show, all of it", "completed, all of it"},
    no_machine_leaves_without_a_deposit: {"DepositView", "completed, all of it"},
    another_card_is_proved_beside_the_first: {"proved", "completed, all of it"},
    deposits_that_last: {"renewed", "lapsed"},
    claims: {"awarded", "completed, all of it"},
    measured: {"used more", "used less", "used as estimated", "owed", "paid later", "completed, all of it"},
}
