"""Calendars that nobody looked at for long: owners whose machines are offered by what they no longer read."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from votremachine.accounts.rules import RUNNERS
from votremachine.accounts.service.parties import seats_of
from votremachine.bookings.service import looks
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.notifications.delivering.posting import Notice
from votremachine.notifications.hours import HOME
from votremachine.notifications.reminders.models import reminders
from votremachine.notifications.reminders.rules import Moments, dedupe_key, in_office
from votremachine.notifications.reminders.service.planning import Wanted, add

KIND = "calendar_unseen"
BATCH = 200


async def plan_unseen(tx: Tx, *, after: UUID, moments: Moments) -> UUID | None:
    """Plan, for those who run each of a batch of parties that lend and do not look, to be told at the next office hour;
    no sooner than so long after the last time. The id to go on after, None when all were seen.
    """
    batch = await fleet.lending(tx, after=after, limit=BATCH)
    since = tx.now - moments.unseen_for
    forgotten = await looks.unseen(tx, batch, since.date())
    forgotten -= await _planned_since(tx, forgotten, since)
    seats = await seats_of(tx, forgotten) if forgotten else {}
    today = tx.now.astimezone(ZoneInfo(HOME)).date()
    due = next(at for days in (0, 1) if (at := in_office(today + timedelta(days=days), moments)) > tx.now)
    for party_id, people in seats.items():
        runners = [person_id for person_id, role in people.items() if role in RUNNERS]
        await add(tx, party_id, [Wanted(KIND, one, due, dedupe_key(KIND, party_id, one, due)) for one in runners])
    return batch[-1] if len(batch) == BATCH else None


async def unseen_calendars(tx: Tx, rows: Sequence[sa.Row[Any]], moments: Moments) -> Mapping[UUID, Notice]:
    """Those of a party that still lends and does not look, of people who still run it."""
    lending = await fleet.lending_of(tx, {row.subject for row in rows})
    forgotten = await looks.unseen(tx, lending, (tx.now - moments.unseen_for).date())
    seats = await seats_of(tx, forgotten)
    return {
        row.id: Notice(row.person_id, KIND, {})
        for row in rows
        if row.subject in forgotten and seats[row.subject].get(row.person_id) in RUNNERS
    }


async def _planned_since(tx: Tx, party_ids: set[UUID], since: datetime) -> set[UUID]:
    lately = sa.select(reminders.c.subject).where(
        reminders.c.kind == KIND, reminders.c.subject.in_(list(party_ids)), reminders.c.created_at > since
    )
    return {row.subject for row in await tx.rows(lately)} if party_ids else set()
