"""What bookings lack that people are to be reminded of, as it is at that moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from votremachine.bookings.metering import store as metering
from votremachine.bookings.metering.rules import awaits_usage
from votremachine.bookings.rules import Booking, State
from votremachine.damages.rules.claim import BARGAINING, state_at
from votremachine.damages.rules.claim import State as ClaimState
from votremachine.damages.service.awaiting import Last, last_about
from votremachine.deposits.rules import State as DepositState
from votremachine.deposits.service.amiss import Amiss, amiss_of
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.inspections.rules.report import Occasion
from votremachine.inspections.service.outstanding import awaited_of
from votremachine.notifications.facts import amount, why
from votremachine.notifications.rules import BOTH, Lack, Lacks, Missing, Side

_REPORTS = {Occasion.CHECK_OUT: Lack.DEPARTURE_REPORT, Occasion.CHECK_IN: Lack.RETURN_REPORT}
_MAY_BE_CLAIMED = frozenset({State.RETURNED, State.COMPLETED})
_COVERED = frozenset({State.CONFIRMED, State.IN_USE}) | _MAY_BE_CLAIMED


async def lacks_of(tx: Tx, found: Sequence[Booking], machines: Mapping[UUID, Machine]) -> Mapping[UUID, Lacks]:
    """What each of these bookings lacks, by its id; five statements, none where nothing can be missing."""
    lacks: dict[UUID, dict[Lack, Missing]] = {one.id: {} for one in found}
    if metered := {one.id for one in found if awaits_usage(one)}:
        for booking_id in metered - await metering.told_of(tx, metered):
            lacks[booking_id][Lack.USAGE] = Missing(BOTH)
    for booking_id, awaited in (await awaited_of(tx, found, machines)).items():
        for occasion, sides in awaited.items():
            lacks[booking_id][_REPORTS[occasion]] = Missing([Side(side.value) for side in sides])
    for some in (await _of_claims(tx, found), await _of_deposits(tx, found)):
        for booking_id, missing in some.items():
            lacks[booking_id] |= missing
    return lacks


async def _of_claims(tx: Tx, found: Sequence[Booking]) -> Mapping[UUID, Mapping[Lack, Missing]]:
    back = [one for one in found if one.state in _MAY_BE_CLAIMED]
    claims = await last_about(tx, [one.id for one in back]) if back else {}
    return {one.id: _of_claim(one, claims.get(one.id), tx.now) for one in back}


async def _of_deposits(tx: Tx, found: Sequence[Booking]) -> Mapping[UUID, Mapping[Lack, Missing]]:
    covered = {one.id: one for one in found if one.state in _COVERED and one.deposit.minor}
    amiss = await amiss_of(tx, covered) if covered else {}
    return {booking_id: _of_deposit(covered[booking_id], one) for booking_id, one in amiss.items()}


def _of_claim(booking: Booking, last: Last | None, now: datetime) -> dict[Lack, Missing]:
    """What is waited for where a machine came back: a claim, an answer to one, or a decision about it."""
    if last is None:
        back, window = booking.claimable_from, booking.claim_window
        return {Lack.CLAIM: Missing((Side.OWNER,), back, back + window)} if back else {}
    claim = last.claim
    names = {"claim": str(claim.id), "amount": amount(claim.asked, claim.currency)}
    if claim.state is ClaimState.MEDIATION:
        return {Lack.DECISION: Missing((Side.MEDIATOR,), last.since, names=names)}
    # What nobody answered in time is a mediator's, once the sweep has been by.
    if state_at(claim, now) not in BARGAINING or claim.turn is None or claim.due_at is None:
        return {}
    turn = Side(claim.turn.value)
    return {Lack.ANSWER: Missing((turn,), last.since, claim.due_at, names)}


def _of_deposit(booking: Booking, amiss: Amiss) -> dict[Lack, Missing]:
    """What a deposit wants: another card before the machine leaves, or before it lapses, or at once."""
    deposit, names = amiss.deposit, why(amiss.deposit.failure)
    if deposit.state is DepositState.AUTHORISED:
        return {Lack.RENEWAL: Missing(BOTH, until=deposit.capture_before, names=names)}
    if deposit.state is DepositState.LAPSED:
        return {Lack.COVER: Missing(BOTH, amiss.since, names=names)}
    until = booking.during.start if booking.state is State.CONFIRMED else None
    return {Lack.DEPOSIT: Missing(BOTH, amiss.since, until, names)}
