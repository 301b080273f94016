"""Both sides, a mediator, the clock and several workers at a claim at once: one is heard, and money moves once."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from tests.cast import Cast, farmer, plant
from tests.damages.conftest import Yard
from tests.damages.conftest import tractor as tractor  # noqa: PLC0414 -- fixtures
from tests.damages.conftest import yard as yard  # noqa: PLC0414
from tests.deposits.conftest import HELD
from tests.people import Person, at
from tests.races.test_double_booking import CLIENTS, NO_BUFFERS
from votremachine.accounts.rules import Actor, StaffRole
from votremachine.bookings.schemas import Book
from votremachine.bookings.service import handover
from votremachine.bookings.service.book import book
from votremachine.config import Settings
from votremachine.damages.jobs import move_claims
from votremachine.damages.models import claims
from votremachine.damages.rules.claim import STANDARD_PATIENCE, Claim, ClaimOpenAlready
from votremachine.damages.rules.costs import Kind
from votremachine.damages.schemas import AskedLine, Contest, Decide, Offer, OpenClaim
from votremachine.damages.service import answering, mediating, opening, paying, settling, store, sweeping
from votremachine.deposits.events import DepositCaptured
from votremachine.infra.database import Database, Tx
from votremachine.infra.outbox import drain
from votremachine.infra.publishing import outbox
from votremachine.kernel.errors import DomainError
from votremachine.payments.orders import service as ordering
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.rules import PaymentOrder, PaymentUnderWay
from votremachine.worker import HANDLERS

MACHINES, WORKERS = 12, 4
ASKED, OFFERED = 60_000, 20_000
BACK = at(2, 1)
DUE = BACK + STANDARD_PATIENCE.answer
OVER = 25_000
A_MOMENT = timedelta(seconds=1)
# What who speaks is answered, besides the codes of refusals.
HEARD, BROKEN = "", "integrity"
# Where a claim went from each state that it was in: nobody leaves one twice.
FORKS = sa.text(
    """
    SELECT claim_id, from_state, array_agg(to_state ORDER BY id) AS to_states FROM claim_transitions
    WHERE from_state IS NOT NULL GROUP BY claim_id, from_state HAVING count(*) > 1
    """
)
ESCALATED = sa.text("SELECT count(*) AS steps FROM claim_transitions WHERE to_state = 'mediation' GROUP BY claim_id")
Verb = Callable[[Tx, Actor, UUID, int], Awaitable[Any]]
VERBS: dict[str, Verb] = {
    "accept": answering.accept,
    "agree": answering.agree,
    "contest": lambda tx, who, ref, at: answering.contest(tx, who, ref, at, Contest(reason="X")),
    "offer": lambda tx, who, ref, at: answering.offer(tx, who, ref, at, Offer(minor=OFFERED)),
    "withdraw": lambda tx, who, ref, at: answering.withdraw(tx, who, ref, at, ""),
    "escalate": lambda tx, who, ref, at: answering.escalate(tx, who, ref, at, ""),
    "decide": lambda tx, who, ref, at: mediating.decide(tx, who, ref, at, Decide(minor=OFFERED, reason="X")),
}


class Court:
    """Machines that came back broken all at once, and everybody who has a say; each verb by its own connection."""

    def __init__(self, url: str) -> None:
        self.now = at(1)
        self.many = Database(url, pool_size=CLIENTS, clock=lambda: self.now)
        # Whose clock is a moment ahead: for them the time to answer is over already.
        self.ahead = Database(url, pool_size=CLIENTS, clock=lambda: self.now + A_MOMENT)
        self.cast: Cast
        self.people: dict[str, Actor] = {}
        self.bookings: list[UUID] = []
        self.claims: list[UUID] = []

    async def open(self) -> None:
        async with self.many.begin() as tx:
            self.cast = await plant(tx, buffers=[NO_BUFFERS] * MACHINES)
            mediator = replace(await farmer(tx, "mediator"), seats={}, staff=StaffRole.MEDIATOR)
            self.people = {"owner": self.cast.owner, "renter": self.cast.renter, "mediator": mediator}
            for machine in self.cast.machines:
                wish = Book(machine_ids=[machine], start=at(2), end=at(3), payment="on_account")
                self.bookings.append((await book(tx, self.cast.renter, wish)).id)
        for when, step in ((at(2), self._leave), (BACK, self._return)):
            self.now = when
            async with self.many.begin() as tx:
                for booking_id in self.bookings:
                    await step(tx, booking_id)

    async def _leave(self, tx: Tx, booking_id: UUID) -> None:
        await handover.check_out(tx, self.cast.owner, booking_id)

    async def _return(self, tx: Tx, booking_id: UUID) -> None:
        await handover.check_in(tx, self.cast.owner, booking_id, None)

    async def claim(self, booking_id: UUID) -> Any:
        line = AskedLine(kind=Kind.REPAIR, what="X", net=ASKED)
        asked = OpenClaim(reason="X", lines=[line])
        return await self.many.run(lambda tx: opening.open_claim(tx, self.cast.owner, booking_id, asked))

    async def claimed(self) -> None:
        self.claims = [(await self.claim(booking_id)).id for booking_id in self.bookings]

    async def says(self, who: str, verb: str, claim_id: UUID, version: int, database: Database | None = None) -> str:
        """Why not, or nothing."""
        try:
            await (database or self.many).run(lambda tx: VERBS[verb](tx, self.people[who], claim_id, version))
        except DomainError as error:
            return error.code
        except IntegrityError:
            return BROKEN
        return HEARD

    async def all_say(self, version: int, *said: tuple[str, str]) -> None:
        for who, verb in said:
            answers = [await self.says(who, verb, claim_id, version) for claim_id in self.claims]
            assert not any(answers), answers
            version += 1

    async def at_once(self, version: int, *said: tuple[str, str], ahead: Sequence[str] = ()) -> list[Counter[str]]:
        """Everything said to every claim at the same moment; of each claim, the answers: nothing to who was heard."""
        answers = await asyncio.gather(
            *(
                self.says(who, verb, claim_id, version, self.ahead if verb in ahead else None)
                for claim_id in self.claims
                for who, verb in said
            )
        )
        of_each = [answers[place : place + len(said)] for place in range(0, len(answers), len(said))]
        return [Counter(one) for one in of_each]

    async def forks(self) -> list[Any]:
        async with self.many.read() as tx:
            return list(await tx.rows(FORKS))


@pytest.fixture
async def court(database: Database) -> AsyncIterator[Court]:
    made = Court(database.engine.url.render_as_string(hide_password=False))
    await made.open()
    yield made
    await made.many.close()
    await made.ahead.close()


@pytest.fixture
def look_together(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """The controls: from when it is called on, a claim is looked at without a lock, and nobody goes on before so many
    have seen it as it was.
    """

    def begin(eyes: int) -> None:
        looking: defaultdict[UUID, asyncio.Barrier] = defaultdict(lambda: asyncio.Barrier(eyes))

        async def look(tx: Tx, claim_id: UUID) -> Claim:
            claim = await store.load(tx, claim_id)
            async with asyncio.timeout(20):
                await looking[claim_id].wait()
            return claim

        monkeypatch.setattr(store, "load_locked", look)

    return begin


@pytest.fixture
def sweep_unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controls of sweeps: they look at claims without a lock."""
    due = claims.c.due_at <= sa.bindparam("now", type_=sa.DateTime(timezone=True))
    monkeypatch.setattr(sweeping, "_DUE", sa.select(claims).where(due).order_by(claims.c.due_at))


@pytest.fixture
async def unindexed(database: Database) -> AsyncIterator[None]:
    """The index of unfinished claims taken away, and put back afterwards."""
    asked = sa.text("SELECT indexdef FROM pg_indexes WHERE indexname = 'claims_unfinished_idx'")
    async with database.begin() as tx:
        definition = (await tx.execute(asked)).scalar_one()
        await tx.execute(sa.text("DROP INDEX claims_unfinished_idx"))
    yield
    async with database.begin() as tx:
        await tx.execute(sa.text("TRUNCATE claims CASCADE"))
        await tx.execute(sa.text(definition))


# What was said before, and what is said at once. The renter's two are two colleagues.
PAIRS = {
    "accept or withdraw": ((), (("renter", "accept"), ("owner", "withdraw"))),
    "contest or escalate": ((), (("renter", "contest"), ("owner", "escalate"))),
    "agree or offer": (
        (("renter", "contest"), ("owner", "offer")),
        (("renter", "agree"), ("renter", "offer")),
    ),
    "agree or withdraw": (
        (("renter", "contest"), ("owner", "offer")),
        (("renter", "agree"), ("owner", "withdraw")),
    ),
    "two decisions": ((("owner", "escalate"),), (("mediator", "decide"), ("mediator", "decide"))),
}


@pytest.mark.parametrize("pair", PAIRS)
async def test_of_two_who_speak_at_once_one_is_heard(pair: str, court: Court) -> None:
    before, at_once = PAIRS[pair]
    await court.claimed()
    await court.all_say(1, *before)
    heard = await court.at_once(1 + len(before), *at_once)
    assert [one[HEARD] for one in heard] == [1] * MACHINES
    assert not any(one[BROKEN] for one in heard), heard
    assert await court.forks() == []


@pytest.mark.parametrize("pair", PAIRS)
async def test_control_without_the_lock_both_are_heard(
    pair: str, court: Court, look_together: Callable[[int], None]
) -> None:
    before, at_once = PAIRS[pair]
    await court.claimed()
    await court.all_say(1, *before)
    # As many as there are connections: who has none would be waited for.
    del court.claims[CLIENTS // 2 :]
    look_together(2)
    heard = await court.at_once(1 + len(before), *at_once)
    # Where one was heard, the other would have left what cannot be: the database refuses that.
    assert all(one[HEARD] == 2 or one[BROKEN] for one in heard), heard


async def test_at_the_deadline_a_decision_and_a_withdrawal_are_one(court: Court) -> None:
    """The owner's clock says that there is time, the mediator's that there is none."""
    await court.claimed()
    court.now = DUE - A_MOMENT
    heard = await court.at_once(1, ("owner", "withdraw"), ("mediator", "decide"), ahead=["decide"])
    assert [one[HEARD] for one in heard] == [1] * MACHINES
    assert not any(one[BROKEN] for one in heard), heard
    assert await court.forks() == []


async def test_control_at_the_deadline_without_the_lock_both_count(
    court: Court, look_together: Callable[[int], None]
) -> None:
    await court.claimed()
    court.now = DUE - A_MOMENT
    look_together(2)
    heard = await court.at_once(1, ("owner", "withdraw"), ("mediator", "decide"), ahead=["decide"])
    # A fork, or the database refuses it: by who of the two writes first.
    assert all(one[HEARD] == 2 or one[BROKEN] for one in heard), heard


async def test_the_sweep_and_somebody_at_the_last_moment_are_one(court: Court) -> None:
    """The last moment for people is past for the worker."""
    await court.claimed()
    court.now = DUE - A_MOMENT
    worker = asyncio.create_task(move_claims({"database": court.ahead, "settings": Settings()}))
    answers = await asyncio.gather(*(court.says("owner", "withdraw", claim_id, 1) for claim_id in court.claims))
    await worker
    court.now = DUE
    await move_claims({"database": court.many, "settings": Settings()})
    assert await court.forks() == []
    async with court.many.read() as tx:
        states = [(await store.load(tx, claim_id)).state.value for claim_id in court.claims]
    heard = {HEARD: "withdrawn", "claim_changed": "mediation"}
    assert states == [heard[answer] for answer in answers]


@pytest.mark.usefixtures("sweep_unlocked")
async def test_control_a_sweep_that_does_not_lock_overrules_people(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    await court.claimed()
    court.now = DUE - A_MOMENT
    looked, said = asyncio.Event(), asyncio.Event()

    async def after_people(tx: Tx, claim: Claim, *patience: Any, **more: Any) -> None:
        looked.set()
        await said.wait()
        await answering.to_mediation(tx, claim, *patience, **more)

    monkeypatch.setattr(sweeping, "to_mediation", after_people)
    worker = asyncio.create_task(move_claims({"database": court.ahead, "settings": Settings()}))
    await looked.wait()
    answers = [await court.says("owner", "withdraw", claim_id, 1) for claim_id in court.claims]
    said.set()
    await worker
    assert not any(answers)
    assert len(await court.forks()) == MACHINES


async def sweep_all(court: Court) -> list[int]:
    """How often each claim was sent to mediation by several workers."""
    await court.claimed()
    court.now = DUE
    await asyncio.gather(*(move_claims({"database": court.many, "settings": Settings()}) for _ in range(WORKERS)))
    async with court.many.read() as tx:
        return [row.steps for row in await tx.rows(ESCALATED)]


async def test_many_sweeps_at_once_send_each_claim_to_mediation_once(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_DUE", sweeping._DUE.limit(2))
    assert await sweep_all(court) == [1] * MACHINES
    async with court.many.read() as tx:
        told = await tx.rows(sa.select(outbox.c.name).where(outbox.c.name == "ClaimEscalated"))
    assert len(told) == MACHINES


@pytest.mark.usefixtures("sweep_unlocked")
async def test_control_sweeps_that_do_not_lock_do_it_twice(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, went_on = asyncio.Barrier(WORKERS), set[Any]()

    async def together(tx: Tx, claim: Claim, *patience: Any, **more: Any) -> None:
        if (worker := asyncio.current_task()) not in went_on:
            went_on.add(worker)
            await looking.wait()
        await answering.to_mediation(tx, claim, *patience, **more)

    monkeypatch.setattr(sweeping, "to_mediation", together)
    assert await sweep_all(court) == [WORKERS] * MACHINES


async def open_twice(court: Court) -> list[list[bool]]:
    async def opens(booking_id: UUID) -> bool:
        try:
            await court.claim(booking_id)
        except ClaimOpenAlready:
            return False
        return True

    made = await asyncio.gather(*(opens(booking_id) for booking_id in court.bookings for _ in range(2)))
    return [sorted(made[place : place + 2]) for place in range(0, len(made), 2)]


async def test_an_owner_who_claims_twice_at_once_has_one_claim(court: Court) -> None:
    assert await open_twice(court) == [[False, True]] * MACHINES


@pytest.mark.usefixtures("unindexed")
async def test_control_without_the_index_there_are_two(court: Court) -> None:
    assert [True, True] in await open_twice(court)


async def captured(yard: Yard, renter: Person, tractor: str) -> DepositCaptured:
    """What the deposit gave for a claim, of which nobody has heard yet."""
    claim = await yard.claim(await yard.back(tractor), HELD + OVER)
    await yard.said(renter, claim, "accept")
    await carry_out_orders(yard.context)
    caught: list[DepositCaptured] = []

    async def catch(_: Tx, fact: DepositCaptured) -> None:
        caught.append(fact)

    for _ in range(2):  # the card's outcome, and what the deposit makes of it
        await drain(yard.database, {**HANDLERS, DepositCaptured: (catch,)})
    return caught[0]


async def told_to_many(yard: Yard, fact: DepositCaptured) -> tuple[list[Any], list[int]]:
    """The outcome for several workers who hear of it at once, and what was ordered of the renter's card."""
    hearing = [yard.database.run(lambda tx: settling.on_captured(tx, fact)) for _ in range(WORKERS)]
    outcomes = await asyncio.gather(*hearing, return_exceptions=True)
    async with yard.database.read() as tx:
        orders = await tx.rows(sa.text("SELECT minor FROM payment_orders WHERE purpose = 'damage'"))
    return outcomes, [row.minor for row in orders]


async def test_what_the_deposit_gave_is_heard_once_however_many_hear_it(
    yard: Yard, renter: Person, tractor: str
) -> None:
    fact = await captured(yard, renter, tractor)
    assert await told_to_many(yard, fact) == ([None] * WORKERS, [OVER])
    await yard.work()
    assert (await yard.books())["owner_payable"] == -(HELD + OVER)


async def test_control_without_the_lock_only_the_database_keeps_it_from_being_charged_twice(
    yard: Yard, renter: Person, tractor: str, look_together: Callable[[int], None]
) -> None:
    fact = await captured(yard, renter, tractor)
    look_together(WORKERS)
    outcomes, orders = await told_to_many(yard, fact)
    assert len(orders) > 1 or any(isinstance(one, IntegrityError) for one in outcomes), outcomes


async def owing(yard: Yard, renter: Person, tractor: str) -> tuple[Actor, UUID, list[UUID]]:
    """Somebody whose card declined what exceeds the deposit; the claim; and other cards of theirs."""
    claim = await yard.claim(await yard.back(tractor, "tok_declines_renewal"), HELD + OVER)
    await yard.said(renter, claim, "accept")
    await yard.work()
    found: list[Actor] = []

    async def note(_: Tx, who: Actor) -> None:
        found.append(who)

    await yard.does(renter, note)
    return found[0], UUID(claim["id"]), [UUID(await yard.card()) for _ in range(WORKERS)]


async def paid_at_once(yard: Yard, who: Actor, claim_id: UUID, cards: Sequence[UUID]) -> list[Any]:
    """What each of them hears who pay at once, by a card each."""
    pay = partial(paying.begin, who=who, claim_id=claim_id)
    outcomes = (yard.database.run(partial(pay, instrument_id=card)) for card in cards)
    return await asyncio.gather(*outcomes, return_exceptions=True)


async def test_what_is_owed_is_paid_by_one_card_however_many_pay_at_once(
    yard: Yard, renter: Person, tractor: str
) -> None:
    outcomes = await paid_at_once(yard, *await owing(yard, renter, tractor))
    assert Counter(type(one) for one in outcomes) == {PaymentOrder: 1, PaymentUnderWay: WORKERS - 1}


async def test_control_without_the_lock_only_the_database_keeps_it_from_being_paid_twice(
    yard: Yard, renter: Person, tractor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All have seen that no card is just paying before anybody goes on."""
    there = await owing(yard, renter, tractor)
    together, known = asyncio.Barrier(WORKERS), ordering.of_booking

    async def look(tx: Tx, booking_id: UUID) -> list[PaymentOrder]:
        found = await known(tx, booking_id)
        async with asyncio.timeout(20):
            await together.wait()
        return found

    monkeypatch.setattr(store, "load_locked", store.load)
    monkeypatch.setattr(ordering, "of_booking", look)
    outcomes = await paid_at_once(yard, *there)
    assert any(isinstance(one, IntegrityError) for one in outcomes), outcomes
