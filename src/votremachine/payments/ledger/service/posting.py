"""Writing into the ledger: whole postings, each once for its cause, with whatever else the transaction writes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Tx
from votremachine.infra.statements import Write
from votremachine.payments.ledger.models import ledger_accounts, ledger_entries, ledger_transactions
from votremachine.payments.ledger.rules.posting import Cause, Posting, PostingKind, check


def _rows(name: str, columns: dict[str, sa.types.TypeEngine[Any]]) -> Any:
    """Rows made of one array for each of the columns, bound as `ledger_<name>_<column>`."""
    arrays = [sa.bindparam(f"ledger_{name}_{column}", type_=sa.ARRAY(kind)) for column, kind in columns.items()]
    return sa.func.unnest(*arrays).table_valued(*map(sa.column, columns), name=f"ledger_{name}").render_derived()


_accounts = _rows("account", {"id": sa.Uuid(), "party_id": sa.Uuid(), "code": sa.Text(), "currency": sa.Text()})
_heads = _rows(
    "head",
    {
        "id": sa.Uuid(),
        "kind": sa.Text(),
        "reference": sa.Text(),
        "lines": sa.SmallInteger(),
        "content": sa.Uuid(),
        "cause_kind": sa.Text(),
        "cause_id": sa.Uuid(),
        "booking_id": sa.Uuid(),
    },
)
_lines = _rows(
    "line",
    {
        "transaction_id": sa.Uuid(),
        "line_no": sa.SmallInteger(),
        "account_id": sa.Uuid(),
        "minor": sa.BigInteger(),
        "currency": sa.Text(),
    },
)
_known = insert(ledger_accounts).from_select(list(_accounts.c.keys()), sa.select(*_accounts.c).order_by(_accounts.c.id))
_OCCURRED, _DESCRIBED = (
    sa.bindparam("ledger_occurred_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("ledger_description", type_=sa.Text),
)
_made = insert(ledger_transactions).from_select(
    [*_heads.c.keys(), "occurred_at", "description"], sa.select(*_heads.c, _OCCURRED, _DESCRIBED)
)
# The same cause again changes nothing. With other lines it would be an update, which the database refuses.
_posted = (
    _made.on_conflict_do_update(
        index_elements=["cause_id", "cause_kind", "kind"],
        set_={"content": _made.excluded.content},
        where=ledger_transactions.c.content != _made.excluded.content,
    )
    .returning(ledger_transactions.c.id)
    .cte("ledger_posted")
)
_POST = Write(
    "ledger",
    ledger_entries.insert()
    .from_select(
        list(_lines.c.keys()), sa.select(*_lines.c).join_from(_lines, _posted, _posted.c.id == _lines.c.transaction_id)
    )
    .add_cte(_known.on_conflict_do_nothing().cte("ledger_known")),
)


class Caused(msgspec.Struct, frozen=True):
    """A posting, what it goes back to, and the booking that it is about."""

    cause: Cause
    posting: Posting
    booking_id: UUID | None = None


_STANDS = sa.select(sa.func.count()).where(
    ledger_transactions.c.cause_kind == sa.bindparam("cause_kind"),
    ledger_transactions.c.cause_id == sa.bindparam("cause_id", type_=sa.Uuid),
    ledger_transactions.c.kind == sa.bindparam("kind"),
)


async def is_posted(tx: Tx, cause: Cause, kind: PostingKind) -> bool:
    """Whether this was posted for this cause. One statement."""
    return bool((await tx.execute(_STANDS, {"cause_kind": cause.kind, "cause_id": cause.id, "kind": kind})).scalar())


async def post(
    tx: Tx,
    cause: Cause,
    *postings: Posting,
    booking_id: UUID | None = None,
    occurred_at: datetime | None = None,
    description: str = "",
) -> None:
    """Write what happened; once for each cause and kind, whoever asks how often. Deferred: no round trip of its own.

    Raises what `check` does; the database refuses, as a fault, what differs from what the cause was posted with.
    """
    caused = [Caused(cause, posting, booking_id) for posting in postings]
    await post_all(tx, caused, occurred_at=occurred_at, description=description)


async def post_all(
    tx: Tx, caused: Sequence[Caused], *, occurred_at: datetime | None = None, description: str = ""
) -> None:
    """As `post`, for things of several causes, each of them once."""
    for one in caused:
        check(one.posting)
    if caused:
        shared = {"ledger_occurred_at": occurred_at or tx.now, "ledger_description": description}
        await tx.defer(_POST, shared | _as_arrays(tx, caused))


def _as_arrays(tx: Tx, caused: Sequence[Caused]) -> dict[str, list[Any]]:
    numbered = [(tx.new_id(), one) for one in caused]
    entries = [
        (made, number, entry) for made, one in numbered for number, entry in enumerate(one.posting.entries, start=1)
    ]
    accounts = list({entry.account for _, _, entry in entries})
    return {
        "ledger_account_id": [account.id for account in accounts],
        "ledger_account_party_id": [account.party_id for account in accounts],
        "ledger_account_code": [account.code.value for account in accounts],
        "ledger_account_currency": [account.currency for account in accounts],
        "ledger_head_id": [made for made, _ in numbered],
        "ledger_head_kind": [one.posting.kind.value for _, one in numbered],
        "ledger_head_reference": [one.posting.reference for _, one in numbered],
        "ledger_head_lines": [len(one.posting.entries) for _, one in numbered],
        "ledger_head_content": [one.posting.content for _, one in numbered],
        "ledger_head_cause_kind": [one.cause.kind for _, one in numbered],
        "ledger_head_cause_id": [one.cause.id for _, one in numbered],
        "ledger_head_booking_id": [one.booking_id for _, one in numbered],
        "ledger_line_transaction_id": [made for made, _, _ in entries],
        "ledger_line_line_no": [number for _, number, _ in entries],
        "ledger_line_account_id": [entry.account.id for _, _, entry in entries],
        "ledger_line_minor": [entry.minor for _, _, entry in entries],
        "ledger_line_currency": [entry.account.currency for _, _, entry in entries],
    }
