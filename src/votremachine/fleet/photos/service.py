"""The verbs of photos: add, show, arrange, remove."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Relation, Verb, relations
from votremachine.accounts.service import audit
from votremachine.fleet import service as fleet
from votremachine.fleet.photos import rules
from votremachine.fleet.photos.events import PhotoAdded
from votremachine.fleet.photos.models import photos
from votremachine.fleet.photos.rules import State, UnknownPhoto
from votremachine.fleet.photos.schemas import CopyView, PhotoView, Refusal
from votremachine.fleet.rules import UnknownMachine
from votremachine.infra.database import Tx
from votremachine.infra.images.errors import REFUSALS, DamagedImage
from votremachine.infra.languages import Language
from votremachine.infra.storage import ledger
from votremachine.infra.storage.files import NoSuchFile

_PROBLEMS = {error.code: error for error in (*REFUSALS, NoSuchFile)}
_OF_MACHINE = sa.select(photos).where(photos.c.machine_id == sa.bindparam("machine"))
_IN_ORDER = _OF_MACHINE.order_by(photos.c.position, photos.c.id)


class Sent(NamedTuple):
    """A photo that was found to be one: the id it will have, the digest of its file, and its pixels, upright."""

    photo_id: UUID
    digest: bytes
    width: int
    height: int


class Stored(NamedTuple):
    """Where a copy is kept, and its ETag: a name is written once, so the name alone tells the bytes."""

    name: str
    tag: str


async def may_add(tx: Tx, who: Actor, machine_id: UUID) -> None:
    """Whether this person may, before anything large is read. Raises `UnknownMachine`, `NotAllowed`."""
    await fleet.owned(tx, who, Verb.EDIT_MACHINE, machine_id)


async def announce(tx: Tx) -> tuple[UUID, str]:
    """The id of a photo that is to come, and the name under which its file may be put, for an hour."""
    photo_id = tx.new_id()
    name = rules.original_file(photo_id)
    await ledger.announce(tx, [name])
    return photo_id, name


async def add(tx: Tx, who: Actor, machine_id: UUID, sent: Sent, language: Language) -> tuple[PhotoView, bool]:
    """Add a photo whose file was put; and whether it is new: sent again, it is the photo it was.

    Raises `UnknownMachine`, `NotAllowed`, `TooManyPhotos`.
    """
    owner = await fleet.owned(tx, who, Verb.EDIT_MACHINE, machine_id)
    await fleet.lock(tx, machine_id)
    there = await tx.rows(_OF_MACHINE, {"machine": machine_id})
    original = rules.original_file(sent.photo_id)
    same = next((row for row in there if row.digest == sent.digest), None)
    if same is not None and same.state != State.FAILED:
        await ledger.doom(tx, [original])
        return _view(same, language), False
    if same is not None:
        await tx.execute(photos.delete().where(photos.c.id == same.id))
    rules.check_room(len(there) - (same is not None))
    last = max((row.position for row in there), default=0)
    (added,) = await tx.rows(photos.insert().values(_new(tx, machine_id, sent, last + 1)).returning(photos))
    await ledger.keep(tx, [original])
    tx.publish(PhotoAdded(photo_id=sent.photo_id, machine_id=machine_id))
    await audit.note(tx, who, "add_photo", "machine", machine_id, owner.party_id)
    return _view(added, language), True


def _new(tx: Tx, machine_id: UUID, sent: Sent, position: int) -> dict[str, Any]:
    return {
        "id": sent.photo_id,
        "machine_id": machine_id,
        "state": State.PENDING,
        "position": position,
        "digest": sent.digest,
        "width": sent.width,
        "height": sent.height,
        "attempts": 0,
        "due_at": tx.now,
        "created_at": tx.now,
    }


async def show(tx: Tx, who: Actor, machine_id: UUID, language: Language) -> list[PhotoView]:
    """The photos of a machine that this person may see; the owner's side also sees what is not ready, and why.

    Raises `UnknownMachine`.
    """
    machine = await fleet.visible(tx, who, machine_id)
    owners = bool(relations(who, {Relation.OWNER: machine.party_id}))
    found = await tx.rows(_IN_ORDER, {"machine": machine_id})
    return [_view(row, language) for row in found if owners or row.state == State.READY]


async def arrange(tx: Tx, who: Actor, machine_id: UUID, wanted: Sequence[UUID]) -> None:
    """Put the photos of a machine in this order. Raises `UnknownMachine`, `NotAllowed`, `PhotosDiffer`."""
    owner = await fleet.owned(tx, who, Verb.EDIT_MACHINE, machine_id)
    await fleet.lock(tx, machine_id)
    rules.check_same([row.id for row in await tx.rows(_OF_MACHINE, {"machine": machine_id})], wanted)
    order = sa.literal(list(wanted), sa.ARRAY(sa.Uuid))
    await tx.execute(
        photos.update()
        .where(photos.c.machine_id == machine_id)
        .values(position=sa.func.array_position(order, photos.c.id))
    )
    await audit.note(tx, who, "arrange_photos", "machine", machine_id, owner.party_id)


async def remove(tx: Tx, who: Actor, photo_id: UUID) -> None:
    """Delete a photo and, soon, its files. Raises `UnknownPhoto`, `NotAllowed`."""
    photo = await _photo(tx, photo_id)
    try:
        owner = await fleet.owned(tx, who, Verb.EDIT_MACHINE, photo.machine_id)
    except UnknownMachine as hidden:
        raise UnknownPhoto from hidden
    gone = await tx.row(photos.delete().where(photos.c.id == photo_id).returning(photos))
    if gone is None:
        raise UnknownPhoto
    await ledger.doom(tx, _files(gone))
    await audit.note(tx, who, "remove_photo", "machine", photo.machine_id, owner.party_id)


async def copy(tx: Tx, who: Actor, photo_id: UUID, width: int) -> Stored:
    """Where the copy of this width is kept. Raises `UnknownPhoto`, also to who may not see the machine."""
    photo = await _photo(tx, photo_id)
    try:
        await fleet.visible(tx, who, photo.machine_id)
    except UnknownMachine as hidden:
        raise UnknownPhoto from hidden
    if width not in _widths(photo):
        raise UnknownPhoto
    return Stored(rules.copy_file(photo.id, photo.making, width), f'"{photo.making}.{width}"')


async def _photo(tx: Tx, photo_id: UUID) -> sa.Row[Any]:
    found = await tx.row(sa.select(photos).where(photos.c.id == photo_id))
    if found is None:
        raise UnknownPhoto
    return found


def _widths(photo: sa.Row[Any]) -> list[int]:
    return [box for box, *_ in photo.copies or ()]


def _files(photo: sa.Row[Any]) -> list[str]:
    """What of a photo stands in storage by itself; copies still in the making are doomed as it is."""
    if photo.state == State.PENDING:
        return [rules.original_file(photo.id)]
    return rules.copy_files(photo.id, photo.making, _widths(photo)) if photo.copies else []


def _view(photo: sa.Row[Any], language: Language) -> PhotoView:
    copies = [CopyView(width, height, f"/v1/photos/{photo.id}/{box}.webp") for box, width, height in photo.copies or ()]
    problem = None
    if photo.problem:
        refused = _PROBLEMS.get(photo.problem, DamagedImage)()
        problem = Refusal(refused.code, refused.sentence(language))
    return PhotoView(photo.id, State(photo.state), photo.width, photo.height, copies, problem)
