"""Parties: founding one, its people, and membership of a cooperative."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.models import adhesions, parties, seats
from votremachine.accounts.rules import Actor, NotACooperative, PartyKind, Role, UnknownParty, Verb, require
from votremachine.accounts.schemas import Adhesion, CreateParty, PartyView
from votremachine.infra.database import Tx

_BY_IDS = sa.select(parties).where(parties.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
NAMES_LIVE = timedelta(minutes=1)
MOST_NAMES = 50_000
# Name and until when it may be told, by party; each process keeps its own.
_names: dict[UUID, tuple[str, datetime]] = {}


async def create_party(tx: Tx, who: Actor, asked: CreateParty, *, demo: bool) -> PartyView:
    """A new party with its founder as admin. `demo` parties book on account everywhere."""
    party = PartyView(tx.new_id(), asked.kind, asked.name, asked.commune)
    await tx.execute(
        parties.insert(),
        {
            "id": party.id,
            "kind": party.kind,
            "name": party.name,
            "commune": party.commune,
            "demo": demo,
            "version": 1,
            "created_at": tx.now,
        },
    )
    await give_seat(tx, who.person_id, party.id, Role.ADMIN)
    return party


async def give_seat(tx: Tx, person_id: UUID, party_id: UUID, role: Role) -> None:
    """Let a person act for a party."""
    await tx.execute(seats.insert(), {"person_id": person_id, "party_id": party_id, "role": role})


async def party_views(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, PartyView]:
    """The public face of each of these parties, in one statement."""
    found = await tx.rows(_BY_IDS, {"ids": list(ids)})
    return {row.id: PartyView(row.id, PartyKind(row.kind), row.name, row.commune) for row in found}


async def party_names(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, str]:
    """The name of each of these parties, as it was within the last minute: names are for reading, and change rarely."""
    fresh = {one: known[0] for one in ids if (known := _names.get(one)) and tx.now < known[1]}
    if missing := [one for one in ids if one not in fresh]:
        if len(_names) > MOST_NAMES:
            _names.clear()
        found = {view.id: view.name for view in (await party_views(tx, missing)).values()}
        _names.update({one: (name, tx.now + NAMES_LIVE) for one, name in found.items()})
        fresh |= found
    return fresh


async def party(tx: Tx, party_id: UUID) -> PartyView:
    """The public face of one party; raises `UnknownParty`."""
    known = await party_views(tx, [party_id])
    if party_id not in known:
        raise UnknownParty
    return known[party_id]


async def people_of(tx: Tx, party_id: UUID, roles: Collection[Role]) -> list[UUID]:
    """The people who hold one of `roles` in a party."""
    found = await tx.rows(
        sa.select(seats.c.person_id).where(seats.c.party_id == party_id, seats.c.role.in_(list(roles)))
    )
    return [row.person_id for row in found]


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
    return Adhesion(await party(tx, party_id), approved=True)


async def _approved(tx: Tx, cooperative_id: UUID, party_id: UUID) -> bool:
    found = await tx.row(
        sa.select(adhesions.c.approved_at).where(
            adhesions.c.cooperative_id == cooperative_id, adhesions.c.party_id == party_id
        )
    )
    return found is not None and found.approved_at is not None
