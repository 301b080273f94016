"""What the two sides say to a claim, each when it is their turn and in time."""

from typing import Any
from uuid import UUID

from votremachine.accounts.rules import Actor, Relation, Verb, require
from votremachine.damages.events import (
    ClaimAccepted,
    ClaimAgreed,
    ClaimContested,
    ClaimEscalated,
    ClaimWithdrawn,
    OfferMade,
)
from votremachine.damages.rules import claim as rules
from votremachine.damages.rules.claim import MOST_OFFERS, SILENCE, Claim, ClaimChanged, Side, State, UnknownClaim
from votremachine.damages.schemas import Contest, Offer
from votremachine.damages.service import settling, store
from votremachine.deposits.service import ending
from votremachine.infra.database import Tx
from votremachine.kernel.states import advance


async def accept(tx: Tx, who: Actor, claim_id: UUID, version: int) -> Claim:
    """The renter pays what is asked. Raises what `_begin` does, `IllegalTransition`."""
    claim = await _begin(tx, who, claim_id, version, Verb.ACCEPT_CLAIM)
    return await settling.award(tx, claim, State.ACCEPTED, ClaimAccepted, claim.asked, by=who)


async def contest(tx: Tx, who: Actor, claim_id: UUID, version: int, asked: Contest) -> Claim:
    """The renter does not pay what is asked, says why, and may offer less.

    Raises what `_begin` does, `IllegalTransition`, `MoreThanAsked`.
    """
    claim = await _begin(tx, who, claim_id, version, Verb.CONTEST_CLAIM)
    advance(rules.LIFE, claim.state, State.CONTESTED)
    times: dict[str, Any] = {"turn": Side.OWNER, "due_at": tx.now + SILENCE}
    changed = await store.step(tx, claim, State.CONTESTED, ClaimContested, by=who, why=asked.reason, **times)
    if asked.minor is not None:
        rules.check_amount(claim, asked.minor, "/minor")
        await store.add_offer(tx, changed, Side.RENTER, asked.minor, "", who)
        tx.publish(store.fact(OfferMade, changed, who.person_id, minor=asked.minor))
    return changed


async def offer(tx: Tx, who: Actor, claim_id: UUID, version: int, asked: Offer) -> Claim:
    """A side says what it would settle for; then it is for the other to answer.

    Raises what `_begin` does, `IllegalTransition`, `OutOfTurn`, `MoreThanAsked`, `TooManyOffers`.
    """
    claim = await _begin(tx, who, claim_id, version, Verb.BARGAIN)
    side = _turn(claim, who)
    rules.check_amount(claim, asked.minor, "/minor")
    if len(await store.offers(tx, claim.id)) >= MOST_OFFERS:
        raise rules.TooManyOffers(most=MOST_OFFERS)
    await store.add_offer(tx, claim, side, asked.minor, asked.note, who)
    changed = await store.change(tx, claim, turn=side.other, due_at=tx.now + SILENCE)
    tx.publish(store.fact(OfferMade, changed, who.person_id, minor=asked.minor))
    return changed


async def agree(tx: Tx, who: Actor, claim_id: UUID, version: int) -> Claim:
    """A side takes the other's last offer; the owner's first one is what the claim asks.

    Raises what `_begin` does, `IllegalTransition`, `OutOfTurn`, `NoOffer`.
    """
    claim = await _begin(tx, who, claim_id, version, Verb.BARGAIN)
    side = _turn(claim, who)
    theirs = [row.minor for row in await store.offers(tx, claim.id) if row.side == side.other]
    if not theirs and side is Side.OWNER:
        raise rules.NoOffer
    minor = theirs[-1] if theirs else claim.asked
    return await settling.award(tx, claim, State.AGREED, ClaimAgreed, minor, by=who)


async def withdraw(tx: Tx, who: Actor, claim_id: UUID, version: int, why: str) -> Claim:
    """The owner asks for nothing any more. Raises what `_begin` does, `IllegalTransition`."""
    claim = await _begin(tx, who, claim_id, version, Verb.CLAIM_DAMAGE)
    nobody: dict[str, Any] = {"turn": None, "due_at": None}
    changed = await store.step(tx, claim, State.WITHDRAWN, ClaimWithdrawn, by=who, why=why, **nobody)
    await ending.let_go(tx, claim.booking_id, claim.id)
    return changed


async def escalate(tx: Tx, who: Actor, claim_id: UUID, version: int, why: str) -> Claim:
    """Either side asks for a mediator. Raises what `_begin` does, `IllegalTransition`."""
    claim = await _begin(tx, who, claim_id, version, Verb.BARGAIN)
    return await to_mediation(tx, claim, by=who, why=why)


async def to_mediation(tx: Tx, claim: Claim, *, by: Actor | None, why: str) -> Claim:
    """A mediator is to decide; without `by`, because nobody answered in time."""
    waits: dict[str, Any] = {"turn": None, "due_at": tx.now + rules.STALLED_AFTER}
    return await store.step(tx, claim, State.MEDIATION, ClaimEscalated, by=by, why=why, **waits)


async def _begin(tx: Tx, who: Actor, claim_id: UUID, version: int, verb: Verb) -> Claim:
    """A claim that is this person's to act on, as they last read it.

    Raises `UnknownClaim`, `NotAllowed`, `NotInTheirPlace`, `AnswerTooLate`, `ClaimChanged`.
    """
    claim = await store.load_locked(tx, claim_id)
    require(verb, who, owner=claim.owner_party_id, renter=claim.renter_party_id, stranger=UnknownClaim())
    rules.check_in_time(claim, tx.now)
    if claim.version != version:
        raise ClaimChanged
    return claim


def _turn(claim: Claim, who: Actor) -> Side:
    """The side for which this person bargains: the one whose turn it is."""
    advance(rules.LIFE, claim.state, State.AGREED)
    side = claim.turn
    if side is None or claim.party(side) not in who.seats:
        raise rules.OutOfTurn
    require(Verb.BARGAIN, who, **{Relation(side.value).value: claim.party(side)}, stranger=rules.OutOfTurn())
    return side
