"""Deposits in the database: arranging one with its booking, loading it locked, and the one way to change its state."""

from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor
from votremachine.accounts.service import parties
from votremachine.deposits.events import DepositEvent
from votremachine.deposits.models import deposit_transitions, deposits
from votremachine.deposits.rules import LIFE, Deposit, State, UnknownDeposit, Way
from votremachine.infra.database import Tx
from votremachine.infra.statements import Write
from votremachine.kernel.money import Money
from votremachine.kernel.states import advance


def _bound(name: str) -> list[Any]:
    return [sa.bindparam(f"{name}_{column.name}", type_=column.type) for column in deposits.c]


def _first_step(name: str, arranged: Any) -> Any:
    values = [
        sa.bindparam(f"{name}_step_id", type_=sa.Uuid),
        arranged.c.id,
        sa.null(),
        arranged.c.state,
        arranged.c.created_at,
        sa.bindparam(f"{name}_by", type_=sa.Uuid),
        sa.literal(""),
    ]
    columns = ["id", "deposit_id", "from_state", "to_state", "at", "by", "why"]
    return deposit_transitions.insert().from_select(columns, sa.select(*values).select_from(arranged))


def _arrange(name: str, *only_if: sa.ColumnElement[bool]) -> Write:
    """A deposit and its first step in one write."""
    made = deposits.insert().from_select(list(deposits.c.keys()), sa.select(*_bound(name)).where(*only_if))
    arranged = made.returning(deposits.c.id, deposits.c.state, deposits.c.created_at).cte(f"{name}_made")
    return Write(name, _first_step(name, arranged))


_ARRANGE = _arrange("deposit")
# A cooperative decides whether its members give deposits; asked in the same round trip.
_ARRANGE_ON_ACCOUNT = _arrange(
    "member_deposit", parties.members_give_deposits(sa.bindparam("member_deposit_owner_party_id", type_=sa.Uuid))
)
_OF_BOOKING = sa.select(deposits).where(deposits.c.booking_id == sa.bindparam("booking", type_=sa.Uuid))
_OF_BOOKING_LOCKED = _OF_BOOKING.with_for_update()
_ONE_LOCKED = sa.select(deposits).where(deposits.c.id == sa.bindparam("id", type_=sa.Uuid)).with_for_update()


async def arrange(tx: Tx, deposit: Deposit, by: Actor | None, *, on_account: bool) -> None:
    """Write a new deposit; deferred. On account, only if the owner asks its members for one."""
    name, write = ("member_deposit", _ARRANGE_ON_ACCOUNT) if on_account else ("deposit", _ARRANGE)
    values = {**_columns(deposit), "step_id": tx.new_id(), "by": by.person_id if by else None}
    await tx.defer(write, {f"{name}_{column}": value for column, value in values.items()})


async def of_booking(tx: Tx, booking_id: UUID) -> Deposit:
    """The deposit of a booking; raises `UnknownDeposit`."""
    found = await find(tx, booking_id)
    if found is None:
        raise UnknownDeposit
    return found


async def find(tx: Tx, booking_id: UUID) -> Deposit | None:
    """The deposit of a booking, if it has one."""
    row = await tx.row(_OF_BOOKING, {"booking": booking_id})
    return None if row is None else from_row(row)


async def find_locked(tx: Tx, booking_id: UUID) -> Deposit | None:
    """The deposit of a booking, if it has one, that nobody else changes until this transaction ends."""
    row = await tx.row(_OF_BOOKING_LOCKED, {"booking": booking_id})
    return None if row is None else from_row(row)


async def of_booking_locked(tx: Tx, booking_id: UUID) -> Deposit:
    """As `find_locked`; raises `UnknownDeposit`."""
    found = await find_locked(tx, booking_id)
    if found is None:
        raise UnknownDeposit
    return found


async def load_locked(tx: Tx, deposit_id: UUID) -> Deposit | None:
    """A deposit that nobody else changes until this transaction ends."""
    row = await tx.row(_ONE_LOCKED, {"id": deposit_id})
    return None if row is None else from_row(row)


async def step(
    tx: Tx, deposit: Deposit, to: State, *, by: UUID | None = None, why: str = "", **changes: Any
) -> Deposit:
    """Take a locked deposit to its next state, recorded. Raises `IllegalTransition`."""
    advance(LIFE, deposit.state, to)
    row = {
        "id": tx.new_id(),
        "deposit_id": deposit.id,
        "from_state": deposit.state,
        "to_state": to,
        "at": tx.now,
        "by": by,
        "why": why,
    }
    changed = await change(tx, deposit, state=to, **changes)
    await tx.execute(deposit_transitions.insert(), row)
    return changed


async def change(tx: Tx, deposit: Deposit, **changes: Any) -> Deposit:
    """Change a locked deposit in what is no step of its life."""
    changed = msgspec.structs.replace(deposit, version=deposit.version + 1, **changes)
    kept = {**changes, "version": changed.version}
    if "claims" in kept:
        kept["claims"] = list(kept["claims"])
    await tx.execute(deposits.update().where(deposits.c.id == deposit.id).values(kept))
    return changed


def fact(event: type[DepositEvent], deposit: Deposit, by: UUID | None = None, **more: Any) -> DepositEvent:
    """An event about a deposit."""
    return event(
        deposit_id=deposit.id,
        booking_id=deposit.booking_id,
        owner_party_id=deposit.owner_party_id,
        renter_party_id=deposit.renter_party_id,
        by=by,
        **more,
    )


_AS_THEY_ARE = [name for name in Deposit.__struct_fields__ if name not in {"amount", "state", "way", "claims"}]


def from_row(row: sa.Row[Any]) -> Deposit:
    """A row as a value."""
    return Deposit(
        amount=Money(row.minor, row.currency),
        state=State(row.state),
        way=Way(row.way),
        claims=tuple(row.claims),
        **{name: row._mapping[name] for name in _AS_THEY_ARE},
    )


def _columns(deposit: Deposit) -> dict[str, Any]:
    return {
        "minor": deposit.amount.minor,
        "currency": deposit.amount.currency,
        "state": deposit.state,
        "way": deposit.way,
        "claims": list(deposit.claims),
        **{name: getattr(deposit, name) for name in _AS_THEY_ARE},
    }
