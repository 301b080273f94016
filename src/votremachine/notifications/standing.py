"""Which messages still say what is so: asked of whatever is about to leave the house, and of what a digest gathered."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.bookings.service import reading
from votremachine.infra.database import Tx
from votremachine.notifications.about import machines_of
from votremachine.notifications.lacking import lacks_of
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service.checks import OTHER_CHECKS
from votremachine.notifications.rules import KINDS, NOTHING, still_true

Rows = Sequence[sa.Row[Any]]


async def still_standing(tx: Tx, told: Rows, moments: Moments) -> set[UUID]:
    """Those of these messages that say what is so at this moment; a few statements, however many there are."""
    others: defaultdict[str, list[sa.Row[Any]]] = defaultdict(list)
    about_bookings = []
    for one in told:
        # Those of earlier versions do not say what they are about.
        if one.kind in OTHER_CHECKS and one.subject is not None:
            others[one.kind].append(one)
        else:
            about_bookings.append(one)
    standing = await _about_bookings(tx, about_bookings)
    for kind, some in others.items():
        standing |= set(await OTHER_CHECKS[kind](tx, some, moments))
    return standing


async def _about_bookings(tx: Tx, told: Rows) -> set[UUID]:
    """Those of which their booking, if they depend on one, stands as they say."""
    about = {one.booking_id for one in told if one.booking_id is not None and _depends(one.kind)}
    found = await reading.by_ids(tx, about) if about else {}
    asked = {one.booking_id for one in told if KINDS[one.kind].lack} & found.keys()
    lacking = [found[one] for one in asked]
    lacks = await lacks_of(tx, lacking, await machines_of(tx, lacking)) if lacking else {}
    return {
        one.id
        for one in told
        if still_true(one.kind, one.facts, found.get(one.booking_id), tx.now, lacks.get(one.booking_id, NOTHING))
    }


def _depends(kind: str) -> bool:
    known = KINDS[kind]
    return bool(known.states) or known.lack is not None
