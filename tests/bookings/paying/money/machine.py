"""The whole machine: the clock, the worker and the bad line as rules; what must always be so; and what in the end."""

import sys
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.bookings.paying.money import books
from tests.bookings.paying.money.books import Booked
from tests.bookings.paying.money.lossy import Loss
from tests.bookings.paying.money.metering import Metering
from tests.bookings.paying.money.playing import DAY, HOUR, some
from tests.bookings.paying.money.stage import SWEEPS
from tests.bookings.paying.money.terms import DUE, Rental
from votremachine.deposits.service import ending
from votremachine.payments.ledger.proof import prove

MINUTE = timedelta(minutes=1)


class MoneyMachine(Metering):
    """After each step what is cheap to ask; in the end everything settles, and every cent is accounted for."""

    @rule(minutes=st.sampled_from([1, 2, 5, 16, 61]))
    def minutes_pass(self, minutes: int) -> None:
        self.stage.now += minutes * MINUTE

    @rule(hours=st.sampled_from([5, 25, 60, 180, 24 * 16]))
    def days_pass(self, hours: int) -> None:
        """Long ones too: nobody says that the worker was alive meanwhile."""
        self.stage.now += hours * HOUR

    @precondition(some("confirmed", "in_use"))
    @rule(nth=st.integers(0, 5), late=st.sampled_from([-1, 0, 3]))
    def the_start_comes(self, nth: int, late: int) -> None:
        starts = [one.start for one in self.rentals.values() if one.state in {"confirmed", "in_use"}]
        self.stage.now = max(self.stage.now, starts[nth % len(starts)] + late * HOUR)

    @rule(name=st.sampled_from(["drain_outbox", "carry_out_orders", "expire_provisional", "keep_deposits", "post"]))
    def one_sweep(self, name: str) -> None:
        self.stage.run(SWEEPS[name](self.stage))
        self.learn()

    @rule()
    def the_worker_works(self) -> None:
        self.stage.run(self.stage.work())
        self.learn()

    @rule(lease=st.booleans())
    def the_worker_dies(self, lease: bool) -> None:
        """After the gateway heard of its orders; perhaps a minute ago, so that another takes them up."""
        self.stage.run(self.stage.die_at_work())
        if lease:
            self.stage.now += 2 * MINUTE

    @rule(losses=st.lists(st.sampled_from(Loss), min_size=1, max_size=4))
    def the_line_is_bad(self, losses: list[Loss]) -> None:
        self.stage.gateway.losses = losses

    @rule(lost=st.lists(st.booleans(), min_size=1, max_size=6))
    def the_post_is_bad(self, lost: list[bool]) -> None:
        self.stage.lost_post = lost

    @invariant()
    def nothing_is_broken(self) -> None:
        if hasattr(self, "rentals"):
            self._check_nothing_broken()

    def teardown(self) -> None:
        # What failed already is what shall be told.
        if sys.exc_info()[0] is None and hasattr(self, "rentals"):
            self._conclude()
            owing = self._balance()
            for ref in owing:
                self.pay_what_is_due(ref, "tok_visa", wait=False)
            if owing:
                still = self._balance()
                assert not still, still

    def _balance(self) -> Collection[UUID]:
        """Everything comes to rest, and every cent is where it should be; the bookings whose renter has to pay more."""
        self.stage.run(self.stage.settle())
        self.learn()
        self._check_nothing_broken()
        for question in (books.left, books.untold):
            left = self.stage.run(self.stage.read(question))
            assert not left, left
        proof = self.stage.run(prove(self.stage.database, self.stage.gateway, self._since(), self.stage.now))
        assert not proof.differences, proof.differences
        money = self.stage.run(self.stage.read(books.booked))
        assert set(money) == set(self.rentals)
        return [ref for ref, one in self.rentals.items() if self._judge(one, money[ref], self.awards.get(ref, 0))]

    def _conclude(self) -> None:
        """Whatever still stands comes to its end: brought back, or nobody came; and no claim stays open."""
        self.attempts.clear()
        self.stage.run(self.stage.work())
        self.stage.now = max([self.stage.now, *(one.start for one in self.rentals.values())]) + HOUR
        self.stage.run(self.stage.work())
        self.learn()
        for ref, one in self.rentals.items():
            if one.state == "in_use":
                self.check_in(ref)
            elif one.state == "confirmed":
                self.no_show(ref)
        for ref, claim in self.claims.items():
            self.ok(partial(ending.let_go, booking_id=ref, claim_id=claim))

    def _check_nothing_broken(self) -> None:
        broken = self.stage.run(self.stage.read(books.broken))
        assert not broken, broken

    def _since(self) -> datetime:
        return self.stage.now - 3650 * DAY

    def check_paid(self) -> None:
        if not self.stage.run(self.stage.read(books.under_way)):
            for ref, found in self.stage.run(self.stage.read(books.booked)).items():
                _owed(self.rentals[ref], found)

    def _judge(self, one: Rental, found: Booked, award: int) -> bool:
        """Whether its renter has something to pay, which they can."""
        shares, kept = one.shares(), one.kept()
        owed = _owed(one, found)
        assert found.deposit == (award if found.captured else 0), (found, award)
        expected = {
            "gateway": kept - owed + found.deposit,
            # What was taken of a deposit waits there for the claim that it was taken for.
            "renter": owed - found.deposit,
            "owner": -shares.owner,
            "fees": -shares.fee,
            "vat_collected": -shares.vat,
        }
        assert found.ledger == {code: minor for code, minor in expected.items() if minor}, (found, one)
        self.seen.add(f"{one.state}, {_how_much(one)}")
        if owed:
            self.seen.add("owed")
        return owed > 0 and one.state in DUE


def _owed(one: Rental, found: Booked) -> int:
    """What was set aside and ran out while nobody worked for days, or was declined without the cardholder, is owed."""
    owed = one.kept() - found.paid
    assert 0 <= owed <= found.lost + found.declined, (found, one)
    return owed


def _how_much(one: Rental) -> str:
    kept = one.kept()
    return "all of it" if kept == one.total else "part of it" if kept else "nothing"
