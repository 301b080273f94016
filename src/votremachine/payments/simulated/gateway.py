"""The gateway that plays: the port, over tables of its own and in transactions of its own."""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from votremachine.infra.database import Clock, Database, DatabaseAway, RunAgain, Tx
from votremachine.kernel.ids import uuid7
from votremachine.payments.card_numbers import refuse_card_numbers
from votremachine.payments.gateway import (
    Capabilities,
    Movement,
    NotAtGateway,
    Order,
    OutcomeUnknown,
    SavedInstrument,
    Standing,
)
from votremachine.payments.simulated import beginning, posting, rules, store
from votremachine.payments.simulated.cards import CARDS, Silence
from votremachine.payments.simulated.models import instruments, orders
from votremachine.payments.simulated.rules import Instrument, Kind, SimulatedOrder

PAGE = 500
_FIRST_KEY = UUID(int=0)

Answer = TypeVar("Answer")


class SimulatedGateway:
    """Charges nobody. `clock` is where its time comes from, the database's if not said otherwise.

    It plays an outside world, so it never takes part in a caller's transaction.
    """

    name = "simulated"
    capabilities = Capabilities(longest_hold=timedelta(days=30), partial_capture=True, multi_capture=False)

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or database.clock

    async def charge(self, order: Order) -> Movement:
        return await self._begin(order, Kind.CHARGE)

    async def hold(self, order: Order) -> Movement:
        return await self._begin(order, Kind.HOLD)

    async def save(self, key: UUID, token: str, customer: str) -> SavedInstrument:
        refuse_card_numbers(token, customer)
        return rules.told(await self._run(lambda tx, now: _save(tx, now, key, token, customer)))

    async def look_up_saved(self, reference: str) -> SavedInstrument | None:
        found = await self._run(lambda tx, _: store.instrument_of(tx, instruments.c.reference == reference))
        return None if found is None else rules.told(found)

    async def capture(self, reference: str, minor: int, key: UUID, *, final: bool) -> Movement:
        asked = ("capture", reference, minor, final)
        return await self._follow(key, asked, lambda order: rules.captured(order, minor), "captured")

    async def release(self, reference: str, key: UUID) -> Movement:
        return await self._follow(key, ("release", reference), rules.released, "released")

    async def refund(self, reference: str, minor: int, key: UUID) -> Movement:
        asked = ("refund", reference, minor)
        return await self._follow(key, asked, lambda order: rules.refunded(order, minor), "refunded")

    async def look_up(self, key: UUID) -> Movement | None:
        found = await self._run(lambda tx, now: store.order_of(tx, now, orders.c.key == key))
        return None if found is None else rules.movement(found)

    async def movements(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        after = (since, _FIRST_KEY)
        while True:
            page = await self._run(partial(_page, after=after, until=until))
            for _, order in page:
                yield rules.movement(order)
            if len(page) < PAGE:
                return
            after = (page[-1][0], page[-1][1].key)

    async def authenticate(self, client_secret: str, *, ok: bool) -> None:
        """Play the cardholder, who proves who they are or fails to. Raises `NotAtGateway` when nobody was asked to."""
        await self._run(lambda tx, now: _authenticate(tx, now, client_secret, ok))

    async def lapse(self) -> int:
        """Let go of the holds whose time is over, and tell; how many there were. They count for nothing before."""
        return await self._run(_lapse)

    async def _begin(self, asked: Order, kind: Kind) -> Movement:
        refuse_card_numbers(asked.instrument, asked.customer, asked.description, asked.destination)
        made, heard = await self._begun(asked, kind)
        if made is None or not heard:
            raise OutcomeUnknown("no answer")
        return rules.movement(made)

    async def _follow(
        self, key: UUID, asked: tuple[object, ...], change: Callable[[SimulatedOrder], SimulatedOrder], what: str
    ) -> Movement:
        async def verb(tx: Tx, now: datetime) -> SimulatedOrder:
            _, done = await store.claim(tx, key, now, *asked)
            order = await store.order_by_reference(tx, now, str(asked[1]))
            if done:
                return order
            changed = change(order)
            await store.keep_order(tx, changed)
            await store.carried_out(tx, key)
            if changed != order:
                await posting.tell_order(tx, now, changed, (what,))
            return changed

        return rules.movement(await self._run(verb))

    async def _begun(self, asked: Order, kind: Kind) -> tuple[SimulatedOrder | None, bool]:
        """As `_run` for what needs no transaction: each of its statements stands by itself."""
        try:
            while True:
                with suppress(RunAgain):
                    return await _begin(self._database, self._clock(), asked, kind)
        except (DatabaseAway, DBAPIError) as error:
            raise OutcomeUnknown("the simulated gateway's database does not answer") from error

    async def _run(self, verb: Callable[[Tx, datetime], Awaitable[Answer]]) -> Answer:
        try:
            return await self._database.run(lambda tx: verb(tx, self._clock()))
        except (DatabaseAway, DBAPIError) as error:
            raise OutcomeUnknown("the simulated gateway's database does not answer") from error


async def _begin(database: Database, now: datetime, asked: Order, kind: Kind) -> tuple[SimulatedOrder | None, bool]:
    """The order, None if it was not carried out, and whether its answer arrives."""
    content = store.digest(kind, asked)
    known = await beginning.known(database, asked.key, content, asked.instrument)
    if known.carried_out:
        async with database.begin() as tx:
            return await store.order_of(tx, now, orders.c.key == asked.key), True
    if asked.amount.minor < 1:
        raise NotAtGateway(f"{asked.amount.minor} is no amount")
    kept = _usable(known.card, asked)
    if known.first and kept.card.silence is Silence.BEFORE:
        await beginning.note(database, asked.key, content, now)
        return None, False
    order = SimulatedOrder(
        key=asked.key,
        reference=_name("order"),
        kind=kind,
        instrument=asked.instrument,
        token=kept.token,
        minor=asked.amount.minor,
        currency=asked.amount.currency,
        standing=Standing.REQUIRES_ACTION,
        client_secret=_name("secret"),
    )
    order = rules.begun(order, off_session=asked.off_session, held_before=known.held_before, now=now)
    letters = posting.letters(_ids(database.clock()), now, order, ("created", order.standing.value))
    more = {"destination": asked.destination, "description": asked.description}
    if not await beginning.keep(database, order, content, now, letters, **more):
        raise RunAgain
    return order, not (known.first and kept.card.silence is Silence.AFTER)


async def _page(
    tx: Tx, now: datetime, after: tuple[datetime, UUID], until: datetime
) -> Sequence[tuple[datetime, SimulatedOrder]]:
    return await store.orders_since(tx, now, after, until, PAGE)


def _usable(card: Instrument | None, asked: Order) -> Instrument:
    """The card that is to pay. Raises `NotAtGateway` unless it was saved, by this customer."""
    if card is None or card.standing is not Standing.SUCCEEDED or card.customer != asked.customer:
        raise NotAtGateway("this customer has no such card")
    return card


async def _save(tx: Tx, now: datetime, key: UUID, token: str, customer: str) -> Instrument:
    _, done = await store.claim(tx, key, now, "save", token, customer)
    kept = await store.instrument_of(tx, instruments.c.key == key) if done else None
    if kept is not None:
        return kept
    if token not in CARDS:
        raise NotAtGateway("there is no such token")
    if customer and not await store.knows_customer(tx, customer):
        raise NotAtGateway("there is no such customer")
    instrument = Instrument(
        key=key,
        reference=_name("saving"),
        instrument=_name("card"),
        customer=customer or _name("customer"),
        token=token,
        standing=Standing.REQUIRES_ACTION,
        refusal=None,
        client_secret=_name("secret"),
    )
    instrument = rules.saved(instrument)
    await store.add_instrument(tx, instrument, now)
    await store.carried_out(tx, key)
    await posting.tell_instrument(tx, now, instrument, ("created", instrument.standing.value))
    return instrument


async def _authenticate(tx: Tx, now: datetime, client_secret: str, ok: bool) -> None:
    order = await store.order_of(tx, now, orders.c.client_secret == client_secret)
    if order is not None and order.standing is Standing.REQUIRES_ACTION:
        order = rules.proved(order, ok, now)
        await store.keep_order(tx, order)
        await posting.tell_order(tx, now, order, (order.standing.value,))
        return
    kept = await store.instrument_of(tx, instruments.c.client_secret == client_secret)
    if kept is None or kept.standing is not Standing.REQUIRES_ACTION:
        raise NotAtGateway("nobody is asked to prove who they are")
    kept = rules.shown(kept, ok)
    await store.keep_instrument(tx, kept)
    await posting.tell_instrument(tx, now, kept, (kept.standing.value,))


async def _lapse(tx: Tx, now: datetime) -> int:
    over = await store.lapsed(tx, now)
    for order in over:
        await store.keep_order(tx, order)
        await posting.tell_order(tx, now, order, ("lapsed",))
    return len(over)


def _ids(made_at: datetime) -> Callable[[], UUID]:
    """Ids that sort as they are made, as a transaction makes them."""
    numbers = count(1)
    return lambda: uuid7(made_at, ((next(numbers) << 62) | int.from_bytes(os.urandom(7))).to_bytes(10))


def _name(of: str) -> str:
    return f"sim_{of}_{secrets.token_hex(12)}"
