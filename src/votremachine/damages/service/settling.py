"""The money of a claim: taken of the deposit, the rest charged to the renter, and both told when it has moved.

Each step is in the database before anybody outside is asked, and follows from an outcome that is known: told twice, or
after a crash, it finds itself done. What the renter's card does not pay stays due in the ledger, and is paid by another
one (`paying`). The owner is paid what has come in.
"""

from typing import Any
from uuid import UUID

from votremachine.accounts.rules import Actor
from votremachine.damages.events import ClaimEvent, ClaimPaid, ClaimSettled
from votremachine.damages.rules.claim import AWARDED, Claim, State
from votremachine.damages.rules.settling import settle
from votremachine.damages.service import store
from votremachine.deposits.events import DepositCaptured, DepositLapsed
from votremachine.deposits.rules import is_live
from votremachine.deposits.service import capturing, ending
from votremachine.deposits.service import store as deposits
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import Instrument, InstrumentNotReady, UnknownInstrument, check_ready
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause
from votremachine.payments.ledger.service.posting import post
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.rules import LEASE, PaymentOrder, Purpose, What
from votremachine.payments.orders.rules import State as OrderState
from votremachine.payments.payouts import service as payouts


async def award(
    tx: Tx, claim: Claim, to: State, event: type[ClaimEvent], minor: int, *, by: Actor, why: str = ""
) -> Claim:
    """So much is to be paid for a locked claim: it is taken of the deposit, as far as that goes.

    Raises `IllegalTransition`.
    """
    nobody: dict[str, Any] = {"turn": None, "due_at": None}
    changed = await store.step(tx, claim, to, event, by=by, why=why, facts={"minor": minor}, awarded=minor, **nobody)
    if minor:
        owed = recipes.awarded(claim.renter_party_id, claim.owner_party_id, Money(minor, claim.currency))
        await post(tx, Cause("claim", claim.id), owed, booking_id=claim.booking_id)
    taken = await _take(tx, changed, minor)
    return changed if taken else await _without_deposit(tx, changed)


async def on_captured(tx: Tx, fact: DepositCaptured) -> None:
    """The deposit gave its part."""
    claim = await _awaiting(tx, fact.claim_id)
    if claim is None:
        return
    part = Money(fact.captured, fact.currency)
    await payouts.add(tx, Cause("claim", claim.id), claim.owner_party_id, claim.booking_id, part)
    await _charge_rest(tx, claim, fact.captured, fact.released)


async def on_lapsed(tx: Tx, fact: DepositLapsed) -> None:
    """Nothing was left to take of the deposit: the renter pays it all. Claims that are still open wait for another."""
    for claim_id in fact.claims:
        claim = await _awaiting(tx, claim_id)
        if claim is not None:
            await _without_deposit(tx, claim)


async def on_charged(tx: Tx, fact: OrderSettled) -> None:
    """What the renter's card said, with nobody waiting."""
    if fact.purpose == Purpose.DAMAGE:
        order = (await orders.by_ids(tx, [fact.order_id])).get(fact.order_id)
        if order is not None:
            await follow(tx, await store.load_locked(tx, fact.subject_id), order)


async def follow(tx: Tx, claim: Claim, order: PaymentOrder) -> Claim:
    """Let a locked claim follow the outcome of a charge; the same outcome again changes nothing."""
    if order.state is OrderState.DONE:
        claim = await _came_in(tx, claim, order)
    return await _settled(tx, claim) if claim.state in AWARDED else claim


def charge(tx: Tx, claim: Claim, card: Instrument, *, by: Actor | None) -> PaymentOrder:
    """The order that gets in what is owed by this card; without `by`, off-session, by the worker."""
    return PaymentOrder(
        id=tx.new_id(),
        what=What.CHARGE,
        purpose=Purpose.DAMAGE,
        subject_id=claim.id,
        booking_id=claim.booking_id,
        payer_party_id=claim.renter_party_id,
        payee_party_id=claim.owner_party_id,
        amount=Money(claim.owed, claim.currency),
        instrument_id=card.id,
        instrument=card.reference,
        customer=card.customer,
        off_session=by is None,
        asked_by=None if by is None else by.person_id,
        created_at=tx.now,
        next_at=tx.now if by is None else tx.now + LEASE,
    )


async def _take(tx: Tx, claim: Claim, minor: int) -> bool:
    """Whether so much, or all there is, is being taken of a deposit that is live."""
    deposit = await deposits.find_locked(tx, claim.booking_id)
    if deposit is None or not is_live(deposit, tx.now) or deposit.captured_for not in {None, claim.id}:
        return False
    if not minor or deposit.amount.currency != claim.currency:
        return False
    part = settle(minor, deposit.held, claim.asked).from_deposit
    await capturing.capture(tx, claim.booking_id, Money(part, claim.currency), claim.id)
    return True


async def _awaiting(tx: Tx, claim_id: UUID) -> Claim | None:
    """A claim, locked, that waits for what its deposit gives."""
    if await store.find(tx, claim_id) is None:
        return None
    claim = await store.load_locked(tx, claim_id)
    return claim if claim.state in AWARDED and claim.from_deposit is None else None


async def _without_deposit(tx: Tx, claim: Claim) -> Claim:
    """Nothing comes from the deposit: what is left of it goes back once nothing else keeps it."""
    await ending.let_go(tx, claim.booking_id, claim.id)
    return await _charge_rest(tx, claim, 0, 0)


async def _charge_rest(tx: Tx, claim: Claim, from_deposit: int, released: int) -> Claim:
    """What the deposit did not pay is charged to the card that paid for the booking, if there is one."""
    parts = settle(claim.awarded or 0, from_deposit + released, claim.asked)
    changed = await store.change(
        tx, claim, from_deposit=parts.from_deposit, released=parts.released, from_renter=parts.from_renter
    )
    card = await _card(tx, changed) if changed.owed else None
    if card is None:
        return await _settled(tx, changed)
    await orders.place(tx, charge(tx, changed, card, by=None))
    return changed


async def _settled(tx: Tx, claim: Claim) -> Claim:
    facts = {
        "minor": claim.awarded,
        "from_deposit": claim.from_deposit,
        "from_renter": claim.from_renter,
        "owed": claim.owed,
    }
    return await store.step(tx, claim, State.SETTLED, ClaimSettled, by=None, facts=facts)


async def _came_in(tx: Tx, claim: Claim, order: PaymentOrder) -> Claim:
    """The renter paid: once for each order, for only one of them is under way at a time."""
    if not await payouts.add(
        tx, Cause("payment_order", order.id), claim.owner_party_id, claim.booking_id, order.amount
    ):
        return claim
    changed = await store.change(tx, claim, paid=claim.paid + order.amount.minor)
    if claim.state is State.SETTLED:
        tx.publish(store.fact(ClaimPaid, changed, order.asked_by, minor=order.amount.minor))
    return changed


async def _card(tx: Tx, claim: Claim) -> Instrument | None:
    """The card that the deposit stood on, or else the one that paid: the last that did what it was asked."""
    known = await orders.of_booking(tx, claim.booking_id)
    used = [one.instrument_id for one in known if one.instrument_id and one.state is OrderState.DONE]
    for instrument_id in reversed(used):
        try:
            return check_ready(await instruments.of_party(tx, claim.renter_party_id, instrument_id))
        except (UnknownInstrument, InstrumentNotReady):
            continue
    return None
