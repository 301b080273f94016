"""What owners are owed becomes payable when it is due, is paid out once, and always agrees with the ledger."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.cast import farmer
from tests.payments.ledger.books import ask
from tests.payments.ledger.test_balances import at
from votremachine.infra.database import Database, Tx
from votremachine.kernel.money import Money
from votremachine.kernel.states import IllegalTransition
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.chart import Account, Code
from votremachine.payments.ledger.rules.posting import Cause
from votremachine.payments.ledger.service.balances import balance
from votremachine.payments.ledger.service.posting import post
from votremachine.payments.payouts import service
from votremachine.payments.payouts.jobs import prepare_payouts
from votremachine.payments.payouts.rules import Line, UnknownPayout, WindowTooLong, check_window, grouped, payable
from votremachine.payments.rules.refunding import difference, refund
from votremachine.payments.rules.splitting import Taxed, split

RETURNED = datetime(2027, 3, 9, 18, tzinfo=UTC)
RENTER = uuid4()
PAID = [Taxed(Money(10_000), Money(2_000))]
PARTS = split(PAID, 1_200, 2_000)  # 105.60 of it the owner's
Verb = Callable[[Tx], Awaitable[None]]


@pytest.fixture
async def owner(database: Database) -> UUID:
    """A farm whose account is known."""
    async with database.begin() as tx:
        party = next(iter((await farmer(tx, "owner")).seats))
        await tx.execute(sa.text("UPDATE parties SET iban_sealed = 'x'"))
    return party


async def does(database: Database, verb: Verb, when: datetime = RETURNED) -> None:
    await at(database, when).run(verb)


async def rented(database: Database, owner: UUID, window: timedelta = timedelta(hours=48)) -> UUID:
    """A rental that was paid, used and returned."""
    booking = uuid4()

    async def verb(tx: Tx) -> None:
        due, paid = recipes.rental_due(RENTER, owner, PARTS), recipes.charged(RENTER, PARTS.total, f"ch_{booking}")
        await post(tx, Cause("booking", booking), due, paid, booking_id=booking)
        await service.owe(tx, booking, owner, "EUR", RETURNED, window)

    await does(database, verb)
    return booking


async def swept(database: Database, after: timedelta = timedelta(hours=49)) -> int:
    return await prepare_payouts({"database": at(database, RETURNED + after)})


async def made(database: Database) -> list[tuple[str, int, str]]:
    """Every payout, oldest first."""
    return [tuple(row) for row in await ask(database, "SELECT state, minor, reason FROM payouts ORDER BY id")]


async def newest(database: Database) -> UUID:
    ((payout,),) = await ask(database, "SELECT id FROM payouts ORDER BY id DESC LIMIT 1")
    return UUID(str(payout))


async def stands(database: Database, owner: UUID) -> tuple[int, int, int]:
    """On owner_pending, owner_payable and payouts_in_transit."""
    later = RETURNED + timedelta(days=900)
    accounts = (
        Account(Code.OWNER_PENDING, owner),
        Account(Code.OWNER_PAYABLE, owner),
        Account(Code.PAYOUTS_IN_TRANSIT),
    )
    async with database.read() as tx:
        pending, payable, transit = [(await balance(tx, one, later)).minor for one in accounts]
        open_lines = "SELECT coalesce(sum(minor), 0)::bigint FROM payables p WHERE NOT EXISTS (SELECT FROM payouts"
        owed = (
            await tx.execute(sa.text(f"{open_lines} o WHERE o.id = p.payout_id AND o.state IN ('sent', 'paid'))"))
        ).scalar_one()
    assert -payable == owed, "what stands in the ledger is what is still to be paid out"
    return pending, payable, transit


async def test_it_waits_for_the_claim_window(database: Database, owner: UUID) -> None:
    await rented(database, owner)
    assert await swept(database, timedelta(hours=48) - timedelta(milliseconds=1)) == 0
    assert await stands(database, owner) == (-10_560, 0, 0)
    assert await swept(database, timedelta(hours=48)) == 1
    assert await made(database) == [("payable", 10_560, "")]
    assert await stands(database, owner) == (0, -10_560, 0)


async def test_a_machine_may_allow_up_to_five_days(database: Database, owner: UUID) -> None:
    await rented(database, owner, timedelta(days=5))
    assert await swept(database, timedelta(days=5) - timedelta(seconds=1)) == 0
    assert await swept(database, timedelta(days=5)) == 1
    for wrong in (timedelta(days=5, seconds=1), timedelta(seconds=-1)):
        with pytest.raises(WindowTooLong):
            check_window(wrong)


async def test_several_bookings_make_one_payout_with_a_line_each(database: Database, owner: UUID) -> None:
    bookings = [await rented(database, owner) for _ in range(3)]
    assert await swept(database) == 1
    assert await made(database) == [("payable", 3 * 10_560, "")]
    async with database.read() as tx:
        lines = await service.lines(tx, await newest(database))
    assert lines == [Line(booking, booking, "EUR", 10_560) for booking in sorted(bookings)]


async def test_again_and_from_two_workers_it_is_paid_once(database: Database, owner: UUID) -> None:
    await rented(database, owner)
    await asyncio.gather(*(swept(database) for _ in range(4)))
    assert await swept(database) == 0
    assert await made(database) == [("payable", 10_560, "")]
    assert await stands(database, owner) == (0, -10_560, 0)


async def test_what_was_refunded_is_not_paid_out(database: Database, owner: UUID) -> None:
    booking = await rented(database, owner)
    back = refund(PAID, PARTS, 5_000)
    await does(
        database,
        lambda tx: post(
            tx, Cause("cancellation", booking), recipes.rental_refunded(RENTER, owner, back), booking_id=booking
        ),
    )
    await swept(database)
    assert await made(database) == [("payable", back.kept.owner.minor, "")]


async def test_nothing_left_is_no_payout(database: Database, owner: UUID) -> None:
    booking = await rented(database, owner)
    back = recipes.rental_refunded(RENTER, owner, refund(PAID, PARTS, 10_000))
    await does(database, lambda tx: post(tx, Cause("cancellation", booking), back, booking_id=booking))
    await swept(database)
    assert await made(database) == []
    assert await stands(database, owner) == (0, 0, 0)


async def test_without_an_account_it_waits_and_says_why(database: Database, owner: UUID) -> None:
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE parties SET iban_sealed = NULL"))
    await rented(database, owner)
    await swept(database)
    assert await made(database) == [("pending", 10_560, "no_iban")]
    payout = await newest(database)
    with pytest.raises(IllegalTransition):
        await does(database, lambda tx: service.mark_sent(tx, payout))
    async with database.begin() as tx:
        await tx.execute(sa.text("UPDATE parties SET iban_sealed = 'x'"))
    await swept(database)
    assert await made(database) == [("payable", 10_560, "")]


async def test_sent_and_paid_leaves_nothing_owed(database: Database, owner: UUID) -> None:
    await rented(database, owner)
    await swept(database)
    payout = await newest(database)
    await does(database, lambda tx: service.mark_sent(tx, payout))
    assert await stands(database, owner) == (0, 0, -10_560)
    with pytest.raises(IllegalTransition):
        await does(database, lambda tx: service.mark_sent(tx, payout))
    await does(database, lambda tx: service.mark_paid(tx, payout))
    assert await stands(database, owner) == (0, 0, 0)
    assert await made(database) == [("paid", 10_560, "")]
    with pytest.raises(UnknownPayout):
        await does(database, lambda tx: service.mark_paid(tx, uuid4()))


async def test_who_says_that_it_was_paid_is_waited_for(database: Database, owner: UUID) -> None:
    """Paid and failed said at once: one of them comes too late, whichever it is."""
    await rented(database, owner)
    await swept(database)
    payout = await newest(database)
    await does(database, lambda tx: service.mark_sent(tx, payout))
    async with database.begin() as first:
        await service.mark_paid(first, payout)
        await first.flush()
        failing = asyncio.create_task(does(database, lambda tx: service.mark_failed(tx, payout, "account closed")))
        await asyncio.wait({failing}, timeout=0.5)
    with pytest.raises(IllegalTransition):
        await failing
    assert await made(database) == [("paid", 10_560, "")]


async def test_what_came_back_is_paid_by_another_payout(database: Database, owner: UUID) -> None:
    await rented(database, owner)
    await swept(database)
    payout = await newest(database)
    await does(database, lambda tx: service.mark_sent(tx, payout))
    await does(database, lambda tx: service.mark_failed(tx, payout, "account closed"))
    assert await stands(database, owner) == (0, -10_560, 0)
    assert await swept(database, timedelta(hours=50)) == 1
    assert await made(database) == [("failed", 10_560, "account closed"), ("payable", 10_560, "")]


async def test_awarded_damage_is_a_line_and_what_is_owed_is_taken_off(database: Database, owner: UUID) -> None:
    booking = await rented(database, owner)

    def added(minor: int, kind: str) -> Verb:
        cause = Cause(kind, uuid4())

        async def verb(tx: Tx) -> None:
            await post(tx, cause, recipes.awarded(RENTER, owner, Money(minor)), booking_id=booking)
            await service.add(tx, cause, owner, booking, Money(minor))

        return verb

    await does(database, added(-50_000, "correction"))
    await swept(database)
    assert await made(database) == [], "the owner owes more than is due to them"
    assert await stands(database, owner) == (0, 39_440, 0)
    award = added(45_000, "claim")
    await does(database, award)
    await does(database, award)
    await swept(database)
    assert await made(database) == [("payable", 5_560, "")]
    assert await stands(database, owner) == (0, -5_560, 0)


@given(st.lists(st.tuples(st.sampled_from(["EUR", "CHF"]), st.integers(-1_000, 1_000)), max_size=8))
def test_only_what_comes_to_something_is_paid(owed: list[tuple[str, int]]) -> None:
    lines = [Line(uuid4(), uuid4(), currency, minor) for currency, minor in owed]
    groups = grouped(lines)
    for currency in ("EUR", "CHF"):
        own = [line for line in lines if line.currency == currency]
        assert groups.get(currency, own) == own
        assert (currency in groups) == (sum(line.minor for line in own) > 0)


async def changed(database: Database, owner: UUID, booking: UUID, *, net: int) -> None:
    """A rental costs so much more, with its VAT, which nobody has paid yet."""
    dearer = split([Taxed(Money(10_000 + net), Money(2_000 + net // 5))], 1_200, 2_000)

    async def verb(tx: Tx) -> None:
        posting = recipes.rental_changed(RENTER, owner, difference(PARTS, dearer))
        await post(tx, Cause("booking_change", uuid4()), posting, booking_id=booking)

    await does(database, verb)


async def charged(database: Database, booking: UUID, minor: int, purpose: str = "difference") -> None:
    """The renter's card paid so much."""
    order = uuid4()

    async def verb(tx: Tx) -> None:
        posting = recipes.charged(RENTER, Money(minor), f"ch_{order}")
        await post(tx, Cause("payment_order", order), posting, booking_id=booking)
        values = {"id": order, "booking": booking, "payer": RENTER, "minor": minor, "purpose": purpose, "now": tx.now}
        await tx.execute(_CHARGE, values)

    await does(database, verb)


_CHARGE = sa.text(
    """
    INSERT INTO payment_orders (id, what, purpose, subject_id, booking_id, payer_party_id, payee_party_id, minor,
        currency, state, attempts, created_at, settled_at, given_up, instrument, customer, reference, description,
        off_session, gives_back, instrument_id)
    VALUES (:id, 'charge', :purpose, :id, :booking, :payer, :payer, :minor, 'EUR', 'done', 0, :now, :now, false,
        '', '', 'ch', '', true, 0, :id)
    """
)


async def test_what_a_renter_has_not_paid_is_not_paid_out(database: Database, owner: UUID) -> None:
    """Of 105.60 that are the owner's, and 10.56 more of a difference of 12.00, the 12.00 wait until they come in."""
    booking = await rented(database, owner)
    await changed(database, owner, booking, net=1_000)
    whole = 11_616
    for night in range(2):
        assert await swept(database, timedelta(hours=49 + 24 * night)) == 1
        assert await made(database) == [("payable", whole - 1_200, "")]
        assert await stands(database, owner) == (-1_200, -(whole - 1_200), 0)
    await charged(database, booking, 1_200)
    await swept(database, timedelta(hours=97))
    assert await made(database) == [("payable", whole - 1_200, ""), ("payable", 1_200, "")]
    assert await stands(database, owner) == (0, -whole, 0)
    assert await swept(database, timedelta(hours=121)) == 0


async def test_where_nothing_was_paid_nothing_is_paid_out(database: Database, owner: UUID) -> None:
    booking = uuid4()

    async def verb(tx: Tx) -> None:
        due = recipes.rental_due(RENTER, owner, PARTS)
        await post(tx, Cause("booking", booking), due, booking_id=booking)
        await service.owe(tx, booking, owner, "EUR", RETURNED)

    await does(database, verb)
    await swept(database)
    assert (await made(database), await stands(database, owner)) == ([], (-10_560, 0, 0))
    await charged(database, booking, PARTS.total.minor, "rental")
    await swept(database, timedelta(hours=73))
    assert (await made(database), await stands(database, owner)) == ([("payable", 10_560, "")], (0, -10_560, 0))


async def test_a_charge_for_damage_that_was_declined_holds_nothing_back(database: Database, owner: UUID) -> None:
    booking = await rented(database, owner)
    order = {"id": uuid4(), "booking": booking, "payer": RENTER, "minor": 5_000, "purpose": "damage", "now": RETURNED}
    async with database.begin() as tx:
        await tx.execute(_CHARGE, order)
        await tx.execute(sa.text("UPDATE payment_orders SET state = 'declined'"))
    await swept(database)
    assert await made(database) == [("payable", 10_560, "")]


@pytest.mark.parametrize("paid", [True, False])
async def test_what_is_awarded_for_damage_holds_no_rental_back_and_pays_none(
    paid: bool, database: Database, owner: UUID
) -> None:
    booking = await rented(database, owner)
    await changed(database, owner, booking, net=1_000)

    async def award(tx: Tx) -> None:
        await post(tx, Cause("claim", booking), recipes.awarded(RENTER, owner, Money(5_000)), booking_id=booking)

    await does(database, award)
    if paid:
        await charged(database, booking, 5_000, "damage")
    await swept(database)
    assert await made(database) == [("payable", 11_616 - 1_200, "")], "the 12.00 are still missing, whatever else is"


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_never_more_is_payable_than_waits_and_came_in(pending: int, missing: int) -> None:
    minor = payable(pending, missing)
    assert minor == pending if pending <= 0 else minor == max(0, pending - missing)
    assert payable(pending, 0) == pending
