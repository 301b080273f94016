"""Lists of claims: a party's, and those that a person may read, or that wait for them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Relation, Role, StaffRole, Verb, permits, require
from votremachine.accounts.service import adhesions
from votremachine.damages.models import claims
from votremachine.damages.rules.claim import BARGAINING, ENDED, Side, State
from votremachine.damages.schemas import ClaimView
from votremachine.damages.service import reading, store
from votremachine.infra.database import Tx

Where = sa.ColumnElement[bool]
_PARTIES = {Side.OWNER: claims.c.owner_party_id, Side.RENTER: claims.c.renter_party_id}
# Who may answer, of the people of a side.
_ANSWERS = {Side.OWNER: Verb.BARGAIN, Side.RENTER: Verb.CONTEST_CLAIM}
# As the partial index has it: of all claims only few are unfinished.
_UNFINISHED = claims.c.state.not_in([sa.literal_column(f"'{one.value}'") for one in sorted(ENDED)])


async def of_party(
    tx: Tx, who: Actor, party_id: UUID, state: State | None, *, before: UUID | None, limit: int
) -> list[ClaimView]:
    """The claims that a party made or that were made against it, newest first; `limit + 1` rows, in two statements.

    Raises `UnknownParty`, `NotAllowed`.
    """
    require(Verb.READ_CLAIM, who, owner=party_id, stranger=UnknownParty())
    # Each side by its own index.
    halves = [column == party_id for column in _PARTIES.values()]
    return await _listed(tx, halves, state, before, limit)


async def readable(tx: Tx, who: Actor, state: State | None, *, before: UUID | None, limit: int) -> list[ClaimView]:
    """The claims that a person may read, as one of their sides, for the cooperative of both, or as staff: newest first,
    `limit + 1` rows, in three statements.
    """
    wanted: list[Where] = []
    if _may(Verb.READ_CLAIM, Relation.PLATFORM, who.staff):
        wanted.append(sa.true())
    else:
        wanted += [
            column == party
            for side, column in _PARTIES.items()
            for party in _seats(who, Verb.READ_CLAIM, Relation(side.value))
        ]
        to_decide = sa.or_(_mediated(tx), claims.c.state == State.DECIDED)
        wanted += [sa.and_(pair, to_decide) for pair in await _of_cooperatives(tx, who, Verb.READ_CLAIM)]
    return await _listed(tx, wanted, state, before, limit)


async def waiting(tx: Tx, who: Actor, state: State | None, *, before: UUID | None, limit: int) -> list[ClaimView]:
    """Those of them that wait for this very person: to be answered for a side, or decided by who stands on neither.

    `limit + 1` rows, newest first, in three statements.
    """
    wanted = [
        sa.and_(_PARTIES[side] == party, claims.c.turn == side, ~_mediated(tx))
        for side, verb in _ANSWERS.items()
        for party in _seats(who, verb, Relation(side.value))
    ]
    neither = sa.and_(_mediated(tx), *(column.not_in(sorted(who.seats)) for column in _PARTIES.values()))
    if _may(Verb.DECIDE_CLAIM, Relation.PLATFORM, who.staff):
        wanted.append(neither)
    else:
        wanted += [sa.and_(pair, neither) for pair in await _of_cooperatives(tx, who, Verb.DECIDE_CLAIM)]
    return await _listed(tx, wanted, state, before, limit)


def _may(verb: Verb, relation: Relation, role: Role | StaffRole | None) -> bool:
    return role is not None and permits(verb, {relation: role})


def _seats(who: Actor, verb: Verb, relation: Relation) -> list[UUID]:
    """The parties for which a person may do this, standing so."""
    return sorted(party for party, seat in who.seats.items() if _may(verb, relation, seat.role))


async def _of_cooperatives(tx: Tx, who: Actor, verb: Verb) -> list[Where]:
    """That both sides belong to a cooperative that this person acts for, and that it is neither; one for each."""
    ours = _seats(who, verb, Relation.COOPERATIVE)
    members: Mapping[UUID, Sequence[UUID]] = await adhesions.approved(tx, ours) if ours else {}
    columns = _PARTIES.values()
    return [
        sa.and_(*(column == sa.any_(sa.literal(list(theirs), sa.ARRAY(sa.Uuid))) for column in columns), _UNFINISHED)
        for theirs in members.values()
    ]


async def _listed(
    tx: Tx, wanted: Sequence[Where], state: State | None, before: UUID | None, limit: int
) -> list[ClaimView]:
    """Claims of which any of these is true, each once."""
    if not wanted:
        return []
    parts = sa.union_all(*(_part(tx, one, state, before, limit) for one in wanted)).subquery()
    found = sa.select(parts).ext(distinct_on(parts.c.id)).order_by(parts.c.id.desc()).limit(limit + 1)
    return await reading.views(tx, [store.from_row(row) for row in await tx.rows(found)])


def _part(tx: Tx, where: Where, state: State | None, before: UUID | None, limit: int) -> sa.Select[Any]:
    wanted = sa.select(claims).where(where)
    if state is not None:
        wanted = wanted.where(_in_state(tx, state))
    if before is not None:
        wanted = wanted.where(claims.c.id < before)
    return sa.select(wanted.order_by(claims.c.id.desc()).limit(limit + 1).subquery())


def _in_state(tx: Tx, state: State) -> Where:
    """As people are told it (`state_at`)."""
    if state is State.MEDIATION:
        return _mediated(tx)
    return sa.and_(claims.c.state == state, sa.not_(_late(tx))) if state in BARGAINING else claims.c.state == state


def _mediated(tx: Tx) -> Where:
    """A mediator is to decide, whether or not the sweep has been by."""
    return sa.and_(sa.or_(claims.c.state == State.MEDIATION, _late(tx)), _UNFINISHED)


def _late(tx: Tx) -> Where:
    return sa.and_(claims.c.state.in_(sorted(BARGAINING)), claims.c.due_at <= tx.now)
