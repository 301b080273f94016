"""What the two sides say to a claim, each when it is their turn and in time."""

from datetime import datetime, timedelta
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
from votremachine.damages.rules import turns
from votremachine.damages.rules.claim import (
    MOST_OFFERS,
    STANDARD_PATIENCE,
    Claim,
    ClaimChanged,
    Patience,
    Side,
    State,
    UnknownClaim,
)
from votremachine.damages.schemas import Contest, Offer
from votremachine.damages.service import settling, store
from votremachine.deposits.service import ending
from votremachine.infra.database import Tx


async def accept(tx: Tx, who: Actor, claim_id: UUID, version: int) -> Claim:
    """The renter pays what is asked. Raises what `_begin` does, `NotPossible`."""
    claim = await _begin(tx, who, claim_id, version, Verb.ACCEPT_CLAIM)
    turns.check_step(claim, State.ACCEPTED, tx.now)
    return await settling.award(tx, claim, State.ACCEPTED, ClaimAccepted, claim.asked, by=who)


async def contest(
    tx: Tx, who: Actor, claim_id: UUID, version: int, asked: Contest, patience: Patience = STANDARD_PATIENCE
) -> Claim:
    """The renter does not pay what is asked, says why, and may offer less.

    Raises what `_begin` does, `NotPossible`, `MoreThanAsked`.
    """
    claim = await _begin(tx, who, claim_id, version, Verb.CONTEST_CLAIM)
    turns.check_step(claim, State.CONTESTED, tx.now)
    times: dict[str, Any] = {"turn": Side.OWNER, "due_at": tx.now + patience.answer}
    told = {"hours": in_hours(patience)}
    changed = await store.step(
        tx, claim, State.CONTESTED, ClaimContested, by=who, why=asked.reason, facts=told, **times
    )
    if asked.minor is not None:
        rules.check_amount(claim, asked.minor, "/minor")
        await store.add_offer(tx, changed, Side.RENTER, asked.minor, "", who)
        tx.publish(store.fact(OfferMade, changed, who.person_id, minor=asked.minor, hours=in_hours(patience)))
    return changed


async def offer(
    tx: Tx, who: Actor, claim_id: UUID, version: int, asked: Offer, patience: Patience = STANDARD_PATIENCE
) -> Claim:
    """A side says what it would settle for; then it is for the other to answer.

    Raises what `_begin` does, `NotPossible`, `OutOfTurn`, `MoreThanAsked`, `TooManyOffers`.
    """
    claim = await _begin(tx, who, claim_id, version, Verb.BARGAIN)
    side = _turn(claim, who, tx.now)
    rules.check_amount(claim, asked.minor, "/minor")
    if len(await store.offers(tx, claim.id)) >= MOST_OFFERS:
        raise rules.TooManyOffers(most=MOST_OFFERS)
    await store.add_offer(tx, claim, side, asked.minor, asked.note, who)
    changed = await store.change(tx, claim, turn=side.other, due_at=tx.now + patience.answer)
    tx.publish(store.fact(OfferMade, changed, who.person_id, minor=asked.minor, hours=in_hours(patience)))
    return changed


async def agree(tx: Tx, who: Actor, claim_id: UUID, version: int) -> Claim:
    """A side takes the other's last offer; the owner's first one is what the claim asks.

    Raises what `_begin` does, `NotPossible`, `OutOfTurn`, `NoOffer`.
    """
    claim = await _begin(tx, who, claim_id, version, Verb.BARGAIN)
    side = _turn(claim, who, tx.now)
    theirs = [row.minor for row in await store.offers(tx, claim.id) if row.side == side.other]
    if not theirs and side is Side.OWNER:
        raise turns.no_offer(claim, tx.now)
    minor = theirs[-1] if theirs else claim.asked
    return await settling.award(tx, claim, State.AGREED, ClaimAgreed, minor, by=who)


async def withdraw(tx: Tx, who: Actor, claim_id: UUID, version: int, why: str) -> Claim:
    """The owner asks for nothing any more. Raises what `_begin` does, `NotPossible`."""
    claim = await _begin(tx, who, claim_id, version, Verb.CLAIM_DAMAGE)
    turns.check_step(claim, State.WITHDRAWN, tx.now)
    nobody: dict[str, Any] = {"turn": None, "due_at": None}
    changed = await store.step(tx, claim, State.WITHDRAWN, ClaimWithdrawn, by=who, why=why, **nobody)
    await ending.let_go(tx, claim.booking_id, claim.id)
    return changed


async def escalate(
    tx: Tx, who: Actor, claim_id: UUID, version: int, why: str, patience: Patience = STANDARD_PATIENCE
) -> Claim:
    """Either side asks for a mediator. Raises what `_begin` does, `NotPossible`."""
    claim = await _begin(tx, who, claim_id, version, Verb.BARGAIN)
    turns.check_step(claim, State.MEDIATION, tx.now)
    return await to_mediation(tx, claim, patience, by=who, why=why)


async def to_mediation(tx: Tx, claim: Claim, patience: Patience, *, by: Actor | None, why: str) -> Claim:
    """A mediator is to decide; without `by`, because nobody answered in time."""
    waits: dict[str, Any] = {"turn": None, "due_at": tx.now + patience.decision}
    return await store.step(tx, claim, State.MEDIATION, ClaimEscalated, by=by, why=why, **waits)


async def _begin(tx: Tx, who: Actor, claim_id: UUID, version: int, verb: Verb) -> Claim:
    """A claim that is this person's to act on, as they last read it.

    Raises `UnknownClaim`, `NotAllowed`, `NotInTheirPlace`, `AnswerTooLate`, `ClaimChanged`.
    """
    claim = await store.load_locked(tx, claim_id)
    require(verb, who, owner=claim.owner_party_id, renter=claim.renter_party_id, stranger=UnknownClaim())
    turns.check_in_time(claim, tx.now)
    if claim.version != version:
        raise ClaimChanged
    return claim


def in_hours(patience: Patience) -> int:
    """As people are told how long a side has to answer."""
    return patience.answer // timedelta(hours=1)


def _turn(claim: Claim, who: Actor, now: datetime) -> Side:
    """The side for which this person bargains: the one whose turn it is."""
    turns.check_step(claim, State.AGREED, now)
    side = claim.turn
    assert side is not None  # noqa: S101 -- the database sees to it
    not_theirs = turns.OutOfTurn(**turns.guidance(claim, now))
    require(Verb.BARGAIN, who, **{Relation(side.value).value: claim.party(side)}, stranger=not_theirs)
    return side
