"""What every gateway keeps to, whoever is behind it."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.payments.benches import Bench, new_key, order
from votremachine.infra.database import utc_now
from votremachine.payments.gateway import (
    CardNumberSent,
    KeyReused,
    Movement,
    NotAtGateway,
    Refusal,
    Standing,
)

# Stripe's client speaks to httpx as older versions of it wanted.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

A_CARD_NUMBER = "4242 4242 4242 4242"


@pytest.fixture(params=["simulated", "stripe"])
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.getfixturevalue(f"{request.param}_bench")
    return made


def parts(movement: Movement | None) -> tuple[str, int, int, int]:
    """How an order stands: standing, ordered, captured, refunded."""
    assert movement is not None
    return movement.standing.value, movement.amount.minor, movement.captured, movement.refunded


async def test_a_charge_takes_the_money(bench: Bench) -> None:
    asked = order(await bench.card(), 12_345)
    made = await bench.gateway.charge(asked)
    assert (made.key, made.amount, parts(made)) == (asked.key, asked.amount, ("succeeded", 12_345, 12_345, 0))
    assert (made.capture_before, made.refusal, made.client_secret) == (None, None, "")
    assert await bench.gateway.look_up(asked.key) == made


async def test_a_hold_sets_it_aside_for_days(bench: Bench) -> None:
    asked = order(await bench.card())
    made = await bench.gateway.hold(asked)
    assert parts(made) == ("held", 10_000, 0, 0)
    assert made.capture_before is not None
    assert timedelta(days=1) < made.capture_before - utc_now() <= bench.gateway.capabilities.longest_hold
    assert await bench.gateway.look_up(asked.key) == made


@pytest.mark.parametrize("minor", [1, 9_999, 10_000])
async def test_a_capture_takes_a_part_and_gives_back_the_rest(bench: Bench, minor: int) -> None:
    held = await bench.gateway.hold(order(await bench.card()))
    taken = await bench.gateway.capture(held.reference, minor, new_key(), final=True)
    assert (taken.key, taken.reference, parts(taken)) == (held.key, held.reference, ("succeeded", 10_000, minor, 0))
    assert taken.capture_before is None
    assert await bench.gateway.look_up(held.key) == taken


@pytest.mark.parametrize("minor", [0, -1, 10_001])
async def test_no_more_than_was_held_is_captured_and_no_less_than_a_cent(bench: Bench, minor: int) -> None:
    held = await bench.gateway.hold(order(await bench.card()))
    with pytest.raises(NotAtGateway):
        await bench.gateway.capture(held.reference, minor, new_key(), final=True)
    assert await bench.gateway.look_up(held.key) == held


async def test_a_hold_is_captured_once(bench: Bench) -> None:
    assert not bench.gateway.capabilities.multi_capture
    held = await bench.gateway.hold(order(await bench.card()))
    taken = await bench.gateway.capture(held.reference, 4_000, new_key(), final=True)
    with pytest.raises(NotAtGateway):
        await bench.gateway.capture(held.reference, 1, new_key(), final=True)
    assert await bench.gateway.look_up(held.key) == taken


async def test_a_hold_is_released_and_then_there_is_nothing_to_do(bench: Bench) -> None:
    held = await bench.gateway.hold(order(await bench.card()))
    key = new_key()
    given_back = await bench.gateway.release(held.reference, key)
    assert parts(given_back) == ("released", 10_000, 0, 0)
    assert await bench.gateway.release(held.reference, key) == given_back
    assert await bench.gateway.release(held.reference, new_key()) == given_back
    with pytest.raises(NotAtGateway):
        await bench.gateway.capture(held.reference, 1, new_key(), final=True)
    assert await bench.gateway.look_up(held.key) == given_back


async def test_what_was_taken_is_not_released(bench: Bench) -> None:
    held = await bench.gateway.hold(order(await bench.card()))
    taken = await bench.gateway.capture(held.reference, 4_000, new_key(), final=True)
    assert await bench.gateway.release(held.reference, new_key()) == taken
    charged = await bench.gateway.charge(order(await bench.card()))
    assert await bench.gateway.release(charged.reference, new_key()) == charged


async def test_refunds_give_back_at_most_what_was_taken(bench: Bench) -> None:
    held = await bench.gateway.hold(order(await bench.card()))
    with pytest.raises(NotAtGateway):
        await bench.gateway.refund(held.reference, 1, new_key())
    await bench.gateway.capture(held.reference, 6_000, new_key(), final=True)
    assert parts(await bench.gateway.refund(held.reference, 2_500, new_key())) == ("succeeded", 10_000, 6_000, 2_500)
    for minor in (3_501, 0, -1):
        with pytest.raises(NotAtGateway):
            await bench.gateway.refund(held.reference, minor, new_key())
    assert parts(await bench.gateway.refund(held.reference, 3_500, new_key())) == ("succeeded", 10_000, 6_000, 6_000)
    with pytest.raises(NotAtGateway):
        await bench.gateway.refund(held.reference, 1, new_key())
    assert parts(await bench.gateway.look_up(held.key)) == ("succeeded", 10_000, 6_000, 6_000)


async def test_what_is_not_there_is_said_so(bench: Bench) -> None:
    assert await bench.gateway.look_up(new_key()) is None
    assert await bench.gateway.look_up(uuid4()) is None
    assert await bench.gateway.look_up_saved("nothing") is None
    for verb in (
        bench.gateway.capture("nothing", 1, new_key(), final=True),
        bench.gateway.release("nothing", new_key()),
        bench.gateway.refund("nothing", 1, new_key()),
        bench.gateway.save(new_key(), "nothing", ""),
    ):
        with pytest.raises(NotAtGateway):
            await verb


async def test_only_who_saved_a_card_is_charged(bench: Bench) -> None:
    one, other = await bench.card(), await bench.card()
    assert one.customer != other.customer
    asked = order(one)
    for wrong in (replace(asked, customer=other.customer), replace(asked, instrument="pm_nothing")):
        with pytest.raises(NotAtGateway):
            await bench.gateway.charge(wrong)
    assert await bench.gateway.look_up(asked.key) is None


async def test_the_same_key_is_the_same_order(bench: Bench) -> None:
    asked = order(await bench.card())
    held = await bench.gateway.hold(asked)
    assert await bench.gateway.hold(asked) == held
    capture, refund = new_key(), new_key()
    taken = await bench.gateway.capture(held.reference, 7_000, capture, final=True)
    assert await bench.gateway.capture(held.reference, 7_000, capture, final=True) == taken
    given = await bench.gateway.refund(held.reference, 3_000, refund)
    assert await bench.gateway.refund(held.reference, 3_000, refund) == given
    assert parts(await bench.gateway.look_up(asked.key)) == ("succeeded", 10_000, 7_000, 3_000)


async def test_a_key_is_not_used_for_something_else(bench: Bench) -> None:
    card = await bench.card()
    asked = order(card)
    held = await bench.gateway.hold(asked)
    for other in (order(card, 10_001, key=asked.key), order(await bench.card(), key=asked.key)):
        with pytest.raises(KeyReused):
            await bench.gateway.hold(other)
    with pytest.raises(KeyReused):
        await bench.gateway.charge(asked)
    capture = new_key()
    taken = await bench.gateway.capture(held.reference, 7_000, capture, final=True)
    with pytest.raises(KeyReused):
        await bench.gateway.capture(held.reference, 6_999, capture, final=True)
    assert await bench.gateway.look_up(asked.key) == taken


async def test_eight_at_once_have_one_effect(bench: Bench) -> None:
    since = utc_now() - timedelta(minutes=1)
    card = await bench.card()
    asked = order(card)
    held = {one.reference for one in await asyncio.gather(*(bench.gateway.hold(asked) for _ in range(8)))}
    assert len(held) == 1
    reference, capture, refund = held.pop(), new_key(), new_key()
    await asyncio.gather(*(bench.gateway.capture(reference, 6_000, capture, final=True) for _ in range(8)))
    await asyncio.gather(*(bench.gateway.refund(reference, 2_000, refund) for _ in range(8)))
    assert parts(await bench.gateway.look_up(asked.key)) == ("succeeded", 10_000, 6_000, 2_000)
    listed = [one async for one in bench.gateway.movements(since, utc_now() + timedelta(minutes=1))]
    assert [one.key for one in listed if one.reference == reference] == [asked.key]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("declined", Refusal.DECLINED),
        ("insufficient_funds", Refusal.INSUFFICIENT_FUNDS),
        ("expired", Refusal.EXPIRED_CARD),
    ],
)
async def test_a_card_is_declined_for_a_reason(bench: Bench, name: str, why: Refusal) -> None:
    card = await bench.card(name)
    for give in (bench.gateway.charge, bench.gateway.hold):
        asked = order(card)
        made = await give(asked)
        assert (parts(made), made.refusal) == (("declined", 10_000, 0, 0), why)
        assert (made.client_secret, made.capture_before) == ("", None)
        assert await give(asked) == made
        assert await bench.gateway.look_up(asked.key) == made
        assert await bench.gateway.release(made.reference, new_key()) == made
        for verb in (
            bench.gateway.capture(made.reference, 1, new_key(), final=True),
            bench.gateway.refund(made.reference, 1, new_key()),
        ):
            with pytest.raises(NotAtGateway):
                await verb


async def test_a_card_that_cannot_be_saved(bench: Bench) -> None:
    saved = await bench.gateway.save(new_key(), bench.cards["cannot_be_saved"], "")
    assert (saved.standing, saved.refusal) == (Standing.DECLINED, Refusal.DECLINED)


async def test_a_cardholder_proves_who_they_are(bench: Bench) -> None:
    card = await bench.card("needs_authentication")
    for give, then in ((bench.gateway.charge, "succeeded"), (bench.gateway.hold, "held")):
        asked = order(card)
        made = await give(asked)
        assert parts(made) == ("requires_action", 10_000, 0, 0)
        assert made.client_secret
        await bench.authenticate(made.client_secret, True)
        done = await bench.gateway.look_up(asked.key)
        assert done is not None
        assert parts(done) == (then, 10_000, 10_000 if then == "succeeded" else 0, 0)
        assert done.client_secret == ""


async def test_a_cardholder_fails_to_prove_who_they_are(bench: Bench) -> None:
    asked = order(await bench.card("needs_authentication"))
    made = await bench.gateway.hold(asked)
    await bench.authenticate(made.client_secret, False)
    done = await bench.gateway.look_up(asked.key)
    assert done is not None
    assert (done.standing, done.refusal) == (Standing.DECLINED, Refusal.NEEDS_AUTHENTICATION)
    assert (parts(done), done.client_secret) == (("declined", 10_000, 0, 0), "")


async def test_nobody_proves_anything_for_an_order_that_was_closed(bench: Bench) -> None:
    asked = order(await bench.card("needs_authentication"))
    made = await bench.gateway.charge(asked)
    closed = await bench.gateway.release(made.reference, new_key())
    assert parts(closed) == ("released", 10_000, 0, 0)
    with pytest.raises(NotAtGateway):
        await bench.authenticate(made.client_secret, True)
    assert await bench.gateway.look_up(asked.key) == closed


async def test_without_the_cardholder_nothing_can_be_proved(bench: Bench) -> None:
    made = await bench.gateway.hold(order(await bench.card("needs_authentication"), off_session=True))
    assert (made.standing, made.refusal) == (Standing.DECLINED, Refusal.NEEDS_AUTHENTICATION)
    assert made.client_secret == ""


async def test_a_card_is_saved_once_and_charged_without_its_holder(bench: Bench) -> None:
    key, token = new_key(), bench.cards["plain"]
    saved = await bench.gateway.save(key, token, "")
    assert (saved.key, saved.standing, len(saved.last4)) == (key, Standing.SUCCEEDED, 4)
    assert saved.expires[4] == "-"
    assert await bench.gateway.save(key, token, "") == saved
    assert await bench.gateway.look_up_saved(saved.reference) == saved
    made = await bench.gateway.charge(order(saved, off_session=True))
    assert parts(made) == ("succeeded", 10_000, 10_000, 0)
    second = await bench.gateway.save(new_key(), bench.cards["mastercard"], saved.customer)
    assert second.customer == saved.customer
    assert second.instrument != saved.instrument


async def test_the_gateways_books_hold_what_was_made_and_nothing_else(bench: Bench) -> None:
    card, declined = await bench.card(), await bench.card("declined")
    since = utc_now() - timedelta(seconds=1)
    charged = await bench.gateway.charge(order(card, 1_000))
    held = await bench.gateway.hold(order(card, 2_000))
    taken = await bench.gateway.capture(held.reference, 500, new_key(), final=True)
    refused = await bench.gateway.charge(order(declined, 3_000))
    made = {one.key: one for one in (charged, taken, refused)}
    listed = [one async for one in bench.gateway.movements(since, utc_now() + timedelta(seconds=2))]
    assert {one.key: one for one in listed if one.key in made} == made
    assert len(listed) == len({one.key for one in listed})
    assert [one async for one in bench.gateway.movements(since - timedelta(days=2), since - timedelta(days=1))] == []


async def test_a_card_number_is_refused_and_not_repeated(bench: Bench) -> None:
    card = await bench.card()
    for verb in (
        bench.gateway.save(new_key(), A_CARD_NUMBER, ""),
        bench.gateway.charge(replace(order(card), description=f"card {A_CARD_NUMBER}")),
        bench.gateway.hold(replace(order(card), instrument=A_CARD_NUMBER.replace(" ", ""))),
    ):
        with pytest.raises(CardNumberSent) as refused:
            await verb
        assert "4242" not in str(refused.value)
