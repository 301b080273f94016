"""The gateway that plays, beyond the contract: time, lost answers, and its books to the last cent."""

import asyncio
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.payments.benches import Bench, Hands, new_key, order
from tests.payments.card_numbers import check_no_card_numbers
from votremachine.infra.database import Database
from votremachine.payments.gateway import NotAtGateway, OutcomeUnknown, Refusal, Standing
from votremachine.payments.simulated import rules
from votremachine.payments.simulated.cards import CARDS
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.payments.simulated.rules import Kind, SimulatedOrder

A_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("name", "days"), [("visa", 7), ("short_hold", 5), ("extended_hold", 30)])
async def test_a_hold_lapses_by_itself(simulated_bench: Bench, hands: Hands, name: str, days: int) -> None:
    gateway = simulated_bench.gateway
    held = await gateway.hold(order(await simulated_bench.card(name)))
    assert held.capture_before == hands.now + timedelta(days=days)
    hands.move(timedelta(days=days) - A_SECOND)
    assert await gateway.look_up(held.key) == held
    hands.move(A_SECOND)
    lapsed = await gateway.look_up(held.key)
    assert lapsed is not None
    assert (lapsed.standing, lapsed.captured, lapsed.capture_before) == (Standing.RELEASED, 0, None)
    with pytest.raises(NotAtGateway):
        await gateway.capture(held.reference, 1, new_key(), final=True)
    assert await gateway.release(held.reference, new_key()) == lapsed
    [listed] = [one async for one in gateway.movements(hands.now - timedelta(days=60), hands.now)]
    assert listed == lapsed


async def test_what_was_captured_in_time_does_not_lapse(simulated_bench: Bench, hands: Hands) -> None:
    gateway = simulated_bench.gateway
    held = await gateway.hold(order(await simulated_bench.card()))
    hands.move(timedelta(days=7) - A_SECOND)
    taken = await gateway.capture(held.reference, 10_000, new_key(), final=True)
    hands.move(timedelta(days=365))
    assert await gateway.look_up(held.key) == taken


async def test_lapsing_is_told_once(simulated_bench: Bench, hands: Hands, database: Database) -> None:
    gateway = simulated_bench.gateway
    assert isinstance(gateway, SimulatedGateway)
    held = await gateway.hold(order(await simulated_bench.card()))
    assert await gateway.lapse() == 0
    hands.move(timedelta(days=7))
    assert await gateway.lapse() == 1
    assert await gateway.lapse() == 0
    async with database.read() as tx:
        told = sa.text("SELECT count(*) FROM simulated_webhooks WHERE body LIKE '%order.lapsed%'")
        assert (await tx.execute(told)).scalar_one() == 1
    released = await gateway.look_up(held.key)
    assert released is not None
    assert released.standing is Standing.RELEASED


@pytest.mark.parametrize("off_session", [False, True])
async def test_an_answer_is_lost_after_the_money_was_taken(simulated_bench: Bench, off_session: bool) -> None:
    asked = order(await simulated_bench.card("timeout_after"), off_session=off_session)
    with pytest.raises(OutcomeUnknown):
        await simulated_bench.gateway.charge(asked)
    done = await simulated_bench.gateway.look_up(asked.key)
    assert done is not None
    assert (done.standing, done.captured) == (Standing.SUCCEEDED, 10_000)
    assert await simulated_bench.gateway.charge(asked) == done


async def test_an_answer_is_lost_before_anything_was_done(simulated_bench: Bench) -> None:
    asked = order(await simulated_bench.card("timeout_before"))
    with pytest.raises(OutcomeUnknown):
        await simulated_bench.gateway.hold(asked)
    assert await simulated_bench.gateway.look_up(asked.key) is None
    made = await simulated_bench.gateway.hold(asked)
    assert made.standing is Standing.HELD
    assert await simulated_bench.gateway.look_up(asked.key) == made


async def test_a_lost_answer_that_many_wait_for_has_one_effect(simulated_bench: Bench, database: Database) -> None:
    asked = order(await simulated_bench.card("timeout_after"))
    answers = await asyncio.gather(*(simulated_bench.gateway.charge(asked) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(one, OutcomeUnknown) for one in answers) == 1
    async with database.read() as tx:
        assert (await tx.execute(sa.text("SELECT sum(captured) FROM simulated_orders"))).scalar_one() == 10_000


async def test_a_renewal_is_declined_where_the_first_hold_was_not(simulated_bench: Bench) -> None:
    gateway, card = simulated_bench.gateway, await simulated_bench.card("declines_renewal")
    assert (await gateway.hold(order(card, off_session=True))).standing is Standing.HELD
    renewed = await gateway.hold(order(card, off_session=True))
    assert (renewed.standing, renewed.refusal) == (Standing.DECLINED, Refusal.DECLINED)
    assert (await gateway.hold(order(card))).standing is Standing.HELD


async def test_a_card_that_asks_once_asks_when_it_is_saved(simulated_bench: Bench) -> None:
    gateway = simulated_bench.gateway
    saved = await gateway.save(new_key(), "tok_authenticates_once", "")
    assert saved.standing is Standing.REQUIRES_ACTION
    unproved = order(saved)
    with pytest.raises(NotAtGateway):
        await gateway.charge(unproved)
    await simulated_bench.authenticate(saved.client_secret, True)
    assert (await gateway.charge(unproved)).standing is Standing.SUCCEEDED


async def test_nothing_is_proved_with_a_wrong_secret_or_twice(simulated_bench: Bench) -> None:
    made = await simulated_bench.gateway.charge(order(await simulated_bench.card("needs_authentication")))
    with pytest.raises(NotAtGateway):
        await simulated_bench.authenticate("sim_secret_0", True)
    await simulated_bench.authenticate(made.client_secret, False)
    with pytest.raises(NotAtGateway):
        await simulated_bench.authenticate(made.client_secret, True)


async def test_no_card_number_is_kept(simulated_bench: Bench, database: Database) -> None:
    for name in CARDS:
        if not CARDS[name].cannot_be_saved:
            card = await simulated_bench.card(name.removeprefix("tok_"))
            await asyncio.gather(simulated_bench.gateway.hold(order(card)), return_exceptions=True)
    await check_no_card_numbers(database)


AN_ORDER = SimulatedOrder(
    key=new_key(),
    reference="sim_order",
    kind=Kind.HOLD,
    instrument="sim_card",
    token="tok_visa",
    minor=1_000,
    currency="EUR",
    standing=Standing.REQUIRES_ACTION,
    client_secret="",
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["capture", "release", "refund", "wait", "prove", "fail"]), st.integers(-1, 1_100)),
    max_size=8,
)


@given(st.sampled_from(list(Kind)), st.sampled_from(sorted(CARDS)), st.booleans(), STEPS)
def test_every_cent_is_taken_given_back_or_held(
    kind: Kind, token: str, off: bool, steps: list[tuple[str, int]]
) -> None:
    now = Hands().now
    asked = replace(AN_ORDER, kind=kind, token=token)
    one = rules.begun(asked, off_session=off, held_before=False, now=now)
    for step, minor in steps:
        now += timedelta(days=minor % 3)
        before = one = rules.as_of(one, now)
        try:
            one = _stepped(one, step, minor, now)
        except NotAtGateway:
            assert one == before
        agreed = one.standing in (Standing.HELD, Standing.SUCCEEDED, Standing.RELEASED)
        assert one.captured + one.released + one.held == (one.minor if agreed else 0)
        assert 0 <= one.refunded <= one.captured <= one.minor
        assert one.captured >= before.captured
        assert one.refunded >= before.refunded


def _stepped(one: SimulatedOrder, step: str, minor: int, now: datetime) -> SimulatedOrder:
    match step:
        case "capture":
            return rules.captured(one, minor)
        case "release":
            return rules.released(one)
        case "refund":
            return rules.refunded(one, minor)
        case "prove" | "fail" if one.standing is Standing.REQUIRES_ACTION:
            return rules.proved(one, step == "prove", now)
    return one
