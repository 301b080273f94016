"""Looking at what is dead, trying it again, and sending once more what was sent."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.refusals import NotAllowed
from votremachine.accounts.rules import Actor, Verb, require
from votremachine.accounts.service import audit
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError, Kind
from votremachine.notifications.dead_letters.schemas import DeadLetter
from votremachine.notifications.delivering.models import deliveries
from votremachine.notifications.delivering.rules import DeliveryState
from votremachine.notifications.models import messages
from votremachine.notifications.reminders.models import reminders
from votremachine.notifications.reminders.rules import ReminderState

INBOX = "inbox"


class UnknownLetter(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_letter"
    en = "There is no such message that could be tried again."
    fr = "Il n'y a pas de tel message à réessayer."


def _shown(table: sa.Table) -> list[sa.ColumnElement[Any]]:
    return [table.c[name] for name in ("id", "attempts", "last_error", "changed_at")]


_DEAD = sa.union_all(
    sa.select(
        *_shown(reminders), reminders.c.kind, reminders.c.person_id, reminders.c.subject, sa.literal(INBOX).label("way")
    ).where(reminders.c.state == sa.literal_column(f"'{ReminderState.DEAD.value}'")),
    sa.select(*_shown(deliveries), messages.c.kind, messages.c.person_id, messages.c.booking_id, deliveries.c.channel)
    .join(messages, messages.c.id == deliveries.c.message_id)
    .where(deliveries.c.state == sa.literal_column(f"'{DeliveryState.DEAD.value}'")),
).subquery("dead")


async def browse(tx: Tx, who: Actor, *, before: UUID | None, limit: int) -> list[DeadLetter]:
    """What is dead, newest first; `limit + 1` rows. Raises `NotAllowed`."""
    require(Verb.MIND_LETTERS, who, stranger=NotAllowed())
    return await dead(tx, before=before, most=limit + 1)


async def retry(tx: Tx, who: Actor, letter_id: UUID) -> None:
    """Try one again, as if for the first time. Raises `NotAllowed`, `UnknownLetter`."""
    require(Verb.MIND_LETTERS, who, stranger=NotAllowed())
    if not await revive(tx, letter_id):
        raise UnknownLetter
    await audit.note(tx, who, "retry", "letter", letter_id)


async def dead(tx: Tx, *, before: UUID | None = None, most: int) -> list[DeadLetter]:
    """The newest that are dead, of those before one."""
    wanted = sa.select(_DEAD) if before is None else sa.select(_DEAD).where(_DEAD.c.id < before)
    rows = await tx.rows(wanted.order_by(_DEAD.c.id.desc()).limit(most))
    return [
        DeadLetter(
            row.id, row.way, row.kind, row.person_id, row.subject, row.attempts, row.last_error or "", row.changed_at
        )
        for row in rows
    ]


async def revive(tx: Tx, letter_id: UUID | None = None) -> int:
    """Let what is dead be due again, all of it or one; how many there were."""
    return await _due_again(tx, letter_id, {ReminderState.DEAD}, {DeliveryState.DEAD})


async def replay(tx: Tx, delivery_id: UUID) -> int:
    """Send once more what was sent or dropped: the person gets it twice, on purpose; how many there were."""
    return await _due_again(tx, delivery_id, set(), set(DeliveryState) - {DeliveryState.WAITING})


async def _due_again(
    tx: Tx, letter_id: UUID | None, of_reminders: set[ReminderState], of_deliveries: set[DeliveryState]
) -> int:
    revived = 0
    for table, states, waiting in (
        (reminders, of_reminders, ReminderState.PLANNED),
        (deliveries, of_deliveries, DeliveryState.WAITING),
    ):
        these: sa.ColumnElement[bool] = table.c.state.in_(sorted(states))
        if letter_id is not None:
            these = sa.and_(these, table.c.id == letter_id)
        again = {"state": waiting, "attempts": 0, "due_at": tx.now, "lease_until": None, "changed_at": tx.now}
        revived += (await tx.execute(table.update().where(these).values(again))).rowcount
    return revived
