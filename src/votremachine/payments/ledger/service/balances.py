"""What stands on accounts at any moment, and what made it so."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Tx
from votremachine.kernel.ids import made_at, uuid7
from votremachine.kernel.money import Money
from votremachine.payments.ledger.models import (
    ledger_accounts,
    ledger_checkpoints,
    ledger_entries,
    ledger_transactions,
)
from votremachine.payments.ledger.rules.chart import Account, Code
from votremachine.payments.ledger.rules.posting import PostingKind

FIRST = UUID(int=0)
Place = tuple[UUID, int]  # of an entry: its transaction, and its number there
_BEFORE = sa.bindparam("before", type_=sa.Uuid)


class Balance(msgspec.Struct, frozen=True):
    """What stands on an account: debits less credits."""

    account: Account
    amount: Money


class StatementLine(msgspec.Struct, frozen=True):
    """One entry of an account, with what it goes back to."""

    transaction_id: UUID
    line_no: int
    posted_at: datetime
    occurred_at: datetime
    kind: str
    cause_kind: str
    cause_id: UUID
    booking_id: UUID | None
    description: str
    amount: Money

    @property
    def place(self) -> Place:
        return self.transaction_id, self.line_no


def _summed(checkpoint: sa.ColumnElement[bool]) -> tuple[Any, Any]:
    """The checkpoint of each account that is to be built upon, and the sum and number of the entries since."""
    built_on = (
        sa.select(ledger_checkpoints.c.before, ledger_checkpoints.c.minor)
        .where(ledger_checkpoints.c.account_id == ledger_accounts.c.id, checkpoint)
        .order_by(ledger_checkpoints.c.before.desc())
        .limit(1)
        .lateral("built_on")
    )
    since = (
        sa.select(sa.func.sum(ledger_entries.c.minor).label("minor"), sa.func.count().label("entries"))
        .where(
            ledger_entries.c.account_id == ledger_accounts.c.id,
            ledger_entries.c.transaction_id >= sa.func.coalesce(built_on.c.before, FIRST),
            ledger_entries.c.transaction_id < _BEFORE,
        )
        .lateral("since")
    )
    return built_on, since


def _minor(built_on: Any, since: Any) -> sa.ColumnElement[int]:
    whole = sa.func.coalesce(built_on.c.minor, 0) + sa.func.coalesce(since.c.minor, 0)
    return sa.cast(whole, sa.BigInteger)


_built_on, _since = _summed(ledger_checkpoints.c.before <= _BEFORE)
_BALANCES = (
    sa.select(
        ledger_accounts.c.code,
        ledger_accounts.c.party_id,
        ledger_accounts.c.currency,
        _minor(_built_on, _since).label("minor"),
    )
    .select_from(ledger_accounts.outerjoin(_built_on, sa.true()).outerjoin(_since, sa.true()))
    .order_by(ledger_accounts.c.code, ledger_accounts.c.currency)
)
_OF_PARTY = _BALANCES.where(ledger_accounts.c.party_id.is_not_distinct_from(sa.bindparam("party_id", type_=sa.Uuid)))
_OF_ACCOUNT = _BALANCES.where(ledger_accounts.c.id == sa.bindparam("account_id", type_=sa.Uuid))
_earlier, _later = _summed(ledger_checkpoints.c.before < _BEFORE)
_CHECKPOINT = insert(ledger_checkpoints).from_select(
    ["account_id", "before", "day", "minor"],
    sa.select(ledger_accounts.c.id, _BEFORE, sa.bindparam("day", type_=sa.Date), _minor(_earlier, _later))
    .select_from(ledger_accounts.outerjoin(_earlier, sa.true()).join(_later, sa.true()))
    .where(_later.c.entries > 0),
)
_BY_BOOKING = (
    sa.select(
        ledger_transactions.c.booking_id, sa.cast(sa.func.sum(ledger_entries.c.minor), sa.BigInteger).label("minor")
    )
    .join_from(ledger_transactions, ledger_entries)
    .where(
        ledger_transactions.c.booking_id == sa.any_(sa.bindparam("booking_ids", type_=sa.ARRAY(sa.Uuid))),
        ledger_entries.c.account_id == sa.bindparam("account_id", type_=sa.Uuid),
    )
    .group_by(ledger_transactions.c.booking_id)
)
_OF_BOOKING = (
    sa.select(ledger_accounts.c.code, sa.cast(sa.func.sum(ledger_entries.c.minor), sa.BigInteger).label("minor"))
    .join_from(ledger_transactions, ledger_entries)
    .join(ledger_accounts, ledger_accounts.c.id == ledger_entries.c.account_id)
    .where(ledger_transactions.c.booking_id == sa.bindparam("booking", type_=sa.Uuid))
    .group_by(ledger_accounts.c.code)
)
_DIRECTLY = (
    sa.select(sa.cast(-sa.func.coalesce(sa.func.sum(ledger_entries.c.minor), 0), sa.BigInteger).label("minor"))
    .join_from(ledger_transactions, ledger_entries)
    .join(ledger_accounts, ledger_accounts.c.id == ledger_entries.c.account_id)
    .where(
        ledger_transactions.c.booking_id == sa.bindparam("booking", type_=sa.Uuid),
        ledger_transactions.c.kind.in_([PostingKind.ACCOUNT_SETTLED, PostingKind.PAID_DIRECTLY]),
        ledger_accounts.c.code.in_([Code.RENTER, Code.ACCOUNT_OWED]),
    )
)
_RENTAL = (
    sa.select(sa.cast(sa.func.coalesce(sa.func.sum(ledger_entries.c.minor), 0), sa.BigInteger))
    .join_from(ledger_transactions, ledger_entries)
    .join(ledger_accounts, ledger_accounts.c.id == ledger_entries.c.account_id)
    .where(
        ledger_transactions.c.booking_id == sa.bindparam("booking", type_=sa.Uuid),
        ledger_transactions.c.kind.in_(
            [PostingKind.RENTAL_DUE, PostingKind.RENTAL_CHANGED, PostingKind.RENTAL_REFUNDED]
        ),
        ledger_accounts.c.code.in_([Code.RENTER, Code.ACCOUNT_OWED]),
    )
)
_OF_RENTERS = (
    sa.select(
        ledger_transactions.c.booking_id, sa.cast(sa.func.sum(ledger_entries.c.minor), sa.BigInteger).label("minor")
    )
    .join_from(ledger_transactions, ledger_entries)
    .join(ledger_accounts, ledger_accounts.c.id == ledger_entries.c.account_id)
    .where(
        ledger_transactions.c.booking_id == sa.any_(sa.bindparam("booking_ids", type_=sa.ARRAY(sa.Uuid))),
        ledger_transactions.c.kind == sa.any_(sa.bindparam("kinds", type_=sa.ARRAY(sa.Text))),
        ledger_accounts.c.code == Code.RENTER,
        ledger_accounts.c.currency == sa.bindparam("currency"),
    )
    .group_by(ledger_transactions.c.booking_id)
)
_PLACE = sa.tuple_(ledger_entries.c.transaction_id, ledger_entries.c.line_no)
_STATEMENT = (
    sa.select(ledger_entries, ledger_transactions)
    .join_from(ledger_entries, ledger_transactions)
    .where(
        ledger_entries.c.account_id == sa.bindparam("account_id", type_=sa.Uuid),
        ledger_entries.c.transaction_id < _BEFORE,
        sa.tuple_(sa.bindparam("after_transaction", type_=sa.Uuid), sa.bindparam("after_line", type_=sa.SmallInteger))
        < _PLACE,
    )
    .order_by(ledger_entries.c.transaction_id, ledger_entries.c.line_no)
    .limit(sa.bindparam("wanted", type_=sa.Integer))
)


def first_id(at: datetime) -> UUID:
    """No transaction that was posted at `at` or later, to the millisecond, has a smaller id."""
    return uuid7(at, bytes(10))


async def balance(tx: Tx, account: Account, at: datetime) -> Money:
    """What stood on an account just before `at`; zero on one that was never posted to. One statement."""
    row = await tx.row(_OF_ACCOUNT, {"account_id": account.id, "before": first_id(at)})
    return Money(row.minor if row else 0, account.currency)


async def balances(tx: Tx, party_id: UUID | None, at: datetime) -> list[Balance]:
    """What stood just before `at` on each account of a party, or of the platform. One statement."""
    found = await tx.rows(_OF_PARTY, {"party_id": party_id, "before": first_id(at)})
    return [
        Balance(Account(Code(row.code), row.party_id, row.currency), Money(row.minor, row.currency)) for row in found
    ]


async def by_booking(tx: Tx, account: Account, booking_ids: Collection[UUID]) -> Mapping[UUID, int]:
    """What these bookings left on an account by now, where they touched it at all. One statement."""
    rows = await tx.rows(_BY_BOOKING, {"account_id": account.id, "booking_ids": list(booking_ids)})
    return {row.booking_id: row.minor for row in rows}


async def of_booking(tx: Tx, booking_id: UUID) -> Mapping[Code, int]:
    """What a booking left on each kind of account by now, in minor units of its currency. One statement."""
    return {Code(row.code): row.minor for row in await tx.rows(_OF_BOOKING, {"booking": booking_id})}


async def paid_directly(tx: Tx, booking_id: UUID) -> int:
    """What the renter of a booking paid its owner past the platform, in minor units of its currency. One statement."""
    return int((await tx.execute(_DIRECTLY, {"booking": booking_id})).scalar_one())


async def rental(tx: Tx, booking_id: UUID) -> int:
    """What a booking costs its renter by now, paid or not, in minor units of its currency: what was due, less what was
    given back. One statement.
    """
    return int((await tx.execute(_RENTAL, {"booking": booking_id})).scalar_one())


async def of_renters(
    tx: Tx, booking_ids: Collection[UUID], currency: str, kinds: Collection[PostingKind]
) -> Mapping[UUID, int]:
    """What postings of these kinds left on the accounts of the renters, whoever they are, by booking. One statement."""
    values = {"booking_ids": list(booking_ids), "currency": currency, "kinds": [kind.value for kind in kinds]}
    return {row.booking_id: row.minor for row in await tx.rows(_OF_RENTERS, values)}


async def statement(
    tx: Tx, account: Account, since: datetime, until: datetime, *, after: Place | None, limit: int
) -> Sequence[StatementLine]:
    """The entries of an account that were posted in `[since, until)`, oldest first; `limit + 1` of them."""
    after_transaction, after_line = after or (first_id(since), 0)
    values = {"account_id": account.id, "before": first_id(until), "wanted": limit + 1}
    rows = await tx.rows(_STATEMENT, values | {"after_transaction": after_transaction, "after_line": after_line})
    return [
        StatementLine(
            transaction_id=row.transaction_id,
            line_no=row.line_no,
            posted_at=made_at(row.transaction_id) or row.occurred_at,
            occurred_at=row.occurred_at,
            kind=row.kind,
            cause_kind=row.cause_kind,
            cause_id=row.cause_id,
            booking_id=row.booking_id,
            description=row.description,
            amount=Money(row.minor, row.currency),
        )
        for row in rows
    ]


async def keep_checkpoints(tx: Tx, day: date) -> int:
    """Keep what stood on each account at the end of that UTC day, where something moved since the last time.

    Doing it again changes nothing. How many were kept.
    """
    end = datetime.combine(day + timedelta(days=1), time(), UTC)
    kept = await tx.execute(_CHECKPOINT.on_conflict_do_nothing(), {"before": first_id(end), "day": day})
    return kept.rowcount
