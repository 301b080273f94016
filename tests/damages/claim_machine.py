"""Both sides, a mediator, silence, the clock and a bad line, in any order: every claim ends, and its money adds up."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from msgspec.structs import replace

from tests.bookings.paying.money import books
from tests.bookings.paying.money.lossy import Loss
from tests.bookings.paying.money.playing import A_MOMENT
from tests.bookings.paying.money.stage import START, SWEEPS, Moment, Stage
from tests.cast import farmer
from votremachine.accounts.rules import Actor, StaffRole
from votremachine.bookings.paying import service as paying
from votremachine.bookings.paying.service import Begun
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import handover
from votremachine.bookings.service.book import book
from votremachine.config import Settings
from votremachine.damages.jobs import move_claims
from votremachine.damages.rules.claim import ENDED, STANDARD_PATIENCE, Claim, State
from votremachine.damages.rules.costs import Kind
from votremachine.damages.schemas import AskedLine, Contest, Decide, Offer, OpenClaim
from votremachine.damages.service import answering, mediating, opening, store
from votremachine.damages.service import paying as owing
from votremachine.infra.database import Tx
from votremachine.kernel.errors import DomainError
from votremachine.kernel.errors import Kind as ErrorKind
from votremachine.payments.ledger.proof import prove
from votremachine.payments.orders.carrying import carry_out
from votremachine.payments.orders.rules import PaymentOrder

HOUR = timedelta(hours=1)
WINDOW = timedelta(hours=48)
MINOR = st.integers(1, 90_000) | st.sampled_from([10_000, 50_000, 80_000])  # 50,000 are held
VERBS = ["accept", "contest", "contest", "offer", "agree", "agree", "agree", "withdraw", "escalate", "decide"]
CARDS = ["tok_visa", "tok_short_hold", "tok_declines_renewal", "tok_timeout_before", "tok_timeout_after"]
_SETTLED = sa.text(
    """
    SELECT c.*, d.held, d.captured, d.released AS given_back,
        (SELECT coalesce(sum(g.captured - g.refunded), 0) FROM payment_orders p JOIN simulated_orders g ON g.key = p.id
         WHERE p.subject_id = c.id AND p.purpose = 'damage') AS charged,
        (SELECT coalesce(sum(p.minor), 0) FROM payables p WHERE p.booking_id = c.booking_id AND p.id <> c.booking_id
         AND (p.id = c.id OR p.id IN (SELECT id FROM payment_orders WHERE subject_id = c.id))) AS payable
    FROM claims c LEFT JOIN deposits d ON d.captured_for = c.id
    """
)
# A deposit that lapsed, and of which one side's people were not told.
_UNTOLD = sa.text(
    """
    SELECT d.booking_id FROM deposits d WHERE 2 * (
        SELECT count(*) FROM deposit_transitions t WHERE t.deposit_id = d.id AND t.to_state = 'lapsed'
    ) <> (SELECT count(*) FROM messages m WHERE m.booking_id = d.booking_id AND m.kind = 'DepositLapsed')
    """
)


@dataclass
class Said:
    """A claim as the test knows it: the oracle."""

    asked: int
    state: str = "open"
    turn: str = "renter"
    due: datetime = START
    offers: dict[str, int] = field(default_factory=dict)
    awarded: int | None = None


@dataclass(frozen=True)
class Back:
    """A rental by one card whose machine has just come back."""

    booking: UUID
    moment: Moment
    mediator: Actor


class ClaimMachine(RuleBasedStateMachine):
    """One rental that came back; claims about it, one after the other."""

    stage: ClassVar[Stage]
    seen: ClassVar[set[str]]
    # By card: rented once, and gone back to each time.
    rented: ClassVar[dict[str, Back]]

    @initialize(token=st.sampled_from(CARDS), minor=MINOR, cares=st.booleans())
    def the_machine_comes_back(self, token: str, minor: int, cares: bool = True) -> None:
        self.somebody_decides = cares
        if token not in self.rented:
            self.stage.reset()
            self.rented[token] = self.stage.run(_rented(self.stage, token))
        back = self.rented[token]
        self.stage.reset(back.moment)
        self.booking, self.returned = back.booking, self.stage.now
        self.people = {
            "owner": self.stage.owner,
            "renter": self.stage.renters[0].who,
            "mediator": replace(back.mediator, seats={}, staff=StaffRole.MEDIATOR),
        }
        self.claims: dict[UUID, Said] = {}
        self.open_claim(minor, "owner")

    def do(self, verb: Callable[[Tx], Awaitable[Any]]) -> Any:
        """The verb's answer, None where it is refused. It takes its time."""
        self.stage.now += A_MOMENT
        try:
            return self.stage.run(self.stage.database.run(verb))
        except DomainError as error:
            if error.kind is ErrorKind.FAULT:
                raise
            self.seen.add("refused")
            return None

    @property
    def current(self) -> tuple[UUID, Said]:
        return list(self.claims.items())[-1]

    @rule(minor=MINOR, who=st.sampled_from(["owner", "owner", "renter"]))
    def open_claim(self, minor: int, who: str) -> None:
        asked = OpenClaim(reason="X", lines=[AskedLine(kind=Kind.REPAIR, what="X", net=minor)])
        free = not self.claims or self._now(self.current[1]) in {"withdrawn", "settled", "unresolved"} | {
            "accepted",
            "agreed",
            "decided",
        }
        made = self.do(lambda tx: opening.open_claim(tx, self.people[who], self.booking, asked))
        may = who == "owner" and self.stage.now < self.returned + WINDOW
        assert not made or (may and free)
        if made:
            self.claims[made.id] = Said(minor, due=self.stage.now + STANDARD_PATIENCE.answer)

    @precondition(lambda self: bool(self.claims))
    @rule(data=st.data(), minor=MINOR)
    def say(self, data: st.DataObject, minor: int) -> None:
        """Mostly what somebody may say just now, now and then anything of anybody's: it is not taken."""
        said = self.current[1]
        minor = min(minor, said.asked + 1)
        anything = [(who, verb) for who in self.people for verb in VERBS]
        right = [one for one in anything if self._may(said, *one, minor)]
        mostly = st.sampled_from(right or anything)
        who, verb = data.draw(mostly | mostly | mostly | st.sampled_from(anything))
        self.speak(who, verb, minor)

    def speak(self, who: str, verb: str, minor: int = 1) -> None:
        """It is taken if, and only if, it is theirs to say."""
        ref, said = self.current
        may = self._may(said, who, verb, minor)
        answer = self.do(self._verb(ref, who, verb, minor))
        assert (answer is not None) == may, (who, verb, said)
        if may:
            self._note(said, who, verb, minor)

    @precondition(lambda self: bool(self.claims))
    @rule(data=st.data(), minor=MINOR)
    def answer(self, data: st.DataObject, minor: int) -> None:
        """Again: people talk more than anything else happens."""
        self.say(data, minor)

    def _verb(self, ref: UUID, who: str, verb: str, minor: int) -> Callable[[Tx], Awaitable[Any]]:
        actor = self.people[who]

        async def saying(tx: Tx) -> Any:
            at = (await store.load(tx, ref)).version
            saying = {
                "accept": lambda: answering.accept(tx, actor, ref, at),
                "contest": lambda: answering.contest(tx, actor, ref, at, Contest(reason="X", minor=minor)),
                "offer": lambda: answering.offer(tx, actor, ref, at, Offer(minor=minor)),
                "agree": lambda: answering.agree(tx, actor, ref, at),
                "withdraw": lambda: answering.withdraw(tx, actor, ref, at, ""),
                "escalate": lambda: answering.escalate(tx, actor, ref, at, ""),
                "decide": lambda: mediating.decide(tx, actor, ref, at, Decide(minor=minor, reason="X")),
            }
            return await saying[verb]()

        return saying

    def _now(self, said: Said) -> str:
        late = said.state in {"open", "contested"} and self.stage.now >= said.due
        return "mediation" if late else said.state

    def _may(self, said: Said, who: str, verb: str, minor: int) -> bool:
        state, small = self._now(said), minor <= said.asked
        return {
            "accept": who == "renter" and state == "open",
            "contest": who == "renter" and state == "open" and small,
            "offer": state == "contested" and who == said.turn and small,
            "agree": state == "contested" and who == said.turn and (who == "renter" or "renter" in said.offers),
            "withdraw": who == "owner" and state in {"open", "contested"},
            "escalate": who != "mediator" and state in {"open", "contested"},
            "decide": who == "mediator" and state == "mediation" and small,
        }[verb]

    def _note(self, said: Said, who: str, verb: str, minor: int) -> None:
        other = {"owner": "renter", "renter": "owner"}.get(who, "")
        match verb:
            case "contest" | "offer":
                said.state, said.turn, said.due = "contested", other, self.stage.now + STANDARD_PATIENCE.answer
                said.offers[who] = minor
            case "accept":
                said.state, said.awarded = "accepted", said.asked
            case "agree":
                said.state, said.awarded = "agreed", said.offers.get(other, said.asked)
            case "decide":
                said.state, said.awarded = "decided", minor
            case "withdraw":
                said.state = "withdrawn"
            case "escalate":
                said.state, said.due = "mediation", self.stage.now
        self.seen.add(said.state)

    @precondition(lambda self: bool(self.claims))
    @rule(token=st.sampled_from(["tok_visa", "tok_declined", "tok_timeout_after"]), crash=st.booleans())
    def pay(self, token: str, crash: bool) -> None:
        """What is owed, by another card; perhaps nobody is there any more when the gateway answers."""
        ref, renter = self.current[0], self.stage.renters[0]
        card = renter.cards[token]
        order = self.do(lambda tx: owing.begin(tx, renter.who, ref, card))
        if isinstance(order, PaymentOrder) and not crash:
            outcome = self.stage.run(carry_out(self.stage.gateway, order))
            self.do(lambda tx: owing.end(tx, ref, order, outcome))

    @rule(minutes=st.integers(1, 5))
    def minutes_pass(self, minutes: int) -> None:
        self.stage.now += timedelta(minutes=minutes)

    @rule(hours=st.sampled_from([1, 5, 23, 73, 24 * 8]))
    def time_passes(self, hours: int) -> None:
        """Long ones too: nobody says that the worker was alive meanwhile."""
        self.stage.now += hours * HOUR

    @rule(name=st.sampled_from(["drain_outbox", "carry_out_orders", "keep_deposits", "complete_returned", "claims"]))
    def one_sweep(self, name: str) -> None:
        sweep = self._move() if name == "claims" else SWEEPS[name](self.stage)
        self.stage.run(sweep)

    @rule()
    def the_worker_works(self) -> None:
        self.stage.run(self._work())

    @rule()
    def the_worker_dies(self) -> None:
        """After the gateway heard of its orders, and before it wrote down what it said."""
        self.stage.run(self.stage.die_at_work())
        self.stage.now += timedelta(minutes=2)

    @rule(losses=st.lists(st.sampled_from(Loss), min_size=1, max_size=4))
    def the_line_is_bad(self, losses: list[Loss]) -> None:
        self.stage.gateway.losses = losses

    @invariant()
    def nothing_is_broken(self) -> None:
        if not hasattr(self, "claims"):
            return
        broken = self.stage.run(self.stage.read(books.broken))
        assert not broken, broken
        for ref, said in self.claims.items():
            claim = self.stage.run(self._load(ref))
            if claim.state is State.UNRESOLVED and said.state != "unresolved":
                self._nobody_decided(said)
            told = {said.state, "settled"} if said.awarded is not None else {said.state, self._now(said)}
            assert claim.state in told, (claim, said)
            assert claim.awarded == said.awarded, (claim, said)
            if claim.state is State.MEDIATION and said.state != "mediation":
                said.state = "mediation"
                self.seen.add("silence")

    def _nobody_decided(self, said: Said) -> None:
        """Nobody loses a claim by the clock alone before it was in mediation for so long."""
        assert self._now(said) == "mediation", said
        assert self.stage.now >= said.due + STANDARD_PATIENCE.decision + STANDARD_PATIENCE.staff
        said.state = "unresolved"
        self.seen.add("unresolved")

    def teardown(self) -> None:
        # What failed already is what shall be told.
        if sys.exc_info()[0] is None and hasattr(self, "claims"):
            self.stage.run(self._conclude())

    async def _load(self, ref: UUID) -> Claim:
        async with self.stage.database.read() as tx:
            return await store.load(tx, ref)

    async def _move(self) -> int:
        return await move_claims({"database": self.stage.database, "settings": Settings()})

    async def _work(self) -> None:
        await self._move()
        await self.stage.work()

    async def _conclude(self) -> None:
        """Nobody speaks any more but a mediator, and only in the end, or not even one: time passes until nothing is
        left to do.
        """
        stage, mediator = self.stage, self.people["mediator"]
        for _ in range(3):
            await self._work()
            stage.now += 37 * HOUR
        await self._work()
        for ref, said in self.claims.items():
            claim = await self._load(ref)
            if claim.state not in ENDED and claim.awarded is None:
                assert claim.state is State.MEDIATION, "silence goes to a mediator"
                if not self.somebody_decides:
                    await self._wait(ref)
                    self._nobody_decided(said)
                    continue
                minor = said.asked
                async with stage.database.begin() as tx:
                    await mediating.decide(tx, mediator, ref, claim.version, Decide(minor=minor, reason="X"))
                said.awarded = minor
                self.seen.update(["decided"] if said.state == "mediation" else ["decided", "silence"])
        await stage.settle()
        left = await stage.read(books.left)
        assert not left, left
        assert not await stage.rows(_UNTOLD)
        proof = await prove(stage.database, stage.gateway, START - timedelta(days=9), stage.now)
        assert not proof.differences, proof.differences
        await self._judge()

    async def _wait(self, ref: UUID) -> None:
        """The clock takes a claim on until it has ended; whoever keeps deposits alive works meanwhile."""
        while (claim := await self._load(ref)).state is State.MEDIATION:
            assert claim.due_at is not None, "it waits for nothing"
            self.stage.now = min(self.stage.now + 24 * HOUR, max(self.stage.now + HOUR, claim.due_at))
            await self._work()

    async def _judge(self) -> None:
        rows = await self.stage.rows(_SETTLED)
        assert {row.id for row in rows} == set(self.claims)
        for row in rows:
            said = self.claims[row.id]
            assert State(row.state) in ENDED
            assert row.awarded == said.awarded
            if row.awarded is None:
                continue
            assert row.awarded == row.from_deposit + row.from_renter
            assert (row.captured or 0) == row.from_deposit
            assert (row.captured or 0) + (row.given_back or 0) == (row.held or 0)
            assert row.charged == row.paid <= row.from_renter
            assert row.payable == row.from_deposit + row.paid, "the owner is paid what came in"
            happened = {
                "from the deposit": row.from_deposit > 0,
                "from the renter": row.from_renter > 0,
                "paid": row.paid > 0,
                "owed": row.paid < row.from_renter,
            }
            self.seen.update(what for what, so in happened.items() if so)
        assert sum(row.from_deposit or 0 for row in rows) == sum(row.captured or 0 for row in rows)
        owed = sum((row.from_renter or 0) - row.paid for row in rows)
        found = (await self.stage.read(books.booked))[self.booking]
        assert found.ledger.get("renter", 0) == owed, found


async def _rented(stage: Stage, token: str) -> Back:
    async with stage.database.begin() as tx:
        mediator = await farmer(tx, "mediator")
    start = stage.now + 2 * HOUR
    asked = Book(machine_ids=[stage.machines[0]], start=start, end=start + 24 * HOUR)
    renter = stage.renters[0]
    booking = (await stage.database.run(lambda tx: book(tx, renter.who, asked))).id
    begun = await stage.database.run(lambda tx: paying.begin(tx, renter.who, booking, renter.cards[token]))
    assert isinstance(begun, Begun)
    outcome = await carry_out(stage.gateway, begun.order)
    await stage.database.run(lambda tx: paying.end(tx, renter.who, begun, outcome))
    for _ in range(8):
        stage.now += timedelta(minutes=2)
        await stage.work()
    stage.now = start
    await stage.database.run(lambda tx: handover.check_out(tx, stage.owner, booking))
    stage.now += HOUR
    await stage.database.run(lambda tx: handover.check_in(tx, stage.owner, booking, None))
    return Back(booking, await stage.moment(), mediator)
