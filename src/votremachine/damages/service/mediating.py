"""A mediator decides: the platform's, or an admin of a cooperative of both sides, never one side's own people."""

from uuid import UUID

from votremachine.accounts.rules import Actor, Sides, Verb, require
from votremachine.accounts.service import adhesions
from votremachine.damages.events import ClaimDecided
from votremachine.damages.rules import claim as rules
from votremachine.damages.rules import turns
from votremachine.damages.rules.claim import STANDARD_PATIENCE, Claim, ClaimChanged, Side, State, UnknownClaim
from votremachine.damages.schemas import Decide
from votremachine.damages.service import settling, store
from votremachine.damages.service.answering import to_mediation
from votremachine.infra.database import Tx


async def decide(tx: Tx, who: Actor, claim_id: UUID, version: int, asked: Decide) -> Claim:
    """Award so much, or nothing, with reasons that both sides read. What nobody answered in time may be decided, too.

    Raises `UnknownClaim`, `NotAllowed`, `NotInTheirPlace`, `NotImpartial`, `ClaimChanged`, `NotPossible`,
    `MoreThanAsked`.
    """
    claim = await store.load_locked(tx, claim_id)
    await authorise(tx, Verb.DECIDE_CLAIM, who, claim)
    if any(claim.party(side) in who.seats for side in Side):
        raise rules.NotImpartial
    if claim.version != version:
        raise ClaimChanged
    if rules.state_at(claim, tx.now) is not claim.state:
        claim = await to_mediation(tx, claim, STANDARD_PATIENCE, by=None, why="silence")
    turns.check_step(claim, State.DECIDED, tx.now)
    rules.check_amount(claim, asked.minor, "/minor")
    return await settling.award(tx, claim, State.DECIDED, ClaimDecided, asked.minor, by=who, why=asked.reason)


async def authorise(tx: Tx, verb: Verb, who: Actor, claim: Claim) -> Sides:
    """How this person stands to a claim, as one of its sides, as staff, or for the cooperative of both.

    Raises `UnknownClaim`, `NotAllowed`, `NotInTheirPlace`.
    """
    return require(
        verb,
        who,
        owner=claim.owner_party_id,
        renter=claim.renter_party_id,
        cooperative=await _cooperative(tx, who, claim),
        stranger=UnknownClaim(),
    )


async def _cooperative(tx: Tx, who: Actor, claim: Claim) -> UUID | None:
    """A cooperative of both sides that this person acts for, while a mediator is to decide; never a side itself."""
    if rules.state_at(claim, tx.now) not in {State.MEDIATION, State.DECIDED}:
        return None
    sides = {claim.owner_party_id, claim.renter_party_id}
    if not who.seats.keys() - sides:
        return None
    both = await adhesions.shared(tx, claim.owner_party_id, claim.renter_party_id)
    return next((one for one in both if one in who.seats and one not in sides), None)
