"""Another time at another price: what the renter is told, what the cards pay or get back, and the ledger beside it."""

import asyncio
from datetime import datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import due, paid
from tests.bookings.paying.test_following import ledger, shares
from tests.people import Json, Person, at
from votremachine.accounts.service import absent
from votremachine.bookings.paying import moving
from votremachine.bookings.rules import Wish, WishKind
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.payments.gateway import Movement, NotAtGateway, Standing
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.rules import PaymentOrder
from votremachine.payments.payouts.jobs import prepare_payouts
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.worker import HANDLERS

PARIS = ZoneInfo("Europe/Paris")


def morning(day: int) -> datetime:
    return datetime.combine(datetime.now(PARIS).date() + timedelta(days=day), time(8), PARIS)


def evening(day: int) -> datetime:
    """Of the same date: whole days cost so many dates, whatever the hour at which the tests run."""
    return morning(day).replace(hour=18)


async def paid_for(till: Till, renter: Person, machine: str, *, day: int = 3) -> Json:
    """A booking of one day, paid by a card that never fails."""
    booking = (await renter.book([machine], morning(day), evening(day))).json()
    answer = await renter.act(booking["id"], "confirm", paid(await till.card()))
    assert answer.status_code == 200, answer.text
    await till.work()
    return booking


async def read(person: Person, booking: Json) -> httpx.Response:
    return await person.get(f"/bookings/{booking['id']}")


async def moved(
    renter: Person, booking: Json, start: datetime, end: datetime, *, tag: str | None = None, **more: Json
) -> httpx.Response:
    headers = {"If_Match": tag or (await read(renter, booking)).headers["ETag"]}
    if key := more.pop("key", None):
        headers["Idempotency_Key"] = key
    times = {"start": start.isoformat(), "end": end.isoformat(), **more}
    return await renter.act(booking["id"], "reschedule", times, **headers)


async def extended(renter: Person, booking: Json, end: datetime, **more: Json) -> httpx.Response:
    tag = (await read(renter, booking)).headers["ETag"]
    return await renter.act(booking["id"], "extend", {"end": end.isoformat(), **more}, If_Match=tag)


def costs(booking: Json) -> tuple[int, int]:
    return booking["price"]["total"]["minor"], booking["price"]["net"]["minor"]


async def stands_at(till: Till, renter: Person, booking: Json, *, days: int) -> None:
    """The booking costs so many days, its cards have paid just that, and the ledger says so."""
    now = (await read(renter, booking)).json()
    total, net = costs(now)
    assert net == 12_000 * days
    assert await till.in_till() == total
    assert await ledger(till) == shares(total, net)


async def test_a_longer_time_is_paid_by_the_card_that_paid(till: Till, renter: Person, tractor: str) -> None:
    booking = await paid_for(till, renter, tractor)
    answer = await moved(renter, booking, morning(5), evening(7))
    assert (answer.status_code, answer.json()["state"]) == (200, "confirmed"), answer.text
    first, second = sorted(await till.movements(), key=lambda one: one.key)
    assert (first.captured, second.standing, second.captured) == (14_400, Standing.HELD, 0)
    await till.work()
    await stands_at(till, renter, booking, days=3)
    shorter = await moved(renter, booking, morning(5), evening(6))
    assert shorter.status_code == 200, shorter.text
    await till.work()
    await stands_at(till, renter, booking, days=2)
    first, second = sorted(await till.movements(), key=lambda one: one.key)
    assert (first.refunded, second.refunded) == (0, 14_400), "the latest payment first"
    shortest = await moved(renter, booking, morning(5), evening(5))
    assert shortest.status_code == 200, shortest.text
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    await till.hurry()
    assert (await till.in_till(), await ledger(till)) == (0, {})


async def test_the_same_price_moves_nothing(till: Till, renter: Person, tractor: str) -> None:
    booking = await paid_for(till, renter, tractor)
    assert (await moved(renter, booking, morning(13), evening(13))).status_code == 200
    await till.work()
    assert len(await till.movements()) == 1
    await stands_at(till, renter, booking, days=1)


async def test_another_card_pays_if_it_is_named(till: Till, renter: Person, owner: Person, tractor: str) -> None:
    booking, other = await paid_for(till, renter, tractor), await till.card()
    theirs = await owner.made(f"/parties/{owner.party_id}/instruments", {"token": "tok_visa"})
    refused = await moved(renter, booking, morning(5), evening(7), instrument_id=theirs["id"])
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_instrument")
    assert (await moved(renter, booking, morning(5), evening(7), instrument_id=other)).status_code == 200
    await till.work()
    await stands_at(till, renter, booking, days=3)
    async with till.database.read() as tx:
        cards = await tx.rows(sa.text("SELECT DISTINCT instrument_id FROM payment_orders WHERE purpose = 'difference'"))
    assert UUID(other) in {row.instrument_id for row in cards}


async def out(owner: Person, booking: Json) -> None:
    """The machine leaves, without a deposit."""
    waived = await owner.act(booking["id"], "deposit/waive", {"reason": "A neighbour."})
    assert waived.status_code == 200, waived.text
    assert (await owner.act(booking["id"], "check_out")).status_code == 200


async def test_a_machine_that_is_out_is_extended(till: Till, renter: Person, owner: Person, tractor: str) -> None:
    answer = await renter.book([tractor], at(0, 1), at(1, 1))
    booking = answer.json()
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    await out(owner, booking)
    answer = await extended(renter, booking, at(3, 1))
    assert (answer.status_code, answer.json()["state"]) == (200, "in_use"), answer.text
    await till.work()
    total, net = costs(answer.json())
    assert (await till.in_till(), await ledger(till)) == (total, shares(total, net))
    assert total > costs(booking)[0]


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds"])
async def test_a_declined_card_leaves_everything_as_it_was(
    token: str, till: Till, renter: Person, tractor: str
) -> None:
    booking, card = await paid_for(till, renter, tractor), await till.card(token)
    before = (await read(renter, booking)).json()
    refused = await moved(renter, booking, morning(5), evening(7), instrument_id=card)
    assert (refused.status_code, refused.json()["code"]) == (402, "card_declined"), refused.text
    assert (await read(renter, booking)).json() == before
    await till.work()
    await stands_at(till, renter, booking, days=1)
    assert (await moved(renter, booking, morning(5), evening(7))).status_code == 200, "another one may pay"


async def proven_card(till: Till, renter: Person) -> str:
    kept = await renter.made(f"/parties/{renter.party_id}/instruments", {"token": "tok_needs_authentication"})
    await till.gateway.authenticate(kept["client_secret"], ok=True)
    await renter.made(f"/instruments/{kept['id']}/prove")
    return str(kept["id"])


async def test_the_cardholder_proves_who_they_are_and_goes_on(till: Till, renter: Person, tractor: str) -> None:
    booking, card, key = await paid_for(till, renter, tractor), await proven_card(till, renter), str(uuid4())
    tag = (await read(renter, booking)).headers["ETag"]
    same: Json = {"instrument_id": card, "key": key, "tag": tag}
    asked = await moved(renter, booking, morning(5), evening(7), **same)
    assert (asked.status_code, asked.json()["requires_action"]) == (202, True), asked.text
    assert (await read(renter, booking)).headers["ETag"] == tag
    other = await moved(renter, booking, morning(5), evening(8), instrument_id=card)
    assert (other.status_code, other.json()["code"]) == (409, "payment_under_way")
    await till.gateway.authenticate(asked.json()["client_secret"], ok=True)
    answer = await moved(renter, booking, morning(5), evening(7), **same)
    assert (answer.status_code, answer.json()["price"]["net"]["minor"]) == (200, 36_000), answer.text
    again = await moved(renter, booking, morning(5), evening(7), **same)
    assert (again.status_code, again.content, again.headers["Idempotency-Replayed"]) == (200, answer.content, "true")
    anew = await moved(renter, booking, morning(5), evening(7), tag=tag)
    assert (anew.status_code, anew.json()) == (200, answer.json()), "by whatever key"
    await till.work()
    await stands_at(till, renter, booking, days=3)


@pytest.mark.parametrize("token", ["tok_timeout_before", "tok_timeout_after"])
async def test_a_silent_gateway_is_asked_again(token: str, till: Till, renter: Person, tractor: str) -> None:
    booking, card, key = await paid_for(till, renter, tractor), await till.card(token), str(uuid4())
    tag = (await read(renter, booking)).headers["ETag"]
    same: Json = {"instrument_id": card, "key": key, "tag": tag}
    silent = await moved(renter, booking, morning(5), evening(7), **same)
    assert (silent.status_code, silent.json()["code"]) == (503, "gateway_silent"), silent.text
    answer = await moved(renter, booking, morning(5), evening(7), **same)
    assert answer.status_code == 200, answer.text
    await till.work()
    await stands_at(till, renter, booking, days=3)


async def test_eight_at_once_move_it_once(till: Till, renter: Person, tractor: str) -> None:
    booking = await paid_for(till, renter, tractor)
    tag = (await read(renter, booking)).headers["ETag"]
    answers = await asyncio.gather(*(moved(renter, booking, morning(5), evening(7), tag=tag) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 503}, [answer.text for answer in answers]
    await till.hurry()
    await stands_at(till, renter, booking, days=3)
    assert len(await till.movements()) == 2


async def begun(till: Till, renter: Person, booking: Json, start: datetime, end: datetime) -> PaymentOrder:
    """A wish that got as far as its first commit."""
    version = (await read(renter, booking)).json()["version"]
    async with till.database.begin() as tx:
        row = (await tx.rows(sa.text("SELECT person_id FROM instruments WHERE state = 'ready' LIMIT 1")))[0]
        who = await absent.person(tx, row.person_id)
        assert who is not None
        wish = Wish(WishKind.RESCHEDULE, version, end, start)
        order = await moving.begin(tx, who, UUID(booking["id"]), wish, None)
    assert isinstance(order, PaymentOrder)
    return order


@pytest.mark.parametrize("asked", [False, True])
async def test_a_crash_in_between_is_finished_by_the_worker(
    asked: bool, till: Till, renter: Person, tractor: str
) -> None:
    booking = await paid_for(till, renter, tractor)
    tag = (await read(renter, booking)).headers["ETag"]
    order = await begun(till, renter, booking, morning(5), evening(7))
    if asked:
        await carry_out(till.gateway, order)
    await due(till.database)
    await till.work()
    await stands_at(till, renter, booking, days=3)
    again = await moved(renter, booking, morning(5), evening(7), tag=tag)
    assert again.status_code == 200, "who sends it again has it already"
    await till.work()
    await stands_at(till, renter, booking, days=3)


@pytest.mark.parametrize("between", ["taken", "cancelled", "moved", "lost"])
async def test_what_cannot_be_moved_any_more_is_not_paid_for(
    between: str, till: Till, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await paid_for(till, renter, tractor)
    order = await begun(till, renter, booking, morning(5), evening(7))
    if between == "taken":
        assert (await renter.book([tractor], morning(7), evening(8))).status_code == 201
    elif between == "cancelled":
        assert (await owner.act(booking["id"], "cancel", {})).status_code == 200
    elif between == "moved":
        async with till.database.begin() as tx:
            bump = sa.text("UPDATE bookings SET version = version + 1 WHERE id = :id")
            await tx.execute(bump, {"id": booking["id"]})
    else:
        await till.work()
    if between == "lost":
        # The order was given up: nobody waits for it, and its outcome is still followed.
        await carry_out(till.gateway, order)
    await till.hurry()
    await till.hurry()
    if between == "cancelled":
        assert (await till.in_till(), await ledger(till)) == (0, {})
        return
    await stands_at(till, renter, booking, days=3 if between == "lost" else 1)
    standing = {one.key: one.standing for one in await till.movements()}
    assert standing[order.id] is (Standing.SUCCEEDED if between == "lost" else Standing.RELEASED)


async def test_a_time_that_was_taken_meanwhile_is_told_and_the_money_let_go(
    till: Till, renter: Person, tractor: str
) -> None:
    booking = await paid_for(till, renter, tractor)
    tag = (await read(renter, booking)).headers["ETag"]
    await begun(till, renter, booking, morning(5), evening(7))
    assert (await renter.book([tractor], morning(7), evening(8))).status_code == 201
    refused = await moved(renter, booking, morning(5), evening(7), tag=tag)
    assert (refused.status_code, refused.json()["code"]) == (409, "span_taken"), refused.text
    assert refused.json()["alternatives"]
    await till.work()
    await stands_at(till, renter, booking, days=1)
    taken = await moved(renter, booking, morning(5), evening(7))
    assert taken.json()["code"] == "span_taken"
    assert len(await till.movements()) == 2, "what is taken is not asked for"


async def test_a_request_that_is_moved_is_taken_when_it_is_accepted(
    till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await paid_for(till, renter, on_request)
    assert (await moved(renter, booking, morning(5), evening(7))).json()["state"] == "requested"
    await till.work()
    assert await till.in_till() == 0
    assert sum(one.amount.minor for one in await till.movements()) == 14_400 * 3
    assert (await moved(renter, booking, morning(5), evening(6))).status_code == 200
    assert (await owner.act(booking["id"], "accept")).status_code == 200
    await till.hurry()
    await stands_at(till, renter, booking, days=2)
    decided = await moved(renter, booking, morning(5), evening(7))
    assert (decided.status_code, decided.json()["code"]) == (409, "owner_decides")


async def test_a_request_that_was_moved_and_is_declined_costs_nothing(
    till: Till, renter: Person, owner: Person, on_request: str
) -> None:
    booking = await paid_for(till, renter, on_request)
    assert (await moved(renter, booking, morning(5), evening(7))).status_code == 200
    assert (await owner.act(booking["id"], "decline", {})).status_code == 200
    await till.hurry()
    assert (await till.in_till(), await ledger(till)) == (0, {})
    assert {one.standing for one in await till.movements()} == {Standing.RELEASED}


class Refusing(SimulatedGateway):
    """Has let holds go before they could be captured; but not those of this amount."""

    def __init__(self, database: Database, *, but: int = 0) -> None:
        super().__init__(database)
        self.but = but

    async def capture(self, reference: str, minor: int, key: UUID, *, final: bool) -> Movement:
        if minor == self.but:
            return await super().capture(reference, minor, key, final=final)
        await self.release(reference, key)
        raise NotAtGateway(f"{reference} is released: nothing is held")


async def test_a_difference_that_cannot_be_taken_is_owed_and_both_are_told(
    till: Till, renter: Person, owner: Person, tractor: str
) -> None:
    booking = await paid_for(till, renter, tractor)
    assert (await moved(renter, booking, morning(5), evening(7))).status_code == 200
    await carry_out_orders({"database": till.database, "gateway": Refusing(till.database)})
    await drain(till.database, HANDLERS)
    await till.work()
    now = (await read(renter, booking)).json()
    assert (now["state"], now["price"]["net"]["minor"]) == ("confirmed", 36_000)
    books = await ledger(till)
    assert (await till.in_till(), books["gateway"], books["renter"]) == (14_400, 14_400, 28_800)
    assert "holds_owed" not in books
    for person in (renter, owner):
        told = (await person.get("/inbox", Accept_Language="fr")).json()["items"][0]
        assert (told["kind"], "288,00\N{NO-BREAK SPACE}€" in told["text"]) == ("PaymentMissing", True), told
    assert (await owner.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    assert (await till.in_till(), await ledger(till)) == (0, {})


async def test_the_owner_is_paid_what_the_booking_costs_in_the_end(
    till: Till, renter: Person, owner: Person, tractor: str
) -> None:
    answer = await renter.book([tractor], at(0, 1), at(1, 1))
    booking = answer.json()
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    await out(owner, booking)
    longer = await extended(renter, booking, at(3, 1))
    assert (await owner.act(booking["id"], "check_in", {})).status_code == 200
    await till.work()
    async with till.database.begin() as tx:
        (payable,) = await tx.rows(sa.text("SELECT * FROM payables"))
        returned = (await tx.rows(sa.text("SELECT returned_at FROM bookings")))[0].returned_at
        assert (payable.id, payable.due_at - returned, payable.minor) == (UUID(booking["id"]), timedelta(days=2), None)
        await tx.execute(sa.text("UPDATE payables SET due_at = now()"))
    await prepare_payouts({"database": till.database})
    books = shares(*costs(longer.json()))
    waits = books.pop("owner_pending")
    assert await ledger(till) == {**books, "owner_payable": waits}
    async with till.database.read() as tx:
        assert [row.minor for row in await tx.rows(sa.text("SELECT minor FROM payouts"))] == [-waits]


async def test_moved_and_called_off_before_any_of_it_was_carried_out(
    till: Till, renter: Person, owner: Person, tractor: str
) -> None:
    booking = (await renter.book([tractor], morning(3), evening(3))).json()
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    assert (await moved(renter, booking, morning(5), evening(7))).status_code == 200
    assert (await moved(renter, booking, morning(5), evening(6))).status_code == 200
    assert (await owner.act(booking["id"], "cancel", {})).status_code == 200
    await drain(till.database, HANDLERS)
    for _ in range(3):
        await till.hurry()
    assert (await till.in_till(), await ledger(till)) == (0, {})
    assert sum(one.captured for one in await till.movements()) == 14_400 * 3


async def test_moved_back_and_forth_the_books_follow(till: Till, renter: Person, tractor: str) -> None:
    booking = await paid_for(till, renter, tractor)
    for days in (4, 2, 3, 1, 5):
        assert (await moved(renter, booking, morning(5), evening(4 + days))).status_code == 200
        await till.hurry()
        await stands_at(till, renter, booking, days=days)


@pytest.mark.parametrize("verb", ["cancel", "extend"])
async def test_other_verbs_while_the_cardholder_proves_who_they_are(
    verb: str, till: Till, renter: Person, tractor: str
) -> None:
    booking, card = await paid_for(till, renter, tractor), await proven_card(till, renter)
    tag = (await read(renter, booking)).headers["ETag"]
    asked = await moved(renter, booking, morning(5), evening(7), instrument_id=card)
    assert asked.status_code == 202
    if verb == "cancel":
        assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    else:
        answer = await extended(renter, booking, evening(4))
        assert (answer.status_code, answer.json()["code"]) == (409, "payment_under_way"), "one at a time"
    await till.gateway.authenticate(asked.json()["client_secret"], ok=True)
    after = await moved(renter, booking, morning(5), evening(7), instrument_id=card, tag=tag)
    if verb == "extend":
        assert after.status_code == 200
        await till.hurry()
        await stands_at(till, renter, booking, days=3)
        return
    assert (after.status_code, after.json()["code"]) == (412, "stale"), after.text
    await till.hurry()
    assert (await till.in_till(), await ledger(till)) == (0, {})


@pytest.mark.parametrize("at_the_last_moment", [False, True])
async def test_a_cardholder_who_goes_away_is_waited_for_no_longer_than_an_hour(
    at_the_last_moment: bool, till: Till, renter: Person, tractor: str
) -> None:
    booking, card = await paid_for(till, renter, tractor), await proven_card(till, renter)
    asked = await moved(renter, booking, morning(5), evening(7), instrument_id=card)
    assert asked.status_code == 202
    await till.hurry()
    other = await moved(renter, booking, morning(5), evening(8))
    assert (other.status_code, other.json()["code"]) == (409, "payment_under_way")
    if at_the_last_moment:
        await till.gateway.authenticate(asked.json()["client_secret"], ok=True)
    async with till.database.begin() as tx:
        await tx.execute(sa.text("UPDATE payment_orders SET created_at = created_at - interval '61 minutes'"))
    await till.hurry()
    other = await moved(renter, booking, morning(5), evening(8))
    assert (other.status_code, other.json()["price"]["net"]["minor"]) == (200, 48_000), other.text
    await till.hurry()
    await stands_at(till, renter, booking, days=4)
