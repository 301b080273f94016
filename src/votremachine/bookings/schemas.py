"""What travels over the wire about bookings."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from votremachine.availability.rules import Sight
from votremachine.bookings.rules import AgreedTerms, State
from votremachine.deposits.rules import State as DepositState
from votremachine.fleet.rules import State as MachineState
from votremachine.fleet.terms import DatedHours
from votremachine.infra.wire import Input, SpanView
from votremachine.kernel.money import Money
from votremachine.pricing.offers import LONGEST_TOKEN
from votremachine.pricing.rules.lines import Price

Note = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*\Z")]
Settling = Literal["on_account"]


class Book(Input):
    """Machines of one owner for one span.

    Without `payment` the time is held for 15 minutes, to be confirmed; `on_account` (members of the owning
    cooperative, demo parties) books at once. With the token of a `quote` it is at the quoted price, extras included.
    """

    machine_ids: Annotated[list[UUID], msgspec.Meta(min_length=1, max_length=10)]
    start: datetime
    end: datetime
    renter_party_id: UUID | None = None
    payment: Settling | None = None
    note: Note = ""
    quote: Annotated[str, msgspec.Meta(max_length=LONGEST_TOKEN)] | None = None


class Confirm(Input):
    """How the booking is paid: `on_account`, or by `card`, with one that the renter keeps."""

    payment: Literal["on_account", "card"]
    instrument_id: UUID | None = None


class Reschedule(Input):
    """Another time. `instrument_id`: the card that pays what it costs more; by default the one that paid.

    `reason` is for the record; `weather` moves a booking where its terms offer that, when it is too late otherwise.
    """

    start: datetime
    end: datetime
    reason: Literal["weather"] | None = None
    instrument_id: UUID | None = None


class Extend(Input):
    """A later end; `instrument_id` as in `Reschedule`."""

    end: datetime
    instrument_id: UUID | None = None


class Why(Input):
    """A reason, for the other side and for the record."""

    why: Note = ""


class CheckIn(Input):
    """When the machine came back; now, if left out."""

    at: datetime | None = None


class Named(msgspec.Struct, frozen=True, gc=False):
    id: UUID
    name: str


class BookingView(msgspec.Struct, frozen=True):
    """A booking as its two sides see it; times are in the zone of its first machine.

    `stands_for` has, by the id of a machine that was put in another's place, that other one: the lines of the price go
    on naming it, and so do `terms`: what the owner had agreed to on the day of booking.
    """

    id: UUID
    state: State
    machines: list[Named]
    owner: Named
    renter: Named
    during: SpanView
    zone: str
    expires_at: datetime | None
    price: Price
    deposit: Money
    on_account: bool
    at_risk: bool
    out_at: datetime | None
    returned_at: datetime | None
    note: str
    version: int
    created_at: datetime
    stands_for: Mapping[UUID, UUID]
    terms: Mapping[UUID, AgreedTerms]


class Proof(msgspec.Struct, frozen=True):
    """The bank wants the cardholder to prove who they are: with this secret, in the gateway's own form.

    The booking is still held. Confirm it again once that is done.
    """

    booking_id: UUID
    client_secret: str
    requires_action: bool = True


class ClashView(msgspec.Struct, frozen=True):
    """A followed calendar that wants the time of a booking, and where they meet first."""

    feed: Named
    during: SpanView


class AgendaEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What stands in a machine's calendar: see docs/calendars.md. What is not so, or not known, is left out.

    The buffers are what is kept free around `during`; `whole` is all of what `during` is a part of, where something
    else has the rest. `occurrence` names one of a series to whoever changes it.
    """

    kind: Sight
    ref_id: UUID
    during: SpanView
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    state: State | None = None
    renter: Named | None = None
    expires_at: datetime | None = None
    at_risk: bool = False
    late: bool = False
    late_until: datetime | None = None
    clashes: list[ClashView] = []
    note: str = ""
    recurs: bool = False
    occurrence: datetime | None = None
    whole: SpanView | None = None
    feed: Named | None = None
    clash: bool = False
    due_on: date | None = None


class MachineAgenda(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The calendar of one machine in a window, in its own zone, by start.

    `hand_over` has the hours of each local date of the window; it is left out where any hour will do.
    """

    machine: Named
    state: MachineState
    zone: str
    window: SpanView
    hand_over: Sequence[DatedHours] | None = None
    entries: Sequence[AgendaEntry]


class Contact(msgspec.Struct, frozen=True):
    """Somebody of the other side, to be called about the hand-over."""

    name: str
    phone: str


class Whereabouts(msgspec.Struct, frozen=True):
    """Where a machine really stands: WGS 84 degrees."""

    machine_id: UUID
    latitude: float
    longitude: float


class Meeting(msgspec.Struct, frozen=True):
    """What the two sides tell each other once a booking is confirmed, and nobody else before."""

    contacts: list[Contact]
    places: list[Whereabouts]


class BookingDetails(BookingView, frozen=True, kw_only=True):
    """One booking; `meeting` while it is confirmed, in use or just returned; `deposit_state` where it has a deposit."""

    meeting: Meeting | None
    deposit_state: DepositState | None


class StepView(msgspec.Struct, frozen=True):
    """One step in the life of a booking; `by` is null when the clock took it."""

    from_state: State | None
    to_state: State
    at: datetime
    by: UUID | None
    why: str
