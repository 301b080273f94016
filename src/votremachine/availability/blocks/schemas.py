"""What travels over the wire about blocks."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.availability.blocks import recurrence
from votremachine.availability.blocks.recurrence import Series
from votremachine.availability.blocks.rules import MOST_DATES, Block, Change
from votremachine.availability.rules import Taker
from votremachine.infra.wire import Input, SpanView
from votremachine.kernel.span import Span

Kind = Literal["block", "maintenance"]
Note = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*\Z")]
RecurrenceRule = Annotated[
    str,
    msgspec.Meta(
        max_length=300,
        pattern=r"^[A-Za-z0-9=;:,+-]*\Z",
        description="RRULE of RFC 5545, DAILY to YEARLY, in the machine's local time; empty for none.",
    ),
]
Dates = Annotated[tuple[datetime, ...], msgspec.Meta(max_length=MOST_DATES)]


class BlockTime(Input):
    """Keep a machine for oneself, or for the workshop: once, or again by a rule and on further dates."""

    start: datetime
    end: datetime
    kind: Kind = "block"
    note: Note = ""
    rrule: RecurrenceRule = ""
    rdates: Dates = ()
    exdates: Dates = ()

    def change(self) -> Change:
        """From nothing."""
        return Change(self.start, self.end, Taker(self.kind), self.note, self.rrule, self.rdates, self.exdates)


class EditBlock(Input):
    """What is to be changed; the rest stays. A new `start` alone keeps the length.

    In a series `start` and `end` are those of the first occurrence, or of the one named by `occurrence`; the others,
    and the dates added and left out, move along.
    """

    start: datetime | None = None
    end: datetime | None = None
    kind: Kind | None = None
    note: Note | None = None
    rrule: RecurrenceRule | None = None
    rdates: Dates | None = None
    exdates: Dates | None = None

    def change(self) -> Change:
        kind = None if self.kind is None else Taker(self.kind)
        return Change(self.start, self.end, kind, self.note, self.rrule, self.rdates, self.exdates)


class BlockView(msgspec.Struct, frozen=True):
    """A block; `during` is the first occurrence of a series. What a booking keeps out of it stands in `lost`."""

    id: UUID
    machine_id: UUID
    kind: Taker
    during: SpanView
    note: str
    version: int
    series_id: UUID
    rrule: str
    rdates: list[datetime]
    exdates: list[datetime]
    lost: list[datetime]


def view(block: Block, zone: ZoneInfo, lost: tuple[datetime, ...] = ()) -> BlockView:
    """A block as its owner sees it; `zone` is the machine's."""
    series = None if isinstance(block.time, Span) else block.time
    zone = zone if series is None else series.zone
    return BlockView(
        id=block.id,
        machine_id=block.machine_id,
        kind=block.kind,
        during=SpanView.of(_first(block.time), zone),
        note=block.note,
        version=block.version,
        series_id=block.series_id,
        rrule=series.rule.written if series and series.rule else "",
        rdates=_dates(series.rdates, zone) if series else [],
        exdates=_dates(series.exdates, zone) if series else [],
        lost=[one.astimezone(zone) for one in lost],
    )


def _first(time: Span | Series) -> Span:
    return time if isinstance(time, Span) else recurrence.placed(time, time.start)


def _dates(local: tuple[datetime, ...], zone: ZoneInfo) -> list[datetime]:
    return [recurrence.instant(one, zone).astimezone(zone) for one in local]
