"""Taking in a condition report that a phone made: whenever it comes, and however often, it is the same report."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from votremachine.accounts.rules import Actor, Verb
from votremachine.accounts.service import audit
from votremachine.availability.maintenance.service import readings
from votremachine.availability.rules import check_instant
from votremachine.bookings.refusals import UnknownBooking
from votremachine.bookings.rules import Booking
from votremachine.bookings.service import reading as bookings
from votremachine.bookings.service import store
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.infra.links import Links
from votremachine.inspections.checklists import checklist
from votremachine.inspections.events import InspectionToSign
from votremachine.inspections.models import inspection_photos, inspections, waiting_photos
from votremachine.inspections.rules import chain, meters
from votremachine.inspections.rules.accepting import (
    MOST_REPORTS,
    InspectionDiffers,
    NotInBooking,
    NotToBeAmended,
    RelayNeedsTwo,
    TooManyInspections,
    check_content,
    check_made_at,
    clock_ahead,
)
from votremachine.inspections.rules.report import Content, Occasion, Shot, State
from votremachine.inspections.rules.signing import check_moment
from votremachine.inspections.schemas import InspectionView, MakeInspection
from votremachine.inspections.service import reading

# Whoever sends the report, or one of its photos, waits for the other to be written; see photos.py. And whoever sends
# another one of the booking waits, so that those that are there can be counted.
_LOCK_AND_LOOK = sa.select(
    sa.func.pg_advisory_xact_lock(sa.bindparam("key", type_=sa.BigInteger)).label("locked"),
    sa.func.pg_advisory_xact_lock(sa.bindparam("booking_key", type_=sa.BigInteger)).label("booking_locked"),
    sa.select(inspections.c.content)
    .where(inspections.c.id == sa.bindparam("id", type_=sa.Uuid))
    .scalar_subquery()
    .label("content"),
)
_ID, _MINE = sa.bindparam("inspection", type_=sa.Uuid), sa.bindparam("mine", type_=sa.Uuid)
_announced = (
    sa.func.unnest(sa.bindparam("hashes", type_=sa.ARRAY(sa.LargeBinary)))
    .table_valued(sa.column("sha256", sa.LargeBinary), with_ordinality="place", name="announced")
    .render_derived()
)
# What came before its report, from the same person.
_CAME = (
    waiting_photos.delete()
    .where(
        waiting_photos.c.inspection_id == _ID,
        waiting_photos.c.sent_by == _MINE,
        waiting_photos.c.sha256 == sa.any_(sa.bindparam("hashes", type_=sa.ARRAY(sa.LargeBinary))),
    )
    .returning(*waiting_photos.c)
    .cte("came")
)
_RECEIVED = ("file_id", "media_type", "bytes", "sent_by", "received_at")
_ADD_PHOTOS = (
    inspection_photos.insert()
    .from_select(
        ["inspection_id", "sha256", "place", *_RECEIVED],
        sa.select(
            _ID,
            _announced.c.sha256,
            sa.cast(_announced.c.place, sa.SmallInteger),
            *(_CAME.c[name] for name in _RECEIVED),
        ).select_from(_announced.outerjoin(_CAME, _CAME.c.sha256 == _announced.c.sha256)),
    )
    .returning(*inspection_photos.c)
)


async def send(
    tx: Tx, who: Actor, links: Links, booking_id: UUID, asked: MakeInspection
) -> tuple[InspectionView, bool]:
    """Take in a report of a booking; and whether it is new: sent again, it is the report it was.

    Raises `UnknownBooking`, `NotAllowed`, `NotInBooking`, `NotNow`, `TooEarly`, `InspectionDiffers`,
    `TooManyInspections`, `NotToBeAmended`, what `check_content` and `meters.checked` do, and `NaiveTime`, `OutOfTime`.
    """
    asked_at = check_instant(asked.made_at, "/made_at")
    booking = await bookings.load(tx, booking_id)
    following = await _following(tx, asked)
    concerned = [booking] if following is None else [booking, following]
    reading.authorise(Verb.INSPECT, who, concerned, UnknownBooking())
    if any(asked.machine_id not in one.machine_ids for one in concerned):
        raise NotInBooking(pointer="/machine_id")
    machine, counts = await fleet.inspected(tx, asked.machine_id)
    said = _content(booking_id, machine.category, asked)
    known = await _lock_and_look(tx, said)
    if known is not None:
        return await _again(tx, who, links, said, known, concerned), False
    ahead = clock_ahead(asked.phone_clock and check_instant(asked.phone_clock, "/phone_clock"), tx.now)
    check_made_at(asked_at, booking.created_at, tx.now, ahead)
    _check_moment(tx, said, concerned)
    await _check_amended(tx, said)
    check_content(said, [item.code for item in checklist(machine.category)], counts, machine.terms.asks)
    last = await readings.latest(tx, machine.id, asked_at)
    read = {meter: meters.LastReading(one.value, one.read_at) for meter, one in last.items()}
    said = msgspec.structs.replace(said, meters=meters.checked(said.meters, asked_at, read))
    row = await _insert(tx, who, said, ahead)
    if row is None:
        kept = await tx.row(reading.ONE_LOCKED, {"id": said.id})
        if kept is None:
            raise TooManyInspections(most=MOST_REPORTS)
        return await _again(tx, who, links, said, reading.content_of(kept), concerned), False
    photos = await _add_photos(tx, who, said)
    tell_complete(tx, who, row, concerned)
    await audit.note(tx, who, "inspect", "inspection", said.id, occasion=said.kind, booking_id=str(booking_id))
    return reading.view(tx, links, row, photos, [], originals=reading.stands_by(who, concerned)), True


def tell_complete(tx: Tx, who: Actor, row: sa.Row[Any], concerned: Sequence[Booking]) -> None:
    """Tell both sides that a report may be signed, if it may."""
    if row.state == State.COMPLETE:
        for booking in concerned:
            tx.publish(store.fact(InspectionToSign, booking, who, inspection_id=row.id, machine_id=row.machine_id))


def lock_key(inspection_id: UUID) -> int:
    """The advisory lock under which a report and its photos are taken in."""
    return int.from_bytes(inspection_id.bytes[8:], signed=True) ^ 0x1E5


def _booking_key(booking_id: UUID) -> int:
    """The advisory lock under which the reports of a booking are counted; taken after that of the report."""
    return int.from_bytes(booking_id.bytes[8:], signed=True) ^ 0xB00C


async def _following(tx: Tx, asked: MakeInspection) -> Booking | None:
    """The booking that a relay hands over to."""
    if (asked.kind is Occasion.RELAY) != (asked.next_booking_id is not None) and asked.kind is not Occasion.AMENDMENT:
        raise RelayNeedsTwo(pointer="/next_booking_id")
    return await bookings.load(tx, asked.next_booking_id) if asked.next_booking_id else None


def _content(booking_id: UUID, category: str, asked: MakeInspection) -> Content:
    """What is signed, of what was sent; times in UTC, whatever offset they came with."""
    given = msgspec.structs.asdict(asked)
    del given["phone_clock"]
    photos = tuple(_utc(one, number) for number, one in enumerate(asked.photos))
    given |= {"made_at": check_instant(asked.made_at, "/made_at"), "photos": photos}
    given["meters"] = tuple(meters.checked(asked.meters, given["made_at"], {}))
    return Content(booking_id=booking_id, category=category, **given)


def _utc(shot: Shot, number: int) -> Shot:
    return msgspec.structs.replace(shot, taken_at=check_instant(shot.taken_at, f"/photos/{number}/taken_at"))


async def _lock_and_look(tx: Tx, said: Content) -> Content | None:
    """What stands under the id of the report."""
    values = {"key": lock_key(said.id), "booking_key": _booking_key(said.booking_id), "id": said.id}
    found = (await tx.execute(_LOCK_AND_LOOK, values)).one()
    return reading.content_of(found) if found.content else None


async def _again(
    tx: Tx, who: Actor, links: Links, said: Content, kept: Content, concerned: Sequence[Booking]
) -> InspectionView:
    """The report that stands, if it says the same; the machine may be of another category by now."""
    if msgspec.structs.replace(said, category=kept.category) != kept:
        raise InspectionDiffers(pointer="/id")
    row = await tx.row(reading.ONE_LOCKED, {"id": kept.id})
    assert row is not None  # noqa: S101 -- nothing deletes one
    return (await reading.views(tx, who, links, [row], concerned))[0]


def _check_moment(tx: Tx, said: Content, concerned: Sequence[Booking]) -> None:
    booking, *following = concerned
    check_moment(said.kind, booking, tx.now)
    for one in following:
        # With the same machine it is of the same owner: a machine never changes hands for good.
        if one.id == booking.id:
            raise RelayNeedsTwo(pointer="/next_booking_id")
        if said.kind is Occasion.RELAY:
            check_moment(Occasion.CHECK_OUT, one, tx.now)


async def _check_amended(tx: Tx, said: Content) -> None:
    """Raises `NotToBeAmended` unless what is amended is signed, and of this machine and these bookings."""
    if said.amends is None:
        return
    row = await tx.row(reading.ONE_LOCKED, {"id": said.amends})
    same = ("booking_id", "next_booking_id", "machine_id")
    if row is None or row.state != State.SIGNED or any(getattr(row, one) != getattr(said, one) for one in same):
        raise NotToBeAmended(pointer="/amends")


async def _insert(tx: Tx, who: Actor, said: Content, ahead: int | None) -> sa.Row[Any] | None:
    """The new row; None when another of this id was written just now, or the booking takes no more.

    It counts what was committed before the statement began: after `_LOCK_AND_LOOK`, so nobody adds one meanwhile.
    """
    content = chain.canonical(said)
    arrived = _all_came(said, who)
    values: dict[str, Any] = {
        **{name: getattr(said, name) for name in chain.COLUMNS},
        "content": content,
        "content_hash": chain.content_hash(content),
        "sent_by": who.person_id,
        "sent_at": tx.now,
        "clock_ahead": ahead,
    }
    state = sa.case((arrived, State.COMPLETE.value), else_=State.DRAFT.value)
    columns = [sa.literal(value, inspections.c[name].type) for name, value in values.items()]
    there = sa.select(sa.func.count()).select_from(inspections).where(inspections.c.booking_id == said.booking_id)
    fits = sa.select(state, *columns).where(there.scalar_subquery() < MOST_REPORTS)
    return await tx.row(
        insert(inspections).from_select(["state", *values], fits).on_conflict_do_nothing().returning(inspections)
    )


def _all_came(said: Content, who: Actor) -> sa.ColumnElement[bool]:
    """Whether every photo of a report waits for it already."""
    hashes = [bytes.fromhex(one.sha256) for one in said.photos]
    came = sa.select(sa.func.count()).select_from(waiting_photos)
    mine = came.where(
        waiting_photos.c.inspection_id == said.id,
        waiting_photos.c.sent_by == who.person_id,
        waiting_photos.c.sha256.in_(hashes),
    )
    return mine.scalar_subquery() == len(hashes)


async def _add_photos(tx: Tx, who: Actor, said: Content) -> Sequence[sa.Row[Any]]:
    if not said.photos:
        return []
    hashes = [bytes.fromhex(one.sha256) for one in said.photos]
    return await tx.rows(_ADD_PHOTOS, {"inspection": said.id, "mine": who.person_id, "hashes": hashes})
