"""What a settled claim still owes: paid by a card that the renter names, with its holder there, or to the owner."""

from uuid import UUID

from votremachine.accounts.rules import Actor, Verb, require
from votremachine.bookings.paying.service import heard
from votremachine.damages.events import ClaimPaid
from votremachine.damages.rules.claim import Claim, NothingOwed, State, UnknownClaim
from votremachine.damages.schemas import ClaimProof
from votremachine.damages.service import settling, store
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import Money
from votremachine.payments.instruments import service as instruments
from votremachine.payments.instruments.rules import check_ready
from votremachine.payments.ledger.rules import recipes
from votremachine.payments.ledger.rules.posting import Cause
from votremachine.payments.ledger.service.posting import post
from votremachine.payments.orders import service as orders
from votremachine.payments.orders.rules import Outcome, PaymentOrder, PaymentUnderWay, Purpose, check_same


async def begin(tx: Tx, who: Actor, claim_id: UUID, instrument_id: UUID) -> Claim | PaymentOrder:
    """The renter pays what is owed: the order to the gateway, new or under way; the claim, where all is paid.

    Raises `UnknownClaim`, `NotAllowed`, `NothingOwed`, `UnknownInstrument`, `InstrumentNotReady`, `PaymentUnderWay`.
    """
    claim = await store.load_locked(tx, claim_id)
    require(Verb.PAY_CLAIM, who, owner=claim.owner_party_id, renter=claim.renter_party_id, stranger=UnknownClaim())
    known = await orders.of_booking(tx, claim.booking_id)
    if (under_way := orders.under_way(known, claim.id, Purpose.DAMAGE)) is not None:
        check_same(under_way, instrument_id)
        return under_way
    if claim.state is not State.SETTLED or not claim.from_renter:
        raise NothingOwed
    if not claim.owed:
        return claim
    order = settling.charge(
        tx, claim, check_ready(await instruments.of_party(tx, claim.renter_party_id, instrument_id)), by=who
    )
    await orders.place(tx, order)
    return order


async def load_settled(tx: Tx, claim_id: UUID) -> Claim:
    """A settled claim, locked, that no card is just paying. Raises `UnknownClaim`, `NothingOwed`, `PaymentUnderWay`."""
    claim = await store.load_locked(tx, claim_id)
    if claim.state is not State.SETTLED:
        raise NothingOwed
    known = await orders.of_booking(tx, claim.booking_id)
    if orders.under_way(known, claim.id, Purpose.DAMAGE) is not None:
        raise PaymentUnderWay
    return claim


async def paid_directly(tx: Tx, claim: Claim, minor: int, cause: Cause, by: Actor) -> None:
    """The owner of a claim from `load_settled` has so much of what is owed from the renter's own hands: nobody is paid
    out for it. Raises `NothingOwed` for more than is owed.
    """
    if minor > claim.owed:
        raise NothingOwed
    posting = recipes.paid_directly(claim.renter_party_id, claim.owner_party_id, Money(minor, claim.currency))
    await post(tx, cause, posting, booking_id=claim.booking_id)
    changed = await store.change(tx, claim, paid=claim.paid + minor)
    tx.publish(store.fact(ClaimPaid, changed, by.person_id, minor=minor))


async def end(tx: Tx, claim_id: UUID, order: PaymentOrder, outcome: Outcome) -> Claim | ClaimProof | DomainError:
    """What the renter hears of their payment; why not is an answer, not raised."""
    claim = await store.load_locked(tx, claim_id)
    done = await heard(tx, order, outcome)
    if isinstance(done, DomainError):
        return done
    if isinstance(done, PaymentOrder):
        return await settling.follow(tx, claim, done)
    return ClaimProof(claim_id, done.client_secret)
