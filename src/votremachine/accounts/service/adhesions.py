"""Membership of a cooperative: a party asks, the cooperative lets it in, either ends it."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.models import adhesions
from votremachine.accounts.refusals import NotACooperative, UnknownParty
from votremachine.accounts.rules import Actor, PartyKind, Verb, require
from votremachine.accounts.schemas import Adhesion
from votremachine.accounts.service import audit
from votremachine.accounts.service.parties import party, party_views
from votremachine.infra.database import Tx


async def ask_to_join(tx: Tx, who: Actor, cooperative_id: UUID, party_id: UUID) -> Adhesion:
    """A party asks to become a member of a cooperative; asking again changes nothing.

    Raises `UnknownParty`, `NotAllowed`, `NotACooperative`.
    """
    require(Verb.JOIN_COOPERATIVE, who, owner=party_id, stranger=UnknownParty())
    if (await party(tx, cooperative_id)).kind is not PartyKind.COOPERATIVE:
        raise NotACooperative
    await tx.execute(
        insert(adhesions)
        .values(party_id=party_id, cooperative_id=cooperative_id, asked_at=tx.now)
        .on_conflict_do_nothing()
    )
    await audit.note(tx, who, "ask_to_join", "party", cooperative_id, party_id)
    return Adhesion(await party(tx, party_id), approved=await _approved(tx, cooperative_id, party_id))


async def approve(tx: Tx, who: Actor, cooperative_id: UUID, party_id: UUID) -> Adhesion:
    """The cooperative lets a party in. Raises `UnknownParty` when it never asked, `NotAllowed`."""
    require(Verb.ADMIT_MEMBER, who, owner=cooperative_id, stranger=UnknownParty())
    changed = await tx.execute(
        adhesions.update()
        .where(adhesions.c.cooperative_id == cooperative_id, adhesions.c.party_id == party_id)
        .values(approved_at=sa.func.coalesce(adhesions.c.approved_at, tx.now))
    )
    if changed.rowcount == 0:
        raise UnknownParty
    await audit.note(tx, who, "admit", "party", party_id, cooperative_id)
    return Adhesion(await party(tx, party_id), approved=True)


async def members(tx: Tx, who: Actor, cooperative_id: UUID, *, after: UUID | None, limit: int) -> Sequence[Adhesion]:
    """The parties that are members of a cooperative or asked to be, by id; `limit + 1` rows. Raises `UnknownParty`."""
    require(Verb.READ_PARTY, who, owner=cooperative_id, stranger=UnknownParty())
    wanted = sa.select(adhesions).where(adhesions.c.cooperative_id == cooperative_id)
    if after is not None:
        wanted = wanted.where(adhesions.c.party_id > after)
    rows = await tx.rows(wanted.order_by(adhesions.c.party_id).limit(limit + 1))
    views = await party_views(tx, [row.party_id for row in rows])
    return [Adhesion(views[row.party_id], row.approved_at is not None) for row in rows]


async def part(tx: Tx, who: Actor, cooperative_id: UUID, party_id: UUID) -> None:
    """End a membership, or a request for one: the cooperative does, or the member does. Bookings that stand are kept.

    Raises `UnknownParty`, `NotAllowed`.
    """
    verb, side = (Verb.JOIN_COOPERATIVE, party_id) if party_id in who.seats else (Verb.ADMIT_MEMBER, cooperative_id)
    require(verb, who, owner=side, stranger=UnknownParty())
    ended = await tx.execute(
        adhesions.delete().where(adhesions.c.cooperative_id == cooperative_id, adhesions.c.party_id == party_id)
    )
    if ended.rowcount == 0:
        raise UnknownParty
    await audit.note(tx, who, "part", "party", party_id, cooperative_id)


async def shared(tx: Tx, owner: UUID, renter: UUID) -> list[UUID]:
    """The cooperatives of which a renter is an approved member, and which own the machine or have its owner as one."""
    theirs, ours = adhesions.alias("theirs"), adhesions.alias("ours")
    belongs = sa.exists().where(
        ours.c.cooperative_id == theirs.c.cooperative_id, ours.c.party_id == owner, ours.c.approved_at.is_not(None)
    )
    found = await tx.rows(
        sa.select(theirs.c.cooperative_id)
        .where(theirs.c.party_id == renter, theirs.c.approved_at.is_not(None))
        .where(sa.or_(theirs.c.cooperative_id == owner, belongs))
        .order_by(theirs.c.cooperative_id)
    )
    return [row.cooperative_id for row in found]


async def approved(tx: Tx, cooperatives: Collection[UUID]) -> Mapping[UUID, Sequence[UUID]]:
    """The approved members of each of these parties that has any, in order of id; one statement."""
    found = await tx.rows(
        sa.select(adhesions.c.cooperative_id, adhesions.c.party_id)
        .where(adhesions.c.cooperative_id.in_(sorted(cooperatives)), adhesions.c.approved_at.is_not(None))
        .order_by(adhesions.c.cooperative_id, adhesions.c.party_id)
    )
    members: dict[UUID, list[UUID]] = {}
    for row in found:
        members.setdefault(row.cooperative_id, []).append(row.party_id)
    return members


async def _approved(tx: Tx, cooperative_id: UUID, party_id: UUID) -> bool:
    found = await tx.row(
        sa.select(adhesions.c.approved_at).where(
            adhesions.c.cooperative_id == cooperative_id, adhesions.c.party_id == party_id
        )
    )
    return found is not None and found.approved_at is not None
