"""Whatever the order of bookings, moves, hand-overs and cancellations, and however late their facts are handed on:
what is planned is what a plain list says, and nothing is told about a booking that does not stand so.
"""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from tests.cast import Cast, farmer, plant
from tests.emptying import empty
from tests.notifications.oracle import Wants, wanted
from votremachine.accounts.rules import Actor, StaffRole
from votremachine.bookings.metering import service as metering
from votremachine.bookings.metering.schemas import TellUsage
from votremachine.bookings.paying import moving
from votremachine.bookings.rules import Booking, State, Wish, WishKind
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import decide, handover, reading
from votremachine.bookings.service.book import book
from votremachine.config import Settings
from votremachine.damages import schemas as claims
from votremachine.damages.rules.costs import Kind
from votremachine.damages.schemas import AskedLine, OpenClaim
from votremachine.damages.service import answering, mediating, opening, sweeping
from votremachine.deposits.service import ending, giving, holding
from votremachine.deposits.service import store as deposits
from votremachine.infra.database import Database
from votremachine.infra.outbox import drain
from votremachine.kernel.errors import DomainError
from votremachine.notifications.delivering.rules import LEASE
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service import telling
from votremachine.payments.instruments import service as instruments
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.rules.lines import WHOLE
from votremachine.pricing.rules.offer import Offer, OfferedMachine
from votremachine.pricing.rules.price import Extras
from votremachine.pricing.schemas import RateInput, SetRates
from votremachine.pricing.service.cards import set_rates
from votremachine.worker import PLANNED_BY, handlers

NONE = timedelta(0)
# Around a change of clocks, at noon.
BEGINNING = datetime(2027, 3, 26, 11, tzinfo=UTC)
MACHINES = 4
ASKING = 1  # whose owner asks for condition reports, of which nobody makes one here
METERED = 2  # the one that is charged by the hectare
SECURED = 3  # with a deposit
HECTARES = {Unit.HECTARE: 10 * WHOLE}
LIVE = "SELECT id FROM bookings WHERE state IN ('held', 'requested', 'confirmed', 'in_use') ORDER BY id"
BACK = "SELECT id FROM bookings WHERE state = 'returned' ORDER BY id"
# A booking begins and ends once, and may be called off at any moment: in proportion.
CLAIMS = sa.text(
    "SELECT DISTINCT ON (booking_id) c.*, (SELECT max(at) FROM claim_transitions t WHERE t.claim_id = c.id) AS since"
    " FROM claims c ORDER BY booking_id, created_at DESC"
)
DEPOSITS = sa.text(
    "SELECT d.*, (SELECT max(at) FROM deposit_transitions t WHERE t.deposit_id = d.id) AS since FROM deposits d"
)
# Those after which a booking is planned anew.
HEARD = sa.text("SELECT DISTINCT (body->>'booking_id')::uuid AS id FROM outbox WHERE name = ANY (:names)").bindparams(
    names=[event.__name__ for event in PLANNED_BY]
)
# What the renter's cards do: hold, hold for less long, refuse the second hold, refuse.
TOKENS = ("tok_visa", "tok_short_hold", "tok_declines_renewal", "tok_declines_renewal", "tok_declined")
MARGIN = timedelta(hours=24)
MEDIATORS = "UPDATE people SET staff = 'mediator' WHERE id = :id"
SECURE = "UPDATE machines SET deposit_minor = 50000 WHERE id = :id"
ON_ACCOUNT_TOO = "UPDATE parties SET members_give_deposits = true"
ANSWERS = ("accept", "contest", "contest", "offer", "offer", "agree", "withdraw", "escalate", "decide")
VERBS = (*("accept", "out") * 3, "accept", "decline", "cancel", "confirm", "out", "in", "move")


class Planning(RuleBasedStateMachine):
    """Drives the engine, its outbox and the gateway on a clock of its own."""

    database: Database
    loop: asyncio.AbstractEventLoop

    def begin(self) -> None:
        self.now = BEGINNING
        self.database.clock = lambda: self.now
        self.gateway = SimulatedGateway(self.database, lambda: self.now)
        self.cards: dict[str, UUID] = {}
        self.known: dict[UUID, dict[tuple[str, str, datetime], str]] = {}
        self.told: set[UUID] = set()
        self.cast: Cast = self.do(self._plant())

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def _plant(self) -> Cast:
        async with self.database.begin() as tx:
            await empty(tx)
        async with self.database.begin() as tx:
            cast = await plant(tx, buffers=[(NONE, NONE)] * MACHINES, on_request={1})
            asked = SetRates(rates=[RateInput(unit=Unit.HECTARE, minor=1_000)])
            self.card = (await set_rates(tx, cast.owner, cast.machines[METERED], asked)).id
            asks = sa.text("UPDATE machines SET asks = '{report}' WHERE id = :id")
            await tx.execute(asks, {"id": cast.machines[ASKING]})
            await tx.execute(sa.text(SECURE), {"id": cast.machines[SECURED]})
            await tx.execute(sa.text(ON_ACCOUNT_TOO))
            self.mediator: Actor = await farmer(tx, "mediator")
            await tx.execute(sa.text(MEDIATORS), {"id": self.mediator.person_id})
            self.mediator = replace(self.mediator, staff=StaffRole.MEDIATOR, seats={})
        return cast

    async def _verb(self, verb: Any, *given: Any, **named: Any) -> Any:
        """A verb that may be refused: that is the engine's business."""
        try:
            async with self.database.begin() as tx:
                return await verb(tx, *given, **named)
        except DomainError:
            return None

    @rule(
        machine=st.integers(0, MACHINES - 1),
        ahead=st.integers(3, 120),
        hours=st.integers(3, 60),
        payment=st.sampled_from([None, "on_account", "on_account"]),
    )
    def book(self, machine: int, ahead: int, hours: int, payment: Any) -> None:
        start = self.now.replace(minute=0, second=0) + timedelta(hours=ahead)
        asked = Book(
            machine_ids=[self.cast.machines[machine]], start=start, end=start + timedelta(hours=hours), payment=payment
        )
        offer = self._offer(asked) if machine == METERED else None
        if made := self.do(self._verb(book, self.cast.renter, asked, offer)):
            self.known[made.id] = {}

    def _offer(self, asked: Book) -> Offer:
        """Ten hectares at 10 €, and VAT."""
        (party,), (machine,) = self.cast.renter.seats, asked.machine_ids
        expected = (OfferedMachine(machine, self.card, Extras(use=HECTARES)),)
        return Offer(party, asked.start, asked.end, expected, 0, 12_000, self.now)

    @precondition(lambda self: self.known)
    @rule(
        which=st.integers(0, 20),
        what=st.sampled_from(VERBS),
        hours=st.integers(2, 90),
    )
    def act(self, which: int, what: str, hours: int) -> None:
        live = [row.id for row in self.do(self._rows(LIVE))]
        if not live:
            return
        booking_id = live[which % len(live)]
        owner, renter = self.cast.owner, self.cast.renter
        plain: dict[str, tuple[Any, ...]] = {
            "accept": (decide.accept, owner, booking_id),
            "decline": (decide.decline, owner, booking_id, ""),
            "cancel": (decide.cancel, renter, booking_id, ""),
            "confirm": (decide.confirm_on_account, renter, booking_id),
            "in": (handover.check_in, owner, booking_id, None),
        }
        if what in plain:
            self.do(self._verb(*plain[what]))
        elif what == "out":
            self._collect(booking_id)
        else:
            self._move(booking_id, hours)

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 20), by_owner=st.booleans())
    def tell_usage(self, which: int, by_owner: bool) -> None:
        back = [row.id for row in self.do(self._rows(BACK))]
        if not back:
            return
        who = self.cast.owner if by_owner else self.cast.renter
        used = TellUsage(used={self.cast.machines[METERED]: {Unit.HECTARE: 9}})
        if self.do(self._verb(metering.propose, who, back[which % len(back)], used)):
            self.told.add(back[which % len(back)])

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 20))
    def claim(self, which: int) -> None:
        """Damage is claimed, as long as that may be."""
        if back := [row.id for row in self.do(self._rows(BACK))]:
            asked = OpenClaim(reason="X", lines=[AskedLine(kind=Kind.REPAIR, what="X", net=50_000)])
            self.do(self._verb(opening.open_claim, self.cast.owner, back[which % len(back)], asked))

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 20), what=st.sampled_from(ANSWERS), by_owner=st.booleans())
    def answer(self, which: int, what: str, by_owner: bool) -> None:
        open_ones = [row for row in self.do(self._ask(CLAIMS)) if row.state != "settled"]
        if not open_ones:
            return
        one = open_ones[which % len(open_ones)]
        who, ref = (self.cast.owner if by_owner else self.cast.renter), (one.id, one.version)
        verbs: dict[str, tuple[Any, ...]] = {
            "accept": (answering.accept, self.cast.renter, *ref),
            "contest": (answering.contest, self.cast.renter, *ref, claims.Contest(reason="X", minor=10_000)),
            "offer": (answering.offer, who, *ref, claims.Offer(minor=20_000)),
            "agree": (answering.agree, who, *ref),
            "withdraw": (answering.withdraw, self.cast.owner, *ref, ""),
            "escalate": (answering.escalate, who, *ref, ""),
            "decide": (mediating.decide, self.mediator, *ref, claims.Decide(minor=30_000, reason="X")),
        }
        self.do(self._verb(*verbs[what]))

    @rule()
    def silence(self) -> None:
        self.do(self._verb(sweeping.move))

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 20), refused=st.booleans())
    def secure(self, which: int, refused: bool) -> None:
        """The card refuses the deposit, or the owner does without one."""
        waiting = [row for row in self.do(self._ask(DEPOSITS)) if row.state in {"required", "failed"}]
        if waiting:
            booking_id = waiting[which % len(waiting)].booking_id
            self.do(self._refuse(booking_id) if refused else self._verb(ending.waive, self.cast.owner, booking_id, "X"))

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 20), token=st.sampled_from(TOKENS))
    def give(self, which: int, token: str) -> None:
        """The renter gives a card for a deposit: kept until a day before the start, or asked at once."""
        if found := [row.booking_id for row in self.do(self._ask(DEPOSITS))]:
            self.do(self._give(found[which % len(found)], token))

    async def _give(self, booking_id: UUID, token: str) -> None:
        renter, (party,) = self.cast.renter, self.cast.renter.seats
        if token not in self.cards:
            saved = await self.gateway.save(uuid4(), token, "")
            self.cards[token] = (await self._verb(instruments.keep, renter, party, "simulated", saved)).id
        longest = self.gateway.capabilities.longest_hold
        card = self.cards[token]
        order = await self._verb(giving.begin, renter, booking_id, card, longest_hold=longest, margin=MARGIN)
        if order is not None:
            await self._verb(giving.end, renter, booking_id, order, await carry_out(self.gateway, order))

    @precondition(lambda self: self.known)
    @rule()
    def keep(self) -> None:
        """The sweep of deposits looks at each once, the gateway is asked, and each step's facts are handed on."""
        self.hear()
        self.do(self.gateway.lapse())
        self.do(self._verb(holding.keep, self.gateway.capabilities.longest_hold, MARGIN))
        self.hear()
        self.do(carry_out_orders({"database": self.database, "gateway": self.gateway}))
        self.hear()

    async def _refuse(self, booking_id: UUID) -> None:
        async with self.database.begin() as tx:
            await holding.refused(tx, await deposits.of_booking_locked(tx, booking_id), "declined")

    def _move(self, booking_id: UUID, hours: int) -> None:
        one = self.do(self._verb(reading.load, booking_id))
        start = self.now.replace(minute=0, second=0) + timedelta(hours=hours)
        wish = Wish(WishKind.RESCHEDULE, one.version, start + (one.during.end - one.during.start), start)
        self.do(self._verb(moving.begin, self.cast.renter, booking_id, wish, None))

    def _collect(self, booking_id: UUID) -> None:
        """Nobody waits for days here to see a machine leave."""
        one = self.do(self._verb(reading.load, booking_id))
        self.now = max(self.now, one.during.start - timedelta(hours=1))
        self.do(self._verb(handover.check_out, self.cast.owner, booking_id))

    @rule()
    def hear(self) -> None:
        """Facts are handed on, of all that happened since; each booking is planned as it stands now."""
        heard = set()
        # Some facts have others follow.
        while True:
            heard |= {row.id for row in self.do(self._ask(HEARD))}
            if not self.do(drain(self.database, handlers(Moments()))):
                break
        for booking_id in heard & self.known.keys():
            self._plan(booking_id)

    def _plan(self, booking_id: UUID) -> None:
        one = self.do(self._verb(reading.load, booking_id))
        keys = self._wants(one)
        mine = self.known[booking_id]
        for key, state in list(mine.items()):
            if state == "planned" and key[2] > self.now and key not in keys:
                mine[key] = "dropped"
        for key in keys:
            if key[2] > self.now and mine.get(key) in {None, "dropped"}:
                mine[key] = "planned"

    def _wants(self, one: Booking) -> Wants:
        claim, deposit = (
            next((row._mapping for row in self.do(self._ask(question)) if row.booking_id == one.id), None)
            for question in (CLAIMS, DEPOSITS)
        )
        if claim and claim["state"] in {"open", "contested"} and claim["due_at"] <= self.now:
            claim = {**claim, "state": "silent"}
        return wanted(one, self.told, self.cast.machines[ASKING], claim, deposit)

    @rule(minutes=st.sampled_from([5, 20, 90, 600, 1500, 4 * 1440]))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def expire(self) -> None:
        self.do(self._verb(decide.expire))

    @rule()
    def sweep(self) -> None:
        """What is due is told if it still holds, and dropped if not; whoever heard of what."""
        self.do(self._sweep())
        again = set()
        for booking_id, mine in self.known.items():
            one = self.do(self._verb(reading.load, booking_id))
            wants = self._wants(one)
            stands = one.expires_at is None or self.now < one.expires_at
            for key, state in list(mine.items()):
                kind, side, at = key
                if state != "planned" or at > self.now:
                    continue
                late = {"return_due": one.during.end}.get(kind, one.during.start)
                too_late = kind in {"booking_tomorrow", "hand_over_soon", "return_due"} and late <= self.now
                # Nobody began a report: its owner is to.
                too_late |= kind.endswith("report_missing") and side == "renter"
                too_late |= kind == "deposit_failed" and one.state is State.CONFIRMED and one.during.start <= self.now
                too_late |= kind == "deposit_lapsing" and self._lapses(booking_id) <= self.now
                if kind == "claim_window_ending":
                    too_late = one.returned_at is not None and one.returned_at + timedelta(hours=48) <= self.now
                mine[key] = "told" if stands and not too_late and key in wants else "dropped"
                if mine[key] == "dropped":
                    again.add(booking_id)
        for booking_id in again:
            self._plan(booking_id)

    def _lapses(self, booking_id: UUID) -> datetime:
        ends = [row.capture_before for row in self.do(self._ask(DEPOSITS)) if row.booking_id == booking_id]
        return ends[0] if ends and ends[0] else self.now

    async def _sweep(self) -> None:
        async with self.database.begin() as tx:
            ids, lease = await telling.DUE.lease(tx, 1000, LEASE)
        async with self.database.begin() as tx:
            await telling.tell(tx, ids, lease, Moments())

    async def _rows(self, statement: str) -> Any:
        return await self._ask(sa.text(statement))

    async def _ask(self, question: sa.TextClause) -> Any:
        async with self.database.read() as tx:
            return await tx.rows(question)

    @invariant()
    def what_is_planned_is_what_the_list_says(self) -> None:
        if not hasattr(self, "known"):
            return
        # What is invoiced has reminders of its own: test_invoices.py.
        of_bookings = "WHERE subject IN (SELECT id FROM bookings)"
        rows = self.do(self._rows(f"SELECT subject, kind, person_id, due_at, state FROM reminders {of_bookings}"))
        side = {self.cast.owner.person_id: "owner", self.cast.renter.person_id: "renter"}
        side[self.mediator.person_id] = "mediator"
        found = {(row.subject, row.kind, side[row.person_id], row.due_at): row.state for row in rows}
        expected = {(booking_id, *key): state for booking_id, mine in self.known.items() for key, state in mine.items()}
        assert found == expected


class Busy(Planning):
    """As it is played in any order: something is booked from the start."""

    @initialize(
        booked=st.lists(
            st.tuples(st.integers(0, MACHINES - 1), st.integers(3, 40), st.booleans()), min_size=3, max_size=5
        )
    )
    def begin_busy(self, booked: list[tuple[int, int, bool]]) -> None:
        self.begin()
        for place, (machine, ahead, on_account) in enumerate(booked):
            self.book(machine, ahead + 24 * place, 10, "on_account" if on_account else None)


def test_any_order_of_things(settings: Settings) -> None:
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    try:
        run_state_machine_as_test(
            Busy,
            settings=hypothesis_settings(
                max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()


def test_who_is_late_hears_of_it_again_until_the_machine_is_back(settings: Settings) -> None:
    """One straight walk through what the machine above meets now and then."""
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    walk = Planning()
    try:
        walk.begin()
        walk.book(0, 24, 10, "on_account")
        (booking_id,) = walk.known
        walk.act(0, "out", 2)
        walk.hear()
        for minutes in (10 * 60, 91, 4 * 60):
            walk.pass_time(minutes)
            walk.sweep()
            walk.what_is_planned_is_what_the_list_says()
        walk.act(0, "in", 2)
        walk.hear()
        walk.what_is_planned_is_what_the_list_says()
        found = sorted((kind, state) for (kind, _, _), state in walk.known[booking_id].items())
        assert found == [
            ("claim_window_ending", "planned"),
            *[("overdue", "told")] * 4,
            *[("overdue_escalated", "dropped")] * 2,
            ("return_due", "told"),
        ]
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()


def test_who_brought_back_metered_work_is_asked_how_much_until_somebody_says(settings: Settings) -> None:
    """The same of what is told after the return: the first evening is heard of, the last hours are not."""
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    walk = Planning()
    try:
        walk.begin()
        walk.book(METERED, 24, 10, "on_account")
        (booking_id,) = walk.known
        walk.act(0, "out", 2)
        walk.act(0, "in", 2)
        walk.hear()
        walk.pass_time(10 * 60)
        walk.sweep()
        walk.what_is_planned_is_what_the_list_says()
        walk.tell_usage(0, by_owner=True)
        walk.pass_time(2 * 24 * 60)
        walk.sweep()  # before the fact is handed on: it is looked at again
        walk.what_is_planned_is_what_the_list_says()
        usage = [(state, side) for (kind, side, _), state in walk.known[booking_id].items() if kind == "usage_missing"]
        assert sorted(usage) == [("dropped", "owner"), ("dropped", "renter"), ("told", "owner"), ("told", "renter")]
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()


def test_each_side_of_a_claim_is_reminded_in_its_turn_and_a_mediator_in_the_end(settings: Settings) -> None:
    """And a straight walk through a claim: the renter's turn, the owner's, and silence."""
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    walk = Planning()
    seen: list[set[tuple[str, str, str]]] = []

    def look(minutes: int = 0) -> None:
        walk.pass_time(minutes)
        walk.silence()
        for _ in range(2):
            walk.hear()
            walk.sweep()
            walk.what_is_planned_is_what_the_list_says()
        (mine,) = walk.known.values()
        seen.append({(kind, side, state) for (kind, side, _), state in mine.items() if kind.startswith("claim")})

    try:
        walk.begin()
        walk.book(0, 24, 10, "on_account")
        for what in ("out", "in"):
            walk.act(0, what, 2)
        look()
        walk.claim(0)
        look()
        look(49 * 60)
        walk.answer(0, "contest", by_owner=False)
        look()
        look(49 * 60)
        look(23 * 60 + 1)
        for _ in range(3):
            look(25 * 60)
        walk.answer(0, "decide", by_owner=False)
        look()
        look(4 * 25 * 60)
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()
    window, answer, decision = "claim_window_ending", "claim_answer_due", "claim_undecided"
    news = [sorted(after - before) for before, after in zip([set(), *seen], seen, strict=False)]
    assert news == [
        [(window, "owner", "planned")],
        [(answer, "renter", "planned"), (window, "owner", "dropped")],
        [(answer, "renter", "told")],
        [(answer, "owner", "planned"), (answer, "renter", "dropped")],
        [(answer, "owner", "told")],
        [(answer, "owner", "dropped"), (decision, "mediator", "planned")],
        [],
        [],
        [(decision, "mediator", "told")],
        [(decision, "mediator", "dropped")],
        [],
    ]


def test_a_hold_that_is_not_renewed_is_told_of_until_it_lapses_and_then_until_it_is_mended(settings: Settings) -> None:
    """And a straight walk through the life of a deposit, at the gateway: held, its renewal refused, lapsed, mended."""
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    walk = Planning()
    seen: list[set[tuple[str, str]]] = []

    def look(minutes: int = 0) -> None:
        walk.pass_time(minutes)
        walk.keep()
        walk.sweep()
        walk.what_is_planned_is_what_the_list_says()
        (mine,) = walk.known.values()
        seen.append({(kind, state) for (kind, _, _), state in mine.items() if kind.startswith("deposit")})

    try:
        walk.begin()
        walk.book(SECURED, 12, 20 * 24, "on_account")
        walk.give(0, "tok_declines_renewal")
        look()
        walk.act(0, "out", 2)
        look()
        (held,) = walk.do(walk._ask(DEPOSITS))
        assert held.state == "authorised"
        walk.now = held.capture_before - timedelta(hours=23)
        look()
        walk.now = held.capture_before - timedelta(hours=2)
        look()
        walk.now = held.capture_before
        look()
        look(5 * 60)
        walk.give(0, "tok_visa")
        look()
        look(25 * 60)
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()
    lapsing, lapsed = "deposit_lapsing", "deposit_lapsed"
    news = [sorted(after - before) for before, after in zip([set(), *seen], seen, strict=False)]
    assert news == [
        [],
        [],
        [(lapsing, "planned")],
        [(lapsing, "told")],
        [(lapsed, "planned")],
        [(lapsed, "told")],
        [(lapsed, "dropped")],
        [],
    ]


def test_a_card_that_refuses_the_deposit_is_told_of_until_it_is_mended(settings: Settings) -> None:
    loop = asyncio.new_event_loop()
    Planning.loop, Planning.database = loop, Database(settings.database_url, 2)
    walk = Planning()
    try:
        walk.begin()
        walk.book(SECURED, 24, 10, "on_account")
        walk.secure(0, refused=True)
        walk.hear()
        (mine,) = walk.known.values()
        for minutes in (12 * 60, 60):
            walk.pass_time(minutes)
            walk.sweep()
            walk.what_is_planned_is_what_the_list_says()
        states = [(side, state) for (kind, side, _), state in sorted(mine.items()) if kind == "deposit_failed"]
        assert states == [("owner", "told"), ("owner", "planned"), ("renter", "told"), ("renter", "planned")]
        walk.secure(0, refused=False)
        walk.pass_time(9 * 60)
        walk.sweep()
        walk.what_is_planned_is_what_the_list_says()
        assert {state for (kind, *_), state in mine.items() if kind == "deposit_failed"} == {"told", "dropped"}
    finally:
        loop.run_until_complete(Planning.database.close())
        loop.close()
