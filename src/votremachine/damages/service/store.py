"""Claims in the database: making one, loading it locked, and the one way to change its state."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.rules import Actor
from votremachine.accounts.service import audit
from votremachine.damages.events import ClaimEvent
from votremachine.damages.models import claim_lines, claim_offers, claim_transitions, claims
from votremachine.damages.rules.claim import LIFE, Claim, ClaimOpenAlready, Side, State, UnknownClaim
from votremachine.damages.rules.costs import Line
from votremachine.infra.database import Tx
from votremachine.kernel.states import advance

_ONE = sa.select(claims).where(claims.c.id == sa.bindparam("id", type_=sa.Uuid))
_ONE_LOCKED = _ONE.with_for_update()
_OFFERS = (
    sa.select(claim_offers)
    .where(claim_offers.c.claim_id == sa.bindparam("id", type_=sa.Uuid))
    .order_by(claim_offers.c.id)
)


async def add(tx: Tx, claim: Claim, lines: Sequence[Line], by: Actor) -> None:
    """Write a new claim. Raises `ClaimOpenAlready` while another one about its booking is unfinished."""
    values = msgspec.structs.asdict(claim) | {"machine_ids": list(claim.machine_ids)}
    made = await tx.execute(insert(claims).values(values).on_conflict_do_nothing())
    if not made.rowcount:
        raise ClaimOpenAlready
    rows = [
        msgspec.structs.asdict(line)
        | {"claim_id": claim.id, "place": place, "inspection_ids": list(line.inspection_ids)}
        for place, line in enumerate(lines)
    ]
    await tx.execute(claim_lines.insert(), rows)
    await _record(tx, claim.id, None, claim.state, by.person_id, claim.reason)
    await audit.note(tx, by, "open", "claim", claim.id, claim.owner_party_id, asked=claim.asked)


async def find(tx: Tx, claim_id: UUID) -> Claim | None:
    """A claim, if there is one."""
    row = await tx.row(_ONE, {"id": claim_id})
    return None if row is None else from_row(row)


async def load(tx: Tx, claim_id: UUID) -> Claim:
    """A claim as it stands; raises `UnknownClaim`."""
    found = await find(tx, claim_id)
    if found is None:
        raise UnknownClaim
    return found


async def load_locked(tx: Tx, claim_id: UUID) -> Claim:
    """A claim that nobody else changes until this transaction ends; raises `UnknownClaim`."""
    row = await tx.row(_ONE_LOCKED, {"id": claim_id})
    if row is None:
        raise UnknownClaim
    return from_row(row)


async def step(
    tx: Tx,
    claim: Claim,
    to: State,
    event: type[ClaimEvent],
    *,
    by: Actor | None,
    why: str = "",
    facts: dict[str, Any] | None = None,
    **changes: Any,
) -> Claim:
    """Take a locked claim to its next state, recorded and told. Raises `IllegalTransition`."""
    advance(LIFE, claim.state, to)
    changed = await change(tx, claim, state=to, **changes)
    person = by.person_id if by else None
    await _record(tx, claim.id, claim.state, to, person, why)
    if by is not None:
        side = next((one for one in Side if claim.party(one) in by.seats), None)
        await audit.note(tx, by, to.value, "claim", claim.id, claim.party(side) if side else None)
    tx.publish(fact(event, changed, person, **(facts or {})))
    return changed


async def change(tx: Tx, claim: Claim, **changes: Any) -> Claim:
    """Change a locked claim in what is no step of its life."""
    changed = msgspec.structs.replace(claim, version=claim.version + 1, **changes)
    kept = {**changes, "version": changed.version}
    await tx.execute(claims.update().where(claims.c.id == claim.id).values(kept))
    return changed


async def offers(tx: Tx, claim_id: UUID) -> Sequence[sa.Row[Any]]:
    """The offers that were made, oldest first."""
    return await tx.rows(_OFFERS, {"id": claim_id})


async def add_offer(tx: Tx, claim: Claim, side: Side, minor: int, note: str, by: Actor) -> None:
    """Write down what a side would settle for."""
    row = {"id": tx.new_id(), "claim_id": claim.id, "side": side, "minor": minor, "note": note, "at": tx.now}
    await tx.execute(claim_offers.insert(), row | {"by": by.person_id})


def fact(event: type[ClaimEvent], claim: Claim, by: UUID | None = None, **more: Any) -> ClaimEvent:
    """An event about a claim."""
    return event(
        claim_id=claim.id,
        booking_id=claim.booking_id,
        owner_party_id=claim.owner_party_id,
        renter_party_id=claim.renter_party_id,
        by=by,
        currency=claim.currency,
        **more,
    )


_AS_THEY_ARE = [name for name in Claim.__struct_fields__ if name not in {"machine_ids", "state", "turn"}]


def from_row(row: sa.Row[Any]) -> Claim:
    """A row as a value."""
    return Claim(
        machine_ids=tuple(row.machine_ids),
        state=State(row.state),
        turn=Side(row.turn) if row.turn else None,
        **{name: row._mapping[name] for name in _AS_THEY_ARE},
    )


async def _record(tx: Tx, claim_id: UUID, state: State | None, to: State, by: UUID | None, why: str) -> None:
    row = {"id": tx.new_id(), "claim_id": claim_id, "from_state": state, "to_state": to, "at": tx.now}
    await tx.execute(claim_transitions.insert(), row | {"by": by, "why": why})
