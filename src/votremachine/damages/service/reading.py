"""Claims as people read them: one with all that was said, and how lists show them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service.parties import party_names
from votremachine.bookings.service import reading as bookings
from votremachine.damages.models import claim_evidence, claim_lines, claim_transitions
from votremachine.damages.rules.claim import Claim, Side, State, state_at
from votremachine.damages.rules.costs import Kind
from votremachine.damages.schemas import (
    ClaimDetails,
    ClaimView,
    EvidenceView,
    LineView,
    OfferView,
    SettlementView,
    StepView,
)
from votremachine.damages.service import mediating, store
from votremachine.infra.database import Tx
from votremachine.infra.images.addresses import addresses
from votremachine.infra.links import Links
from votremachine.inspections.schemas import SideBySide
from votremachine.inspections.service import comparing
from votremachine.kernel.money import Money

EVIDENCE_PATH = "/v1/claim-evidence/{}"


async def show(tx: Tx, who: Actor, links: Links, claim_id: UUID) -> ClaimDetails:
    """A claim, to its sides, to staff, and to who may decide it. Raises `UnknownClaim`, `NotAllowed`."""
    claim = await store.load(tx, claim_id)
    await mediating.authorise(tx, Verb.READ_CLAIM, who, claim)
    return await details(tx, who, links, claim)


async def compare(tx: Tx, who: Actor, links: Links, claim_id: UUID) -> list[SideBySide]:
    """How the machines of a claim's booking left and came back: to who may read the claim, though not the booking.

    Raises `UnknownClaim`, `NotAllowed`.
    """
    claim = await store.load(tx, claim_id)
    await mediating.authorise(tx, Verb.READ_CLAIM, who, claim)
    return await comparing.shown(tx, who, links, await bookings.load(tx, claim.booking_id))


async def details(tx: Tx, who: Actor, links: Links, claim: Claim) -> ClaimDetails:
    """All that there is of a claim, for who may read it; five statements."""
    (view,) = await views(tx, [claim])
    lines, evidence, steps = [
        await tx.rows(sa.select(table).where(table.c.claim_id == claim.id).order_by(order))
        for table, order in (
            (claim_lines, claim_lines.c.place),
            (claim_evidence, claim_evidence.c.id),
            (claim_transitions, claim_transitions.c.id),
        )
    ]
    offers = await store.offers(tx, claim.id)
    return ClaimDetails(
        **{name: getattr(view, name) for name in view.__struct_fields__},
        lines=[_line(row, claim.currency) for row in lines],
        offers=[OfferView(Side(row.side), Money(row.minor, claim.currency), row.note, row.at) for row in offers],
        evidence=[evidence_view(tx, who, links, claim, row) for row in evidence],
        steps=[StepView(State(row.to_state), row.at, row.by, row.why) for row in steps],
    )


async def views(tx: Tx, found: Sequence[Claim]) -> list[ClaimView]:
    """Claims as lists have them; one statement at most."""
    names = await party_names(tx, {party for one in found for party in (one.owner_party_id, one.renter_party_id)})
    return [_view(tx, one, names) for one in found]


def evidence_view(tx: Tx, who: Actor, links: Links, claim: Claim, row: sa.Row[Any]) -> EvidenceView:
    """A file, with addresses that are good for a while; who acts for neither side has no image as it was sent."""
    own = not who.seats.keys().isdisjoint({claim.owner_party_id, claim.renter_party_id})
    told = addresses(links, EVIDENCE_PATH.format(row.id), row.media_type, tx.now, originals=own)
    return EvidenceView(row.id, Side(row.side), row.media_type, row.bytes, row.sha256.hex(), row.at, *told)


def _view(tx: Tx, claim: Claim, names: Mapping[UUID, str]) -> ClaimView:
    state = state_at(claim, tx.now)
    told = state is claim.state
    return ClaimView(
        id=claim.id,
        booking_id=claim.booking_id,
        owner_party_id=claim.owner_party_id,
        renter_party_id=claim.renter_party_id,
        owner=names[claim.owner_party_id],
        renter=names[claim.renter_party_id],
        machine_ids=claim.machine_ids,
        state=state,
        reason=claim.reason,
        total=Money(claim.total, claim.currency),
        asked=Money(claim.asked, claim.currency),
        turn=claim.turn if told else None,
        due_at=claim.due_at if told else None,
        settlement=_settlement(claim),
        version=claim.version,
        created_at=claim.created_at,
    )


def _settlement(claim: Claim) -> SettlementView | None:
    if claim.awarded is None:
        return None

    def known(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, claim.currency)

    return SettlementView(
        awarded=Money(claim.awarded, claim.currency),
        from_deposit=known(claim.from_deposit),
        released=known(claim.released),
        from_renter=known(claim.from_renter),
        owed=Money(claim.owed, claim.currency),
    )


def _line(row: sa.Row[Any], currency: str) -> LineView:
    told = {name: row._mapping[name] for name in LineView.__struct_fields__}
    money = {name: Money(told[name], currency) for name in ("net", "vat", "asked")}
    return LineView(**told | money | {"kind": Kind(row.kind), "inspection_ids": tuple(row.inspection_ids)})
