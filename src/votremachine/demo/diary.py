"""The calendars of the demo: what was booked, decided, handed over and blocked, in the order in which it happened."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from votremachine.accounts.rules import Actor
from votremachine.availability.blocks.schemas import BlockTime
from votremachine.availability.blocks.service import verbs as blocks
from votremachine.bookings.events import BookingCancelled, BookingConfirmed, BookingDeclined, RentalSettled
from votremachine.bookings.paying.following import on_confirmed, on_fallen_through
from votremachine.bookings.rules import CLAIM_WINDOW, State
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import decide, handover
from votremachine.bookings.service.book import book
from votremachine.demo.hours import Hours
from votremachine.demo.people import Cast
from votremachine.demo.reports import Reports
from votremachine.demo.world import DemoBlock, DemoBooking, DemoClaim, DemoTime, world
from votremachine.fleet.terms import BookingMode
from votremachine.infra.database import Tx
from votremachine.inspections.rules.report import Occasion
from votremachine.inspections.rules.signing import Side
from votremachine.invoicing.service.issuing import on_rental_settled
from votremachine.kernel.events import Event

# How many days ahead people book, and when they have a moment for it: some plan, some are late.
DAYS_AHEAD = (3, 7, 2, 11, 5, 9, 4)
FREE_MOMENTS = ("12:40", "20:15", "07:05", "21:30", "13:20")
# What came to nothing was planned earlier still, so that others could take the time afterwards.
EARLIER_PLANS = timedelta(days=14)
OWNER_DECIDES_AFTER = timedelta(minutes=90)
RENTER_CANCELS_AFTER = timedelta(days=2)

WHY_CANCELLED = "La pluie a tout décalé, nous n’en aurons pas besoin."
WHY_DECLINED = "Désolé, nous en avons besoin nous-mêmes ces jours-là."

OUT = {State.IN_USE, State.RETURNED, State.COMPLETED}
BACK = {State.RETURNED, State.COMPLETED}
# Nobody is told of the past, but the books have it: what was owed, and the invoices.
BOOKS: Mapping[type[Event], Callable[[Tx, Any], Awaitable[None]]] = {
    BookingConfirmed: on_confirmed,
    BookingDeclined: on_fallen_through,
    BookingCancelled: on_fallen_through,
    RentalSettled: on_rental_settled,
}


class Step(NamedTuple):
    """Something that somebody, or the clock, did at a moment."""

    at: datetime
    act: Callable[[Tx], Awaitable[object]]


class Diary:
    """Bookings and blocks of these machines by these people."""

    def __init__(self, hours: Hours, cast: Cast, machines: Mapping[str, UUID], reports: Reports) -> None:
        self._hours = hours
        self._cast = cast
        self._machines = machines
        self._reports = reports
        self._known = {one.key: one for one in world().machines}
        self._booked: dict[str, UUID] = {}

    async def live(self) -> None:
        """Everything, oldest first, each step under the rules of its hour."""
        steps = [self._block(one) for one in world().blocks]
        for number, one in enumerate(world().bookings):
            steps.extend(self._life(number, one))
        steps.extend(Step(self._moment(one.at), partial(self._claim, one)) for one in world().claims)
        for step in sorted(steps, key=lambda step: step.at):
            then = self._hours.at(step.at)
            await step.act(then)
            # What one fact brings about is told after it.
            for fact in then.past:
                if type(fact) in BOOKS:
                    await BOOKS[type(fact)](then, fact)

    def _life(self, number: int, one: DemoBooking) -> Iterator[Step]:
        made, state = self._made(number, one), one.end_state
        yield Step(made, partial(self._book, one))
        if state is State.CANCELLED:
            yield Step(made + RENTER_CANCELS_AFTER, partial(self._cancel, one))
        elif state is State.DECLINED:
            yield Step(made + OWNER_DECIDES_AFTER, partial(self._decline, one))
        elif state is not State.REQUESTED and self._on_request(one):
            yield Step(made + OWNER_DECIDES_AFTER, partial(self._accept, one))
        if state in OUT:
            yield Step(self._moment(one.start), partial(self._check_out, one))
        if state in BACK:
            yield Step(self._moment(one.returned), partial(self._check_in, one))
        if state is State.COMPLETED:
            yield Step(self._moment(one.returned) + CLAIM_WINDOW, handover.complete)

    def _made(self, number: int, one: DemoBooking) -> datetime:
        if one.end_state is State.REQUESTED:
            # Just now: the owner has a day to answer, and a visitor should find the request still alive.
            return self._hours.now
        day = min(one.start.day, 0) - DAYS_AHEAD[number % len(DAYS_AHEAD)]
        made = self._moment(DemoTime(day, FREE_MOMENTS[number % len(FREE_MOMENTS)]))
        return made - EARLIER_PLANS if one.end_state in {State.CANCELLED, State.DECLINED} else made

    def _block(self, one: DemoBlock) -> Step:
        noted = DemoTime(min(one.start.day, 0) - 1, "18:00")
        return Step(self._moment(noted), partial(self._keep, one))

    async def _book(self, one: DemoBooking, tx: Tx) -> None:
        asked = {
            "machine_ids": [self._machines[key] for key in one.machines],
            "start": self._moment(one.start),
            "end": self._moment(one.end),
            "renter_party_id": self._cast.parties[one.renter],
            "payment": "on_account",
        }
        view = await book(tx, self._cast.actor(one.by), msgspec.convert(asked, Book))
        self._booked[one.key] = view.id

    async def _accept(self, one: DemoBooking, tx: Tx) -> None:
        await decide.accept(tx, self._owner(one), self._booked[one.key])

    async def _decline(self, one: DemoBooking, tx: Tx) -> None:
        await decide.decline(tx, self._owner(one), self._booked[one.key], WHY_DECLINED)

    async def _cancel(self, one: DemoBooking, tx: Tx) -> None:
        await decide.cancel(tx, self._cast.actor(one.by), self._booked[one.key], WHY_CANCELLED)

    async def _check_out(self, one: DemoBooking, tx: Tx) -> None:
        if not await self._reported(one, Occasion.CHECK_OUT, tx):
            await handover.check_out(tx, self._owner(one), self._booked[one.key])

    async def _check_in(self, one: DemoBooking, tx: Tx) -> None:
        if not await self._reported(one, Occasion.CHECK_IN, tx):
            await handover.check_in(tx, self._owner(one), self._booked[one.key], None)

    async def _reported(self, one: DemoBooking, kind: Occasion, tx: Tx) -> bool:
        """Whether the machine changed hands by a condition report."""
        said = next((report for report in world().reports if (report.booking, report.kind) == (one.key, kind)), None)
        if said is None:
            return False
        sides = {Side.OWNER: self._owner(one), Side.RENTER: self._cast.actor(one.by)}
        await self._reports.sign(tx, said, self._booked[one.key], self._machines[one.machines[0]], sides)
        return True

    async def _claim(self, said: DemoClaim, tx: Tx) -> None:
        one = next(booking for booking in world().bookings if booking.key == said.booking)
        await self._reports.claim(tx, said, self._owner(one), self._booked[one.key])

    async def _keep(self, one: DemoBlock, tx: Tx) -> None:
        owner = self._cast.admin(self._known[one.machine].party)
        asked = {
            "start": self._moment(one.start),
            "end": self._moment(one.end),
            "kind": one.kind,
            "note": one.note,
        }
        await blocks.block(tx, owner, self._machines[one.machine], msgspec.convert(asked, BlockTime))

    def _moment(self, local: DemoTime) -> datetime:
        return local.seen_from(self._hours.today)

    def _owner(self, one: DemoBooking) -> Actor:
        return self._cast.admin(self._known[one.machines[0]].party)

    def _on_request(self, one: DemoBooking) -> bool:
        return any(self._known[key].booking_mode is BookingMode.ON_REQUEST for key in one.machines)
