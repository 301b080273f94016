"""What the inbox, and the ways out of it, have to say when a person asks for their data or leaves."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.infra.database import Tx
from votremachine.notifications.delivering.models import deliveries, sms_codes
from votremachine.notifications.devices.models import devices
from votremachine.notifications.models import messages
from votremachine.notifications.preferences.models import preferences
from votremachine.notifications.reminders.models import reminders


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    rows = await tx.rows(sa.select(messages).where(messages.c.person_id == who.person_id).order_by(messages.c.id))
    return [dict(row._mapping) for row in rows]


async def _export_ways(tx: Tx, who: Actor) -> dict[str, list[dict[str, Any]]]:
    """How messages went out, what is planned, preferences, devices; not what is secret in a device."""
    sent = sa.select(deliveries).join(messages, messages.c.id == deliveries.c.message_id)
    shown = [devices.c[name] for name in ("id", "kind", "name", "created_at")]
    asked = {
        "deliveries": sent.where(messages.c.person_id == who.person_id).order_by(deliveries.c.id),
        "reminders": sa.select(reminders).where(reminders.c.person_id == who.person_id).order_by(reminders.c.id),
        "preferences": sa.select(preferences).where(preferences.c.person_id == who.person_id),
        "devices": sa.select(*shown).where(devices.c.person_id == who.person_id).order_by(devices.c.id),
    }
    return {name: [dict(row._mapping) for row in await tx.rows(question)] for name, question in asked.items()}


async def _forget(tx: Tx, person_id: UUID) -> None:
    # Deliveries go with their messages.
    for table in (messages, reminders, preferences, devices, sms_codes):
        await tx.execute(table.delete().where(table.c.person_id == person_id))


INBOX = PersonalData("inbox", _export, _forget)
DELIVERIES = PersonalData("deliveries", _export_ways)
