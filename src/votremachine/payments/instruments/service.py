"""Keeping cards: what was saved at the gateway, and which may pay."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.infra.database import Tx
from votremachine.payments.gateway import SavedInstrument, Standing
from votremachine.payments.instruments.models import instruments
from votremachine.payments.instruments.rules import (
    MOST_INSTRUMENTS,
    Instrument,
    State,
    TooManyInstruments,
    UnknownInstrument,
)
from votremachine.payments.instruments.schemas import InstrumentView

_STATES = {
    Standing.REQUIRES_ACTION: State.REQUIRES_ACTION,
    Standing.SUCCEEDED: State.READY,
    Standing.DECLINED: State.DECLINED,
}
# What a party may still pay with, or will be able to.
_kept = instruments.c.state.in_([State.READY, State.REQUIRES_ACTION])
_OF_PARTY = (
    sa.select(instruments)
    .where(instruments.c.party_id == sa.bindparam("party", type_=sa.Uuid), _kept)
    .order_by(instruments.c.id)
)
_BY_IDS = sa.select(instruments).where(instruments.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
_ONE = sa.select(instruments).where(instruments.c.id == sa.bindparam("id", type_=sa.Uuid))


async def customer(tx: Tx, who: Actor, party_id: UUID) -> str:
    """The gateway's own name of a party that is about to keep a card, empty the first time.

    Raises `UnknownParty`, `NotAllowed`, `TooManyInstruments`.
    """
    require(Verb.KEEP_CARD, who, owner=party_id, stranger=UnknownParty())
    kept = await tx.rows(_OF_PARTY, {"party": party_id})
    if len(kept) >= MOST_INSTRUMENTS:
        raise TooManyInstruments(most=MOST_INSTRUMENTS)
    return str(kept[0].customer) if kept else ""


async def keep(tx: Tx, who: Actor, party_id: UUID, gateway: str, saved: SavedInstrument) -> InstrumentView:
    """Keep what the gateway saved. Raises `UnknownParty`, `NotAllowed`."""
    require(Verb.KEEP_CARD, who, owner=party_id, stranger=UnknownParty())
    state = _STATES.get(saved.standing, State.DECLINED)
    values = {
        "id": saved.key,
        "party_id": party_id,
        "person_id": who.person_id,
        "gateway": gateway,
        "state": state,
        "saving": saved.reference,
        "reference": saved.instrument,
        "customer": saved.customer,
        "brand": saved.brand,
        "last4": saved.last4,
        "expires": saved.expires,
        "created_at": tx.now,
    }
    await tx.execute(instruments.insert(), values)
    await audit.note(tx, who, "keep_card", "instrument", saved.key, party_id, last4=saved.last4)
    return InstrumentView(
        saved.key,
        party_id,
        state,
        saved.brand,
        saved.last4,
        saved.expires,
        tx.now,
        saved.client_secret or None,
    )


async def browse(tx: Tx, who: Actor, party_id: UUID) -> Sequence[InstrumentView]:
    """The cards of a party. Raises `UnknownParty`, `NotAllowed`."""
    require(Verb.READ_CARDS, who, owner=party_id, stranger=UnknownParty())
    return [_view(row) for row in await tx.rows(_OF_PARTY, {"party": party_id})]


async def remove(tx: Tx, who: Actor, instrument_id: UUID) -> None:
    """Pay with a card no more. Raises `UnknownInstrument`, `NotAllowed`."""
    row = await _own(tx, who, instrument_id)
    await tx.execute(instruments.update().where(instruments.c.id == instrument_id).values(state=State.REMOVED))
    await audit.note(tx, who, "remove_card", "instrument", instrument_id, row.party_id)


async def saving(tx: Tx, who: Actor, instrument_id: UUID) -> str:
    """The gateway's name of the saving of a card. Raises `UnknownInstrument`, `NotAllowed`."""
    return str((await _own(tx, who, instrument_id)).saving)


async def proved(tx: Tx, who: Actor, instrument_id: UUID, saved: SavedInstrument) -> InstrumentView:
    """Keep what became of a card whose holder was to prove who they are. Raises `UnknownInstrument`, `NotAllowed`."""
    row = await _own(tx, who, instrument_id)
    state = _STATES.get(saved.standing, State.DECLINED)
    waiting = (instruments.c.id == instrument_id, instruments.c.state == State.REQUIRES_ACTION)
    await tx.execute(
        instruments.update().where(*waiting).values(state=state, reference=saved.instrument, customer=saved.customer)
    )
    await audit.note(tx, who, "prove_card", "instrument", instrument_id, row.party_id, state=state)
    return _view(await _own(tx, who, instrument_id))


async def _own(tx: Tx, who: Actor, instrument_id: UUID) -> sa.Row[Any]:
    row = await tx.row(_ONE, {"id": instrument_id})
    if row is None or row.state == State.REMOVED:
        raise UnknownInstrument
    require(Verb.KEEP_CARD, who, owner=row.party_id, stranger=UnknownInstrument())
    return row


async def of_party(tx: Tx, party_id: UUID, instrument_id: UUID) -> Instrument:
    """A card that this party is to pay with; raises `UnknownInstrument`."""
    row = await tx.row(_ONE, {"id": instrument_id})
    if row is None or row.party_id != party_id or row.state == State.REMOVED:
        raise UnknownInstrument(pointer="/instrument_id")
    return _value(row)


async def by_ids(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Instrument]:
    """These cards, in one statement, those that were removed among them; none without ids."""
    if not ids:
        return {}
    return {row.id: _value(row) for row in await tx.rows(_BY_IDS, {"ids": list(ids)})}


def _value(row: sa.Row[Any]) -> Instrument:
    return Instrument(
        **{name: row._mapping[name] for name in Instrument.__struct_fields__ if name != "state"}, state=State(row.state)
    )


def _view(row: sa.Row[Any]) -> InstrumentView:
    return InstrumentView(row.id, row.party_id, State(row.state), row.brand, row.last4, row.expires, row.created_at)
