"""Telling people: a message in the inbox of each, always, and its deliveries by the channels that suit them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from votremachine.infra.database import Tx
from votremachine.notifications.delivering.models import deliveries
from votremachine.notifications.delivering.rules import Channel, DeliveryState
from votremachine.notifications.models import messages
from votremachine.notifications.preferences.rules import (
    Preferences,
    Reach,
    at_once,
    channels,
    in_digest,
    next_digest,
    send_at,
)
from votremachine.notifications.preferences.service import preferred_by, reach_of
from votremachine.notifications.reminders.models import reminders
from votremachine.notifications.reminders.rules import ReminderState, dedupe_key
from votremachine.notifications.rules import Facts


class Notice(NamedTuple):
    """What one person is to be told. `subject` is what it is about, if that is no booking: by it what is told is looked
    at again before it leaves.
    """

    person_id: UUID
    kind: str
    facts: Facts
    booking_id: UUID | None = None
    subject: UUID | None = None


class Posted(NamedTuple):
    """Deliveries that may go at once, by their channel."""

    id: UUID
    channel: Channel


async def post(tx: Tx, notices: Sequence[Notice], *, lease: datetime | None = None) -> list[Posted]:
    """Put each into its person's inbox, with the deliveries that follow; five statements however many there are.

    `lease` holds those that may go at once for the caller, who gets them; nobody whose account is closed is told.
    """
    people = {one.person_id for one in notices}
    reach, preferred = await reach_of(tx, people), await preferred_by(tx, people)
    told, out, digests = [], [], []
    for notice in notices:
        if (reached := reach.get(notice.person_id)) is None:
            continue
        wishes = preferred[notice.person_id]
        # Whoever cannot be sent their daily message has nothing to gather for it.
        gathered = in_digest(notice.kind, wishes) and bool(channels("digest", wishes, reached.channels))
        message = _message(tx, notice, gathered)
        told.append(message)
        if gathered:
            digests.append(_digest(tx, notice.person_id, next_digest(wishes, tx.now)))
        else:
            out += _deliveries(tx, message, reached, wishes, lease)
    if told:
        await tx.execute(messages.insert(), told)
    if out:
        await tx.execute(deliveries.insert(), out)
    if digests:
        await tx.execute(insert(reminders).on_conflict_do_nothing(index_elements=["dedupe_key"]), digests)
    return [Posted(row["id"], row["channel"]) for row in out if lease and row["lease_until"]]


def new_delivery(tx: Tx, message_id: UUID, channel: Channel, due_at: datetime) -> dict[str, Any]:
    """The row of a delivery that waits."""
    return {
        "id": tx.new_id(),
        "message_id": message_id,
        "channel": channel,
        "state": DeliveryState.WAITING,
        "due_at": due_at,
        "lease_until": None,
        "created_at": tx.now,
        "changed_at": tx.now,
    }


def _message(tx: Tx, notice: Notice, gathered: bool) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "person_id": notice.person_id,
        "kind": notice.kind,
        "booking_id": notice.booking_id,
        "subject": notice.subject,
        "facts": notice.facts,
        "created_at": tx.now,
        "in_digest": gathered,
    }


def _deliveries(
    tx: Tx, message: Mapping[str, Any], reached: Reach, wishes: Preferences, lease: datetime | None
) -> list[dict[str, Any]]:
    due_at = send_at(message["kind"], wishes, tx.now)
    held = lease if due_at <= tx.now else None
    return [
        new_delivery(tx, message["id"], channel, due_at) | {"lease_until": held}
        for channel in at_once(message["kind"], wishes, reached.channels)
    ]


def _digest(tx: Tx, person_id: UUID, due_at: datetime) -> dict[str, Any]:
    return {
        "id": tx.new_id(),
        "kind": "digest",
        "subject": person_id,
        "person_id": person_id,
        "due_at": due_at,
        "state": ReminderState.PLANNED,
        "dedupe_key": dedupe_key("digest", person_id, person_id, due_at),
        "created_at": tx.now,
        "changed_at": tx.now,
    }
