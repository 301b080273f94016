"""When deposits are asked for, renewed and given back: the schedule, the way, and the life."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from votremachine.deposits import keeping, rules
from votremachine.deposits.keeping import AHEAD, MOST_RENEWALS, Look
from votremachine.deposits.rules import ENDED, LIFE, Deposit, DepositMissing, DepositNotLive, MoreThanHeld, State, Way
from votremachine.kernel.money import Money
from votremachine.kernel.states import IllegalTransition, advance
from votremachine.payments.orders import rules as orders

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EARLIEST_CHECK_OUT = 2 * HOUR
lives = st.timedeltas(timedelta(hours=12), 40 * DAY)
lengths = st.timedeltas(HOUR, 400 * DAY)
margins = st.integers(1, 96).map(lambda hours: hours * HOUR)


def a_deposit(**changes: object) -> Deposit:
    whole = Deposit(
        id=uuid4(),
        booking_id=uuid4(),
        owner_party_id=uuid4(),
        renter_party_id=uuid4(),
        amount=Money(100_000),
        state=State.SAVED,
        instrument_id=uuid4(),
        starts=NOON + 3 * DAY,
        keep_until=NOON + 6 * DAY,
        next_at=NOON + 2 * DAY,
        created_at=NOON,
    )
    return replace(whole, **changes)


def held(deposit: Deposit, way: Way, life: timedelta, now: datetime) -> Deposit:
    """As a gateway's yes makes it."""
    ends = now + life if way is Way.HOLD else None
    return replace(
        deposit,
        state=State.AUTHORISED,
        way=way,
        held=deposit.amount.minor,
        held_at=now,
        capture_before=ends,
        attempts=0,
        failure="",
    )


class Run:
    """A deposit through its time: what the sweep would do at each of its hours, with a card that refuses at times."""

    def __init__(self, length: timedelta, life: timedelta, margin: timedelta, refusals: list[bool]) -> None:
        self.deposit = a_deposit(keep_until=NOON + 3 * DAY + length + 2 * DAY)
        self.life, self.margin, self.refusals = life, margin, refusals
        self.asked: list[tuple[datetime, Way]] = []
        self.live: list[tuple[datetime, datetime]] = []  # the holds that stood, from and until
        self.told_at: list[datetime] = []
        self.lapsed = 0

    def until(self, end: datetime) -> "Run":
        now = NOON
        for _ in range(2_000):
            plan = keeping.plan(self.deposit, None, self.margin, now)
            if plan.look is Look.LAPSE:
                self.lapsed += 1
                self.deposit = replace(self.deposit, state=State.LAPSED, held=0, attempts=0)
                self.told_at.append(now)
                continue
            later = self._ask(now) if plan.look is Look.ASK else plan.next_at
            if later is None or later >= end:
                return self
            assert later > now, "the sweep would go round in circles"
            now = later
        raise AssertionError("the sweep never rests")

    def _ask(self, now: datetime) -> datetime | None:
        if self.refusals and self.refusals.pop():
            if not self.deposit.attempts:
                self.told_at.append(now)
            again = keeping.retry_at(self.deposit, "declined", now)
            state = State.AUTHORISED if self.deposit.state is State.AUTHORISED else State.FAILED
            self.deposit = replace(self.deposit, state=state, attempts=self.deposit.attempts + 1, failure="declined")
            return again
        way = keeping.way_of(self.deposit, self.life, self.margin, now)
        self.asked.append((now, way))
        self.deposit = held(self.deposit, way, self.life, now)
        self.live.append((now, self.deposit.capture_before or datetime.max.replace(tzinfo=UTC)))
        return keeping.plan(self.deposit, None, self.margin, now).next_at


@given(lengths, lives, margins)
def test_it_is_live_at_every_instant_from_check_out_to_the_end(
    length: timedelta, life: timedelta, margin: timedelta
) -> None:
    starts = NOON + 3 * DAY
    run = Run(length, life, margin, []).until(starts + length + 2 * DAY + keeping.OVER_BY)
    assert run.lapsed == 0
    assert run.live[0][0] <= starts - EARLIEST_CHECK_OUT
    for (_, until), (since, _) in zip(run.live, run.live[1:], strict=False):
        assert since < until, "a new hold stands before the old one ends"
    assert run.live[-1][1] > run.deposit.keep_until
    holds = [way for _, way in run.asked]
    assert len(holds) <= MOST_RENEWALS + 1
    assert Way.PAYMENT not in holds[:-1], "what was taken for real needs no renewal"


@given(lengths, lives, margins, st.lists(st.booleans(), max_size=12))
def test_whoever_it_fails_is_told_before_it_lapses(
    length: timedelta, life: timedelta, margin: timedelta, refusals: list[bool]
) -> None:
    end = NOON + 3 * DAY + length + 2 * DAY
    run = Run(length, life, margin, refusals).until(end)
    for (_, until), (since, _) in zip(run.live, run.live[1:], strict=False):
        if since >= until:
            assert any(told <= until for told in run.told_at), "a gap that nobody was told of"
    if run.deposit.state is not State.AUTHORISED:
        assert run.told_at


@given(lives, margins)
def test_a_hold_is_renewed_before_its_end_and_not_in_its_first_half(life: timedelta, margin: timedelta) -> None:
    ends = NOON + life
    due = keeping.renew_at(NOON, ends, NOON + 90 * DAY, margin)
    assert NOON + life / 2 < due < ends
    assert ends - due <= margin


def test_a_hold_that_outlives_its_use_is_not_renewed_for_nothing() -> None:
    ends = NOON + 7 * DAY
    assert keeping.renew_at(NOON, ends, ends - 20 * HOUR, DAY) == ends - 18 * HOUR
    assert keeping.renew_at(NOON, ends, ends - HOUR, DAY) == ends - DAY, "too near its end: renewed as ever"
    assert keeping.renew_at(NOON, ends, ends - 3 * DAY, DAY) == ends - DAY, "the sweep that ends it has long been by"


@given(lives, margins, st.integers(0, 30))
def test_a_rental_that_outlives_every_hold_is_paid_for_real(life: timedelta, margin: timedelta, periods: int) -> None:
    useful = life - keeping.margin_of(life, margin)
    way = keeping.way_for(useful * (periods + 1), life, margin)
    assert way is (Way.PAYMENT if periods > MOST_RENEWALS else Way.HOLD)


def test_what_the_last_hold_lived_counts_more_than_what_was_promised() -> None:
    saved = a_deposit(keep_until=NOON + 60 * DAY)
    assert keeping.way_of(saved, 30 * DAY, DAY, NOON) is Way.HOLD
    short = held(saved, Way.HOLD, 5 * DAY, NOON)
    assert keeping.way_of(short, 30 * DAY, DAY, NOON + 4 * DAY) is Way.PAYMENT


@given(st.sampled_from(State), st.sampled_from(State))
def test_no_state_follows_another_but_by_the_table(state: State, to: State) -> None:
    legal = {
        State.REQUIRED: {"saved", "authorised", "failed", "waived", "released"},
        State.SAVED: {"authorised", "failed", "waived", "released"},
        State.FAILED: {"saved", "authorised", "waived", "released"},
        State.AUTHORISED: {
            "authorised",
            "captured",
            "partially_captured",
            "released",
            "lapsed",
            "waived",
            "saved",
        },
        State.LAPSED: {"authorised", "failed", "waived", "released"},
    }
    if to.value in legal.get(state, set()):
        assert advance(LIFE, state, to) is to
    else:
        with pytest.raises(IllegalTransition):
            advance(LIFE, state, to)
    assert (state in ENDED) == (state not in legal)


@given(st.sampled_from(State), st.one_of(st.none(), st.timedeltas(-DAY, DAY)))
def test_a_machine_leaves_with_a_live_deposit_or_a_waiver(state: State, left: timedelta | None) -> None:
    ends = None if left is None else NOON + left
    deposit = a_deposit(state=state, held=100_000, held_at=NOON - DAY, capture_before=ends)
    live = state is State.AUTHORISED and (ends is None or ends > NOON)
    if live or state is State.WAIVED:
        rules.check_out(deposit, NOON)
        return
    with pytest.raises(DepositMissing) as refused:
        rules.check_out(deposit, NOON)
    assert refused.value.sentence("fr") != refused.value.sentence("en")


@given(st.integers(-5, 100_005))
def test_never_more_is_captured_than_is_held(minor: int) -> None:
    deposit = held(a_deposit(), Way.HOLD, 7 * DAY, NOON)
    if 1 <= minor <= deposit.held:
        rules.check_capture(deposit, minor, NOON)
    else:
        with pytest.raises(MoreThanHeld):
            rules.check_capture(deposit, minor, NOON)
    with pytest.raises(DepositNotLive):
        rules.check_capture(deposit, 1, NOON + 7 * DAY)


@given(st.integers(0, 30), st.sampled_from(["declined", "insufficient_funds", "needs_authentication"]))
def test_a_card_that_refused_is_asked_again_ever_later_and_not_for_ever(attempts: int, failure: str) -> None:
    failed = a_deposit(state=State.FAILED, attempts=attempts)
    again = keeping.retry_at(failed, failure, NOON)
    if failure == "needs_authentication" or attempts >= keeping.MOST_ATTEMPTS:
        assert again is None
    else:
        assert again is not None
        assert NOON + keeping.FIRST_RETRY <= again <= NOON + keeping.LAST_RETRY
    live = held(a_deposit(attempts=attempts), Way.HOLD, 7 * DAY, NOON - 6 * DAY)
    at_last = keeping.retry_at(replace(live, attempts=attempts), failure, NOON)
    assert at_last is not None
    assert NOON < at_last <= NOON + DAY, "what is live is looked at before it lapses"


def test_what_is_under_way_is_waited_for() -> None:
    saved = a_deposit(starts=NOON, asked_id=UUID(int=1))
    assert keeping.plan(saved, orders.State.PENDING, DAY, NOON).look is Look.REST
    assert keeping.plan(saved, orders.State.REQUIRES_ACTION, DAY, NOON).look is Look.GIVE_UP
    assert keeping.plan(saved, orders.State.DONE, DAY, NOON).look is Look.FOLLOW
    assert keeping.plan(saved, None, DAY, NOON).look is Look.ASK
    live = held(saved, Way.HOLD, DAY, NOON)
    assert keeping.plan(live, orders.State.PENDING, DAY, NOON + DAY).look is Look.LAPSE
    capturing = replace(live, captured_for=UUID(int=2))
    assert keeping.plan(capturing, orders.State.PENDING, DAY, NOON + DAY).look is Look.REST
    assert keeping.plan(a_deposit(), None, DAY, NOON) == keeping.Plan(Look.REST, NOON + 3 * DAY - AHEAD)


def test_a_card_that_refused_its_renewal_is_asked_when_it_is_given_again() -> None:
    live = held(a_deposit(), Way.HOLD, 7 * DAY, NOON)
    assert live.instrument_id is not None
    assert rules.stands_on(live, live.instrument_id, NOON)
    assert not rules.stands_on(replace(live, failure="declined"), live.instrument_id, NOON)


def test_what_is_live_is_looked_at_when_it_ends_whatever_is_under_way() -> None:
    live = held(a_deposit(), Way.HOLD, 7 * DAY, NOON)
    assert live.capture_before is not None
    a_minute_before = live.capture_before - timedelta(minutes=1)
    assert keeping.next_look(live, a_minute_before) == live.capture_before
