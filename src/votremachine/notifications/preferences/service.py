"""What people prefer and how they are reached: read for many at once, and changed by each for themselves."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.service import people
from votremachine.infra.database import Tx
from votremachine.notifications.devices.models import devices
from votremachine.notifications.preferences.models import preferences
from votremachine.notifications.preferences.rules import Choice, Preferences, Reach

USUAL = Preferences()
_ids = sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))
_PREFERRED = sa.select(preferences).where(preferences.c.person_id == sa.any_(_ids))
_WITH_PUSH = sa.select(devices.c.person_id).where(devices.c.person_id == sa.any_(_ids)).distinct()


async def preferred_by(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Preferences]:
    """What each of these people prefers, in one statement."""
    chosen = {row.person_id: _from_row(row) for row in await tx.rows(_PREFERRED, {"ids": list(ids)})}
    return {person_id: chosen.get(person_id, USUAL) for person_id in ids}


async def reach_of(tx: Tx, ids: Collection[UUID]) -> Mapping[UUID, Reach]:
    """How each of these people is reached, in two statements; without those whose account is closed."""
    known = await people.addresses(tx, ids)
    push = {row.person_id for row in await tx.rows(_WITH_PUSH, {"ids": list(ids)})}
    return {
        person_id: Reach(person_id, at.language, at.email, at.phone, person_id in push)
        for person_id, at in known.items()
    }


async def keep(tx: Tx, person_id: UUID, wanted: Preferences, version: int) -> Preferences | None:
    """Write what a person prefers, over what they read at `version`; None when it has changed since."""
    values = {
        "person_id": person_id,
        "zone": wanted.zone.key,
        "quiet_from": wanted.quiet_from,
        "quiet_until": wanted.quiet_until,
        "digest_at": wanted.digest_at,
        "kinds": wanted.kinds,
        "version": version + 1,
    }
    given = insert(preferences).values(values)
    kept = await tx.row(
        given.on_conflict_do_update(
            index_elements=["person_id"],
            set_={name: given.excluded[name] for name in values if name != "person_id"},
            where=preferences.c.version == version,
        ).returning(preferences)
    )
    return None if kept is None else _from_row(kept)


def _from_row(row: sa.Row[Any]) -> Preferences:
    return Preferences(
        zone=ZoneInfo(row.zone),
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        digest_at=row.digest_at,
        kinds=msgspec.convert(row.kinds, dict[str, Choice]),
        version=row.version,
    )
