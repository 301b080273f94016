"""Reading deposits: one for the two sides of its booking, and an owner's list."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Relation, Verb, require
from votremachine.accounts.service.parties import party_names
from votremachine.deposits.keeping import LAPSING
from votremachine.deposits.models import deposit_transitions, deposits
from votremachine.deposits.rules import Deposit, State, UnknownDeposit, is_live
from votremachine.deposits.schemas import (
    CardView,
    DepositHistory,
    DepositStepView,
    DepositView,
    Listed,
    OwnersDepositView,
    WaiverView,
)
from votremachine.deposits.service import store
from votremachine.infra.database import Tx
from votremachine.kernel.money import Money
from votremachine.payments.instruments import service as instruments

_state, _ends = deposits.c.state, deposits.c.capture_before
_NOW, _SOON = (sa.bindparam(name, type_=sa.DateTime(timezone=True)) for name in ("now", "soon"))
# What has run out lapsed, whether or not the sweep has been by.
_IS_LIVE = sa.and_(_state == State.AUTHORISED, sa.or_(_ends.is_(None), _ends > _NOW))
_LISTED: Mapping[Listed, sa.ColumnElement[bool]] = {
    Listed.LIVE: _IS_LIVE,
    Listed.LAPSING: sa.and_(_state == State.AUTHORISED, _ends > _NOW, _ends <= _SOON),
    Listed.LAPSED: sa.or_(_state == State.LAPSED, sa.and_(_state == State.AUTHORISED, _ends <= _NOW)),
    Listed.FAILED: _state == State.FAILED,
    Listed.REQUIRED: _state == State.REQUIRED,
    Listed.SAVED: _state == State.SAVED,
    Listed.CAPTURED: _state.in_([State.CAPTURED, State.PARTIALLY_CAPTURED]),
    Listed.RELEASED: _state == State.RELEASED,
    Listed.WAIVED: _state == State.WAIVED,
}


_STEPS = (
    sa.select(deposit_transitions)
    .where(deposit_transitions.c.deposit_id == sa.bindparam("deposit", type_=sa.Uuid))
    .order_by(deposit_transitions.c.at, deposit_transitions.c.id)
)


async def show(tx: Tx, who: Actor, booking_id: UUID) -> DepositView:
    """The deposit of a booking. Raises `UnknownDeposit`, to strangers as well."""
    return await view(tx, who, await store.of_booking(tx, booking_id))


async def view(tx: Tx, who: Actor, deposit: Deposit) -> DepositView:
    """A deposit as this person sees it; one statement for the renter's card. Raises `UnknownDeposit`."""
    sides = require(
        Verb.READ_DEPOSIT,
        who,
        owner=deposit.owner_party_id,
        renter=deposit.renter_party_id,
        stranger=UnknownDeposit(),
    )
    card = await _card(tx, deposit) if Relation.RENTER in sides else None
    currency, live = deposit.amount.currency, is_live(deposit, tx.now)
    return DepositView(
        id=deposit.id,
        booking_id=deposit.booking_id,
        state=_told(deposit, live=live),
        way=deposit.way,
        amount=deposit.amount,
        live=live or deposit.state is State.WAIVED,
        starts=deposit.starts,
        keep_until=deposit.keep_until,
        capture_before=deposit.capture_before if live else None,
        failure=deposit.failure,
        captured=Money(deposit.captured, currency),
        released=Money(deposit.released, currency),
        card=card,
        waiver=_waiver(deposit),
        version=deposit.version,
    )


async def state_of(tx: Tx, booking_id: UUID) -> State | None:
    """How the deposit of a booking stands, if it has one, as people are told. One statement."""
    found = await store.find(tx, booking_id)
    return None if found is None else _told(found, live=is_live(found, tx.now))


async def history(tx: Tx, booking_id: UUID) -> DepositHistory | None:
    """The life of a booking's deposit, if it has one, for whoever may know of its payments. Two statements."""
    found = await store.find(tx, booking_id)
    if found is None:
        return None
    currency, live = found.amount.currency, is_live(found, tx.now)
    return DepositHistory(
        state=_told(found, live=live),
        way=found.way,
        amount=found.amount,
        live=live or found.state is State.WAIVED,
        captured=Money(found.captured, currency),
        released=Money(found.released, currency),
        steps=[_step(row) for row in await tx.rows(_STEPS, {"deposit": found.id})],
    )


async def of_owner(
    tx: Tx, who: Actor, party_id: UUID, listed: Listed | None, *, after: UUID | None, limit: int
) -> list[OwnersDepositView]:
    """The deposits for a party's machines, newest first; `limit + 1` rows, in two statements at most.

    Raises `UnknownParty`.
    """
    require(Verb.READ_DEPOSIT, who, owner=party_id, stranger=UnknownParty())
    wanted = sa.select(deposits).where(deposits.c.owner_party_id == party_id)
    if listed is not None:
        wanted = wanted.where(_LISTED[listed])
    if after is not None:
        wanted = wanted.where(deposits.c.id < after)
    times = {"now": tx.now, "soon": tx.now + LAPSING}
    rows = await tx.rows(wanted.order_by(deposits.c.id.desc()).limit(limit + 1), times)
    found = [store.from_row(row) for row in rows]
    names = await party_names(tx, {one.renter_party_id for one in found})
    return [_owners(tx, one, names[one.renter_party_id]) for one in found]


def _step(row: sa.Row[Any]) -> DepositStepView:
    from_state = State(row.from_state) if row.from_state else None
    return DepositStepView(from_state, State(row.to_state), row.at, row.by, row.why)


def _owners(tx: Tx, deposit: Deposit, renter: str) -> OwnersDepositView:
    live = is_live(deposit, tx.now)
    return OwnersDepositView(
        id=deposit.id,
        booking_id=deposit.booking_id,
        renter_party_id=deposit.renter_party_id,
        renter=renter,
        state=_told(deposit, live=live),
        way=deposit.way,
        amount=deposit.amount,
        live=live or deposit.state is State.WAIVED,
        starts=deposit.starts,
        keep_until=deposit.keep_until,
        capture_before=deposit.capture_before if live else None,
        failure=deposit.failure,
        under_claim=bool(deposit.claims),
    )


def _told(deposit: Deposit, *, live: bool) -> State:
    return State.LAPSED if deposit.state is State.AUTHORISED and not live else deposit.state


async def _card(tx: Tx, deposit: Deposit) -> CardView | None:
    if deposit.instrument_id is None:
        return None
    known = (await instruments.by_ids(tx, [deposit.instrument_id]))[deposit.instrument_id]
    return CardView(known.brand, known.last4)


def _waiver(deposit: Deposit) -> WaiverView | None:
    if deposit.waived_by is None or deposit.waived_at is None:
        return None
    return WaiverView(deposit.waived_by, deposit.waived_at, deposit.waived_why)
