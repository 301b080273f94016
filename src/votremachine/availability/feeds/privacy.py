"""What feeds have to say when a person asks for their data, or when a party closes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from votremachine.accounts.privacy import PersonalData
from votremachine.accounts.rules import Actor
from votremachine.availability.feeds.service import filling, store
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx


async def _export(tx: Tx, who: Actor) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await store.made_by(tx, who.person_id)]


async def _close(tx: Tx, party_ids: Sequence[UUID]) -> None:
    """Nobody's calendar is read any more for machines that are offered no more."""
    for party_id in party_ids:
        machines = {machine.id: machine for machine in await fleet.machines_of(tx, party_id)}
        for machine_id in sorted({feed.machine_id for feed in await store.of_machines(tx, machines)}):
            await fleet.lock(tx, machine_id)
            for feed in await store.of_machines(tx, [machine_id]):
                await filling.empty(tx, machines[machine_id], feed.id)


FEEDS = PersonalData("calendar_feeds", _export, close_parties=_close)
