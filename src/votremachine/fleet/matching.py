"""Which tractors can pull an implement: the caller's own, and those of the cooperatives they are members of."""

from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import asdict

from votremachine.accounts.rules import Actor
from votremachine.fleet import service, table
from votremachine.fleet.categories import TRACTOR, categories
from votremachine.fleet.compatibility import Fit, Verdict, check_pulled, fit
from votremachine.fleet.models import machines
from votremachine.fleet.rules import State
from votremachine.fleet.views import ReasonView, Tractors, TractorView
from votremachine.infra.database import Tx

# A cooperative has tens of tractors; nobody reads more than this.
MOST_TRACTORS = 200
_BEST_FIRST = list(Verdict)


async def tractors(tx: Tx, who: Actor, machine_id: UUID, language: str) -> Tractors:
    """The tractors at hand for an implement that this person may see, those that fit first; two statements.

    Raises `UnknownMachine`, `NeedsNoTractor`.
    """
    implement = await service.visible(tx, who, machine_id)
    category = categories()[implement.category]
    check_pulled(category)
    needs = implement.attributes
    known = []
    for row in await tx.rows(_at_hand(who)):
        found = fit(table.from_row(row).attributes, needs, category)
        known.append(TractorView(table.view(row, who, language), found.verdict, _reasons(found, language)))
    return Tractors(machine_id, sorted(known, key=lambda one: _BEST_FIRST.index(one.verdict)))


def _at_hand(who: Actor) -> sa.Select[tuple[object, ...]]:
    parties = {*who.seats, *(one for seat in who.seats.values() for one in seat.cooperatives)}
    return (
        sa.select(*table.WHOLE)
        .where(
            table.shown_to(who),
            machines.c.category == TRACTOR,
            machines.c.state != State.RETIRED,
            machines.c.party_id.in_(sorted(parties)),
        )
        .order_by(machines.c.id)
        .limit(MOST_TRACTORS)
    )


def _reasons(found: Fit, language: str) -> list[ReasonView]:
    return [ReasonView(**asdict(reason), text=reason.sentence(language)) for reason in found.reasons]
