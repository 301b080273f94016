"""Links to calendars: making one, listing them, taking one back, and finding the one that a token is of."""

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.challenges import token_hash
from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Verb, require, require_self
from votremachine.accounts.service import absent, audit
from votremachine.calendars.models import calendar_links
from votremachine.calendars.rules import OneCalendar, UnknownCalendar, UnknownCalendarLink, use_is_noted
from votremachine.calendars.schemas import LinkCalendar, LinkView, NewLink
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx

TOKEN_BYTES = 32
_BY_TOKEN = sa.select(calendar_links).where(calendar_links.c.token_hash == sa.bindparam("hash"))


class Followed(NamedTuple):
    """A link that somebody follows: whose it is, as they stand now, and to what it leads."""

    who: Actor
    party_id: UUID | None
    machine_id: UUID | None


async def link(tx: Tx, who: Actor, asked: LinkCalendar, public_url: str) -> NewLink:
    """A link to a calendar that the person may read; only its hash is kept.

    Raises `OneCalendar`, `UnknownMachine`, `UnknownParty`, `NotAllowed`, and `NotInTheirPlace`: a link outlives the
    hour for which staff act for somebody.
    """
    require_self(who)
    party_id = await _party_of(tx, who, asked)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    made = LinkView(tx.new_id(), who.person_id, party_id, asked.machine_id, asked.name, tx.now, None)
    values = {name: getattr(made, name) for name in LinkView.__struct_fields__}
    await tx.execute(calendar_links.insert(), values | {"token_hash": token_hash(token)})
    machine = None if asked.machine_id is None else str(asked.machine_id)
    await audit.note(tx, who, "link", "calendar", made.id, party_id, machine_id=machine)
    url = f"{public_url.rstrip('/')}/v1/calendars/{token}.ics"
    return NewLink(
        id=made.id,
        person_id=made.person_id,
        party_id=made.party_id,
        machine_id=made.machine_id,
        name=made.name,
        created_at=made.created_at,
        url=url,
        webcal=f"webcal://{url.partition('://')[2]}",
    )


async def browse(tx: Tx, who: Actor, *, party_id: UUID | None, after: UUID | None, limit: int) -> Sequence[LinkView]:
    """One's own links; or those that anybody made to a party's calendars, for who runs it. `limit + 1` rows, by age.

    Raises `UnknownParty`, `NotAllowed`.
    """
    wanted = sa.select(calendar_links)
    if party_id is None:
        wanted = wanted.where(calendar_links.c.person_id == who.person_id)
    else:
        require(Verb.EDIT_CALENDAR, who, owner=party_id, stranger=UnknownParty())
        wanted = wanted.where(calendar_links.c.party_id == party_id)
    if after is not None:
        wanted = wanted.where(calendar_links.c.id > after)
    return [_view(row) for row in await tx.rows(wanted.order_by(calendar_links.c.id).limit(limit + 1))]


async def revoke(tx: Tx, who: Actor, link_id: UUID) -> None:
    """Make a link worthless from the commit on: one's own, or one to a calendar of a party that one runs.

    Raises `UnknownCalendarLink`, `NotAllowed`.
    """
    found = await tx.row(sa.select(calendar_links).where(calendar_links.c.id == link_id))
    if found is None:
        raise UnknownCalendarLink
    if found.person_id != who.person_id:
        require(Verb.EDIT_CALENDAR, who, owner=found.party_id, stranger=UnknownCalendarLink())
    await tx.execute(calendar_links.delete().where(calendar_links.c.id == link_id))
    await audit.note(tx, who, "revoke", "calendar", link_id, found.party_id)


async def follow(tx: Tx, token: str) -> Followed:
    """What a token leads to, noting that it was used. Raises `UnknownCalendar`, whatever is wrong with it.

    The person must still be who they were: a seat that was taken away takes the calendar with it, at once.
    """
    found = await tx.row(_BY_TOKEN, {"hash": token_hash(token)})
    who = None if found is None else await absent.person(tx, found.person_id)
    if found is None or who is None:
        raise UnknownCalendar
    if found.party_id is not None:
        require(Verb.READ_BY_LINK, who, owner=found.party_id, stranger=UnknownCalendar())
    if not use_is_noted(found.used_at, tx.now):
        used = calendar_links.update().where(calendar_links.c.id == found.id)
        await tx.execute(used.values(used_at=tx.now))
    return Followed(who, found.party_id, found.machine_id)


async def _party_of(tx: Tx, who: Actor, asked: LinkCalendar) -> UUID | None:
    if asked.machine_id is not None and asked.party_id is not None:
        raise OneCalendar(pointer="/party_id")
    if asked.machine_id is not None:
        return (await fleet.owned(tx, who, Verb.READ_BY_LINK, asked.machine_id)).party_id
    if asked.party_id is not None:
        require(Verb.READ_BY_LINK, who, owner=asked.party_id, stranger=UnknownParty())
    return asked.party_id


def _view(row: sa.Row[Any]) -> LinkView:
    return LinkView(row.id, row.person_id, row.party_id, row.machine_id, row.name, row.created_at, row.used_at)
