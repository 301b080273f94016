"""How the kinds that are about no booking are looked at again: when they are due, and once more before they leave."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.infra.database import Tx
from votremachine.notifications.delivering.posting import Notice
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service import calendars, documents, invoices

Rows = Sequence[sa.Row[Any]]
# What still holds of these rows of reminders, or of messages, of a kind: the notice of each that does, by its id. Of a
# row, its `id`, `person_id` and `subject` are looked at.
Check = Callable[[Tx, Rows, Moments], Awaitable[Mapping[UUID, Notice]]]

OTHER_CHECKS: Mapping[str, Check] = {
    documents.KIND: documents.documents,
    calendars.KIND: calendars.unseen_calendars,
    **dict.fromkeys(invoices.KINDS, invoices.invoices),
}
