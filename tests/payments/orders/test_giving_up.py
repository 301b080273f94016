"""An order whose cardholder is not waited for any more is closed at the gateway, be it the one or the other."""

import pytest
from msgspec.structs import replace

from tests.payments.benches import Bench, new_key
from votremachine.infra.database import utc_now
from votremachine.kernel.money import Money
from votremachine.payments.gateway import NotAtGateway, Standing
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import Answer, PaymentOrder, Purpose, State, What, answered

# Stripe's client speaks to httpx as older versions of it wanted.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(params=["simulated", "stripe"])
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.getfixturevalue(f"{request.param}_bench")
    return made


async def waiting(bench: Bench) -> tuple[PaymentOrder, str]:
    """A hold that waits for its cardholder, given up by us; and what they would prove themselves with."""
    card, now = await bench.card("needs_authentication"), utc_now()
    order = PaymentOrder(
        id=new_key(),
        what=What.HOLD,
        purpose=Purpose.DEPOSIT,
        subject_id=new_key(),
        booking_id=new_key(),
        payer_party_id=new_key(),
        payee_party_id=new_key(),
        amount=Money(10_000),
        instrument_id=new_key(),
        instrument=card.instrument,
        customer=card.customer,
        created_at=now,
        next_at=now,
    )
    asked = await carry_out(bench.gateway, order)
    assert isinstance(asked, Answer)
    assert asked.state is State.REQUIRES_ACTION
    return replace(answered(order, asked, now), given_up=True), asked.client_secret


async def test_it_is_closed_and_nobody_can_prove_it_any_more(bench: Bench) -> None:
    order, secret = await waiting(bench)
    for _ in range(2):
        closed = await carry_out(bench.gateway, order)
        assert isinstance(closed, Answer)
        assert closed.state is State.REFUSED
    with pytest.raises(NotAtGateway):
        await bench.authenticate(secret, True)


async def test_one_that_was_proved_just_before_is_what_it_is(bench: Bench) -> None:
    order, secret = await waiting(bench)
    await bench.authenticate(secret, True)
    done = await carry_out(bench.gateway, order)
    assert isinstance(done, Answer)
    assert done.state is State.DONE
    found = await bench.gateway.look_up(order.id)
    assert found is not None
    assert found.standing is Standing.HELD


async def test_one_that_the_gateway_never_saw_is_not_begun(bench: Bench) -> None:
    order, _ = await waiting(bench)
    unseen = replace(order, id=new_key())
    answer = await carry_out(bench.gateway, unseen)
    assert isinstance(answer, Answer)
    assert answer.state is State.REFUSED
    assert await bench.gateway.look_up(unseen.id) is None
