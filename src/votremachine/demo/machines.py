"""The machines of the demo: listed, priced, then published, paused or left a draft as the world says."""

from uuid import UUID

import msgspec

from votremachine.accounts.rules import Actor
from votremachine.demo.hours import Hours
from votremachine.demo.people import Cast
from votremachine.demo.world import ZONE, DemoMachine, communes, world
from votremachine.fleet import editing
from votremachine.fleet.rules import State
from votremachine.fleet.schemas import ListMachine, TermsInput
from votremachine.infra.database import Tx
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.schemas import SetRates
from votremachine.pricing.service.cards import set_rates

# Days before today: in this order, and all before the first booking.
LISTED, PUBLISHED, PAUSED = -90, -89, -6

_PUBLIC = {State.LISTED, State.PAUSED}


async def list_machines(hours: Hours, cast: Cast) -> dict[str, UUID]:
    """The whole fleet; the id of each machine by its key in the world."""
    known = {}
    for one in world().machines:
        owner = cast.admin(one.party)
        known[one.key] = machine_id = await _list(hours.on(LISTED, "18:30"), owner, cast.parties[one.party], one)
        if one.state in _PUBLIC:
            await editing.set_state(hours.on(PUBLISHED, "07:45"), owner, machine_id, State.LISTED)
        if one.state is State.PAUSED:
            await editing.set_state(hours.on(PAUSED, "08:10"), owner, machine_id, State.PAUSED)
    return known


async def _list(tx: Tx, owner: Actor, party_id: UUID, one: DemoMachine) -> UUID:
    made = await editing.list_machine(tx, owner, _asked(party_id, one))
    prices = {Unit.DAY: one.day_minor, Unit.WEEK: one.week_minor}
    rates = [{"unit": unit, "minor": minor} for unit, minor in prices.items() if minor is not None]
    await set_rates(tx, owner, made.id, msgspec.convert({"rates": rates}, SetRates))
    return made.id


def _asked(party_id: UUID, one: DemoMachine) -> ListMachine:
    same = (
        *("category", "description", "make", "model", "deposit_minor", "attributes", "meters"),
        *("cancellation", "cleaning"),
    )
    title = {"fr": one.title, "en": one.title_en}
    place = {"commune": communes()[one.commune], "latitude": one.lat, "longitude": one.lon}
    terms = {name: getattr(one, name) for name in TermsInput.__struct_fields__ if hasattr(one, name)}
    asked = {name: getattr(one, name) for name in same}
    # Converted and not constructed: the world is held to the same limits as what owners send.
    return msgspec.convert(
        {**asked, "title": title, "party_id": party_id, "place": place, "terms": terms, "zone": ZONE.key}, ListMachine
    )
