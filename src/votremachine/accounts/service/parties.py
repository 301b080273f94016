"""Parties: founding one, how others and its own people see it, and what the law wants to know of it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.identity import Identity, check_iban, check_numbers, masked
from votremachine.accounts.models import parties, seats
from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, PartyKind, Role, Verb, require, require_self
from votremachine.accounts.schemas import CreateParty, EditParty, PartyDetails, PartyView
from votremachine.accounts.service import audit
from votremachine.infra.database import Tx
from votremachine.infra.keys import Seal
from votremachine.infra.replies import Stale

_BY_IDS = sa.select(parties).where(parties.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
# The name of every party: for a slice above to join its own tables to.
NAMES = sa.select(parties.c.id, parties.c.name)
_SEATS = sa.select(seats).where(seats.c.party_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
NAMES_LIVE = timedelta(minutes=1)
MOST_NAMES = 50_000
# Name and until when it may be told, by party; each process keeps its own.
_names: dict[UUID, tuple[str, datetime]] = {}


async def create_party(tx: Tx, who: Actor, asked: CreateParty, *, demo: bool) -> PartyView:
    """A new party with its founder as admin. `demo` parties book on account everywhere. Raises `NotInTheirPlace`."""
    require_self(who)
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
    await audit.note(tx, who, "found", "party", party.id, party.id)
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


async def identities(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Identity]:
    """Who each of these parties is on paper, in one statement."""
    found = await tx.rows(_BY_IDS, {"ids": list(ids)})
    return {row.id: Identity(*(row._mapping[name] for name in Identity.__struct_fields__)) for row in found}


async def payment_days(tx: Tx, party_id: UUID) -> int:
    """After how many days a party's invoices are due. Raises `UnknownParty`."""
    found = await tx.row(sa.select(parties.c.payment_days).where(parties.c.id == party_id))
    if found is None:
        raise UnknownParty
    return int(found.payment_days)


async def can_be_paid(tx: Tx, party_id: UUID) -> bool:
    """Whether it is known to which account a party's money goes."""
    found = await tx.row(sa.select(parties.c.iban_sealed.is_not(None)).where(parties.c.id == party_id))
    return found is not None and bool(found[0])


def members_give_deposits(party_id: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    """Whether a party asks a deposit of those who book on account with it, to be asked within another statement."""
    return sa.exists().where(parties.c.id == party_id, parties.c.members_give_deposits)


async def people_of(tx: Tx, party_id: UUID, roles: Collection[Role]) -> list[UUID]:
    """The people who hold one of `roles` in a party."""
    found = await tx.rows(
        sa.select(seats.c.person_id).where(seats.c.party_id == party_id, seats.c.role.in_(list(roles)))
    )
    return [row.person_id for row in found]


async def seats_of(tx: Tx, party_ids: Collection[UUID]) -> Mapping[UUID, Mapping[UUID, Role]]:
    """The role of each person in each of these parties, in one statement."""
    held: dict[UUID, dict[UUID, Role]] = {party_id: {} for party_id in party_ids}
    for row in await tx.rows(_SEATS, {"ids": list(party_ids)}):
        held[row.party_id][row.person_id] = Role(row.role)
    return held


async def details(tx: Tx, who: Actor, party_id: UUID) -> PartyDetails:
    """A party as its own people see it. Raises `UnknownParty` to others."""
    require(Verb.READ_PARTY, who, owner=party_id, stranger=UnknownParty())
    row = await tx.row(sa.select(parties).where(parties.c.id == party_id))
    if row is None:
        raise UnknownParty
    return _details(row)


async def details_by_id(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, PartyDetails]:
    """All that is known of these parties, in one statement. For slices above: they ask for nobody in particular."""
    return {row.id: _details(row) for row in await tx.rows(_BY_IDS, {"ids": list(ids)})}


async def edit_party(tx: Tx, who: Actor, party_id: UUID, version: int, asked: EditParty) -> PartyDetails:
    """Change what is given. Raises `UnknownParty`, `NotAllowed`, `Stale`, and what `check_numbers` does."""
    require(Verb.EDIT_PARTY, who, owner=party_id, stranger=UnknownParty())
    if asked.members_give_deposits is not None:
        require(Verb.SET_DEPOSIT_RULE, who, owner=party_id, stranger=UnknownParty())
    row = await tx.row(sa.select(parties).where(parties.c.id == party_id).with_for_update())
    if row is None or row.version != version:
        raise Stale
    given = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not None}
    numbers = {name: given.get(name, getattr(row, name)) for name in ("siren", "siret", "vat_number")}
    given |= dict(zip(numbers, check_numbers(**numbers), strict=True))
    changed = await _change(tx, party_id, given)
    await audit.note(tx, who, "edit", "party", party_id, party_id, changed=sorted(given))
    _names.pop(party_id, None)
    return changed


async def set_iban(tx: Tx, who: Actor, party_id: UUID, iban: str, seal: Seal) -> PartyDetails:
    """Keep the account that the party is paid on, sealed; an empty one takes it away.

    Raises `UnknownParty`, `NotAllowed`, `BadIban`.
    """
    require(Verb.EDIT_BANKING, who, owner=party_id, stranger=UnknownParty())
    known = check_iban(iban) if iban.strip() else None
    sealed = {"iban_sealed": seal.close(known), "iban_masked": masked(known)} if known else {}
    changed = await _change(tx, party_id, {"iban_sealed": None, "iban_masked": None, **sealed})
    await audit.note(tx, who, "set_iban", "party", party_id, party_id, iban=changed.iban)
    return changed


async def _change(tx: Tx, party_id: UUID, values: Mapping[str, object]) -> PartyDetails:
    changed = await tx.execute(
        parties.update()
        .where(parties.c.id == party_id)
        .values(**values, version=parties.c.version + 1)
        .returning(parties)
    )
    return _details(changed.one())


def _details(row: sa.Row[Any]) -> PartyDetails:
    return PartyDetails(
        id=row.id,
        kind=PartyKind(row.kind),
        name=row.name,
        commune=row.commune,
        legal_name=row.legal_name,
        siren=row.siren,
        siret=row.siret,
        vat_number=row.vat_number,
        street=row.street,
        postcode=row.postcode,
        language=row.language,
        iban=row.iban_masked,
        members_give_deposits=row.members_give_deposits,
        payment_days=row.payment_days,
        version=row.version,
    )
