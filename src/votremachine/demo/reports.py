"""The condition reports of the demo, signed by both sides, and what an owner claims after them."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from votremachine.accounts.rules import Actor
from votremachine.damages.schemas import OpenClaim
from votremachine.damages.service import opening
from votremachine.demo.pictures import Kept
from votremachine.demo.world import DemoClaim, DemoDamage, DemoReport
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.infra.links import Links
from votremachine.inspections.checklists import checklist
from votremachine.inspections.rules.report import Grade
from votremachine.inspections.rules.signing import Side
from votremachine.inspections.schemas import InspectionView, MakeInspection, SignInspection
from votremachine.inspections.service import photos, sending, signing


class Reports:
    """Makes reports with these pictures; remembers damage by its key, and the reports of each booking."""

    def __init__(self, pictures: Mapping[str, Kept], links: Links) -> None:
        self._pictures = pictures
        self._links = links
        self._damage: dict[str, UUID] = {}
        self._made: defaultdict[str, list[UUID]] = defaultdict(list)

    async def sign(
        self, tx: Tx, said: DemoReport, booking_id: UUID, machine_id: UUID, sides: Mapping[Side, Actor]
    ) -> None:
        """The owner makes a report with its photos, and both sides sign it: the machine changes hands."""
        owner = sides[Side.OWNER]
        asked = await self._asked(tx, said, machine_id)
        made, _ = await sending.send(tx, owner, self._links, booking_id, asked)
        for name in said.pictures:
            kept = self._pictures[name]
            await photos.receive(tx, owner, made.id, kept.file_id, kept.found)
        for side in (Side.RENTER, Side.OWNER):
            await self._signed(tx, sides[side], side, made)
        self._made[said.booking].append(made.id)

    async def claim(self, tx: Tx, said: DemoClaim, owner: Actor, booking_id: UUID) -> None:
        """The owner claims what came back broken, and points to both reports."""
        shown_by = {"inspection_ids": self._made[said.booking]}
        asked = {"reason": said.reason, "lines": [line | shown_by for line in said.lines]}
        await opening.open_claim(tx, owner, booking_id, msgspec.convert(asked, OpenClaim))

    async def _signed(self, tx: Tx, who: Actor, side: Side, made: InspectionView) -> None:
        await signing.sign(tx, who, self._links, made.id, SignInspection(side, made.content_hash))

    async def _asked(self, tx: Tx, said: DemoReport, machine_id: UUID) -> MakeInspection:
        machine, meters = await fleet.inspected(tx, machine_id)
        shots = {name: self._pictures[name].found.sha256.hex() for name in said.pictures}
        asked: dict[str, Any] = {
            "id": tx.new_id(),
            "machine_id": machine_id,
            "kind": said.kind,
            "made_at": tx.now,
            "cleanliness": said.cleanliness,
            "fuel_eighths": said.fuel_eighths,
            "meters": [{"meter": one, "value": said.engine_hours} for one in meters],
            "checklist": [
                {"item": one.code, "grade": said.grades.get(one.code, Grade.GOOD)}
                for one in checklist(machine.category)
            ],
            "damage": [self._found(tx, one, shots) for one in said.damage],
            "photos": [{"sha256": sha256, "taken_at": tx.now} for sha256 in shots.values()],
            "notes": said.notes,
        }
        return msgspec.convert(asked, MakeInspection)

    def _found(self, tx: Tx, one: DemoDamage, shots: Mapping[str, str]) -> dict[str, Any]:
        damage_id = self._damage.setdefault(one.key, tx.new_id())
        told = {"id": damage_id, "where": one.where, "what": one.what, "severity": one.severity}
        return told | {"photos": [shots[name] for name in one.pictures]}
